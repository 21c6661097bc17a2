"""Every fault on every operation that an agent's tools reach, each record beside the same one without a fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from workbench.environment import CallOutcome, ToolCall
from workbench.environment.proxy import ArmedFault, FaultKind
from workbench.integrations.faults.asking import AskedInTurn, action_of, said_of
from workbench.integrations.faults.outcomes import EndedDecision, WaysOut, is_sound
from workbench.integrations.faults.reading import SandboxBooks
from workbench.integrations.faults.standing import Breakable
from workbench.integrations.faults.tables import FaultedRecord
from workbench.pilot.integrations import OperationEffect
from workbench.records import Record

EACH = 3  # records that meet one fault at one operation


@dataclass(frozen=True, slots=True)
class CleanRun:
    """What records come to without a fault.

    Parameters
    ----------
    ended : mapping of str to EndedDecision
        Of records whose decision did what it says, by id.
    callers : mapping of str to tuple of Record
        By tool, the records among them whose decision called it.
    unsound : tuple of str
        The other records: no fault says anything beside them.
    """

    ended: Mapping[str, EndedDecision]
    callers: Mapping[str, tuple[Record, ...]]
    unsound: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultTrial:
    """One record that is to meet one fault; no record where none calls the operation."""

    tool: str
    kind: FaultKind
    record: Record | None = None
    fields: tuple[str, ...] = field(default=())


async def run_clean(asked: AskedInTurn, books: SandboxBooks, records: Iterable[Record], ways: WaysOut) -> CleanRun:
    """Ask an agent about records without a fault, and return what each came to."""
    ended: dict[str, EndedDecision] = {}
    callers: dict[str, list[Record]] = {}
    unsound = []
    for record in records:
        await books.take_back()
        decision = await asked.ask(record)
        after = EndedDecision(action_of(decision), await books.held())
        if not is_sound(after, ways):
            unsound.append(record.id)
            continue
        ended[record.id] = after
        calls = decision.trace.of(ToolCall) if decision.trace else ()
        for tool in dict.fromkeys(call.name for call in calls if call.outcome is CallOutcome.OK):
            callers.setdefault(tool, []).append(record)
    return CleanRun(ended, {tool: tuple(found) for tool, found in callers.items()}, tuple(unsound))


def planned_trials(breakable: Mapping[str, Breakable], clean: CleanRun) -> Iterator[FaultTrial]:
    """Yield what is to be tried: each fault on each operation, on some records that call it, in turn.

    An operation that reads and that no record calls is not tried; one that writes must be, and stands there without a
    record.
    """
    for tool, one in breakable.items():
        callers = clean.callers.get(tool, ())
        if not callers and one.operation.effect is OperationEffect.READ:
            continue
        fields = tuple(one.operation.answer)
        for number, kind in enumerate(one.kinds):
            if not callers:
                yield FaultTrial(tool, kind)
            for n in range(number * EACH, number * EACH + min(EACH, len(callers))):
                turned = (*fields[n % len(fields) :], *fields[: n % len(fields)]) if fields else ()
                yield FaultTrial(tool, kind, callers[n % len(callers)], turned)


async def run_trial(
    asked: AskedInTurn, books: SandboxBooks, one: Breakable, trial: FaultTrial, clean: CleanRun
) -> FaultedRecord:
    """Let a record's decision meet a fault, ask once more where it failed visibly, and return what came of it.

    The second time there is no fault and the idempotency keys are the same, as when failed records of a run are asked
    again.
    """
    cell = trial.kind, one.system.id, one.name
    record = trial.record
    if record is None:
        return FaultedRecord(*cell)
    await books.take_back()
    met = len(one.ledger)
    one.arm(ArmedFault(trial.kind, one.system.id, one.name, record.id, fields=trial.fields))
    try:
        decision = await asked.ask(record)
        first, has_failed = said_of(decision), action_of(decision) is None
        if has_failed and trial.kind is FaultKind.THROTTLED_AGAIN:
            decision = await asked.ask(record)  # whoever comes again is not taken either
    finally:
        one.disarm()
    if action_of(decision) is None:
        decision = await asked.ask(record)
    after = EndedDecision(action_of(decision), await books.held())
    fired = next(iter(one.ledger[met:]), None)
    return FaultedRecord(*cell, record.id, fired, clean.ended[record.id], after, first, has_failed)
