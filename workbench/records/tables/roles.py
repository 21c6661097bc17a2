"""Which columns of a table say when, where from and about whom a record is, where there is no doubt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from workbench.pilot import ColumnType
from workbench.records.tables.formats import Semantic
from workbench.records.tables.moments import COMPACT, DATED, EPOCH, MOMENT_NAME, read_times
from workbench.records.tables.profiles import KEY_KINDS, KEY_NAME, ColumnProfile

COUNT_NAME = re.compile(r"column_\d+|Unnamed: \d+|index|X")
MOMENTS_TYPED = frozenset({ColumnType.DATE, ColumnType.DATETIME})
TEXT_LETTERS, NAME_LETTERS, LEAST_SPACES = 20, 30, 2
LOOKED_AT, MOSTLY = 200, 0.9
MIN_READABLE = 0.5
MAX_SOURCES = 50
SOURCE_NAME = re.compile(
    r"^(src|source|origin|channel|feed|quelle|herkunft|kanal)([_ -]?(system|name|id|code))?$"
    r"|(^|[_ -])(source|quell)[_ -]?(system|name)?$|^(system|erp|erp[_ -]?system|quellsystem|vorsystem)$",
    re.IGNORECASE,
)
RECORDED_NAME = re.compile(
    r"receiv|created|recorded|registered|entered|logged|submitted|opened|timestamp|eingang|eingegangen|erstellt|angelegt"
    r"|erfasst|zeitstempel|(^|_)ts$|_at$|^(date|datum|time|zeit|day|tag)$",
    re.IGNORECASE,
)
LATER_NAME = re.compile(
    r"due|fällig|faellig|expir|valid|gültig|gueltig|until|promised|deliver|liefer|ship|paid|bezahlt|clos|modified"
    r"|updated|changed|geändert|(^|_)(end|to|bis)(_|$)",
    re.IGNORECASE,
)
BIRTH_NAME = re.compile(r"birth|born|(^|_)dob(_|$)|geburt|geboren", re.IGNORECASE)
PARTIES = frozenset(
    {
        "vendor", "supplier", "customer", "client", "account", "partner", "creditor", "debtor", "merchant", "patient",
        "member", "company", "employee", "store", "shop", "branch", "clinic", "hospital", "lieferant", "kunde",
        "kunden", "kreditor", "debitor", "mandant", "firma", "filiale", "patienten", "mitarbeiter",
    }
)  # fmt: skip
NAMING = frozenset({"id", "no", "nr", "num", "number", "code", "key", "name", "nummer"})


def time_column(frame: pd.DataFrame, columns: Sequence[ColumnProfile]) -> str | None:
    """Return the column that says when a record was made or came in, None where none does.

    Dates of birth never are. Of several columns, one named for recording comes before others, one with hours before
    days, and what happens later (due, paid, shipped) comes last; among equals the first.
    """
    found = [one for one in columns if _may_be_time(one, frame[one.name])]
    return max(found, key=_time_rank).name if found else None


def text_columns(frame: pd.DataFrame, columns: Sequence[ColumnProfile]) -> tuple[str, ...]:
    """Return the columns of free text: sentences, or long names, that mostly differ from record to record."""
    return tuple(one.name for one in columns if _is_text(one, frame[one.name]))


def _is_text(column: ColumnProfile, values: pd.Series[Any]) -> bool:
    least = {Semantic.TEXT: TEXT_LETTERS, Semantic.NAME: NAME_LETTERS}.get(column.semantic)
    if least is None or 2 * column.n_distinct <= column.n - column.n_missing:
        return False
    filled = values.dropna()
    return float(filled.map(len).mean()) >= least and float(filled.str.count(" ").mean()) >= LEAST_SPACES


def _may_be_time(column: ColumnProfile, values: pd.Series[Any]) -> bool:
    if BIRTH_NAME.search(column.name):
        return False
    if column.written.type in MOMENTS_TYPED:
        return True
    if column.semantic not in DATED and not _may_count_days(column, values):
        return False
    filled = values.dropna().map(str).str.strip()
    return bool(read_times(filled).notna().sum() > MIN_READABLE * max(1, len(filled)))


def _may_count_days(column: ColumnProfile, values: pd.Series[Any]) -> bool:
    """Whether whole numbers are days such as 20251231, or seconds since 1970 in a column that is named for a time."""
    named = MOMENT_NAME.search(column.name) or RECORDED_NAME.search(column.name)
    if column.written.type is not ColumnType.INTEGER or (column.is_key and not named):
        return False
    first = [str(value).strip() for value in values.dropna().head(LOOKED_AT)]
    pattern = EPOCH if named and not COMPACT.fullmatch(first[0]) else COMPACT
    return sum(pattern.fullmatch(text) is not None for text in first) >= MOSTLY * len(first)


def _time_rank(column: ColumnProfile) -> tuple[bool, bool, bool, int]:
    is_later = LATER_NAME.search(column.name) is not None
    is_recorded = RECORDED_NAME.search(column.name) is not None and not is_later
    return is_recorded, not is_later, column.semantic is Semantic.DATETIME, -column.position


def source_column(columns: Sequence[ColumnProfile]) -> str | None:
    """Return the column that is named as a record's source, None where none or several are."""
    found = [one.name for one in columns if SOURCE_NAME.search(one.name) and 1 < one.n_distinct <= MAX_SOURCES]
    return found[0] if len(found) == 1 else None


