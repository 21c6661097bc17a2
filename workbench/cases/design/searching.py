"""The search for candidates: base records, facts, boundaries, combinations; further where nothing is noticed yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from workbench.cases.design.bases import Base
from workbench.cases.design.boundaries import Boundary, decided_by, find_boundaries
from workbench.cases.design.candidates import PER_FACT, CaseCandidate, candidate_of, triggers_combined, with_text
from workbench.cases.design.levers import Levers, Move
from workbench.cases.design.noticing import Assessed
from workbench.cases.policy import Decider, Fields, Ruling
from workbench.pilot import Process

MOST_OF_A_KIND = 8
TRIGGERS = 40
BEYOND = (1, 4, 16, 64, 256, 1024, 4096, 16384)


class CandidateSearch:
    """Makes candidates from base records; nothing that was made once is made again.

    Parameters
    ----------
    originals : mapping
        The development records by id, as they are.
    """

    def __init__(self, decider: Decider, levers: Levers, originals: Sequence[Base]) -> None:
        self._decider, self._levers = decider, levers
        self._original = {base.id: base.fields for base in originals}
        self._made: dict[tuple[str, str], CaseCandidate] = {}
        self._given: set[CaseCandidate] = set()
        self.boundaries: list[tuple[Boundary, Base, tuple[CaseCandidate, CaseCandidate]]] = []

    def plain(self, bases: Iterable[Base]) -> list[CaseCandidate]:
        """Return base records as they are."""
        return self._new(self._candidate(base, base.fields, "a record as it is") for base in bases)

    def made(self, candidates: Iterable[CaseCandidate]) -> list[CaseCandidate]:
        """Return those candidates that are new."""
        return self._new(candidates)

    def stating(self, process: Process, found: Sequence[Base]) -> tuple[list[CaseCandidate], list[Base]]:
        """Return records whose text states a fact, or only seems to, where that matters.

        With them come bases whose text lets them pass a rule: on them the limits of that exception are looked for.
        """
        candidates: list[CaseCandidate] = []
        bases: list[Base] = []
        for name, fact in process.facts.items():
            stating = [with_text(base, fact.column, fact.example) for base in found]
            n_of: Counter[object] = Counter()
            for base, fields, ruling in zip(found, stating, self._decider.tried(stating), strict=True):
                if ruling is None:
                    continue
                passed = _passed(process, base.ruling.rule, ruling.rule)
                kind = (base.ruling.rule if passed else None, ruling.rule)
                if decided_by(base.ruling) == decided_by(ruling) or n_of[kind] >= PER_FACT:
                    continue
                n_of[kind] += 1
                only_seems = with_text(base, fact.column, fact.counterexample)
                covers = {f"fact:{name}@denied"} if fact.counterexample else set()
                if passed is not None:
                    exception = name if name in passed else passed[0]
                    covers.add(f"exception:{base.ruling.rule}/{exception}@without_fact")
                    bases.append(Base(base.id, fields, ruling))
                candidates.append(self._candidate(base, fields, f"the text states {name}"))
                candidates.append(self._candidate(base, only_seems, f"the text only seems to state {name}", covers))
        return self._new(candidates), bases

    def at_boundaries(
        self, bases: Sequence[Base], most: int = MOST_OF_A_KIND, names: Sequence[Sequence[str]] | None = None
    ) -> list[CaseCandidate]:
        """Return the records on both sides of each change of decision that a lever of a base shows."""
        fields = [base.fields for base in bases]
        found = find_boundaries(self._levers, fields, most, names)
        records = self._levers.records(fields, [move for one in found for move in one.moves()])
        candidates: list[CaseCandidate] = []
        for one, before, after in zip(found, records[::2], records[1::2], strict=True):
            if before is None or after is None:
                continue
            base, was, becomes = bases[one.base], named_boundaries(one.was), named_boundaries(one.becomes)
            is_second = self._levers.is_second_choice(one.lever)
            made = (
                self._candidate(base, before, f"{one.lever}: last value of {was} before {becomes}"),
                self._candidate(base, after, f"{one.lever}: first value of {becomes} after {was}"),
            )
            pair = tuple(self._known(replace(side, is_second_choice=is_second)) for side in made)
            self.boundaries.append((one, base, (pair[0], pair[1])))
            candidates += pair
        return self._new(candidates)

    def rounded(self, bases: Sequence[tuple[Base, Sequence[str]]]) -> tuple[list[Base], list[Sequence[str]]]:
        """Return bases with one number rounded, which lie more often exactly at a limit, and the levers to move."""
        made = [(Base(base.id, fields, base.ruling), names) for base, names in bases
                for fields in self._levers.rounded(base.fields)]  # fmt: skip
        return [base for base, _ in made], [names for _, names in made]

    def boundary_names(self) -> dict[CaseCandidate, frozenset[str]]:
        """Return for each candidate at a boundary what it shows: the lever, the change, and on which side it stands."""
        names: dict[CaseCandidate, frozenset[str]] = {}
        for one, _, pair in self.boundaries:
            for candidate, side in zip(pair, ("before", "after"), strict=True):
                name = f"boundary:{one.lever}: {named_boundaries(one.was)} to {named_boundaries(one.becomes)}@{side}"
                names[candidate] = names.get(candidate, frozenset()) | {name}
        return names

    def levers_of(self, candidates: Iterable[CaseCandidate]) -> list[str]:
        """Return the levers of the boundaries at which candidates stand, those that let others follow first."""
        wanted = set(candidates)
        names = dict.fromkeys(one.lever for one, _, pair in self.boundaries if wanted & set(pair))
        return sorted(names, key=self._levers.is_second_choice)

    def spread(self, bases: Sequence[Base]) -> list[Assessed]:
        """Return bases as they are and with every lever at every value that is tried, as far as they are decided."""
        fields = [base.fields for base in bases]
        moves = [
            Move(place, lever, ticks)
            for place, base in enumerate(fields)
            for lever in self._levers.names(base)
            for ticks in self._levers.grid(base, lever)
        ]
        found = [Assessed(self._candidate(base, base.fields, "a record as it is"), base.ruling) for base in bases]
        records, rulings = self._levers.records(fields, moves), self._levers.rulings(fields, moves)
        for move, record, ruling in zip(moves, records, rulings, strict=True):
            if record is not None and ruling is not None:
                found.append(Assessed(self._candidate(bases[move.base], record, f"{move.lever} moved"), ruling))
        return found

    def farther(self, candidate: CaseCandidate) -> list[CaseCandidate]:
        """Return the next record that can be written beyond a candidate, away from the boundary that it stands at."""
        found = next(((one, base, pair) for one, base, pair in self.boundaries if candidate in pair), None)
        if found is None:
            return []
        boundary, base, pair = found
        ticks, sign = (boundary.before, -1) if candidate is pair[0] else (boundary.after, 1)
        moves = [Move(0, boundary.lever, ticks + sign * step) for step in (0, *BEYOND) if ticks + sign * step >= 0]
        first, *others = self._levers.records([base.fields], moves)
        other = next((one for one in others if one is not None and one != first), None)
        why = f"{boundary.lever}: one step farther from a limit"
        return [] if other is None else [self._known(self._candidate(base, other, why))]

    def together(self, judged: Sequence[Assessed]) -> list[CaseCandidate]:
        """Return records in which the triggers of two rules are set together."""
        recipes: dict[str, list[CaseCandidate]] = {}
        for one in judged:
            if one.ruling.rule is not None and one.candidate.set:
                recipes.setdefault(one.ruling.rule, []).append(one.candidate)
        made = []
        for rule, other, fields, recipe in triggers_combined({rule: of[:TRIGGERS] for rule, of in recipes.items()}):
            base = Base(recipe.base, fields, judged[0].ruling)
            made.append(self._candidate(base, fields, f"triggers of {rule} and {other} together"))
        return self._new(made)

    def as_bases(self, judged: Iterable[Assessed]) -> list[Base]:
        """Return candidates as bases of a further search."""
        return [Base(one.candidate.base, one.candidate.fields, one.ruling) for one in judged]

    def _candidate(self, base: Base, fields: Fields, why: str, covers: Iterable[str] = ()) -> CaseCandidate:
        return candidate_of(base, self._original[base.id], fields, why, covers)

    def _known(self, candidate: CaseCandidate) -> CaseCandidate:
        """Return the candidate with the same record that was made first."""
        return self._made.setdefault((candidate.base, repr(sorted(candidate.set.items()))), candidate)

    def _new(self, candidates: Iterable[CaseCandidate]) -> list[CaseCandidate]:
        """Return those candidates that were not returned before and that are decided at all."""
        new = []
        for one in map(self._known, candidates):
            if one not in self._given:
                self._given.add(one)
                new.append(one)
        rulings = self._decider.tried([one.fields for one in new])
        return [one for one, ruling in zip(new, rulings, strict=True) if ruling is not None]


def named_boundaries(ruling: Ruling) -> str:
    """Return what a ruling is called for a reader: the rule that decided, else the action."""
    return ruling.rule or ruling.action


def _passed(process: Process, was: str | None, becomes: str | None) -> tuple[str, ...] | None:
    """Return the exceptions of a rule where a text lets a record pass it: the next rule that holds is a later one."""
    order = [rule.id for rule in process.rules]
    if was not in order or (becomes in order and order.index(becomes) < order.index(was)):
        return None
    return tuple(one.id for one in process.rules[order.index(was)].exceptions) or None
