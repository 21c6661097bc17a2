"""Agents that act: tools offered to Python, HTTP and MCP agents and to prompts, every call seen by us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.agents.acting.acting import Acting, acting_files, acting_of, described, version_of
    from workbench.agents.acting.rounds import RoundsOf, decided_in_rounds
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
