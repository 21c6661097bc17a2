from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar

from workbench.stats import mcnemar_midp, tango_bounds
from workbench.words import InputError

COUNTS = st.integers(0, 200)


def tango(n11: int, n10: int, n01: int, n00: int, level: float) -> tuple[float, float]:
    lower, upper = tango_bounds([n10], [n01], [n11 + n10 + n01 + n00], level)
    return float(lower[0]), float(upper[0])


def test_the_printed_reference_cases_hold():
    # FINDINGS, section 2
    assert mcnemar_midp(6, 16) == pytest.approx(0.034690, abs=5e-7)
    assert tango(59, 6, 16, 80, 0.95) == pytest.approx((-0.1240, -0.0054), abs=5e-5)
    assert tango(1, 1, 7, 12, 0.95) == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize(("n10", "n01"), [(0, 0), (0, 1), (6, 16), (16, 6), (9, 9), (0, 12), (120, 90)])
def test_mcnemar_agrees_with_the_binomial_test(n10: int, n01: int):
    if n10 + n01:
        tail = scipy_stats.binom(n10 + n01, 0.5)
        midp = 2 * (tail.cdf(min(n10, n01)) - tail.pmf(min(n10, n01)) / 2)
        assert mcnemar_midp(n10, n01) == pytest.approx(min(1.0, midp), rel=1e-9)
    else:
        assert mcnemar_midp(0, 0) == 1.0


def test_tango_bounds_are_where_the_score_test_just_rejects():
    # second method: the constrained likelihood is maximised by a grid, not by the closed form
    n11, n10, n01, n00 = 59, 6, 16, 80
    n = n11 + n10 + n01 + n00
    for bound in tango(n11, n10, n01, n00, 0.95):
        q = np.linspace(max(0.0, -bound) + 1e-9, (1 - bound) / 2 - 1e-9, 2_000_001)
        likelihood = n10 * np.log(q + bound) + n01 * np.log(q) + (n11 + n00) * np.log(1 - 2 * q - bound)
        best = q[np.nanargmax(likelihood)]
        score = (n10 - n01 - n * bound) / np.sqrt(n * (2 * best + bound - bound**2))
        assert abs(score) == pytest.approx(1.959964, abs=1e-4)


def test_tango_without_a_differing_record_is_the_wilson_end():
    # b = c = 0: the score equation becomes n d^2 = z^2 d (1 - d), so d = z^2 / (n + z^2)
    end = 1.959964**2 / (10 + 1.959964**2)
    assert tango(10, 0, 0, 0, 0.95) == pytest.approx((-end, end), abs=1e-6)


@given(n11=COUNTS, n10=COUNTS, n01=COUNTS, n00=COUNTS, level=st.floats(0.5, 0.999))
@settings(max_examples=150, deadline=None)
def test_paired_intervals_hold_the_difference_and_turn_with_the_order(
    n11: int, n10: int, n01: int, n00: int, level: float
):
    n = n11 + n10 + n01 + n00
    if not n:
        return
    lower, upper = tango(n11, n10, n01, n00, level)
    assert -1.0 <= lower <= (n10 - n01) / n + 1e-9
    assert (n10 - n01) / n - 1e-9 <= upper <= 1.0
    assert tango(n11, n01, n10, n00, level) == pytest.approx((-upper, -lower), abs=1e-9)


def test_many_at_once_equal_one_by_one():
    tables = np.array([[59, 6, 16, 80], [1, 1, 7, 12], [10, 0, 0, 0], [0, 3, 0, 0]])
    lower, upper = tango_bounds(tables[:, 1], tables[:, 2], tables.sum(axis=1), 0.9)
    for place, table in enumerate(tables.tolist()):
        assert (lower[place], upper[place]) == pytest.approx(tango(*table, 0.9))


def test_midp_keeps_its_size_where_the_exact_test_is_conservative():
    # exact, not simulated: n = 1,000, 2% of the records differ, no true difference; FINDINGS has .046 and .029
    def exact(n10: int, n01: int) -> float:
        return float(mcnemar([[5, n10], [n01, 5]], exact=True).pvalue) if n10 + n01 else 1.0

    size = {mcnemar_midp: 0.0, exact: 0.0}
    for n in range(61):
        chance = scipy_stats.binom.pmf(n, 1_000, 0.02)
        for k in range(n + 1):
            for test in size:
                size[test] += chance * scipy_stats.binom.pmf(k, n, 0.5) * (test(k, n - k) <= 0.05)
    assert size[mcnemar_midp] == pytest.approx(0.046, abs=0.002)
    assert size[exact] == pytest.approx(0.029, abs=0.002)


def test_impossible_discordant_counts_and_levels_are_refused():
    for n10, n01, message in (
        (1, -2, "n01 must be at least 0"),
        (-1, 0, "n10 must be at least 0"),
        (2.0, 0, "n10 must be an integer"),
        (True, 2, "n10 must be an integer"),
        (2, float("nan"), "n01 must be an integer"),
    ):
        with pytest.raises(InputError, match=message):
            mcnemar_midp(n10, n01)
    with pytest.raises(InputError, match="confidence level must lie between 0 and 1"):
        tango(1, 2, 3, 4, 95)
