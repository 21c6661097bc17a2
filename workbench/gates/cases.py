"""Test cases: which decided holdout records count as one, by class; from suites, else from the class column."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pandas as pd
from pydantic import Field

from workbench.configuration import Settings, read_settings
from workbench.errors import InputError, shown
from workbench.metrics import is_asked
from workbench.pilot import Pilot

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
    where: dict[str, str] = Field(default_factory=dict)


class Suite(Settings):
    """One file of eval_suites/PILOT/suites/."""

    title: str = Field(min_length=3)
    cases: tuple[Selection, ...] = Field(min_length=1)


def read_suites(pilot: Pilot) -> Mapping[Path, Suite]:
    """Return the pilot's suites by file, in order; empty when it has none."""
    return {path: read_settings(path, Suite) for path in sorted((pilot.suite / SUITES_FOLDER).glob("*.yaml"))}


def case_classes(pilot: Pilot, outcomes: pd.DataFrame) -> pd.Series[str]:
    """Return for each decided record that is a test case its class; a record counts once, however many suites name it.

    With suites only what they select counts; without, every record with a class in the contract's class column. A
    record that was skipped is no decided case.

    Parameters
    ----------
    pilot : Pilot
    outcomes : DataFrame
        Decisions beside labels and strata, one row per planned record, record ids as the index.

    Raises
    ------
    InputError
        A suite does not fit, selects by an unknown column, or puts one record into two classes.
    """
    decided = outcomes[is_asked(outcomes).to_numpy()]
    suites = read_suites(pilot)
    if not suites:
        if "class" not in decided.columns:
            return pd.Series(dtype=object)
        classes = decided["class"].dropna().astype(str)
        return classes[classes.isin([one.value for one in CaseClass])]
    found: dict[str, str] = {}
    for path, suite in suites.items():
        for number, selection in enumerate(suite.cases, start=1):
            where = f"{path}, case {number}"
            for record in _selected(selection, decided, where):
                if found.setdefault(record, selection.case_class.value) != selection.case_class.value:
                    raise InputError("a record is a test case of two classes", where=where, got=repr(record))
    return pd.Series(found, dtype=object)


def _selected(selection: Selection, decided: pd.DataFrame, where: str) -> list[str]:
    if bool(selection.records) == bool(selection.where):
        raise InputError("a case needs either records or where", where=where)
    unknown = [name for name in selection.where if name not in decided.columns]
    if unknown:
        columns = ", ".join(name for name in ("class", "source", "entity", "label") if name in decided.columns)
        raise InputError("a suite selects by an unknown column", where=where, got=shown(unknown), expected=columns)
    if selection.records:
        present = set(decided.index)
        return [record for record in selection.records if record in present]
    chosen = decided
    for name, value in selection.where.items():
        chosen = chosen[chosen[name].astype(str) == value]
    return [str(record) for record in chosen.index]
