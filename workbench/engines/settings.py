"""What the settings of every kind of engine are: a section of pilot.yaml, completed by what a run names."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import model_validator

from workbench.engines.protocol import Engine
from workbench.files import Settings

if TYPE_CHECKING:
    from workbench.engines.choice import EngineChoice
    from workbench.engines.kinds import EngineSections


@dataclass(frozen=True, slots=True)
class ChoiceMade:
    """What a run names of its engine, and the pilot it runs: its name, its root, and the sections of its pilot.yaml."""

    choice: EngineChoice
    pilot: str
    root: Path
    sections: EngineSections


class EngineSettings(Settings):
    """How one kind of engine is set up: as pilot.yaml says, and `completed` as much as is needed to make the engine.

    Small, frozen and without secrets: completed settings travel to other machines. A key that is left empty counts as
    not given. `kind` is the name of the section and of the engine, `options` which fields of an EngineChoice it takes.
    """

    kind: ClassVar[str]
    options: ClassVar[frozenset[str]] = frozenset({"model"})

    @model_validator(mode="before")
    @classmethod
    def _given(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {key: value for key, value in content.items() if value is not None or key not in cls.model_fields}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The variables that its keys come from; see `workbench.files.credentials`."""
        return ()

    def answering(self, sections: EngineSections) -> EngineSettings:
        """Return the settings of the engine that holds or asks the model: these, or those of its workers."""
        return self

    def from_anywhere(self, model: str | None, root: Path) -> str | None:
        """Return a model's name so that it means the same in another folder and under another root."""
        return model

    def sharing(self, n_cpus: float) -> Self:
        """Return these settings for one of several workers that has so many CPUs for itself."""
        return self

    @abstractmethod
    def completed(self, asked: ChoiceMade) -> Self:
        """Return these settings with what a run names. Raises InputError where something is missing or not there."""

    @abstractmethod
    def build(self, runs: Path | None = None) -> Engine:
        """Return the engine of completed settings; it is started by `async with`, again for every run.

        Parameters
        ----------
        runs : Path, optional
            Folder for what an engine remembers between runs; None where there is none, as on another machine.

        Raises
        ------
        InputError
            A package the engine needs is not installed, or its settings do not fit.
        """
