"""What is audited: a pilot's records, or any table, with what is known about its columns."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.audit.profiles import ColumnProfile
from workbench.audit.reading import Table
from workbench.audit.semantic import Semantic
from workbench.charter import Charter
from workbench.contract import Contract, PiiClass, Role, TableContract
from workbench.errors import InputError
from workbench.pilot import Pilot
from workbench.splits import Dataset, Split, read_dataset
from workbench.tables import read_table

TIME, SOURCE, ENTITY, CASE = "time", "source", "entity", "class"
LARGEST_WHOLE, SAMPLE, SAMPLE_SEED = 100_000, 50_000, 20
EXPECTED_FILLED = 0.5
TEXT_LETTERS = 20
SOURCE_NAME = re.compile(r"^(src|source|source_?system|system|origin|channel|quelle|quellsystem|herkunft)$", re.I)


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


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labels, as far as an audit may look at them: of development records one by one, of all records as counts.

    Parameters
    ----------
    dev : Series
        Label by data row, of development records only.
    column : str
    counts : DataFrame
        Records by label in `dev` and `holdout`.
    allowed : tuple of str
    annotators : DataFrame
        Further label columns, of development records only; no column when there is one label column.
    """

    dev: pd.Series[str]
    column: str
    counts: pd.DataFrame
    allowed: tuple[str, ...]
    annotators: pd.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A table to audit.

    Parameters
    ----------
    name : str
        The pilot, or the file.
    files : tuple of Path
    frame : DataFrame
        The columns that may be looked at, cells as they are in the file, by 0-based data row. It has no label, reason
        or ignored column. Of a large table it is a sample; then it is shorter than `n_rows`.
    n_rows : int
        Rows of the whole table.
    digest : str
        Digest of the records.
    keys : Series
        Record id by data row; the row's number where there is no id.
    splits : Series, optional
        "dev" or "holdout" by data row.
    classes : Series, optional
        The declared class of each record: never shown to an agent, so it is no column of `frame`.
    refused : InputError, optional
        Why the records do not fit their contract; there are no splits and labels then.
    """

    name: str
    files: tuple[Path, ...]
    frame: pd.DataFrame
    n_rows: int
    digest: str
    keys: pd.Series[Any]
    roles: Roles = field(default_factory=Roles)
    splits: pd.Series[str] | None = None
    labels: Labels | None = None
    classes: pd.Series[Any] | None = None
    contract: Contract | None = None
    charter: Charter | None = None
    pilot: Pilot | None = None
    refused: InputError | None = None

    @property
    def is_sampled(self) -> bool:
        """Whether `frame` is a sample of the table."""
        return len(self.frame) < self.n_rows

    @property
    def rows(self) -> NDArray[np.int64]:
        """The data rows of `frame`."""
        return self.frame.index.to_numpy(dtype=np.int64)

    @property
    def declared(self) -> TableContract | None:
        """What the contract says about the columns that may be looked at."""
        if self.contract is None:
            return None
        names = set(self.frame.columns)
        columns = {name: column for name, column in self.contract.columns.items() if name in names}
        singles = {name: getattr(self.contract, name) for name in ("source", "time", "entity")}
        kept = {name: column for name, column in singles.items() if column in names}
        key = tuple(name for name in self.contract.key if name in names)
        return TableContract(records=self.contract.records, columns=columns, key=key, rules=self.contract.rules, **kept)

    def stratum(self, kind: str) -> pd.Series[Any] | None:
        """Return the values of a slice column by data row, None where the table has no such column."""
        if kind == CASE:
            return self.classes
        column = self.roles.time if kind == TIME else self.roles.slices.get(kind)
        return None if column is None else self.frame[column]

    def times(self) -> pd.Series[Any] | None:
        """Return the records' times, NaT where none can be read; None where there is no time column."""
        values = self.stratum(TIME)
        if values is None:
            return None
        return pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)


def pilot_subject(pilot: Pilot) -> Subject:
    """Return a pilot's records for an audit; of holdout labels only their counts.

    Records that do not fit their contract are audited all the same, without splits and labels.

    Raises
    ------
    InputError
        The records are not there or cannot be read as tables.
    """
    refused, dataset = None, None
    try:
        dataset = read_dataset(pilot)
    except InputError as error:
        refused = error
    files = tuple(pilot.data / name for name in pilot.contract.records)
    raw = pd.concat([read_table(path) for path in files], ignore_index=True)
    contract = pilot.contract
    seen = [name for name in raw.columns if name not in contract.columns or name in contract.shown]
    keys = pd.Series(raw.index, index=raw.index)
    case = contract.column_with(Role.CLASS)
    classes = raw[case] if case is not None and case in raw.columns else None
    return Subject(
        name=pilot.name,
        files=files,
        frame=raw[seen],
        n_rows=len(raw),
        digest=_digest(files) if dataset is None else dataset.digest,
        keys=keys if dataset is None else pd.Series(dataset.splits.index, index=raw.index),
        roles=_roles(contract, list(raw.columns)),
        splits=None if dataset is None else pd.Series(dataset.splits.to_numpy(), index=raw.index),
        labels=None if dataset is None else _labels(dataset, raw),
        classes=classes,
        contract=contract,
        charter=pilot.charter,
        pilot=pilot,
        refused=refused,
    )


