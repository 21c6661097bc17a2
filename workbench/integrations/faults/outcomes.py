"""What came of a fault, by what the systems hold and what the agent said, beside the same record without the fault."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FaultOutcome(StrEnum):
    """What came of a fault for one record."""

    RECOVERED = "recovered"  # the same effect exactly once, and the same action
    ESCALATED = "escalated"  # a person has it instead, and nothing else happened
    LOST = "lost"  # said to be done and nothing is there, or not decided and nobody was told
    DOUBLE = "double"  # an effect more than once
    WRONG = "wrong"  # another effect, another content, or an action that the effect contradicts
    NOT_RUN = "not run"  # the fault was not met


@dataclass(frozen=True, slots=True)
class HeldEffect:
    """One effect that a system holds.

    Parameters
    ----------
    operation : str
        As SYSTEM.OPERATION.
    content : str
        As JSON with sorted keys; the idempotency key is not in it.
    """

    operation: str
    content: str


@dataclass(frozen=True, slots=True)
class EndedDecision:
    """What an agent said in the end and what the systems hold then; no action where it failed both times."""

    action: str | None = None
    held: tuple[HeldEffect, ...] = ()


@dataclass(frozen=True, slots=True)
class WaysOut:
    """Which operation carries which action out, and what an escalation is called.

    Parameters
    ----------
    carried_out : mapping of str to str
        Action by SYSTEM.OPERATION.
    """

    carried_out: Mapping[str, str]
    escalation: str | None

    def of(self, action: str) -> set[str]:
        """Return the operations that carry an action out."""
        return {operation for operation, does in self.carried_out.items() if does == action}


def outcome_of(without: EndedDecision, after: EndedDecision, ways: WaysOut) -> FaultOutcome:
    """Return what came of a fault that was met.

    Parameters
    ----------
    without : EndedDecision
        On the same record without the fault.
    after : EndedDecision
        With it; a decision that failed visibly was asked for once more without it before.
    ways : WaysOut
    """
    before, now = Counter(one.operation for one in without.held), Counter(one.operation for one in after.held)
    if any(n > max(before[operation], 1) for operation, n in now.items()):
        return FaultOutcome.DOUBLE
    if after.action is None:
        return FaultOutcome.LOST
    wanted = ways.of(after.action)
    if wanted and not wanted & set(now):
        return FaultOutcome.WRONG if now else FaultOutcome.LOST
    if after.action == without.action and Counter(after.held) == Counter(without.held):
        return FaultOutcome.RECOVERED
    if after.action == ways.escalation and set(now) <= wanted:
        return FaultOutcome.ESCALATED
    return FaultOutcome.WRONG


def is_sound(decision: EndedDecision, ways: WaysOut) -> bool:
    """Return whether a decision without a fault did what it says, once: else no fault says anything beside it."""
    is_held_against_itself = outcome_of(decision, decision, ways) is FaultOutcome.RECOVERED
    return is_held_against_itself and set(Counter(one.operation for one in decision.held).values()) <= {1}


def canonical(content: Any) -> str:
    """Return a content as it compares."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)


def held_as_json(held: Iterable[HeldEffect]) -> str:
    """Return effects as a cell of a table."""
    return json.dumps([[one.operation, one.content] for one in held], ensure_ascii=False)


def held_from(text: str) -> tuple[HeldEffect, ...]:
    """Return the effects of a cell. Raises ValueError where it holds something else."""
    said = json.loads(text)
    if not isinstance(said, list) or not all(isinstance(one, list) and len(one) == 2 for one in said):
        raise ValueError("no list of effects")
    return tuple(HeldEffect(str(operation), str(content)) for operation, content in said)
