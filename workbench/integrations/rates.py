"""Where refusals begin: calls as fast as they can be made, then those of a span of time, then what is asked to wait."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field, replace

from workbench.environment.connections import Asked, CallError
from workbench.integrations.asking import asked_about
from workbench.integrations.calling import TOO_MANY, code_of
from workbench.integrations.declared import BEYOND, BURST, PER_SECOND, RETRY_AFTER
from workbench.integrations.lines import LineKind, LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import OnExceed, Operation, OperationEffect, Rate

AT_ONCE, SLACK = 24, 8  # calls under way, and by how many a count may be off for that
FEWEST = 0.9  # of the declared rate, at which no call may be refused
MOST = 1.25  # of the declared rate, above which calls must be refused
LOOKED_UP = ("404", "Client.NotFound")  # a call that was taken, of a record that is not there
MOST_AFTER = 40  # calls of each operation after the first refusal
AFTER_FIRST = 4  # refusals of each operation that are waited for once the first came
SPANS, MOST_SPANS = 2, 6  # how often the rate is measured, and tried
SPAN = 0.8  # of the time that fills the burst
MOST_WRITES = 100  # at once
LONGEST_S = 6.0  # of one flood
TELLING_SHARE, TELLING_CALLS = 0.3, 25  # of all refused, and calls without one refusal, that tell of no limit


@dataclass(slots=True)
class Flood:
    """What came of calls as fast as they could be made.

    Parameters
    ----------
    before : int, optional
        Accepted of those made before the first refusal, which came after `before_s` seconds; None where none did.
    """

    accepted: int = 0
    refused: int = 0
    before: int | None = None
    before_s: float = 0.0
    seconds: float = 0.0
    took_s: float = 0.0  # by this process's clock
    longest_gap_s: float = 0.0
    refused_at: float = 0.0  # by the sandbox's clock as it is known here, when the call was made that was refused first
    ended_at: float = 0.0  # when that refusal came
    beyond: dict[str, int] = field(default_factory=dict)  # calls of each operation after the first refusal
    refused_by: dict[str, int] = field(default_factory=dict)
    asked_to_wait: list[float | None] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    made: int = 0
    made_before: int = 0  # when the first refusal came

    def make(self) -> int:
        """Return the number of the next call."""
        self.made += 1
        return self.made - 1

    def take(self, number: int, operation: str) -> None:
        """Count a call that was taken; those under way at the first refusal overtake each other, so they count too."""
        self.accepted += 1
        if self.before is not None:
            self.beyond[operation] = self.beyond.get(operation, 0) + 1
            self.before += number < self.made_before

    def refuse(self, operation: str, wait_s: float | None, elapsed_s: float) -> None:
        """Count a call that was refused."""
        if self.before is None:
            self.before, self.before_s, self.made_before = self.accepted, elapsed_s, self.made
        self.refused += 1
        self.beyond[operation] = self.beyond.get(operation, 0) + 1
        self.refused_by[operation] = self.refused_by.get(operation, 0) + 1
        self.asked_to_wait.append(wait_s)


async def measure_rate(probed: Probed) -> None:
    """Measure where a system's refusals begin, and what it says then; nobody else may call it meanwhile."""
    rate = probed.system.rate
    if rate is not None and rate.on_exceed is OnExceed.REFUSES:
        async with probed.caller.clock.standing():
            await _measure(probed)
    else:  # what makes callers wait needs time to pass
        await _measure(probed)


async def _measure(probed: Probed) -> None:
    rate, operations = probed.system.rate, probed.system.operations
    asked = [
        _small(asked_about(name, one, record), one)
        for record in probed.records.some(AT_ONCE)
        for name, one in operations.items()
        if one.effect is OperationEffect.READ
    ]
    if rate is None or not asked:
        probed.sheet.leave("no operation reads, and none is written that often", "", LineKind.RATE)
        return
    await probed.caller.fill_up()  # a system that takes fewer calls than agreed may take none now
    await probed.caller.connection().call(asked[0])  # what is set up once must not count
    await probed.caller.fill_up()
    flood = await _flood(probed, asked, rate)
    if rate.on_exceed is not OnExceed.REFUSES:
        said = f"{flood.refused + len(flood.other)} of {_total(flood)} calls were refused, {_pace(flood)}"
        is_kept = not flood.refused and not flood.other
        probed.sheet.holds("", BEYOND, is_kept, said, _total(flood), flood.other[0] if flood.other else "")
        return
    _judge_burst(probed, rate, flood)
    if flood.refused:
        await _judge_wait(probed, flood, asked[0])
        await _judge_rate(probed, rate, asked)
        _judge_operations(probed, flood)
    await _judge_writes(probed, rate)


def _small(asked: Asked, operation: Operation) -> Asked:
    """Return a call, of a list one with the smallest page."""
    size = None if operation.paging is None else operation.paging.size
    return asked if size is None else replace(asked, arguments={**asked.arguments, size: 1})


