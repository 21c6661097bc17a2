"""What a suite of test cases would notice: each mutant of the specification that changes the action of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.cases.made import CaseRecords
from workbench.cases.mutants import Mutant, mutants_of
from workbench.cases.policy import PolicyProcess, Ruling
from workbench.pilot import Pilot, Process


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


def score(pilot: Pilot, process: Process, made: Sequence[CaseRecords], equivalent: Mapping[str, str]) -> MutationScore:
    """Return which mutants of a specification a suite notices, designed or written by hand.

    A mutant is noticed by a case where the policy decides another action under it. Cases that stand in a relation to
    another one count as well: they too are decided.

    Parameters
    ----------
    made : sequence of CaseRecords
        The cases with their records; one whose change cannot be made notices nothing.
    equivalent : mapping
        Mutants that were proved to be equivalent, with the proof; one that a case notices after all is noticed.

    Raises
    ------
    InputError
        The policy does not decide a case.
    RunError
        As `PolicyProcess`.
    """
    mutants = mutants_of(process)
    asked = [(one.case, one.asked.fields) for one in made if one.asked is not None]
    cases, records = [case for case, _ in asked], [fields for _, fields in asked]
    with PolicyProcess(pilot, process) as policy:
        rulings, changed = policy.rulings(records), policy.under(records, mutants)
    by_mutant: dict[str, list[str]] = {}
    for case, own, others in zip(cases, rulings, changed, strict=True):
        for n, other in others.items():
            if other.action != own.action:
                by_mutant.setdefault(mutants[n].id, []).append(case.id)
    noticed = {one.id: tuple(by_mutant[one.id]) for one in mutants if one.id in by_mutant}
    known = {one.id for one in mutants}
    proved = {name: why for name, why in equivalent.items() if name in known and name not in noticed}
    unnoticed = tuple(one for one in mutants if one.id not in noticed and one.id not in proved)
    wrong = {
        case.id: own
        for case, own in zip(cases, rulings, strict=True)
        if case.expect is not None and case.expect.action not in {None, own.action}
    }
    return MutationScore(len(mutants), noticed, unnoticed, proved, wrong)


def mutants_table(found: MutationScore, process: Process) -> pd.DataFrame:
    """Return what became of each mutant of a specification.

    Returns
    -------
    DataFrame
        `mutant`, `kind`, `words` (what was changed), `state` (noticed, unnoticed or equivalent), `noticed_by` (the
        first case that does, None where none does), `n_noticed_by` and `why` (the proof that it is equivalent).
    """
    rows = []
    for one in mutants_of(process):
        by = found.noticed.get(one.id, ())
        state = "noticed" if by else "equivalent" if one.id in found.equivalent else "unnoticed"
        first, why = by[0] if by else None, found.equivalent.get(one.id)
        rows.append((one.id, one.kind.value, one.words, state, first, len(by), why))
    columns = ["mutant", "kind", "words", "state", "noticed_by", "n_noticed_by", "why"]
    return pd.DataFrame(rows, columns=columns, dtype=object).astype({"n_noticed_by": int})
