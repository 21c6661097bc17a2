"""Both sides of each limit and the limit itself; and mutants that no value between two limits can tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from workbench.cases.design.candidates import Candidate
from workbench.cases.design.noticing import Judged, Noticing
from workbench.cases.design.searching import Search
from workbench.cases.mutants import Mutant, MutantKind, NumericLimit, extremes, nudged, numeric_limits
from workbench.pilot import Process

PER_SIDE = 8
ENOUGH = 3  # boundaries that must show that no value lies between two limits


def sides_of_limits(
    noticing: Noticing, search: Search, judged: Mapping[Candidate, Judged], process: Process
) -> list[Judged]:
    """Return the candidates that stand at a limit, next to it on one side, or on the other, each named so.

    A value is at a limit when a limit moved by a millionth of itself decides it otherwise; next to it are the nearest
    values that can be written, or where none can be written at the limit, those within a tenth of it.
    """
    limits = numeric_limits(process)
    near = _near(limits, search, judged)
    ids = dict.fromkeys(one.candidate for pairs in near.values() for pair in pairs for one in pair)
    chosen = [judged[candidate] for candidate in ids]
    moved = [mutant for limit in limits for mutant in nudged(limit)]
    at = dict(zip(ids, noticing.sensitive(chosen, moved), strict=True))
    covers: dict[Candidate, set[str]] = {candidate: set() for candidate in ids}
    farther: dict[Candidate, set[str]] = {}
    for limit in limits:
        exact = {mutant.id for mutant in nudged(limit)}
        pairs = near[limit.name]
        at_it = [pair for pair in pairs if any(at[one.candidate] & exact for one in pair)]
        for pair in at_it or pairs:
            for n, one in enumerate(pair):
                side = "at" if at[one.candidate] & exact else _side(limit, one)
                if side is not None:
                    covers[one.candidate].add(f"{limit.about}@{side}")
                if side == "at" and (other := _beyond(search, one.candidate, n == 0)) is not None:
                    farther.setdefault(other, set()).add(limit.name)
    named = [replace(judged[one], covers=judged[one].covers | names) for one, names in covers.items() if names]
    return [*named, *_farther(noticing, limits, search.made(farther), farther)]


def _near(
    limits: Sequence[NumericLimit], search: Search, judged: Mapping[Candidate, Judged]
) -> dict[str, list[tuple[Judged, Judged]]]:
    """Return for each limit the pairs around boundaries that depend on it."""
    near: dict[str, list[tuple[Judged, Judged]]] = {limit.name: [] for limit in limits}
    for _, _, (before, after) in search.boundaries:
        if before not in judged or after not in judged:
            continue
        pair = (judged[before], judged[after])
        for about in {one.partition("@")[0] for item in pair for one in item.noticed if one.startswith("limit:")}:
            is_both = all(any(one.startswith(f"{about}@") for one in item.noticed) for item in pair)
            name = about.removeprefix("limit:")
            if (is_both or len(near[name]) < PER_SIDE) and len(near[name]) < 4 * PER_SIDE:
                near[name].append(pair)
    return near


def _side(limit: NumericLimit, one: Judged) -> str | None:
    """Return on which side of a limit a value is that is not at it: a lowered limit passes below it, a raised one above."""
    if any(name.startswith(f"{limit.about}@-") for name in one.noticed):
        return "below"
    return "above" if any(name.startswith(f"{limit.about}@+") for name in one.noticed) else None


def _beyond(search: Search, candidate: Candidate, is_before: bool) -> Candidate | None:
    for boundary, base, pair in search.boundaries:
        if pair[0 if is_before else 1] is candidate:
            return search.farther(boundary, base, is_before)
    return None


def _farther(
    noticing: Noticing, limits: Sequence[NumericLimit], new: Sequence[Candidate], about: Mapping[Candidate, set[str]]
) -> Iterator[Judged]:
    by_name = {limit.name: limit for limit in limits}
    for one in noticing.judged(new):
        sides = {name: _side(by_name[name], one) for name in sorted(about[one.candidate])}
        names = {f"limit:{name}@{side}" for name, side in sides.items() if side is not None}
        yield replace(one, covers=one.covers | names)


def not_told_apart(
    noticing: Noticing, search: Search, judged: Mapping[Candidate, Judged], mutants: Sequence[Mutant], process: Process
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the mutants that no record can tell from the specification, with the proof; and the others, with the reason.

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
        levers = _levers_that_show(noticing, search, judged, limits[mutant.about], mutant)
        n = sum(levers.values())
        if n >= ENOUGH:
            names = ", ".join(f"{name} ({count:,})" for name, count in sorted(levers.items()))
            equivalent[mutant.id] = (
                f"{mutant.words}: no value that can be written lies between; searched to the smallest step on {n:,} "
                f"boundaries of the limit, by {names}"
            )
        else:
            unnoticed[mutant.id] = f"{mutant.words}: only {n:,} boundaries of the limit were found, too few for a proof"
    return equivalent, unnoticed


def _levers_that_show(
    noticing: Noticing, search: Search, judged: Mapping[Candidate, Judged], limit: NumericLimit, mutant: Mutant
) -> dict[str, int]:
    """Return by lever on how many boundaries of a limit the value on the side to which it moves is decided as before."""
    pairs = [(one.lever, [judged[c] for c in pair]) for one, _, pair in search.boundaries if set(pair) <= judged.keys()]
    far = extremes(limit)
    reached = noticing.sensitive([one for _, pair in pairs for one in pair], far)
    towards = far[1 if mutant.kind is MutantKind.LIMIT_UP else 0].id
    counts: dict[str, int] = {}
    for n, (lever, _) in enumerate(pairs):
        sides = reached[2 * n], reached[2 * n + 1]
        if all(sides) and any(towards in side for side in sides):
            counts[lever] = counts.get(lever, 0) + 1
    return counts
