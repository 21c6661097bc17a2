"""The server engine: a model behind an OpenAI-compatible server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.engines.server.settings import completions_url
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
