"""A gate held: what is stale is run, the gate decides, and report, bundle and MLflow run say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.gates.held.hold import GateRequest, Held, answer_gate, hold_gate
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
