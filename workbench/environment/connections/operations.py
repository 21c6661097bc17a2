"""What a call of an operation takes and what its answer holds, whatever the type of its system."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from workbench.environment.connections.connection import Asked, CallError
from workbench.pilot.integrations import Operation, OperationEffect, System
from workbench.words import InputError, did_you_mean, shown


def operation_of(system: System, name: str) -> Operation:
    """Return an operation of a system: a declared one, or one that is not granted, which must change nothing.

    Raises
    ------
    InputError
        The system has none of this name.
    """
    if name in system.operations:
        return system.operations[name]
    if name in system.not_granted:
        return Operation(effect=OperationEffect.READ, call=system.not_granted[name])
    known = (*system.operations, *system.not_granted)
    remedy = did_you_mean(name, known)
    raise InputError(f"{system.id} has no such operation", got=name, expected=shown(known), remedy=remedy)


def arguments_of(asked: Asked) -> dict[str, Any]:
    """Return the arguments of a call that have a value."""
    return {name: value for name, value in asked.arguments.items() if value is not None}


def with_key(asked: Asked, operation: Operation, correlation: str | None = None) -> dict[str, Any]:
    """Return the arguments of a call whose key, and correlation where it is one, are arguments, too."""
    arguments = arguments_of(asked)
    if operation.idempotency_key is not None and asked.key is not None:
        arguments[operation.idempotency_key] = asked.key
    if correlation is not None:
        arguments[correlation] = asked.correlation
    return arguments


def json_body(arguments: Mapping[str, Any]) -> bytes:
    """Return arguments as a JSON object."""
    return json.dumps(arguments, ensure_ascii=False, default=_plain).encode()


def rows_in(said: Any, rows: str | None, latency_s: float) -> Any:
    """Return what an answer holds: its field `rows`, or all of it where that is None.

    Raises
    ------
    CallError
        It has no such field.
    """
    if rows is None:
        return said
    if not isinstance(said, Mapping) or rows not in said:
        raise CallError("answer", f"the answer has no field {rows!r}", latency_s)
    return said[rows]


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)