async def _flood(probed: Probed, asked: list[Asked], rate: Rate) -> Flood:
    """Call as fast as can be, until each operation was refused some times, or should have been."""
    flood, connection, clock = Flood(), probed.caller.connection(), probed.caller.clock
    start, began = clock.seconds(), time.monotonic()

    async def one_after_another() -> None:
        while time.monotonic() - began < LONGEST_S and not _is_over(flood, asked, rate, clock.seconds() - start):
            number = flood.make()
            one = asked[number % len(asked)]
            try:
                await connection.call(one)
            except CallError as error:
                if error.code == TOO_MANY:
                    flood.refuse(one.operation, error.retry_after_s, clock.seconds() - start)
                    continue
                flood.other += [] if error.code in LOOKED_UP else [f"{error.code}: {error.detail}"]
            flood.take(number, one.operation)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    flood.seconds, flood.took_s = clock.seconds() - start, time.monotonic() - began
    return flood


def _is_over(flood: Flood, asked: list[Asked], rate: Rate, elapsed_s: float) -> bool:
    """Return whether a flood has shown what it can."""
    names = {one.operation for one in asked}
    if flood.before is None:
        return flood.accepted > MOST * (rate.burst + rate.per_s * elapsed_s) + 2 * SLACK
    is_refused = all(flood.refused_by.get(name, 0) >= AFTER_FIRST for name in names)
    return is_refused or sum(flood.beyond.values()) >= MOST_AFTER * len(names)


def _judge_burst(probed: Probed, rate: Rate, flood: Flood) -> None:
    """Put down whether the burst is taken at once, and whether calls beyond it and the rate are refused."""
    sheet, n = probed.sheet, _total(flood)
    if flood.other:
        said = f"{len(flood.other)} of {n:,} calls ended otherwise than with {TOO_MANY}"
        sheet.put("", BEYOND, LineVerdict.DEVIATES, said, n, flood.other[0])
    if flood.before is None:
        said = f"none of {n:,} refused in {flood.seconds:.1f} s"
        allowed = rate.burst + rate.per_s * flood.seconds
        if flood.accepted > MOST * allowed:
            sheet.put("", BEYOND, LineVerdict.DEVIATES, said, n, f"{allowed:,.0f} may be taken in that time")
        else:
            why = f"this machine makes {_pace(flood)}, too few to go beyond the rate"
            sheet.put("", BEYOND, LineVerdict.NOT_MEASURED, said, n, why)
        sheet.put("", BURST, LineVerdict.KEPT, said, n)
        sheet.leave("no call was refused", "", LineKind.RATE)
        return
    said, allowed = f"first refused after {flood.before:,}", rate.burst + rate.per_s * flood.before_s
    sheet.holds("", BURST, flood.before >= FEWEST * rate.burst, said, n)
    is_refused = flood.before <= MOST * allowed + SLACK
    sheet.holds(
        "", BEYOND, is_refused, f"{said} in {flood.before_s:.2f} s", n, f"{allowed:,.0f} may be taken in that time"
    )


def _judge_operations(probed: Probed, flood: Flood) -> None:
    """Put down which operations were refused beyond the rate; one that never was, while others were, is not limited."""
    line, share = f"{LineKind.ERROR}: {TOO_MANY}", flood.refused / max(1, sum(flood.beyond.values()))
    for name, calls in flood.beyond.items():
        refused = flood.refused_by.get(name, 0)
        is_telling = refused > 0 or (share >= TELLING_SHARE and calls >= TELLING_CALLS)
        if is_telling and probed.sheet.has(name, line):
            said = f"{refused} of {calls} calls beyond the rate were refused"
            probed.sheet.holds(name, line, refused > 0, said, calls)


async def _judge_writes(probed: Probed, rate: Rate) -> None:
    """Write as many at once as the burst allows, where all is taken back: a system may take fewer writes than reads."""
    n = min(int(FEWEST * rate.burst), MOST_WRITES)
    if not probed.caller.clock.takes_back or not probed.sheet.has("", BURST):
        return
    for name, one in probed.system.operations.items():
        if one.idempotency_key is None or one.undo is None:
            continue
        connection, undo = probed.caller.connection(), probed.system.operations[one.undo]
        records = probed.records.some(n)
        await probed.caller.fill_up()
        keyed = [asked_about(name, one, record, probed.key(name, "at once", record)) for record in records]
        ended = await asyncio.gather(*(code_of(connection, asked) for asked in keyed))
        refused = sum(code == TOO_MANY for code, _ in ended)
        if refused:
            said = f"{refused} of {len(ended)} calls of {name} at once refused"
            probed.sheet.put("", BURST, LineVerdict.DEVIATES, said, len(ended), f"{rate.burst:,} may be called at once")
        await probed.caller.fill_up()
        await asyncio.gather(*(code_of(connection, asked_about(one.undo, undo, record)) for record in records))


