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
from workbench.pilot.integrations import Operation, OperationEffect
from workbench.stats import quantile_interval

CALLS = 200  # of each operation
QUANTILE, LEVEL = 0.95, 0.99  # bounds that each miss the true p95 in one of 200 operations at most
BEFORE_HASTE = 30  # calls one after the other, before several at once are made to a system that is too slow anyway
AT_ONCE = 8


def judge_latency(declared_ms: float, latencies_s: Sequence[float]) -> tuple[LineVerdict, str]:
    """Return what latencies say of a declared p95, and that in words.

    "deviates" only where the lower order-statistic bound of the p95 is above it, "kept" only where the upper is below.

    Examples
    --------
    >>> judge_latency(100, [0.02] * 200)
    (<LineVerdict.KEPT: 'kept'>, 'p95 20 ms, 20 to 20')
    """
    measured = sorted(1_000 * one for one in latencies_s)
    lower, upper = quantile_interval(measured, QUANTILE, LEVEL)
    p95 = measured[min(len(measured) - 1, int(QUANTILE * len(measured)))]
    bounds = f"{'?' if lower is None else f'{lower:.0f}'} to {'?' if upper is None else f'{upper:.0f}'}"
    said = f"p95 {p95:.0f} ms, {bounds}"
    if lower is not None and lower > declared_ms:
        return LineVerdict.DEVIATES, said
    return (LineVerdict.KEPT if upper is not None and upper < declared_ms else LineVerdict.UNCLEAR), said


async def measure_latency(probed: Probed, budget_s: float) -> None:
    """Measure every operation of a system: reads as they are, writes with the operation that takes them back."""
    operations = probed.system.operations
    undone = {one.undo for one in operations.values() if one.undo is not None}
    n = max(1, len(probed.sheet.open_lines(LineKind.LATENCY)))
    for name, operation in operations.items():
        until = time.monotonic() + budget_s / n
        if operation.effect is OperationEffect.READ:
            await _of_read(probed, name, operation, until)
        elif operation.undo is not None:
            await _of_write(probed, name, operation, until + budget_s / n)
        elif name not in undone:
            probed.sheet.leave("it writes, and nothing takes that back", name, LineKind.LATENCY)


async def _of_read(probed: Probed, name: str, operation: Operation, until: float) -> None:
    records = probed.records.some(CALLS)

    async def once(number: int) -> float:
        asked = asked_about(name, operation, records[number % len(records)])
        return (await probed.caller.call(asked)).latency_s

    _put(probed, name, operation, await _sampled(once, operation, until))


async def _of_write(probed: Probed, name: str, operation: Operation, until: float) -> None:
    """Measure a write together with the operation that takes it back."""
    assert operation.undo is not None
    undo, records, back = probed.system.operations[operation.undo], probed.records.some(CALLS), []

    async def once(number: int) -> float:
        record = records[number % len(records)]
        answered = await probed.caller.call(asked_about(name, operation, record, probed.key(name, "latency", number)))
        back.append((await probed.caller.call(asked_about(operation.undo or "", undo, record))).latency_s)
        return answered.latency_s

    latencies = await _sampled(once, operation, until)
    _put(probed, name, operation, latencies)
    _put(probed, operation.undo, undo, back)


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
    is_slow = bool(found) and sorted(found)[len(found) // 2] > declared_s
    at_once = AT_ONCE if is_slow else 1
    for start in range(BEFORE_HASTE, CALLS, at_once):
        if time.monotonic() > until:
            break
        await asyncio.gather(*(kept(number) for number in range(start, min(start + at_once, CALLS))))
    return found


def _put(probed: Probed, name: str, operation: Operation, latencies: Sequence[float]) -> None:
    if operation.latency_p95_ms is None or not probed.sheet.has(name, P95):
        return
    if not latencies:
        probed.sheet.put(name, P95, LineVerdict.NOT_MEASURED, "", 0, "no call ended well")
        return
    verdict, said = judge_latency(operation.latency_p95_ms, latencies)
    few = "" if len(latencies) >= CALLS else f"{len(latencies)} of {CALLS} calls ended well within the time"
    probed.sheet.put(name, P95, verdict, said, len(latencies), few)
