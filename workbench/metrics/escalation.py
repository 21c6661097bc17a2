"""Escalation: what is decided without a human at a threshold, what slips through and what is escalated for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

import numpy as np
import pandas as pd

from workbench.metrics.outcomes import is_asked, is_automated, is_right, number_column
from workbench.metrics.settings import DEFAULT_CONFIDENCE_LEVEL
from workbench.stats import IntervalMethod, Ranked, proportion_bounds, rank
from workbench.words import InputError

BAND_POINTS = 20
RISK_COVERAGE_COLUMNS = (
    "threshold",
    "automated",
    "automation_rate",
    "right",
    "selective_accuracy",
    "lower",
    "upper",
)


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """A threshold to automate by, and the records it was found on.

    Chosen on development records it was picked because it looks good on these very records, so its selective accuracy
    is optimistic and no interval computed from the same records would be valid: there is none here. Hold it against
    other records. A certified one was proved on holdout records; the proof is a `Certification`.

    Parameters
    ----------
    threshold, target : float
        The lowest confidence that is automated; the selective accuracy that was asked for.
    automated, right, asked : int
        Decisions automated at the threshold, the right ones among them, and all that were asked for.
    is_certified : bool
        Whether it was proved on holdout records.
    """

    threshold: float
    target: float
    automated: int
    right: int
    asked: int
    is_certified: bool = False

    @property
    def automation_rate(self) -> float:
        """Automated of asked."""
        return self.automated / self.asked

    @property
    def selective_accuracy(self) -> float:
        """Right of automated, on the records that the threshold was found on."""
        return self.right / self.automated

    def as_json(self) -> dict[str, Any]:
        """Return the choice as JSON values."""
        found = {name: getattr(self, name) for name in ("threshold", "target", "automated", "right", "asked")}
        rates = {"automation_rate": self.automation_rate, "selective_accuracy": self.selective_accuracy}
        return found | rates | {"certified": self.is_certified}


def risk_coverage(outcomes: pd.DataFrame, escalate_label: str | None = None) -> pd.DataFrame:
    """Return automation and selective accuracy at every threshold that changes them, the highest threshold first.

    One row for each distinct confidence of a decision that can be automated; decisions that tie in confidence are
    automated together. No row where no decision has a confidence.

    Returns
    -------
    DataFrame
        `threshold`; `automated` decisions; `automation_rate`, of all asked; `right` among the automated;
        `selective_accuracy` with the Wilson bounds `lower` and `upper`. Each row's interval holds for that threshold
        alone, fixed beforehand; choosing a threshold by looking at the rows makes it optimistic.
    """
    ranked = _ranked(outcomes, escalate_label)
    automated, hits = ranked.n_automated, ranked.n_automated - ranked.n_wrong
    lower, upper = proportion_bounds(hits, automated, DEFAULT_CONFIDENCE_LEVEL, IntervalMethod.WILSON)
    columns = (
        ranked.threshold,
        automated,
        automated / max(int(is_asked(outcomes).sum()), 1),
        hits,
        hits / np.maximum(automated, 1),
        lower,
        upper,
    )
    return pd.DataFrame(dict(zip(RISK_COVERAGE_COLUMNS, columns, strict=True)))


def risk_coverage_band(outcomes: pd.DataFrame, escalate_label: str | None = None) -> pd.DataFrame:
    """Return points of the risk-coverage curve whose bounds hold all at once: what to draw as a band around the curve.

    The points lie at even shares of the records, chosen by confidence alone; each has a Clopper-Pearson interval at
    1 - 0.05 / 20 (Bonferroni), so that one may look at all of them and pick.

    Returns
    -------
    DataFrame
        Columns as `risk_coverage`, at most 20 rows, the highest threshold first.
    """
    points = risk_coverage(outcomes, escalate_label)
    if points.empty:
        return points
    wanted = np.arange(1, BAND_POINTS + 1) / BAND_POINTS * int(points["automated"].iloc[-1])
    chosen = points.iloc[np.unique(np.searchsorted(points["automated"], wanted))].reset_index(drop=True)
    level = 1.0 - (1.0 - DEFAULT_CONFIDENCE_LEVEL) / BAND_POINTS
    bounds = proportion_bounds(chosen["right"], chosen["automated"], level, IntervalMethod.CLOPPER_PEARSON)
    return chosen.assign(lower=bounds[0], upper=bounds[1])


def threshold_text(threshold: float) -> str:
    """Return a threshold as a text that, typed in, decides the same records: never rounded up, six decimals at most.

    Examples
    --------
    >>> threshold_text(0.96596), threshold_text(0.9), threshold_text(2 / 3)
    ('0.96596', '0.9000', '0.666666')
    """
    exact = Decimal(repr(float(threshold)))
    text = f"{exact.quantize(Decimal('0.000001'), rounding=ROUND_DOWN):f}"
    return text[:-2] + text[-2:].rstrip("0")


def threshold_for(outcomes: pd.DataFrame, target: float, escalate_label: str | None = None) -> ThresholdChoice | None:
    """Return the threshold with the most automation whose selective accuracy on these records reaches a target.

    To be used on development records, to have a threshold to work with. It holds a point estimate against the target,
    so on other records about half of such choices fall short; certifying one needs holdout records and an exact test.

    Returns
    -------
    ThresholdChoice or None
        None when no threshold reaches the target, or no decision has a confidence.

    Raises
    ------
    InputError
        The target is not in (0, 1].
    """
    if not 0.0 < target <= 1.0:
        raise InputError("a target for selective accuracy must lie above 0 and at most at 1", got=repr(target))
    ranked = _ranked(outcomes, escalate_label)
    hits = ranked.n_automated - ranked.n_wrong
    reached = np.flatnonzero(hits / np.maximum(ranked.n_automated, 1) >= target)
    if not len(reached):
        return None
    return ThresholdChoice(
        threshold=float(ranked.threshold[reached[-1]]),
        target=target,
        automated=int(ranked.n_automated[reached[-1]]),
        right=int(hits[reached[-1]]),
        asked=int(is_asked(outcomes).sum()),
    )


def _ranked(outcomes: pd.DataFrame, escalate_label: str | None) -> Ranked:
    """Return the decisions that can be automated, by their confidence."""
    automatable = is_automated(outcomes, 0.0, escalate_label).to_numpy()
    confidence = number_column(outcomes, "confidence")[automatable]
    return rank(confidence, is_right(outcomes).to_numpy()[automatable])
