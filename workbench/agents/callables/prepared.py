"""What a preparation and a written policy must return."""

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


def decided_fields(decided: object) -> list[str | None]:
    """Return action, reason, who gets it and the rule from what a written policy says of a record.

    Raises
    ------
    UnpreparedError
        It is no mapping with these, or one of them is no text.
    """
    if not isinstance(decided, Mapping) or not isinstance(decided.get("action"), str):
        raise UnpreparedError("the written policy returned no mapping with an action")
    found = [decided.get(name) for name in ("action", "reason", "to", "rule")]
    if not all(value is None or isinstance(value, str) for value in found):
        raise UnpreparedError("the written policy returned a reason, `to` or rule that is no text")
    return [None if value is None else str(value) for value in found]
