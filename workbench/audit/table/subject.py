"""What is audited: a pilot's records, or any table, with what is known about its columns."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.audit.known.masking import Masking, key_of_files, masking_of
from workbench.audit.table.entities import Described
from workbench.audit.table.roles import CASE, TIME, Roles, declared_roles, inferred_roles
from workbench.pilot import Contract, PiiClass, Pilot, Role, TableContract
from workbench.pilot.charter import Charter
from workbench.records import read_raw
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.records.tables import ColumnProfile, Table, read_times
from workbench.words import InputError

EMPTY, NO_TIME = "(empty)", "(no readable time)"
LARGEST_WHOLE, SAMPLE, SAMPLE_SEED = 100_000, 50_000, 20  # rows: shares of a sample so large are right to half a point


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

    def rows_with(self, labels: Collection[str]) -> NDArray[np.int64]:
        """Return the data rows of development records that have one of some labels, in order."""
        return np.sort(self.dev.index[self.dev.isin(list(labels))].to_numpy(dtype=np.int64))


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
    day_first : bool, optional
        Whether the day stands first in the records' times, where the cells do not tell.
    named : frozenset of str, optional
        The columns that the pilot's prompts name; None where that is not known: then each of `frame` may be sent.
    masking : Masking
        How cells are shown to people; `frame` has them as they are.
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
    day_first: bool | None = None
    named: frozenset[str] | None = None
    masking: Masking = field(default_factory=lambda: Masking(frozenset()))

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
        own = [one for one in self.contract.references if one.column in names]
        references = tuple(one for one in own if one.file is not None or one.key in names)
        return TableContract(
            records=self.contract.records,
            columns=columns,
            key=key,
            rules=self.contract.rules,
            references=references,
            **kept,
        )

    def is_read(self, columns: Sequence[str]) -> bool:
        """Whether an agent reads one of some columns: those that the contract shows it, any where there is none."""
        return self.contract is None or not columns or bool(set(columns) & set(self.contract.shown))

    def stratum(self, kind: str) -> pd.Series[Any] | None:
        """Return the values of a slice column by data row, as they are shown; None where the table has no such column.

        Times are as they are: what is shown of them are months.
        """
        if kind == CASE:
            return self.classes
        column = self.roles.time if kind == TIME else self.roles.slices.get(kind)
        if column is None or kind == TIME:
            return None if column is None else self.frame[column]
        return self.masking.column(self.frame[column])

    def slices(self, kind: str) -> pd.Series[str] | None:
        """Return which slice each record is in, months as YYYY-MM; None where the table has no such column."""
        times = self.times() if kind == TIME else None
        values = self.stratum(kind) if times is None else times.dt.strftime("%Y-%m").fillna(NO_TIME)
        return None if values is None else values.astype(object).where(values.notna(), EMPTY).map(str)

    @property
    def texts(self) -> list[str]:
        """The columns of free text that may be looked at."""
        return [name for name in self.roles.text if name in self.frame.columns]

    def times(self) -> pd.Series[Any] | None:
        """Return the records' times, NaT where none can be read; None where there is no time column."""
        values = self.stratum(TIME)
        return None if values is None else read_times(values, self.day_first)


