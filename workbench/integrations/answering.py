"""Whether a system answers at all, and lets the agent's own account in: without that, nothing of it can be measured."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from workbench.environment.connections import CallError
from workbench.integrations.calling import is_silence
from workbench.integrations.probed import Probed
from workbench.integrations.reading import calls_about_records
from workbench.pilot.integrations import AuthKind, OperationEffect
from workbench.words import InputError, readable

LONGEST_S, LONGEST_WHY = 12.0, 120
TOKEN_REFUSED = "400"  # OAuth 2 has it for a client that is not known


async def reachable_systems(every: Sequence[Probed]) -> list[Probed]:
    """Return the systems that may be reached and answer; why the others are not measured stands in their sheets."""
    found = []
    allowed = [one for one in every if _is_reachable(one)]
    for one, why in zip(allowed, await _silences(allowed), strict=True):
        if why is None:
            found.append(one)
        else:
            one.sheet.leave(why)
    return found


async def doubt_silent(every: Sequence[Probed], of: str) -> None:
    """Hold nothing against systems that do not answer any more at the end of what was measured."""
    for one, why in zip(every, await _silences(every), strict=True):
        if why is not None:
            one.sheet.doubt(f"at the end of {of} {why}")


def _is_reachable(probed: Probed) -> bool:
    """Return whether a system may be reached; why it may not stands in its sheet."""
    try:
        probed.caller.connection()
    except InputError as error:
        probed.sheet.leave(f"{error.problem}: {error.got}" if error.got else error.problem)
        return False
    return True


async def _silences(every: Sequence[Probed]) -> list[str | None]:
    return await asyncio.gather(*(why_nothing_answers(one) for one in every))


async def why_nothing_answers(probed: Probed) -> str | None:
    """Return why no operation of a system that reads can be called, None where one can or none reads.

    It is so where each call ends without an answer, with a redirect, or with a code that denies the agent's account.
    """
    said: list[str] = []
    try:
        async with asyncio.timeout(LONGEST_S):
            for name, operation in probed.system.operations.items():
                if operation.effect is not OperationEffect.READ:
                    continue
                _, asked = next(calls_about_records(probed, name, operation), (None, None))
                if asked is None:
                    return None
                try:
                    await probed.caller.call(asked)
                except CallError as error:
                    why = _of_system(probed, error)
                    if why is None:
                        return None
                    said.append(why)
                else:
                    return None
    except TimeoutError:
        return f"it does not answer within {LONGEST_S:g} s"
    return said[0] if said else None


def _of_system(probed: Probed, error: CallError) -> str | None:
    """Return what an error says of the system as a whole, None where it is about the call."""
    detail = readable(error.detail, LONGEST_WHY)
    if is_silence(error.code):
        return f"it does not answer: {detail}"
    if error.code.startswith("3"):
        return f"it answers with {detail}"
    auth = probed.system.auth
    has_token = auth is not None and auth.kind is AuthKind.CLIENT_CREDENTIALS
    if auth is not None and error.code in (*probed.system.auth_denied, *((TOKEN_REFUSED,) if has_token else ())):
        return f"it does not let the agent's own account in: {error.code}, {detail}"
    return None
