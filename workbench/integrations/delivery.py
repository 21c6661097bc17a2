"""A queue's promise: what was acknowledged is gone, what was not comes again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

from workbench.environment.connections import Asked, CallError, QueueConnection
from workbench.integrations.declared import ONCE_ACKNOWLEDGED, RECEIVE, UNTIL_ACKNOWLEDGED
from workbench.integrations.lines import LineKind, LineVerdict
from workbench.integrations.probed import Probed

LONG_S = 3_600.0  # after which any queue has given up waiting for an acknowledgement
RECEIVED = 3  # messages of which the first is acknowledged
LOOKED_AT = 60  # messages among which an earlier one comes again, or all are received
DRAINED, AT_ONCE = 0.8, 8  # of the time that there is, for receiving all, so many at once
MESSAGE = "message"


async def measure_delivery(probed: Probed, budget_s: float) -> None:
    """Receive messages, acknowledge the first of them, and look which come again once the clock was put forward."""
    connection = probed.caller.connection()
    if not isinstance(connection, QueueConnection):
        return
    if not probed.caller.clock.is_there:
        probed.sheet.leave("no test clock, and the time of a message is not waited for", None, LineKind.DELIVERY)
        return
    for name, operation in probed.system.operations.items():
        if operation.call == RECEIVE:
            await _measure(probed, name, connection, time.monotonic() + DRAINED * budget_s)


async def _measure(probed: Probed, name: str, connection: QueueConnection, until: float) -> None:
    # what other parts of the probe received has come back first, so that these are not among it
    await probed.caller.clock.pass_by(LONG_S)
    received = [await _next(probed, name) for _ in range(RECEIVED)]
    numbers = [number for number in received if number is not None]
    if len(numbers) < RECEIVED:
        probed.sheet.leave(f"fewer than {RECEIVED} messages are in the queue", name, LineKind.DELIVERY)
        return
    await probed.caller.room()
    try:
        await connection.acknowledge(int(numbers[0]))
    except CallError as error:
        probed.sheet.put(name, ONCE_ACKNOWLEDGED, LineVerdict.DEVIATES, "not acknowledged", 1, str(error))
        return
    await probed.caller.clock.pass_by(LONG_S)
    again, is_all = await _until_back(probed, name, connection, ({*numbers[1:]}, until))
    is_back = {*numbers[1:]} <= {*again}
    probed.sheet.holds(name, ONCE_ACKNOWLEDGED, numbers[0] not in again, f"not among the next {len(again)}", len(again))
    verdict = LineVerdict.KEPT if is_back else LineVerdict.DEVIATES if is_all else LineVerdict.UNCLEAR
    said = "came again" if is_back else f"not among the next {len(again)}{', which are all' if is_all else ''}"
    probed.sheet.put(name, UNTIL_ACKNOWLEDGED, verdict, said, RECEIVED - 1)


async def _until_back(
    probed: Probed, name: str, connection: QueueConnection, awaited: tuple[set[Any], float]
) -> tuple[list[Any], bool]:
    """Return what is received until the awaited came again or the time is over, and whether nothing more was there.

    Where all can be put back afterwards, what comes before is acknowledged, so that the queue ends.
    """
    (wanted, until), again = awaited, list[Any]()
    is_all, drains = False, probed.caller.clock.takes_back

    async def one() -> None:
        nonlocal is_all
        number = await _next(probed, name)
        if number is None:
            is_all = True
            return
        again.append(number)
        if drains and number not in wanted and len(again) > LOOKED_AT:
            await probed.caller.room()
            with contextlib.suppress(CallError):
                await connection.acknowledge(int(number))

    while not is_all and not wanted <= {*again} and (len(again) < LOOKED_AT or (drains and time.monotonic() < until)):
        await asyncio.gather(*(one() for _ in range(1 if len(again) < LOOKED_AT else AT_ONCE)))
    return again, is_all


async def _next(probed: Probed, name: str) -> Any:
    """Return the number of the next message, None where there is none."""
    content = (await probed.caller.call(Asked(name))).content
    return content.get(MESSAGE) if isinstance(content, Mapping) else None
