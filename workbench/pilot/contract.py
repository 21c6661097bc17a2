"""The contract: what columns a pilot's records have, what they mean and which values they may hold."""

from __future__ import annotations

import re
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from workbench.files import Settings, parse_yaml, read_settings, read_text, settings_from, write_atomically
from workbench.pilot.labels import bin_label, bin_labels, label_text
from workbench.words import InputError, shown

CONTRACT_FILE = "contract.yaml"
_LABEL_SET = re.compile(r"^label_set:.*$", re.MULTILINE)
_RECORDS = re.compile(r"^records:", re.MULTILINE)
DECIMALS: tuple[Literal["."], Literal[","]] = (".", ",")


class Role(StrEnum):
    """What a column is to the workbench; `label`, `reason`, `class` and `ignore` are never shown to an agent."""

    ID = "id"
    TEXT = "text"
    LABEL = "label"
    REASON = "reason"
    TIMESTAMP = "timestamp"
    SOURCE = "source"
    ENTITY = "entity"
    CLASS = "class"
    FIELD = "field"
    IGNORE = "ignore"


WITHHELD = frozenset({Role.LABEL, Role.REASON, Role.CLASS, Role.IGNORE})
SINGLE = frozenset({Role.ID, Role.LABEL, Role.REASON, Role.TIMESTAMP, Role.SOURCE, Role.ENTITY, Role.CLASS})


