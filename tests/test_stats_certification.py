from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats as scipy_stats

from workbench.errors import InputError
from workbench.stats import certify_threshold, clopper_pearson, records_needed

Arrays = tuple[np.ndarray, np.ndarray]


def calibrated(n: int, generator: np.random.Generator, strength: float = 6.4) -> Arrays:
    """Return confidences that are the true chances of being right, 97% on average."""
    confidence = generator.beta(0.97 * strength, 0.03 * strength, n)
    return confidence, generator.random(n) < confidence


def flat(n: int, generator: np.random.Generator, rate: float = 0.0081) -> Arrays:
    """Return confidences that say nothing about errors of one rate."""
    return generator.random(n), generator.random(n) >= rate


def test_three_hundred_records_without_an_error_certify_nothing_at_992():
    # 373 automated records are needed even without an error; ten standard reasons to say so and how many more
    found = certify_threshold(np.linspace(0, 1, 300), np.ones(300), target=0.992, automation_target=0.8)
    assert (found.threshold, found.accuracy_lower, found.automation_rate) == (None, None, 0.0)
    assert not found.is_certified
    # 240 automated without an error: Jeffreys' mean .5 / 241 = .2% needs 967 automated of 80%, so 1,209 in all
    assert found.records_needed == 909


def test_records_without_an_error_are_certified_as_soon_as_there_are_enough():
    n = records_needed(0.992, 0, 0.95)
    confidence = np.arange(n) / n
    assert certify_threshold(confidence, np.ones(n), target=0.992).threshold == 0.0
    assert certify_threshold(confidence[1:], np.ones(n - 1), target=0.992).threshold is None


def test_the_threshold_is_the_lowest_confidence_automated_and_the_counts_are_those_at_it():
    generator = np.random.default_rng(1)
    confidence, correct = calibrated(3_000, generator)
    found = certify_threshold(confidence, correct, target=0.98, automation_target=0.8)
    assert found.threshold is not None
    automated = confidence >= found.threshold
    assert found.n_automated == automated.sum()
    assert found.n_wrong == (automated & ~correct).sum()
    assert found.automation_rate == automated.mean()
    assert found.accuracy_lower >= 0.98
    assert found.is_certified
    assert found.records_needed == 0
    assert json.loads(json.dumps(found.as_json()))["threshold"] == found.threshold


def test_every_step_but_the_last_passed_its_exact_binomial_test():
    confidence, correct = calibrated(3_000, np.random.default_rng(2))
    found = certify_threshold(confidence, correct, target=0.985)
    steps = found.steps
    by_scipy = [
        scipy_stats.binomtest(int(k), int(n), 0.015, alternative="less").pvalue
        for k, n in zip(steps.n_wrong, steps.n_automated, strict=True)
    ]
    assert steps.p_value == pytest.approx(by_scipy, rel=1e-9)
    assert (steps.p_value[:-1] <= 0.05).all()
    assert np.all(np.diff(steps.n_automated) > 0)
    assert np.all(np.diff(steps.threshold) < 0)


def test_the_bound_is_the_lowest_exact_one_where_every_step_passed():
    # all right: the first step has the fewest records and so the lowest bound, alpha^(1/n)
    found = certify_threshold(np.arange(1_000) / 1_000, np.ones(1_000), target=0.95)
    first = int(found.steps.n_automated[0])
    assert found.accuracy_lower == pytest.approx(0.05 ** (1 / first))
    assert found.accuracy_lower == pytest.approx(clopper_pearson(first, first, 0.90)[0])


def test_no_label_decides_which_thresholds_are_tested():
    # the same confidences with other labels are tested at the same places, as far as the tests went
    generator = np.random.default_rng(3)
    confidence, correct = calibrated(2_000, generator)
    other = generator.permutation(correct)
    one = certify_threshold(confidence, correct, target=0.98, automation_target=0.7).steps.threshold
    two = certify_threshold(confidence, other, target=0.98, automation_target=0.7).steps.threshold
    shared = min(len(one), len(two))
    assert one[:shared].tolist() == two[:shared].tolist()


def test_records_that_tie_are_automated_together():
    confidence = np.repeat([1.0, 0.95, 0.9, 0.5], 500)
    correct = np.ones(2_000, dtype=bool)
    correct[1_500:] = np.arange(500) % 2 == 0
    found = certify_threshold(confidence, correct, target=0.99, automation_target=0.7)
    assert (found.threshold, found.n_automated) == (0.9, 1_500)
    shuffled = np.random.default_rng(4).permutation(2_000)
    again = certify_threshold(confidence[shuffled], correct[shuffled], target=0.99, automation_target=0.7)
    assert again.as_json() == found.as_json()


def test_all_equal_confidences_are_all_or_nothing():
    assert certify_threshold(np.full(1_000, 0.7), np.ones(1_000), target=0.99).automation_rate == 1.0
    half = np.arange(1_000) % 2 == 0
    found = certify_threshold(np.full(1_000, 0.7), half, target=0.99)
    assert (found.threshold, found.records_needed) == (None, None)


