"""vLLM in this process: the engine and its settings."""

from workbench.engines.vllm.engine import VllmEngine
from workbench.engines.vllm.settings import VllmSettings

__all__ = ["VllmEngine", "VllmSettings"]
