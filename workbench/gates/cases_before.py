"""Test cases as they were before they were designed: decided holdout records with a class.

Bundles of that time hold no exhibit of cases; their criterion `test_cases` is decided again as it was then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import pandas as pd
from pydantic import Field

from workbench.evaluation import Judged, judged_of, not_judged
from workbench.evidence import Answer, Facts, unproven
from workbench.files import Settings, read_settings
from workbench.metrics import State, is_asked
from workbench.pilot import cell_text, suite_paths
from workbench.pilot.charter import Cell
from workbench.records import cells_in
from workbench.words import InputError

TEST_CASES, CASES = "test_cases", "cases"  # the check, and the exhibit that it rests on since
AT_LEAST, EACH = 200, 1  # what a criterion asked for that gave no counts
Class = Literal["common", "edge", "error"]
CLASSES = get_args(Class)


class Selection(Settings):
    """Records that were test cases of one class: by their ids, or all whose columns have the named values."""

    case_class: Class = Field(alias="class")
    records: tuple[str, ...] = ()
    where: dict[str, Cell] = Field(default_factory=dict)


class SelectionSuite(Settings):
    """One file of suites of that time."""

    title: str = Field(min_length=3)
    cases: tuple[Selection, ...] = Field(min_length=1)


def is_of_before(facts: Facts, check: str) -> bool:
    """Return whether facts are of a time that knew no exhibit of cases: neither one nor why there is none."""
    return check == TEST_CASES and CASES not in facts.exhibits and CASES not in facts.absent


def cases_before(facts: Facts, at_least: int | None, each: int | None) -> Answer:
    """Return whether enough records of each class were decided, as a gate of that time asked."""
    judged, at_least = judged_of(facts), at_least or AT_LEAST
    if judged is None:
        return not_judged(facts)
    classes = _classes(facts, judged)
    counts = {one: int((classes == one).sum()) for one in CLASSES}
    total = sum(counts.values())
    missing = max(at_least - total, sum(max((each or EACH) - count, 0) for count in counts.values()))
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    if total and missing <= 0:
        return Answer(State.PASS, f"{total:,} test cases were decided: {listed}")
    return unproven(f"{total:,} test cases were decided ({listed})", f"add {missing:,} test cases", missing or at_least)


def _classes(facts: Facts, judged: Judged) -> pd.Series[str]:
    """Return the class of each decided record that was a test case; a record counts once."""
    decided = judged.outcomes[is_asked(judged.outcomes).to_numpy()]
    paths = suite_paths(facts.pilot.suite)
    if not paths:
        if "class" not in decided.columns:
            return pd.Series(dtype=object)
        classes = decided["class"].dropna().astype(str)
        return classes[classes.isin(CLASSES)]
    found: dict[str, str] = {}
    for path in paths:
        for selection in read_settings(path, SelectionSuite).cases:
            for record in _selected(selection, decided, facts, path):
                found[record] = selection.case_class
    return pd.Series(found, dtype=object)


def _selected(selection: Selection, decided: pd.DataFrame, facts: Facts, path: Path) -> list[str]:
    if bool(selection.records) == bool(selection.where):
        raise InputError("a case needs either records or where", where=str(path))
    if selection.records:
        return [record for record in selection.records if record in set(decided.index)]
    chosen = decided
    for name, value in selection.where.items():
        is_outcome = name in decided.columns and name not in facts.cells.contract.columns
        found = chosen[name] if is_outcome else cells_in(name, facts.cells, chosen)
        chosen = chosen[found.map(cell_text) == value]
    return [str(record) for record in chosen.index]