def entity_column(columns: Sequence[ColumnProfile]) -> str | None:
    """Return the column that names the business partner of a record, None where none or different ones do.

    Of the columns for one partner, such as vendor_id and vendor_name, that with its number is taken.
    """
    parties: dict[str, list[ColumnProfile]] = {}
    for one in columns:
        party = _party(one.name)
        is_kind = not (
            one.is_key or one.is_moment or one.semantic in {Semantic.TEXT, Semantic.BOOLEAN, Semantic.AMOUNT}
        )
        if party is not None and is_kind and 1 < one.n_distinct <= (one.n - one.n_missing) / 2:
            parties.setdefault(party, []).append(one)
    if len(parties) != 1:
        return None
    [found] = parties.values()
    return next((one.name for one in found if KEY_NAME.search(one.name)), found[0].name)


def _party(name: str) -> str | None:
    """Return the partner that a column names: a word for one, alone or with a word for its number or name."""
    parts = [part.casefold() for part in re.findall(r"[A-ZÄÖÜ]?[a-zäöüß]+|[A-ZÄÖÜ]+(?![a-zäöüß])", name)]
    rest = [part for part in parts if part not in NAMING]
    return rest[0] if len(rest) == 1 and rest[0] in PARTIES else _compound(rest[0]) if len(rest) == 1 else None


def _compound(word: str) -> str | None:
    """Return the partner in a German compound or a name without separator (Kundennummer, vendorid)."""
    for ending in sorted(NAMING, key=len, reverse=True):
        if word.endswith(ending) and word.removesuffix(ending).rstrip("n") in PARTIES:
            return word.removesuffix(ending).rstrip("n")
    return None


def id_column(columns: Sequence[ColumnProfile]) -> str | None:
    """Return the first column that is named for an id and is filled and different in every row."""
    found = [one for one in columns if one.n_missing == 0 and one.n_distinct == one.n and one.semantic in KEY_KINDS]
    return next((one.name for one in found if KEY_NAME.search(one.name) and not one.is_moment), None)


def row_count_columns(columns: Sequence[ColumnProfile]) -> tuple[str, ...]:
    """Return the columns without a name of their own that count the rows, as exports leave them."""
    return tuple(one.name for one in columns if COUNT_NAME.fullmatch(one.name) and one.counts_rows)


def empty_columns(columns: Sequence[ColumnProfile]) -> tuple[str, ...]:
    """Return the columns without a name of their own in which every cell is empty."""
    return tuple(one.name for one in columns if COUNT_NAME.fullmatch(one.name) and one.n_missing == one.n)