def file_subject(path: Path, table: Table, columns: Sequence[ColumnProfile]) -> Subject:
    """Return any table for an audit, without a contract: roles are inferred, and there are no labels.

    Of a table with more than 100,000 rows a random sample of 50,000 is looked at, in the file's order.

    Parameters
    ----------
    path : Path
    table : Table
        The file, opened.
    columns : sequence of ColumnProfile
        What each column is.
    """
    frame = _frame(table)
    keys = pd.Series(frame.index, index=frame.index)
    return Subject(path.name, (path,), frame, table.n_rows, file_digest(path), keys, _inferred(frame, columns))


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(files: tuple[Path, ...]) -> str:
    return hashlib.sha256("".join(file_digest(path) for path in files).encode()).hexdigest()


def _frame(table: Table) -> pd.DataFrame:
    """Return the table's cells as text by data row, or those of a sample."""
    cells = ", ".join(f"{table.text(place)} AS c{place}" for place in range(len(table.names)))
    rows = "data"
    if table.n_rows > LARGEST_WHOLE:
        rows = f"(SELECT * FROM data USING SAMPLE reservoir({SAMPLE} ROWS) REPEATABLE ({SAMPLE_SEED}))"
    frame = table.connection.execute(f"SELECT row, {cells} FROM {rows} ORDER BY row").df()
    frame = frame.set_index("row").rename_axis(None).astype(object)
    return frame.where(frame.notna(), None).set_axis(pd.Index(table.names, dtype=object), axis="columns")


def _inferred(frame: pd.DataFrame, columns: Sequence[ColumnProfile]) -> Roles:
    """Return the roles that columns seem to have."""
    named = [column for column in columns if column.name in frame.columns]
    moments = [column.name for column in named if column.is_moment and _reads_as_time(frame[column.name])]
    words = [column for column in named if column.semantic is Semantic.TEXT and column.n_distinct > column.n // 2]
    text = tuple(column.name for column in words if _letters(frame[column.name]) >= TEXT_LETTERS)
    key = next((column.name for column in named if column.is_key and column.name not in (*moments, *text)), None)
    filled = [column.name for column in named if column.n_missing < (1 - EXPECTED_FILLED) * column.n]
    sources = [column.name for column in named if SOURCE_NAME.search(column.name) and 1 < column.n_distinct <= 50]
    return Roles(id=key, time=moments[0] if moments else None, source=sources[0] if sources else None, text=text,
                 required=tuple(filled))  # fmt: skip


def _reads_as_time(values: pd.Series[Any]) -> bool:
    times = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    return bool(times.notna().sum() > 0.5 * max(1, values.notna().sum()))


def _letters(values: pd.Series[Any]) -> float:
    lengths = values.dropna().map(len)
    return float(lengths.mean()) if len(lengths) else 0.0


def _roles(contract: Contract, present: list[str]) -> Roles:
    """Return the roles that a contract declares, of the columns that are there."""

    def column(role: Role) -> str | None:
        name = contract.column_with(role)
        return name if name in present else None

    shown = [name for name in contract.shown if name in present]
    return Roles(
        id=column(Role.ID),
        time=column(Role.TIMESTAMP),
        source=column(Role.SOURCE),
        entity=column(Role.ENTITY),
        case=column(Role.CLASS),
        text=tuple(name for name in contract.columns_with(Role.TEXT) if name in present),
        required=tuple(name for name in shown if contract.columns[name].required),
    )


def _labels(dataset: Dataset, raw: pd.DataFrame) -> Labels:
    """Return what an audit may know of the labels."""
    is_dev = (dataset.splits == Split.DEV.value).to_numpy()
    by_id = dataset.dev_labels()["label"]
    rows = np.flatnonzero(is_dev)
    dev = pd.Series(by_id.loc[dataset.splits.index[is_dev]].to_numpy(), index=rows, dtype=object)
    contract = dataset.contract
    ignored = [name for name in contract.columns_with(Role.IGNORE) if name in raw.columns]
    others = raw.loc[rows, ignored]
    known = set(dataset.labels)
    kept = [name for name in ignored if set(others[name].dropna().map(str)) <= known and others[name].notna().any()]
    return Labels(dev, contract.label, dataset.label_counts(), dataset.labels, others[kept])


def declared_personal(subject: Subject) -> tuple[str, ...]:
    """Return the columns that the contract marks as personal data."""
    if subject.contract is None:
        return ()
    columns = subject.contract.columns
    return tuple(n for n in subject.frame.columns if n in columns and columns[n].pii is not PiiClass.NONE)