class ColumnType(StrEnum):
    """How a cell is read; dates and datetimes are ISO 8601 text."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"


class Semantic(StrEnum):
    """What the cells of a column are to a reader; the audit infers it, a contract may confirm or correct it."""

    INTEGER = "integer"
    NUMBER = "number"
    AMOUNT = "amount"
    PERCENT = "percent"
    MEASURE = "number_with_unit"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    EMAIL = "email"
    URL = "url"
    PHONE = "phone"
    IBAN = "iban"
    VAT_ID = "vat_id"
    ISSN = "issn"
    ISBN = "isbn"
    CURRENCY = "currency"
    ID = "id"
    CODE = "code"
    ZIP = "zip"
    CATEGORY = "category"
    NAME = "name"
    TEXT = "free_text"
    EMPTY = "empty"


class PiiClass(StrEnum):
    """What kind of personal data a column may hold."""

    NONE = "none"
    CONTACT = "contact"
    PERSONAL = "personal"
    FINANCIAL = "financial"
    SPECIAL = "special_category"


class Column(Settings):
    """One column of a table.

    `semantic` says what its cells are, `format` how they are written: the name of a format as the audit prints it
    (DD.MM.YYYY, "h:mm a.m.", "decimal point") or a regular expression for the whole cell; a date or datetime is read in
    its format, in ISO 8601 without one. `decimal` is the decimal sign of its numbers; the other sign may group their
    digits. `missing` are texts that stand for nothing, such as NA. `unit` is what a number counts; the cells hold the
    number alone. `required: false`, written out, says that empty cells are in order.
    `aliases`, of the label column alone, says which other spellings a label has: {"Yes": "yes"}. `bins`, of the label
    column alone, cuts a number to predict at rising limits; its parts are the labels.
    """

    type: ColumnType = ColumnType.STRING
    role: Role = Role.FIELD
    required: bool = False
    allowed: tuple[str, ...] | None = None
    aliases: dict[str, str] = Field(default_factory=dict)
    pii: PiiClass = PiiClass.NONE
    description: str = ""
    semantic: Semantic | None = None
    format: str | None = None
    decimal: Literal[".", ","] = "."
    missing: tuple[str, ...] | None = None
    bins: tuple[float, ...] = ()
    unit: str | None = None
    max_length: int | None = Field(default=None, gt=0)

    @field_validator("allowed", "aliases", "missing", mode="before")
    @classmethod
    def _values_are_text(cls, values: Any) -> Any:
        given = [*values.keys(), *values.values()] if isinstance(values, dict) else values
        if isinstance(given, list) and any(isinstance(one, bool) for one in given):
            raise ValueError("text in quotes: without them YAML reads yes, no, on and off as true and false")
        return values

    @field_validator("bins")
    @classmethod
    def _bins_rise(cls, bins: tuple[float, ...]) -> tuple[float, ...]:
        if list(bins) != sorted(set(bins)):
            raise ValueError("bins are rising limits, each once")
        return bins

    @field_validator("format")
    @classmethod
    def _format_can_be_read(cls, text: str | None) -> str | None:
        try:
            re.compile(text or "")
        except re.error as error:
            raise ValueError(f"the name of a format or a regular expression; this one is broken: {error}") from None
        return text

    @model_validator(mode="after")
    def _only_text_is_long(self) -> Self:
        if self.max_length is not None and self.type is not ColumnType.STRING:
            raise ValueError(f"max_length belongs to a column of type string, not {self.type.value}")
        return self


class Unlabelled(StrEnum):
    """What becomes of rows without a label."""

    REFUSED = "refused"
    APART = "apart"  # they are no records; they are what production looks like


class RareLabels(StrEnum):
    """What becomes of labels with one record, which cannot be both developed on and tested."""

    REFUSED = "refused"
    DEVELOPMENT = "development"  # the one record is a development record


class Reading(Settings):
    """How a table's files are read, as far as it is not found in the files themselves.

    `encoding` is any that Python knows, `separator` one character; `header: false` says that the first row is a record.
    """

    encoding: str | None = None
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    header: bool = True


class Reference(Settings):
    """A column whose cells name records: those whose `key` they hold, in `file` beside the records, or in this table.

    A cell that names none is an orphan.
    """

    column: str
    key: str
    file: str | None = None


class TableContract(Settings):
    """What is agreed about a table, as far as it is; the audit infers the rest.

    `key` names the columns that tell what a row is about; `source` the column with who reported it, `time` the one with
    when. Rows of different sources with the same key describe the same thing and should agree. `entity` names the
    thing where it is not the key. `rules` hold in every row: "a -> b" (a settles b), "a, b -> c", "a * b = c",
    "a + b = c", "a <= b". `references` names columns whose cells must be found among the keys of another table.
    `reading` says how the files are read.
    """

    records: tuple[str, ...] = ()
    columns: dict[str, Column] = Field(default_factory=dict)
    key: tuple[str, ...] = ()
    source: str | None = None
    time: str | None = None
    entity: str | None = None
    rules: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    reading: Reading = Reading()


class Contract(TableContract):
    """A dataset's declared schema.

    `records` names the files beside contract.yaml, read in this order as one table. A column that is not declared is
    refused; a declared column that is not required may be absent from a file and is then empty. `unlabelled` and
    `rare_labels` say what becomes of rows without a label, and of labels with one record. `label_set` names the labels
    that people corrected, `labels/NAME.csv` beside the records; without it the labels are those in the records.
    """

    records: tuple[str, ...] = Field(min_length=1)
    columns: dict[str, Column] = Field(min_length=1)
    unlabelled: Unlabelled = Unlabelled.REFUSED
    rare_labels: RareLabels = RareLabels.REFUSED
    label_set: str | None = Field(default=None, pattern=r"^v([2-9]|[1-9]\d+)$")

    @model_validator(mode="after")
    def _roles_fit(self) -> Self:
        counts = Counter(column.role for column in self.columns.values())
        repeated = sorted(role.value for role in SINGLE if counts[role] > 1)
        if repeated:
            raise ValueError(f"at most one column may have the role {', '.join(repeated)}")
        if counts[Role.LABEL] != 1:
            raise ValueError("exactly one column must have the role label")
        return self

    @model_validator(mode="after")
    def _aliases_name_labels(self) -> Self:
        for what in ("aliases", "bins"):
            others = sorted(n for n, column in self.columns.items() if getattr(column, what) and n != self.label)
            if others:
                raise ValueError(f"{what} belong to the label column; {shown(others)} is not")
        if self.columns[self.label].bins and self.columns[self.label].allowed is not None:
            raise ValueError("bins are the labels; `allowed` cannot name others")
        known = self.labels
        unknown = sorted({text for text in self._meant.values() if known is not None and text not in known})
        if unknown:
            raise ValueError(f"aliases name labels that are not allowed: {shown(unknown)}")
        return self

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The labels that are allowed, as labels are compared; None where the contract allows any."""
        allowed, bins = self.columns[self.label].allowed, self.columns[self.label].bins
        if bins:
            return bin_labels(bins)
        return None if allowed is None else tuple(dict.fromkeys(map(self.label_of, allowed)))

    @property
    def _meant(self) -> dict[str, str]:
        return {label_text(one): label_text(other) for one, other in self.columns[self.label].aliases.items()}

    def label_of(self, cell: object) -> str:
        """Return the label that a cell means: its text, what that is an alias of, or the bin of its number."""
        text = label_text(cell)
        column = self.columns[self.label]
        if column.bins:
            other = "," if column.decimal == "." else "."
            try:
                return bin_label(float(text.replace(other, "").replace(column.decimal, ".")), column.bins)
            except ValueError:
                return text
        return self._meant.get(text, text)

    def column_with(self, role: Role) -> str | None:
        """Return the name of the one column with a role, None when no column has it."""
        return next((name for name, column in self.columns.items() if column.role is role), None)

    def columns_with(self, role: Role) -> tuple[str, ...]:
        """Return the names of all columns with a role, in the contract's order."""
        return tuple(name for name, column in self.columns.items() if column.role is role)

    @model_validator(mode="after")
    def _names_are_declared(self) -> Self:
        named = {*self.key, *(name for name in (self.source, self.time, self.entity) if name is not None)}
        unknown = sorted(named - set(self.columns))
        if unknown:
            raise ValueError(f"key, source, time and entity are declared columns; {', '.join(unknown)} is not")
        return self

    @property
    def label(self) -> str:
        """Name of the label column."""
        return self.columns_with(Role.LABEL)[0]

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the columns an agent may see, in the contract's order."""
        return tuple(name for name, column in self.columns.items() if column.role not in WITHHELD)


def read_table_contract(path: Path) -> TableContract:
    """Return what a YAML file says about a table: a pilot's contract.yaml, or one without label and records."""
    return read_settings(path, TableContract)


def read_contract(folder: Path) -> Contract:
    """Return the contract of a dataset folder."""
    return read_settings(folder / CONTRACT_FILE, Contract)


def name_label_set(folder: Path, contract: Contract, name: str) -> bool:
    """Write into contract.yaml the one line that names a label set; return whether that could be done safely.

    Safely: what is read from the new text is the contract of before in everything else.
    """
    path = folder / CONTRACT_FILE
    text, line = read_text(path), f"label_set: {name}"
    if _LABEL_SET.search(text):
        edited = _LABEL_SET.sub(line, text, count=1)
    else:
        edited = _RECORDS.sub(f"{line}\nrecords:", text, count=1)
    try:
        found = settings_from(parse_yaml(edited, str(path)), Contract, str(path))
    except InputError:
        return False
    if found != contract.model_copy(update={"label_set": name}):
        return False
    write_atomically(path, edited)
    return True
