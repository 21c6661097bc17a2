"""What estimates depend on besides the outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from workbench.words import InputError

DEFAULT_CONFIDENCE_LEVEL = 0.95


class Recalibration(StrEnum):
    """How confidences are mapped to chances of being right."""

    PLATT = "platt"  # a logistic curve of the log-odds: two numbers, keeps every order and every tie
    ISOTONIC = "isotonic"  # a rising step function: follows any shape, ties what it cannot tell apart


class TokenPrice(Protocol):
    """What a model's tokens cost; the `Price` that pilot.yaml agrees on is one."""

    @property
    def input_per_million(self) -> float:
        """Of a million tokens that the model reads."""

    @property
    def output_per_million(self) -> float:
        """Of a million tokens that it writes."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What the estimates depend on besides the outcomes.

    Parameters
    ----------
    threshold : float, optional
        Confidence from which a decision is automated; None when none was chosen, and the escalation estimates are then
        undefined.
    escalate_label : str, optional
        The action by which an agent escalates.
    confidence_level : float
        Of every interval, in (0, 1).
    price : TokenPrice, optional
        What tokens cost; None leaves the cost undefined.
    wall_s : float, optional
        Seconds that making the decisions took, over all sittings of a resumed run.
    """

    threshold: float | None = None
    escalate_label: str | None = None
    confidence_level: float = DEFAULT_CONFIDENCE_LEVEL
    price: TokenPrice | None = None
    wall_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse a duration that is no positive number of seconds."""
        if self.wall_s is not None and not 0.0 < self.wall_s < float("inf"):
            raise InputError("a run's duration must be a positive number of seconds", got=repr(self.wall_s))
