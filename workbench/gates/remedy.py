"""What would do: one answer for a gate, whatever its criteria would ask for one by one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from workbench.evidence import BETTER_VERSION, Check, Missing
from workbench.gates.criteria import CriterionResult, Kind
from workbench.gates.schema import known_checks
from workbench.metrics import State
from workbench.words import several


def consistent(results: Sequence[CriterionResult], blocking: Collection[str]) -> tuple[CriterionResult, ...]:
    """Return results without counts of records where one of them fails.

    How many records a criterion asks for assumes that the rate stays what it is. Where another one fails, the version
    or the records must change anyway, and with them the rate; so do records that are labelled and were not judged.

    Parameters
    ----------
    blocking : collection of str
        Ids of the criteria that stand between the gate and GO; one that is waived is not among them.
    """
    stopping = [one for one in results if one.criterion.id in blocking and stops_counting(one)]
    if not stopping:
        return tuple(results)
    instead = BETTER_VERSION if any(one.missing.version for one in stopping) else stopping[0].would_change
    return tuple(
        replace(one, would_change=instead, missing=replace(one.missing, records=None, days=None))
        if _is_at_this_rate(one)
        else one
        for one in results
    )


def stops_counting(result: CriterionResult) -> bool:
    """Return whether nobody can say, as long as a criterion is not met, how many records others would pass on."""
    check = _check(result)
    is_partial = check is not None and check.stops_counting and result.state is not State.PASS
    return is_partial or result.missing.version or result.state is State.FAIL


def missing_of(blocking: Sequence[CriterionResult]) -> Missing:
    """Return how much evidence is missing for GO, over all blocking criteria.

    Records are the largest number any criterion asks for, as the same records serve them all, and none where they would
    not do; signatures add up.
    """
    signatures = sum(one.missing.signatures for one in blocking)
    if any(map(stops_counting, blocking)):
        return Missing(None, None, signatures, any(one.missing.version for one in blocking))
    records = [one.missing.records for one in blocking if one.missing.records is not None]
    days = [one.missing.days for one in blocking if one.missing.days is not None]
    return Missing(max(records, default=None), max(days, default=None), signatures)


def next_steps(blocking: Sequence[CriterionResult]) -> tuple[str, ...]:
    """Return what would turn a NO-GO into GO: a better version or records, then everything else."""
    missing = missing_of(blocking)
    first = []
    if missing.version:
        first = [BETTER_VERSION]
    elif missing.records is not None:
        days = "" if missing.days is None else f" ({several(missing.days, 'day')} at the present volume)"
        first = [f"about {missing.records:,} more labelled records{days}"]
    others = [one.would_change for one in blocking if one.would_change and not _is_at_this_rate(one)]
    others = [change for change in dict.fromkeys(others) if change not in first]
    signatures = [several(missing.signatures, "signature")] if missing.signatures else []
    return (*first, *others, *signatures)


def _is_at_this_rate(result: CriterionResult) -> bool:
    """Return whether a result counts records that would do if the rate stayed what it is."""
    check = _check(result)
    rests_on_rate = result.estimate is not None or (check is not None and check.is_at_this_rate)
    return result.missing.records is not None and rests_on_rate


def _check(result: CriterionResult) -> Check | None:
    """Return the check that a criterion asks for, None for an estimate or a document."""
    return known_checks().get(result.criterion.name) if result.criterion.kind is Kind.CHECK else None
