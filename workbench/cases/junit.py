"""The cases as JUnit XML, so that a CI system shows which of them an agent does not pass."""

from __future__ import annotations

from workbench.cases.checks import CASES
from workbench.evidence import Exhibit, JUnitCase, junit_suite


def cases_junit(exhibit: Exhibit) -> str:
    """Return every case of an exhibit; one that was not judged or that nobody confirmed is skipped, with the reason."""
    table = exhibit.tables[CASES].astype(object)
    rows = table.where(table.notna(), None).to_dict("records")
    name = f"{exhibit.pilot} cases {exhibit.facts['agent']}"
    return junit_suite(name, [_case({str(key): value for key, value in row.items()}) for row in rows], exhibit.answer)


def _case(row: dict[str, object]) -> JUnitCase:
    name = f"{row['case']} ({row['class']})"
    if not row["judged"]:
        return JUnitCase(name, skipped=str(row["unchangeable"] or row["failures"] or "not asked"))
    failure = None if row["passed"] else ("failed", str(row["failures"]), str(row["expected"] or row["relation"]))
    if not row["confirmed"]:
        said = "passed" if failure is None else failure[1]
        return JUnitCase(name, skipped=f"only proposed, {row['suite']} is not signed: {said}")
    return JUnitCase(name, failure)
