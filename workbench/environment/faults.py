"""Faults that a tool has on purpose, so that a test sees what an agent makes of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbench.files import Settings


class ToolFault(Settings):
    """One fault of one call: the `call`-th of `tool` in a decision, from 1, ends in an error or a timeout.

    `done: true` says that the tool did its work before: a write has happened, and nobody was told.
    """

    tool: str
    call: int = Field(default=1, ge=1)
    outcome: Literal["error", "timeout"] = "timeout"
    done: bool = False
