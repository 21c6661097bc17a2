"""Accuracy under the labels in the records and under those that people corrected, with what nobody looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.evaluation.development import development_evaluation
from workbench.evaluation.looked_at import (
    NOT_LOGGED,
    LabelledVersion,
    applied_entry,
    corrected_by_looking,
    labelled_version,
)
from workbench.metrics import ACCURACY, SELECTIVE_ACCURACY, Estimate, EvaluationSettings, evaluate_outcomes
from workbench.pilot import Pilot
from workbench.records.label_sets import label_log_head, label_set_digests, labels_before, read_label_set
from workbench.records.splits import Dataset
from workbench.stats import LabelCorrection
from workbench.words import counted, percent

if TYPE_CHECKING:
    import pandas as pd

    from workbench.evaluation.evaluation import Evaluation

COMPARED = (ACCURACY, SELECTIVE_ACCURACY)


@dataclass(frozen=True, slots=True, eq=False)
class LabelsCompared:
    """One version under the labels in the records and under a label set.

    Parameters
    ----------
    label_set : str
    files : mapping of str to str
        SHA-256 of its file and of those before it, by name of the set.
    log : str
        Hash of the last entry of the log.
    n_looked, n_changed, n_records : int
        Judged records that people looked at, those of them with another label now, and all judged records.
    before, after : mapping of str to Estimate
        Accuracy and selective accuracy under each; the latter on all that may be decided alone where the version has
        no threshold.
    one_sided : str
        Why the correction is one-sided, or not known not to be; empty where it is not.
    correction : LabelCorrection, optional
        Accuracy of automated decisions with what nobody looked at; None where `why_not` says why it is not known.
    """

    label_set: str
    files: Mapping[str, str]
    log: str
    n_looked: int
    n_changed: int
    n_records: int
    before: Mapping[str, Estimate]
    after: Mapping[str, Estimate]
    one_sided: str
    correction: LabelCorrection | None
    why_not: str

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        plain = ("label_set", "log", "n_looked", "n_changed", "n_records", "one_sided", "why_not")
        return {name: getattr(self, name) for name in plain} | {
            "files": dict(self.files),
            "before": {name: one.as_json() for name, one in self.before.items()},
            "after": {name: one.as_json() for name, one in self.after.items()},
            "correction": None if self.correction is None else asdict(self.correction),
        }

    @property
    def sentence(self) -> str:
        """What it says, for a reader."""
        said = (
            f"People looked at {counted(self.n_looked, self.n_records)} labels again, disputed ones and agreements "
            f"mixed, and changed {self.n_changed:,} ({self.label_set})"
        )
        if self.one_sided:
            return f"{said}. The correction is one-sided: {self.one_sided}"
        if self.correction is None:
            return f"{said}. What stays hidden where nobody looked is not known: {self.why_not}"
        found = self.correction
        return (
            f"{said}. Of {found.n:,} automated decisions {found.n_wrong:,} are known to be wrong and at most "
            f"{found.hidden_at_most:,} more where nobody looked, so at least {percent(found.lower, 2)} are right"
        )


def compared_labels(pilot: Pilot, evaluation: Evaluation) -> LabelsCompared | None:
    """Return an evaluation under the labels in the records and under the contract's label set; None without one.

    Of the holdout it must be one that was opened, as the labels in its outcomes are.

    Raises
    ------
    InputError
        The label set cannot be read.
    RunError
        The log of label sets was altered, or a list that it names is gone.
    """
    return compared_under(pilot.data, pilot.contract.label_set, labelled_version(evaluation))


def compared_under(data: Path, name: str | None, version: LabelledVersion) -> LabelsCompared | None:
    """Return a version under the labels in the records and under a label set; None without one.

    `data` holds splits.yaml and the label sets: the folder of the records, or a bundle. Raises as `compared_labels`.
    """
    found = read_label_set(data, name)
    if found is None:
        return None
    outcomes, settings = version.outcomes, replace(version.settings, threshold=version.automated_from)
    there = outcomes.index.intersection(found.table.index)
    earlier = outcomes.assign(label=labels_before(outcomes["label"], found))
    entry = applied_entry(data, found)
    correction, why_not = corrected_by_looking(data, version, (found, entry))
    return LabelsCompared(
        found.name,
        label_set_digests(data, found.name),
        label_log_head(data),
        len(there),
        int((outcomes["label"] != earlier["label"]).sum()),
        len(outcomes),
        _estimates(earlier, settings),
        _estimates(outcomes, settings),
        "" if entry is not None else NOT_LOGGED,
        correction,
        why_not,
    )


def development_compared(
    before: tuple[Pilot, Dataset], after: tuple[Pilot, Dataset], agent_digest: str
) -> LabelsCompared | None:
    """Return a version's development decisions under the labels in the records and under a new label set.

    Parameters
    ----------
    before, after : (Pilot, Dataset)
        As they were before the label set was named, and as they are now.

    Returns
    -------
    LabelsCompared or None
        None where the journal has no run of the version over all development records.
    """
    evaluation = development_evaluation(*before, agent_digest)
    if evaluation is None:
        return None
    labels = after[1].dev_labels().loc[evaluation.outcomes.index]
    return compared_labels(after[0], replace(evaluation, outcomes=evaluation.outcomes.assign(label=labels["label"])))


def _estimates(outcomes: pd.DataFrame, settings: EvaluationSettings) -> dict[str, Estimate]:
    found = evaluate_outcomes(outcomes, settings)
    return {name: found[name] for name in COMPARED if name in found}