def test_what_is_never_automated_stays_in_the_denominator():
    confidence = np.concatenate((np.linspace(0.5, 1, 800), np.full(200, -np.inf)))
    found = certify_threshold(confidence, np.arange(1_000) < 800, target=0.99)
    assert (found.n, found.automation_rate) == (1_000, 0.8)
    nothing = certify_threshold(np.full(50, -np.inf), np.ones(50), target=0.9, automation_target=0.5)
    assert (nothing.threshold, nothing.records_needed) == (None, None)


@pytest.mark.slow
def test_wrong_certifications_stay_below_delta_where_every_certificate_is_wrong():
    # flat error rate .81% against .8%; 400 pilots each: three standard errors of .05 are .033
    generator = np.random.default_rng(6)
    for n in (1_000, 2_000):
        for aim in (None, 0.8):
            wrong = [certify_threshold(*flat(n, generator), target=0.992, automation_target=aim) for _ in range(400)]
            assert np.mean([found.threshold is not None for found in wrong]) <= 0.05 + 0.033


def test_the_bound_of_the_accuracy_is_above_the_truth_as_rarely_as_it_says():
    # flat .3% errors, so that most pilots pass every step: 400 pilots, three standard errors of .05 are .033
    generator = np.random.default_rng(10)
    found = [certify_threshold(*flat(2_000, generator, 0.003), target=0.992) for _ in range(400)]
    assert np.mean([one.threshold is not None for one in found]) > 0.5
    assert np.mean([(one.accuracy_lower or 0.0) > 0.997 for one in found]) <= 0.05 + 0.033


def test_development_records_choose_an_order_that_certifies_more_where_confidence_says_nothing():
    # flat .3% error: the usual order begins where no error is allowed, the chosen one where several are
    generator = np.random.default_rng(7)
    development = flat(2_000, generator, 0.003)
    certified = {"usual": 0.0, "chosen": 0.0}
    for _ in range(60):
        confidence, correct = flat(1_000, generator, 0.003)
        usual = certify_threshold(confidence, correct, target=0.992, automation_target=0.8)
        chosen = certify_threshold(confidence, correct, target=0.992, automation_target=0.8, development=development)
        certified["usual"] += usual.automation_rate / 60
        certified["chosen"] += chosen.automation_rate / 60
        assert chosen.order.source == "chosen on development records"
    assert certified["chosen"] > certified["usual"]


def test_development_records_without_any_confidence_leave_the_usual_order():
    confidence, correct = calibrated(1_000, np.random.default_rng(8))
    nothing = (np.full(10, -np.inf), np.ones(10))
    found = certify_threshold(confidence, correct, target=0.9, development=nothing)
    assert found.order.source == "fixed beforehand"


def test_clusters_deflate_the_number_of_records_and_say_so():
    # 600 records without an error: worth 60 in clusters of ten, as nothing is known of their resemblance
    confidence = np.arange(600) / 600
    alone = certify_threshold(confidence, np.ones(600), target=0.992)
    clustered = certify_threshold(confidence, np.ones(600), target=0.992, clusters=np.arange(600) // 10)
    assert alone.threshold is not None
    assert clustered.threshold is None
    assert clustered.clustering.design_effect == pytest.approx(10.0)
    assert clustered.records_needed > 3_000
    single = certify_threshold(confidence, np.ones(600), target=0.992, clusters=np.arange(600))
    assert (single.threshold, single.clustering.design_effect) == (alone.threshold, 1.0)


def test_the_power_curve_rises_with_the_records():
    found = certify_threshold(np.linspace(0, 1, 300), np.ones(300), target=0.992, automation_target=0.8)
    curve = found.power_curve(0.002, (0, 500, 909, 5_000))
    assert curve[0] == 0.0
    assert curve[2] == pytest.approx(scipy_stats.binom.cdf(3, 967, 0.002), abs=1e-9)
    assert curve[3] > 0.99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": []}, "at least one number"),
        ({"confidence": [0.5, float("nan")]}, "finite numbers"),
        ({"confidence": [0.5, float("inf")]}, "finite numbers"),
        ({"confidence": [0.5, "x"]}, "must be numbers"),
        ({"correct": [1]}, "one value per record"),
        ({"correct": [1, None]}, "true or false"),
        ({"target": 1.0}, "target must lie between 0 and 1"),
        ({"target": float("nan")}, "target must lie between 0 and 1"),
        ({"confidence_level": 95}, "confidence level must lie between 0 and 1"),
        ({"automation_target": 0}, "automation target must lie between 0 and 1"),
        ({"clusters": ["a"]}, "one value per record"),
        ({"clusters": ["a", None]}, "every record must have a cluster"),
        ({"development": ([0.5], [0.5])}, "development correctness must be true or false"),
        ({"development": ([], [])}, "at least one number"),
    ],
)
def test_unusable_input_is_refused_with_one_message(change: dict[str, object], message: str):
    arguments = {"confidence": [0.5, 0.6], "correct": [1, 0], "target": 0.9} | change
    with pytest.raises(InputError, match=message):
        certify_threshold(**arguments)
