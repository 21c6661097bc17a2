"""Figures of test cases: what their titles say, and what is drawn."""

from __future__ import annotations

import pandas as pd
from case_pilots import PROCESS, case

from workbench.cases import Case, coverage_table, matrix_of
from workbench.pages import figures
from workbench.pilot import Process


def title(figure) -> str:
    return " ".join(figure.get_suptitle().split())


def test_cases_are_drawn_by_class_and_only_confirmed_ones_count() -> None:
    rows = [("common", True, True, True), ("common", True, True, False), ("edge", False, True, True)]
    cases = pd.DataFrame([*rows, ("edge", True, False, False)], columns=["class", "confirmed", "judged", "passed"])
    figure = figures.cases_by_class(cases)
    assert title(figure) == "1 of 2 (50.0%) of the confirmed test cases are passed"
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "passed", "failed", "only proposed", "not judged"
    ]  # fmt: skip
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    assert widths == [1, 0, 1, 0, 0, 1, 0, 1]


def test_what_no_case_covers_is_black() -> None:
    process = Process.model_validate(PROCESS)
    one = Case.model_validate(case("c", covers=["rule:heavy@at", "target:quality"]))
    figure = figures.coverage_matrix(matrix_of(coverage_table(process, [one], {})))
    assert title(figure) == "2 of 12 (16.7%) parts of the process have a confirmed test case"
    counts = [text.get_text() for text in figure.axes[0].texts]
    assert (counts.count("1"), counts.count("0")) == (2, 10)
    drawn = [patch.get_facecolor()[0] for patch in figure.axes[0].patches]
    assert sum(shade < 0.3 for shade in drawn) == 10


def test_a_long_matrix_shows_what_lacks_most() -> None:
    matrix = pd.DataFrame({"holds": [1.0] * 70 + [0.0] * 30}, index=[f"rule r{i}" for i in range(100)])
    names = [label.get_text() for label in figures.coverage_matrix(matrix).axes[0].get_yticklabels()]
    assert len(names) == 60
    assert set(names) >= {f"rule r{i}" for i in range(70, 100)}


def test_mutants_are_drawn_by_kind_without_those_that_nothing_can_tell_apart() -> None:
    mutants = pd.DataFrame(
        {"kind": ["limit", "limit", "rule", "rule"], "noticed_by": ["c", None, "c", None]},
    ).assign(state=["noticed", "survived", "noticed", "equivalent"])
    figure = figures.mutants_by_kind(mutants)
    assert title(figure) == "The cases notice 2 of 3 (66.7%) mutants of the policy"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["limit: 1 of 2", "rule: 1 of 1"]


def test_nothing_to_show_is_said() -> None:
    empty = pd.DataFrame(
        {name: [] for name in ("class", "confirmed", "judged", "passed", "kind", "noticed_by", "state")}
    )
    assert title(figures.cases_by_class(empty)) == "There are no test cases"
    assert title(figures.mutants_by_kind(empty)) == "The specification was not mutated"
    assert title(figures.coverage_matrix(pd.DataFrame())) == "The process names nothing to cover"
