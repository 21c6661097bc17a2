"""The pocket engine: a small language model in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.engines.pocket.settings import PocketSettings
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
