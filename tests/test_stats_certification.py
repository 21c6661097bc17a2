from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats as scipy_stats

from workbench.stats import BoundSource, certify_threshold, records_needed
from workbench.stats.sequence import Order
from workbench.words import InputError

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


@pytest.mark.slow
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


VENDORS = np.repeat(np.arange(100), 10)


def test_nothing_bounds_a_correlation_unless_it_is_stated_or_development_records_do() -> None:
    # 1,000 records without an error in 100 vendors: (1 - .008)^100 = 44% if one vendor in 125 is wholly wrong
    right = np.ones(1_000)
    unbounded = certify_threshold(right, right, target=0.992, clusters=VENDORS)
    assert unbounded.threshold is None
    assert (unbounded.clustering.bound.at_most, unbounded.clustering.bound.source) == (1.0, BoundSource.NONE)
    assert unbounded.steps.threshold.tolist() == []
    # if every vendor may be wholly right or wrong, 373 vendors without an error are needed, of which there are 100
    assert 2_720 <= unbounded.records_needed <= 2_900
    stated = certify_threshold(right, right, target=0.992, clusters=VENDORS, correlation_at_most=0.05)
    assert (stated.is_certified, stated.clustering.bound.source) == (True, BoundSource.STATED)


def test_development_records_bound_the_correlation_at_a_fifth_of_the_level() -> None:
    generator = np.random.default_rng(11)
    vendors = np.repeat(np.arange(700), 10)
    development = (np.ones(7_000), generator.random(7_000) >= 0.05, vendors)
    found = certify_threshold(
        np.ones(3_000), np.ones(3_000), target=0.992, clusters=vendors[:3_000], development=development
    )
    assert found.is_certified
    assert (found.clustering.bound.source, found.clustering.bound.level_share) == (BoundSource.DEVELOPMENT, 0.2)
    assert 0.0 < found.clustering.bound.at_most < 0.03  # there is none in truth
    assert found.claim.alpha == pytest.approx(0.04)
    silent = (np.ones(7_000), np.ones(7_000), vendors)  # no error says nothing of how errors come together
    nothing = certify_threshold(np.ones(1_000), np.ones(1_000), target=0.992, clusters=VENDORS, development=silent)
    assert (nothing.threshold, nothing.clustering.bound.at_most) == (None, 1.0)


def test_clusters_of_one_or_a_bound_of_zero_are_independent_records() -> None:
    confidence, correct = calibrated(2_000, np.random.default_rng(12))
    alone = certify_threshold(confidence, correct, target=0.98)
    ones = certify_threshold(confidence, correct, target=0.98, clusters=np.arange(2_000), correlation_at_most=0.3)
    zero = certify_threshold(confidence, correct, target=0.98, clusters=np.arange(2_000) // 10, correlation_at_most=0.0)
    assert alone.threshold is not None
    for found in (ones, zero):
        assert (found.threshold, found.accuracy_lower) == (alone.threshold, alone.accuracy_lower)
        assert found.steps.p_value.tolist() == alone.steps.p_value.tolist()


@pytest.mark.parametrize("where", ["holdout", "development"])
def test_a_stated_bound_that_records_contradict_certifies_nothing(where: str) -> None:
    # 3,000 records without an error prove 99.2%, but four in a hundred vendors of the others are wholly wrong
    vendors = np.repeat(np.arange(300), 10)
    correct = np.ones(3_000, dtype=bool)
    spoiled = correct.copy()
    spoiled[-120:] = False
    confidence = np.where(np.arange(3_000) < 2_000, 1.0, 0.5)
    clean, bad = (confidence, correct, vendors), (confidence, spoiled, vendors)
    holdout, development = (bad, clean) if where == "holdout" else (clean, bad)
    arguments = {"target": 0.99, "clusters": vendors, "correlation_at_most": 0.05}
    order = Order(0.5, 0.6, "by hand")
    sound = certify_threshold(*clean[:2], **arguments, development=order)
    assert (sound.is_certified, sound.clustering.contradicted) == (True, None)
    void = certify_threshold(*holdout[:2], **arguments, development=development)
    assert (void.threshold, void.records_needed, void.passed.tolist()) == (None, None, [])
    assert void.clustering.contradicted > 0.5


def test_a_bound_needs_clusters_and_lies_between_0_and_1() -> None:
    with pytest.raises(InputError, match="a bound of the correlation needs clusters"):
        certify_threshold([0.5], [1], target=0.9, correlation_at_most=0.1)
    with pytest.raises(InputError, match=r"must lie in 0 to 1(.|\n)*1\.5"):
        certify_threshold([0.5], [1], target=0.9, clusters=["a"], correlation_at_most=1.5)


def test_an_order_from_development_records_starts_where_its_first_test_is_likely_to_pass() -> None:
    # the surest quarter has 1.9% errors whatever its confidence: of 211 records a tenth, 5 may be wrong (74% of
    # samples), of 317 nine (91%); a fit that falls with the confidence thinks the first tenth much better
    def churn(generator: np.random.Generator, n: int) -> Arrays:
        doubt = generator.random(n)
        rate = 0.019 + 0.6 * np.maximum(doubt - 0.25, 0.0) ** 1.3
        return 1 - doubt, generator.random(n) >= rate

    certified = []
    for seed in range(3):
        generator = np.random.default_rng(seed)
        order: Order | Arrays = churn(generator, 4_930)
        for _ in range(30):
            found = certify_threshold(*churn(generator, 2_113), target=0.95, development=order)
            order = found.order
            certified.append(found.threshold is not None)
        assert order.strides_from >= 0.15
    assert np.mean(certified) >= 0.85


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
