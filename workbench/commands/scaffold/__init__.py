"""New pilots from a table of labelled records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.commands.scaffold.choices import Choices, Columns, pairs
    from workbench.commands.scaffold.pilot import NewPilot, init_pilot
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
