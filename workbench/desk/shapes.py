"""What the desk gives to whoever shows it: a claimed item, a recorded answer, progress, and what is settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workbench.desk.items import Card, ReviewItem
from workbench.pilot import QueueName
from workbench.words import WorkbenchError


class DeskConflictError(WorkbenchError):
    """An answer came too late or to another card: somebody else has the item, or it was answered (HTTP 409)."""

    exit_code = 1


class FeedbackWish(StrEnum):
    """What is to come of a person's feedback."""

    NONE = "none"
    CASE = "case"  # a test case is proposed
    DISPUTE = "dispute"  # the record's label is disputed


@dataclass(frozen=True, slots=True)
class Claim:
    """An item that one person has until the lease ends.

    Parameters
    ----------
    card : Card
        As the person sees it, blind already; after a disagreement it says so where the queue is not blind.
    shown_digest : str
        Digest of that card; an answer names it.
    lease_until, due : float
        Seconds since the epoch: end of the lease, and the item's deadline.
    needs_reason : bool
        Whether an answer is offered that needs a reason: another action than the recommended one, or a rejection.
    may_undo : bool
        Whether the person has an answer that can be taken back now.
    """

    item: str
    queue: QueueName
    card: Card
    shown_digest: str
    lease_until: float
    due: float
    needs_reason: bool
    may_undo: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer as the chain holds it: its row, and whether it was the one that completed the item."""

    seq: int
    completes: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """What waits for one person and what the person decided since midnight, in items; `next_due` in epoch seconds."""

    waiting: int
    decided: int
    next_due: float | None
    by_queue: Mapping[QueueName, int]


@dataclass(frozen=True, slots=True)
class Settled:
    """An item that people have decided.

    Parameters
    ----------
    item : ReviewItem
        As it was put, with the number of people that it was drawn for.
    action : str, optional
        What is to be done; None where nothing is.
    people : tuple of str
        Whose answers stand, by pseudonym (by id where review.yaml shows names), in the order of their answers.
    seq : int
        Row of the answer that completed it.
    receipt : str, optional
        What `carried_out` noted; None where it was not carried out.
    """

    item: ReviewItem
    action: str | None
    people: tuple[str, ...]
    seq: int
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person says about a record, apart from deciding it; the text is untrusted.

    Parameters
    ----------
    kind, severity : str
        As acceptance.yaml or the page names them.
    item : str, optional
        The item on which it was said.
    """

    record_id: str
    kind: str
    severity: str
    text: str
    item: str | None = None
    wants: FeedbackWish = FeedbackWish.NONE
