"""How vLLM runs a model."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import InputError


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """A model and how vLLM runs it.

    Parameters
    ----------
    model : str
        A folder in Hugging Face's layout, or the id of a model on the hub. Nothing is fetched for a folder.
    dtype : str
        "auto" (as the model's config says), "bfloat16", "float16" or "float32".
    tensor_parallel_size : int
        GPUs that share the model.
    max_model_len : int, optional
        Tokens of prompt and answer together at most; None takes what the model can do. Less needs less memory.
    gpu_memory_utilization : float
        Share of a GPU's memory that vLLM may use, in (0, 1].
    kv_cache_gib : float, optional
        GiB for the tokens under way and the prefixes kept, for each GPU. None leaves it to `gpu_memory_utilization` on
        a GPU; on a CPU it is 2.
    seed : int
        Seed of the engine; each request carries its own for its tokens.
    concurrency : int
        Requests in the engine at most. Half of them are computed at once while the other half waits, so that the batch
        never runs dry between an answer and the next record.
    deadline_s : float
        Seconds for one request, waiting in the engine included; then it is given up.
    enforce_eager : bool, optional
        Whether to do without compiling the model and without CUDA graphs. None compiles on a GPU and not on a CPU.
    load_format : str
        How weights are read; "dummy" makes random ones, for benchmarks.
    """

    model: str
    dtype: str = "auto"
    tensor_parallel_size: int = 1
    max_model_len: int | None = None
    gpu_memory_utilization: float = 0.9
    kv_cache_gib: float | None = None
    seed: int = 0
    concurrency: int = 512
    deadline_s: float = 600.0
    enforce_eager: bool | None = None
    load_format: str = "auto"

    def __post_init__(self) -> None:
        wrong = {
            "model": (bool(self.model.strip()), "a folder or the id of a model"),
            "tensor_parallel_size": (self.tensor_parallel_size >= 1, "1 or more"),
            "max_model_len": (self.max_model_len is None or self.max_model_len >= 1, "1 or more"),
            "gpu_memory_utilization": (0.0 < self.gpu_memory_utilization <= 1.0, "more than 0, at most 1"),
            "kv_cache_gib": (self.kv_cache_gib is None or self.kv_cache_gib > 0, "more than 0"),
            "seed": (self.seed >= 0, "0 or more"),
            "concurrency": (self.concurrency >= 1, "1 or more"),
            "deadline_s": (self.deadline_s > 0, "more than 0"),
        }
        for name, (is_right, expected) in wrong.items():
            if not is_right:
                raise InputError(
                    f"vLLM cannot run with this {name}", where=name, got=repr(getattr(self, name)), expected=expected
                )
