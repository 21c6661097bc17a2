"""The choice of an engine: what a run names of it."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.engines.kinds import KINDS
from workbench.words import InputError


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine answers prompts; what is None is taken from pilot.yaml.

    Parameters
    ----------
    engine : str, optional
        One of `workbench.engines.kinds.KINDS`. Where it is None and `base_url` is given, the server engine.
    base_url : str, optional
        Address of an OpenAI-compatible server.
    model : str, optional
        The model's name on the server; a folder, the id on a hub or `pocket` (the model that ships with the workbench)
        for vLLM; a folder for the pocket engine.
    ray_address : str, optional
        Address of a Ray cluster.

    Raises
    ------
    InputError
        There is no such engine.
    """

    engine: str | None = None
    base_url: str | None = None
    model: str | None = None
    ray_address: str | None = None

    def __post_init__(self) -> None:
        if self.engine is not None and self.engine not in KINDS:
            raise InputError(f"there is no engine {self.engine!r}", expected=", ".join(KINDS))
