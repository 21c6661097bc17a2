"""Every confidence of a version's decisions: what the engine gave, and how many of its repeats decide the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from workbench.agents import RECALIBRATED, REPEAT, ConfidenceSource
from workbench.evaluation import Evaluation
from workbench.metrics import Recalibration, Status, cross_fitted, fitted_recalibration
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.runs import FEWEST_REPEATS
from workbench.runs.journal import JOURNAL_FILE, Journal, asked_digest
from workbench.words import InputError

FEWEST_COMPARED = 30


@dataclass(frozen=True, slots=True)
class Version:
    """Whose repeats to look for: what is asked, by its digest, on one split of the records as they are now."""

    asked: str
    split: Split
    dataset_digest: str


@dataclass(frozen=True, slots=True)
class Confidences:
    """An evaluation's outcomes with a column for each confidence of its decisions.

    Parameters
    ----------
    outcomes : DataFrame
        The evaluation's own, with `agreement` where repeats are known, and the columns in `recalibrated`.
    sources : tuple of ConfidenceSource
        Those that enough decisions have, each the name of its column.
    recalibrated : mapping of str to (ConfidenceSource, Recalibration)
        Further columns: recalibrations of the sources, none of them fitted on the record that it is judged on.
    times : int
        How many repeats `agreement` counts; 0 without repeats.
    used_way : Recalibration, optional
        How the version recalibrates the confidence that it decides by; None where it takes it as it is.
    """

    outcomes: pd.DataFrame
    sources: tuple[ConfidenceSource, ...]
    recalibrated: Mapping[str, tuple[ConfidenceSource, Recalibration]]
    times: int
    used_way: Recalibration | None = None


def repeats_of(journal: Journal, version: Version) -> pd.DataFrame:
    """Return what a version's repeats decided, one row per record, one column per repeat; None for no valid action.

    Repeats at several temperatures are not mixed: the temperature that covers most records is taken, of those the one
    used last; and of its repeats those that cover as many records as the fullest one. No columns where there are fewer
    than two.
    """
    found: dict[object, dict[int, pd.Series[str]]] = {}
    for entry in journal.entries(version.split.value):
        if not entry.is_repeat or entry.dataset_digest != version.dataset_digest:
            continue
        if entry.repeated_digest != version.asked:
            continue
        repeat, decisions = entry.identity[REPEAT], journal.decisions(entry.run)
        asked = decisions[decisions["status"] != Status.SKIPPED.value]
        said = asked["action"].astype(object).where(asked["status"] == Status.OK.value, None)
        known = found.setdefault(repeat["temperature"], {})
        earlier = known.get(repeat["number"])
        known[repeat["number"]] = said if earlier is None else _joined(said, earlier)
    full = [_fullest(of_temperature) for of_temperature in found.values()]
    return max(full, key=len, default=pd.DataFrame())


def agreement(actions: pd.Series[str], repeats: pd.DataFrame) -> pd.Series[float]:
    """Return for each decision the share of its repeats with the same action; NaN where it was not asked again.

    A repeat without a valid action counts and agrees with nothing; a decision without one has no agreement.
    """
    asked_again = repeats.loc[repeats.index.intersection(actions.index)]
    own = actions.loc[asked_again.index]
    share = asked_again.eq(own, axis=0).mean(axis=1)
    return share.where(own.notna()).reindex(actions.index).astype(float)


def confidences_of(pilot: Pilot, dataset: Dataset, evaluation: Evaluation) -> Confidences:
    """Return an evaluation's decisions with every confidence that is known of them, raw and recalibrated.

    Holdout decisions are recalibrated by what was fitted on this version's largest finished development run; those of
    development records by what was fitted on the other folds. A source that fewer than 30 decisions have is left out
    where another one has more. Nothing is asked.
    """
    info, split = evaluation.info, evaluation.split
    version = Version(asked_digest(evaluation.identity), split, info.dataset_digest)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        repeats = repeats_of(journal, version)
        outcomes = _with_agreement(evaluation.outcomes, repeats)
        development = None if split is Split.DEV else _development(journal, dataset, evaluation)
    counts = {source: int(outcomes[source].notna().sum()) for source in ConfidenceSource if source in outcomes}
    least = max(1, min(FEWEST_COMPARED, max(counts.values(), default=0)))
    sources = tuple(source for source, n in counts.items() if n >= least)
    made: dict[str, np.ndarray] = {}
    meaning: dict[str, tuple[ConfidenceSource, Recalibration]] = {}
    for source, way in product(sources, Recalibration):
        try:
            fitted = _recalibrated(dataset, outcomes, development, source, way)
        except InputError:  # the development records have no right or no wrong decision with this confidence
            continue
        made[f"{source} {way}"], meaning[f"{source} {way}"] = fitted, (source, way)
    used = evaluation.identity.get(RECALIBRATED)
    used_way = None if used is None else Recalibration(used)
    return Confidences(outcomes.assign(**made), sources, meaning, repeats.shape[1], used_way)


def _recalibrated(
    dataset: Dataset, outcomes: pd.DataFrame, development: pd.DataFrame | None, source: str, way: Recalibration
) -> np.ndarray:
    """Return a recalibration of a source; `development` is None where the outcomes are those of development records.

    Raises InputError where there is nothing to fit it on.
    """
    if development is None:
        return cross_fitted(outcomes, dataset.folds(), way, source)
    return fitted_recalibration(development, way, source)(outcomes[source].to_numpy(dtype=float))


def _development(journal: Journal, dataset: Dataset, evaluation: Evaluation) -> pd.DataFrame:
    """Return the version's outcomes on its largest finished development run, without a row when it has none."""
    info = evaluation.info
    run = journal.largest_finished(Split.DEV.value, info.agent_digest, info.dataset_digest)
    if run is None:
        return evaluation.outcomes.iloc[:0].assign(agreement=np.nan)
    repeats = repeats_of(journal, Version(asked_digest(evaluation.identity), Split.DEV, info.dataset_digest))
    return _with_agreement(journal.decisions(run).join(dataset.dev_labels()), repeats)


def _with_agreement(outcomes: pd.DataFrame, repeats: pd.DataFrame) -> pd.DataFrame:
    actions = outcomes["action"].astype(object).where(outcomes["status"] == Status.OK.value, None)
    return outcomes.assign(agreement=agreement(actions, repeats))


def _joined(said: pd.Series[str], earlier: pd.Series[str]) -> pd.Series[str]:
    """Return one repeat's decisions from two of its runs, on more and on fewer records."""
    return pd.concat([said, earlier[~earlier.index.isin(said.index)]])


def _fullest(said: Mapping[int, pd.Series[str]]) -> pd.DataFrame:
    """Return the repeats that cover as many records as any of them, without columns when there are fewer than two."""
    most = max(len(one) for one in said.values())
    full = {number: one for number, one in sorted(said.items()) if len(one) == most}
    return pd.DataFrame(full, dtype=object) if len(full) >= FEWEST_REPEATS else pd.DataFrame()
