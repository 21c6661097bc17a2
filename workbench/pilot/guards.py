"""The guards that a pilot can turn on around its agents, by name."""

from __future__ import annotations

from enum import StrEnum


class GuardName(StrEnum):
    """A check of ours around an agent; they look in this order, whatever the order in pilot.yaml."""

    LENGTHS = "lengths"  # before: a cell longer than the contract's max_length
    ALLOWED_VALUES = "allowed_values"  # before: a cell that the contract does not allow
    SENSITIVE_DATA = "sensitive_data"  # after: personal data in what the agent says; first, so that no other repeats it
    REASON_IMPLIES_ACTION = "reason_implies_action"  # after: a reason that goes with other actions only
    MUST_REACH_A_PERSON = "must_reach_a_person"  # after: high-risk categories and limits of authority of the charter
    GROUNDING = "grounding"  # after: an amount that stands neither in the record nor in what a tool said


def in_order(names: tuple[GuardName, ...]) -> tuple[GuardName, ...]:
    """Return guards in the order in which they look."""
    return tuple(name for name in GuardName if name in names)
