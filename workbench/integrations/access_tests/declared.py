"""Every try that is to be made on a system, before any is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workbench.integrations.access_tests.trials import AccessKind
from workbench.integrations.asking import example_value
from workbench.integrations.declared import (
    FOREIGN,
    INVENTED,
    LASTS,
    NO_SECRET,
    NOBODY,
    OLD,
    ROTATED,
    declare_refused,
)
from workbench.integrations.lines import ProbeSheet
from workbench.integrations.reading import FILE
from workbench.pilot.integrations import AuthKind, Operation, OperationEffect, System, SystemType

FOREIGN_IDS, FOREIGN_ROWS = f"{AccessKind.TENANT}: another tenant's ids", f"{AccessKind.TENANT}: another tenant's rows"
ANY_ANSWER = f"{AccessKind.CANARY}: in any answer"
ANY_ERROR = f"{AccessKind.CANARY}: personal data in errors"
ROTATED_AS_BASIC, INVENTED_AS_BASIC = f"{ROTATED}, as basic authentication", f"{INVENTED}, as basic authentication"
NO_ROW = "no row of another tenant"
ONLY_HONEST = "refused, or the answer about an id that there is not"


def access_sheet(system: System) -> ProbeSheet:
    """Return a sheet with every try on a system, nothing measured yet; what a description lists comes later."""
    sheet = ProbeSheet(system.id)
    auth, denied = system.auth, " or ".join(system.auth_denied)
    lines = []
    if auth is not None and auth.kind not in NO_SECRET:
        lines = [
            (NOBODY, True),
            (INVENTED, auth.secret_env is not None),
            (FOREIGN, auth.foreign_secret_env is not None),
            (ROTATED, auth.previous_secret_env is not None),
            (OLD, auth.expires_s is not None),
        ]
    for name, operation in system.operations.items():
        for line, is_meant in lines:
            if is_meant:
                sheet.declare(name, line, denied)
        if operation.arguments:
            sheet.declare(name, FOREIGN_IDS, f"{denied}, or as an id that there is not")
        if gives_rows(system, operation):
            sheet.declare(name, FOREIGN_ROWS, NO_ROW)
        for argument in inputs_of(system, operation):
            sheet.declare(name, tricks_in(argument), ONLY_HONEST)
    _of_tokens(sheet, system)
    for name in system.not_granted:
        declare_refused(sheet, name, system)
    sheet.declare("", ANY_ANSWER, "no row that no case needs")
    sheet.declare("", ANY_ERROR, "none that was not in the call")
    return sheet


def _of_tokens(sheet: ProbeSheet, system: System) -> None:
    """Put down the tries of how long a token lasts, and of asking for one the other way."""
    auth = system.auth
    if auth is None or auth.token is None or system.type is not SystemType.REST:
        return
    if auth.expires_s is not None:
        sheet.declare("", LASTS, f"{auth.expires_s:g} s")
    if auth.kind is not AuthKind.CLIENT_CREDENTIALS or auth.secret_env is None:
        return
    refused = f"no token, or {' or '.join(system.auth_denied)}"
    if auth.previous_secret_env is not None:
        sheet.declare("", ROTATED_AS_BASIC, refused)
    sheet.declare("", INVENTED_AS_BASIC, refused)


def gives_rows(system: System, operation: Operation) -> bool:
    """Return whether an operation gives rows that nobody asked for by an id: a list, a file, a message."""
    is_read = operation.effect is OperationEffect.READ
    return is_read and (operation.paging is not None or not (operation.arguments or operation.said))


def inputs_of(system: System, operation: Operation) -> Iterator[str]:
    """Yield the arguments of an operation that take a text from an agent."""
    yield from operation.arguments
    yield from (name for name, example in operation.said.items() if isinstance(example_value(example), str))
    if system.type is SystemType.FILE:
        yield FILE


def tricks_in(argument: str) -> str:
    """Return how the try of tricks in an argument is called."""
    return f"{AccessKind.INPUT}: tricks in {argument}"


def undoing(operations: Mapping[str, Operation]) -> frozenset[str]:
    """Return the operations that take back what others wrote."""
    return frozenset(one.undo for one in operations.values() if one.undo is not None)
