"""An audit published: its folder with findings, cells, rows, suite, validation, profile page and report."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.audit.known.masking import Masking
from workbench.audit.published.comparison import compare_estimates, compare_findings, summary
from workbench.audit.published.expectations import COLUMN_ARGUMENTS, Validated
from workbench.audit.published.page import Attachments, audit_page
from workbench.audit.published.profile_page import sample_for_profile
from workbench.audit.published.store import CELLS_FILE, write_audit
from workbench.audit.published.suites import Suite, kept_suites, suite_of
from workbench.audit.questions.assessment import Audit
from workbench.audit.table.rules import Rule
from workbench.evidence import FINDINGS_FILE
from workbench.files import write_atomically
from workbench.words import shown

REPORT_FILE, SUITE_FILE, VALIDATION_FILE, PROFILE_FILE = (
    "report.html", "expectations.json", "validation.json", "profile.html",
)  # fmt: skip
CHANGES_FILE = "changes.csv"
PROFILE_DEADLINE_S = 600


@dataclass(frozen=True, slots=True)
class Published:
    """Where an audit's files are, and what was said of them.

    Parameters
    ----------
    folder : Path
    validation : str
        What the published suite's validation came to; empty when it was not run.
    profile : str
        Why there is no profile page; empty when there is one, or none was asked for.
    changes : DataFrame, optional
        How each finding changed since another audit.
    """

    folder: Path
    validation: str = ""
    profile: str = ""
    changes: pd.DataFrame | None = None

    @property
    def report(self) -> Path:
        """The page to read."""
        return self.folder / REPORT_FILE


def publish(audit: Audit, folder: Path, before: Mapping[str, Any] | None = None, complete: bool = False) -> Published:
    """Write an audit into a folder.

    Parameters
    ----------
    audit : Audit
    folder : Path
    before : mapping, optional
        findings.json of an earlier audit to compare with.
    complete : bool
        Also validate the suite with great-expectations and make the profile page, which takes some 15 seconds. Suites
        that the user keeps in eval_suites/PILOT/expectations are validated instead of the audit's own rules.

    Raises
    ------
    InputError
        A suite that the user keeps is broken.
    """
    pilot = audit.subject.pilot
    kept = {} if pilot is None else kept_suites(pilot.suite)
    if complete and kept:
        from workbench.audit.published.expectations import check

        for path, suite in kept.items():
            check(suite, str(path))
    with tempfile.TemporaryDirectory(prefix="workbench-profile-") as draft:
        profiler = _start_profile(audit, folder, Path(draft)) if complete else None
        write_audit(audit, folder)
        validation = _publish_suite(audit, folder, kept, complete)
        profile = _finish_profile(profiler) if profiler is not None else ""
    changes = None
    if before is not None:
        changes = compare_findings(before, audit.as_json())
        write_atomically(folder / CHANGES_FILE, changes.to_csv(index=False))
        estimates = compare_estimates(before, audit.as_json())
        write_atomically(folder / "estimates_changed.csv", estimates.to_csv(index=False))
    published = Published(folder, validation, profile, changes)
    write_atomically(published.report, audit_page(audit, _attachments(published, before)))
    return published


def _publish_suite(audit: Audit, folder: Path, kept: Mapping[Path, Suite], complete: bool) -> str:
    """Write the suite and, if asked, validate the suites that the user keeps, or else it; return what that came to."""
    masking = audit.subject.masking
    results = [result for result in audit.detection.rules if not _quotes(result.rule, masking)]
    rules = [result.rule for result in results]
    columns = {column.name: column.storage for column in audit.detection.columns}
    name = f"{audit.subject.name} {audit.run}"
    write_atomically(folder / SUITE_FILE, suite_of(rules, name, columns).as_json())
    if not complete or not (rules or kept):
        return ""
    from workbench.audit.published.expectations import (
        MAX_RECORDS_VALIDATED,
        counts_of,
        most_relevant,
        validate,
        validation_json,
    )  # fmt: skip

    frame = audit.subject.frame
    if kept:
        validated = [one for path, suite in kept.items() for one in validate(frame, suite, path.name)]
        what = f"expectations of {len(kept):,} kept suites ({shown(path.name for path in kept)})"
    else:
        chosen = most_relevant(rules, [result.n_broken > 0 for result in results])
        validated = list(validate(frame, suite_of(chosen, name, columns)))
        what = f"of the {len(rules):,} rules, broken and declared ones first,"
    said = [_as_shown(one, masking) for one in validated]
    write_atomically(folder / VALIDATION_FILE, validation_json(said, "pandas", None if kept else len(rules)))
    counts = counts_of(validated)
    return (
        f"great-expectations validated {counts['validated']:,} {what} on {min(len(frame), MAX_RECORDS_VALIDATED):,} "
        f"records: {counts['hold']:,} hold, {counts['broken']:,} are broken, {counts['not_run']:,} could not be run."
    )


def _quotes(rule: Rule, masking: Masking) -> bool:
    """Whether a rule that the records gave names values of a column that is masked; what was agreed may be read."""
    is_from_values = bool(rule.values) or rule.low is not None or rule.pattern is not None
    return is_from_values and not rule.is_declared and not masking.columns.isdisjoint(rule.names)


def _as_shown(validated: Validated, masking: Masking) -> Validated:
    """Return a result without values of columns that are masked."""
    if masking.columns.isdisjoint(validated.columns):
        return replace(validated, problem=masking.pieces(validated.problem))
    kept = {name: value for name, value in validated.expectation.kwargs.items() if name in COLUMN_ARGUMENTS}
    expectation = validated.expectation.model_copy(update={"kwargs": kept})
    problem = "it could not be run" if validated.problem else ""
    return replace(validated, expectation=expectation, observed=None, problem=problem)


def _start_profile(audit: Audit, folder: Path, draft: Path) -> subprocess.Popen[str]:
    """Start a process of its own that makes the profile page."""
    sample = audit.subject.masking.frame(sample_for_profile(audit.subject.frame))
    source = draft / "sample.parquet"
    names = [f"{place}\t{name}" for place, name in enumerate(sample.columns)]
    sample.set_axis(names, axis="columns").to_parquet(source)
    title = f"{audit.subject.name}: {len(sample):,} of {audit.subject.n_rows:,} records"
    folder.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, "-m", "workbench.audit.published.profile_page"]
    command = [*program, str(source), str(folder / PROFILE_FILE), title]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _finish_profile(profiler: subprocess.Popen[str]) -> str:
    """Wait for the profile page and return why there is none, empty when there is one."""
    try:
        _, messages = profiler.communicate(timeout=PROFILE_DEADLINE_S)
    except subprocess.TimeoutExpired:
        profiler.kill()
        profiler.communicate()
        return f"the profile page was not ready after {PROFILE_DEADLINE_S} s"
    if profiler.returncode == 0:
        return ""
    last = messages.strip().splitlines()[-1:] or ["no message"]
    return f"the profile page could not be made: {last[0][:200]}"


def _attachments(published: Published, before: Mapping[str, Any] | None) -> Attachments:
    files = {
        "findings": FINDINGS_FILE,
        "flagged cells": CELLS_FILE,
        "great-expectations suite": SUITE_FILE,
        "its validation": VALIDATION_FILE,
        "profile of a sample": PROFILE_FILE,
        "changes": CHANGES_FILE,
    }
    links = {text: name for text, name in files.items() if (published.folder / name).is_file()}
    changes = published.changes
    said = "" if changes is None or before is None else f"Against audit {before['run']}: {summary(changes)}."
    notes = " ".join(filter(None, (published.validation, published.profile and f"{published.profile}.")))
    return Attachments(links, notes, changes, said)
