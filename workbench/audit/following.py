"""Findings followed from audit to audit: new, known, mended, back again or accepted; who owns each, and until when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from workbench.evidence import all_findings
from workbench.pilot import (
    FINDING_ID,
    FindingDecision,
    OwnedFindings,
    Pilot,
    owner_signatures,
    read_owned_findings,
    role_of,
)
from workbench.words import InputError


class FindingState(StrEnum):
    """Where a finding stands."""

    NEW = "new"  # the newest audit is the first that has it
    KNOWN = "known"  # audits before had it too, without a break
    BACK = "back again"  # it was gone in between
    ACCEPTED = "accepted"  # it is there, and its owner signed that it may stay, until a day
    MENDED = "mended"  # the newest audit does not have it any more


@dataclass(frozen=True, slots=True)
class FollowedFinding:
    """One finding over all audits that are still there.

    Parameters
    ----------
    severity : str
        As the last audit that has it says; empty where only findings.yaml knows it.
    first, since : str
        Day of the first audit that has it, and of the audit with which its state began; empty where not known.
    owner, decision : str
        As findings.yaml says; empty where it does not.
    until : date, optional
        Until when it is mended or accepted.
    fault : str
        What keeps the decision from counting: its day is over, or its owner did not sign.
    """

    id: str
    title: str
    severity: str
    state: FindingState
    first: str
    since: str
    owner: str
    decision: str
    until: date | None
    fault: str

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {**asdict(self), "until": None if self.until is None else self.until.isoformat()}


def follow_pilot(pilot: Pilot, today: date) -> tuple[FollowedFinding, ...]:
    """Return every finding of a pilot's audits and of findings.yaml with where it stands.

    Raises
    ------
    InputError
        No audit was run yet, or a file does not fit.
    """
    audits, owned = all_findings(pilot), read_owned_findings(pilot.suite)
    if not audits:
        raise InputError("no audit has been run yet", remedy=f"workbench audit {pilot.name}")
    signed = set[str]()
    if owned is not None:
        status = owner_signatures(pilot.suite, owned, pilot.charter, pilot.name)
        roles = {one.role for one in status.valid}
        signed = {one.owner for one in owned.findings if role_of(one.owner, pilot.charter) in roles}
    return followed(audits, owned, signed, today)


def followed(
    audits: Sequence[Mapping[str, Any]], owned: OwnedFindings | None, signed: Collection[str], today: date
) -> tuple[FollowedFinding, ...]:
    """Return where each finding stands: those that are there in the newest audit's order, then what is gone.

    Parameters
    ----------
    audits : sequence of mapping
        The contents of findings.json, the oldest first; at least one.
    owned : OwnedFindings, optional
    signed : collection of str
        The owners who signed findings.yaml as it is now.
    today : date
    """
    by_audit = [{one["id"]: one for one in audit["findings"]} for audit in audits]
    days = [str(audit["created"])[:10] for audit in audits]
    known = dict.fromkeys(name for found in reversed(by_audit) for name in found)
    of_file = [one.id for one in owned.findings if FINDING_ID.fullmatch(one.id)] if owned is not None else []
    rows = [
        _followed(name, [found.get(name) for found in by_audit], days, (owned, signed, today))
        for name in dict.fromkeys([*known, *of_file])
    ]
    return tuple(sorted(rows, key=lambda one: one.state is FindingState.MENDED))


def _followed(
    name: str,
    seen: Sequence[Mapping[str, Any] | None],
    days: Sequence[str],
    decided: tuple[OwnedFindings | None, Collection[str], date],
) -> FollowedFinding:
    owned, signed, today = decided
    last = next((one for one in reversed(seen) if one is not None), None)
    one = None if owned is None else owned.of(name)
    state, first, since = _state(seen, days)
    fault = ""
    if one is not None and state is not FindingState.MENDED:
        fault = one.fault_on(today) or ("" if one.owner in signed else "not signed")
        if one.decision is FindingDecision.ACCEPT and not fault:
            state = FindingState.ACCEPTED
    return FollowedFinding(
        name,
        "" if last is None else str(last["title"]),
        "" if last is None else str(last["severity"]),
        state,
        first,
        since,
        "" if one is None else one.owner,
        "" if one is None else one.decision.value,
        None if one is None else one.until,
        fault,
    )


def _state(seen: Sequence[Mapping[str, Any] | None], days: Sequence[str]) -> tuple[FindingState, str, str]:
    """Return where a finding stands by the audits alone, the day of the first with it, and the day that began it."""
    there = [one is not None for one in seen]
    if not any(there):
        return FindingState.MENDED, "", ""
    first = there.index(True)
    if not there[-1]:
        return FindingState.MENDED, days[first], days[len(there) - there[::-1].index(True)]
    began = len(there) - (there[::-1].index(False) if False in there else len(there))
    if False in there[first:]:
        return FindingState.BACK, days[first], days[began]
    state = FindingState.NEW if first == len(there) - 1 else FindingState.KNOWN
    return state, days[first], days[began]
