"""vLLM's own OpenAI-compatible server: its command line and its environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from workbench.engines.vllm.settings import VllmSettings
from workbench.engines.vllm.start import GIB, KV_CACHE_ON_CPU_GIB, LocatedModel


def server_command(settings: VllmSettings, model: LocatedModel, address: tuple[str, int], *, is_cpu: bool) -> list[str]:
    """Return the command line of vLLM's OpenAI-compatible server for a model that lies in a folder.

    A request's own sampling settings are all that count: what the model's generation config suggests is left out, as it
    is in process.
    """
    host, port = address
    kv_cache_gib = KV_CACHE_ON_CPU_GIB if settings.kv_cache_gib is None and is_cpu else settings.kv_cache_gib
    options: dict[str, str | int | float | None] = {
        "model": str(model.folder),
        "served-model-name": model.name,
        "host": host,
        "port": port,
        "dtype": settings.dtype,
        "load-format": settings.load_format,
        "tensor-parallel-size": settings.tensor_parallel_size,
        "gpu-memory-utilization": settings.gpu_memory_utilization,
        "max-model-len": settings.max_model_len,
        "kv-cache-memory-bytes": None if kv_cache_gib is None else int(kv_cache_gib * GIB),
        "seed": settings.seed,
        "generation-config": "vllm",
        "uvicorn-log-level": "warning",
        "distributed-executor-backend": "uni" if is_cpu and settings.tensor_parallel_size == 1 else None,
    }
    flags = ["--enable-prefix-caching", "--disable-uvicorn-access-log"]
    if is_cpu if settings.enforce_eager is None else settings.enforce_eager:
        flags.append("--enforce-eager")
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *given, *flags]


def server_environment(environment: Mapping[str, str], *, is_cpu: bool) -> dict[str, str]:
    """Return the environment a server runs in: nothing is fetched, no usage statistics; on a CPU one process less."""
    more = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    if is_cpu:
        more["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    return {**environment, **more}
