"""Decisions as they are judged: with the confidence that counts, and the documents that the agent found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.agents import RECALIBRATED
from workbench.environment import NEEDS_KEY
from workbench.metrics import (
    BETWEEN_DOCUMENTS,
    DOCUMENTS,
    NEEDS,
    Recalibration,
    as_given,
    fitted_recalibration,
    recalibrated,
)
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import Journal
from workbench.words import InputError


def decisions_of(dataset: Dataset, journal: Journal, run: str) -> pd.DataFrame:
    """Return a run's decisions with the confidence that is held against the threshold.

    Of a version that recalibrates, a holdout decision has the chance of being right by what was fitted on the version's
    run over all development records, a development decision by what was fitted on the other folds of its own run: those
    have a column `fold`, and no confidence where nothing can be fitted on the others. Where records name the documents
    that they need, these stand in `needs`, and in `documents` those that the agent's tools returned, in that order.

    Raises
    ------
    InputError
        A holdout run of a version that recalibrates, and that cannot be fitted; see `check_recalibrates`.
    """
    identity = journal.identity(run)
    decisions, way = _with_documents(dataset, journal, run, identity), identity.get(RECALIBRATED)
    if way is None:
        return decisions
    method, info = Recalibration(way), journal.info(run)
    if info.split == Split.HOLDOUT.value:
        development = _whole_development(dataset, journal, info.agent_digest)
        return decisions.assign(confidence=recalibrated(decisions, method, development))
    decisions = decisions.assign(fold=dataset.folds().loc[decisions.index])
    return decisions.assign(confidence=recalibrated(decisions.join(dataset.dev_labels()), method))


def _with_documents(dataset: Dataset, journal: Journal, run: str, identity: Mapping[str, Any]) -> pd.DataFrame:
    """Return a run's decisions, with documents needed and found where the version's environment says what is needed."""
    decisions, column = journal.decisions(run), identity.get("acts", {}).get(NEEDS_KEY)
    needed = None if column is None else dataset.unseen(column, decisions.index)
    if needed is None:
        return decisions
    traces = journal.traces(run)
    found = [BETWEEN_DOCUMENTS.join(traces[one].documents) if one in traces else "" for one in decisions.index]
    needs = [None if cell is None else str(cell) for cell in needed]
    columns = {NEEDS: needs, DOCUMENTS: [names or None for names in found]}
    return decisions.assign(**{name: pd.Series(cells, decisions.index, object) for name, cells in columns.items()})


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
