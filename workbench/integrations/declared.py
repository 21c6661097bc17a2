"""Every line that integrations.yaml declares of a system, before anything of it is measured."""

from __future__ import annotations

from workbench.integrations.lines import LineKind, ProbeSheet
from workbench.pilot.integrations import (
    AnswerField,
    AuthKind,
    OnExceed,
    Operation,
    OperationEffect,
    System,
    SystemType,
)

P95 = "latency: p95"
BURST, PER_SECOND, BEYOND, RETRY_AFTER = "rate: burst", "rate: a second", "rate: beyond it", "rate: Retry-After"
NOBODY, FOREIGN = "access: without credentials", "access: of another account"
ROTATED, OTHER_SCOPE = "access: with the secret before", "access: of another scope"
INVENTED, LASTS = "access: with an invented credential", "access: life that a token's answer says"
YOUNG, OLD = "access: token before it expires", "access: token after it expired"
LISTED, AS_DESCRIBED = "description: listed", "description: answers fit it"
FOUND, ENCODING = "answer: found", "answer: encoding"
COMPLETE, TOTAL, SIZES = "paging: every row once", "paging: total", "paging: any page size"
READ_BACK, SAME_KEY, CONFLICT, UNDO = (
    "writing: read back",
    "writing: same key twice",
    "writing: same key, other content",
    "writing: taken back",
)
AT_THE_SAME_TIME, AN_HOUR_LATER = "writing: same key at the same time", "writing: same key an hour later"
ONCE_ACKNOWLEDGED, UNTIL_ACKNOWLEDGED = "delivery: gone once acknowledged", "delivery: again until acknowledged"
RECEIVE = "receive"
DESCRIBED = (SystemType.REST, SystemType.SOAP, SystemType.MCP)  # types that list their operations
NO_SECRET = (AuthKind.NONE, AuthKind.FILE_RIGHTS)


def sheet_of(system: System) -> ProbeSheet:
    """Return a sheet with every declared line of a system, nothing measured yet."""
    sheet = ProbeSheet(system.id)
    _of_rate(sheet, system)
    _of_access(sheet, system)
    if any(field.type.value == "text" for one in system.operations.values() for field in one.answer.values()):
        sheet.declare("", ENCODING, system.encoding)
    for name in system.not_granted:
        declare_refused(sheet, name, system)
    for name, operation in system.operations.items():
        _of_operation(sheet, system, name, operation)
    return sheet


def declare_refused(sheet: ProbeSheet, name: str, system: System) -> None:
    """Put down that a call is not granted, so that it must be refused."""
    sheet.declare("", f"{LineKind.RIGHTS}: {name}", " or ".join(system.auth_denied))


def is_described(system: System) -> bool:
    """Return whether a system itself lists its operations."""
    return system.type in DESCRIBED and (system.described_by is not None or system.type is SystemType.MCP)


def _of_rate(sheet: ProbeSheet, system: System) -> None:
    rate = system.rate
    if rate is None:
        return
    if rate.on_exceed is OnExceed.REFUSES:
        sheet.declare("", BURST, f"{rate.burst:,} at once")
        sheet.declare("", PER_SECOND, f"{rate.per_s:g} a second")
    sheet.declare("", BEYOND, rate.on_exceed.value)
    if rate.on_exceed is OnExceed.REFUSES and rate.retry_after:
        sheet.declare("", RETRY_AFTER, "said, and true")


def _of_access(sheet: ProbeSheet, system: System) -> None:
    auth = system.auth
    if auth is None:
        return
    denied = " or ".join(system.auth_denied)
    if auth.kind not in NO_SECRET and auth.secret_env is not None:
        sheet.declare("", INVENTED, denied)
    if auth.previous_secret_env is not None:
        sheet.declare("", ROTATED, denied)
    if auth.scope is not None:
        sheet.declare("", OTHER_SCOPE, f"no token, or {denied}")
    if auth.expires_s is not None:
        sheet.declare("", YOUNG, f"accepted until {auth.expires_s:g} s")
        if auth.token is not None:
            sheet.declare("", LASTS, f"{auth.expires_s:g} s")
        sheet.declare("", OLD, f"{denied} after {auth.expires_s:g} s")


def _of_operation(sheet: ProbeSheet, system: System, name: str, operation: Operation) -> None:
    if operation.latency_p95_ms is not None:
        sheet.declare(name, P95, f"{operation.latency_p95_ms:g} ms")
    if system.auth is not None and system.auth.kind not in NO_SECRET:
        denied = " or ".join(system.auth_denied)
        sheet.declare(name, NOBODY, denied)
        if system.auth.foreign_secret_env is not None:
            sheet.declare(name, FOREIGN, denied)
    if is_described(system):
        sheet.declare(name, LISTED, "listed")
        if system.type is SystemType.REST:
            sheet.declare(name, AS_DESCRIBED, "no other status, no other form, no 5xx")
    if operation.effect is OperationEffect.READ:
        sheet.declare(name, FOUND, "an answer to each call")
    for field_name, field in operation.answer.items():
        sheet.declare(name, f"{LineKind.ANSWER}: {field_name}", _said(field))
    _of_paging_and_writing(sheet, name, operation)
    if system.type is SystemType.QUEUE and operation.call == RECEIVE:
        sheet.declare(name, ONCE_ACKNOWLEDGED, "a message whose receipt was acknowledged does not come again")
        sheet.declare(name, UNTIL_ACKNOWLEDGED, "one whose receipt was not comes again")
    for code, error in operation.errors.items():
        sheet.declare(name, f"{LineKind.ERROR}: {code}", error.meaning)


def _of_paging_and_writing(sheet: ProbeSheet, name: str, operation: Operation) -> None:
    if operation.paging is not None:
        sheet.declare(name, COMPLETE, "each row once")
        if operation.paging.total is not None:
            sheet.declare(name, TOTAL, f"{operation.paging.total} is how many rows there are")
        if operation.paging.size is not None:
            sheet.declare(name, SIZES, f"the same rows with pages of 1 to {operation.paging.most:,}")
    if operation.read_back is not None:
        sheet.declare(name, READ_BACK, f"{operation.read_back} shows it, once")
    if operation.idempotency_key is not None:
        sheet.declare(name, SAME_KEY, "one effect, the same answer")
        if operation.read_back is not None:
            sheet.declare(name, AT_THE_SAME_TIME, "one effect")
            sheet.declare(name, AN_HOUR_LATER, "one effect")
        if operation.conflict is not None:
            sheet.declare(name, CONFLICT, operation.conflict)
    if operation.undo is not None:
        sheet.declare(name, UNDO, f"{operation.undo} takes it back")


def _said(field: AnswerField) -> str:
    """Return what a field is declared to hold, in few words."""
    parts = [field.type.value]
    parts += [field.format] if field.format else []
    parts += [f"with decimal {field.decimal!r}"] if field.decimal != "." else []
    parts += [f"in {field.zone}"] if field.zone else []
    parts += [f"one of {len(field.values)}"] if field.values else []
    parts += [f"is {field.becomes}"] if field.becomes else []
    parts += ["may be missing"] if field.optional else []
    return ", ".join(parts)
