"""A whole record as another source writes it: numbers with another decimal sign, dates in another order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.cases.relations.change import Fields, Ground, UnchangeableError
from workbench.cases.relations.formats import DATE, NUMBER, WrittenForm
from workbench.pilot import Role


def other_numbers(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record as a source writes it whose decimal sign is another one."""
    return _as_another(fields, ground, rng, lambda own, one: one.decimal != own.decimal, "another decimal sign")


def other_dates(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record as a source writes it that has the same decimal sign and writes dates otherwise."""

    def fits(own: WrittenForm, one: WrittenForm) -> bool:
        return one.decimal == own.decimal and one.date != own.date

    return _as_another(fields, ground, rng, fits, "the same decimal sign and other dates")


def _as_another(
    fields: Fields,
    ground: Ground,
    rng: np.random.Generator,
    fits: Callable[[WrittenForm, WrittenForm], bool],
    wanted: str,
) -> Fields:
    source = ground.contract.column_with(Role.SOURCE)
    if source is None or not ground.formats:
        raise UnchangeableError("the process specification does not say how each source writes (`source_formats`)")
    own = ground.formats.get(str(fields[source]))
    if own is None:
        raise UnchangeableError(f"how {fields[source]!r} writes is not said under `source_formats`")
    others = sorted(name for name, one in ground.formats.items() if one is not own and fits(own, one))
    if not others:
        raise UnchangeableError(f"no source has {wanted}")
    name = others[int(rng.integers(len(others)))]
    written = {one: _cell(str(fields[one]), kind, own, ground.formats[name]) for one, kind in _filled(fields, ground)}
    unread = [one for one, text in written.items() if text is None]
    if unread:
        raise UnchangeableError(f"{unread[0]!r} is not written as {fields[source]!r} writes")
    return {**fields, **written, source: name}


def _filled(fields: Fields, ground: Ground) -> list[tuple[str, str]]:
    return [(name, kind) for name, kind in ground.kinds.items() if fields[name] not in (None, "")]


def _cell(text: str, kind: str, own: WrittenForm, other: WrittenForm) -> str | None:
    """Return a cell as another source writes it, None where the own one does not write so."""
    text = text.strip()
    if kind == DATE:
        day = own.moment(text)
        return None if day is None or other.date is None else day.strftime(other.date)
    if kind == NUMBER:
        parts = own.number(text)
        return None if parts is None else other.written_number(parts)
    if kind in own.templates:
        filled = own.filled(kind, text)
        return None if filled is None else other.templates[kind][filled[0]].format(**filled[1])
    meaning = own.codes[kind].get(text)
    return next((code for code, means in other.codes.get(kind, {}).items() if means == meaning), None)
