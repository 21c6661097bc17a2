"""Two versions category by category: what got better, what got worse, and what is at least no worse than a margin."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd

from workbench.evaluation import Evaluation
from workbench.evaluation.versions.tried import rightness_of
from workbench.stats import tango_bounds
from workbench.words import InputError, shown

ALPHA = 0.05
MARGIN = 0.05
EMPTY = "(empty)"
COLUMNS = ("category", "n", "right", "right_before", "mended", "broken", "difference", "lower", "upper", "answer")


class Change(StrEnum):
    """What a category's interval says of the new version."""

    BETTER = "better"
    WORSE = "worse"
    NO_WORSE = "no worse"  # than the margin allows
    CANNOT_TELL = "cannot tell"


def by_category(new: Evaluation, old: Evaluation, column: str = "label", margin: float = MARGIN) -> pd.DataFrame:
    """Return how a version does against another in each category, the largest loss first.

    The categories are the values of a column of the outcomes: `label` (what should be decided), `class`, `source`. Only
    records that both were asked count.

    Parameters
    ----------
    new, old : Evaluation
        The version in question, and the one it is to follow.
    column : str
    margin : float
        Loss in accuracy, in (0, 1), that a category may have: non-inferiority is held against it.

    Returns
    -------
    pd.DataFrame
        `category`; `n` records; `right` of the new and `right_before` of the old version; `mended` and `broken`;
        `difference`, new less old, with Tango's interval `lower` and `upper` at a level that makes all the intervals of
        the table hold together with 95% (Bonferroni); `answer`: better (all of the interval above 0), worse (all below
        0), no worse (all above minus the margin), else cannot tell.

    Raises
    ------
    InputError
        The outcomes have no such column, or the margin lies outside (0, 1).
    """
    if not 0.0 < margin < 1.0:
        raise InputError("a margin must lie between 0 and 1", got=repr(margin))
    if column not in new.outcomes:
        known = [name for name in ("label", "class", "source") if name in new.outcomes]
        raise InputError(f"outcomes have no column {column!r}", expected=shown(known))
    both = pd.concat(
        {"new": rightness_of(new.outcomes), "old": rightness_of(old.outcomes)}, axis="columns", join="inner"
    )
    categories = new.outcomes.loc[both.index, column].astype(object).fillna(EMPTY).astype(str)
    flags = pd.DataFrame(
        {
            "n": 1,
            "right": both["new"],
            "right_before": both["old"],
            "mended": both["new"] & ~both["old"],
            "broken": ~both["new"] & both["old"],
        }
    )
    counts = flags.astype(int).groupby(categories).sum().rename_axis("category").reset_index()
    level = 1.0 - ALPHA / max(len(counts), 1)
    lower, upper = tango_bounds(counts["mended"], counts["broken"], counts["n"], level)
    counts["difference"] = (counts["mended"] - counts["broken"]) / counts["n"]
    counts = counts.assign(lower=lower, upper=upper, answer=_answers(lower, upper, margin))
    return counts[list(COLUMNS)].sort_values(["difference", "n"], ascending=[True, False], ignore_index=True)


def _answers(lower: np.ndarray, upper: np.ndarray, margin: float) -> list[str]:
    """Return what each interval says."""
    return [
        (
            Change.BETTER
            if low > 0
            else Change.WORSE
            if high < 0
            else Change.NO_WORSE
            if low > -margin
            else Change.CANNOT_TELL
        ).value
        for low, high in zip(lower, upper, strict=True)
    ]
