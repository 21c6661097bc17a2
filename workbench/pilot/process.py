"""The process specification: rules in their order, exceptions, limits, facts of a text; where its test cases are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from workbench.files import Settings, read_settings

if TYPE_CHECKING:
    from workbench.pilot.pilot import Pilot

PROCESS_FILE = "process.yaml"
SUITES_FOLDER = "suites"


class RuleException(Settings):
    """What lets a record pass one rule; `parameters` are its numeric limits."""

    id: str
    condition: str = ""
    parameters: dict[str, float] = Field(default_factory=dict)


class ProcessRule(Settings):
    """One rule: where its condition holds, `decision` for `reason`, handed `to` somebody where it is escalated."""

    id: str
    condition: str = ""
    decision: str
    reason: str | None = None
    to: str | None = None
    parameters: dict[str, float] = Field(default_factory=dict)
    exceptions: tuple[RuleException, ...] = ()
    fault: bool = False


class Approval(Settings):
    """A reason that is given where no rule holds."""

    reason: str
    condition: str = ""


class StatedFact(Settings):
    """What a text may state as fact: the column that it stands in, and an example of a text that states it.

    `counterexample` is a text that only seems to state it: it denies, requests or announces it.
    Further keys, such as the words by which the policy knows it, are the policy's own.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    column: str
    example: str
    counterexample: str | None = None


class Process(Settings):
    """What process.yaml says, as far as the workbench reads it; the rest of the file is the pilot's own.

    `python` is the policy as a function, `FILE.py:NAME` beside process.yaml: it takes a record (a mapping of the
    columns an agent may see) and the whole content of process.yaml, and returns `{"action", "reason", "to", "rule"}`.
    `limits` names tables of numeric limits in the file besides the rules' own `parameters`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    decisions: dict[str, str] = Field(default_factory=dict)
    rules: tuple[ProcessRule, ...] = ()
    approvals: tuple[Approval, ...] = ()
    python: str | None = Field(default=None, pattern=r"^[\w.-]+\.py:[A-Za-z_]\w*$")
    limits: tuple[str, ...] = ()
    facts: dict[str, StatedFact] = Field(default_factory=dict)


def read_process(pilot: Pilot) -> Process | None:
    """Return a pilot's process specification, None where it has none. Raises InputError where it does not fit."""
    path = pilot.suite / PROCESS_FILE
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
    """Return the specification as plain values, as the policy's function gets it."""
    return process.model_dump(mode="json")


def suite_paths(suite: Path) -> tuple[Path, ...]:
    """Return the files of test cases in a pilot's folder, in order."""
    return tuple(sorted((suite / SUITES_FOLDER).glob("*.yaml")))
