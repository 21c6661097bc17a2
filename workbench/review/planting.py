"""Wrong recommendations that are planted among right ones, to see whether people look; none is ever carried out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from workbench.metrics import Status
from workbench.pilot import Process, decisions_by_reason
from workbench.review.carding import DecidedRecord, without_steps

RECOMMENDS_NOTHING = "the agent recommends nothing of what it hands over"


def planted_count(n: int, share: float) -> int:
    """Return how many wrong recommendations are planted beside n right ones, so that they are a share of all."""
    return math.ceil(n * share / (1.0 - share)) if n and share else 0


def planted_wrong(decided: DecidedRecord, label: str, actions: Sequence[str], process: Process | None) -> DecidedRecord:
    """Return a decision as if the agent had recommended a wrong action, drawn by the record.

    It is as sure as it was, gives a reason that goes with the wrong action where the process has one, and has read what
    it read: what it wrote or thought on the way would give the right action away.

    Parameters
    ----------
    label : str
        The right action.
    """
    seed = int.from_bytes(hashlib.sha256(f"planted {decided.record.id}".encode()).digest()[:8], "big")
    draw = np.random.default_rng(seed)
    action = str(draw.choice([one for one in actions if one != label]))
    reasons = sorted(
        reason for reason, goes_with in decisions_by_reason(process).items() if action in goes_with
    ) if process is not None else []  # fmt: skip
    reason = str(draw.choice(reasons)) if reasons else None
    return replace(decided, status=Status.OK, action=action, reason=reason, trace=without_steps(decided.trace))
