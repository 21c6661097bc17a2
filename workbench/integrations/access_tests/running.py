"""Every try on every system, one system after the other: what is written for one is taken back before the next."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial

import pandas as pd

from workbench.environment.connections import CallError
from workbench.integrations.access import has_no_accounts
from workbench.integrations.access_tests.accounts import try_accounts, try_expired, try_wider_scopes
from workbench.integrations.access_tests.apart import SetApart, read_apart
from workbench.integrations.access_tests.declared import access_sheet
from workbench.integrations.access_tests.heard import judge_heard
from workbench.integrations.access_tests.keys import keys_table
from workbench.integrations.access_tests.spellings import try_spellings
from workbench.integrations.access_tests.statements import statements_of
from workbench.integrations.access_tests.tenants import try_foreign
from workbench.integrations.access_tests.trials import AccessKind
from workbench.integrations.access_tests.tricks import try_inputs
from workbench.integrations.answering import doubt_silent, reachable_systems
from workbench.integrations.asking import HeldRecords, RecordsAtHand
from workbench.integrations.calling import Caller, HandsOfClock, WayIn
from workbench.integrations.declared import is_described
from workbench.integrations.lines import LineVerdict, ProbeLine
from workbench.integrations.listing import listing_of
from workbench.integrations.probe import within_time
from workbench.integrations.probed import Probed
from workbench.integrations.rights import measure_rights
from workbench.pilot.integrations import IntegrationSettings

ALL_LISTED = f"{AccessKind.RIGHTS}: what its description lists"


@dataclass(frozen=True, slots=True)
class AccessBudget:
    """Seconds that a part of the tries may take, of each system, and that all of them may take."""

    part_s: float = 20.0
    whole_s: float = 180.0


@dataclass(frozen=True, slots=True)
class AccessSeen:
    """What was seen of the systems: every try, the age of every secret, and what was set apart."""

    lines: tuple[ProbeLine, ...]
    keys: pd.DataFrame
    apart: SetApart | None


async def try_access(
    settings: IntegrationSettings, dataset: HeldRecords, reach: WayIn, budget: AccessBudget
) -> AccessSeen:
    """Return what became of every try on some systems, in the file's order.

    Raises
    ------
    RunError
        The sandbox's hooks do not answer as they must.
    """
    clock, records = HandsOfClock(settings.sandbox, reach), RecordsAtHand(dataset)
    holds, until = settings.sandbox.serve is not None, time.monotonic() + budget.whole_s
    every = [
        Probed(one, access_sheet(one), Caller(one, reach, clock), records, holds, secrets.token_hex(8), until)
        for one in settings.systems
    ]
    try:
        apart = await read_apart(settings.sandbox, reach)
        keys = keys_table(settings, apart, await clock.now())
        reachable = await reachable_systems(every)
        for one in reachable:
            await _try_system(one, apart, budget)
            await clock.take_all_back()
        await doubt_silent(reachable, "the tries")
    finally:
        for one in every:
            await one.caller.close()
        await clock.close()
    return AccessSeen(tuple(line for one in every for line in one.sheet.lines), keys, apart)


async def _try_system(probed: Probed, apart: SetApart | None, budget: AccessBudget) -> None:
    """Make the tries on one system, one part after the other; a part that fails leaves its lines open."""
    parts: tuple[tuple[AccessKind | None, Callable[[Probed], Coroutine[None, None, None]]], ...] = (
        (None, try_accounts),  # what is open of it is tried last
        (AccessKind.RIGHTS, _try_rights),
        (AccessKind.TENANT, partial(try_foreign, apart=apart)),
        (AccessKind.INPUT, try_inputs),
        (AccessKind.ACCESS, try_expired),
    )
    for kind, part in parts:
        await within_time(probed, () if kind is None else (kind,), part(probed), budget.part_s)
    judge_heard(probed, apart)


async def _try_rights(probed: Probed) -> None:
    listing = await statements_of(probed)
    if is_described(probed.system):
        try:
            listing = await listing_of(probed)
        except CallError as error:
            probed.sheet.declare("", ALL_LISTED, " or ".join(probed.system.auth_denied))
            why = f"its description cannot be read: {error}"[:120]
            probed.sheet.put("", ALL_LISTED, LineVerdict.NOT_MEASURED, "", 0, why)
    await measure_rights(probed, listing)
    if not has_no_accounts(probed):
        await try_wider_scopes(probed, listing)
    await try_spellings(probed, listing)
