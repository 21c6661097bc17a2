"""One pilot at a glance: its index page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.gates.overview.page import write_index
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
