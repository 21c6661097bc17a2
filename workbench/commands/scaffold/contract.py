"""A contract from the cells of a table: what each column is, and why."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.commands.scaffold.choices import Choices, Columns
from workbench.pilot import Column, ColumnType, Contract, PiiClass, Reading, Role, Semantic, label_aliases, label_text
from workbench.records.tables import (
    MOMENTS,
    NUMERIC,
    CodedColumn,
    ColumnProfile,
    RawTable,
    coded_columns,
    empty_columns,
    id_column,
    missing_texts,
    profile,
    row_count_columns,
    settled_profiles,
    text_columns,
    time_column,
)
from workbench.words import InputError, shown

EXPECTED_FILLED = 0.5
SURE = 0.9
PII_SHARE, PII_VALUES, SHORTEST_PII = 0.1, 10_000, 6
FEW_NUMBERS, NUMBERS_SHARE = 20, 0.05
E_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}")


@dataclass(frozen=True, slots=True, eq=False)
class Inferred:
    """What a table was read as.

    Parameters
    ----------
    contract : Contract
    profiles : tuple of ColumnProfile
    why : mapping
        Reason for the role of each column whose role was found, not named.
    frame : DataFrame
        The cells as text.
    renamed : tuple of str
        What was done about columns without a name of their own.
    encoding, separator : str or None
    """

    contract: Contract
    profiles: tuple[ColumnProfile, ...]
    why: Mapping[str, str]
    frame: pd.DataFrame
    renamed: tuple[str, ...]
    encoding: str | None
    separator: str | None

    def profile(self, name: str) -> ColumnProfile:
        """Return what the cells of a column are."""
        return next(one for one in self.profiles if one.name == name)

    def n_missing(self, name: str) -> int:
        """Return how many cells of a column are empty or stand for nothing; a label stands for itself."""
        if name != self.contract.label:
            return self.profile(name).n_missing
        cells = self.frame[name].fillna("").tolist()
        return int(missing_texts(cells, self.contract.columns[name].missing or ()).sum())

    def why_of(self, name: str) -> str:
        """Return why a column has its type and role, where they were found."""
        if name == self.contract.label:
            return "named; a label is text, always"
        is_id = self.contract.columns[name].role is Role.ID
        return "; ".join(filter(None, (self.why.get(name), "" if is_id else self.profile(name).written.why)))


def infer_contract(cells: RawTable, columns: Columns, file: str, choices: Choices | None = None) -> Inferred:
    """Return a contract that a table fits: types and ways of writing from all its cells, roles from names and cells.

    A column that at least half of the records fill is required, as in an audit without a contract. Labels that differ
    by case or white space alone are one label, the most frequent spelling; the others are its aliases.

    Parameters
    ----------
    cells : Cells
    columns : Columns
    file : str
        Name of the records file beside the contract.
    choices : Choices, optional

    Raises
    ------
    InputError
        The label is a number to predict.
    """
    choices = choices or Choices()
    frame = cells.frame()
    coded = coded_columns(cells.table, cells.names, ("VARCHAR",) * len(cells.names))
    found = settled_profiles(coded, [profile(one, cells.n_rows) for one in coded], choices.hints)
    label = next(one for one in found if one.name == columns.label)
    _check_number(label, frame[columns.label], choices)
    roles, why = _roles(frame, [one for one in found if one.name != columns.label], columns)
    others = [(one, its_cells) for one, its_cells in zip(found, coded, strict=True) if one is not label]
    made = {one.name: _column(one, roles[one.name], its_cells, (columns, choices)) for one, its_cells in others}
    made[columns.label] = _label_column(label, frame[columns.label], columns, choices)
    contract = Contract(
        records=(file,),
        columns={name: made[name] for name in cells.names},
        unlabelled=choices.unlabelled,
        rare_labels=choices.rare_labels,
        reading=_reading(cells, choices.reading),
    )
    return Inferred(contract, found, why, frame, cells.renamed, cells.encoding, cells.separator)


def _reading(cells: RawTable, given: Reading) -> Reading:
    """Return how the file was read, written down where it is not UTF-8 with commas."""
    encoding = cells.encoding if cells.encoding not in (None, "utf-8") else None
    separator = cells.separator if cells.separator != "," else None
    return Reading(encoding=encoding, separator=separator, header=given.header)


def _roles(
    frame: pd.DataFrame, found: Sequence[ColumnProfile], columns: Columns
) -> tuple[dict[str, Role], dict[str, str]]:
    """Return the role of every column but the label's, and why where it was found."""
    named = {name: Role(role) for role, name in columns.named} | dict(columns.roles)
    taken = set(named.values())
    roles, why = dict.fromkeys((one.name for one in found), Role.FIELD), dict[str, str]()

    def free() -> list[ColumnProfile]:
        return [one for one in found if one.name not in named and one.name not in why]

    def give(role: Role, names: Iterable[str | None], reason: str) -> None:
        for name in names:
            if name is not None:
                roles[name], why[name] = role, reason

    give(Role.IGNORE, row_count_columns(free()), "counts the rows")
    give(Role.IGNORE, empty_columns(free()), "every cell is empty")
    if Role.TEXT not in taken:
        give(Role.TEXT, text_columns(frame, free()), "long text that differs from record to record")
    if Role.TIMESTAMP not in taken:
        give(Role.TIMESTAMP, [time_column(frame, free())], "the likeliest time of a record")
    if Role.ID not in taken:
        give(Role.ID, [id_column(free())], "named for an id, and different in every record")
    return roles | {name: role for name, role in named.items() if name != columns.label}, why


