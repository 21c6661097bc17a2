"""Calls that were not granted, their paths written otherwise: a right that is told by the path must hold for all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from workbench.integrations.access import DONE_ANYWAY
from workbench.integrations.access_tests.trials import AccessKind
from workbench.integrations.asking import NO_SUCH
from workbench.integrations.calling import EndedCall, is_silence
from workbench.integrations.lines import LineVerdict
from workbench.integrations.listing import ListedCall, Listing
from workbench.integrations.probed import Probed
from workbench.integrations.rights import ended_ungranted, refused_as_they_are
from workbench.pilot.integrations import System, SystemType

LINE = f"{AccessKind.RIGHTS}: paths written otherwise"
MOST_CALLS = 20


async def try_spellings(probed: Probed, listing: Listing | None) -> None:
    """Try every call that was not granted under other spellings of its path; one that is no path there is refused."""
    if probed.system.type is not SystemType.REST:
        return
    calls = list(refused_as_they_are(probed, listing).values())[:MOST_CALLS]
    if not calls:
        return
    probed.sheet.declare("", LINE, f"{' or '.join(probed.system.auth_denied)}, or no such path")
    let_in, unclear, n = list[str](), list[str](), 0
    for listed in calls:
        for call in spellings_of(listed.call):
            if is_granted(call, probed.system):
                continue
            n += 1
            ended, has_written = await ended_ungranted(probed, probed.system, replace(listed, call=call))
            if ended.is_answered and not has_written and await _answers_anything(probed, call):
                unclear.append(f"{call} ({ended.code}, as any path)")
            elif ended.is_answered or has_written:
                let_in.append(f"{call} ({ended.code})" if ended.is_answered else f"{call} ({DONE_ANYWAY})")
            elif _is_unclear(ended):
                unclear.append(f"{call} ({ended.code}: {ended.said[:60]})")
    verdict = LineVerdict.DEVIATES if let_in else LineVerdict.UNCLEAR if unclear else LineVerdict.KEPT
    said = f"{len(let_in)} of {n} spellings of {len(calls)} calls let in"
    probed.sheet.put("", LINE, verdict, said, n, "; ".join((let_in or unclear)[:3]))


def spellings_of(call: str) -> Iterator[str]:
    """Yield a call with its path written otherwise, as some servers take for the same.

    Examples
    --------
    >>> list(spellings_of("POST /runs"))
    ['POST /runs/', 'POST //runs', 'POST /%72uns', 'POST /Runs', 'POST /runs;a=1', 'POST /runs.json']
    """
    method, _, path = call.partition(" ")
    first, rest = path[1:2], path[2:]
    yield f"{method} {path}/"
    yield f"{method} /{path}"
    if first.isascii() and first.isalpha():
        yield f"{method} /%{ord(first):02x}{rest}"
        yield f"{method} /{first.swapcase()}{rest}"
    yield f"{method} {path};a=1"
    yield f"{method} {path}.json"


def is_granted(call: str, system: System) -> bool:
    """Return whether a spelling could be a call that was granted, about something of that name."""
    asked = re.sub(r"\{[^}]*\}", "x", call)
    forms = (re.split(r"\{[^}]*\}", one.call) for one in system.operations.values())
    return any(re.fullmatch("[^/]+".join(map(re.escape, parts)), asked) for parts in forms)


async def _answers_anything(probed: Probed, call: str) -> bool:
    """Return whether a system answers a path that it cannot have, too."""
    nowhere = ListedCall(f"{call.partition(' ')[0]} /{NO_SUCH}")
    return (await ended_ungranted(probed, probed.system, nowhere))[0].is_answered


def _is_unclear(ended: EndedCall) -> bool:
    """Return whether a call was stopped by something else than its rights, or its path."""
    return ended.code in ("400", "422", "429") or ended.code.startswith("5") or is_silence(ended.code)
