"""How a planned decision can end, and where its record then goes."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """How a planned decision ended."""

    OK = "ok"  # a valid action
    INVALID = "invalid"  # an answer that is no valid action
    FAILED = "failed"  # no answer
    SKIPPED = "skipped"  # never asked, because the run had to stop


class Route(StrEnum):
    """Where a planned record goes: decided automatically, to a human and why, or nowhere because it was not asked."""

    AUTOMATED = "automated"
    ESCALATED_BY_AGENT = "escalated_by_agent"  # the action is the escalation label
    NO_CONFIDENCE = "no_confidence"  # a valid action without a confidence
    BELOW_THRESHOLD = "below_threshold"
    INVALID = "invalid"
    FAILED = "failed"
    SKIPPED = "skipped"
