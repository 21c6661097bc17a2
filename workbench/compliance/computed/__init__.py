"""Everything that is computed of a requirement, by the name that the catalogue gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.compliance.computed.registry import COMPUTATIONS
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
