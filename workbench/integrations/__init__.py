"""Integrations as they are, held against integrations.yaml, and what an agent makes of their faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.integrations.faults import FAULTS, FaultsRequest
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
