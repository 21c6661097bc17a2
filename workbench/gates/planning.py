"""How fast records arrive."""

from __future__ import annotations

import pandas as pd


def pace(times: pd.Series[str] | None) -> float | None:
    """Return how many records arrived a day, from when they were received (ISO 8601); None where that is not known."""
    if times is None:
        return None
    read = pd.to_datetime(times, errors="coerce", utc=True, format="ISO8601").dropna()
    days = (read.max() - read.min()).total_seconds() / 86_400 if len(read) > 1 else 0.0
    return (len(read) - 1) / days if days > 0 else None
