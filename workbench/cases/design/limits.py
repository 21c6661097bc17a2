"""Both sides of each limit and the limit itself; and mutants that no value between two limits can tell apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.cases.design.candidates import CaseCandidate
from workbench.cases.design.noticing import Assessed, Noticing
from workbench.cases.design.searching import CandidateSearch
from workbench.cases.mutants import Mutant, MutantKind, NumericLimit, extremes, nudged, numeric_limits
from workbench.pilot import Process

MOST_PAIRS = 60
MOST_BEYOND = 2
PER_LIMIT = 2
MOST_LEVERS = 2
Known = Mapping[CaseCandidate, Assessed]
ENOUGH = 3  # boundaries that must show that no value lies between two limits


def sides_of_limits(noticing: Noticing, search: CandidateSearch, judged: Known, process: Process) -> list[Assessed]:
    """Return the candidates that stand at a limit, next to it on one side, or on the other, each named so.

    A value is at a limit when a limit moved by next to nothing decides it otherwise; next to it are the nearest
    values that can be written, or where none can be written at the limit, those within a tenth of it.
    """
    pairs_of = _pairs_around(search, judged)
    named: dict[CaseCandidate, Assessed] = {}
    farther: dict[CaseCandidate, set[str]] = {}
    for limit in numeric_limits(process):
        sides, edges = _named_sides(noticing, limit, pairs_of.get(limit.about, [])[:MOST_PAIRS])
        for one, side in sides:
            was = named.get(one.candidate, one)
            named[one.candidate] = replace(was, covers=was.covers | {f"{limit.about}@{side}"})
        for one, away in edges[:MOST_BEYOND]:
            for other in search.farther(one.candidate):
                farther.setdefault(other, set()).add(f"{limit.about}@{away}")
    new = {one.candidate: one for one in noticing.judged(search.made(farther))}
    for candidate, names in farther.items():
        found = named.get(candidate, new.get(candidate, judged.get(candidate)))
        if found is not None:
            named[candidate] = replace(found, covers=found.covers | names)
    return list(named.values())


def met_exactly(noticing: Noticing, search: CandidateSearch, judged: Known, process: Process) -> Known:
    """Return candidates with more of them at limits at which none stands yet.

    From records next to such a limit all levers are tried first; then those levers that led there, from records with
    one number rounded, as the limit of a round number can be written more often.
    """
    next_to = [pair[0] for pairs in _not_met(noticing, search, judged, process) for pair in pairs[:PER_LIMIT]]
    found = search.at_boundaries(search.as_bases(next_to), most=2 * PER_LIMIT)
    judged = {**judged, **noticing.known(found)}
    apart = []
    for pairs in _not_met(noticing, search, judged, process):
        names = search.levers_of(one.candidate for pair in pairs for one in pair)[:MOST_LEVERS]
        apart += [(base, names) for base in search.as_bases(pair[0] for pair in (pairs[0], pairs[-1]))]
    near, levers = search.rounded(apart)
    return {**judged, **noticing.known(search.at_boundaries(near, most=len(near), names=levers))}


def _not_met(
    noticing: Noticing, search: CandidateSearch, judged: Known, process: Process
) -> list[list[tuple[Assessed, Assessed]]]:
    """Return the pairs around each limit at which no record stands yet."""
    pairs_of = _pairs_around(search, judged)
    around = [(limit, pairs_of.get(limit.about, [])[:MOST_PAIRS]) for limit in numeric_limits(process)]
    return [
        pairs
        for limit, pairs in around
        if pairs and all(side != "at" for _, side in _named_sides(noticing, limit, pairs)[0])
    ]


def _named_sides(
    noticing: Noticing, limit: NumericLimit, pairs: Sequence[tuple[Assessed, Assessed]]
) -> tuple[list[tuple[Assessed, str]], list[tuple[Assessed, str]]]:
    """Return the members of pairs around a limit with their sides, only those at it where some stand at its boundary.

    With them come those that stand at the limit on a boundary of this very limit, and the side away from it.
    """
    down, up = nudged(limit)
    far_down, far_up = extremes(limit)
    changed = noticing.sensitive([one for pair in pairs for one in pair], (down, up, far_down, far_up))
    exact, edges, near = [], [], []
    for n, pair in enumerate(pairs):
        for k, (one, other) in enumerate((pair, pair[::-1])):
            others, its = changed[2 * n + k], changed[2 * n + 1 - k]
            if {down.id, up.id} & others:
                exact.append((one, "at"))
                side, away, far = ("above", "below", far_up) if down.id in others else ("below", "above", far_down)
                if far.id in its:
                    exact.append((other, side))
                    edges.append((one, away))
            elif named := _side(limit.about, one):
                near.append((one, named))
    return (exact if edges else [*exact, *near]), edges


def _pairs_around(search: CandidateSearch, judged: Known) -> dict[str, list[tuple[Assessed, Assessed]]]:
    """Return for each limit the pairs around boundaries that depend on it, those that both its mutants show first."""
    both: dict[str, list[tuple[Assessed, Assessed]]] = {}
    others: dict[str, list[tuple[Assessed, Assessed]]] = {}
    for _, _, (before, after) in search.boundaries:
        if before in judged and after in judged:
            pair = (judged[before], judged[after])
            moved = [{name.partition("@")[0] for name in one.noticed if name.startswith("limit:")} for one in pair]
            for about in sorted(moved[0] | moved[1]):
                (both if about in moved[0] & moved[1] else others).setdefault(about, []).append(pair)
    return {about: [*both.get(about, ()), *others.get(about, ())] for about in {**both, **others}}


def _side(about: str, one: Assessed) -> str | None:
    """Return on which side of a limit a value is that is not at it: a lowered limit passes what is below it."""
    if any(name.startswith(f"{about}@-") for name in one.noticed):
        return "below"
    return "above" if any(name.startswith(f"{about}@+") for name in one.noticed) else None


def unnoticed_mutants(
    noticing: Noticing,
    search: CandidateSearch,
    judged: Known,
    mutants: Sequence[Mutant],
    process: Process,
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the mutants that no record tells from the specification, with the proof; and the others, with a reason.

    A limit that is moved is equivalent where, on every boundary that depends on it, the value next to the limit on the
    side to which it moves is beyond the moved limit too: then no value that can be written lies between the two.
    """
    limits = {limit.about: limit for limit in numeric_limits(process)}
    equivalent, unnoticed = {}, {}
    for mutant in mutants:
        if mutant.about not in limits:
            n = sum(mutant.about in one.covers for one in judged.values())
            said = "the action stays the same for each" if n else "none was found; it needs a hand-written case"
            unnoticed[mutant.id] = f"{n:,} candidates are about {mutant.about.partition(':')[2]}: {said}"
            continue
        levers, n_bases = _levers_that_show(noticing, search, judged, limits[mutant.about], mutant)
        n = sum(levers.values())
        if n >= ENOUGH and n_bases > 1:
            names = ", ".join(f"{name} ({count:,})" for name, count in sorted(levers.items()))
            equivalent[mutant.id] = (
                f"{mutant.words}: no value that can be written lies between; searched to the smallest step on {n:,} "
                f"boundaries of the limit in {n_bases:,} records, by {names}"
            )
        else:
            unnoticed[mutant.id] = f"{mutant.words}: only {n:,} boundaries of the limit were found, too few for a proof"
    return equivalent, unnoticed


def _levers_that_show(
    noticing: Noticing, search: CandidateSearch, judged: Known, limit: NumericLimit, mutant: Mutant
) -> tuple[dict[str, int], int]:
    """Return by lever on how many boundaries of a limit the value to which it moves is decided as before.

    The number of base records of those boundaries comes with them.
    """
    pairs = [(one, [judged[c] for c in pair]) for one, _, pair in search.boundaries if set(pair) <= judged.keys()]
    far = extremes(limit)
    reached = noticing.sensitive([one for _, pair in pairs for one in pair], far)
    towards = far[1 if mutant.kind is MutantKind.LIMIT_UP else 0].id
    shown: list[tuple[str, str]] = []
    for n, (boundary, pair) in enumerate(pairs):
        sides = reached[2 * n], reached[2 * n + 1]
        if all(sides) and any(towards in side for side in sides):
            shown.append((boundary.lever, pair[0].candidate.base))
    return dict(Counter(lever for lever, _ in shown)), len({base for _, base in shown})
