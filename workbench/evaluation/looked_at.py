"""What people looked at of a version's decisions, and what that proves where nobody looked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from workbench.evaluation.confidence import decisions_of
from workbench.evaluation.holdout import answer_holdout
from workbench.evaluation.running import evaluate
from workbench.metrics import EvaluationSettings, is_automated
from workbench.pilot import Pilot
from workbench.records.label_sets import (
    AppliedLabels,
    DecidedAlone,
    DrawnList,
    LabelSet,
    decided_alone_digest,
    labels_before,
    read_label_log,
    read_list,
)
from workbench.records.splits import Dataset, Split, agreements_order
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.stats import LabelCorrection, corrected_accuracy

if TYPE_CHECKING:
    from workbench.evaluation.evaluation import Evaluation

USUAL_LEVEL = 0.05
ANY = 0.0  # every confidence
NOT_LOGGED = "the log does not say that it was made by looking at disagreements and a sample of agreements alike"


@dataclass(frozen=True, slots=True, eq=False)
class LabelledVersion:
    """What of an evaluation the correction of its labels rests on; a bundle holds as much.

    Parameters
    ----------
    outcomes : DataFrame
        By record id.
    settings : EvaluationSettings
    agent_digest, split : str
    level : float
        Chance that a bound is wrong.
    """

    outcomes: pd.DataFrame
    settings: EvaluationSettings
    agent_digest: str
    split: str
    level: float = USUAL_LEVEL

    @property
    def automated_from(self) -> float:
        """The confidence from which on decisions are looked upon as automated: any where there is no threshold."""
        return ANY if self.settings.threshold is None else self.settings.threshold


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    """Decisions that need no person at some threshold, as they were when records were drawn.

    `differing` and `agreeing` are ids by the labels of then, `sample` those that the key drew of the agreeing.
    """

    actions: pd.Series[str]
    differing: pd.Index[str]
    agreeing: pd.Index[str]
    sample: pd.Index[str]


def decided_alone(pilot: Pilot, dataset: Dataset, agent: str, request: RunRequest) -> DecidedAlone:
    """Return what an agent decides where it may decide alone, asking it what is not in the journal yet.

    The holdout is answered in a process that has no label of it, and is not opened. Raises as `evaluate`.
    """
    if request.split is Split.DEV:
        evaluation = evaluate(pilot, agent, request, dataset)
        info, decisions = evaluation.info, evaluation.outcomes
    else:
        info = answer_holdout(pilot, agent, request, dataset).info
        with Journal(pilot.runs / JOURNAL_FILE) as journal:
            decisions = decisions_of(dataset, journal, info.run)
    actions = _alone(decisions, pilot.settings.escalate_label)
    return DecidedAlone(agent, info.agent_digest, info.split, actions, len(dataset.ids(request.split)))


def labelled_version(evaluation: Evaluation) -> LabelledVersion:
    """Return what of an evaluation the correction of its labels rests on."""
    level = USUAL_LEVEL if evaluation.certification is None else evaluation.certification.level
    info, split = evaluation.info, evaluation.split.value
    return LabelledVersion(evaluation.outcomes, evaluation.settings, info.agent_digest, split, level)


def applied_entry(data: Path, found: LabelSet) -> AppliedLabels | None:
    """Return the log's entry of a label set that was made two-sidedly, None where it has none for this very file."""
    log = read_label_log(data)
    drawn = {one.records: one for one in log if isinstance(one, DrawnList)}
    entries = [one for one in log if isinstance(one, AppliedLabels) and one.file == found.digest]
    if not entries or not entries[-1].lists:
        return None
    lists = [drawn.get(name) for name in entries[-1].lists]
    is_one_sided = any(one is None or (one.sample and not read_list(data, one.sample)) for one in lists)
    return None if is_one_sided else entries[-1]


def corrected_by_looking(
    data: Path, version: LabelledVersion, looked: tuple[LabelSet, AppliedLabels | None]
) -> tuple[LabelCorrection | None, str]:
    """Return the accuracy of automated decisions with what nobody looked at, or None and why it is not known.

    Without a threshold they are all that the version may decide alone. `looked` is the label set and its entry of the
    log.
    """
    found, entry = looked
    outcomes = version.outcomes
    looks = NOT_LOGGED if entry is None else _looks(data, version, found, entry)
    if isinstance(looks, str):
        return None, looks
    automated = is_automated(outcomes, version.automated_from, version.settings.escalate_label)
    if not automated.any():
        return None, "nothing is decided alone"

    def counts(ids: pd.Index[str]) -> tuple[int, int]:
        """Return how many of some records are automated, and how many of those are wrong now."""
        there = ids[automated[ids].to_numpy()]
        return len(there), int((looks.actions[there] != outcomes.loc[there, "label"]).sum())

    n_agreeing, (n_sampled, n_overturned) = counts(looks.agreeing)[0], counts(looks.sample)
    n_wrong = counts(looks.differing)[1]
    return corrected_accuracy(int(automated.sum()), n_wrong, n_agreeing, n_sampled, n_overturned, version.level), ""


def _looks(data: Path, version: LabelledVersion, found: LabelSet, entry: AppliedLabels) -> _Looks | str:
    """Return what was looked at of a version's decisions, or why that is not known."""
    outcomes = version.outcomes
    actions = _alone(outcomes, version.settings.escalate_label)
    wanted = version.agent_digest, version.split, decided_alone_digest(actions)
    log = read_label_log(data)
    drawn_lists = [one for one in log if isinstance(one, DrawnList) and one.records in entry.lists]
    lists = [one for one in drawn_lists if (one.agent_digest, one.split, one.decided) == wanted]
    if not lists:
        return f"no {version.split} record was drawn by what this version decides"
    drawn = lists[0]  # a version's sample is drawn once
    labels = labels_before(outcomes["label"], found)
    agrees = actions == labels.loc[actions.index]
    agreeing, differing = agreements_order(data, actions.index[agrees]), actions.index[~agrees]
    together = set(read_list(data, drawn.records))
    told = together if drawn.sample is None else set(read_list(data, drawn.sample))
    looks = _Looks(actions, differing, agreeing, agreeing[: sum(name in told for name in agreeing)])
    if not together >= {*looks.sample, *differing} or not together <= set(found.table.index):
        return "what was looked at is not all disagreements and the sample that the key draws"
    return looks


def _alone(decisions: pd.DataFrame, escalate_label: str | None) -> pd.Series[str]:
    actions: pd.Series[str] = decisions["action"][is_automated(decisions, ANY, escalate_label)]
    return actions
