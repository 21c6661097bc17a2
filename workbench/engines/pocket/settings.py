"""How the pocket engine is set up."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field

from workbench.engines.protocol import Engine
from workbench.engines.settings import ChoiceMade, EngineSettings
from workbench.words import InputError

PACKAGED = Path(__file__).parent / "shipped"


class PocketSettings(EngineSettings):
    """A small Llama model in this process, on the CPU.

    `model` is a folder in Hugging Face's layout, without it that of the model that ships with the workbench; `threads`
    is how many batches are computed at once, without it as many as there are cores.
    """

    kind: ClassVar[str] = "pocket"

    model: str | None = None
    threads: int | None = Field(default=None, ge=1)

    def from_anywhere(self, model: str | None, root: Path) -> str | None:
        """Return a model's folder, as it is named or under the root, by its whole path."""
        return whole_path(model or self.model, root)

    def sharing(self, n_cpus: float) -> Self:
        """Return these settings with as many threads as a worker has CPUs."""
        return self.model_copy(update={"threads": max(1, int(n_cpus))})

    def completed(self, asked: ChoiceMade) -> Self:
        """Return these settings with the model that a run names. Raises InputError where its folder is not there."""
        model = self.from_anywhere(asked.choice.model, asked.root)
        if model is not None and not Path(model).is_dir():
            raise InputError(
                "the pocket engine's model is not there",
                where="--model",
                got=model,
                expected="a folder with config.json, model.safetensors and tokenizer.json",
                remedy="leave out --model for the model that ships with the workbench",
            )
        return self.model_copy(update={"model": model})

    def build(self, runs: Path | None = None) -> Engine:
        """Return the engine. Raises InputError where a file of the model is missing or damaged."""
        from workbench.engines.pocket.engine import PocketEngine

        return PocketEngine(None if self.model is None else Path(self.model), threads=self.threads)


def whole_path(model: str | None, root: Path) -> str | None:
    """Return the whole path of a model's folder, as it is named or under the root; the name where it is no folder."""
    folders = [] if model is None else [Path(model), root / model]
    return next((str(folder.resolve()) for folder in folders if folder.is_dir()), model)
