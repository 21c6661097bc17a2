"""process.yaml read, and the part of it by which the policy decides; where its test cases are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.files import read_settings
from workbench.pilot.process.schema import Process

if TYPE_CHECKING:
    from workbench.pilot.pilot import Pilot

PROCESS_FILE = "process.yaml"
SUITES_FOLDER = "suites"
# How the work is done today: what an agent decides does not rest on it, and its numbers are no limits of the policy.
WORKED = ("handed_over", "steps", "exception_paths", "workarounds", "observations")


def read_process(pilot: Pilot) -> Process | None:
    """Return a pilot's process specification, None where it has none. Raises InputError where it does not fit."""
    return process_in(pilot.suite)


def process_in(suite: Path) -> Process | None:
    """Return the process specification of a pilot's folder or of a bundle, None where it has none.

    Raises
    ------
    InputError
        The file does not fit.
    """
    path = suite / PROCESS_FILE
    return read_settings(path, Process) if path.is_file() else None


def decisions_by_reason(process: Process) -> Mapping[str, frozenset[str]]:
    """Return for each reason that the specification gives the decisions that it may go with.

    A reason of `approvals` goes with the decisions that no rule makes.
    """
    found: dict[str, set[str]] = {}
    for rule in process.rules:
        found.setdefault(rule.reason or rule.id, set()).add(rule.decision)
    others = set(process.decisions) - {rule.decision for rule in process.rules}
    for approval in process.approvals:
        found.setdefault(approval.reason, set()).update(others)
    return {reason: frozenset(decisions) for reason, decisions in found.items()}


def content_of(process: Process) -> dict[str, Any]:
    """Return what the policy decides by as plain values, as its function gets it: not how the work is done today."""
    return process.model_dump(mode="json", exclude=set(WORKED))


def policy_part(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return of the content of a process.yaml what the policy decides by: not how the work is done today.

    Examples
    --------
    >>> policy_part({"rules": [], "steps": [{"id": "arrival", "minutes": 3}]})
    {'rules': []}
    """
    return {name: value for name, value in content.items() if name not in WORKED}


def suite_paths(suite: Path) -> tuple[Path, ...]:
    """Return the files of test cases in a pilot's folder, in order."""
    return tuple(sorted((suite / SUITES_FOLDER).glob("*.yaml")))
