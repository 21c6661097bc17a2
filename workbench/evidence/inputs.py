"""What a maker is told of a pilot when it says what its notebooks depend on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from workbench.pilot import Pilot
from workbench.records.splits import Dataset


class Inputs(Protocol):
    """What the notebooks of a pilot are made from; `workbench.gates.freshness` makes it."""

    @property
    def pilot(self) -> Pilot:
        """The pilot."""

    @property
    def dataset(self) -> Dataset:
        """Its present records."""

    @property
    def agents(self) -> tuple[str, ...]:
        """Those that a comparison runs."""

    def settings(self) -> dict[str, Any]:
        """Return the pilot's settings but its agents."""

    def of_agents(self, agents: Iterable[str]) -> dict[str, Any]:
        """Return the versions of some agents, with what is noted of them."""

    def everything(self) -> dict[str, Any]:
        """Return what a notebook may depend on at most: settings, prompts and every agent that is compared."""
