"""Which columns say what a record is: declared, or inferred where there is no doubt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.audit.entities import Roles as Described
from workbench.contract import Role, TableContract
from workbench.tables.formats import Semantic
from workbench.tables.moments import COMPACT, EPOCH, read_times
from workbench.tables.profiles import KEY_NAME, ColumnProfile

TIME, SOURCE, ENTITY, CASE = "time", "source", "entity", "class"
EXPECTED_FILLED = 0.5
TEXT_LETTERS = 20
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
MOMENT_NAME = re.compile(r"date|time|datum|zeit|epoch|stamp|(^|_)(ts|at|on)$", re.IGNORECASE)
PARTIES = frozenset(
    {
        "vendor", "supplier", "customer", "client", "account", "partner", "creditor", "debtor", "merchant", "patient",
        "member", "company", "employee", "store", "shop", "branch", "clinic", "hospital", "lieferant", "kunde",
        "kunden", "kreditor", "debitor", "mandant", "firma", "filiale", "patienten", "mitarbeiter",
    }
)  # fmt: skip
NAMING = frozenset({"id", "no", "nr", "num", "number", "code", "key", "name", "nummer"})


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns say what a record is; None where no column does.

    Parameters
    ----------
    id, time, source, entity, case : str, optional
        Columns with a record's id, time, origin, business partner, and class (common, edge, error).
    text : tuple of str
        Free text.
    required : tuple of str
        Columns that a complete record fills.
    """

    id: str | None = None
    time: str | None = None
    source: str | None = None
    entity: str | None = None
    case: str | None = None
    text: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    @property
    def slices(self) -> Mapping[str, str]:
        """Columns by which records are told apart, other than by time."""
        named = {SOURCE: self.source, ENTITY: self.entity, CASE: self.case}
        return {kind: column for kind, column in named.items() if column is not None}


def declared_roles(contract: TableContract, present: Sequence[str], shown: Sequence[str]) -> Roles:
    """Return the roles that a contract declares, of the columns that are there; only shown ones can be required."""

    def column(role: Role, named: str | None = None) -> str | None:
        name = next((name for name, one in contract.columns.items() if one.role is role), named)
        return name if name in present else None

    key = contract.key[0] if len(contract.key) == 1 and contract.source is None else None
    return Roles(
        id=column(Role.ID, key),
        time=column(Role.TIMESTAMP, contract.time),
        source=column(Role.SOURCE, contract.source),
        entity=column(Role.ENTITY, contract.entity),
        case=column(Role.CLASS),
        text=tuple(name for name, one in contract.columns.items() if one.role is Role.TEXT and name in present),
        required=tuple(name for name in shown if name in contract.columns and contract.columns[name].required),
    )


def inferred_roles(
    frame: pd.DataFrame, columns: Sequence[ColumnProfile], described: Described | None, declared: Roles
) -> Roles:
    """Return the roles that columns declare or else seem to have.

    Parameters
    ----------
    frame : DataFrame
    columns : sequence of ColumnProfile
    described : entities.Roles, optional
        The thing and the source, where several sources describe the same things.
    declared : Roles
        They come first.
    """
    named = [column for column in columns if column.name in frame.columns]
    words = [column for column in named if column.semantic is Semantic.TEXT and column.n_distinct > column.n // 2]
    text = tuple(column.name for column in words if _letters(frame[column.name]) >= TEXT_LETTERS)
    time = declared.time or time_column(frame, named)
    key = next((one.name for one in named if one.is_key and not one.is_moment and one.name not in text), None)
    names = {column.position: column.name for column in columns}
    source = None if described is None or described.source is None else names[described.source]
    entity = names[described.entity[0]] if described is not None and len(described.entity) == 1 else None
    filled = tuple(column.name for column in named if column.n_missing < (1 - EXPECTED_FILLED) * column.n)
    return Roles(
        id=declared.id or key,
        time=time,
        source=declared.source or source_column(named) or source,
        entity=declared.entity or entity_column(named) or entity,
        text=declared.text or text,
        required=declared.required or filled,
    )


def time_column(frame: pd.DataFrame, columns: Sequence[ColumnProfile]) -> str | None:
    """Return the column that says when a record was made or came in, None where none does.

    Dates of birth never are. Of several columns, one named for recording comes before others, one with hours before
    days, and what happens later (due, paid, shipped) comes last; among equals the first.
    """
    found = [one for one in columns if _may_be_time(one, frame[one.name])]
    return max(found, key=_time_rank).name if found else None


def _may_be_time(column: ColumnProfile, values: pd.Series[Any]) -> bool:
    if BIRTH_NAME.search(column.name):
        return False
    filled = values.dropna().map(str).str.strip()
    if column.semantic not in {Semantic.DATE, Semantic.DATETIME}:
        named = MOMENT_NAME.search(column.name) or RECORDED_NAME.search(column.name)
        pattern = EPOCH if named and not filled.head(1).str.fullmatch(COMPACT.pattern).any() else COMPACT
        if (column.is_key and not named) or not len(filled):
            return False
        if float(filled.head(200).str.fullmatch(pattern.pattern).mean()) < 0.9:
            return False
    return bool(read_times(filled).notna().sum() > MIN_READABLE * max(1, len(filled)))


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


def _letters(values: pd.Series[Any]) -> float:
    lengths = values.dropna().map(len)
    return float(lengths.mean()) if len(lengths) else 0.0
