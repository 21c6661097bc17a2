"""Slopes: the median of pairs, and bounds that hold for readings that depend on each other."""

import numpy as np
import pytest
from scipy import stats

from workbench.stats import theil_sen
from workbench.words import InputError


@pytest.mark.parametrize("n", [2, 7, 40, 121])
def test_the_slope_is_that_of_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, 50, n).astype(float), rng.normal(size=n)
    x[0], x[1] = 0.0, 51.0
    assert theil_sen(x, y, seed=1).value == pytest.approx(stats.theilslopes(y, x).slope, rel=1e-12)


def test_many_points_are_thinned_and_the_slope_stays() -> None:
    x = np.arange(5_000.0)
    found = theil_sen(x, 3.0 * x + np.random.default_rng(2).normal(0, 10, len(x)), seed=1)
    assert found.n == 200
    assert found.value == pytest.approx(3.0, abs=0.01)


def test_one_step_of_an_allocator_is_no_slope() -> None:
    x = np.arange(0.0, 6_000, 40)
    found = theil_sen(x, np.where(x > 2_000, 1_048_576.0, 0.0), 0.998, seed=1)
    assert found.lower == 0.0


def test_a_leak_in_steps_of_a_quarter_megabyte_is_seen() -> None:
    x = np.arange(0.0, 6_000, 40)
    leaked = np.floor(x * 289 / 262_144) * 262_144  # 256 bytes and an object's header of 33
    found = theil_sen(x, leaked, 0.998, seed=1)
    assert found.value == pytest.approx(289, rel=0.05)
    assert found.lower is not None
    assert found.lower > 128


@pytest.mark.slow
def test_bounds_of_dependent_readings_hold_as_often_as_they_say() -> None:
    # AR(1) noise of coefficient .5 around a line of slope 2: what ordinary bounds would miss far too often
    missed, runs = 0, 150
    for run in range(runs):
        rng, noise = np.random.default_rng(run), np.zeros(160)
        for i in range(1, 160):
            noise[i] = 0.5 * noise[i - 1] + rng.normal(0, 5)
        found = theil_sen(np.arange(160.0), 2.0 * np.arange(160.0) + noise, 0.9, seed=run)
        assert found.lower is not None
        missed += found.lower > 2.0
    assert missed / runs < 0.1, "5% are asked for; percentile bounds of ten stretches miss a little more often"


def test_the_same_seed_gives_the_same_bounds() -> None:
    y = np.random.default_rng(4).normal(size=60)
    assert theil_sen(range(60), y, seed=5) == theil_sen(range(60), y, seed=5)


def test_few_points_have_a_slope_and_no_bounds() -> None:
    assert theil_sen([0, 1, 2], [0, 2, 4], seed=1).lower is None


def test_what_has_no_slope_is_refused() -> None:
    with pytest.raises(InputError, match="two points with different x"):
        theil_sen([1, 1], [0, 2], seed=1)
    with pytest.raises(InputError, match="one y for each x"):
        theil_sen([1, 2], [0], seed=1)
