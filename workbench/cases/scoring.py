"""What a suite of test cases would notice: each mutant of the specification that changes the action of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.cases.mutants import Mutant, mutants_of
from workbench.cases.policy import Fields, PolicyProcess, Ruling
from workbench.cases.suite import Case
from workbench.pilot import Pilot, Process
from workbench.records.splits import Dataset
from workbench.words import InputError, did_you_mean, shown


@dataclass(frozen=True, slots=True)
class MutationScore:
    """What a suite notices.

    Parameters
    ----------
    n : int
        Mutants of the specification.
    noticed : mapping
        For each mutant that is noticed the ids of the cases that do.
    unnoticed : tuple of Mutant
        Mutants that no case notices and that are not known to be equivalent.
    equivalent : mapping
        For each mutant that no case can notice, why.
    wrong : mapping
        For each case that expects another action than the policy decides, what the policy decides.
    """

    n: int
    noticed: Mapping[str, tuple[str, ...]]
    unnoticed: tuple[Mutant, ...]
    equivalent: Mapping[str, str]
    wrong: Mapping[str, Ruling]

    @property
    def share(self) -> float | None:
        """Noticed mutants among those that are not equivalent; None where there are none."""
        others = self.n - len(self.equivalent)
        return len(self.noticed) / others if others else None


def score(
    pilot: Pilot,
    process: Process,
    dataset: Dataset,
    cases: Sequence[Case],
    equivalent: Mapping[str, str] | None = None,
) -> MutationScore:
    """Return which mutants of a specification a suite notices, designed or written by hand.

    A mutant is noticed by a case where the policy decides another action under it. Cases that stand in a relation to
    another one count as well: they too are decided.

    Parameters
    ----------
    equivalent : mapping
        Mutants that were proved to be equivalent, with the proof; one that a case notices after all is noticed.

    Raises
    ------
    InputError
        A case names a record or a column that is not there, or the policy does not decide a case.
    RunError
        As `PolicyProcess`.
    """
    mutants = mutants_of(process)
    records = records_of_cases(dataset, cases)
    with PolicyProcess(pilot, process) as policy:
        rulings, changed = policy.rulings(records), policy.under(records, mutants)
    by_mutant: dict[str, list[str]] = {}
    for case, own, others in zip(cases, rulings, changed, strict=True):
        for n, other in others.items():
            if other.action != own.action:
                by_mutant.setdefault(mutants[n].id, []).append(case.id)
    noticed = {one.id: tuple(by_mutant[one.id]) for one in mutants if one.id in by_mutant}
    known = {one.id for one in mutants}
    proved = {name: why for name, why in (equivalent or {}).items() if name in known and name not in noticed}
    unnoticed = tuple(one for one in mutants if one.id not in noticed and one.id not in proved)
    wrong = {
        case.id: own
        for case, own in zip(cases, rulings, strict=True)
        if case.expect is not None and case.expect.action not in {None, own.action}
    }
    return MutationScore(len(mutants), noticed, unnoticed, proved, wrong)


def records_of_cases(dataset: Dataset, cases: Sequence[Case]) -> list[Fields]:
    """Return the record of each case: its base record with what the case sets.

    Raises
    ------
    InputError
        A case names a record or sets a column that is not there.
    """
    ids = dataset.splits.index
    unknown = sorted({case.base for case in cases} - set(ids))
    if unknown:
        raise InputError("cases are made from records that are not there", got=shown(unknown))
    for case in cases:
        others = sorted(set(case.set) - set(dataset.contract.shown))
        if others:
            remedy = did_you_mean(others[0], dataset.contract.shown)
            raise InputError("a case sets what an agent does not see", where=case.id, got=shown(others), remedy=remedy)
    bases = {record.id: record.fields for record in dataset.records(pd.Index(sorted({case.base for case in cases})))}
    return [{**bases[case.base], **case.set} for case in cases]
