"""Tests of workbench.stats.clustering and candidates: how far errors come together, and on which column."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from workbench.stats import error_clusters
from workbench.stats.clustering import correlation_limits
from workbench.words import InputError


def vendors(generator: np.random.Generator, n: int, rate: float, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Return correctness and vendor of records in vendors of ten, error rates from a beta distribution."""
    chance = np.full(n // 10, rate)
    if correlation:
        spread = 1 / correlation - 1
        chance = generator.beta(rate * spread, (1 - rate) * spread, n // 10)
    vendor = np.repeat(np.arange(n // 10), 10)
    return generator.random(n) >= chance[vendor], vendor


def test_the_likeliest_correlation_is_that_of_a_fit_by_another_program() -> None:
    correct, vendor = vendors(np.random.default_rng(1), 3_000, 0.05, 0.2)
    wrong = np.bincount(vendor, weights=~correct)
    grid = [(stats.betabinom.logpmf(wrong, 10, m * (1 / r - 1), (1 - m) * (1 / r - 1)).sum(), r)
            for m in np.linspace(0.03, 0.08, 26) for r in np.linspace(0.05, 0.5, 46)]  # fmt: skip
    assert correlation_limits(correct, vendor, 0.95).estimate == pytest.approx(max(grid)[1], rel=0.1)


@pytest.mark.parametrize("correlation", [0.0, 0.05, 0.2, 0.5])
def test_the_limits_miss_about_as_rarely_as_they_say(correlation: float) -> None:
    # 80 samples at one-sided 95%: three standard errors of .05 are .073
    generator = np.random.default_rng(2)
    found = [correlation_limits(*vendors(generator, 1_500, 0.05, correlation), 0.95) for _ in range(80)]
    assert np.mean([one.upper < correlation for one in found]) <= 0.05 + 0.073
    assert np.mean([one.lower > correlation for one in found]) <= 0.05 + 0.073


def test_nothing_is_excluded_without_an_error_or_without_two_records_of_one_cluster() -> None:
    for correct, codes in ((np.ones(100, dtype=bool), np.arange(100) // 10), (np.arange(100) > 5, np.arange(100))):
        found = correlation_limits(correct, codes, 0.95)
        assert (found.lower, found.upper) == (0.0, 1.0)


def warned(generator: np.random.Generator, correlation: float) -> list[str]:
    correct, vendor = vendors(generator, 700, 0.05, correlation)
    others = {str(size): generator.integers(size, size=700) for size in (15, 40, 100, 300)}
    return [one.column for one in error_clusters(correct, {"vendor": vendor, **others})]


def test_an_undeclared_column_on_which_errors_cluster_is_named_and_no_other() -> None:
    generator = np.random.default_rng(3)
    found = [warned(generator, 0.2) for _ in range(15)]
    assert np.mean(["vendor" in names for names in found]) >= 0.85
    assert sum(len(set(names) - {"vendor"}) for names in found) <= 1
    assert sum(bool(warned(generator, 0.0)) for _ in range(15)) <= 1


@pytest.mark.slow
def test_undeclared_clusters_are_warned_of_in_nine_of_ten_pilots_and_wrongly_in_one_of_twenty_at_most() -> None:
    generator = np.random.default_rng(4)
    assert np.mean(["vendor" in warned(generator, 0.2) for _ in range(400)]) >= 0.90
    assert np.mean([bool(warned(generator, 0.0)) for _ in range(400)]) <= 0.05


def test_the_same_records_are_warned_of_in_the_same_way() -> None:
    correct, vendor = vendors(np.random.default_rng(5), 700, 0.05, 0.3)
    first = error_clusters(correct, {"vendor": vendor})
    assert first == error_clusters(correct, {"vendor": vendor})
    assert 0.1 < first[0].correlation < 0.6


def test_no_errors_or_no_columns_warn_of_nothing() -> None:
    assert error_clusters(np.ones(50), {"vendor": np.arange(50) // 5}) == ()
    assert error_clusters(np.arange(50) > 5, {}) == ()
    with pytest.raises(InputError, match="clusters must have one value per record"):
        error_clusters(np.arange(50) > 5, {"vendor": [1, 2]})
