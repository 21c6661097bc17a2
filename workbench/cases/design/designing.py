"""The design of a suite: from a process specification, or from what an agent decides, to about two hundred cases."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.cases.design.bases import Base, choose_bases, development_records, reached_limits
from workbench.cases.design.candidates import CaseCandidate
from workbench.cases.design.choosing import SMOKE, chosen_cases
from workbench.cases.design.combinations import pairwise_candidates
from workbench.cases.design.covering import greedy_cover
from workbench.cases.design.levers import Levers
from workbench.cases.design.limits import met_exactly, sides_of_limits, unnoticed_mutants
from workbench.cases.design.noticing import Assessed, Noticing
from workbench.cases.design.searching import CandidateSearch
from workbench.cases.made import ground_of
from workbench.cases.mutants import Mutant, extremes, numeric_limits
from workbench.cases.policy import Decider, PolicyProcess
from workbench.cases.suite import Case
from workbench.pilot import Pilot, Process
from workbench.records.splits import Dataset

N_CASES = 200
WAVES = 2
PER_WAVE = 4
SPREAD = 12


@dataclass(frozen=True, slots=True)
class Design:
    """Cases that were designed, and what they would notice.

    Parameters
    ----------
    smoke : tuple of str
        Ids of the cases to run first, those that together notice most.
    mutants : tuple of Mutant
        All mutants of the specification; none without one.
    noticed : mapping
        For each mutant that a case notices the ids of those cases.
    equivalent, unnoticed : mapping
        For each other mutant why no record can tell it apart, or why no case was found.
    n_candidates : int
        How many records the cases were chosen from.
    cpu_s : float
        Seconds of processor time, of this process and of the policy's.
    """

    cases: tuple[Case, ...]
    smoke: tuple[str, ...]
    mutants: tuple[Mutant, ...] = ()
    noticed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    equivalent: Mapping[str, str] = field(default_factory=dict)
    unnoticed: Mapping[str, str] = field(default_factory=dict)
    n_candidates: int = 0
    cpu_s: float = field(default=0.0, compare=False)


NO_DESIGN = Design((), ())


def design_cases(pilot: Pilot, process: Process, dataset: Dataset, n_cases: int = N_CASES) -> Design:
    """Return a suite designed from a process specification with a policy as a function.

    Cases are made of development records. They stand at each numeric limit and on both its sides, hold each rule, use
    and wrongly claim each exception, state each fact, reach everyone to whom it is escalated, and set rules at odds.
    What is expected is what the policy decides.

    Raises
    ------
    InputError, RunError
        As `PolicyProcess`.
    """
    before = _cpu_s()
    with PolicyProcess(pilot, process) as policy:
        noticing = Noticing(policy, process)
        found = development_records(pilot.contract, dataset, policy)
        levers = Levers(pilot.contract, [base.fields for base in found], policy, _held(pilot, dataset))
        search = CandidateSearch(policy, levers, found)
        judged = _assessed(pilot, process, policy, search, noticing, found)
        missed = [one for one in noticing.mutants if not any(one.id in other.noticed for other in judged.values())]
        equivalent, unnoticed = unnoticed_mutants(noticing, search, judged, missed, process)
    chosen = chosen_cases(list(judged.values()), process, n_cases)
    smoke = greedy_cover([one.noticed for _, one in chosen], SMOKE)
    by_mutant = {one.id: tuple(case.id for case, its in chosen if one.id in its.noticed) for one in noticing.mutants}
    return Design(
        cases=tuple(case for case, _ in chosen),
        smoke=tuple(chosen[place][0].id for place in smoke),
        mutants=noticing.mutants,
        noticed={name: ids for name, ids in by_mutant.items() if ids},
        equivalent=equivalent,
        unnoticed=unnoticed,
        n_candidates=len(judged),
        cpu_s=_cpu_s() - before,
    )


def design_from_decisions(pilot: Pilot, dataset: Dataset, decider: Decider, n_cases: int = N_CASES) -> Design:
    """Return cases at the values where an agent changes its action, for a pilot without a policy as a function.

    What is expected is what the agent decides now: each case is a question to a person, whether that is right.
    """
    before = _cpu_s()
    found = development_records(pilot.contract, dataset, decider)
    levers = Levers(pilot.contract, [base.fields for base in found], decider, _held(pilot, dataset))
    search = CandidateSearch(decider, levers, found)
    bases = choose_bases(found, pilot.contract, {})
    candidates = [*search.plain(bases), *search.at_boundaries(bases)]
    candidates += search.made(pairwise_candidates(pilot.contract, found))
    rulings = decider.tried([one.fields for one in candidates])
    names = search.boundary_names()
    judged = [
        Assessed(one, ruling, covers=one.covers | names.get(one, frozenset()))
        for one, ruling in zip(candidates, rulings, strict=True)
        if ruling is not None
    ]
    cases = chosen_cases(judged, None, n_cases)
    smoke = tuple(case.id for case, _ in cases[:SMOKE])
    return Design(tuple(case for case, _ in cases), smoke, n_candidates=len(judged), cpu_s=_cpu_s() - before)


def _held(pilot: Pilot, dataset: Dataset) -> tuple[str, ...]:
    """Return the columns that are never moved alone: the rate of a document's currency is the day's, not its own."""
    currencies = ground_of(pilot, dataset).currencies
    return () if currencies is None else (currencies.columns.rate,)


def _assessed(
    pilot: Pilot,
    process: Process,
    policy: PolicyProcess,
    search: CandidateSearch,
    noticing: Noticing,
    found: Sequence[Base],
) -> dict[CaseCandidate, Assessed]:
    """Return all candidates with what they notice and cover."""
    reach = reached_limits(policy, process, found)
    judged = _searched(search, noticing, process, found, choose_bases(found, pilot.contract, reach))
    judged |= _spread(search, noticing, judged, found)
    judged = _further(search, noticing, process, judged, [[found[n] for n in reach[one]] for one in reach])
    judged = {**met_exactly(noticing, search, judged, process)}
    judged |= noticing.known(search.made(pairwise_candidates(pilot.contract, found)))
    judged |= noticing.known(search.together([*judged.values()]))
    return judged | {one.candidate: one for one in sides_of_limits(noticing, search, judged, process)}


def _searched(
    search: CandidateSearch, noticing: Noticing, process: Process, found: Sequence[Base], bases: Sequence[Base]
) -> dict[CaseCandidate, Assessed]:
    """Return the first candidates, judged: bases, facts, boundaries of both."""
    held = {rule.id for rule in process.rules if rule.exceptions}
    about = [*bases, *(base for base in found if base.ruling.rule in held)]
    stated, stating = search.stating(process, about)
    candidates = [*search.plain(bases), *stated, *search.at_boundaries([*bases, *stating])]
    return noticing.known(candidates)


def _spread(
    search: CandidateSearch, noticing: Noticing, judged: Mapping[CaseCandidate, Assessed], found: Sequence[Base]
) -> dict[CaseCandidate, Assessed]:
    """Return records of the rules of which a mutant is not noticed yet, moved by every lever until one notices it."""
    noticed = frozenset[str]().union(*(one.noticed for one in judged.values()))
    new: dict[CaseCandidate, Assessed] = {}
    for mutant in noticing.mutants:
        rule = mutant.about.removeprefix("rule:")
        bases = [base for base in found if base.ruling.rule == rule][:SPREAD]
        if mutant.id not in noticed and bases:
            spread = search.spread(bases)
            seen = noticing.sensitive(spread, (mutant,))
            noticing_it = [one.candidate for one, others in zip(spread, seen, strict=True) if others]
            new |= noticing.known(search.made(noticing_it[:PER_WAVE]))
    return new


def _further(
    search: CandidateSearch,
    noticing: Noticing,
    process: Process,
    judged: dict[CaseCandidate, Assessed],
    reaching: Sequence[Sequence[Base]],
) -> dict[CaseCandidate, Assessed]:
    """Return candidates with those of further searches, which start where a limit that nobody notices decides."""
    limits = numeric_limits(process)
    for wave in range(WAVES):
        noticed = frozenset[str]().union(*(one.noticed for one in judged.values()))
        missing = [n for n, limit in enumerate(limits) if not {f"{limit.about}@+10%", f"{limit.about}@-10%"} <= noticed]
        if not missing:
            break
        far = [mutant for n in missing for mutant in extremes(limits[n])]
        known = list(judged.values())
        reached = noticing.sensitive(known, far)
        bases = []
        for k, n in enumerate(missing):
            ids = {mutant.id for mutant in far[2 * k : 2 * k + 2]}
            near = [one for one, others in zip(known, reached, strict=True) if others & ids]
            bases += search.as_bases(near[:: max(len(near) // PER_WAVE, 1)][:PER_WAVE])
            bases += reaching[n][PER_WAVE * wave : PER_WAVE * (wave + 1)]
        judged = judged | noticing.known(search.at_boundaries(bases, most=max(6 * PER_WAVE, len(bases))))
    return judged


def _cpu_s() -> float:
    """Return the processor time of this process and of those it has ended, in seconds."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
