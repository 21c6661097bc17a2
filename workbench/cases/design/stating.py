"""Designed cases with the state that they come to, for agents that act."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.cases.made import case_records, ground_of
from workbench.cases.states import expected_states
from workbench.cases.suite import Case, CaseSuite
from workbench.cases.suites import Cases, SuiteFile
from workbench.pilot import Pilot
from workbench.records.splits import Dataset


def with_states(pilot: Pilot, dataset: Dataset, cases: Sequence[Case], path: Path) -> tuple[Case, ...]:
    """Return cases for a file, each with the rows that carrying its action out adds, and where it must add none.

    Raises as `expected_states`.
    """
    about = [case for case in cases if case.expect is not None and case.expect.action is not None]
    if not about:
        return tuple(cases)
    suite = CaseSuite.model_validate({"title": "With an action", "cases": about})
    whole = Cases((SuiteFile("", path, suite, ""),))
    found = expected_states(pilot, whole, case_records(whole, dataset, ground_of(pilot, dataset)))
    tables = sorted({name for rows in found.values() for name in rows})
    stated = {case: {name: rows.get(name, 0) for name in tables} for case, rows in found.items()}
    return tuple(
        case if case.expect is None or case.id not in stated else case.model_copy(
            update={"expect": case.expect.model_copy(update={"state": stated[case.id]})}
        )
        for case in cases
    )  # fmt: skip
