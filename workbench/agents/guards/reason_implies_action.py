"""A guard on decisions: a reason that the process specification gives for other actions only."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.agents.decisions import Decision
from workbench.agents.guards.guard import Asks, StepIn
from workbench.environment import Stage
from workbench.pilot import GuardName, Process, decisions_by_reason
from workbench.records import Record
from workbench.words import shown

_CODE = re.compile(r"\s*(\w[\w-]*)\s*(?:$|[:;,.(]|\s-)")  # a code alone, or one with its explanation behind it


@dataclass(frozen=True, slots=True)
class ReasonImpliesAction:
    """A decision whose own reason goes with other actions goes to a person; a reason of no rule is left alone."""

    actions: Mapping[str, frozenset[str]]

    name: ClassVar[GuardName] = GuardName.REASON_IMPLIES_ACTION
    stage: ClassVar[Stage] = Stage.OUTPUT

    @classmethod
    def of(cls, process: Process, labels: Collection[str]) -> ReasonImpliesAction:
        """Return the guard of a specification; what it decides must be labels, or it says nothing of an action."""
        found = decisions_by_reason(process)
        return cls({_plain(reason): actions for reason, actions in found.items() if actions <= set(labels)})

    @property
    def identity(self) -> Mapping[str, Any]:
        """Which actions each reason goes with."""
        return {"actions": {reason: sorted(actions) for reason, actions in self.actions.items()}}

    async def look(self, record: Record, decision: Decision | None, asks: Asks) -> StepIn | None:
        """Step in where reason and action do not go together."""
        if decision is None or decision.reason is None or decision.action is None:
            return None
        code = _CODE.match(decision.reason)
        reason = None if code is None else _plain(code[1])
        actions = self.actions.get(reason or "")
        if actions is None or decision.action in actions:
            return None
        return StepIn(f"the reason {reason} goes with {shown(sorted(actions))}, not with {decision.action}")


def _plain(reason: str) -> str:
    return reason.strip().casefold()
