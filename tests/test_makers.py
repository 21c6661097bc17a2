"""Any maker of evidence: its criterion at a gate, its exhibit in a bundle, verified, and found where it is stale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from evidence_cases import LATER, Case, case, evaluation, failed, outcomes, resigned

from workbench.evaluation.repeats.maker import _answer
from workbench.evaluation.repeats.passing import estimates_of, mean_of_shares, shares_of
from workbench.evidence import MAKERS, Exhibit, MadeBy, Maker, maker, maker_of, makers, of_one_version
from workbench.evidence.registry import maker_by
from workbench.gates.schema import known_checks
from workbench.gates.verified import verify_bundle
from workbench.metrics import Estimate, State
from workbench.notebooks import packaged_notebook
from workbench.words import InputError, percent

FOLDER = "exhibits/repeats"
STEADY = {"id": "steady", "metric": "pass^2", "operator": ">=", "target": 0.5, "confidence_level": 0.9}
GATES = {"gates": {1: LATER, 2: {"title": "Steady?", "criteria": [STEADY]}, 3: LATER}}


def answers(right_twice: int, of: int = 20) -> pd.DataFrame:
    """Return records asked twice, so many of them right both times and the others once."""
    second = ["refund" if i < right_twice else "=other" for i in range(of)]
    names = [f"-R{i}" for i in range(of)]
    return pd.DataFrame({"record_id": names, "label": "refund", "answer_1": "refund", "answer_2": second}, dtype=object)


def repeats(table: pd.DataFrame, **changes: Any) -> Exhibit:
    """Return the exhibit of the version that the case judges."""
    version, estimates = str(evaluation(outcomes())["agent_digest"]), estimates_of(table)
    made = MadeBy(who="Ann", commit=None, time="2026-11-30T00:00:00+00:00")
    facts = {"agent": "A", "times": 2, "temperature": 0.7, "runs": ["r1", "r2"]}
    about = {"records": "records", "agent": version}
    exhibit = Exhibit("repeats", "tickets", about, made, _answer("A", estimates), estimates, facts=facts)
    return replace(exhibit, tables={"answers": table}, **changes)


def asked(root: Path, table: pd.DataFrame) -> Case:
    """Return a case whose gate asks for repeats."""
    kpis = [{"id": f"kpi-{name}", "kpi": name, "no_waiver": True} for name in ("right", "sure")]
    gates = {"gates": {1: LATER, 2: {"title": "Steady?", "criteria": [*kpis, STEADY]}, 3: LATER}}
    return case(root, gates=gates, more={"repeats": repeats(table)})


@pytest.mark.parametrize(
    ("right_twice", "state"), [(20, State.PASS), (16, State.PASS), (11, State.UNPROVEN), (2, State.FAIL)]
)
def test_its_estimate_is_held_against_a_target_by_the_rule_of_all(
    tmp_path: Path, right_twice: int, state: State
) -> None:
    made = asked(tmp_path, answers(right_twice))
    result = next(one for one in made.decision.results if one.criterion.id == "steady")
    assert (result.state, result.estimate.n) == (state, 20)  # type: ignore[union-attr]
    assert result.criterion.charged_level is None, "no label of the holdout is looked at"
    assert result.reason.startswith(percent(right_twice / 20))


def test_one_sided_bounds_are_those_of_a_two_sided_interval_of_twice_the_error() -> None:
    shares = shares_of(answers(13))["pass^2"]
    one, two = mean_of_shares(shares, 0.95, one_sided=True), mean_of_shares(shares, 0.9)
    assert (one.lower, one.upper) == (two.lower, two.upper)
    assert one.method == "Clopper-Pearson on records, conservative for shares, one-sided 95%"


def test_without_an_exhibit_it_is_unproven_with_what_would_make_it(tmp_path: Path) -> None:
    made = case(tmp_path, gates=GATES)
    result = next(one for one in made.decision.results if one.criterion.id == "steady")
    assert (result.state, result.reason, result.would_change) == (
        State.UNPROVEN, "not asked again", "ask the agent again"
    )  # fmt: skip


def test_its_bundle_verifies_and_its_numbers_are_counted_again(tmp_path: Path) -> None:
    made = asked(tmp_path, answers(16))
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    found = verify_bundle(bundle, pinned)
    assert found.ok
    assert "in 2 exhibits" in next(one.detail for one in found.checks if one.name == "recomputed")
    assert "the repeated answers on development records" in found.not_recomputed


def _better(said: dict[str, Any]) -> None:
    said["estimates"]["pass^2"]["value"] = 0.95


def _praise(said: dict[str, Any]) -> None:
    said["answer"] = "A is right all 2 times on 100.0% of 20 development records."


def _other_version(said: dict[str, Any]) -> None:
    said["about"]["agent"] = "0" * 64


def _other_records(said: dict[str, Any]) -> None:
    said["about"]["records"] = "others"


def _one_estimate_less(said: dict[str, Any]) -> None:
    del said["estimates"]["agreement"]


@pytest.mark.parametrize(
    ("change", "checks"),
    [
        (_better, ["recomputed"]),
        (_praise, ["recomputed"]),
        (_one_estimate_less, ["recomputed"]),
        (_other_version, ["identity", "verdict"]),
        (_other_records, ["identity"]),
    ],
)
def test_what_an_insider_writes_into_it_is_found(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], checks: list[str]
) -> None:
    made = asked(tmp_path, answers(16))
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    said = json.loads((bundle / FOLDER / "exhibit.json").read_text(encoding="utf-8"))
    change(said)
    again = resigned(bundle, made, {f"{FOLDER}/exhibit.json": json.dumps(said).encode()})
    assert failed(again, pinned) == checks


def test_answers_that_became_right_are_found_even_with_their_digest(tmp_path: Path) -> None:
    made = asked(tmp_path, answers(16))
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    said = json.loads((bundle / FOLDER / "exhibit.json").read_text(encoding="utf-8"))
    table = (bundle / FOLDER / "answers.csv").read_bytes().replace(b"'=other", b"refund")
    said["tables"]["answers"]["sha256"] = hashlib.sha256(table).hexdigest()
    files = {f"{FOLDER}/exhibit.json": json.dumps(said).encode(), f"{FOLDER}/answers.csv": table}
    assert failed(resigned(bundle, made, files), pinned) == ["recomputed", "verdict"]


def test_an_exhibit_of_another_version_than_the_judged_one_does_not_count(tmp_path: Path) -> None:
    made = asked(tmp_path, answers(16))
    judged = made.facts.exhibits["evaluation"]
    other = repeats(answers(16), about={"records": "records", "agent": "0" * 64})
    found = of_one_version({"audit": "none", "evaluation": judged, "repeats": other}, made.pilot)
    assert found["repeats"] == "the last repeat was of another version (of A); workbench repeat tickets --agent NAME"
    assert found["evaluation"] is judged
    same = of_one_version({"evaluation": judged, "repeats": repeats(answers(16))}, made.pilot)
    assert isinstance(same["repeats"], Exhibit)


def test_the_registry_is_all_that_knows_the_makers() -> None:
    assert [one.name for one in makers()] == list(MAKERS)
    for one in makers():
        assert maker(one.name) is one
        assert all(maker_of(metric) is one for metric in one.metrics), "a metric has one maker"
        assert packaged_notebook(one.notebooks[0]).is_file()
        assert all(maker_by(notebook) is one for notebook in one.notebooks)
        assert {check.needs for check in one.checks} <= {one.name, ""}
    ids = [check.id for one in makers() for check in one.checks]
    assert len(set(ids)) == len(ids)
    assert set(ids) < set(known_checks())


def test_what_no_maker_has_is_one_message() -> None:
    with pytest.raises(
        InputError, match=r"no maker of evidence 'nothing'(.|\n)*audit, evaluation, before_opening, repeats"
    ):
        maker("nothing")
    with pytest.raises(InputError, match="no maker of evidence has an estimate 'beauty'"):
        maker_of("beauty")


def test_a_maker_of_others_comes_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        name, value = "theirs", "test_makers:THEIRS"

    monkeypatch.setattr("workbench.evidence.registry.entry_points", lambda **_: [Entry()])
    maker.cache_clear()
    makers.cache_clear()
    try:
        assert maker("theirs") is THEIRS
        assert [one.name for one in makers()] == [*MAKERS, "theirs"]
    finally:
        maker.cache_clear()
        makers.cache_clear()


class Theirs(Maker):
    """A maker that is not of this package."""

    name, title, question, how, notebooks, command = "theirs", "their test", "Is it theirs?", "ask", (), "theirs"

    def estimate(self, *_: object) -> Estimate:
        return Estimate.proportion(1, 1)


THEIRS = Theirs()
