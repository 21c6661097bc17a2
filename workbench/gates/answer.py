"""What a look at the facts came to, before it is tied to a criterion."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.gates.criteria import Criterion, CriterionResult, Missing
from workbench.metrics import State


@dataclass(frozen=True, slots=True)
class Answer:
    """State, reason, what would change it, what is missing, and what a reader needs to act."""

    state: State
    reason: str
    would_change: str = ""
    missing: Missing = field(default_factory=Missing)
    details: tuple[str, ...] = ()

    def of(self, criterion: Criterion) -> CriterionResult:
        """Return the answer as the result of a criterion."""
        return CriterionResult(criterion, self.state, self.reason, self.would_change, None, self.missing, self.details)
