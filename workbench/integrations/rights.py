"""Calls that the agent's account was not granted: each is tried once with arguments that belong to nothing."""

from __future__ import annotations

from workbench.environment.connections import Asked
from workbench.integrations.access import DONE_ANYWAY, refusal_verdict
from workbench.integrations.calling import EndedCall, with_operation
from workbench.integrations.declared import declare_refused
from workbench.integrations.lines import LineKind, LineVerdict
from workbench.integrations.listing import ListedCall, Listing, not_granted
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import System, SystemType


async def measure_rights(probed: Probed, listing: Listing | None) -> None:
    """Try every call that was not granted; a database's statements are rolled back whatever comes of them."""
    for name, listed in not_granted(probed.system, listing).items():
        line = f"{LineKind.RIGHTS}: {name}"
        if not probed.sheet.has("", line):
            declare_refused(probed.sheet, name, probed.system)
        if could_do_harm(probed, listed):
            why = "it takes no argument that could belong to nothing, and what it does would stay"
            probed.sheet.put("", line, LineVerdict.NOT_MEASURED, "", 0, why)
        else:
            verdict, code, said = await try_ungranted(probed, probed.system, listed)
            probed.sheet.put("", line, verdict, code, 1, said)


def could_do_harm(probed: Probed, listed: ListedCall) -> bool:
    """Return whether a call might change something that nobody can take back: a statement is rolled back anyway."""
    is_rolled_back = probed.system.type is SystemType.SQL or listed.call.startswith("GET ")
    return not (is_rolled_back or listed.arguments or probed.caller.clock.takes_back)


def refused_as_they_are(probed: Probed, listing: Listing | None) -> dict[str, ListedCall]:
    """Return the calls that were not granted and that were not let in when they were tried as they are, by name."""
    told = {one.line for one in probed.sheet.lines if one.verdict is LineVerdict.DEVIATES}
    return {
        name: listed
        for name, listed in not_granted(probed.system, listing).items()
        if f"{LineKind.RIGHTS}: {name}" not in told and not could_do_harm(probed, listed)
    }


async def try_ungranted(probed: Probed, system: System, listed: ListedCall) -> tuple[LineVerdict, str, str]:
    """Return what a call that was not granted says, its code, and what is wrong.

    Parameters
    ----------
    system : System
        The probed one, as it is reached: with the agent's own scope, or with another.
    """
    ended, has_written = await ended_ungranted(probed, system, listed)
    # without a body that is known, a call that is no further than its arguments says nothing of rights
    verdict, said = refusal_verdict(ended.code, probed.system.auth_denied), ended.said
    if verdict is LineVerdict.UNCLEAR and probed.system.type is SystemType.SOAP and "." in ended.code:
        verdict = LineVerdict.DEVIATES  # a fault of the service itself: it was let in
    if verdict is LineVerdict.KEPT and has_written:
        verdict, said = LineVerdict.DEVIATES, DONE_ANYWAY
    return verdict, ended.code, "" if verdict is LineVerdict.KEPT else said


async def ended_ungranted(probed: Probed, system: System, listed: ListedCall) -> tuple[EndedCall, bool]:
    """Return how a call that was not granted ended, and whether it wrote something."""
    # it counts as reading: so a statement's transaction is rolled back, and no key goes with it
    connection = probed.caller.reach.connection(with_operation(system, "not_granted", call=listed.call))
    try:
        before = await probed.caller.n_written()
        ended = await probed.ended(connection, Asked("not_granted", listed.arguments, key=None))
    finally:
        await connection.close()
    return ended, await probed.caller.has_written_since(before)
