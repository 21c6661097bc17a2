"""What is known of a pilot: its records and the stored decisions on them, as they are shown, read when first needed."""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from workbench.audit import Masking
from workbench.evaluation import Evaluation
from workbench.evaluation.exploring.rows import decisions_frame
from workbench.evaluation.versions import chosen, evaluation_as_shown, masking_of_pilot, stored_evaluations, stored_runs
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE
from workbench.words import InputError, did_you_mean, shown

ALL = ""


@dataclass(frozen=True)
class KnownPilot:
    """Records, versions and decisions of a pilot; decisions are read again where the journal has changed."""

    pilot: Pilot
    show_personal: bool
    _kept: dict[Hashable, tuple[Evaluation, ...]] = field(default_factory=dict)

    @cached_property
    def dataset(self) -> Dataset:
        """The records as they are."""
        return read_dataset(self.pilot)

    @cached_property
    def readable(self) -> Dataset:
        """The records as they are shown."""
        if self._masking is None:
            return self.dataset
        return self.dataset.with_shown(self._masking.frame(self.dataset.shown()))

    def versions(self) -> tuple[Evaluation, ...]:
        """Return every version that was asked about all development records."""
        return self._read(ALL)

    def version(self, name: str | None) -> Evaluation:
        """Return one of them, the chosen one without a name.

        Raises
        ------
        InputError
            There is no such version, or it has not yet decided all development records.
        """
        if name is None:
            return chosen(self.versions())
        agents = self.pilot.settings.agents
        if name not in agents and name not in [one.agent for one in self.versions()]:
            raise InputError(
                f"pilot {self.pilot.name!r} has no version {name!r}",
                expected=shown(agents),
                remedy=did_you_mean(name, agents),
            )
        return next((one for one in self._kept_now().get(ALL, ()) if one.agent == name), None) or self._read(name)[0]

    def shown(self, evaluation: Evaluation) -> Evaluation:
        """Return an evaluation whose words are as they are shown."""
        if self._masking is None:
            return evaluation
        return evaluation_as_shown(self.pilot, self.dataset, evaluation, self._masking)

    def frame(self, evaluation: Evaluation) -> pd.DataFrame:
        """Return the decisions of an evaluation beside their records."""
        return decisions_frame(self.shown(evaluation), self.readable)

    @cached_property
    def _masking(self) -> Masking | None:
        return None if self.show_personal else masking_of_pilot(self.pilot, self.dataset)

    def _read(self, name: str) -> tuple[Evaluation, ...]:
        """Return the stored evaluation of a version, or those of all."""
        kept = self._kept_now()
        if name not in kept:
            if name == ALL:
                kept[name] = stored_evaluations(self.pilot, dataset=self.dataset)
            else:
                kept[name] = stored_runs(self.pilot, self.dataset, Split.DEV, name)[0]
        return kept[name]

    def _kept_now(self) -> dict[Hashable, tuple[Evaluation, ...]]:
        """Return what was read, without what the journal has changed since."""
        state = tuple(_state(f"{self.pilot.runs / JOURNAL_FILE}{ending}") for ending in ("", "-wal"))
        if state not in self._kept:
            self._kept.clear()
            self._kept[state] = ()
        return self._kept


def _state(path: str) -> tuple[int, int] | None:
    """Return when a file changed last, and its size; None where it is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a path that is no name of its own
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
