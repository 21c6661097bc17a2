"""The same records asked several times: how often the answer stays the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.repeats.repeats import RepeatRequest, ask_repeatedly
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
