"""The architecture document: its eight parts, what is missing or vague in them, and what contradicts the pilot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.compliance.documents.architecture import ARCHITECTURE_FILE, architecture_gaps
    from workbench.compliance.documents.gap import ArchitectureGap
    from workbench.compliance.documents.parts import PARTS, architecture_skeleton
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
