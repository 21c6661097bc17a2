"""Tests of what development records say of a certificate on records that nobody has opened."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
import pytest

from workbench.metrics import before_opening_text, chance_text, unopened_records
from workbench.metrics.prospects import likely_errors
from workbench.stats import (
    AccuracyClaim,
    CertificateOutlook,
    CorrelationBound,
    Decided,
    UnopenedRecords,
    certificate_outlook,
    certify_threshold,
)


def decided(n: int, wrong: int, automatable: float = 1.0, size: int | None = None) -> Decided:
    """Return development decisions of one confidence: the first of every so many are wrong, the last are escalated."""
    confidence = np.full(n, 0.9)
    confidence[round(automatable * n) :] = -np.inf
    correct = np.ones(n, dtype=bool)
    correct[np.linspace(0, round(automatable * n) - 1, wrong).astype(int)] = False
    return Decided(confidence, correct, None if size is None else np.arange(n) // size)


def binomial_at_most(k: int, n: int, rate: float) -> float:
    return sum(comb(n, j) * rate**j * (1 - rate) ** (n - j) for j in range(k + 1))


def clusters_at_most(k: int, sizes: Sequence[int], rates: tuple[float, float, float]) -> float:
    """Return P(at most k errors): the distribution of each cluster, a mixture of two binomials, one after the other."""
    good, bad, weight = rates
    total = np.zeros(k + 1)
    total[0] = 1.0
    for size in sizes:
        own = [
            comb(size, j)
            * ((1 - weight) * good**j * (1 - good) ** (size - j) + weight * bad**j * (1 - bad) ** (size - j))
            for j in range(min(size, k) + 1)
        ]
        total = np.convolve(total, own)[: k + 1]
    return float(total.sum())


def worst_at_most(k: int, sizes: Sequence[int], rate: float, rho: float) -> float:
    """Return the highest P(at most k errors) over two-point distributions that use the correlation up, on a grid."""
    found = []
    for good in np.linspace(0.0, rate * 0.999, 150):
        bad = min(rate + rho * rate * (1 - rate) / (rate - good), 1.0)
        found.append(clusters_at_most(k, sizes, (good, bad, (rate - good) / (bad - good))))
    return max(found)


@pytest.mark.parametrize(("n", "target", "alpha"), [(1_600, 0.992, 0.05), (1_600, 0.992, 1 / 30), (300, 0.9, 0.05)])
def test_errors_allowed_are_those_of_the_binomial_test(n: int, target: float, alpha: float) -> None:
    found = certificate_outlook(decided(4_000, 40), UnopenedRecords(n), AccuracyClaim(target, alpha), None)
    assert found.allowed is not None
    # by hand: one error more would be likelier than the level at the limit
    assert binomial_at_most(found.allowed, n, 1 - target) <= alpha < binomial_at_most(found.allowed + 1, n, 1 - target)


@pytest.mark.parametrize("rho", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("clusters", [{5: 40, 10: 20}, {1: 100, 3: 50, 20: 8}])
def test_errors_allowed_with_clusters_are_those_of_a_search_by_brute_force(
    rho: float, clusters: dict[int, int]
) -> None:
    sizes = [size for size, number in clusters.items() for _ in range(number)]
    claim = AccuracyClaim(0.95, 0.05)
    found = certificate_outlook(
        decided(2_000, 0, size=5), UnopenedRecords(sum(sizes), clusters), claim, CorrelationBound(rho)
    )
    allowed = -1 if found.allowed is None else found.allowed
    assert worst_at_most(allowed + 1, sizes, 0.05, rho) > 0.05
    assert allowed < 0 or worst_at_most(allowed, sizes, 0.05, rho) <= 0.05 * (1 + 1e-6)


def test_without_an_error_allowed_there_is_no_chance() -> None:
    # .992 ** 372 > .05: the smallest number that proves 99.2% without an error is 373
    few, enough = (
        certificate_outlook(decided(1_000, 0), UnopenedRecords(n), AccuracyClaim(0.992, 0.05), None) for n in (372, 373)
    )
    assert (few.allowed, few.chance, enough.allowed) == (None, 0.0, 0)
    assert (few.records_needed or 0) > 0
    assert before_opening_text(few) == "Not even without an error would about 372 be certified."


def test_the_chance_is_beta_binomial_where_records_are_independent() -> None:
    found = certificate_outlook(decided(3_000, 9), UnopenedRecords(1_600), AccuracyClaim(0.992, 0.05), None)
    assert found.allowed is not None
    # by a sum over error rates, weighted by a beta density, in place of the closed form
    rates = (np.arange(40_000) + 0.5) / 40_000 * 0.02
    density = rates ** (9.5 - 1) * (1 - rates) ** (2_991.5 - 1)
    at_most = np.array(
        [sum(comb(1_600, j) * r**j * (1 - r) ** (1_600 - j) for j in range(found.allowed + 1)) for r in rates[::40]]
    )
    by_hand = np.interp(rates, rates[::40], at_most) @ density / density.sum()
    assert found.chance == pytest.approx(by_hand, abs=2e-3)


def test_errors_that_correlate_scatter_more_and_leave_less_certainty() -> None:
    together = decided(3_000, 0, size=10)
    correct = together.correct.copy()
    correct[:10] = False  # one cluster is wholly wrong
    spread = correct.copy()
    spread[:10], spread[::300] = True, False
    claim, unopened = AccuracyClaim(0.95, 0.05), UnopenedRecords(1_000, {10: 100})
    alike = certificate_outlook(Decided(together.confidence, spread, together.codes), unopened, claim, 1.0)
    clustered = certificate_outlook(Decided(together.confidence, correct, together.codes), unopened, claim, 1.0)
    assert alike.n_wrong == clustered.n_wrong == 10
    assert alike.chance > clustered.chance + 0.02


def test_a_bound_that_development_contradicts_proves_nothing() -> None:
    wrong = np.repeat(np.arange(300) < 20, 10)
    seen = Decided(np.full(3_000, 0.9), ~wrong, np.arange(3_000) // 10)
    found = certificate_outlook(seen, UnopenedRecords(1_000, {10: 100}), AccuracyClaim(0.8, 0.05), 0.05)
    assert (found.chance, found.records_needed) == (0.0, None)
    assert (found.contradicted or 0.0) > 0.5
    assert "the bound of 0.05 does not hold" in before_opening_text(found)


@pytest.mark.parametrize(("automatable", "least", "most"), [(0.9, 0.99, 1.0), (0.8, 0.4, 0.6), (0.7, 0.0, 0.01)])
def test_an_aim_out_of_reach_takes_the_chance_away(automatable: float, least: float, most: float) -> None:
    claim = AccuracyClaim(0.95, 0.05, automation_target=0.8)
    found = certificate_outlook(decided(4_000, 4, automatable), UnopenedRecords(2_000), claim, None)
    assert least <= found.chance <= most
    assert found.n_automated == pytest.approx(automatable * 2_000, abs=1)
    assert ("the chance that 80.0% of 2,000" in before_opening_text(found)) is (automatable < 0.9)


def test_where_nothing_can_be_automated_nothing_is_likely() -> None:
    nothing = Decided(np.full(100, -np.inf), np.ones(100, dtype=bool))
    found = certificate_outlook(nothing, UnopenedRecords(500), AccuracyClaim(0.9, 0.05, 0.5), None)
    assert (found.chance, found.allowed, found.n_development) == (0.0, None, 0)
    assert before_opening_text(found).startswith("Nothing can be certified: ")


def test_records_are_spread_over_clusters_in_whole_numbers() -> None:
    unopened = UnopenedRecords(100, {10: 8, 20: 1})
    sizes = np.bincount(unopened.automated(50))
    assert (sizes.sum(), sizes.max(), len(sizes)) == (50, 10, 9)
    assert sizes[:8].tolist() == [5] * 8
    everything = np.bincount(unopened.automated(100))
    assert everything.tolist() == [10] * 8 + [20]


def test_counts_of_unopened_records_say_how_many_entities_have_how_many() -> None:
    import pandas as pd

    vendors = pd.Series(["A", "A", "B", None, None, "C"], dtype=object)
    assert unopened_records(6, vendors) == UnopenedRecords(6, {1: 4, 2: 1})
    assert unopened_records(6, None) == UnopenedRecords(6)
    assert unopened_records(3, pd.Series(["A", "B", "C"], dtype=object)) == UnopenedRecords(3)


def test_words_of_chances_and_errors() -> None:
    assert [chance_text(one) for one in (0.0, 0.0099, 0.01, 0.99, 0.991)] == [
        "below 1%", "below 1%", "about 1%", "about 99%", "above 99%",
    ]  # fmt: skip
    found = certificate_outlook(decided(1_000, 0), UnopenedRecords(1_000), AccuracyClaim(0.99, 0.05), None)
    assert likely_errors(found) == "0"
    assert found.as_json()["bound_from"] is None


def simulated(rate: float, rho: float, draws: int, seed: int, bound: float | None) -> tuple[float, float]:
    """Return the mean chance said on development records, and how often holdouts of the same agent are certified."""
    generator = np.random.default_rng(seed)
    said, proved = [], 0

    def drawn(n_clusters: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rates = np.full(n_clusters, rate)
        if rho > 0:
            rates = generator.beta(rate * (1 / rho - 1), (1 - rate) * (1 / rho - 1), n_clusters)
        codes = np.repeat(np.arange(n_clusters), size)
        correct = generator.random(len(codes)) >= rates[codes]
        confidence = np.where(generator.random(len(codes)) < 0.9, generator.random(len(codes)), -np.inf)
        return confidence, correct, codes

    for _ in range(draws):
        confidence, correct, codes = drawn(280, 10)
        holdout = drawn(120, 10)
        clusters = None if bound is None else {10: 120}
        claim = AccuracyClaim(0.98, 0.05, 0.8)
        seen = Decided(confidence, correct, None if bound is None else codes)
        found: CertificateOutlook = certificate_outlook(seen, UnopenedRecords(1_200, clusters), claim, bound)
        said.append(found.chance)
        development = (confidence, correct) if bound is None else (confidence, correct, codes)
        proof = certify_threshold(
            holdout[0],
            holdout[1],
            target=0.98,
            automation_target=0.8,
            clusters=None if bound is None else holdout[2],
            correlation_at_most=bound,
            development=development,
        )
        proved += proof.is_certified
    return float(np.mean(said)), proved / draws


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.004, 0.008, 0.012, 0.018])
def test_the_chance_is_about_how_often_independent_records_are_certified(rate: float) -> None:
    said, happened = simulated(rate, 0.0, 150, 11, None)
    assert said == pytest.approx(happened, abs=0.15), (said, happened)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.003, 0.006, 0.012])
def test_the_chance_is_about_how_often_clustered_records_are_certified(rate: float) -> None:
    said, happened = simulated(rate, 0.03, 80, 12, 0.1)
    assert said == pytest.approx(happened, abs=0.2), (said, happened)
