from __future__ import annotations

import numpy as np
import pytest

from workbench.stats import certify_amounts, certify_categories
from workbench.words import InputError


def flat(n: int, seed: int, rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.random(n), generator.random(n) >= rate, generator.uniform(0.2, 1.0, n)


def test_equal_amounts_without_an_error_need_about_as_many_records_as_counts_do():
    # 373 by the exact test; betting nine tenths of what a loss could take needs ln 20 / ln(1 + .9 * .008 / .992) = 414
    confidence = np.arange(600) / 600
    found = certify_amounts(confidence, np.ones(600), np.ones(600), target=0.992, largest=1.0, automation_target=0.9)
    assert found.automation_rate == found.amount_rate == 1.0
    few = certify_amounts(confidence[:400], np.ones(400), np.ones(400), target=0.992, largest=1.0)
    assert (few.threshold, few.amount_rate) == (None, 0.0)


@pytest.mark.slow
def test_wrong_certificates_by_amount_stay_below_delta():
    # 300 pilots in which .81% of the money is decided wrongly at every threshold; three standard errors are .038
    wrong = [
        certify_amounts(*flat(1_500, seed, 0.0081), target=0.992, largest=1.0, automation_target=0.8).threshold
        for seed in range(300)
    ]
    assert np.mean([threshold is not None for threshold in wrong]) <= 0.05 + 0.038


def test_wrong_certificates_by_amount_stay_below_delta_in_clusters_that_are_named() -> None:
    # .81% errors that come together in clusters of ten with one amount each, correlation .5: 100 pilots, three standard
    # errors are .065; without the clusters' names some 12 of 100 are wrong
    generator, wrong = np.random.default_rng(6), {True: 0, False: 0}
    clusters = np.repeat(np.arange(300), 10)
    for _ in range(100):
        correct = generator.random(3_000) >= generator.beta(0.0081, 0.9919, 300)[clusters]
        confidence, amounts = generator.random(3_000), generator.uniform(0.2, 1.0, 300)[clusters]
        for is_named in wrong:
            found = certify_amounts(
                confidence, correct, amounts, target=0.992, largest=1.0, automation_target=0.8,
                clusters=clusters if is_named else None,
            )  # fmt: skip
            wrong[is_named] += found.threshold is not None
    assert wrong[True] / 100 <= 0.05 + 0.065
    assert wrong[True] < wrong[False]


def test_errors_on_large_amounts_are_what_counts():
    generator = np.random.default_rng(1)
    confidence, amounts = generator.random(4_000), np.where(np.arange(4_000) % 10 == 0, 1.0, 0.1)
    small_wrong = ~((amounts == 0.1) & (generator.random(4_000) < 0.009))
    large_wrong = ~((amounts == 1.0) & (generator.random(4_000) < 0.05))
    arguments = {"target": 0.98, "largest": 1.0, "automation_target": 0.8}
    assert certify_amounts(confidence, small_wrong, amounts, **arguments).threshold is not None
    assert certify_amounts(confidence, large_wrong, amounts, **arguments).threshold is None


def test_an_amount_above_the_largest_must_never_be_automated():
    with pytest.raises(InputError, match=r"between 0 and the largest(.|\n)*2\.0, 1 in all"):
        certify_amounts([0.5, 0.6], [1, 1], [1.0, 2.0], target=0.9, largest=1.0)
    found = certify_amounts([0.5, -np.inf], [1, 1], [1.0, 2.0], target=0.9, largest=1.0)
    assert found.threshold is None
    with pytest.raises(InputError, match="between 0 and the largest"):
        certify_amounts([0.5], [1], [-1.0], target=0.9, largest=1.0)
    with pytest.raises(InputError, match="largest amount must be a positive number"):
        certify_amounts([0.5], [1], [1.0], target=0.9, largest=0.0)
    with pytest.raises(InputError, match="one value per record"):
        certify_amounts([0.5], [1], [1.0, 2.0], target=0.9, largest=2.0)


def test_each_category_is_tested_at_its_part_of_the_level():
    confidence = np.arange(2_000) / 2_000
    categories = np.where(np.arange(2_000) % 2 == 0, "refund", "other").astype(object)
    categories[:4] = None
    correct = ~((categories == "refund") & (np.arange(2_000) % 20 == 0))
    found = certify_categories(confidence, correct, categories, target=0.97, automation_target=0.8)
    assert sorted(found) == ["other", "refund"]
    assert found["other"].confidence_level == pytest.approx(0.975)
    assert (found["other"].n, found["refund"].n) == (998, 998)
    assert found["other"].threshold is not None
    assert found["refund"].threshold is None


@pytest.mark.slow
def test_any_wrong_category_is_as_rare_as_one_wrong_threshold():
    # four categories, each with .81% errors: 100 pilots, three standard errors are .065
    generator, wrong = np.random.default_rng(2), 0
    for _ in range(100):
        categories = generator.choice(list("abcd"), 4_000)
        found = certify_categories(generator.random(4_000), generator.random(4_000) >= 0.0081, categories, target=0.992)
        wrong += any(one.threshold is not None for one in found.values())
    assert wrong / 100 <= 0.05 + 0.065


def test_categories_must_fit_the_records():
    with pytest.raises(InputError, match="one value per record"):
        certify_categories([0.5], [1], ["a", "b"], target=0.9)
    with pytest.raises(InputError, match="no record has a category"):
        certify_categories([0.5], [1], [float("nan")], target=0.9)
