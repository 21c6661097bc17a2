"""GO or NO-GO: what the criteria and their waivers come to, and the few lines that say why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from workbench.evidence import Missing
from workbench.gates.criteria import CriterionResult
from workbench.gates.facts import GateFacts
from workbench.gates.judging import judged_criteria
from workbench.gates.remarks import remarks_on
from workbench.gates.remedy import consistent, missing_of, next_steps
from workbench.gates.waivers import Waiver, checked_waivers
from workbench.metrics import State
from workbench.words import Brief


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
    judged : str
        The agent version in a few words, empty where the gate is about none.
    remarks : tuple of str
        What a reader must know besides, the gravest first; they block nothing.
    """

    pilot: str
    gate: int
    title: str
    results: tuple[CriterionResult, ...]
    waivers: tuple[Waiver, ...]
    subject: Mapping[str, Any]
    judged: str = ""
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
    def next_steps(self) -> tuple[str, ...]:
        """What would turn NO-GO into GO, the one answer that every report gives; none for GO."""
        return next_steps(self.blocking)

    def count(self, state: State) -> int:
        """Return how many criteria are in a state."""
        return sum(one.state is state for one in self.results)

    @property
    def brief(self) -> Brief:
        """The verdict with the judged version, what decides it, and what else a reader must know, line by line."""
        waived = [
            f"{one.criterion.title}: by {waiver.name} until {waiver.until}: {waiver.why}"
            for one in self.open
            if (waiver := self.waived.get(one.criterion.id)) is not None
        ]
        passed = f"{self.count(State.PASS)} of {len(self.results)} criteria pass"
        deciding = min(self.blocking, key=_place, default=None)
        why = f"{passed}, {len(waived)} waived" if waived else passed
        groups = {
            **{word: [_line(one) for one in self.blocking if one.state is state] for word, state in _WORDS.items()},
            "Waived": waived,
            "Next": self.next_steps,
            "Mind": self.remarks,
            "Passed": [] if deciding is None else [why],
        }
        about = f"{self.verdict.value} at gate {self.gate} for {self.judged or self.pilot}"
        return Brief.of(f"{about}. {_deciding(deciding, why)}.", groups.items())

    def as_json(self) -> dict[str, Any]:
        """Return the decision as JSON values."""
        return {
            "pilot": self.pilot,
            "gate": self.gate,
            "title": self.title,
            "verdict": self.verdict.value,
            "answer": str(self.brief),
            "remarks": list(self.remarks),
            "counts": {state.value: self.count(state) for state in State},
            "next": list(self.next_steps),
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
    judged = next(filter(None, (one.judged(facts) for one in facts.asked_of(number))), "")
    decision = GateDecision(facts.pilot.name, number, title, results, waivers, subject, judged, remarks)
    blocking = {one.criterion.id for one in decision.blocking}
    return replace(decision, results=consistent(results, blocking))


def judged_subject(facts: GateFacts, number: int) -> dict[str, Any]:
    """Return what a decision is about: the records and what the exhibits that the gate asks for are of."""
    subject: dict[str, Any] = {"data_digest": facts.population.digest}
    for one in facts.asked_of(number):
        subject |= one.subject(facts)
    return subject


_WORDS = {"Failed": State.FAIL, "Unproven": State.UNPROVEN}
LONGEST = 28  # words of what decides, so that verdict and reason together stay below forty


def _place(result: CriterionResult) -> tuple[bool, bool]:
    """Return what decides before what: a failure before what is unproven, a number before a check."""
    return result.state is not State.FAIL, result.estimate is None


def _deciding(result: CriterionResult | None, otherwise: str) -> str:
    """Return what decides a gate as a sentence without its full stop; a long reason stands in the list alone."""
    if result is None:
        return otherwise
    line = _line(result)
    return line if len(line.split()) <= LONGEST else f"{result.criterion.title}: {result.state.value}"


def _line(result: CriterionResult) -> str:
    """Return a criterion and why it is what it is, on one line."""
    return f"{result.criterion.title}: {result.reason}"
