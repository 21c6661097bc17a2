"""Who gets in: nobody without credentials, no other account, no secret from before, no token that has expired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from workbench.environment.connections import Account, Connection
from workbench.integrations.asking import asked_about, asked_of_nothing
from workbench.integrations.calling import EndedCall, is_silence, known_secrets, with_scope
from workbench.integrations.declared import FOREIGN, NOBODY, OLD, OTHER_SCOPE, ROTATED, YOUNG
from workbench.integrations.lines import LineKind, LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import AuthKind, OperationEffect, SystemType

DONE_ANYWAY = "refused, and written all the same"
LET_THROUGH = ("404", "409")  # codes that only a caller gets whom the system let in
WRONG_INPUT = ("400", "422")
MARGIN, LEAST_MARGIN_S = 0.01, 2.0  # before and after a token's end
STEPS = 7  # by which a wrong lifetime is narrowed down
LINES_OF = {Account.NOBODY: NOBODY, Account.FOREIGN: FOREIGN}


async def measure_access(probed: Probed) -> None:
    """Measure what does not need the clock: callers without credentials, of another account, scope or secret."""
    if has_no_accounts(probed):
        probed.sheet.leave("SQLite knows no accounts; on PostgreSQL it is measured", None, LineKind.ACCESS)
        return
    for account, line in LINES_OF.items():
        codes = await try_account(probed, account, line)
        for name, code in codes.items():
            if account is Account.NOBODY and code in probed.system.auth_denied:
                _put_error(probed, name, code)
    await _of_secret_before(probed)
    await _of_other_scope(probed)


async def try_account(probed: Probed, account: Account, line: str, denied: tuple[str, ...] = ()) -> dict[str, str]:
    """Call every operation that has the line under an account that must be refused; return the code of each."""
    why, codes = known_secrets(probed.caller.reach, probed.system, account), {}
    for name in [one for one in probed.system.operations if probed.sheet.has(one, line)]:
        if why is not None:
            probed.sheet.put(name, line, LineVerdict.NOT_MEASURED, "", 0, why)
        else:
            connection = probed.caller.connection(account)
            codes[name] = await must_be_refused(probed, name, (name, line), connection, denied)
    return codes


def refusal_verdict(code: str, denied: tuple[str, ...], wrong_input: tuple[str, ...] = WRONG_INPUT) -> LineVerdict:
    """Return what the code of a call that must be refused says.

    Examples
    --------
    >>> refusal_verdict("403", ("401", "403")).value, refusal_verdict("404", ("401", "403")).value
    ('kept', 'deviates')
    """
    if code in denied:
        return LineVerdict.KEPT
    if code == "ok" or code.startswith("2") or code in LET_THROUGH:
        return LineVerdict.DEVIATES
    if code in wrong_input or is_silence(code) or not code.isdigit() or code.startswith(("429", "5")):
        return LineVerdict.UNCLEAR  # it was stopped, but by something else than its rights
    return LineVerdict.DEVIATES


async def must_be_refused(
    probed: Probed,
    name: str,
    place: tuple[str, str],
    connection: Connection,
    denied: tuple[str, ...] = (),
    wrong_input: tuple[str, ...] = WRONG_INPUT,
) -> str:
    """Call an operation that must be refused, put that down, and return the code; a write let through is taken back.

    Parameters
    ----------
    place : (str, str)
        Operation and line of the sheet.
    connection : Connection
        Under the credentials that must be refused.
    denied : tuple of str
        Codes that refuse besides the declared ones.
    """
    operation, record = probed.system.operations[name], probed.records.some(1)[0]
    is_write = operation.effect is OperationEffect.WRITE
    is_harmless = not is_write or operation.undo is not None
    key = probed.key(name, *place) if is_write else None
    asked = (asked_about if is_harmless else asked_of_nothing)(name, operation, record, key)
    before = await probed.caller.n_written() if is_write else None
    ended = await probed.ended(connection, asked)
    code, said = ended.code, ended.said
    verdict = refusal_verdict(code, (*probed.system.auth_denied, *denied), wrong_input)
    if verdict is LineVerdict.KEPT and await probed.caller.has_written_since(before):
        verdict, said = LineVerdict.DEVIATES, DONE_ANYWAY
    probed.sheet.put(*place, verdict, code, 1, "" if verdict is LineVerdict.KEPT else said)
    if ended.is_answered and is_write and operation.undo is not None:
        undo = probed.system.operations[operation.undo]
        await probed.caller.call(asked_about(operation.undo, undo, record))
    return code


def _put_error(probed: Probed, name: str, code: str) -> None:
    """Put down that a caller without credentials was refused by the declared error, or by another than that."""
    declared = [one for one in probed.system.operations[name].errors if one in probed.system.auth_denied]
    if code in declared:
        probed.sheet.put(name, f"{LineKind.ERROR}: {code}", LineVerdict.KEPT, code)
    elif declared:
        probed.sheet.put(name, f"{LineKind.ERROR}: {declared[0]}", LineVerdict.DEVIATES, code)


async def _of_secret_before(probed: Probed) -> None:
    if not probed.sheet.has("", ROTATED):
        return
    why = known_secrets(probed.caller.reach, probed.system, Account.PREVIOUS)
    if why is not None:
        probed.sheet.put("", ROTATED, LineVerdict.NOT_MEASURED, "", 0, why)
        return
    connection = probed.caller.connection(Account.PREVIOUS)
    await must_be_refused(probed, reading_operation(probed), ("", ROTATED), connection, token_refusals(probed), ())


async def _of_other_scope(probed: Probed) -> None:
    auth = probed.system.auth
    if auth is None or auth.scope is None:
        return
    connection = probed.caller.reach.connection(with_scope(probed.system, f"{auth.scope}-other"))
    try:
        name = reading_operation(probed)
        await must_be_refused(probed, name, ("", OTHER_SCOPE), connection, token_refusals(probed), ())
    finally:
        await connection.close()


def token_refusals(probed: Probed) -> tuple[str, ...]:
    """Return the codes by which no token is given: OAuth 2 has 400 for a client or scope that is not known."""
    is_token = probed.system.auth is not None and probed.system.auth.kind is AuthKind.CLIENT_CREDENTIALS
    return ("400",) if is_token else ()


async def measure_tokens(probed: Probed) -> None:
    """Use a token just before and just after its declared end; the clock is put forward, nobody else may need it."""
    auth = probed.system.auth
    if auth is None or auth.expires_s is None:
        return
    if (why := why_nothing_ages(probed, auth.expires_s)) is not None:
        probed.sheet.leave(why, "", LineKind.ACCESS)
        return
    await probed.caller.fill_up()  # others have used up what may be called
    margin_s = max(LEAST_MARGIN_S, MARGIN * auth.expires_s)
    young, why = await _code_at(probed, auth.expires_s - margin_s)
    is_young = young.startswith("2") or young == "ok"
    if is_young:
        probed.sheet.put("", YOUNG, LineVerdict.KEPT, f"accepted at {auth.expires_s - margin_s:g} s")
    else:
        until = await _lifetime(probed, auth.expires_s)
        said = f"{young} at {auth.expires_s - margin_s:g} s, accepted until about {until:.0f} s"
        is_denied = young in probed.system.auth_denied
        probed.sheet.put("", YOUNG, LineVerdict.DEVIATES if is_denied else LineVerdict.UNCLEAR, said, 1, why)
    await _after(probed, auth.expires_s + margin_s)


def why_nothing_ages(probed: Probed, expires_s: float) -> str | None:
    """Return why it cannot be seen how old a token may be, None where it can."""
    is_waited_for = probed.caller.clock.is_there or expires_s <= LEAST_MARGIN_S
    return None if is_waited_for else f"no test clock, and {expires_s:g} s are not waited for"


async def _after(probed: Probed, age_s: float) -> None:
    """Put down how every reading operation answers a token of an age beyond its end."""
    accepted, codes = [], []
    for name, operation in probed.system.operations.items():
        if operation.effect is OperationEffect.READ:
            code, _ = await _code_at(probed, age_s, name)
            codes.append(code)
            accepted += [name] if refusal_verdict(code, probed.system.auth_denied) is LineVerdict.DEVIATES else []
    is_clear = all(code in probed.system.auth_denied for code in codes)
    verdict = LineVerdict.DEVIATES if accepted else LineVerdict.KEPT if is_clear else LineVerdict.UNCLEAR
    detail = f"accepted by {', '.join(accepted)}" if accepted else ""
    probed.sheet.put("", OLD, verdict, f"{', '.join(sorted(set(codes)))} at {age_s:g} s", len(codes), detail)


async def _code_at(probed: Probed, age_s: float, name: str = "") -> tuple[str, str]:
    """Return the code of a call with a token of an age, and what was said."""
    name = name or reading_operation(probed)
    asked = asked_about(name, probed.system.operations[name], probed.records.some(1)[0])
    async with aged(probed, age_s) as (connection, first):
        if connection is None:
            return f"{first.code} at once", first.said
        ended = await probed.ended(connection, asked)
        return ended.code, ended.said


@asynccontextmanager
async def aged(probed: Probed, age_s: float) -> AsyncIterator[tuple[Connection | None, EndedCall]]:
    """Give a connection whose token is so old, None where a new one is not accepted, and how its first call ended."""
    name = reading_operation(probed)
    connection = probed.caller.reach.connection(probed.system, renews=False)
    try:
        asked = asked_about(name, probed.system.operations[name], probed.records.some(1)[0])
        first = await probed.ended(connection, asked)
        if first.is_answered:
            await probed.caller.clock.pass_by(age_s)
        yield connection if first.is_answered else None, first
    finally:
        await connection.close()


async def _lifetime(probed: Probed, declared_s: float) -> float:
    """Return about how old a token may be, where that is less than declared."""
    lower, upper = 0.0, declared_s
    for _ in range(STEPS):
        middle = (lower + upper) / 2
        code, _why = await _code_at(probed, middle)
        lower, upper = (middle, upper) if code.startswith("2") else (lower, middle)
    return upper


def reading_operation(probed: Probed) -> str:
    """Return an operation that reads, a looking-up one first."""
    reading = [
        name for name, one in probed.system.operations.items() if one.effect is OperationEffect.READ and not one.paging
    ]
    return (reading or list(probed.system.operations))[0]


def has_no_accounts(probed: Probed) -> bool:
    """Return whether a system tells nobody from anybody: a file of SQLite."""
    places = probed.caller.reach.places
    address = (probed.system.sandbox or "").replace("{database}", places.get("database", ""))
    return probed.system.type is SystemType.SQL and address.startswith("sqlite")
