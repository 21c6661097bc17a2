"""Accuracy under corrected labels: exact bounds against a second method, and how often they are wrong in simulation."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

from workbench.stats import (
    LabelCorrection,
    agreements_for_rate,
    agreements_needed,
    corrected_accuracy,
    most_wrong,
    records_needed,
)
from workbench.words import InputError

LEVEL, DRAWS = 0.05, 4_000


@pytest.mark.parametrize(("population", "sampled"), [(40, 0), (40, 12), (300, 100), (1_600, 460)])
@pytest.mark.parametrize("found", [0, 1, 4])
def test_the_most_that_can_be_wrong_is_the_last_number_that_the_hypergeometric_test_keeps(
    population: int, sampled: int, found: int
) -> None:
    if found > sampled:
        return
    kept = [
        wrong
        for wrong in range(found, population - sampled + found + 1)
        if stats.hypergeom.cdf(found, population, wrong, sampled) > LEVEL
    ]  # scipy's own distribution, every number tried
    assert most_wrong(population, sampled, found, LEVEL) == max(kept)


def test_of_very_many_agreements_the_numbers_are_those_of_the_binomial_test() -> None:
    wanted = [records_needed(0.992, 0, 1 - level) for level in (0.05, 0.025)]
    assert wanted == [373, 460]
    assert [agreements_for_rate(3_000_000, 0.992, level) for level in (0.05, 0.025)] == wanted
    # The rule of three gives about as many: ln(1 / level) / .008 is 374.5 and 461.1.
    assert [round(-np.log(level) / 0.008, 1) for level in (0.05, 0.025)] == [374.5, 461.1]


def test_of_few_agreements_fewer_do_as_those_that_were_drawn_are_known() -> None:
    assert agreements_for_rate(1_600, 0.992, 0.025) == 394
    # By hand: 12 of 1,600 are allowed, so 13 must be excluded; none of 13 is among 394 with a chance below 2.5%.
    assert stats.hypergeom.pmf(0, 1_600, 13, 394) <= 0.025 < stats.hypergeom.pmf(0, 1_600, 13, 393)


def test_where_every_agreement_was_looked_at_the_whole_level_is_the_binomial_bound() -> None:
    found = corrected_accuracy(1_000, 2, 950, 950, 1, LEVEL)
    assert (found.n_wrong, found.hidden_at_most, found.accuracy) == (3, 0, 0.997)
    assert found.lower == pytest.approx(stats.beta.ppf(LEVEL, 997, 4))  # Clopper and Pearson, by beta quantiles


def test_what_nobody_looked_at_is_counted_as_wrong_up_to_its_bound_at_half_the_level() -> None:
    found = corrected_accuracy(1_000, 2, 950, 500, 1, LEVEL)
    assert found.hidden_at_most == most_wrong(950, 500, 1, LEVEL / 2) - 1 > 0
    wrong = 3 + found.hidden_at_most
    assert found.lower == pytest.approx(stats.beta.ppf(LEVEL / 2, 1_000 - wrong, wrong + 1))
    assert found.accuracy == pytest.approx(1 - (3 + 450 / 500) / 1_000)


def test_without_a_look_at_agreements_all_of_them_may_be_wrong() -> None:
    found = corrected_accuracy(1_000, 0, 990, 0, 0, LEVEL)
    assert (found.hidden_at_most, found.lower < 0.02) == (990, True)


@pytest.mark.parametrize(
    "counts", [(0, 0, 0, 0, 0), (10, 0, 11, 5, 0), (10, 3, 8, 5, 0), (10, 0, 8, 9, 0), (10, 0, 8, 5, 6)]
)
def test_counts_that_do_not_fit_each_other_are_refused(counts: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(InputError, match="do not fit each other"):
        corrected_accuracy(*counts, LEVEL)


def test_the_number_that_is_planned_proves_and_one_less_does_not() -> None:
    for n, wrong in ((1_600, 0), (1_600, 2), (3_500, 5)):
        needed = agreements_needed(n, wrong, 0.992, LEVEL)
        assert needed is not None
        assert _bound(n, wrong, n - wrong, needed, 0).lower >= 0.992 > _bound(n, wrong, n - wrong, needed - 1, 0).lower
    assert agreements_needed(372, 0, 0.992, LEVEL) is None
    assert agreements_needed(373, 0, 0.992, LEVEL) == 373


@cache
def _bound(n: int, wrong: int, agreeing: int, sampled: int, found: int) -> LabelCorrection:
    return corrected_accuracy(n, wrong, agreeing, sampled, found, LEVEL)


def _drawn(n: int, rates: tuple[float, float], share: float, seed: int) -> list[LabelCorrection]:
    """Return corrections of simulated pilots; rates are of disputed wrong decisions and of agreements that are wrong.

    Besides, 3% of decisions differ from their label because that is wrong.
    """
    rng = np.random.default_rng(seed)
    disputed, hidden = rates
    kinds = rng.multinomial(n, [disputed, 0.03, hidden, 1 - disputed - 0.03 - hidden], DRAWS)
    found = []
    for wrong, _, bad, good in kinds:
        sampled = int(share * (bad + good))
        overturned = int(rng.hypergeometric(bad, good, sampled)) if sampled else 0
        found.append(_bound(n, int(wrong), int(bad + good), sampled, overturned))
    return found


CELLS = [
    (n, rates, share)
    for n in (400, 1_600, 4_000)
    for rates in ((0.008, 0.0), (0.0, 0.008), (0.004, 0.004), (0.02, 0.01), (0.0005, 0.0), (0.0, 0.002))
    for share in (0.1, 0.3, 0.6, 1.0)
]


@pytest.mark.slow
def test_the_bound_is_wrong_at_most_as_often_as_its_level_says() -> None:
    failures = {}
    for number, (n, rates, share) in enumerate(CELLS):
        lows = np.array([one.lower for one in _drawn(n, rates, share, number)])
        failures[n, rates, share] = float((lows > 1 - sum(rates)).mean())
    tolerance = 3 * np.sqrt(LEVEL * (1 - LEVEL) / DRAWS)
    assert max(failures.values()) <= LEVEL + tolerance
    assert max(failures.values()) > LEVEL / 4  # a bound that is never wrong proves nothing


@pytest.mark.slow
def test_good_versions_are_proved_with_the_agreements_that_are_planned() -> None:
    chances = {}
    for n, rate, spare in ((1_600, 0.0005, 2), (4_000, 0.0005, 5), (4_000, 0.002, 12)):
        needed = agreements_needed(n, spare, 0.992, LEVEL)
        assert needed is not None
        share = needed / (0.97 * n)
        chances[n, rate] = float(np.mean([one.lower >= 0.992 for one in _drawn(n, (rate, 0.0), min(share, 1.0), 7)]))
    assert min(chances.values()) > 0.7, chances
