"""Test cases: which decided holdout records count as one, by class; from suites, else from the class column."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pandas as pd
from pydantic import Field

from workbench.evaluation.judged import Judged
from workbench.evidence import Facts
from workbench.files import Settings, read_settings
from workbench.metrics import is_asked
from workbench.pilot import cell_text
from workbench.pilot.charter import Cell
from workbench.records import NamedCells, cells_in
from workbench.words import InputError

SUITES_FOLDER = "suites"


class CaseClass(StrEnum):
    """The paths that test cases must cover."""

    COMMON = "common"
    EDGE = "edge"
    ERROR = "error"


class Selection(Settings):
    """Records that are test cases of one class: by their ids, or all whose columns have the named values."""

    case_class: CaseClass = Field(alias="class")
    records: tuple[str, ...] = ()
    where: dict[str, Cell] = Field(default_factory=dict)


class CaseSuite(Settings):
    """One file of eval_suites/PILOT/suites/."""

    title: str = Field(min_length=3)
    cases: tuple[Selection, ...] = Field(min_length=1)


def read_suites(folder: Path) -> Mapping[Path, CaseSuite]:
    """Return the suites in a pilot's folder by file, in order; empty when it has none."""
    return {path: read_settings(path, CaseSuite) for path in sorted((folder / SUITES_FOLDER).glob("*.yaml"))}


def case_classes(facts: Facts, judged: Judged) -> pd.Series[str]:
    """Return for each decided record that is a test case its class; a record counts once, however many suites name it.

    With suites only what they select counts; without, every record with a class in the contract's class column. A
    record that was skipped is no decided case.

    Raises
    ------
    InputError
        A suite does not fit, selects by an unknown column, or puts one record into two classes.
    """
    decided = judged.outcomes[is_asked(judged.outcomes).to_numpy()]
    suites = read_suites(facts.pilot.suite)
    if not suites:
        if "class" not in decided.columns:
            return pd.Series(dtype=object)
        classes = decided["class"].dropna().astype(str)
        return classes[classes.isin([one.value for one in CaseClass])]
    found: dict[str, str] = {}
    for path, suite in suites.items():
        for number, selection in enumerate(suite.cases, start=1):
            where = f"{path}, case {number}"
            for record in _selected(selection, decided, facts.cells, where):
                if found.setdefault(record, selection.case_class.value) != selection.case_class.value:
                    raise InputError("a record is a test case of two classes", where=where, got=repr(record))
    return pd.Series(found, dtype=object)


def _selected(selection: Selection, decided: pd.DataFrame, cells: NamedCells, where: str) -> list[str]:
    if bool(selection.records) == bool(selection.where):
        raise InputError("a case needs either records or where", where=where)
    if selection.records:
        present = set(decided.index)
        return [record for record in selection.records if record in present]
    chosen = decided
    for name, value in selection.where.items():
        is_outcome = name in decided.columns and name not in cells.contract.columns
        found = chosen[name] if is_outcome else cells_in(name, cells, chosen)
        chosen = chosen[found.map(cell_text) == value]
    return [str(record) for record in chosen.index]
