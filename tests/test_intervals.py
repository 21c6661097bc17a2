from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

import workbench.stats
from workbench.stats import (
    IntervalMethod,
    mean_interval,
    proportion_bounds,
    proportion_interval,
    quantile_interval,
    wilson,
)
from workbench.words import InputError

COUNTS = [(0, 1), (1, 1), (0, 10), (1, 10), (10, 10), (13, 16), (3, 967), (999, 1000), (99_990, 100_000)]
LEVELS = [0.5, 0.9, 0.95, 0.999]


def clopper_pearson(k: int, n: int, level: float) -> tuple[float, float]:
    return proportion_interval(k, n, level, IntervalMethod.CLOPPER_PEARSON)


def test_clopper_pearson_agrees_with_the_printed_reference_case():
    # FINDINGS, section 2: 13 of 16 is (.5435, .9595)
    assert clopper_pearson(13, 16, 0.95) == pytest.approx((0.5435, 0.9595), abs=5e-5)


def test_clopper_pearson_ends_follow_the_closed_form():
    # k = 0 of n: the upper bound solves (1 - p)^n = alpha / 2
    assert clopper_pearson(0, 20, 0.95) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20), rel=1e-12))
    assert clopper_pearson(20, 20, 0.95) == (pytest.approx(0.025 ** (1 / 20), rel=1e-12), 1.0)


def test_wilson_ends_follow_the_closed_form():
    # k = 0 of n: z^2 / (n + z^2), with z = 1.959964 from a table
    upper = 1.959964**2 / (20 + 1.959964**2)
    assert wilson(0, 20, 0.95) == (0.0, pytest.approx(upper, abs=1e-7))
    assert wilson(20, 20, 0.95) == (pytest.approx(1 - upper, abs=1e-7), 1.0)


@pytest.mark.parametrize(("k", "n"), COUNTS)
@pytest.mark.parametrize("level", LEVELS)
def test_both_intervals_agree_with_scipy_and_statsmodels(k: int, n: int, level: float):
    test = scipy_stats.binomtest(k, n)
    for ours, scipy_name, statsmodels_name in ((clopper_pearson, "exact", "beta"), (wilson, "wilson", "wilson")):
        theirs = test.proportion_ci(level, method=scipy_name)
        assert ours(k, n, level) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)
        also = proportion_confint(k, n, 1 - level, method=statsmodels_name)
        assert ours(k, n, level) == pytest.approx(also, rel=1e-9, abs=1e-12)


@given(n=st.integers(1, 100_000), share=st.floats(0, 1), level=st.floats(0.01, 0.9999))
@settings(max_examples=200, deadline=None)
def test_every_interval_holds_its_estimate_and_mirrors_itself(n: int, share: float, level: float):
    k = round(share * n)
    for method in IntervalMethod:
        lower, upper = proportion_interval(k, n, level, method)
        mirrored = proportion_interval(n - k, n, level, method)
        assert 0.0 <= lower <= k / n <= upper <= 1.0
        assert (1 - upper, 1 - lower) == pytest.approx(mirrored, abs=1e-9)
        assert (lower == 0.0) == (k == 0)
        assert (upper == 1.0) == (k == n)


@pytest.mark.parametrize("n", [5, 30, 300])
def test_clopper_pearson_covers_every_true_value_at_least_as_often_as_it_says(n: int):
    # not simulated: the exact coverage is the binomial probability of every k whose interval holds the true value
    k = np.arange(n + 1)
    lower, upper = proportion_bounds(k, np.full(n + 1, n), 0.95, IntervalMethod.CLOPPER_PEARSON)
    for truth in np.linspace(0.001, 0.999, 333):
        covered = (lower <= truth) & (truth <= upper)
        assert scipy_stats.binom.pmf(k, n, truth)[covered].sum() >= 0.95 - 1e-12


def test_wilson_covers_a_high_accuracy_near_its_confidence():
    # 20,000 samples of n = 300 at a true 97%: the standard error of the coverage is .0015. Wilson's coverage swings
    # around its level; .93 to .97 is what Brown, Cai and DasGupta (2001) show for p away from 0 and 1 at such n.
    hits = np.random.default_rng(7).binomial(300, 0.97, size=20_000)
    lower, upper = proportion_bounds(hits, np.full(20_000, 300), 0.95, IntervalMethod.WILSON)
    assert 0.93 <= np.mean((lower <= 0.97) & (upper >= 0.97)) <= 0.97


def test_many_intervals_at_once_equal_one_by_one_and_nothing_is_undefined():
    k, n = np.array([0, 13, 5, 0]), np.array([10, 16, 5, 0])
    for method in IntervalMethod:
        lower, upper = proportion_bounds(k, n, 0.95, method)
        assert [(lower[i], upper[i]) for i in range(3)] == [
            proportion_interval(int(k[i]), int(n[i]), 0.95, method) for i in range(3)
        ]
        assert math.isnan(lower[3])
        assert math.isnan(upper[3])


