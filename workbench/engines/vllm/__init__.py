"""The vLLM engine: a model in this process, on its GPUs or CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.engines.vllm.server import server_command, server_environment
    from workbench.engines.vllm.settings import VllmSettings
    from workbench.engines.vllm.start import installed_version, is_for_cpu, located
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
