from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from workbench.stats import (
    mcnemar_midp,
    minimum_detectable_difference,
    records_for_power,
    records_needed,
)
from workbench.stats.power import certification_power, paired_records
from workbench.words import InputError

# FINDINGS, section 1: errors to records that prove 99.2%
AT_95 = {0: 373, 1: 592, 2: 785, 3: 967, 4: 1142, 5: 1312, 6: 1478, 7: 1641, 8: 1802, 9: 1960, 10: 2117, 12: 2427}
AT_95 |= {15: 2884, 20: 3629}


def test_records_needed_agree_with_the_printed_tables():
    assert {errors: records_needed(0.992, errors, 0.95) for errors in AT_95} == AT_95
    assert [records_needed(0.992, errors, 0.90) for errors in range(5)] == [287, 485, 664, 834, 998]
    assert [records_needed(0.992, errors, 0.99) for errors in range(5)] == [574, 827, 1048, 1253, 1447]


@pytest.mark.parametrize(("target", "errors", "confidence"), [(0.992, 3, 0.95), (0.5, 0, 0.9), (0.9, 7, 0.999)])
def test_records_needed_is_where_the_binomial_test_first_rejects(target: float, errors: int, confidence: float):
    n = records_needed(target, errors, confidence)
    assert scipy_stats.binomtest(errors, n, 1 - target, alternative="less").pvalue <= 1 - confidence
    assert scipy_stats.binomtest(errors, n - 1, 1 - target, alternative="less").pvalue > 1 - confidence


def test_records_for_an_80_percent_chance_agree_with_the_printed_table():
    # FINDINGS, section 1
    rates = (0.001, 0.002, 0.003, 0.004, 0.005, 0.006)
    assert [records_for_power(0.992, rate) for rate in rates] == [592, 967, 1478, 2427, 4505, 10943]
    assert records_for_power(0.992, 0.0) == 373
    assert records_for_power(0.992, 0.008) is None


def test_the_power_curve_is_the_binomial_chance_of_few_enough_errors():
    # 967 records may have 3 errors; below 373 nothing can be proved
    chance = certification_power([100, 967], 0.992, 0.002)
    assert chance.tolist() == [0.0, pytest.approx(scipy_stats.binom.cdf(3, 967, 0.002), rel=1e-12)]


def test_paired_records_agree_with_the_printed_cases():
    # FINDINGS, section 2
    assert (paired_records(0.01, 0.02), paired_records(-0.005, 0.02)) == (1568, 6277)


def test_the_minimum_detectable_difference_turns_paired_records_around():
    assert minimum_detectable_difference(1568, 0.02) == pytest.approx(0.01, abs=1e-5)
    assert minimum_detectable_difference(6277, 0.02) == pytest.approx(0.005, abs=1e-5)
    assert minimum_detectable_difference(50, 0.02) is None


def test_a_comparison_of_that_size_sees_the_difference_with_that_chance():
    # 3,000 simulated comparisons of 1,568 records, 1.5% only first and .5% only second: standard error .007. The normal
    # formula is for the asymptotic test, from which mid-p differs by a point or two.
    draws = np.random.default_rng(5).multinomial(1568, [0.015, 0.005, 0.98], size=3_000)
    found = [mcnemar_midp(int(first), int(second)) <= 0.05 for first, second, _ in draws]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: records_needed(1.0, 0, 0.95), "target must lie between 0 and 1"),
        (lambda: records_needed(math.nan, 0, 0.95), "target must lie between 0 and 1"),
        (lambda: records_needed(0.9, -1, 0.95), "errors must be at least 0"),
        (lambda: records_needed(0.9, 1.5, 0.95), "errors must be an integer"),
        (lambda: records_needed(0.9, 1, 95), "confidence level must lie between 0 and 1"),
        (lambda: records_needed(1 - 1e-15, 0, 0.95), "no number of records"),
        (lambda: records_for_power(0.99, -0.1), "error rate must lie in 0 to 1"),
        (lambda: paired_records(0.0, 0.02), "difference must not be 0"),
        (lambda: paired_records(0.03, 0.02), "difference must not be 0"),
        (lambda: minimum_detectable_difference(0, 0.02), "n must be at least 1"),
    ],
)
def test_impossible_questions_are_refused(call: object, message: str):
    with pytest.raises(InputError, match=message):
        call()
