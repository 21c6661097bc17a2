"""Tests of workbench.stats.worst_case and claim: the exact test at a bound of the correlation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from workbench.stats import AccuracyClaim
from workbench.stats.worst_case import Nested, TwoPoint, error_cdf, worst_p_values

R = 0.008


def at_least(sizes: np.ndarray) -> np.ndarray:
    return np.array([[np.sum(sizes >= size) for size in range(1, sizes.max() + 1)]], dtype=float)


def convolved(sizes: np.ndarray, rates: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    """Return P(0), ..., P(k) by convolving one mixture of binomials for each cluster: the second method."""
    found = np.zeros(k + 1)
    found[0] = 1.0
    for size in sizes:
        one = weights @ stats.binom.pmf(np.arange(k + 1), size, rates[:, None])
        found = np.convolve(found, one)[: k + 1]
    return found


def claim_of(sizes: np.ndarray, rho: float, target: float = 1 - R) -> AccuracyClaim:
    codes = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    return AccuracyClaim(target, 0.05, clusters=Nested.of(codes, rho))


SIZES = {
    "tens": np.full(60, 10),
    "mixed": np.random.default_rng(2).integers(1, 30, 40),
    "one giant": np.array([300, 80, *([3] * 50)]),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("rho", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("rate", [0.008, 0.2])
def test_the_distribution_of_errors_is_that_of_a_convolution(sizes: np.ndarray, rho: float, rate: float) -> None:
    rates = TwoPoint.at(0.2 * rate * (1 - rho), rate, rho)
    assert rates.weight * rates.bad + (1 - rates.weight) * rates.good == pytest.approx(rate)
    both = np.array([rates.good, rates.bad]), np.array([1 - rates.weight, rates.weight])
    found = error_cdf(at_least(sizes), rates, 30)[0]
    assert found == pytest.approx(np.cumsum(convolved(sizes, *both, 30)), abs=1e-9)


def test_no_error_is_as_likely_as_chebyshev_and_markov_allow_at_most() -> None:
    # by hand: bad vendors at p1 = .05 + .008 * .95 = .0576 with weight .008 / .0576, the others never wrong
    bad = 0.0576
    by_hand = (1 - R / bad * (1 - (1 - bad) ** 10)) ** 100
    assert worst_p_values(at_least(np.full(100, 10)), np.array([0]), R, 0.05)[0] == pytest.approx(by_hand, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "rho", "errors"),
    [
        (1_000, 0.02, 2), (1_000, 0.05, 2), (1_000, 0.1, 1), (1_000, 0.2, 0), (1_000, 0.5, -1),
        (3_000, 0.05, 14), (3_000, 0.1, 13), (3_000, 0.2, 11), (3_000, 0.5, 6), (3_000, 1.0, -1),
    ],
)  # fmt: skip
def test_so_many_errors_are_allowed_in_clusters_of_ten(n: int, rho: float, errors: int) -> None:
    # a table made by convolution in another program, at 99.2% and 95%
    claim = claim_of(np.full(n // 10, 10), rho)
    p_values = [claim.p_values(np.array([k]), np.array([n]))[0] for k in range(16)]
    assert int(np.sum(np.array(p_values) <= 0.05)) - 1 == errors
    assert claim.allowed(np.array([n]))[0] == errors


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_independent_records_and_clusters_of_one_have_the_binomial_test(rho: float) -> None:
    codes = np.arange(800) if rho else np.arange(800) // 10
    claim = AccuracyClaim(1 - R, 0.05, clusters=Nested.of(codes, rho))
    counts, errors = np.array([400, 592, 800]), np.array([0, 1, 3])
    assert claim.p_values(errors, counts) == pytest.approx(stats.binom.cdf(errors, counts, R), rel=1e-9)


def test_a_tiny_correlation_is_nearly_the_binomial_test() -> None:
    found = claim_of(np.full(100, 10), 1e-6).p_values(np.array([3]), np.array([1_000]))[0]
    assert found == pytest.approx(stats.binom.cdf(3, 1_000, R), abs=1e-4)


def test_most_clusters_without_any_error_are_not_the_worst_case_of_large_clusters() -> None:
    # 200 clusters of 100, correlation .5: with 98.9% of the clusters at .17% and the rest at .61 few errors are seen
    # in 12.4% of samples, though with all good clusters at 0 it is 4.8%: by simulation of both
    rates = TwoPoint.at(0.2125 * R, R, 0.5)
    generator = np.random.default_rng(3)
    chance = np.where(generator.random((20_000, 200)) < rates.weight, rates.bad, rates.good)
    seen = np.mean(generator.binomial(100, chance).sum(axis=1) <= 42)
    assert seen == pytest.approx(0.126, abs=0.01)
    assert worst_p_values(at_least(np.full(200, 100)), np.array([42]), R, 0.5)[0] >= 0.122
    assert error_cdf(at_least(np.full(200, 100)), TwoPoint.at(0.0, R, 0.5), 42)[0, 42] < 0.05


@pytest.mark.parametrize(
    ("n_clusters", "size", "rho", "k"),
    [(60, 10, 0.05, 1), (60, 10, 0.3, 1), (30, 50, 0.05, 4), pytest.param(60, 50, 0.2, 5, marks=pytest.mark.slow)],
)
def test_no_other_distribution_of_rates_leaves_few_errors_more_often(
    n_clusters: int, size: int, rho: float, k: int
) -> None:
    # a climb over all distributions on a grid, each step a linear programme, from the worst case and from elsewhere
    worst = float(worst_p_values(at_least(np.full(n_clusters, size)), np.array([k]), R, rho)[0])
    generator, sizes = np.random.default_rng(4), np.full(n_clusters, size)
    rates = np.concatenate(([0.0], np.geomspace(2e-4, 1.0, 70)))
    limits = {
        "A_eq": np.array([np.ones_like(rates), rates]), "b_eq": [1.0, R],
        "A_ub": np.array([rates**2]), "b_ub": [R * R + rho * R * (1 - R)],
    }  # fmt: skip
    for _ in range(3):
        weights = optimize.linprog(generator.normal(size=len(rates)), **limits).x
        chance = convolved(sizes, rates, weights, k).sum()
        for _ in range(25):
            others = convolved(sizes[1:], rates, weights, k)
            gain = stats.binom.cdf(k - np.arange(k + 1), size, rates[:, None]) @ others
            towards = optimize.linprog(-gain, **limits).x
            steps = [(1 - share) * weights + share * towards for share in (1.0, 0.5, 0.2, 0.05, 0.01)]
            reached = [convolved(sizes, rates, step, k).sum() for step in steps]
            if max(reached) <= chance + 1e-7:
                break
            weights, chance = steps[int(np.argmax(reached))], max(reached)
        assert chance <= worst * 1.01 + 1e-6


def test_the_bound_of_the_accuracy_is_where_the_test_turns() -> None:
    claim = claim_of(np.full(300, 10), 0.1, target=0.98)
    errors, counts = np.array([2, 5, 9]), np.array([1_000, 2_000, 3_000])
    bound = claim.lower_bound(errors, counts)
    below, above = (
        AccuracyClaim(target, 0.05, clusters=claim.clusters).p_values(errors, counts)
        for target in (bound - 1e-5, bound + 1e-5)
    )
    assert below.max() <= 0.05 < above.max()


def test_nested_clusters_are_counted_as_records_are_taken_by_falling_confidence() -> None:
    clusters = Nested.of(np.array([0, 1, 0, 0, 2, 1]), 0.5)
    assert clusters is not None
    # after two records two clusters of one; after four {3, 1}; after six {3, 2, 1}
    assert clusters.at_least(np.array([2, 4, 6])).tolist() == [[2, 0, 0], [2, 1, 1], [3, 2, 1]]
