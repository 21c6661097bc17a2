"""Errors of each kind, put into a clean table where they can be known to be errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from dirty_tables.domains import Domain, Rng

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class Dirty:
    """A table with errors and where they are: `wrong` has the table's shape; `masters` are the tables it refers to."""

    table: pd.DataFrame
    wrong: np.ndarray
    masters: dict[str, pd.DataFrame] = field(default_factory=dict)

    def put(self, row: int, column: str, value: str | None) -> None:
        """Replace a cell by another value."""
        if self.table.at[row, column] != value:
            self.table.at[row, column] = value
            self.wrong[row, self.table.columns.get_loc(column)] = True


def spoil(rng: Rng, domain: Domain, kinds: Sequence[str], rate: float = 0.03) -> Dirty:
    """Return a domain's table with errors of some kinds, each in about `rate` of the cells of its columns."""
    table = domain.table.copy()
    dirty = Dirty(table, np.zeros(table.shape, dtype=bool))
    for kind in kinds:
        KINDS[kind](rng, domain, dirty, rate)
    return dirty


def kinds_of(domain: Domain) -> list[str]:
    """Return the kinds of error that a domain can have."""
    has = {
        "typo": domain.texts, "x_typo": domain.texts, "missing": domain.table.columns, "placeholder": domain.table.columns,  # noqa: E501
        "date_format": domain.dates, "number_format": domain.numbers, "unit": domain.numbers, "case": domain.categories,
        "whitespace": domain.texts, "mojibake": domain.texts, "dependency": domain.follows, "outlier": domain.numbers,
        "sign": domain.numbers, "arithmetic": domain.product, "date_order": domain.order, "checksum": domain.ibans,
        "code_format": domain.codes, "type": domain.numbers, "conflict": domain.described,
        "swapped": domain.order and domain.texts, "near_duplicate": domain.texts, "orphan": domain.refers,
    }  # fmt: skip
    return [kind for kind, columns in has.items() if len(columns)]


def _each(rng: Rng, dirty: Dirty, columns: Sequence[str], rate: float, change: Callable[[str], str | None]) -> None:
    for column in columns:
        for row in np.flatnonzero(rng.random(len(dirty.table)) < rate):
            value = dirty.table.at[row, column]
            if isinstance(value, str) and not dirty.wrong[row, dirty.table.columns.get_loc(column)]:
                dirty.put(int(row), column, change(value))


def typo(rng: Rng, value: str) -> str:
    """Return a text with one slip inside it: a letter replaced, left out, put in, or swapped with the next."""
    places = [i for i, sign in enumerate(value) if sign.isalpha()]
    if len(places) < 4:
        return value
    at = int(rng.choice(places[1:-1]))
    how = int(rng.integers(4))
    letter = str(rng.choice([one for one in LETTERS if one != value[at].lower()]))
    if how == 0:
        return value[:at] + letter + value[at + 1 :]
    if how == 1:
        return value[:at] + value[at + 1 :]
    if how == 2:
        return value[:at] + letter + value[at:]
    return value[:at] + value[at + 1 : at + 2] + value[at] + value[at + 2 :]


