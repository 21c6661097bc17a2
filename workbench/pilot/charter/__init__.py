"""The charter: what was agreed before the pilot began, and who signed it."""

from __future__ import annotations

from workbench.pilot.charter.schema import (
    CHARTER_FILE,
    Authority,
    Cell,
    Charter,
    Costs,
    Dependence,
    HighRisk,
    Kpi,
    Match,
    one_of,
)

__all__ = [
    "CHARTER_FILE",
    "Authority",
    "Cell",
    "Charter",
    "Costs",
    "Dependence",
    "HighRisk",
    "Kpi",
    "Match",
    "one_of",
]
