"""How each source writes dates, numbers, codes and terms, as process.yaml says under `source_formats`.

Each source has `date` (as strftime writes it), `decimal` and `thousands`, any number of code tables (`{CODE: meaning}`)
and of tables of templates (`{kind: "{days} days net"}`). Which columns hold what is found from the development records:
a column counts where nearly every cell of every source is written as that source writes such things.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import Any, TypeAlias

import pandas as pd

DATE, NUMBER = "a date", "a number"
FITTING = 0.9  # of a column's cells that must be written so; damaged cells are the others
Counted: TypeAlias = Mapping[str, int]  # cells to how often each occurs


@dataclass(frozen=True)
class WrittenForm:
    """How one source writes things."""

    date: str | None
    decimal: str
    thousands: str
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    templates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @cached_property
    def number_form(self) -> re.Pattern[str]:
        """What a number looks like."""
        grouped = rf"\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+|" if self.thousands else ""
        return re.compile(rf"(-?)({grouped}\d+)(?:{re.escape(self.decimal)}(\d+))?")

    def number(self, text: str) -> tuple[str, str, str] | None:
        """Return sign, whole digits and fraction of a number, None where it is none."""
        match = self.number_form.fullmatch(text)
        if match is None:
            return None
        whole = match[2].replace(self.thousands, "") if self.thousands else match[2]
        return match[1], whole, match[3] or ""

    def written_number(self, parts: tuple[str, str, str]) -> str:
        """Return a number as this source writes it."""
        sign, whole, fraction = parts
        grouped = f"{int(whole):,}".replace(",", self.thousands) if self.thousands else whole
        return f"{sign}{grouped}{self.decimal}{fraction}" if fraction else f"{sign}{grouped}"

    def moment(self, text: str) -> datetime | None:
        """Return the day that a text says, None where it says none."""
        try:
            return None if self.date is None else datetime.strptime(text, self.date)
        except ValueError:
            return None

    def filled(self, table: str, text: str) -> tuple[str, Mapping[str, str]] | None:
        """Return which template of a table a text fills, and with what; the one with the fewest blanks first."""
        for kind, template in sorted(self.templates[table].items(), key=lambda item: item[1].count("{")):
            match = _form(template).fullmatch(text)
            if match is not None:
                return kind, match.groupdict()
        return None


PLAIN = WrittenForm(None, ".", "")
FormsBySource: TypeAlias = Mapping[str, WrittenForm]


def forms_of(process: Mapping[str, Any]) -> FormsBySource:
    """Return the format of every source that a process specification names; none where it names none."""
    declared = process.get("source_formats")
    sources = declared if isinstance(declared, Mapping) else {}
    return {str(name): _format(one) for name, one in sources.items() if isinstance(one, Mapping)}


def written_kinds(records: pd.DataFrame, source: str, columns: Sequence[str], formats: FormsBySource) -> dict[str, str]:
    """Return the columns that every source writes in its own format, with what they hold.

    Parameters
    ----------
    records : DataFrame
        The development records as an agent sees them.
    source : str
        Name of the column of sources.
    columns : sequence of str
        Columns of text.
    """
    found = {}
    for name in columns:
        cells = {one: _cells(records, source, one, name) for one in formats}
        kind = None if name == source or not all(cells.values()) else _kind(cells, formats)
        if kind is not None:
            found[name] = kind
    return found


def _cells(records: pd.DataFrame, source: str, one: str, name: str) -> Counted:
    found = records.loc[records[source] == one, name].dropna().astype(str).str.strip()
    return {str(cell): int(n) for cell, n in found[found != ""].value_counts().items()}


def _kind(cells: Mapping[str, Counted], formats: FormsBySource) -> str | None:
    """Return what the cells of a column hold: the first that fits of codes, templates, dates and numbers."""
    first = next(iter(formats.values()))
    for table in (*first.codes, *first.templates):
        if _all_fit(cells, partial(_is_of, formats, table)):
            return table
    if _all_fit(cells, lambda one, cell: formats[one].moment(cell) is not None):
        return DATE
    signs = {one: {own.decimal, own.thousands} - {""} for one, own in formats.items()}
    is_marked = all(any(sign in cell for sign in signs[one] for cell in found) for one, found in cells.items())
    if is_marked and _all_fit(cells, lambda one, cell: formats[one].number(cell) is not None):
        return NUMBER
    return None


def _is_of(formats: FormsBySource, table: str, one: str, cell: str) -> bool:
    """Return whether a cell is a code of one of a source's tables, or fills one of its templates."""
    own = formats[one]
    return cell in own.codes.get(table, {}) or (table in own.templates and own.filled(table, cell) is not None)


def _all_fit(cells: Mapping[str, Counted], fits: Callable[[str, str], bool]) -> bool:
    return all(
        sum(n for cell, n in found.items() if fits(one, cell)) >= FITTING * sum(found.values())
        for one, found in cells.items()
    )


def _format(declared: Mapping[str, Any]) -> WrittenForm:
    tables = {str(name): one for name, one in declared.items() if isinstance(one, Mapping)}
    texts = {name: {str(key): str(value) for key, value in one.items()} for name, one in tables.items()}
    templates = {name for name, one in texts.items() if any("{" in value for value in one.values())}
    date = declared.get("date")
    return WrittenForm(
        None if date is None else str(date),
        str(declared.get("decimal", ".")),
        str(declared.get("thousands", "")),
        {name: one for name, one in texts.items() if name not in templates},
        {name: one for name, one in texts.items() if name in templates},
    )


def _form(template: str) -> re.Pattern[str]:
    """Return a pattern with a group for each blank of a template."""
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>\\d+(?:\\.\\d+)?)", re.escape(template)))