def pilot_subject(pilot: Pilot, named: frozenset[str] | None = None) -> Subject:
    """Return a pilot's records for an audit; of holdout labels only their counts.

    Records that do not fit their contract are audited all the same, without splits and labels.

    Parameters
    ----------
    pilot : Pilot
    named : frozenset of str, optional
        The columns that its prompts name (`workbench.agents.prompts.columns_named`).

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
    contract = pilot.contract
    raw, _ = read_raw(contract, pilot.data)
    roles = declared_roles(contract, list(raw.columns), [name for name in contract.shown if name in raw.columns])
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
        roles=roles,
        splits=None if dataset is None else pd.Series(dataset.splits.to_numpy(), index=raw.index),
        labels=None if dataset is None else _labels(dataset, raw),
        classes=classes,
        contract=contract,
        charter=pilot.charter,
        pilot=pilot,
        refused=refused,
        day_first=_day_first(_time_format(contract)),
        named=named,
        masking=masking_of(raw[seen], contract, roles.text, key_of_files(files)),
    )


def file_subject(
    path: Path,
    table: Table,
    columns: Sequence[ColumnProfile],
    described: Described | None = None,
    contract: TableContract | None = None,
) -> Subject:
    """Return any table for an audit: roles that the contract does not name are inferred, and there are no labels.

    Of a table with more than 100,000 rows a random sample of 50,000 is looked at, in the file's order.

    Parameters
    ----------
    path : Path
    table : Table
        The file, opened.
    columns : sequence of ColumnProfile
        What each column is.
    described : Described, optional
        The thing and the source, where several sources describe the same things.
    contract : TableContract, optional
    """
    frame = _frame(table)
    keys = pd.Series(frame.index, index=frame.index)
    declared = Roles() if contract is None else declared_roles(contract, table.names, table.names)
    roles = inferred_roles(frame, columns, described, declared)
    formats = {column.name: column.written.format for column in columns}
    order = _day_first(None if roles.time is None else formats.get(roles.time))
    return Subject(
        path.name,
        (path,),
        frame,
        table.n_rows,
        _file_digest(path),
        keys,
        roles,
        day_first=order,
        masking=masking_of(frame, contract, roles.text, key_of_files((path,))),
    )


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _day_first(written: str | None) -> bool | None:
    """Return whether the day stands first in a format, None where it does not say."""
    return None if written is None else written.startswith("DD")


def _time_format(contract: Contract) -> str | None:
    name = contract.column_with(Role.TIMESTAMP)
    return None if name is None else contract.columns[name].format


def _digest(files: tuple[Path, ...]) -> str:
    return hashlib.sha256("".join(_file_digest(path) for path in files).encode()).hexdigest()


def _frame(table: Table) -> pd.DataFrame:
    """Return the table's cells as text by data row, or those of a sample."""
    if table.cells is not None and table.n_rows <= LARGEST_WHOLE:
        frame: pd.DataFrame = table.cells.to_pandas().astype(object)
    else:
        cells = ", ".join(f"{table.text(place)} AS c{place}" for place in range(len(table.names)))
        rows = "data"
        if table.n_rows > LARGEST_WHOLE:
            rows = f"(SELECT * FROM data USING SAMPLE reservoir({SAMPLE} ROWS) REPEATABLE ({SAMPLE_SEED}))"
        frame = table.connection.execute(f"SELECT row, {cells} FROM {rows} ORDER BY row").df()
        frame = frame.set_index("row").rename_axis(None).astype(object)
        frame = frame.where(frame.notna(), None)
    return frame.set_axis(pd.Index(table.names, dtype=object), axis="columns")


def _labels(dataset: Dataset, raw: pd.DataFrame) -> Labels:
    """Return what an audit may know of the labels."""
    is_dev = (dataset.splits == Split.DEV.value).to_numpy()
    by_id = dataset.dev_labels()["label"]
    rows = np.flatnonzero(is_dev)
    dev = pd.Series(by_id.loc[dataset.splits.index[is_dev]].to_numpy(), index=rows, dtype=object)
    contract = dataset.contract
    ignored = [name for name in contract.columns_with(Role.IGNORE) if name in raw.columns]
    others = raw.loc[rows, ignored].map(lambda cell: None if pd.isna(cell) else contract.label_of(cell))
    known = set(dataset.labels)
    kept = [name for name in ignored if set(others[name].dropna()) <= known and others[name].notna().any()]
    return Labels(dev, contract.label, dataset.label_counts(), dataset.labels, others[kept])


def declared_personal(subject: Subject) -> tuple[str, ...]:
    """Return the columns that the contract marks as personal data."""
    if subject.contract is None:
        return ()
    columns = subject.contract.columns
    return tuple(n for n in subject.frame.columns if n in columns and columns[n].pii is not PiiClass.NONE)
