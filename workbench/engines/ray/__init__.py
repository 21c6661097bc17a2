"""The Ray engine: another engine on every worker of a cluster; and a call made on each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.engines.ray.settings import RaySettings
    from workbench.engines.ray.spread import on_workers
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