def test_numpy_integers_are_integers():
    assert wilson(np.int64(13), np.int32(16), 0.95) == wilson(13, 16, 0.95)


@pytest.mark.parametrize(
    ("k", "n", "level", "message"),
    [
        (-1, 10, 0.95, "between 0 and the number of trials"),
        (11, 10, 0.95, "between 0 and the number of trials"),
        (0, 0, 0.95, "at least one trial"),
        (0, -3, 0.95, "at least one trial"),
        (1.0, 10, 0.95, "k must be an integer"),
        (True, 10, 0.95, "k must be an integer"),
        (1, 10.5, 0.95, "n must be an integer"),
        (1, 10, 0.0, "confidence level must lie between 0 and 1"),
        (1, 10, 1.0, "confidence level must lie between 0 and 1"),
        (1, 10, 95, "confidence level must lie between 0 and 1"),
        (1, 10, math.nan, "confidence level must lie between 0 and 1"),
    ],
)
def test_impossible_counts_are_refused(k: int, n: int, level: float, message: str):
    for interval in (clopper_pearson, wilson):
        with pytest.raises(InputError, match=message):
            interval(k, n, level)


def test_many_counts_must_be_integers_within_their_trials():
    with pytest.raises(InputError, match="counts must be integers"):
        proportion_bounds([0.5], [1], 0.95, IntervalMethod.WILSON)
    with pytest.raises(InputError, match=r"(?s)between 0 and the number of trials.*k = 3, n = 2"):
        proportion_bounds([1, 3], [2, 2], 0.95, IntervalMethod.WILSON)


def test_the_median_of_ten_lies_between_the_second_and_the_ninth():
    # by hand, binomial(10, 1/2): P(B <= 1) = 11/1024 = .0107 is within .025, P(B <= 2) = 56/1024 = .0547 is not
    assert quantile_interval([3, 1, 2, 10, 9, 8, 7, 4, 5, 6], 0.5, 0.95) == (2.0, 9.0)


def test_a_quantile_has_no_bound_where_the_values_are_too_few():
    # P(the largest of n lies below the .99 quantile) = .99^n: .99^367 = .02501 and .99^368 = .02476
    assert quantile_interval(range(367), 0.99, 0.95)[1] is None
    assert quantile_interval(range(368), 0.99, 0.95)[1] == 367.0
    assert quantile_interval([1.0], 0.5, 0.95) == (None, None)


def test_quantile_intervals_cover_on_skewed_values_with_ties():
    # 3,000 samples of n = 120 from a rounded exponential: coverage of the true .95 quantile is at least .95 less three
    # standard errors (.004 each); a missing bound is no bound and covers
    truth = math.ceil(-math.log(0.05) * 10) / 10
    draws = np.ceil(np.random.default_rng(11).exponential(size=(3_000, 120)) * 10) / 10
    bounds = [quantile_interval(draw, 0.95, 0.95) for draw in draws]
    covered = [(low is None or low <= truth) and (high is None or truth <= high) for low, high in bounds]
    assert np.mean(covered) >= 0.95 - 3 * 0.004


def test_the_mean_of_five_has_the_textbook_t_interval():
    # 1..5: mean 3, standard deviation sqrt(2.5), t(.975, 4) = 2.776 from a table
    half = 2.776 * math.sqrt(2.5) / math.sqrt(5)
    assert mean_interval([1, 2, 3, 4, 5], 0.95) == pytest.approx((3 - half, 3 + half), abs=1e-3)
    assert mean_interval([1, 2, 3, 4, 5], 0.9) == pytest.approx(
        scipy_stats.t.interval(0.9, 4, loc=3, scale=math.sqrt(0.5)), rel=1e-9
    )


def test_one_value_has_no_interval():
    assert mean_interval([4.0], 0.95) == (None, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [([], "at least one number"), ([1.0, math.nan], "finite number"), ([math.inf], "finite number")],
)
def test_unusable_values_are_refused(values: list[float], message: str):
    with pytest.raises(InputError, match=message):
        quantile_interval(values, 0.5, 0.95)
    with pytest.raises(InputError, match=message):
        mean_interval(values, 0.95)


@pytest.mark.parametrize("q", [0.0, 1.0, 95, math.nan])
def test_a_quantile_outside_its_range_is_refused(q: float):
    with pytest.raises(InputError, match="a quantile must lie between 0 and 1"):
        quantile_interval([1.0, 2.0], q, 0.95)


def test_what_the_room_offers_is_there():
    assert all(hasattr(workbench.stats, name) for name in workbench.stats.__all__)
    assert {"proportion_interval", "wilson"} <= set(workbench.stats.__all__)
