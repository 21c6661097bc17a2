"""What integrations.yaml lacks or says too vaguely to be held to; nothing here changes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from workbench.pilot.contract import Contract
from workbench.pilot.integrations.reading import INTEGRATIONS_FILE, PLACES, Inventory
from workbench.pilot.integrations.schema import (
    AnswerField,
    Authentication,
    AuthKind,
    FieldType,
    OnExceed,
    Operation,
    OperationEffect,
    Safeguard,
    SandboxSettings,
    System,
    SystemType,
)
from workbench.pilot.signing import SignatureStatus, document_signatures
from workbench.words import did_you_mean

HTTP_TYPES = (SystemType.REST, SystemType.SOAP, SystemType.QUEUE, SystemType.MCP)
WITH_SECRET = (AuthKind.API_KEY, AuthKind.BASIC, AuthKind.CLIENT_CREDENTIALS, AuthKind.DATABASE_USER)
WITH_USER = (AuthKind.BASIC, AuthKind.CLIENT_CREDENTIALS, AuthKind.DATABASE_USER)
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
TOO_MANY = "429"
SAFEGUARDS: dict[Safeguard, str] = {
    "idempotency_key": "the key by which a second call changes nothing",
    "read_back": "the operation that shows what was written",
    "undo": "the operation that takes it back",
}
VAGUE = re.compile(
    r"\b(tbd|tba|tbc|todo|n/a|as needed|if necessary|as usual|fast|quickly|soon|asap|some|various|etc)\b"
    r"|\?\?|^[.\-\s]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class IntegrationGap:
    """One thing that integrations.yaml lacks or says too vaguely: where, what stands there, what is expected."""

    where: str
    got: str
    expected: str

    def as_json(self) -> dict[str, str]:
        """Return the gap as JSON values."""
        return asdict(self)


def gaps_of(inventory: Inventory, contract: Contract, writing_tools: Sequence[str] = ()) -> tuple[IntegrationGap, ...]:
    """Return everything that a pilot's inventory lacks or says too vaguely, in the file's order.

    Parameters
    ----------
    inventory : Inventory
    contract : Contract
        Whose columns arguments and answers name.
    writing_tools : sequence of str
        Tools of environment.yaml that write and that an agent of the pilot may call.
    """
    settings = inventory.settings
    found: list[IntegrationGap] = []
    if not settings.engineers:
        found.append(IntegrationGap("engineers", "nothing", "the role in which the pilot's engineers sign"))
    if not settings.systems:
        found.append(IntegrationGap("systems", "none", "each system that the agent reads or writes"))
    for system in settings.systems:
        found += _of_system(system, settings.sandbox)
        for name, operation in system.operations.items():
            found += _of_operation(system, f"{system.id}.{name}", operation, contract)
    behind = inventory.behind_tools()
    found += [
        IntegrationGap(f"tool {tool}", "no operation behind it", "an operation with `tool: " + tool + "`, as it writes")
        for tool in writing_tools
        if tool not in behind
    ]
    return tuple(found)


def columns_not_read(inventory: Inventory, contract: Contract) -> tuple[str, ...]:
    """Return the columns that agents see and that stand behind no answer of a reading operation: a remark, no gap."""
    read = {
        field.becomes
        for _, _, operation in inventory.operations()
        if operation.effect is OperationEffect.READ
        for field in operation.answer.values()
    }
    return tuple(name for name in contract.shown if name not in read)


def integration_signatures(suite: Path, inventory: Inventory, pilot: str | None = None) -> SignatureStatus:
    """Return who of the pilot's engineers and of each system's own team has signed integrations.yaml as it is now."""
    settings = inventory.settings
    roles = [role for role in (settings.engineers, *(system.team for system in settings.systems)) if role]
    return document_signatures(suite, INTEGRATIONS_FILE, roles, pilot)


def _of_system(system: System, sandbox: SandboxSettings) -> Iterator[IntegrationGap]:
    def gap(key: str, got: str, expected: str) -> IntegrationGap:
        return IntegrationGap(f"{system.id}.{key}", got, expected)

    if system.type is None:
        yield gap("type", "nothing", ", ".join(SystemType))
    for key, expected in (
        ("what", "what the system holds or does"),
        ("owner", "who answers for it, by name"),
        ("team", "the role in which its own team signs"),
        ("when_it_fails", "what happens to a record meanwhile"),
    ):
        yield from _worded(f"{system.id}.{key}", getattr(system, key), expected)
    yield from _of_address(system, sandbox)
    if system.auth is None:
        yield gap("auth", "nothing", "how the agent's account is known; `kind: none` where by nothing")
    else:
        yield from _of_auth(system.id, system.auth)
    if system.rate is None:
        yield gap("rate", "nothing", "calls a second, burst, and what happens beyond")
    if not system.operations:
        yield gap("operations", "none", "each call that the agent makes")


def _worded(where: str, text: str, expected: str) -> Iterator[IntegrationGap]:
    """Yield a gap where a text is missing or says nothing to hold anybody to."""
    vague = VAGUE.search(text)
    if vague is not None:
        word = vague.group().strip()
        yield IntegrationGap(where, f"too vague: {word!r}" if word else "nothing", expected)


def _of_address(system: System, sandbox: SandboxSettings) -> Iterator[IntegrationGap]:
    """Yield a gap where a sandbox has no address, or one that no probe may reach."""
    where, address = f"{system.id}.sandbox", system.sandbox
    if not address:
        yield IntegrationGap(where, "nothing", "the address of its sandbox")
        return
    if any(address.startswith("{" + place + "}") for place in PLACES):
        if sandbox.serve is None:
            yield IntegrationGap(where, address, "`sandbox: serve`, or the address of the system's own sandbox")
        return
    if system.type is SystemType.FILE and "://" not in address:
        return
    if address.startswith("sqlite"):
        return
    host = urlsplit(address).hostname or ""
    if host not in (*THIS_MACHINE, *sandbox.hosts):
        got = f"{address!r}, host {host!r}"
        yield IntegrationGap(where, got, "this machine, or a private host named under `sandbox: hosts`")


def _of_auth(system: str, auth: Authentication) -> Iterator[IntegrationGap]:
    def gap(key: str, expected: str) -> IntegrationGap:
        return IntegrationGap(f"{system}.auth.{key}", "nothing", expected)

    if auth.kind in WITH_SECRET and not auth.secret_env:
        yield gap("secret_env", "the variable of the environment that holds the secret")
    if auth.kind in WITH_USER and not auth.user_env:
        yield gap("user_env", "the variable of the environment that holds the user or client id")
    if auth.kind in WITH_SECRET and auth.rotation_days is None:
        yield gap("rotation_days", "days after which the secret is replaced")
    if auth.kind is AuthKind.CLIENT_CREDENTIALS:
        if auth.token is None:
            yield gap("token", "`POST /path` that gives a token")
        if auth.expires_s is None:
            yield gap("expires_s", "seconds after which a token is refused")


def _of_operation(system: System, where: str, operation: Operation, contract: Contract) -> Iterator[IntegrationGap]:
    is_undo = any(one.undo == where.partition(".")[2] for one in system.operations.values())
    if not operation.call:
        yield IntegrationGap(f"{where}.call", "nothing", "how it is called")
    if operation.latency_p95_ms is None:
        yield IntegrationGap(f"{where}.latency_p95_ms", "nothing", "milliseconds that 95% of calls stay below")
    if not operation.answer and not is_undo:
        yield IntegrationGap(f"{where}.answer", "nothing", "each field of the answer with its type")
    yield from _of_errors(system, where, operation)
    for argument, column in operation.arguments.items():
        yield from _of_column(f"{where}.arguments.{argument}", column, contract)
    for name, field in operation.answer.items():
        yield from _of_field(f"{where}.answer.{name}", field, contract)
    for key in ("read_back", "undo"):
        named = getattr(operation, key)
        if named is not None and named not in system.operations:
            yield IntegrationGap(f"{where}.{key}", repr(named), "an operation of the same system")
    if operation.effect is OperationEffect.WRITE and not is_undo:
        yield from _of_safeguards(where, operation)


def _of_safeguards(where: str, operation: Operation) -> Iterator[IntegrationGap]:
    """Yield what would keep a write from being lost or doubled, and is neither there nor said why not."""
    for key, what in SAFEGUARDS.items():
        reason = operation.without.get(key, "")
        if getattr(operation, key) is None and (not reason or VAGUE.search(reason)):
            expected = f"{what}; or under `without: {{{key}: ...}}` why there is none"
            yield IntegrationGap(f"{where}.{key}", f"too vague: {reason!r}" if reason else "nothing", expected)
    if operation.idempotency_key is not None and operation.conflict is None:
        yield IntegrationGap(f"{where}.conflict", "nothing", "the error of the same key with another content")
    elif operation.conflict is not None and operation.conflict not in operation.errors:
        yield IntegrationGap(f"{where}.conflict", repr(operation.conflict), "one of its errors")


def _of_errors(system: System, where: str, operation: Operation) -> Iterator[IntegrationGap]:
    if not operation.errors:
        yield IntegrationGap(f"{where}.errors", "none", "each error by its code, with whether to call again")
        return
    for code, error in operation.errors.items():
        yield from _worded(f"{where}.errors.{code}", error.meaning, "what the error means")
    if system.type not in HTTP_TYPES:
        return
    has_secret = system.auth is not None and system.auth.kind in WITH_SECRET
    if has_secret and not set(system.auth_denied) & set(operation.errors):
        expected = f"the error of a caller without the right ({', '.join(system.auth_denied)})"
        yield IntegrationGap(f"{where}.errors", ", ".join(operation.errors), expected)
    refuses = system.rate is not None and system.rate.on_exceed is OnExceed.REFUSES
    if refuses and TOO_MANY not in operation.errors:
        yield IntegrationGap(f"{where}.errors", ", ".join(operation.errors), f"{TOO_MANY}, as calls beyond are refused")


def _of_column(where: str, column: str, contract: Contract) -> Iterator[IntegrationGap]:
    if column not in contract.columns:
        meant = did_you_mean(column, contract.columns, "a column of contract.yaml") or ""
        yield IntegrationGap(where, f"{column!r}, no column of the contract", meant)


def _of_field(where: str, field: AnswerField, contract: Contract) -> Iterator[IntegrationGap]:
    if field.becomes is not None:
        yield from _of_column(f"{where}.becomes", field.becomes, contract)
    if field.type in (FieldType.DATE, FieldType.DATETIME) and not field.format:
        yield IntegrationGap(f"{where}.format", "nothing", 'as strptime writes it, such as "%Y-%m-%d"')
    elif field.type is FieldType.DATETIME and field.zone is None and "%z" not in (field.format or "").lower():
        yield IntegrationGap(f"{where}.zone", f"{field.format!r} without a zone", "%z in the format, or `zone`")
