"""Credentials that were never given must be refused; and what a token's answer says of its life must be so."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from workbench.environment.connections import (
    Account,
    Connection,
    Received,
    Sent,
    SystemHttp,
    allowed_address,
    credentials_of,
)
from workbench.integrations.access import has_no_accounts, must_be_refused, reading_operation, token_refusals
from workbench.integrations.calling import DEADLINE_S, WayIn
from workbench.integrations.declared import INVENTED, LASTS
from workbench.integrations.lines import LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import Authentication, AuthKind, System, SystemType, placed_address

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BEARER = "Bearer "
SAID_LONGER = 1.01  # times the declared life, above which a token's answer says too much


async def measure_invented(probed: Probed) -> None:
    """Call with an invented secret and, where tokens are given, with an invented token too."""
    auth = probed.system.auth
    if auth is None or not probed.sheet.has("", INVENTED) or has_no_accounts(probed):
        return
    await _refused(probed, probed.system)
    if auth.kind is AuthKind.CLIENT_CREDENTIALS:
        await _refused(probed, with_plain_token(probed.system, auth), BEARER)
        await measure_life(probed)


async def _refused(probed: Probed, system: System, scheme: str = "") -> None:
    """Call a reading operation with an invented secret in place of the agent's."""
    connection = connection_invented(probed, system, scheme)
    try:
        denied = () if scheme else token_refusals(probed)
        await must_be_refused(probed, reading_operation(probed), ("", INVENTED), connection, denied, ())
    finally:
        await connection.close()


def connection_invented(probed: Probed, system: System, scheme: str = "") -> Connection:
    """Return a connection with an invented secret in place of the agent's."""
    reach, auth = probed.caller.reach, system.auth
    assert auth is not None
    assert auth.secret_env is not None
    known = {**reach.secrets, auth.secret_env: f"{scheme}{secrets.token_urlsafe(24)}"}
    return WayIn(reach.places, known, reach.hosts).connection(system)


def with_plain_token(system: System, auth: Authentication) -> System:
    """Return a system whose token is carried as it is, so that it can be an invented one."""
    plain = auth.model_copy(update={"kind": AuthKind.API_KEY, "header": "Authorization"})
    return system.model_copy(update={"auth": plain})


async def measure_life(probed: Probed) -> None:
    """Put down what the answer that gives a token says of its life."""
    auth = probed.system.auth
    if auth is None or auth.expires_s is None or auth.token is None or probed.system.type is not SystemType.REST:
        return
    own = credentials_of(auth, probed.caller.reach.secrets, Account.OWN)
    answered = await token_answer(probed, auth, {"client_id": own.user, "client_secret": own.secret})
    try:
        said_s = float(json.loads(answered.body)["expires_in"])
    except (ValueError, KeyError, TypeError):
        probed.sheet.put("", LASTS, LineVerdict.NOT_MEASURED, "", 0, "the answer does not say it")
        return
    is_longer, is_shorter = said_s > SAID_LONGER * auth.expires_s, SAID_LONGER * said_s < auth.expires_s
    verdict = LineVerdict.DEVIATES if is_longer else LineVerdict.UNCLEAR if is_shorter else LineVerdict.KEPT
    why = "a token that was given before may have less time left" if is_shorter else ""
    probed.sheet.put("", LASTS, verdict, f"expires_in {said_s:g} s", 1, why)


async def token_answer(
    probed: Probed, auth: Authentication, given: Mapping[str, str | None], headers: Mapping[str, str] | None = None
) -> Received:
    """Return what the place answers that gives tokens, asked for the declared scope; CallError where nothing comes.

    Parameters
    ----------
    given : mapping of str to str
        Fields of the form besides grant and scope; None is left out.
    headers : mapping of str to str, optional
    """
    assert auth.token is not None
    reach, (method, _, path) = probed.caller.reach, auth.token.partition(" ")
    address = allowed_address(placed_address(probed.system.sandbox or "", reach.places), reach.hosts)
    form = {"grant_type": "client_credentials", **given, "scope": auth.scope}
    body = urlencode({name: value for name, value in form.items() if value is not None})
    bare = probed.system.model_copy(update={"auth": None})
    http = SystemHttp(bare, address, credentials_of(None, {}, Account.NOBODY), renews=False)
    try:
        return await http.send(Sent(method, path, {**FORM, **(headers or {})}, body.encode()), DEADLINE_S)
    finally:
        await http.close()
