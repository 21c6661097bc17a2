"""Outcomes at the settings they are judged by: what became of each, found once, and the estimates made of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.metrics.accuracy import class_counts
from workbench.metrics.estimate import Estimate, listed, method_text
from workbench.metrics.outcomes import (
    NEEDS,
    column,
    is_asked,
    is_needless_escalation,
    is_right,
    listed_names,
    number_column,
    recall_at,
    routes,
    statuses,
)
from workbench.metrics.settings import EvaluationSettings
from workbench.metrics.statuses import Route
from workbench.stats import IntervalMethod, mean_interval


class Rows:
    """Outcomes beside the settings of an evaluation.

    Every flag is a Series of bool over the planned records. `automated`, `escalated`, `needless` and `route` are those
    of the settings' threshold, and raise AssertionError where there is none: a metric that needs it says so in the
    catalogue.
    """

    def __init__(self, outcomes: pd.DataFrame, settings: EvaluationSettings) -> None:
        self.outcomes = outcomes.assign(status=statuses(outcomes))  # read once, not by every flag
        self.settings = settings

    @cached_property
    def asked(self) -> pd.Series[bool]:
        """Every decision that is not skipped."""
        return is_asked(self.outcomes)

    @cached_property
    def right(self) -> pd.Series[bool]:
        """A valid action that is the label."""
        return is_right(self.outcomes)

    @cached_property
    def wrong(self) -> pd.Series[bool]:
        """Asked and not right; an invalid or failed one is wrong."""
        return self.asked & ~self.right

    @cached_property
    def called(self) -> pd.Series[bool]:
        """A call was made for it, however it ended."""
        return self.asked & (number_column(self.outcomes, "attempts") > 0)

    @cached_property
    def route(self) -> pd.Series[str]:
        """Where each record goes, a value of `Route`."""
        assert self.settings.threshold is not None
        return routes(self.outcomes, self.settings.threshold, self.settings.escalate_label)

    @cached_property
    def automated(self) -> pd.Series[bool]:
        """Carried out without a human."""
        return self.route == Route.AUTOMATED.value

    @cached_property
    def escalated(self) -> pd.Series[bool]:
        """Asked, and given to a human."""
        return self.asked & ~self.automated

    @cached_property
    def needless(self) -> pd.Series[bool]:
        """Given to a human although it need not have been."""
        assert self.settings.threshold is not None
        return is_needless_escalation(self.outcomes, self.settings.threshold, self.settings.escalate_label)

    @cached_property
    def needing(self) -> pd.Series[bool]:
        """Asked, and the record names documents that its decision needs."""
        return self.asked & pd.Series([bool(names) for names in listed_names(self.outcomes, NEEDS)], self.asked.index)

    @cached_property
    def found(self) -> pd.Series[bool]:
        """Every document that the record needs was among those that the agent saw."""
        return pd.Series(recall_at(self.outcomes) == 1.0, self.outcomes.index)

    @cached_property
    def class_counts(self) -> pd.DataFrame:
        """Records, decisions and right decisions of each class: `n`, `predicted`, `right`."""
        return class_counts(self.outcomes)

    def text(self, name: str) -> NDArray[np.object_]:
        """Return a column of text, None where there is none."""
        return column(self.outcomes, name)

    def numbers(self, name: str) -> pd.Series[float]:
        """Return a column of numbers, NaN where there is none."""
        return pd.Series(number_column(self.outcomes, name), index=self.outcomes.index)

    def left_out(self, causes: Mapping[str, pd.Series[bool]]) -> dict[str, int]:
        """Return how many decisions are in no denominator, by cause; those never asked for come first."""
        return {
            Route.SKIPPED.value: int((~self.asked).sum()),
            **{cause: int(flags.sum()) for cause, flags in causes.items()},
        }

    def undefined(self, why: str, excluded: Mapping[str, int] | None = None) -> Estimate:
        """Return an estimate without a value, and why it has none."""
        return Estimate.undefined(why, self.left_out({}) if excluded is None else excluded)

    def share(
        self, counted: pd.Series[bool], of: pd.Series[bool], excluded: Mapping[str, int], *, exact: bool = False
    ) -> Estimate:
        """Return the share of `of` that is counted, with its Wilson interval or an exact one."""
        method = IntervalMethod.CLOPPER_PEARSON if exact else IntervalMethod.WILSON
        level = self.settings.confidence_level
        return Estimate.proportion(
            int((counted & of).sum()), int(of.sum()), excluded=excluded, method=method, confidence_level=level
        )

    def quantile(self, name: str, q: float, of: pd.Series[bool], excluded: Mapping[str, int]) -> Estimate:
        """Return an observed quantile of a column, the smallest that at least a share q do not exceed.

        Its interval comes from order statistics; a bound is None where the values are too few for it.
        """
        values, level = number_column(self.outcomes, name)[of.to_numpy()], self.settings.confidence_level
        return Estimate.quantile(values, q, excluded=excluded, confidence_level=level)

    def mean(self, values: pd.Series[float], of: pd.Series[bool], excluded: Mapping[str, int]) -> Estimate:
        """Return the mean of some values with its t interval."""
        counted, level = values[of].to_numpy(), self.settings.confidence_level
        lower, upper = mean_interval(counted, level)
        return Estimate(
            float(counted.mean()), lower, upper, len(counted), method_text("Student t", level), listed(excluded)
        )

    def plain(self, value: float, n: int, excluded: Mapping[str, int]) -> Estimate:
        """Return a number that has no interval."""
        return Estimate(value, None, None, n, "none", listed(excluded))
