"""What the records are: held against the contract, counted over time, searched for repeats and contradictions.

Everything is counted over all records without their labels; labels are those of development records only.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.contract import Column, ColumnType, PiiClass, Role
from workbench.errors import MAX_SHOWN
from workbench.splits import Dataset, Split

NO_TIME = "(no readable time)"
EMPTY = "(empty)"
FEW_VALUES = 40
FOUND_COLUMNS = (
    "column", "role", "type", "required", "n", "filled", "share_filled", "distinct", "not_allowed", "found"
)  # fmt: skip


def columns_found(dataset: Dataset) -> pd.DataFrame:
    """Return for each declared column what it holds.

    Returns
    -------
    DataFrame
        `column`, `role`, `type` and `required` as declared; `n` records looked at: all of them, for the reason column
        the development records, and none for a column that is ignored; `filled` of them and `share_filled` (NaN when n
        is 0); `distinct` values; `not_allowed`, how many cells hold a value that the contract does not allow; `found`,
        what is in the column as one line of text.
    """
    rows = []
    for name, column in dataset.contract.columns.items():
        cells = _cells(dataset, name, column.role)
        filled = cells.dropna()
        share = len(filled) / len(cells) if len(cells) else float("nan")
        declared = (name, column.role.value, column.type.value, column.required)
        counts = (len(cells), len(filled), share, filled.nunique(), int(_is_outside(filled, column).sum()))
        rows.append((*declared, *counts, _found(filled, column) if len(cells) else "not looked at"))
    return pd.DataFrame(rows, columns=list(FOUND_COLUMNS))


def values_outside(dataset: Dataset) -> pd.DataFrame:
    """Return the values that the contract does not allow, the most frequent first.

    Returns
    -------
    DataFrame
        `column`, `value`, `n` records that hold it, `record_ids`: a tuple of the first five.
    """
    rows = []
    for name in dataset.contract.shown:
        cells = dataset.shown()[name].dropna()
        outside = cells[_is_outside(cells, dataset.contract.columns[name])]
        for value, ids in outside.groupby(outside.map(_spelled)).groups.items():
            rows.append((name, value, len(ids), tuple(ids[:MAX_SHOWN])))
    table = pd.DataFrame(rows, columns=["column", "value", "n", "record_ids"])
    return table.sort_values("n", ascending=False, kind="stable", ignore_index=True)


def volume_by_month(dataset: Dataset) -> pd.DataFrame | None:
    """Return how many records there are in each month, None when the contract has no timestamp.

    Returns
    -------
    DataFrame
        `month` as YYYY-MM, in order, last "(no readable time)" when there is such a record; `records`; where the
        contract has a source column, "from SOURCE" for each source.
    """
    strata = dataset.strata(dataset.splits.index)
    if "timestamp" not in strata:
        return None
    times = pd.to_datetime(strata["timestamp"], errors="coerce", utc=True, format="ISO8601")
    months = times.dt.strftime("%Y-%m").fillna(NO_TIME).rename("month")
    volume = months.value_counts().rename("records").to_frame()
    if "source" in strata:
        volume = volume.join(pd.crosstab(months, strata["source"].fillna(EMPTY).map(str)).add_prefix("from "))
    order = sorted(volume.index, key=lambda month: (month == NO_TIME, month))
    return volume.loc[order].reset_index()


def text_lengths(dataset: Dataset) -> dict[str, pd.Series[int]]:
    """Return for each column with the role text the lengths of its texts in characters; empty cells have none."""
    shown = dataset.shown()
    return {name: shown[name].dropna().map(len).astype(int) for name in dataset.contract.columns_with(Role.TEXT)}


def repeats(dataset: Dataset) -> pd.DataFrame:
    """Return the records that agree with another in every column an agent sees, the id left out.

    Returns
    -------
    DataFrame
        `group`, counted from 1, the largest first, and `split`; index: record id.
    """
    groups = _groups(_content(dataset, dataset.shown(), leave_out={Role.ID}))
    table = pd.DataFrame({"group": groups, "split": dataset.splits.loc[groups.index]})
    return table.rename_axis("record_id")


def contradictions(dataset: Dataset) -> pd.DataFrame:
    """Return the development records that say the same as another and have another label.

    They say the same when all columns an agent sees, ids and timestamp left out, agree after Unicode normalisation,
    without regard to case, punctuation and spaces.

    Returns
    -------
    DataFrame
        `group`, counted from 1, the largest first, and `label`; index: record id.
    """
    content = _content(dataset, dataset.shown(Split.DEV), leave_out={Role.ID, Role.TIMESTAMP})
    groups = _groups(content.map(normalised))
    table = pd.DataFrame({"group": groups, "label": dataset.dev_labels()["label"].loc[groups.index]})
    table = table[table.groupby("group")["label"].transform("nunique") > 1]
    table = table.assign(group=table["group"].rank(method="dense").astype(int))
    return table.sort_values(["group", "label"], kind="stable").rename_axis("record_id")


def normalised(value: object) -> object:
    """Return text without regard to case, punctuation and spaces; other values as they are.

    Examples
    --------
    >>> normalised("  Where is my CARD?! "), normalised("ﬁne"), normalised(2.5), normalised("?!")
    ('where is my card', 'fine', 2.5, '?!')
    """
    if not isinstance(value, str):
        return value
    folded = unicodedata.normalize("NFKC", value).casefold()
    words = "".join(sign if sign.isalnum() else " " for sign in folded).split()
    return " ".join(words) if words else folded.strip()


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How many development records an agent can be right on at most, as their labels contradict each other.

    Parameters
    ----------
    n : int
        Development records.
    contradicting : int
        Those that say the same as another with another label.
    lost : int
        Those on which any agent that answers the same to the same is wrong: all but the most frequent label's.
    """

    n: int
    contradicting: int
    lost: int

    @property
    def share(self) -> float:
        """Highest accuracy that can be reached on these records."""
        return 1 - self.lost / self.n


