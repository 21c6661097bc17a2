"""What of a process specification cases cover; what is missing is named."""

from __future__ import annotations

from typing import Any

import pytest
from case_pilots import PROCESS, case

from workbench.cases import Case, coverage_table, matrix_of, missing_tokens, needed_tokens
from workbench.pilot import Process

SMALL = Process.model_validate(PROCESS)
NEEDED = [
    "rule:complaint@holds", "exception:complaint/settled@used", "exception:complaint/settled@claimed",
    "rule:heavy@below", "rule:heavy@at", "rule:heavy@above", "rule:late@holds", "rule:blocked@holds",
    "target:quality", "target:warehouse", "target:purchasing", "fact:complaint",
]  # fmt: skip


def covering(*covers: str, **facts: Any) -> Case:
    return Case.model_validate(case("c", covers=covers, **facts))


def test_each_rule_exception_target_and_fact_needs_a_case() -> None:
    assert [one.token for one in needed_tokens(SMALL)] == NEEDED
    assert missing_tokens(coverage_table(SMALL, [], {})) == NEEDED
    assert missing_tokens(coverage_table(SMALL, [covering(*NEEDED)], {})) == []


def test_a_case_above_a_limit_is_one_where_the_rule_holds() -> None:
    process = Process.model_validate({**PROCESS, "limits": ["weights"], "weights": {"kg": 10}})
    table = coverage_table(process, [covering("rule:late@above", "rule:heavy@above")], {})
    assert table.set_index("token").loc[["rule:late@holds", "rule:heavy@above"], "cases"].tolist() == [1, 1]


def test_what_is_excluded_is_not_missing_and_keeps_its_reason() -> None:
    table = coverage_table(SMALL, [covering(*NEEDED[1:])], {NEEDED[0]: "cannot happen here"})
    assert missing_tokens(table) == []
    assert table.set_index("token").loc[NEEDED[0], ["cases", "excluded"]].tolist() == [0, "cannot happen here"]


def test_pairs_of_rules_are_shown_as_far_as_they_are_covered() -> None:
    table = coverage_table(SMALL, [covering("precedence:heavy>late"), covering("precedence:heavy>late")], {})
    pairs = table[table["group"] == "precedence"]
    assert pairs[["item", "cases"]].to_numpy().tolist() == [["heavy>late", 2]]


@pytest.mark.parametrize("first", [0, 7, 20])
def test_ten_rules_deleted_from_a_suite_are_all_named(first: int) -> None:
    rules = [{"id": f"r{i}", "decision": "escalate", "parameters": {"above": i} if i % 2 else {}} for i in range(30)]
    process = Process.model_validate({"rules": rules})
    suite = [covering(one.token) for one in needed_tokens(process)]
    deleted = {f"r{i}" for i in range(first, first + 10)}
    left = [one for one in suite if one.covers[0].partition(":")[2].partition("@")[0] not in deleted]
    named = missing_tokens(coverage_table(process, left, {}))
    assert {token.partition(":")[2].partition("@")[0] for token in named} == deleted
    assert len(named) == 20, "five with three sides, five with one"


def test_what_is_excluded_is_no_gap_in_the_matrix() -> None:
    matrix = matrix_of(coverage_table(SMALL, [], {"rule:late@holds": "not here", "rule:heavy@at": "nor there"}))
    assert "rule late" not in matrix.index
    assert matrix.loc["rule heavy"].dropna().to_dict() == {"below": 0, "above": 0}


def test_the_matrix_has_a_row_for_each_part_and_a_column_for_each_aspect() -> None:
    matrix = matrix_of(coverage_table(SMALL, [covering("rule:heavy@at"), covering("rule:heavy@at")], {}))
    assert list(matrix.columns) == ["below", "at", "above", "holds", "used", "claimed"]
    assert matrix.loc["rule heavy"].dropna().to_dict() == {"below": 0, "at": 2, "above": 0}
    assert matrix.loc["exception complaint/settled"].dropna().to_dict() == {"used": 0, "claimed": 0}
