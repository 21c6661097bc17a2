"""Criteria that every gate has, whatever its gates.yaml asks for, and that nobody can waive."""

from __future__ import annotations

from workbench.charter.schema import DISTINCT_KEYS
from workbench.charter.signatures import charter_signatures, one_key_for_several, shared_keys_note, sharing_a_key
from workbench.gates.criteria import Criterion, CriterionResult, Kind, Missing, State
from workbench.gates.facts import Facts


def builtin_criteria(facts: Facts, number: int) -> tuple[Criterion, ...]:
    """Return what a gate asks for besides its gates.yaml."""
    return tuple(one.criterion for one in builtin_results(facts, number))


def builtin_results(facts: Facts, number: int) -> tuple[CriterionResult, ...]:
    """Return what the facts say of the criteria that a gate has besides those of its gates.yaml."""
    return (_distinct_keys(facts),)


def builtin_notes(facts: Facts, number: int) -> tuple[str, ...]:
    """Return what the first paragraph of a decision must say though it blocks nothing, each one sentence."""
    pilot = facts.pilot
    note = shared_keys_note(pilot.charter, charter_signatures(pilot.suite, pilot.charter, pilot.name))
    return () if note is None else (f"{note}.",)


def _distinct_keys(facts: Facts) -> CriterionResult:
    """Return whether every role signed the charter with a key of its own, as far as the charter asks for that."""
    title = "Every role signed with a key of its own"
    criterion = Criterion(DISTINCT_KEYS, title, Kind.CHECK, DISTINCT_KEYS, no_waiver=True)
    charter = facts.pilot.charter
    status = charter_signatures(facts.pilot.suite, charter, facts.pilot.name)
    if not status.is_complete:
        reason = f"{len(status.valid)} of {len(status.required)} roles that must sign the charter have signed it"
        missing = Missing(signatures=len(status.required) - len(status.valid))
        return CriterionResult(criterion, State.UNPROVEN, reason, "have the charter signed by all", missing=missing)
    fault = one_key_for_several(charter, status)
    if fault is None:
        each = f"each of the {len(status.valid)} roles signed with a key of its own"
        return CriterionResult(criterion, State.PASS, shared_keys_note(charter, status) or each)
    groups = sharing_a_key(status)
    change = "everyone signs with a key of their own (workbench keys new FILE), or all sign `keys: shared`"
    missing = Missing(signatures=sum(len(group) - 1 for group in groups))
    details = tuple(f"key {group[0].key_id[:16]}: {', '.join(one.role for one in group)}" for group in groups)
    return CriterionResult(criterion, State.UNPROVEN, fault, change, missing=missing, details=details)