def ceiling(dataset: Dataset, contradicting: pd.DataFrame) -> Ceiling:
    """Return the highest accuracy that contradictory labels allow.

    Parameters
    ----------
    dataset : Dataset
    contradicting : DataFrame
        As `contradictions` gives it.
    """
    counts = contradicting.groupby(["group", "label"]).size()
    kept = int(counts.groupby("group").max().sum())
    return Ceiling(len(dataset.ids(Split.DEV)), len(contradicting), len(contradicting) - kept)


def _cells(dataset: Dataset, name: str, role: Role) -> pd.Series[Any]:
    """Return the cells of a column that may be looked at, with no label of a holdout record among them."""
    match role:
        case Role.LABEL:
            counts = dataset.label_counts().sum(axis="columns")
            return pd.Series(counts.index.repeat(counts.to_numpy()), dtype=object)
        case Role.REASON:
            return dataset.dev_labels()["label_reason"]
        case Role.CLASS:
            return dataset.strata(dataset.splits.index)["class"]
        case Role.IGNORE:
            return pd.Series([], dtype=object)
        case _:
            return dataset.shown()[name]


def _is_outside(filled: pd.Series[Any], column: Column) -> pd.Series[bool]:
    """Return which values the contract does not allow."""
    if column.allowed is None:
        return pd.Series(False, index=filled.index, dtype=bool)
    return ~filled.map(_spelled).isin(list(column.allowed)).astype(bool)


def _spelled(value: object) -> str:
    """Return a value as the contract's list of allowed values spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _found(filled: pd.Series[Any], column: Column) -> str:
    """Return what a column holds: a range, its most frequent values, or how long its texts are."""
    if filled.empty:
        return "nothing"
    if column.type in (ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.DATE, ColumnType.DATETIME):
        return f"{_spelled(filled.min())} to {_spelled(filled.max())}"
    values = filled.map(_spelled)
    counts = values.value_counts()
    if len(counts) <= FEW_VALUES and column.pii is PiiClass.NONE:
        listed = ", ".join(f"{value} {n:,}" for value, n in counts.head(MAX_SHOWN).items())
        return listed + (f", {len(counts) - MAX_SHOWN:,} more values" if len(counts) > MAX_SHOWN else "")
    shortest, longest = int(values.str.len().min()), int(values.str.len().max())
    lengths = f"{shortest:,}" if shortest == longest else f"{shortest:,} to {longest:,}"
    return f"{len(counts):,} different texts of {lengths} characters"


def _content(dataset: Dataset, shown: pd.DataFrame, leave_out: set[Role]) -> pd.DataFrame:
    """Return the columns that make a record's content, numbered, as their names may be any."""
    columns = dataset.contract.columns
    content = shown[[name for name in shown.columns if columns[name].role not in leave_out]]
    return content.set_axis(range(len(content.columns)), axis="columns").rename_axis(index=None)


def _groups(content: pd.DataFrame) -> pd.Series[int]:
    """Return the number of its group for each row that is there more than once, the largest group first."""
    if not len(content.columns):
        return pd.Series(0, index=content.index[:0])
    again = content[content.duplicated(keep=False)]
    numbers = again.groupby(list(again.columns), dropna=False, sort=False).ngroup()
    sizes = numbers.map(numbers.value_counts())
    order = pd.DataFrame({"size": -sizes, "number": numbers}).sort_values(["size", "number"], kind="stable")["number"]
    ranks = {number: rank for rank, number in enumerate(order.unique(), start=1)}
    return pd.Series(order.map(ranks).to_numpy(dtype=int), index=order.index)
