"""Every operation under credentials that must be refused, and with more than the granted scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.environment.connections import Account, Connection
from workbench.integrations.access import (
    LEAST_MARGIN_S,
    MARGIN,
    aged,
    has_no_accounts,
    must_be_refused,
    reading_operation,
    token_refusals,
    try_account,
    why_nothing_ages,
)
from workbench.integrations.access_tests.basic import try_as_basic
from workbench.integrations.access_tests.trials import AccessKind
from workbench.integrations.asking import asked_about
from workbench.integrations.calling import with_scope
from workbench.integrations.declared import FOREIGN, INVENTED, NOBODY, OLD, ROTATED
from workbench.integrations.invented import BEARER, connection_invented, measure_life, with_plain_token
from workbench.integrations.lines import LineVerdict
from workbench.integrations.listing import Listing
from workbench.integrations.probed import Probed
from workbench.integrations.rights import refused_as_they_are, try_ungranted
from workbench.pilot.integrations import AuthKind

ACCOUNTS = {Account.NOBODY: NOBODY, Account.FOREIGN: FOREIGN, Account.PREVIOUS: ROTATED}
GUESSED = ("admin", "*")  # scopes that many a system has
MOST_SCOPES, MOST_CALLS = 12, 40


async def try_accounts(probed: Probed) -> None:
    """Call every operation as nobody, as another account, with the secret before and with an invented one."""
    if has_no_accounts(probed):
        probed.sheet.leave("SQLite knows no accounts; on PostgreSQL it is measured", None, AccessKind.ACCESS)
        return
    for account, line in ACCOUNTS.items():
        await try_account(probed, account, line, token_refusals(probed))
    auth = probed.system.auth
    if auth is None or auth.secret_env is None:
        return
    await _try_invented(probed, connection_invented(probed, probed.system), token_refusals(probed))
    if auth.kind is AuthKind.CLIENT_CREDENTIALS:
        await _try_invented(probed, connection_invented(probed, with_plain_token(probed.system, auth), BEARER))
    await try_as_basic(probed)
    await measure_life(probed)


async def _try_invented(probed: Probed, connection: Connection, denied: tuple[str, ...] = ()) -> None:
    try:
        for name in probed.system.operations:
            if probed.sheet.has(name, INVENTED):
                await must_be_refused(probed, name, (name, INVENTED), connection, denied)
    finally:
        await connection.close()


async def try_expired(probed: Probed) -> None:
    """Call every operation with a token just after its declared end; the clock is put forward."""
    auth = probed.system.auth
    if auth is None or auth.expires_s is None or has_no_accounts(probed):
        return
    if (why := why_nothing_ages(probed, auth.expires_s)) is not None:
        for name in probed.system.operations:
            probed.sheet.put(name, OLD, LineVerdict.NOT_MEASURED, "", 0, why)
        return
    await probed.caller.fill_up()
    async with aged(probed, auth.expires_s + max(LEAST_MARGIN_S, MARGIN * auth.expires_s)) as (connection, first):
        for name in probed.system.operations:
            if connection is None:
                why = f"a new token is not accepted: {first.said}"
                probed.sheet.put(name, OLD, LineVerdict.UNCLEAR, first.code, 1, why)
            else:
                await must_be_refused(probed, name, (name, OLD), connection)


async def try_wider_scopes(probed: Probed, listing: Listing | None) -> None:
    """Ask for more than the granted scope, and for none; with a token that is given, call all that was not granted."""
    auth = probed.system.auth
    if auth is None or auth.scope is None:
        return
    for scope in (None, *tuple(dict.fromkeys(_wider(auth.scope, listing)))[:MOST_SCOPES]):
        line = f"{AccessKind.ACCESS}: no scope named" if scope is None else f"{AccessKind.ACCESS}: scope {scope!r}"
        probed.sheet.declare("", line, "no token, or one that lets nothing more in")
        await _try_scope(probed, listing, scope, line)


async def _try_scope(probed: Probed, listing: Listing | None, scope: str | None, line: str) -> None:
    system = with_scope(probed.system, scope)
    connection = probed.caller.reach.connection(system)
    try:
        name = reading_operation(probed)
        asked = asked_about(name, probed.system.operations[name], probed.records.some(1)[0])
        ended = await probed.ended(connection, asked)
    finally:
        await connection.close()
    if not ended.is_answered:
        is_refused = ended.code in (*probed.system.auth_denied, *token_refusals(probed))
        verdict = LineVerdict.KEPT if is_refused else LineVerdict.UNCLEAR
        probed.sheet.put("", line, verdict, ended.code, 1, "" if is_refused else ended.said)
        return
    let_in, calls = list[str](), list(refused_as_they_are(probed, listing).items())[:MOST_CALLS]
    for name, listed in calls:
        verdict, code, _ = await try_ungranted(probed, system, listed)
        let_in += [f"{name} ({code})"] if verdict is LineVerdict.DEVIATES else []
    said = f"a token was given, {len(let_in)} of {len(calls)} calls that were not granted let in with it"
    probed.sheet.holds("", line, not let_in, said, len(calls) + 1, ", ".join(let_in[:3]))


def _wider(scope: str, listing: Listing | None) -> Iterator[str]:
    """Yield scopes that hold more than the granted one: those that a description lists, and some that are guessed."""
    openapi: Mapping[str, Any] = {} if listing is None or listing.openapi is None else listing.openapi
    schemes = openapi.get("components", {}).get("securitySchemes", {}).values()
    flows = [flow for scheme in schemes for flow in scheme.get("flows", {}).values()]
    granted = set(scope.split())
    for name in (*(one for flow in flows for one in flow.get("scopes", {})), *GUESSED):
        if name not in granted:
            yield name
            yield f"{scope} {name}"
