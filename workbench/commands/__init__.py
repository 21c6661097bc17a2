"""The commands of `workbench`, one module for each topic; heavy imports wait until they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.commands.cli import main
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
