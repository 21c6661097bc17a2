"""triage.yaml: what people decided on each issue that a session raised."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import Field, model_validator

from workbench.files import Settings, read_settings, write_atomically
from workbench.pilot.findings import Severity

TRIAGE_FILE = "triage.yaml"
IssueId = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
HEAD = """\
# What was decided on each issue of the acceptance sessions. `workbench acceptance triage` writes it.
# A critical issue stays open until it is fixed in a version that was judged, or rejected with a reason.
"""


class TriageDecision(StrEnum):
    """What becomes of an issue."""

    FIX = "fix"
    ACCEPT = "accept"  # it stays as it is
    REJECT = "reject"  # it is none
    LATER = "later"


class TriagedIssue(Settings):
    """What was decided on one issue.

    Parameters
    ----------
    severity : Severity
        As the team sees it; another one than was reported needs a reason.
    owner : str
        Who sees to it.
    fixed_in : str, optional
        The version that mends it: at least eight characters of its digest, or the agent's name where only one version
        of it was opened on the holdout.
    """

    severity: Severity
    owner: str = Field(min_length=1, max_length=100)
    decision: TriageDecision
    fixed_in: str | None = Field(default=None, min_length=1, max_length=100)
    reason: str = ""

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.decision is not TriageDecision.FIX and not self.reason.strip():
            raise ValueError(f"to {self.decision.value} an issue needs a reason")
        if self.decision is not TriageDecision.FIX and self.fixed_in is not None:
            raise ValueError("fixed_in belongs to the decision fix")
        return self


class Triage(Settings):
    """The content of triage.yaml: by the id of an issue what was decided."""

    issues: dict[IssueId, TriagedIssue] = Field(default_factory=dict)


def read_triage(suite: Path) -> Triage:
    """Return what was decided on issues, nothing where there is no triage.yaml. Raises InputError if it is wrong."""
    path = suite / TRIAGE_FILE
    return read_settings(path, Triage) if path.is_file() else Triage()


def write_triage(suite: Path, triage: Triage) -> Path:
    """Write triage.yaml, whole or not at all, and return where."""
    content = triage.model_dump(mode="json", exclude_defaults=True)
    text = yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=True, width=110)
    path = suite / TRIAGE_FILE
    write_atomically(path, HEAD + text)
    return path
