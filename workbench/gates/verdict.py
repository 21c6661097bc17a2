"""GO or NO-GO: what the criteria and their waivers come to, and one paragraph that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from workbench.evidence import Missing
from workbench.gates.criteria import CriterionResult
from workbench.gates.facts import GateFacts
from workbench.gates.judging import judged_criteria
from workbench.gates.remarks import remarks_on
from workbench.gates.remedy import SHOWN, consistent, missing_of, would_do
from workbench.gates.waivers import Waiver, checked_waivers
from workbench.metrics import State


class Verdict(StrEnum):
    """The answer of a gate."""

    GO = "GO"
    NO_GO = "NO-GO"


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The decision of a gate.

    Parameters
    ----------
    results : tuple of CriterionResult
        Every criterion and document, in the file's order, then the built-in criteria.
    waivers : tuple of Waiver
        Every waiver of this gate, valid ones and others; those that count are in `waived`.
    subject : mapping
        What was judged: agent, digests of agent and records, prompt, model, commit.
    remarks : tuple of str
        What a reader must know besides, the gravest first; they block nothing.
    """

    pilot: str
    gate: int
    title: str
    results: tuple[CriterionResult, ...]
    waivers: tuple[Waiver, ...]
    subject: Mapping[str, Any]
    remarks: tuple[str, ...] = ()

    @property
    def waived(self) -> Mapping[str, Waiver]:
        """The valid waivers by criterion, of those criteria that did not pass by themselves."""
        valid = {waiver.criterion: waiver for waiver in self.waivers if waiver.is_valid}
        return {one.criterion.id: valid[one.criterion.id] for one in self.open if one.criterion.id in valid}

    @property
    def open(self) -> tuple[CriterionResult, ...]:
        """The criteria that did not pass, waived ones among them."""
        return tuple(one for one in self.results if one.state is not State.PASS)

    @property
    def blocking(self) -> tuple[CriterionResult, ...]:
        """The criteria that stand between this gate and GO."""
        waived = self.waived
        return tuple(one for one in self.open if one.criterion.id not in waived)

    @property
    def verdict(self) -> Verdict:
        """GO only when every criterion passes or is validly waived, and there is any criterion at all."""
        return Verdict.GO if self.results and not self.blocking else Verdict.NO_GO

    @property
    def missing(self) -> Missing:
        """How much evidence is missing for GO, over all blocking criteria; no records where they would not do."""
        return missing_of(self.blocking)

    @property
    def would_do(self) -> str:
        """What would turn NO-GO into GO, the one answer that every report gives; empty for GO."""
        return would_do(self.blocking)

    def count(self, state: State) -> int:
        """Return how many criteria are in a state."""
        return sum(one.state is state for one in self.results)

    def paragraph(self) -> str:
        """Return the verdict, what must be said of it, why, and what would do."""
        would_do = f"What would do: {self.would_do}." if self.would_do else ""
        return " ".join(filter(None, (_verdict(self), _remarks(self), _why(self), would_do)))

    def as_json(self) -> dict[str, Any]:
        """Return the decision as JSON values."""
        return {
            "pilot": self.pilot,
            "gate": self.gate,
            "title": self.title,
            "verdict": self.verdict.value,
            "paragraph": self.paragraph(),
            "remarks": list(self.remarks),
            "counts": {state.value: self.count(state) for state in State},
            "would_do": self.would_do,
            "missing": self.missing.as_json(),
            "criteria": [{**one.as_json(), "waived": one.criterion.id in self.waived} for one in self.results],
            "waivers": [waiver.as_json() for waiver in self.waivers],
            "subject": dict(self.subject),
        }


def decide(facts: GateFacts, number: int, subject: Mapping[str, Any]) -> GateDecision:
    """Return the decision of a gate on the facts as they are; nothing is run and nothing is written.

    Raises
    ------
    InputError
        A criterion, document, suite or waiver does not fit the pilot.
    """
    results = judged_criteria(facts, number)
    waivers = checked_waivers(facts.pilot, number, [one.criterion for one in results], facts.today)
    title, remarks = facts.gates.gates[number].title, remarks_on(facts, number)
    decision = GateDecision(facts.pilot.name, number, title, results, waivers, subject, remarks)
    blocking = {one.criterion.id for one in decision.blocking}
    return replace(decision, results=consistent(results, blocking))


def judged_subject(facts: GateFacts, number: int) -> dict[str, Any]:
    """Return what a decision is about: the records and what the exhibits that the gate asks for are of."""
    subject: dict[str, Any] = {"data_digest": facts.population.digest}
    for one in facts.asked_of(number):
        subject |= one.subject(facts)
    return subject


def _verdict(decision: GateDecision) -> str:
    n = len(decision.results)
    waived = decision.waived
    if decision.verdict is Verdict.GO:
        passed = f"GO: {decision.count(State.PASS)} of {n} criteria pass"
        if not waived:
            return f"{passed}."
        names = ", ".join(f"{name} (by {waiver.name} until {waiver.until})" for name, waiver in waived.items())
        return f"{passed} and {len(waived)} did not pass but are waived: {names}."
    states = [one.state for one in decision.blocking]
    counts = f"{states.count(State.FAIL)} fail, {states.count(State.UNPROVEN)} unproven"
    counts += f", {len(waived)} waived" if waived else ""
    return f"NO-GO: of {n} criteria {decision.count(State.PASS)} pass, {counts}."


def _remarks(decision: GateDecision) -> str:
    if not decision.remarks:
        return ""
    more = f"; and {len(decision.remarks) - SHOWN} more" if len(decision.remarks) > SHOWN else ""
    return f"Mind: {'; '.join(decision.remarks[:SHOWN])}{more}."


def _why(decision: GateDecision) -> str:
    failed = [one for one in decision.blocking if one.state is State.FAIL]
    unproven = [one for one in decision.blocking if one.state is State.UNPROVEN]
    return " ".join(filter(None, [_listed("Failed", failed), _listed("Unproven", unproven)]))


def _listed(word: str, results: Sequence[CriterionResult]) -> str:
    if not results:
        return ""
    named = "; ".join(f"{one.criterion.title} ({one.reason})" for one in results[:SHOWN])
    more = f"; and {len(results) - SHOWN} more" if len(results) > SHOWN else ""
    return f"{word}: {named}{more}."
