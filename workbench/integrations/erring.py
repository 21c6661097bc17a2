"""Declared errors that can be provoked without harm: what is not there, what is missing or does not fit."""

from __future__ import annotations

from workbench.environment.connections import Asked
from workbench.integrations.asking import asked_about
from workbench.integrations.calling import code_of, is_silence
from workbench.integrations.lines import LineKind, LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import Operation, SystemType

NOT_FITTING = "422"
OPENLY = "it cannot be provoked from outside"


async def measure_errors(probed: Probed) -> None:
    """Provoke declared errors, each once; those of maintenance and of lost connections stay open."""
    for name, operation in probed.system.operations.items():
        missing = [code for code in operation.errors if is_not_found(code)]
        if missing and operation.arguments:
            await _provoke(probed, name, missing[0], _of_nothing(probed, name, operation))
        asked = _not_fitting(probed, name, operation)
        if NOT_FITTING in operation.errors and asked is not None:
            await _provoke(probed, name, NOT_FITTING, asked)


def is_not_found(code: str) -> bool:
    """Return whether a code says that something is not there.

    Examples
    --------
    >>> is_not_found("404"), is_not_found("Client.NotFound"), is_not_found("409")
    (True, True, False)
    """
    return code == "404" or code.rpartition(".")[2].lower() in ("notfound", "not_found")


async def _provoke(probed: Probed, name: str, wanted: str, asked: Asked) -> None:
    """Put down which code a wrong call ends with: the wanted one, another declared one, or one that is not declared."""
    await probed.caller.room()
    code, detail = await code_of(probed.caller.connection(), asked)
    line, declared = f"{LineKind.ERROR}: {wanted}", probed.system.operations[name].errors
    if code == wanted:
        probed.sheet.put(name, line, LineVerdict.KEPT, code)
    elif code in declared or is_silence(code) or code == "argument":
        probed.sheet.put(name, line, LineVerdict.UNCLEAR, code, 1, detail)
    else:
        probed.sheet.put(name, line, LineVerdict.DEVIATES, code, 1, detail)


def _of_nothing(probed: Probed, name: str, operation: Operation) -> Asked:
    """Return a call whose arguments look like real ones and belong to nothing."""
    asked = asked_about(name, operation, probed.records.some(1)[0])
    unlike = {
        argument: _unlike(str(asked.arguments[argument]), probed.records.column(column))
        for argument, column in operation.arguments.items()
    }
    return Asked(name, {**asked.arguments, **unlike}, asked.correlation)


def _unlike(value: str, known: set[str]) -> str:
    """Return a value of the same form that none of the known ones is."""
    for digit in "9807":
        other = "".join(digit if sign.isdigit() else sign for sign in value)
        if other not in known:
            return other
    return f"{value}0"


def _not_fitting(probed: Probed, name: str, operation: Operation) -> Asked | None:
    """Return a call without one of its arguments, or with pages of no rows; None where every call would fit."""
    if probed.system.type is not SystemType.REST:
        return None
    asked = asked_about(name, operation, probed.records.some(1)[0])
    outside_path = [one for one in asked.arguments if "{" + one + "}" not in operation.call]
    if outside_path:
        left = {one: value for one, value in asked.arguments.items() if one != outside_path[0]}
        return Asked(name, left, asked.correlation, None)
    if operation.paging is not None and operation.paging.size is not None:
        return Asked(name, {**asked.arguments, operation.paging.size: 0})
    return None
