"""The faults that connections meet, and what a ledger says of one that was met."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong between a caller and a system."""

    RESET_BEFORE = "reset before commit"
    RESET_AFTER = "reset after commit"
    TIMEOUT_AFTER = "timeout after commit"
    ERROR_BEFORE = "500 before commit"
    ERROR_AFTER = "500 after commit"
    UNAVAILABLE = "503 with Retry-After"
    THROTTLED = "429 with Retry-After"
    THROTTLED_SILENT = "429 without Retry-After"
    THROTTLED_AGAIN = "429 again after Retry-After"
    TRUNCATED = "truncated body"
    SLOW = "slow body"
    STALE_TOKEN = "stale token"
    DUPLICATE = "duplicate request"
    WRONG_SCHEMA = "wrong schema"
    CONNECTION_LOST = "connection lost in a transaction"  # sql
    HALF_WRITTEN = "half-written file"  # file
    DELIVERED_TWICE = "message delivered twice"  # queue: what was acknowledged is not known there
    OUT_OF_ORDER = "messages out of order"  # queue


BEYOND_HTTP = (
    FaultKind.CONNECTION_LOST,
    FaultKind.HALF_WRITTEN,
    FaultKind.DELIVERED_TWICE,
    FaultKind.OUT_OF_ORDER,
)
HTTP_FAULTS = tuple(kind for kind in FaultKind if kind not in BEYOND_HTTP)
QUEUE_FAULTS = (FaultKind.RESET_AFTER, FaultKind.DELIVERED_TWICE, FaultKind.OUT_OF_ORDER)


@dataclass(frozen=True, slots=True)
class ArmedFault:
    """One fault, and where it strikes.

    Parameters
    ----------
    correlation : str
        Id of the record whose calls meet it.
    call : int
        Which of those calls of the operation, from 1.
    fields : tuple of str
        Fields of the answer, of which the first that is there is renamed by a wrong schema.
    """

    kind: FaultKind
    system: str
    operation: str
    correlation: str
    call: int = 1
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FiredFault:
    """A fault that was met.

    Parameters
    ----------
    at : str
        When, ISO 8601, UTC.
    request : str
        Method and path.
    done : str
        What was done, for a reader.
    accepted : bool
        Whether the system had accepted the request by then.
    """

    fault: ArmedFault
    at: str
    request: str
    done: str
    accepted: bool
