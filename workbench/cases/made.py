"""The records of the cases: a development record with what a case sets and changes in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from workbench.cases.relations import CHANGES, Fields, Ground, UnchangeableError, changed_fields, twin_fields
from workbench.cases.suite import Case
from workbench.cases.suites import Cases
from workbench.environment import ToolFault
from workbench.pilot import Pilot, content_of, read_process
from workbench.records import Record, Scalar, Turns, cell_from, made_record
from workbench.records.splits import Dataset


@dataclass(frozen=True, slots=True)
class CaseRecords:
    """What an agent is asked for one case.

    Parameters
    ----------
    asked : Record, optional
        The case's own record; None where its change cannot be made.
    reference : Record, optional
        What a relation holds it against: the record without the change.
    twin : Record, optional
        The reference with a harmless change as small in the same place; None where there is no such place.
    start : Case, optional
        The case whose record the reference is, where it is another one's.
    unchangeable : str
        Why the change cannot be made.
    """

    case: Case
    asked: Record | None
    reference: Record | None = None
    twin: Record | None = None
    start: Case | None = None
    unchangeable: str = ""

    @property
    def with_cases(self) -> tuple[tuple[Record, Case], ...]:
        """Every record that is asked, with the case whose faults and memory it has; the reference's may be another."""
        parts = ((self.asked, self.case), (self.reference, self.start or self.case), (self.twin, self.case))
        return tuple((record, case) for record, case in parts if record is not None)


@dataclass(frozen=True, slots=True, eq=False)
class MadeRecords:
    """The records of cases, each once, to run an agent over; see `workbench.runs.runner.RecordSource`.

    Parameters
    ----------
    digest : str
        Of the data set that they were made from.
    bases : mapping
        Id of each record to that of the development record it was made from.
    faults : mapping
        Id of a record to the faults that its tools have.
    remembered : mapping
        Id of a record to what is remembered before it.
    """

    digest: str
    by_id: Mapping[str, Record]
    bases: Mapping[str, str]
    faults: Mapping[str, tuple[ToolFault, ...]] = field(default_factory=dict)
    remembered: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def ids(self) -> pd.Index[str]:
        """Their ids, in the order of the cases."""
        return pd.Index(list(self.by_id), dtype=object)

    def digests(self, ids: pd.Index[str]) -> pd.Series[str]:
        """Return each record's digest."""
        return pd.Series([self.by_id[name].digest for name in ids], index=ids, dtype=object)

    def records(self, ids: pd.Index[str]) -> Iterator[Record]:
        """Yield records as an agent sees them."""
        return (self.by_id[name] for name in ids)

    def turns(self, ids: pd.Index[str], by: str) -> Turns:
        """Return that none follows another: each has a memory of its own, with what its case says is in it."""
        return Turns({}, {name: self.remembered[name] for name in ids if name in self.remembered})


def ground_of(pilot: Pilot, dataset: Dataset) -> Ground:
    """Return what the changes of a pilot's records may draw on: development records alone."""
    labels = dataset.dev_labels()["label"]
    process = read_process(pilot)
    content = {} if process is None else content_of(process)
    return Ground(pilot.contract, content, dataset.shown().loc[labels.index], labels)


def case_records(cases: Cases, dataset: Dataset, ground: Ground) -> tuple[CaseRecords, ...]:
    """Return the records of checked cases, in their order.

    Raises
    ------
    InputError
        A value does not have its column's type.
    """
    bases = pd.Index(list(dict.fromkeys(case.base for _, case in cases.by_id.values())), dtype=object)
    return _Maker(cases, {one.id: one for one in dataset.records(bases)}, ground).all()


def asked_records(made: Sequence[CaseRecords], dataset: Dataset) -> MadeRecords:
    """Return what there is to ask, every record once."""
    parts = [(record, case, one.case.base) for one in made for record, case in one.with_cases]
    return MadeRecords(
        dataset.digest,
        {record.id: record for record, _, _ in parts},
        {record.id: base for record, _, base in parts},
        {record.id: case.faults for record, case, _ in parts if case.faults},
        {record.id: case.memory for record, case, _ in parts if case.memory},
    )


class _Maker:
    """Makes the record of each case, that of a case which others start from once."""

    def __init__(self, cases: Cases, bases: Mapping[str, Record], ground: Ground) -> None:
        self._cases, self._bases, self._ground = cases, bases, ground
        self._fields: dict[str, Fields] = {}

    def all(self) -> tuple[CaseRecords, ...]:
        return tuple(self._records(case) for _, case in self._cases.by_id.values())

    def _records(self, case: Case) -> CaseRecords:
        try:
            fields = self._of(case)
        except UnchangeableError as error:
            return CaseRecords(case, None, unchangeable=str(error))
        asked = self._record(case, fields)
        if case.relation is None:
            return CaseRecords(case, asked)
        start, other = self._start(case), None if case.of is None else self._cases.by_id[case.of][1]
        twin = twin_fields(start, fields, self._ground)
        return CaseRecords(
            case, asked, self._record(other or case, start), None if twin is None else self._record(case, twin), other
        )

    def _record(self, case: Case, fields: Fields) -> Record:
        return made_record(self._ground.contract, self._bases[case.base], fields, _mark(case))

    def _start(self, case: Case) -> Fields:
        return self._bases[case.base].fields if case.of is None else self._of(self._cases.by_id[case.of][1])

    def _of(self, case: Case) -> Fields:
        """Return the fields of a case's record. Raises UnchangeableError."""
        if case.id not in self._fields:
            columns, place = self._ground.contract.columns, self._cases.by_id[case.id][0].place(case)
            given: dict[str, Scalar] = {
                name: cell_from(columns[name], value, f"{place}, column {name}") for name, value in case.set.items()
            }
            fields: Fields = {**self._start(case), **given}
            if case.change is not None:
                fields = changed_fields(CHANGES[case.change], fields, self._ground, f"{case.id} {case.change}")
            self._fields[case.id] = fields
        return self._fields[case.id]


def _mark(case: Case) -> str:
    """Return what of a case makes it another question besides its record."""
    faults = [one.model_dump(mode="json") for one in case.faults]
    if case.memory:
        return json.dumps([faults, case.memory], sort_keys=True)
    return json.dumps(faults) if faults else ""
