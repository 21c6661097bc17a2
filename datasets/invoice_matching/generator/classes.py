"""The class of a record: common, edge or error."""

from __future__ import annotations

from generator.facts import Case
from generator.policy import Verdict

BORDER = 0.15
HARMLESS_NOTES = frozenset({"none", "irrelevant"})


def record_class(case: Case, verdict: Verdict) -> str:
    """Return the class of a record.

    error: the deciding rule is marked as a fault in the documents. edge: no such fault, and an exception was used, a
    note says something that bears on the decision or seems to, or a compared value lies within 15% of its limit.
    common: every other record.
    """
    if verdict.is_fault:
        return "error"
    is_near = verdict.margin is not None and verdict.margin < BORDER
    return "edge" if verdict.exceptions or is_near or case.note.kind not in HARMLESS_NOTES else "common"
