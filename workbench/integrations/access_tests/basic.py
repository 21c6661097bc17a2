"""A token asked for the other way: client id and secret as basic authentication, in place of the form."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from urllib.parse import quote_plus

from workbench.environment.connections import Account, CallError, credentials_of
from workbench.integrations.access import must_be_refused, reading_operation, token_refusals
from workbench.integrations.access_tests.declared import INVENTED_AS_BASIC, ROTATED_AS_BASIC
from workbench.integrations.calling import WayIn, is_silence
from workbench.integrations.invented import BEARER, token_answer, with_plain_token
from workbench.integrations.lines import LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import Authentication


async def try_as_basic(probed: Probed) -> None:
    """Ask for a token with the secret before and with an invented one; with one that is given, call.

    Source: RFC 6749, 2.3.1: where a client has a secret, basic authentication must be taken, and the form may be. Two
    ways that look at the secret are two places where a rotation can be forgotten.
    """
    auth, reach = probed.system.auth, probed.caller.reach
    if auth is None:
        return
    if probed.sheet.has("", ROTATED_AS_BASIC):
        if auth.previous_secret_env in reach.secrets:
            await _try_secret(probed, auth, reach.secrets[auth.previous_secret_env or ""], ROTATED_AS_BASIC)
        else:
            why = f"{auth.previous_secret_env} is not set"
            probed.sheet.put("", ROTATED_AS_BASIC, LineVerdict.NOT_MEASURED, "", 0, why)
    if probed.sheet.has("", INVENTED_AS_BASIC):
        await _try_secret(probed, auth, secrets.token_urlsafe(24), INVENTED_AS_BASIC)


async def _try_secret(probed: Probed, auth: Authentication, secret: str, line: str) -> None:
    user = credentials_of(auth, probed.caller.reach.secrets, Account.OWN).user or ""
    coded = b64encode(f"{quote_plus(user)}:{quote_plus(secret)}".encode()).decode()
    try:
        answered = await token_answer(probed, auth, {}, {"Authorization": f"Basic {coded}"})
    except CallError as error:
        probed.sheet.put("", line, LineVerdict.UNCLEAR, error.code, 1, error.detail)
        return
    code, token = str(answered.status), token_in(answered.body) if 200 <= answered.status < 300 else None
    if token is not None:
        await _call_with(probed, auth, token, line)
        return
    is_refused = code in (*probed.system.auth_denied, *token_refusals(probed)) and not is_silence(code)
    verdict = LineVerdict.KEPT if is_refused else LineVerdict.UNCLEAR
    probed.sheet.put("", line, verdict, code, 1, "" if is_refused else "no token, and no refusal")


async def _call_with(probed: Probed, auth: Authentication, token: str, line: str) -> None:
    """Call a reading operation with a token that must not have been given."""
    reach = probed.caller.reach
    known = {**reach.secrets, auth.secret_env or "": f"{BEARER}{token}"}
    connection = WayIn(reach.places, known, reach.hosts).connection(with_plain_token(probed.system, auth))
    try:
        await must_be_refused(probed, reading_operation(probed), ("", line), connection)
    finally:
        await connection.close()


def token_in(body: bytes) -> str | None:
    """Return the token of an answer, None where it holds none.

    Examples
    --------
    >>> token_in(b'{"access_token": "abc"}'), token_in(b"[]")
    ('abc', None)
    """
    try:
        return str(json.loads(body)["access_token"])
    except (ValueError, KeyError, TypeError):
        return None
