"""A criterion held against what was measured: pass, fail or unproven, with the reason and what would change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from workbench.evidence import Answer, Missing
from workbench.metrics import Estimate, Operator, State, estimate_text, state_of, target_text


class Kind(StrEnum):
    """What a criterion looks at."""

    KPI = "kpi"
    METRIC = "metric"
    CHECK = "check"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Criterion:
    """What is asked.

    Parameters
    ----------
    name : str
        The metric, check or document that is looked at.
    operator, target, confidence_level : optional
        Of a KPI or metric.
    slice : mapping
        Column to value: only the records that have it; empty for all.
    charged_level : float, optional
        The confidence level after what this opening of the holdout is charged; None where no label is looked at.
    is_placeholder : bool
        Whether nobody agreed on the target yet; such a criterion stays unproven whatever was measured.
    """

    id: str
    title: str
    kind: Kind
    name: str
    operator: Operator | None = None
    target: float | None = None
    confidence_level: float | None = None
    slice: Mapping[str, str] = field(default_factory=dict)
    no_waiver: bool = False
    charged_level: float | None = None
    is_placeholder: bool = False

    @property
    def level(self) -> float:
        """The level that the estimate's bounds must hold at."""
        assert self.confidence_level is not None
        return self.charged_level or self.confidence_level

    def wanted(self) -> str:
        """Return what is asked as text, such as "at least 99.2%"; empty for a check or document."""
        if self.operator is None or self.target is None:
            return ""
        return f"{self.operator.words} {target_text(self.name, self.target)}"

    def surety(self) -> str:
        """Return how sure one must be that the target is met, as text; empty for a check or document."""
        if self.confidence_level is None:
            return ""
        shared = "" if self.charged_level is None else ", as the openings of these holdout records share what is left"
        return f"at {100 * self.level:.4g}% confidence{shared}"

    def as_json(self) -> dict[str, Any]:
        """Return the criterion as JSON values."""
        return {
            "id": self.id,
            "title": self.title,
            "kind": self.kind.value,
            "name": self.name,
            "operator": None if self.operator is None else self.operator.value,
            "target": self.target,
            "confidence_level": self.confidence_level,
            "slice": dict(self.slice),
            "no_waiver": self.no_waiver,
            "charged_level": self.charged_level,
            "is_placeholder": self.is_placeholder,
        }


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """What the evidence says of one criterion.

    Parameters
    ----------
    reason : str
        Why, one sentence.
    would_change : str
        What would make it pass; empty when it passes.
    estimate : Estimate, optional
        What was measured, with its interval at the criterion's confidence level.
    details : tuple of str
        What a reader needs to act: rules that did not fire, findings that block.
    """

    criterion: Criterion
    state: State
    reason: str
    would_change: str = ""
    estimate: Estimate | None = None
    missing: Missing = field(default_factory=Missing)
    details: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            **self.criterion.as_json(),
            "state": self.state.value,
            "reason": self.reason,
            "would_change": self.would_change,
            "estimate": None if self.estimate is None else self.estimate.as_json(),
            "missing": self.missing.as_json(),
            "details": list(self.details),
        }


def check_result(criterion: Criterion, answer: Answer) -> CriterionResult:
    """Return what a check or a document came to as the result of a criterion."""
    would_change, details = answer.would_change, answer.details
    return CriterionResult(criterion, answer.state, answer.reason, would_change, None, answer.missing, details)


def held(criterion: Criterion, estimate: Estimate) -> State:
    """Return what an estimate says of a criterion's target; unproven where nobody agreed on it."""
    assert criterion.operator is not None
    assert criterion.target is not None
    return State.UNPROVEN if criterion.is_placeholder else state_of(criterion.operator, criterion.target, estimate)


def reason_of(criterion: Criterion, estimate: Estimate) -> str:
    """Return what was measured beside what is asked, one short line."""
    if estimate.value is None:
        return f"not known: {estimate.method.removeprefix('none: ')}"
    agreed = "nobody agreed on a target yet" if criterion.is_placeholder else f"target {criterion.wanted()}"
    if not estimate.n:
        return f"{estimate.value:g}: {estimate.method}; {agreed}"
    return f"{estimate_text(criterion.name, estimate)}, {agreed}"


def details_of(criterion: Criterion, estimate: Estimate, state: State) -> tuple[str, ...]:
    """Return how an estimate gives a state, and how sure that is."""
    if estimate.value is None or criterion.is_placeholder:
        return ()
    side = {
        State.PASS: "the whole interval is on the good side of the target",
        State.FAIL: "the whole interval is on the bad side of the target",
        State.UNPROVEN: "the target lies within the interval",
    }[state]
    if state is State.UNPROVEN and estimate.lower is None and estimate.upper is None:
        side = "there is no interval to hold against the target"
    return (f"{side}, {criterion.surety()}",)
