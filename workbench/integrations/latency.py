"""How fast operations answer: 200 calls of each within the declared rate, held against the declared p95."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from workbench.environment.connections import CallError
from workbench.integrations.asking import asked_about
from workbench.integrations.declared import P95
from workbench.integrations.lines import LineKind, LineVerdict
from workbench.integrations.probed import Probed
from workbench.metrics import Estimate
from workbench.pilot.integrations import Operation, OperationEffect

CALLS = 200  # of each operation
QUANTILE, LEVEL = 0.95, 0.99  # bounds that each miss the true p95 in one of 200 operations at most
BEFORE_HASTE = 12  # calls one after the other, before several at once are made to a system that is too slow anyway
AT_ONCE = 12
MS_WHOLE = 10.0  # from which on digits after the point say nothing
MOST_OF_BUDGET = 0.5  # of the time that is left, for one operation
TIMER_S, MOST_LATE = 0.005, 0.25  # of the declared latency that this process may be late by itself


def judge_latency(declared_ms: float, latencies_s: Sequence[float]) -> tuple[LineVerdict, str]:
    """Return what latencies say of a declared p95, and that in words.

    "deviates" only where the lower order-statistic bound of the p95 is above it, "kept" only where the upper is below.

    Examples
    --------
    >>> judge_latency(100, [0.02] * 200)
    (<LineVerdict.KEPT: 'kept'>, 'p95 20 ms, 20 to 20')
    """
    measured = sorted(1_000 * one for one in latencies_s)
    estimate = Estimate.quantile(measured, QUANTILE, confidence_level=LEVEL)
    lower, upper = estimate.lower, estimate.upper
    value, low, high = ("?" if one is None else _in_ms(one) for one in (estimate.value, lower, upper))
    said = f"p95 {value} ms, {low} to {high}"
    if lower is not None and lower > declared_ms:
        return LineVerdict.DEVIATES, said
    return (LineVerdict.KEPT if upper is not None and upper < declared_ms else LineVerdict.UNCLEAR), said


def _in_ms(milliseconds: float) -> str:
    """Return milliseconds with digits that mean something: whole ones from 10 on, else two figures."""
    return f"{milliseconds:.0f}" if milliseconds >= MS_WHOLE else f"{milliseconds:.2g}"


async def measure_latency(probed: Probed, budget_s: float) -> None:
    """Measure every operation of a system: reads as they are, writes with the operation that takes them back."""
    operations = probed.system.operations
    undone = {one.undo for one in operations.values() if one.undo is not None}
    end = time.monotonic() + budget_s
    for name, operation in operations.items():
        left = max(1, len(probed.sheet.open_lines(LineKind.LATENCY)))  # what the others leave is theirs who come later
        share = (end - time.monotonic()) * max(1 / left, MOST_OF_BUDGET)
        until = time.monotonic() + share
        if operation.effect is OperationEffect.READ:
            await _of_read(probed, name, operation, until)
        elif operation.undo is not None:
            await _of_write(probed, name, operation, until + share)
        elif name not in undone:
            probed.sheet.leave("it writes, and nothing takes that back", name, LineKind.LATENCY)


async def _of_read(probed: Probed, name: str, operation: Operation, until: float) -> None:
    records = probed.records.some(CALLS)

    async def once(number: int) -> float:
        asked = asked_about(name, operation, records[number % len(records)])
        return (await probed.caller.call(asked)).latency_s

    async with LateTimers() as late:
        latencies = await _sampled(once, operation, until)
    _put(probed, name, latencies, late)


async def _of_write(probed: Probed, name: str, operation: Operation, until: float) -> None:
    """Measure a write together with the operation that takes it back."""
    assert operation.undo is not None
    undo, records = probed.system.operations[operation.undo], probed.records.some(CALLS)
    back: list[float] = []

    async def once(number: int) -> float:
        record = records[number % len(records)]
        answered = await probed.caller.call(asked_about(name, operation, record, probed.key(name, "latency", number)))
        back.append((await probed.caller.call(asked_about(operation.undo or "", undo, record))).latency_s)
        return answered.latency_s

    async with LateTimers() as late:
        latencies = await _sampled(once, operation, until)
    _put(probed, name, latencies, late)
    _put(probed, operation.undo, back, late)


async def _sampled(once: Callable[[int], Awaitable[float]], operation: Operation, until: float) -> list[float]:
    """Return the latency of every call that ended well, until there are enough or the time is over."""
    found: list[float] = []
    declared_s = (operation.latency_p95_ms or 0.0) / 1_000

    async def kept(number: int) -> None:
        try:
            found.append(await once(number))
        except CallError as error:
            if error.code == "timeout":
                found.append(error.latency_s)

    for number in range(min(BEFORE_HASTE, CALLS)):
        if time.monotonic() > until:
            return found
        await kept(number)
    is_slow = bool(found) and min(found) > declared_s
    at_once = AT_ONCE if is_slow else 1
    for start in range(BEFORE_HASTE, CALLS, at_once):
        if time.monotonic() > until:
            break
        await asyncio.gather(*(kept(number) for number in range(start, min(start + at_once, CALLS))))
    return found


class LateTimers:
    """How late this process's own timers are while something else is measured: what it adds itself to a latency."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LateTimers:
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()

    @property
    def p95_ms(self) -> float:
        """The 95% quantile, 0 where nothing was seen."""
        return 1_000 * sorted(self._late)[int(QUANTILE * len(self._late))] if self._late else 0.0

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TIMER_S
            await asyncio.sleep(TIMER_S)
            self._late.append(loop.time() - due)


def _put(probed: Probed, name: str, latencies: Sequence[float], late: LateTimers) -> None:
    declared_ms = probed.system.operations[name].latency_p95_ms
    if declared_ms is None or not probed.sheet.has(name, P95):
        return
    if not latencies:
        probed.sheet.put(name, P95, LineVerdict.NOT_MEASURED, "", 0, "no call ended well")
        return
    verdict, said = judge_latency(declared_ms, latencies)
    detail = "" if len(latencies) >= CALLS else f"{len(latencies)} of {CALLS} calls ended well within the time"
    if verdict is LineVerdict.DEVIATES and late.p95_ms > MOST_LATE * declared_ms:
        verdict, detail = LineVerdict.UNCLEAR, f"this machine was busy: its own timers were {late.p95_ms:.0f} ms late"
    probed.sheet.put(name, P95, verdict, said, len(latencies), detail)
