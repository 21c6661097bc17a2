"""What is at stake in a document, for review.yaml."""

from __future__ import annotations

import math
from typing import Any

from . import reading


def payable_eur(record: dict[str, Any]) -> float | None:
    """Return the payable amount of a document in euro, as process.yaml defines it; None where it cannot be read."""
    payable = reading.measure(reading.read_facts(record)).payable_eur
    return None if math.isnan(payable) else round(payable, 2)
