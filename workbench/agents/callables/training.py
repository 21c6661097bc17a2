"""Agents that learn: each record is decided by a model that has not seen it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.agents.callables.function import PilotFunction, place_of, told
from workbench.words import InputError, RunError

if TYPE_CHECKING:
    import pandas as pd

    from workbench.records.splits import Dataset

Decide = Callable[..., object]  # of one record, and of the tools where the agent has any


class CrossFitted:
    """Gives each fold of development records a model that was trained on the other ones.

    A development record is decided by the model trained on the four folds it is not in, a holdout record (no fold) by
    the model trained on all development records. Models are trained when first needed. Source: cross-fitting as in
    Stone (1974), Cross-validatory choice and assessment of statistical predictions.
    """

    def __init__(self, train: PilotFunction, training: pd.DataFrame, folds: pd.Series[int]) -> None:
        self._train = train
        self._training = training
        self._folds = folds
        self._models: dict[int | None, Decide] = {}

    def knows(self, fold: int | None) -> bool:
        """Return whether the model for a fold is trained already."""
        return fold in self._models

    def model(self, fold: int | None) -> Decide:
        """Return the function that decides the records of a fold.

        Raises
        ------
        RunError
            Training failed.
        InputError
            It gave no function.
        """
        if fold not in self._models:
            others = self._folds.loc[self._training.index] != fold
            self._models[fold] = self._trained(self._training[others])
        return self._models[fold]

    def _trained(self, training: pd.DataFrame) -> Decide:
        try:
            decide: Decide = self._train.load()(training)
        except InputError:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # whatever a user's training raises
            raise RunError(
                f"training the agent {self._train.name!r} failed",
                where=place_of(error),
                got=told(error),
                expected=f"a function of one record, learnt from {len(training):,} development records",
            ) from None
        if not callable(decide):
            raise InputError(f"{self._train.name!r} returned no function of a record", got=type(decide).__name__)
        return decide


def training_digest(dataset: Dataset) -> str:
    """Return the digest of all a trained agent learns from: development records, labels and folds."""
    folded = dataset.training().assign(fold=dataset.folds())
    return hashlib.sha256(folded.to_json(orient="split").encode()).hexdigest()
