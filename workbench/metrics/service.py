"""Service: how long decisions take, how many an hour, and what they cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.metrics.estimate import DEFAULT_CONFIDENCE_LEVEL, Estimate, listed, method_text
from workbench.metrics.outcomes import is_asked, numbers, skipped
from workbench.pilot import Price
from workbench.stats import mean_interval, quantile_interval

NOT_CALLED = "not_called"
NO_TOKEN_COUNT = "no_token_count"
PER_MILLION = 1_000_000
SECONDS_PER_HOUR = 3600


def latency(outcomes: pd.DataFrame, q: float, confidence_level: float = DEFAULT_CONFIDENCE_LEVEL) -> Estimate:
    """Return a quantile of the seconds per decision, waits and retries included.

    The value is an observed latency: the smallest that at least a share q of the calls did not exceed. Its interval
    comes from order statistics; a bound is None where the calls are too few for it.

    Denominator: decisions for which a call was made, however it ended. Excluded: skipped, not_called.
    """
    seconds, excluded = _seconds(outcomes)
    if not len(seconds):
        return Estimate.undefined("no call was made", excluded)
    lower, upper = quantile_interval(seconds, q, confidence_level)
    value = float(np.quantile(seconds, q, method="inverted_cdf"))
    return Estimate(value, lower, upper, len(seconds), method_text("order statistics", confidence_level), excluded)


def throughput_per_hour(outcomes: pd.DataFrame, wall_s: float | None) -> Estimate:
    """Return decisions per hour of a run.

    One run gives one number, so there is no interval. Denominator: decisions for which a call was made, however it
    ended. Excluded: skipped, not_called.

    Parameters
    ----------
    outcomes : DataFrame
    wall_s : float, optional
        Seconds that making these decisions took, over all sittings of a resumed run; None when they are not known.

    Raises
    ------
    InputError
        `wall_s` is not a positive number.
    """
    seconds, excluded = _seconds(outcomes)
    if wall_s is None:
        return Estimate.undefined("the run's duration is not known", {**excluded, "no_duration": len(seconds)})
    if not 0.0 < wall_s < float("inf"):
        raise InputError("a run's duration must be a positive number of seconds", got=repr(wall_s))
    if not len(seconds):
        return Estimate.undefined("no call was made", excluded)
    return Estimate(len(seconds) * SECONDS_PER_HOUR / wall_s, None, None, len(seconds), "none", excluded)


def prompt_tokens(outcomes: pd.DataFrame, confidence_level: float = DEFAULT_CONFIDENCE_LEVEL) -> Estimate:
    """Return the mean number of prompt tokens per decision.

    Denominator: decisions whose prompt tokens are known. Excluded: skipped, no_token_count.
    """
    return _mean(outcomes, numbers(outcomes, "prompt_tokens"), confidence_level)


def completion_tokens(outcomes: pd.DataFrame, confidence_level: float = DEFAULT_CONFIDENCE_LEVEL) -> Estimate:
    """Return the mean number of completion tokens per decision.

    Denominator: decisions whose completion tokens are known. Excluded: skipped, no_token_count.
    """
    return _mean(outcomes, numbers(outcomes, "completion_tokens"), confidence_level)


def cost_per_decision(
    outcomes: pd.DataFrame, price: Price | None, confidence_level: float = DEFAULT_CONFIDENCE_LEVEL
) -> Estimate:
    """Return the mean cost of a decision in the price's currency.

    Prompt and completion tokens at their price; undefined without a price or token counts. Tokens of attempts that
    brought no reply are not known and not in it.

    Denominator: decisions whose prompt and completion tokens are both known. Excluded: skipped, no_token_count.
    """
    if price is None:
        return Estimate.undefined("no price", {**skipped(outcomes), "no_price": int(is_asked(outcomes).sum())})
    spent = (
        numbers(outcomes, "prompt_tokens") * price.input_per_million
        + numbers(outcomes, "completion_tokens") * price.output_per_million
    )
    return _mean(outcomes, spent / PER_MILLION, confidence_level)


def _seconds(outcomes: pd.DataFrame) -> tuple[NDArray[np.float64], dict[str, int]]:
    """Return the latencies of calls that were made, and what was left out."""
    asked = is_asked(outcomes).to_numpy()
    called = asked & (numbers(outcomes, "attempts") > 0)
    excluded = {**skipped(outcomes), NOT_CALLED: int((asked & ~called).sum())}
    return numbers(outcomes, "latency_s")[called], listed(excluded)


def _mean(outcomes: pd.DataFrame, values: NDArray[np.float64], confidence_level: float) -> Estimate:
    """Return the mean of the values that are known, with its t interval."""
    asked = is_asked(outcomes).to_numpy()
    known = asked & ~np.isnan(values)
    excluded = listed({**skipped(outcomes), NO_TOKEN_COUNT: int((asked & ~known).sum())})
    counted = values[known]
    if not len(counted):
        return Estimate.undefined("no token counts", excluded)
    lower, upper = mean_interval(counted, confidence_level)
    method = method_text("Student t", confidence_level)
    return Estimate(float(counted.mean()), lower, upper, len(counted), method, excluded)
