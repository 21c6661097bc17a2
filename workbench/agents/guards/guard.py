"""What every guard promises: it looks at a record or at what an agent says of it, and steps in or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from workbench.agents.decisions import Decision
from workbench.environment import GuardVerdict, Stage
from workbench.pilot import GuardName
from workbench.records import Record

if TYPE_CHECKING:
    from workbench.agents.callables import Ruling


@dataclass(frozen=True, slots=True)
class Asks:
    """What guards may ask of the pilot's own code, each in a process of its own; None where the pilot has no such code.

    Parameters
    ----------
    policy : callable, optional
        Takes a record, gives what the written policy decides of it; None where it could not decide.
    prepared : callable, optional
        Takes a record, gives it with the fields that are prepared for prompts.
    """

    policy: Callable[[Record], Awaitable[Ruling | None]] | None = None
    prepared: Callable[[Record], Awaitable[Record]] | None = None


@dataclass(frozen=True, slots=True)
class StepIn:
    """A guard steps in.

    Parameters
    ----------
    rule : str
        Why, for a reader; holds no personal data.
    verdict : GuardVerdict
        Escalate, or modify where only texts change.
    target : str, optional
        The field that it is about.
    changed : mapping
        With `modify`, the decision's fields as they are from now on.
    """

    rule: str
    verdict: GuardVerdict = GuardVerdict.ESCALATE
    target: str | None = None
    changed: Mapping[str, Any] | None = None


class Guard(Protocol):
    """A check around an agent; `identity` holds what of contract, charter and process it goes by."""

    @property
    def name(self) -> GuardName:
        """Its name in pilot.yaml."""

    @property
    def stage(self) -> Stage:
        """Input: before the agent is asked; output: when it has decided."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes this version of the guard."""

    async def look(self, record: Record, decision: Decision | None, asks: Asks) -> StepIn | None:
        """Return why the guard steps in, None where it does not; there is no decision before the agent is asked."""
