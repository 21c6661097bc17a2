"""What guards did: where each stepped in, whether the agent alone was right there, and what it decides without them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.environment import GuardEvent, GuardVerdict, Trace
from workbench.metrics import is_asked, is_right

Traces = Mapping[str, Trace]


@dataclass(frozen=True, slots=True)
class GuardResult:
    """One guard on the decisions of a version.

    Parameters
    ----------
    guard : str
    records : tuple of str
        Ids of the records that it stepped in on.
    n : int
        Decisions that it looked at: all that were asked for.
    wrong, right : int
        Of these records, those that the agent alone decided wrong, and right: there the guard was needless.
    unseen : int
        Those that the agent was not shown, so that nobody knows.
    texts : int
        Those of which only texts were changed.
    """

    guard: str
    records: tuple[str, ...]
    n: int
    wrong: int
    right: int
    unseen: int
    texts: int


def guard_results(outcomes: pd.DataFrame, traces: Traces, guards: Iterable[str]) -> tuple[GuardResult, ...]:
    """Return what each of some guards did, in their order.

    Parameters
    ----------
    outcomes : DataFrame
        Decisions beside their labels, record ids as the index; see `workbench.metrics.outcomes`.
    traces : mapping
        What happened on the way to the decisions, by record; those without any are left out.
    guards : iterable of str
        Their names.
    """
    asked = outcomes[is_asked(outcomes).to_numpy()]
    events = {str(record): _observed(traces.get(str(record))) for record in asked.index}
    alone = is_right(without_guards(asked, traces))
    is_known = dict(zip(map(str, asked.index), alone, strict=True))
    found = []
    for guard in guards:
        seen = {record: one.verdict for record, its in events.items() for one in its if one.name == guard}
        moved = [is_known[record] for record, verdict in seen.items() if verdict is GuardVerdict.ESCALATE]
        unseen = sum(verdict is GuardVerdict.DENY for verdict in seen.values())
        right = int(np.sum(moved)) if moved else 0
        texts = len(seen) - len(moved) - unseen
        found.append(GuardResult(guard, tuple(seen), len(asked), len(moved) - right, right, unseen, texts))
    return tuple(found)


def without_guards(outcomes: pd.DataFrame, traces: Traces) -> pd.DataFrame:
    """Return outcomes with the agent's own action, confidence and reason where a guard gave its decision to a person.

    A record that the agent was not shown stays as it is: see `unseen`.
    """
    own = {record: kept for record, trace in traces.items() if (kept := _own(trace)) is not None}
    ids = [record for record in outcomes.index if str(record) in own]
    changed = outcomes.copy()
    for name in ("action", "confidence", "reason"):
        if name in changed.columns and ids:
            values = pd.Series([own[str(record)][name] for record in ids], index=ids, dtype=object)
            changed.loc[ids, name] = values.astype(float) if name == "confidence" else values
    return changed


def unseen(outcomes: pd.DataFrame, traces: Traces) -> pd.Series[bool]:
    """Return whether each record was kept from the agent by a guard."""
    denied = {
        record
        for record, trace in traces.items()
        if any(one.verdict is GuardVerdict.DENY for one in trace.of(GuardEvent))
    }
    return pd.Series([str(record) in denied for record in outcomes.index], index=outcomes.index, dtype=bool)


def _observed(trace: Trace | None) -> tuple[GuardEvent, ...]:
    return () if trace is None else trace.of(GuardEvent)


def _own(trace: Trace) -> Mapping[str, object] | None:
    """Return what the agent said before the first guard gave its decision to a person."""
    escalated = (one for one in trace.of(GuardEvent) if one.verdict is GuardVerdict.ESCALATE and one.changed)
    return next((dict(one.changed or {}) for one in escalated), None)
