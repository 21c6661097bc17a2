"""Mutants of a specification: each has exactly one thing changed; what a suite notices of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loan_pilots import PROCESS

from workbench.cases import MutantKind, mutants_of
from workbench.cases.mutants import GONE, edited, extremes, nudged, numeric_limits
from workbench.pilot import Process, content_of, open_pilot, read_process
from workbench.words import InputError

ROOT = Path(__file__).resolve().parents[1]


def process(**changes: Any) -> Process:
    return Process.model_validate({**PROCESS, **changes})


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a document with its path; list elements are named by their id."""
    if isinstance(content, dict):
        for key, one in content.items():
            yield from leaves(one, f"{path}.{key}")
    elif isinstance(content, list):
        for n, one in enumerate(content):
            yield from leaves(one, f"{path}[{one.get('id', n) if isinstance(one, dict) else n}]")
    else:
        yield path, content


def test_the_mutants_of_ten_rules_are_counted_by_hand() -> None:
    # 10 numbers in rules and one exception, 3 in the table: 13 limits; 10 rules; 2 facts
    counts = Counter(mutant.kind for mutant in mutants_of(process()))
    assert counts == {
        MutantKind.LIMIT_UP: 13,
        MutantKind.LIMIT_DOWN: 13,
        MutantKind.RULE_DROPPED: 10,
        MutantKind.DECISION: 10,
        MutantKind.FACT_DEAF: 2,
    }


def test_the_mutants_of_the_shipped_policy_are_165() -> None:
    shipped = read_process(open_pilot("invoice_matching", ROOT))
    assert shipped is not None
    counts = Counter(mutant.kind for mutant in mutants_of(shipped))
    assert [counts[kind] for kind in MutantKind] == [51, 51, 27, 27, 9]
    assert len({mutant.id for mutant in mutants_of(shipped)}) == 165


def test_each_mutant_changes_one_thing_and_nothing_else() -> None:
    content = content_of(process())
    before = json.dumps(content)
    original = dict(leaves(content))
    for mutant in mutants_of(process()):
        changed = dict(leaves(edited(content, mutant.path, mutant.value)))
        differing = {key for key in original.keys() | changed.keys() if original.get(key) != changed.get(key)}
        name = mutant.about.partition(":")[2].split(".")[0]
        assert differing, mutant.id
        assert all(name in key for key in differing), mutant.id
        if mutant.kind in {MutantKind.LIMIT_UP, MutantKind.LIMIT_DOWN, MutantKind.DECISION}:
            assert len(differing) == 1, mutant.id
    assert json.dumps(content) == before


def test_limits_move_by_a_tenth_without_the_dust_of_floating_point() -> None:
    values = {mutant.id: mutant.value for mutant in mutants_of(process())}
    assert (values["limit:most.car@+10%"], values["limit:most.car@-10%"]) == (44_000.0, 36_000.0)
    assert values["limit:debts.guarantor.up_to_pct@+10%"] == 66.0
    words = {mutant.id: mutant.words for mutant in mutants_of(process())}
    assert words["limit:most.car@+10%"] == "most.car is 44000 instead of 40000"


def test_a_limit_of_zero_moves_by_one() -> None:
    values = {mutant.id: mutant.value for mutant in mutants_of(process(most={"car": 0}))}
    assert (values["limit:most.car@+1"], values["limit:most.car@-1"]) == (1.0, -1.0)


def test_each_decision_changes_to_the_next_one() -> None:
    values = {mutant.about: mutant.value for mutant in mutants_of(process()) if mutant.kind is MutantKind.DECISION}
    assert (values["rule:minor"], values["rule:term"]) == ("refer", "approve")


def test_far_and_near_mutants_of_a_limit() -> None:
    (limit,) = [one for one in numeric_limits(process()) if one.name == "most.car"]
    assert [one.value for one in extremes(limit)] == [0.0, 40_000_000.0]
    assert [one.value for one in nudged(limit)] == pytest.approx([39_999.9996, 40_000.0004], rel=0, abs=1e-9)


def test_an_edit_shares_what_it_does_not_change() -> None:
    content = {"a": {"x": 1}, "b": [{"y": 2}, {"y": 3}]}
    made = edited(content, ("b", 1, "y"), 4)
    assert made == {"a": {"x": 1}, "b": [{"y": 2}, {"y": 4}]}
    assert made["a"] is content["a"]
    assert made["b"][0] is content["b"][0]
    assert edited(content, ("b", 0), GONE) == {"a": {"x": 1}, "b": [{"y": 3}]}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"limits": ["least"]}, "a table of limits is not there"),
        ({"most": {"car": "a lot"}}, "something else than a number"),
        ({"most": {"car": True}}, "something else than a number"),
        ({"decisions": {"reject": "Decline."}}, "has two decisions at least"),
    ],
)
def test_a_specification_that_cannot_be_changed_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        mutants_of(process(**changes))
