"""The probe of a pilot's systems: each measured on its own, then, one after the other, what needs the clock."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum

from workbench.environment.connections import CallError
from workbench.integrations.access import measure_access, measure_tokens
from workbench.integrations.answering import doubt_silent, reachable_systems
from workbench.integrations.answers import judge_answers
from workbench.integrations.asking import HeldRecords, RecordsAtHand
from workbench.integrations.calling import Caller, HandsOfClock, WayIn
from workbench.integrations.declared import sheet_of
from workbench.integrations.delivery import measure_delivery
from workbench.integrations.erring import OPENLY, measure_errors
from workbench.integrations.generated import measure_description
from workbench.integrations.invented import measure_invented
from workbench.integrations.latency import measure_latency
from workbench.integrations.lines import LineKind, ProbeLine
from workbench.integrations.listing import Listing, read_listing
from workbench.integrations.paging import measure_paging
from workbench.integrations.probed import Probed
from workbench.integrations.rates import measure_rate
from workbench.integrations.reading import ask_about_records
from workbench.integrations.rights import measure_rights
from workbench.integrations.writing import measure_late_keys, measure_writing
from workbench.pilot.integrations import IntegrationSettings

LATER = (LineKind.ACCESS, LineKind.WRITING)  # kinds of which lines are measured later
TIME_OVER = "the time of the probe was over"
LONGEST_WHY = 160  # characters
SLACK_S = 5.0  # after a part's own budget
AT_ONCE = 2  # systems whose latency is measured at once: more would measure this machine


@dataclass(frozen=True, slots=True)
class ProbeBudget:
    """Seconds that a part of the probe may take, of each system, and that all of it may take."""

    functions_s: float = 15.0
    description_s: float = 5.0
    latency_s: float = 12.0
    rate_s: float = 12.0
    tokens_s: float = 5.0
    delivery_s: float = 12.0
    whole_s: float = 55.0


async def probe_systems(
    settings: IntegrationSettings, dataset: HeldRecords, reach: WayIn, budget: ProbeBudget
) -> tuple[ProbeLine, ...]:
    """Return every declared line of some systems with what was measured of it, in the file's order.

    Systems are measured at once as far as they do not disturb each other. What needs the clock to stand still or to be
    put far forward, the rates and the ageing of tokens, is measured of one system after the other.
    """
    clock, records = HandsOfClock(settings.sandbox, reach), RecordsAtHand(dataset)
    holds, until = settings.sandbox.serve is not None, time.monotonic() + budget.whole_s
    every = [
        Probed(one, sheet_of(one), Caller(one, reach, clock), records, holds, secrets.token_hex(8), until)
        for one in settings.systems
    ]
    try:
        reachable = await reachable_systems(every)
        listings = await asyncio.gather(*(_functions(one, budget) for one in reachable))
        for one, listing in zip(reachable, listings, strict=True):
            drawing = measure_description(one, listing, budget.description_s)
            await within_time(one, (LineKind.DESCRIPTION,), drawing, budget.description_s + SLACK_S)
        await clock.take_all_back()
        turns = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(_latency(one, budget, turns) for one in reachable))
        for one in reachable:
            await within_time(one, (LineKind.RATE,), measure_rate(one), budget.rate_s)
        for one in reachable:
            await within_time(one, (LineKind.ACCESS,), measure_tokens(one), budget.tokens_s)
            await within_time(one, (LineKind.WRITING,), measure_late_keys(one), budget.tokens_s)
            await within_time(one, (LineKind.DELIVERY,), measure_delivery(one, budget.delivery_s), budget.delivery_s)
        await clock.take_all_back()
        await doubt_silent(reachable, "the probe")
    finally:
        for one in every:
            await one.caller.close()
        await clock.close()
    for one in reachable:
        one.sheet.leave(OPENLY, None, LineKind.ERROR)
    return tuple(line for one in every for line in one.sheet.lines)


async def _functions(probed: Probed, budget: ProbeBudget) -> Listing | None:
    """Measure what a system does, one part after the other; a part that fails leaves its lines open."""
    listings: list[Listing | None] = [None]

    async def listed_and_refused(probed: Probed) -> None:
        listings.append(await read_listing(probed))
        await measure_rights(probed, listings[-1])

    until = time.monotonic() + budget.functions_s
    parts: tuple[tuple[LineKind, Callable[[Probed], Coroutine[None, None, None]]], ...] = (
        (LineKind.ACCESS, measure_access),
        (LineKind.ACCESS, measure_invented),
        (LineKind.RIGHTS, listed_and_refused),
        (LineKind.ANSWER, ask_about_records),
        (LineKind.WRITING, measure_writing),
        (LineKind.ERROR, measure_errors),
        (LineKind.PAGING, measure_paging),
    )
    for kind, part in parts:
        await within_time(probed, () if kind in LATER else (kind,), part(probed), until - time.monotonic())
    contract = probed.records.contract
    judge_answers(probed.sheet, probed.system, probed.seen, contract, holds_records=probed.holds_records)
    return listings[-1]


async def _latency(probed: Probed, budget: ProbeBudget, turns: asyncio.Semaphore) -> None:
    async with turns:
        measuring = measure_latency(probed, budget.latency_s)
        await within_time(probed, (LineKind.LATENCY,), measuring, budget.latency_s + SLACK_S)


async def within_time(
    probed: Probed, kinds: tuple[StrEnum, ...], part: Coroutine[None, None, None], seconds: float
) -> None:
    """Run a part of the probe; where its time is over or a call fails that must not, its lines say so."""
    try:
        async with asyncio.timeout(max(0.0, min(seconds, probed.until - time.monotonic()))):
            await part
    except TimeoutError:
        why = TIME_OVER
    except CallError as error:
        why = f"a call failed: {error}"[:LONGEST_WHY]
    else:
        return
    for kind in kinds:
        probed.sheet.leave(why, None, kind)