def _column(found: ColumnProfile, role: Role, cells: CodedColumn, said: tuple[Columns, Choices]) -> Column:
    columns, choices = said
    kind = columns.types.get(found.name, found.written.type)
    if role is Role.ID and found.name not in columns.types:
        kind = ColumnType.STRING
    is_text = kind is ColumnType.STRING
    missing = () if role is Role.TEXT else tuple(dict.fromkeys((*found.missing, *choices.missing)))
    is_odd = is_text and role is Role.FIELD and found.semantic in NUMERIC | MOMENTS
    return Column(
        type=kind,
        role=role,
        required=found.n_missing <= (1 - EXPECTED_FILLED) * found.n,
        pii=_pii(cells),
        semantic=found.semantic if is_odd and (found.confidence or 0.0) >= SURE else None,
        decimal="." if is_text else found.written.decimal,
        format=None if is_text else found.written.format,
        missing=missing or None,
        max_length=_max_length(cells) if is_text and _is_prose(found, role) else None,
    )


def _is_prose(found: ColumnProfile, role: Role) -> bool:
    """Whether an agent reads a column as text that somebody wrote."""
    return role is Role.TEXT or (role is Role.FIELD and found.semantic is Semantic.TEXT)


def _max_length(cells: CodedColumn) -> int | None:
    """Return a length that no text of this kind reaches: twice the longest one, rounded up; None without any text.

    Examples
    --------
    Longest texts of 123, 433 and 4 characters give 250, 900 and 10.
    """
    longest = max((len(value) for value in cells.values), default=0)
    step = max(10, 10 ** (len(str(2 * longest)) - 1) // 2)
    return -(-2 * longest // step) * step or None


def _label_column(found: ColumnProfile, cells: pd.Series[Any], columns: Columns, choices: Choices) -> Column:
    """Return the label's column: text, always, its spellings as aliases; or cut into bins."""
    missing = choices.missing or None
    if choices.bins:
        return Column(role=Role.LABEL, required=True, bins=choices.bins, decimal=found.written.decimal, missing=missing)
    nothing = set(map(label_text, choices.missing))
    named = {label_text(one): label_text(other) for one, other in choices.aliases.items()}
    counts = cells.dropna().map(label_text).value_counts()
    spelled = label_aliases({str(label): int(n) for label, n in counts.items() if label and label not in named})
    aliases = spelled | {one: spelled.get(other, other) for one, other in named.items()}
    kept = {str(label) for label in counts.index if label and label not in aliases and label not in nothing}
    allowed = tuple(sorted(kept | _abstaining(columns, kept | set(aliases))))
    return Column(role=Role.LABEL, required=True, allowed=allowed, aliases=aliases, missing=missing)


def _abstaining(columns: Columns, labels: Collection[str]) -> set[str]:
    """Return the answer that stands for a person and is no record's label, where one is named."""
    if columns.abstain is None:
        return set()
    answer = label_text(columns.abstain)
    if answer in labels or columns.escalate is not None:
        raise InputError(
            f"--abstain names an answer that no record has as its label, and {columns.abstain!r} is one"
            if answer in labels
            else "--escalate and --abstain both name what stands for a person",
            remedy="name a label that records have with --escalate, another answer with --abstain",
        )
    return {answer}


def _check_number(found: ColumnProfile, cells: pd.Series[Any], choices: Choices) -> None:
    """Refuse a label that is a number to predict, unless it is cut into bins."""
    numbers = found.written.type in (ColumnType.NUMBER, ColumnType.INTEGER)
    n = found.n - found.n_missing
    if choices.bins and not numbers:
        raise InputError(f"--bins cut numbers, and the label {found.name!r} is none", got=found.written.why)
    if choices.bins or not numbers or found.n_distinct <= max(FEW_NUMBERS, NUMBERS_SHARE * n):
        return
    plain = cells.dropna().map(lambda cell: cell.replace("," if found.written.decimal == "." else ".", ""))
    values = pd.to_numeric(plain.str.replace(",", "."), errors="coerce").dropna()
    quarters = ",".join(f"{limit:g}" for limit in np.unique(np.quantile(values, (0.25, 0.5, 0.75)).round(2)))
    raise InputError(
        f"the label {found.name!r} is a number to predict, not a decision: this is regression",
        got=f"{found.n_distinct:,} different numbers in {n:,} records",
        expected="a column with few labels, each on many records",
        remedy=f"cut it into labels that mean different decisions, such as its quarters: --bins {quarters}; or name "
        "another column with --label",
    )


def _pii(column: CodedColumn) -> PiiClass:
    """Return `contact` when a tenth of the cells hold an e-mail address, `financial` for IBANs, else none."""
    values = column.values[:PII_VALUES]
    n = int(column.counts[:PII_VALUES].sum())
    for pattern, sign, kind in ((E_MAIL, "@", PiiClass.CONTACT), (IBAN, "", PiiClass.FINANCIAL)):
        likely = [code for code, value in enumerate(values) if sign in value and len(value) >= SHORTEST_PII]
        found = [code for code in likely if pattern.search(values[code])]
        if found and column.counts[found].sum() >= PII_SHARE * n:
            return kind
    return PiiClass.NONE


def check_columns(columns: Columns, names: Sequence[str], where: str) -> None:
    """Raise InputError where a named column is not there, has two roles, or nothing is left to decide from."""
    others = [*(("role", name) for name in columns.roles), *(("type", name) for name in columns.types)]
    for role, name in (*columns.named, *others):
        if name not in names:
            what = (
                f"no {role} column {name!r}" if role not in ("role", "type") else f"no column {name!r} to give a {role}"
            )
            raise InputError(
                f"there is {what}",
                where=where,
                expected=shown(names) if len(names) > 20 else ", ".join(names),
                remedy="name one of these; where the first row is a record and no header, give --no-header",
            )
    named = [name for _, name in columns.named]
    if len(set(named)) < len(named):
        raise InputError("one column cannot have two roles", got=shown(named))
    if len(names) < 2:
        raise InputError(
            "there is nothing to decide from",
            where=where,
            got=f"one column, {names[0]!r}",
            remedy="where another sign separates the cells, name it: --separator ';', --separator space",
        )