async def _judge_wait(probed: Probed, flood: Flood, asked: Asked) -> None:
    """Put down whether refusals say how long to wait, and whether a call after that time is taken."""
    if not probed.sheet.has("", RETRY_AFTER):
        return
    said = [one for one in flood.asked_to_wait if one is not None]
    if len(said) < len(flood.asked_to_wait):
        text = f"{len(flood.asked_to_wait) - len(said)} of {len(flood.asked_to_wait)} refusals do not say it"
        probed.sheet.put("", RETRY_AFTER, LineVerdict.DEVIATES, text, len(flood.asked_to_wait))
        return
    if min(said) <= 0:
        probed.sheet.put("", RETRY_AFTER, LineVerdict.DEVIATES, "a refused call is asked to wait 0 s", len(said))
        return
    waits = (await _emptied(probed, [asked])).asked_to_wait or said[-1:]  # so that nothing is left just before
    wait_s = waits[-1] or 0.0
    if not await probed.caller.clock.pass_by(wait_s):
        probed.sheet.put("", RETRY_AFTER, LineVerdict.NOT_MEASURED, f"{wait_s:g} s", 1, "too long to wait for")
        return
    try:
        await probed.caller.connection().call(asked)
        is_taken, code = True, "taken"
    except CallError as error:
        is_taken, code = error.code != TOO_MANY, error.code
    probed.sheet.holds("", RETRY_AFTER, is_taken, f"asked to wait {wait_s:g} s, then {code}", 1)


async def _judge_rate(probed: Probed, rate: Rate, asked: list[Asked]) -> None:
    """Put down how many calls a second are taken on the long run: emptied, a span of time, emptied again.

    A call is refused between its sending and its answer, so each span gives bounds of the rate; all of them hold, and
    the span in which this machine was least busy says most. Where the sandbox's clock stands, all say the same.
    """
    taken, spans, full_s, lower, upper = 0, 0, rate.burst / rate.per_s, 0.0, math.inf
    clock, before = probed.caller.clock, await _emptied(probed, asked)
    for _ in range(MOST_SPANS):
        left_s = max(0.0, SPAN * full_s - (clock.seconds() - before.ended_at))  # slow calls took their time to end
        if not await clock.pass_by(left_s):
            return
        idle_s = clock.seconds() - before.ended_at
        earlier, flood = before, await _emptied(probed, asked)
        before = flood
        if idle_s > full_s or flood.longest_gap_s > full_s / 2:
            continue  # this machine was busy, so the burst was full before it was called for
        taken, spans = taken + flood.accepted, spans + 1
        shortest_s = flood.refused_at - earlier.ended_at
        lower = max(lower, (flood.accepted - 1) / (flood.ended_at - earlier.refused_at))
        upper = min(upper, (flood.accepted + 1) / shortest_s if shortest_s > 0 else math.inf)
        verdict = _verdict_on(rate, lower, upper)
        if spans >= SPANS and verdict is not LineVerdict.UNCLEAR:
            break
    if not spans:
        probed.sheet.put("", PER_SECOND, LineVerdict.NOT_MEASURED, "", 0, "this machine was too busy to measure it")
        return
    probed.sheet.put("", PER_SECOND, verdict, f"{lower:.3g} to {upper:.3g} a second", taken)


def _verdict_on(rate: Rate, lower: float, upper: float) -> LineVerdict:
    """Return what bounds of a rate say of the declared one."""
    least, most = FEWEST * rate.per_s, MOST * rate.per_s
    if upper < least or lower > most:
        return LineVerdict.DEVIATES
    return LineVerdict.KEPT if least <= lower and upper <= most else LineVerdict.UNCLEAR


async def _emptied(probed: Probed, asked: list[Asked]) -> Flood:
    """Call until the first refusal, a few at once."""
    flood, until = Flood(), time.monotonic() + LONGEST_S
    connection, clock = probed.caller.connection(), probed.caller.clock
    last = clock.seconds()

    async def until_refused(first: int) -> None:
        nonlocal last
        turn = first
        while flood.before is None and time.monotonic() < until:
            turn, sent_at = turn + 1, clock.seconds()
            try:
                await connection.call(asked[turn % len(asked)])
                flood.accepted += 1
                now = clock.seconds()
                if flood.before is None:
                    flood.longest_gap_s, last = max(flood.longest_gap_s, now - last), now
            except CallError as error:
                if error.code == TOO_MANY:
                    if flood.before is None:
                        flood.refused_at, flood.ended_at = sent_at, clock.seconds()
                    flood.before = flood.accepted
                    flood.asked_to_wait.append(error.retry_after_s)
                else:
                    flood.accepted += 1

    await asyncio.gather(*(until_refused(first) for first in range(AT_ONCE)))
    flood.ended_at = flood.ended_at or clock.seconds()
    flood.refused_at = flood.refused_at or flood.ended_at
    return flood


def _total(flood: Flood) -> int:
    return flood.accepted + flood.refused


def _pace(flood: Flood) -> str:
    return f"{_total(flood) / max(flood.took_s, 1e-6):,.0f} calls a second"
