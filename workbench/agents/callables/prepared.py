"""What a preparation must return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class UnpreparedError(ValueError):
    """A record whose further fields could not be made: a counted outcome, not a fault of the program."""


def made_fields(made: object, fields: Sequence[str]) -> dict[str, str]:
    """Return what a function of the pilot made of a record.

    Raises
    ------
    UnpreparedError
        It is something else than a text for each of the fields.
    """
    if not isinstance(made, Mapping) or set(made) != set(fields):
        got = ", ".join(map(str, made)) if isinstance(made, Mapping) else f"no mapping but {type(made).__name__}"
        raise UnpreparedError(f"it returned {got or 'nothing'}; expected exactly {', '.join(fields)}")
    for field in fields:
        if not isinstance(made[field], str):
            raise UnpreparedError(f"{field} is no text but {type(made[field]).__name__}")
    return dict(made)
