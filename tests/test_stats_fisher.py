from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy import stats

from workbench.stats import more_hits, other_hits
from workbench.stats.selection import average_ranks

# A lady tasting tea (Fisher 1935): four cups of eight, three of them right.
TEA = ((3, 4), (1, 4))


def test_the_lady_tasting_tea_has_the_chances_fisher_counted():
    assert more_hits(*TEA) == pytest.approx(17 / 70)
    assert other_hits(*TEA) == pytest.approx(34 / 70)


def test_tails_are_those_of_whole_numbers_however_small():
    # All 12 of 12 against none of 300: one way among all to choose 12 places of 312.
    assert more_hits((12, 12), (0, 300)) == pytest.approx(1 / comb(312, 12), rel=1e-12)
    assert more_hits((0, 12), (5, 300)) == pytest.approx(1.0)


@pytest.mark.parametrize("table", [((0, 0), (3, 7)), ((3, 7), (0, 0)), ((0, 5), (0, 9)), ((5, 5), (9, 9))])
def test_where_only_one_table_is_possible_its_chance_is_one(table: tuple[tuple[int, int], tuple[int, int]]):
    assert (more_hits(*table), other_hits(*table)) == pytest.approx((1.0, 1.0))


@pytest.mark.parametrize("most", [8, 40, 3000])
def test_both_tests_agree_with_scipy(most: int):
    generator = np.random.default_rng(most)
    for _ in range(60):
        n, n_other = (int(one) for one in generator.integers(1, most, size=2))
        hits, hits_other = int(generator.integers(0, n + 1)), int(generator.integers(0, n_other + 1))
        one, other = (hits, n), (hits_other, n_other)
        table = [[hits, n - hits], [hits_other, n_other - hits_other]]
        more = stats.fisher_exact(table, alternative="greater").pvalue
        assert more_hits(one, other) == pytest.approx(more, rel=1e-9, abs=1e-300)
        assert other_hits(one, other) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-9, abs=1e-300)


def test_equal_numbers_share_the_mean_of_their_ranks():
    assert average_ranks(np.array([0.5, 0.1, 0.5, 0.9])).tolist() == [2.5, 1.0, 2.5, 4.0]
