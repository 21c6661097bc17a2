"""A pilot's own stand-in for its systems, run in a process of its own on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.environment.sandbox.running import RunningSandbox
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
