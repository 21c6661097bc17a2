"""What a page concludes: one sentence that a sponsor understands, the table it rests on, the records behind it."""

from __future__ import annotations

import pandas as pd

from workbench.evaluation import Evaluation
from workbench.metrics import Behind
from workbench.records.splits import Split

UNPROVED_THRESHOLD = "a threshold that is not certified"
NO_THRESHOLD = "Without a threshold nothing is decided without a person"


def traced(outcomes: pd.DataFrame, number: str, counted: pd.Series[bool], of: pd.Series[bool]) -> Behind:
    """Return the records that count, of those a number is a share of, from flags of one table of outcomes."""
    return Behind(number, outcomes.index[(counted & of).to_numpy()], outcomes.index[of.to_numpy()])


def why_nothing_is_certified(evaluation: Evaluation) -> str:
    """Return in words why an evaluation has no certification."""
    if evaluation.split is Split.DEV:
        return "Nothing is certified on development records; evaluate on the holdout"
    return "Nothing is certified without a KPI on selective_accuracy"


def threshold_in_use(evaluation: Evaluation) -> float | None:
    """Return the threshold that an evaluation's decisions are routed by, None when there is none."""
    return None if evaluation.threshold is None else evaluation.threshold.threshold


def is_certified(evaluation: Evaluation) -> bool:
    """Whether that threshold was proved on the holdout."""
    return evaluation.threshold is not None and evaluation.threshold.is_certified