def _typos(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    _each(rng, dirty, domain.texts, rate, lambda value: typo(rng, value))


def _x_typos(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    def change(value: str) -> str:
        at = int(rng.integers(len(value)))
        return value[:at] + "x" + value[at + 1 :] if value[at].isalnum() else value

    _each(rng, dirty, domain.texts, rate, change)


def _missing(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    _each(rng, dirty, list(rng.choice(domain.table.columns, 5, replace=False)), rate, lambda _: None)


def _placeholders(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    for column in rng.choice(domain.table.columns, 5, replace=False):
        marker = str(rng.choice(["N/A", "-", "unknown", "null", "?", "n.a.", "none", "missing"]))
        _each(rng, dirty, [column], rate, lambda _, marker=marker: marker)


def _date_formats(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    layouts = ["%Y-%m-%d", "%d.%m.%Y", "%b %d, %Y", "%d-%b-%Y", "%Y/%m/%d", "%m/%d/%Y", "%d.%m.%y"]

    def change(value: str) -> str:
        usual = "%d.%m.%Y" if "." in value else "%m/%d/%Y" if "/" in value else "%Y-%m-%d"
        moment = pd.to_datetime(value, format=usual)
        return str(moment.strftime(str(rng.choice([layout for layout in layouts if layout != usual]))))

    _each(rng, dirty, domain.dates, rate, change)


def _number_formats(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    def change(value: str) -> str:
        number = float(value)
        if "." in value:
            return f"{number:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")
        return f"{number:,.0f}" if number >= 1000 else f"{number:.2f}".replace(".", ",")

    _each(rng, dirty, domain.numbers, rate, change)


def _units(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    unit = str(rng.choice([" kg", " pcs", " EUR", "%", " h", "h", " units"]))
    _each(rng, dirty, domain.numbers[:1], rate * 2, lambda value: value + unit)


def _cases(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    _each(rng, dirty, domain.categories, rate, lambda v: v.upper() if v != v.upper() else v.lower())


def _whitespace(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    def change(value: str) -> str:
        return str(rng.choice([f" {value}", f"{value} ", value.replace(" ", "  ") if " " in value else f"{value}\t"]))

    _each(rng, dirty, domain.texts, rate, change)


def _mojibake(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    def change(value: str) -> str:
        at = int(rng.integers(1, max(2, len(value) - 1)))
        accented = value[:at] + str(rng.choice(list("äöüéèßñ"))) + value[at:]
        return accented.encode().decode("cp1252", errors="replace")

    _each(rng, dirty, domain.texts, rate, change)


def _dependencies(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    for _, column in domain.follows:
        others = domain.table[column].unique()
        _each(rng, dirty, [column], rate, lambda _, others=others: str(rng.choice(others)))


def _outliers(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    for column in domain.numbers:
        most = domain.table[column].astype(float).max()
        decimals = 2 if "." in str(domain.table[column].iloc[0]) else 0
        _each(rng, dirty, [column], rate / 3, lambda _, m=most, d=decimals: f"{m * float(rng.uniform(20, 1000)):.{d}f}")


def _signs(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    _each(rng, dirty, domain.numbers, rate / 3, lambda value: f"-{value}")


def _arithmetic(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    def change(value: str) -> str:
        return f"{float(value) * float(rng.choice([1.1, 0.9, 2, 1.5, 10, 0.1])):.2f}"

    _each(rng, dirty, domain.product[2:], rate, change)


def _date_order(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    first, second = domain.order
    for row in np.flatnonzero(rng.random(len(dirty.table)) < rate):
        value = str(domain.table.at[row, first])
        layout = "%d.%m.%Y" if "." in value else "%m/%d/%Y" if "/" in value else "%Y-%m-%d"
        earlier = pd.to_datetime(value, format=layout) - pd.Timedelta(days=int(rng.integers(2, 200)))
        dirty.put(int(row), second, earlier.strftime(layout))


def _checksums(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    def change(value: str) -> str:
        at = int(rng.integers(4, len(value)))
        return value[:at] + str((int(value[at]) + int(rng.integers(1, 9))) % 10) + value[at + 1 :]

    _each(rng, dirty, domain.ibans, rate, change)


def _code_formats(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    def change(value: str) -> str:
        at = int(rng.integers(len(value)))
        return str(rng.choice([value[:-1], value + value[-1], value[:at] + "#" + value[at + 1 :], value[1:]]))

    _each(rng, dirty, domain.codes, rate / 3, change)


def _types(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    texts = ["see note", "twelve", "tbc", "about 20", "error", "x"]
    _each(rng, dirty, domain.numbers, rate / 2, lambda _: str(rng.choice(texts)))


def _conflicts(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    """Let sources be wrong: one of them often, the others seldom."""
    sources = sorted(domain.table[str(domain.source)].unique())
    trust = dict(zip(sources, rng.permutation([0.5, 0.75, *[0.93] * (len(sources) - 2)]), strict=True))
    for column in domain.described:
        others = domain.table[column].unique()
        for row in range(len(dirty.table)):
            if rng.random() > trust[domain.table.at[row, domain.source]]:
                dirty.put(row, column, str(rng.choice(others)))


def _swapped(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    """Put the values of a text and a date into each other's column."""
    a, b = domain.texts[0], domain.order[0]
    for row in np.flatnonzero(rng.random(len(dirty.table)) < rate / 2):
        left, right = dirty.table.at[row, a], dirty.table.at[row, b]
        dirty.put(int(row), a, right)
        dirty.put(int(row), b, left)


def _near_duplicates(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    """Enter some rows a second time further down, under the next number, with one slip or two.

    The cell that is wrong is the copy's number, or its first cell where rows have none, beside the slips themselves.
    """
    table = dirty.table
    chosen = np.flatnonzero(rng.random(len(table)) < rate)
    copies = table.iloc[chosen].copy()
    for column in domain.keys:
        copies[column] = [_next_number(table[column], place) for place in range(len(copies))]
    after = [float(rng.uniform(row, len(table))) for row in chosen]
    order = np.argsort(np.concatenate([np.arange(len(table)) - 0.5, after]), kind="stable")
    none = np.zeros((len(copies), table.shape[1]), dtype=bool)
    none[:, table.columns.get_loc(domain.keys[0]) if domain.keys else 0] = True
    dirty.wrong = np.concatenate([dirty.wrong, none])[order]
    dirty.table = pd.concat([table, copies], ignore_index=True).iloc[order].reset_index(drop=True)
    for row in np.flatnonzero(order >= len(table)):
        for column in rng.choice(domain.texts, min(len(domain.texts), int(rng.integers(1, 3))), replace=False):
            _slip(rng, dirty, int(row), str(column))


def _slip(rng: Rng, dirty: Dirty, row: int, column: str) -> None:
    value = dirty.table.at[row, column]
    if isinstance(value, str):
        dirty.put(row, column, [typo(rng, value), f"{value} ", value.upper(), None][int(rng.integers(4))])


def _next_number(column: pd.Series, place: int) -> str:
    last = str(column.iloc[-1])
    digits = re.search(r"\d+$", last)
    return f"{last[: digits.start()]}{int(digits[0]) + 1 + place:0{len(digits[0])}d}" if digits else last


def _orphans(rng: Rng, domain: Domain, dirty: Dirty, rate: float) -> None:
    """Put numbers of the same shape that no record of the other table has."""
    for column in domain.refers:
        keys = sorted(domain.table[column].unique())
        dirty.masters[column] = pd.DataFrame({column: keys, "name": [f"name {place}" for place in range(len(keys))]})

        def change(value: str, keys: Sequence[str] = keys) -> str:
            made = "".join(str(rng.integers(10)) if sign.isdigit() else sign for sign in value)
            return made if made not in keys else value

        _each(rng, dirty, [column], rate, change)


KINDS: dict[str, Callable[[Rng, Domain, Dirty, float], None]] = {
    "typo": _typos, "x_typo": _x_typos, "missing": _missing, "placeholder": _placeholders, "date_format": _date_formats,
    "number_format": _number_formats, "unit": _units, "case": _cases, "whitespace": _whitespace, "mojibake": _mojibake,
    "dependency": _dependencies, "outlier": _outliers, "sign": _signs, "arithmetic": _arithmetic,
    "date_order": _date_order, "checksum": _checksums, "code_format": _code_formats, "type": _types,
    "conflict": _conflicts, "swapped": _swapped, "near_duplicate": _near_duplicates, "orphan": _orphans,
}  # fmt: skip
