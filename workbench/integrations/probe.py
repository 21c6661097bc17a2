"""The probe of a pilot's systems: each measured on its own, then, one after the other, what needs the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from workbench.environment.connections import CallError
from workbench.integrations.access import measure_access, measure_tokens
from workbench.integrations.answers import judge_answers
from workbench.integrations.asking import RecordsAtHand
from workbench.integrations.calling import Caller, HandsOfClock, Reach
from workbench.integrations.declared import sheet_of
from workbench.integrations.erring import OPENLY, measure_errors
from workbench.integrations.generated import measure_description
from workbench.integrations.latency import measure_latency
from workbench.integrations.lines import LineKind, ProbeLine
from workbench.integrations.listing import Listing, read_listing
from workbench.integrations.paging import measure_paging
from workbench.integrations.probed import Probed
from workbench.integrations.rates import measure_rate
from workbench.integrations.reading import read_records
from workbench.integrations.rights import measure_rights
from workbench.integrations.writing import measure_writing
from workbench.pilot.integrations import IntegrationSettings, System
from workbench.records.splits import Dataset
from workbench.words import InputError

TIME_OVER = "the time of the probe was over"
AT_ONCE = 2  # systems whose latency is measured at once: more would measure this machine


@dataclass(frozen=True, slots=True)
class ProbeBudget:
    """Seconds that a part of the probe may take, of each system."""

    functions_s: float = 15.0
    description_s: float = 5.0
    latency_s: float = 12.0
    rate_s: float = 6.0
    tokens_s: float = 5.0


async def probe_systems(
    settings: IntegrationSettings, dataset: Dataset, reach: Reach, budget: ProbeBudget
) -> tuple[ProbeLine, ...]:
    """Return every declared line of some systems with what was measured of it, in the file's order.

    Systems are measured at once as far as they do not disturb each other. What needs the clock to stand still or to be
    put far forward, the rates and the ageing of tokens, is measured of one system after the other.
    """
    clock, records = HandsOfClock(settings.sandbox, reach), RecordsAtHand(dataset)
    holds = settings.sandbox.serve is not None
    every = [_probed(system, records, Caller(system, reach, clock), holds_records=holds) for system in settings.systems]
    reachable = [one for one in every if _is_reachable(one)]
    try:
        listings = await asyncio.gather(*(_functions(one, budget) for one in reachable))
        for one, listing in zip(reachable, listings, strict=True):
            await _bounded(one, lambda p, found=listing: measure_description(p, found, budget.description_s), budget.description_s + 5.0)
        await clock.take_all_back()
        turns = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(_latency(one, budget, turns) for one in reachable))
        for one in reachable:
            await _bounded(one, measure_rate, budget.rate_s + 5.0)
        for one in reachable:
            await _bounded(one, measure_tokens, budget.tokens_s)
        await clock.take_all_back()
    finally:
        for one in every:
            await one.caller.close()
        await clock.close()
    for one in reachable:
        one.sheet.leave(OPENLY, None, LineKind.ERROR)
    return tuple(line for one in every for line in one.sheet.lines)


def _probed(system: System, records: RecordsAtHand, caller: Caller, *, holds_records: bool) -> Probed:
    return Probed(system, sheet_of(system), caller, records, holds_records)


def _is_reachable(probed: Probed) -> bool:
    """Return whether a system may be reached; why it may not stands in its sheet."""
    try:
        probed.caller.connection()
    except InputError as error:
        probed.sheet.leave(f"{error.problem}: {error.got}" if error.got else error.problem)
        return False
    return True


async def _functions(probed: Probed, budget: ProbeBudget) -> Listing | None:
    """Measure what a system does, one part after the other; a part that fails leaves its lines open."""
    found: list[Listing | None] = []

    async def list_calls(one: Probed) -> None:
        found.append(await read_listing(one))

    async def rights(one: Probed) -> None:
        await measure_rights(one, found[0] if found else None)

    until = time.monotonic() + budget.functions_s
    for part in (list_calls, measure_access, rights, read_records, measure_writing, measure_errors, measure_paging):
        await _bounded(probed, part, until - time.monotonic())
    judge_answers(probed.sheet, probed.system, probed.seen, holds_records=probed.holds_records)
    return found[0] if found else None


async def _latency(probed: Probed, budget: ProbeBudget, turns: asyncio.Semaphore) -> None:
    async with turns:
        await _bounded(probed, lambda one: measure_latency(one, budget.latency_s), budget.latency_s + 5.0)


async def _bounded(probed: Probed, part: Callable[[Probed], Awaitable[None]], seconds: float) -> None:
    """Run a part of the probe; where its time is over or a call fails that must not, its lines say so."""
    kinds = KINDS_OF.get(getattr(part, "__name__", ""), ())
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await part(probed)
    except TimeoutError:
        why = TIME_OVER
    except CallError as error:
        why = f"a call failed: {error}"[:160]
    else:
        return
    for kind in kinds:
        probed.sheet.leave(why, None, kind)


KINDS_OF = {
    "measure_access": (LineKind.ACCESS,),
    "rights": (LineKind.RIGHTS,),
    "read_records": (LineKind.ANSWER,),
    "measure_writing": (LineKind.WRITING,),
    "measure_errors": (LineKind.ERROR,),
    "measure_paging": (LineKind.PAGING,),
    "measure_rate": (LineKind.RATE,),
    "measure_tokens": (LineKind.ACCESS,),
}
