"""Where each issue stands that a session raised: whether what was decided on it in triage.yaml closes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from workbench.pilot import Severity, Triage, TriageDecision, TriagedIssue
from workbench.records.ledger import Opening
from workbench.words import InputError

SEVERITIES = tuple(one.value for one in Severity)
LEAST_DIGITS = 8
COLUMNS = ("feedback", "severity", "reported", "owner", "decision", "fixed_in", "reason", "state", "why")


class IssueState(StrEnum):
    """Where an issue stands."""

    OPEN = "open"
    FIXED = "fixed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LATER = "later"


def issue_id(asked: str, known: Sequence[str]) -> str:
    """Return the id that begins so. Raises InputError where none or several do."""
    found = [one for one in known if one.startswith(asked)]
    if len(found) != 1:
        what = "several issues begin" if found else "no issue begins"
        raise InputError(
            f"{what} with {asked!r}", expected=", ".join(sorted(found or known)) or "an issue of a session"
        )
    return found[0]


@dataclass(frozen=True, slots=True)
class OpenedVersions:
    """The versions that were judged on the holdout, in the order of their first opening, with their agents' names."""

    digests: tuple[str, ...]
    names: Mapping[str, str]

    @classmethod
    def of(cls, openings: Sequence[Opening]) -> OpenedVersions:
        """Return the versions of a ledger."""
        names: dict[str, str] = {}
        for one in openings:
            names.setdefault(one.purpose.agent_digest, one.purpose.agent)
        return cls(tuple(names), names)

    def place(self, digest: str) -> int | None:
        """Return which version it is, the first one 0; None for one that was never opened."""
        return self.digests.index(digest) if digest in self.digests else None

    def named(self, text: str) -> str | None:
        """Return the digest of the one version that a text means, None where none or several are meant."""
        by_digest = [one for one in self.digests if len(text) >= LEAST_DIGITS and one.startswith(text)]
        found = by_digest or [one for one in self.digests if self.names[one] == text]
        return found[0] if len(found) == 1 else None


def triage_table(issues: pd.DataFrame, triage: Triage, versions: OpenedVersions, judged: str | None) -> pd.DataFrame:
    """Return where each issue stands, the open and gravest first.

    Parameters
    ----------
    issues : DataFrame
        Feedback that has a severity: `feedback`, `severity`, `agent` (digest of the version that it is about).
    judged : str, optional
        Digest of the version that is to go live.
    """
    rows = []
    for feedback, reported, agent in issues[["feedback", "severity", "agent"]].itertuples(index=False, name=None):
        said = triage.issues.get(feedback)
        state, why = _state(said, str(reported), str(agent), versions, judged)
        severity = str(reported) if said is None or _is_unreasoned(said, str(reported)) else said.severity.value
        known = (None, None, None, None)
        if said is not None:
            known = (said.owner, said.decision.value, said.fixed_in, said.reason or None)  # type: ignore[assignment]
        rows.append((feedback, severity, reported, *known, state.value, why))
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    order = pd.DataFrame(
        {
            "is_closed": (table["state"] != IssueState.OPEN.value).astype(bool),
            "grade": [SEVERITIES.index(one) for one in table["severity"]],
        }
    )
    return table.loc[order.sort_values(["is_closed", "grade"], kind="stable").index].reset_index(drop=True)


def _is_unreasoned(said: TriagedIssue, reported: str) -> bool:
    """Return whether an issue was graded otherwise than reported and nobody says why."""
    return said.severity.value != reported and not said.reason.strip()


def _state(
    said: TriagedIssue | None, reported: str, raised_on: str, versions: OpenedVersions, judged: str | None
) -> tuple[IssueState, str]:
    if said is None:
        return IssueState.OPEN, "nobody decided on it"
    if _is_unreasoned(said, reported):
        return IssueState.OPEN, f"graded {said.severity.value}, reported as {reported}, without a reason"
    is_critical = said.severity is Severity.CRITICAL
    match said.decision:
        case TriageDecision.REJECT:
            return IssueState.REJECTED, ""
        case TriageDecision.ACCEPT | TriageDecision.LATER if is_critical:
            word = "accepted" if said.decision is TriageDecision.ACCEPT else "put off"
            return IssueState.OPEN, f"{word}, and nothing goes live with a known critical issue"
        case TriageDecision.ACCEPT:
            return IssueState.ACCEPTED, ""
        case TriageDecision.LATER:
            return IssueState.LATER, ""
        case TriageDecision.FIX:
            fault = _fix_fault(said.fixed_in, raised_on, versions, judged)
            return (IssueState.OPEN, fault) if fault else (IssueState.FIXED, "")


def _fix_fault(fixed_in: str | None, raised_on: str, versions: OpenedVersions, judged: str | None) -> str:
    """Return why an issue that is to be mended is not yet, empty where it is."""
    if fixed_in is None:
        return "to be fixed, in no version yet"
    digest = versions.named(fixed_in)
    if digest is None:
        return f"fixed in {fixed_in}, which names no version, or several, that were judged on the holdout"
    fixed, now, then = (versions.place(one) for one in (digest, judged or "", raised_on))
    assert fixed is not None
    if digest == raised_on:
        return f"fixed in {fixed_in}, the version that it was raised on"
    if then is not None and fixed < then:
        return f"fixed in {fixed_in}, an older version than the one that it was raised on"
    if now is None or fixed > now:
        return f"fixed in {fixed_in}, a later version than the one that is judged"
    return ""
