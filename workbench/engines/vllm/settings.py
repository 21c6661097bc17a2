"""How the vLLM engine is set up: a model and how vLLM runs it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field

from workbench.engines.pocket.settings import PACKAGED, PocketSettings, whole_path
from workbench.engines.protocol import Engine
from workbench.engines.settings import ChoiceMade, EngineSettings
from workbench.words import InputError


class VllmSettings(EngineSettings):
    """A model that vLLM runs in this process.

    Parameters
    ----------
    model : str
        A folder in Hugging Face's layout (relative to the root in pilot.yaml), the id of a model on the hub, or
        `pocket` for the packaged model. Nothing is fetched for a folder.
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
    """

    kind: ClassVar[str] = "vllm"
    load_format: ClassVar[str] = "auto"  # how weights are read; benchmarks have "dummy", which makes random ones

    model: str | None = Field(default=None, min_length=1)
    dtype: str = "auto"
    tensor_parallel_size: int = Field(default=1, ge=1)
    max_model_len: int | None = Field(default=None, ge=1)
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    kv_cache_gib: float | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0)
    concurrency: int = Field(default=512, ge=1)
    deadline_s: float = Field(default=600.0, gt=0)
    enforce_eager: bool | None = None

    @property
    def source(self) -> str:
        """The model of completed settings. Raises InputError where there is none."""
        if self.model is None or not self.model.strip():
            raise self._unnamed()
        return self.model

    def from_anywhere(self, model: str | None, root: Path) -> str | None:
        """Return a model's folder by its whole path, that of the packaged model, or else the model's name."""
        found = whole_path(model or self.model, root)
        return str(PACKAGED) if found == PocketSettings.kind else found

    def completed(self, asked: ChoiceMade) -> Self:
        """Return these settings with the model that a run names. Raises InputError where there is none."""
        model = self.from_anywhere(asked.choice.model, asked.root)
        if model is None:
            raise self._unnamed(f"pilot {asked.pilot}")
        return self.model_copy(update={"model": model})

    def build(self, runs: Path | None = None) -> Engine:
        """Return the engine. Raises InputError where vLLM is not installed, or there is no such folder."""
        from workbench.engines.vllm.engine import VllmEngine

        return VllmEngine(self)

    @staticmethod
    def _unnamed(where: str | None = None) -> InputError:
        return InputError(
            "the vLLM engine has no model",
            where=where,
            got="no --model",
            expected="a folder with a model, its id on a hub, or pocket for the model that ships with the workbench",
            remedy="give --engine vllm --model FOLDER, or set vllm: {model: FOLDER} in pilot.yaml",
        )
