"""The confidence that a version decides by: as the agent gave it, or recalibrated where pilot.yaml says so."""

from __future__ import annotations

import pandas as pd

from workbench.agents import RECALIBRATED
from workbench.metrics import Recalibration, as_given, fitted_recalibration, recalibrated
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import Journal
from workbench.words import InputError


def decisions_of(dataset: Dataset, journal: Journal, run: str) -> pd.DataFrame:
    """Return a run's decisions with the confidence that is held against the threshold.

    Of a version that recalibrates, a holdout decision has the chance of being right by what was fitted on the version's
    run over all development records, a development decision by what was fitted on the other folds of its own run: those
    have a column `fold`, and no confidence where nothing can be fitted on the others.

    Raises
    ------
    InputError
        A holdout run of a version that recalibrates, and that cannot be fitted; see `check_recalibrates`.
    """
    decisions, way = journal.decisions(run), journal.identity(run).get(RECALIBRATED)
    if way is None:
        return decisions
    method, info = Recalibration(way), journal.info(run)
    if info.split == Split.HOLDOUT.value:
        development = _whole_development(dataset, journal, info.agent_digest)
        return decisions.assign(confidence=recalibrated(decisions, method, development))
    decisions = decisions.assign(fold=dataset.folds().loc[decisions.index])
    return decisions.assign(confidence=recalibrated(decisions.join(dataset.dev_labels()), method))


def check_recalibrates(dataset: Dataset, journal: Journal, agent_digest: str, way: Recalibration) -> None:
    """Refuse a version that recalibrates, but has nothing to be fitted on: its holdout stays sealed.

    Raises
    ------
    InputError
        It has no finished run over all development records, or one without right or without wrong decisions.
    """
    fitted_recalibration(as_given(_whole_development(dataset, journal, agent_digest)), way)


def whole_development_run(dataset: Dataset, journal: Journal, agent_digest: str) -> str | None:
    """Return a version's finished run over all development records, None where it has none."""
    run = journal.largest_finished(Split.DEV.value, agent_digest, dataset.digest)
    return None if run is None or journal.info(run).planned < len(dataset.ids(Split.DEV)) else run


def _whole_development(dataset: Dataset, journal: Journal, agent_digest: str) -> pd.DataFrame:
    """Return the outcomes of a version on all development records."""
    run = whole_development_run(dataset, journal, agent_digest)
    if run is None:
        raise InputError(
            "a version that recalibrates its confidence needs a run over all development records first",
            expected=f"{len(dataset.ids(Split.DEV)):,} development decisions",
            remedy="evaluate it on development records, or take `recalibrate` out of pilot.yaml",
        )
    return journal.decisions(run).join(dataset.dev_labels())
