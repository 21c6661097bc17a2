"""A decision as JUnit XML: each criterion is a test case in a CI system's own view."""

from __future__ import annotations

from workbench.evidence import JUnitCase, junit_suite
from workbench.gates.criteria import CriterionResult
from workbench.gates.verdict import GateDecision
from workbench.metrics import State


def junit_xml(decision: GateDecision) -> str:
    """Return a decision as JUnit XML: a criterion that fails or is unproven is a failure, a waived one is skipped.

    A waived criterion's message names who waived it and until when, so that a green run still shows it.
    """
    results = [_case(result, decision) for result in decision.results]
    return junit_suite(f"{decision.pilot} gate {decision.gate}", results, str(decision.brief))


def _case(result: CriterionResult, decision: GateDecision) -> JUnitCase:
    """Return what a criterion came to, and why it did not pass."""
    name = f"{result.criterion.id}: {result.criterion.title}"
    if result.state is State.PASS:
        return JUnitCase(name)
    waiver = decision.waived.get(result.criterion.id)
    if waiver is not None:
        said = f"waived by {waiver.name} ({waiver.role}) until {waiver.until}: {waiver.why}; {result.reason}"
        return JUnitCase(name, skipped=said)
    state, more = result.state.value, "\n".join([result.would_change, *result.details])
    return JUnitCase(name, failure=(state, f"{state}: {result.reason}", more))
