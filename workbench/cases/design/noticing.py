"""What candidates are and notice: the rulings of a policy under every mutant, read as things that a case can cover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.cases.design.candidates import CaseCandidate
from workbench.cases.mutants import Mutant, MutantKind, exceptions_dropped, mutants_of
from workbench.cases.policy import PolicyProcess, Ruling
from workbench.pilot import Process


@dataclass(frozen=True, slots=True)
class Assessed:
    """A candidate with what is decided of it.

    Parameters
    ----------
    noticed : frozenset of str
        Ids of the mutants under which another action is decided.
    covers : frozenset of str
        What of the specification it is about.
    """

    candidate: CaseCandidate
    ruling: Ruling
    noticed: frozenset[str] = frozenset()
    covers: frozenset[str] = frozenset()


class Noticing:
    """A policy and the mutants of its specification."""

    def __init__(self, policy: PolicyProcess, process: Process) -> None:
        self._policy, self._process = policy, process
        self.mutants = mutants_of(process)
        self._dropped = exceptions_dropped(process)
        self._approvals = frozenset(one.reason for one in process.approvals)
        self._exceptions_of = {rule.id: [one.id for one in rule.exceptions] for rule in process.rules}

    def judged(self, candidates: Sequence[CaseCandidate]) -> list[Assessed]:
        """Return what is decided of each candidate, what it notices and covers."""
        records = [one.fields for one in candidates]
        asked = (*self.mutants, *self._dropped)
        rulings, changed = self._policy.rulings(records), self._policy.under(records, asked)
        return [
            self._judged(candidate, ruling, {asked[n]: other for n, other in others.items()})
            for candidate, ruling, others in zip(candidates, rulings, changed, strict=True)
        ]

    def known(self, candidates: Sequence[CaseCandidate]) -> dict[CaseCandidate, Assessed]:
        """Return what `judged` does, by candidate."""
        return {one.candidate: one for one in self.judged(candidates)}

    def sensitive(self, judged: Sequence[Assessed], mutants: Sequence[Mutant]) -> list[frozenset[str]]:
        """Return for each candidate the ids of further mutants under which another action is decided."""
        others = self._policy.under([one.candidate.fields for one in judged], mutants)
        return [
            frozenset(mutants[n].id for n, other in changed.items() if other.action != one.ruling.action)
            for one, changed in zip(judged, others, strict=True)
        ]

    def _judged(self, candidate: CaseCandidate, own: Ruling, others: Mapping[Mutant, Ruling]) -> Assessed:
        noticed = frozenset(mutant.id for mutant, other in others.items() if other.action != own.action)
        covers = {*candidate.covers, *_plain(own, self._approvals)}
        for mutant, other in others.items():
            covers |= set(_from_mutant(mutant, own, other))
        covers |= {
            f"exception:{own.rule}/{name}@beyond_limit"
            for name in self._exceptions_of.get(own.rule or "", ())
            if any(one.startswith(f"limit:{own.rule}.{name}.") for one in noticed)
        }
        return Assessed(candidate, own, noticed - {one.id for one in self._dropped}, frozenset(covers))


def _plain(own: Ruling, approvals: frozenset[str]) -> Iterable[str]:
    """Yield what a ruling alone covers."""
    if own.rule is not None:
        yield f"rule:{own.rule}@holds"
    elif own.reason in approvals:
        yield f"approval:{own.reason}"
    if own.to is not None:
        yield f"target:{own.to}"


def _from_mutant(mutant: Mutant, own: Ruling, other: Ruling) -> Iterable[str]:
    """Yield what the difference that a mutant makes shows of a record."""
    kind, _, name = mutant.about.partition(":")
    if kind == "exception" and other.rule == name.partition("/")[0]:
        yield f"{mutant.about}@used"
    if kind == "rule" and mutant.kind is MutantKind.RULE_DROPPED and own.rule == name and other.rule is not None:
        yield f"precedence:{name}>{other.rule}"
    if kind == "fact":
        yield mutant.about
