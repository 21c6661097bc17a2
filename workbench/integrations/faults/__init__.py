"""Faults that really happened between an agent and its systems, and what came of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.integrations.faults.maker import FAULTS, FaultsRequest, acting_agent
    from workbench.integrations.faults.outcomes import EndedDecision, FaultOutcome, HeldEffect, WaysOut, outcome_of
    from workbench.integrations.faults.tables import (
        cells_judged,
        cells_table,
        ended_otherwise,
        matrix_of_cells,
        worst_first,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
