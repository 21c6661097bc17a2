"""Agreement against published values; what one answer only is; intervals that hold what they promise."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from workbench.stats import Ratings, Scale, alpha_agreement, gwet_ac1, raw_agreement
from workbench.words import InputError


def _by_person(*people: str) -> Ratings:
    """Return ratings from what each person said, one sign a unit; a point is a missing answer."""
    return Ratings.of([[None if one == "." else one for one in unit] for unit in zip(*people, strict=True)])


def _numbers(*people: str) -> Ratings:
    return Ratings.of([[None if one == "." else int(one) for one in unit] for unit in zip(*people, strict=True)])


def _table(cells: Sequence[Sequence[int]]) -> Ratings:
    """Return ratings of two people from how often the one said the row and the other the column."""
    pairs = [(i, j) for i, row in enumerate(cells) for j, count in enumerate(row) for _ in range(count)]
    return Ratings.of(pairs)


# Krippendorff (2011), Computing Krippendorff's alpha-reliability, example C: four observers, twelve units.
FOUR_BY_TWELVE = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


@pytest.mark.parametrize(
    ("scale", "published"),
    [(Scale.NOMINAL, 0.743), (Scale.ORDINAL, 0.815), (Scale.INTERVAL, 0.849), (Scale.RATIO, 0.797)],
)
def test_alpha_of_the_example_with_four_observers_and_missing_values(scale: Scale, published: float) -> None:
    found = alpha_agreement(_numbers(*FOUR_BY_TWELVE), scale)
    assert found.value == pytest.approx(published, abs=0.0005)
    assert found.n == 11  # one unit was judged by one observer only


@pytest.mark.parametrize(
    ("people", "published"),
    [
        (("0100000010", "1110010000"), 0.095),  # Krippendorff (2011), example A: binary, two observers
        (("aabbdcccedda", "babbbccceddd"), 0.692),  # Krippendorff (2011), example B: nominal, two observers
        # The example of the encyclopaedia's article "Krippendorff's alpha": three coders, fifteen units.
        ((".....34121133.3", "1.213343.......", "..21344.21133.4"), 0.691),
    ],
)
def test_alpha_of_published_nominal_examples(people: tuple[str, ...], published: float) -> None:
    assert alpha_agreement(_by_person(*people)).value == pytest.approx(published, abs=0.0005)


def test_interval_alpha_of_the_example_with_three_coders() -> None:
    ratings = _numbers(".....34121133.3", "1.213343.......", "..21344.21133.4")  # as above; published .811
    assert alpha_agreement(ratings, Scale.INTERVAL).value == pytest.approx(0.811, abs=0.0005)


def test_ac1_of_gwets_example_with_four_raters_and_missing_values() -> None:
    # Gwet (2014), Handbook of Inter-Rater Reliability; irrCAC gives .77544 with a raw agreement of .81818
    assert gwet_ac1(_numbers(*FOUR_BY_TWELVE)).value == pytest.approx(0.775, abs=0.0005)
    assert raw_agreement(_numbers(*FOUR_BY_TWELVE)).value == pytest.approx(0.818, abs=0.0005)


def test_ac1_and_alpha_of_gwets_three_categories_of_emergencies() -> None:
    # irrCAC, cont3x3abstractors (Gwet 2014): Scott's pi .79624, AC1 .84933. Alpha follows from Scott's pi by
    # Krippendorff's correction for small samples: 1 - (1 - pi)(2n - 1) / 2n, n = 100.
    ratings = _table([[13, 0, 0], [0, 20, 7], [0, 4, 56]])
    assert gwet_ac1(ratings).value == pytest.approx(0.84933, abs=0.0001)
    assert alpha_agreement(ratings).value == pytest.approx(1 - (1 - 0.7962397) * 199 / 200, abs=1e-6)


@pytest.mark.parametrize(
    ("cells", "raw", "ac1"),
    [
        # Gwet (2008): kappa is -.023 where 118 of 125 agree.
        (((118, 5), (2, 0)), 0.944, 0.941),
        # Feinstein and Cicchetti (1990): the same raw agreement, kappa .70 and .32. AC1 by hand from its definition:
        # (.85 - .49875) / .50125 = .7007; p = .875, chance 2 * .875 * .125 = .21875, (.85 - .21875) / .78125 = .808.
        (((40, 9), (6, 45)), 0.85, 0.7007),
        (((80, 10), (5, 5)), 0.85, 0.808),
    ],
)
def test_ac1_of_the_paradox_tables(cells: tuple[tuple[int, ...], ...], raw: float, ac1: float) -> None:
    ratings = _table(cells)
    assert raw_agreement(ratings).value == pytest.approx(raw, abs=1e-12)
    assert gwet_ac1(ratings).value == pytest.approx(ac1, abs=0.0005)


def test_coefficients_of_many_raters_follow_from_fleiss_kappa() -> None:
    # The worked example of Fleiss' kappa, ten subjects and fourteen raters: kappa .210, agreement .378, chance .213.
    # AC1 by hand from these: chance (1 - .213) / 4 = .197, so (.378 - .197) / (1 - .197) = .226.
    table = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    ratings = Ratings.of([[k for k, n in enumerate(row) for _ in range(n)] for row in table])
    assert raw_agreement(ratings).value == pytest.approx(0.378, abs=0.0005)
    assert gwet_ac1(ratings).value == pytest.approx(0.226, abs=0.001)
    kappa, judged = 0.2099, 140
    assert alpha_agreement(ratings).value == pytest.approx(1 - (1 - kappa) * (judged - 1) / judged, abs=0.0005)


def test_common_approvals_make_alpha_small_and_leave_ac1() -> None:
    # Two people, 95 of 100 approved by each, 95 of 100 the same: alpha .475, AC1 .945, kappa .474 (by hand).
    ratings = _table([[925, 25], [25, 25]])
    assert alpha_agreement(ratings).value == pytest.approx(0.474, abs=0.0005)
    assert gwet_ac1(ratings).value == pytest.approx(0.945, abs=0.0005)


def test_alpha_by_counting_pairs_one_by_one() -> None:
    # A second method: every ordered pair of a unit, and every ordered pair of all answers, counted in a loop.
    generator = np.random.default_rng(5)
    units = [[int(x) if x < 4 else None for x in generator.integers(0, 5, size=4)] for _ in range(40)]
    said = [[one for one in unit if one is not None] for unit in units]
    said = [unit for unit in said if len(unit) > 1]
    flat = [one for unit in said for one in unit]
    seen = sum((a - b) ** 2 / (len(unit) - 1) for unit in said for a in unit for b in unit) / len(flat)
    expected = sum((a - b) ** 2 for a in flat for b in flat) / (len(flat) * (len(flat) - 1))
    assert alpha_agreement(Ratings.of(units), Scale.INTERVAL).value == pytest.approx(1 - seen / expected)


def test_one_answer_only_leaves_alpha_undefined_and_ac1_at_one() -> None:
    ratings = Ratings.of([("approve", "approve")] * 30)
    assert alpha_agreement(ratings).value is None
    assert gwet_ac1(ratings).value == 1.0
    assert raw_agreement(ratings).value == 1.0
    # 30 of 30 without a disagreement: the exact lower bound of the share, .025 ** (1 / 30)
    assert gwet_ac1(ratings).lower == pytest.approx(0.025 ** (1 / 30))


@pytest.mark.parametrize("units", [[], [("a",), ("b", None)], [(None, None)]])
def test_nothing_that_two_judged_is_undefined(units: list[tuple[Any, ...]]) -> None:
    found = [raw_agreement(Ratings.of(units)), alpha_agreement(Ratings.of(units)), gwet_ac1(Ratings.of(units))]
    assert [(one.value, one.lower, one.n) for one in found] == [(None, None, 0)] * 3


def test_ordinal_alpha_takes_the_order_that_is_given() -> None:
    units = [("low", "low"), ("high", "middle"), ("middle", "middle"), ("low", "middle"), ("high", "high")]
    ordered = alpha_agreement(Ratings.of(units, ("low", "middle", "high")), Scale.ORDINAL)
    numbered = [[{"low": 1, "middle": 2, "high": 3}[one] for one in unit] for unit in units]
    assert ordered.value == pytest.approx(alpha_agreement(Ratings.of(numbered), Scale.ORDINAL).value)
    other = alpha_agreement(Ratings.of(units), Scale.ORDINAL)  # sorted: high, low, middle
    assert other.value != pytest.approx(ordered.value)


def test_an_answer_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="none of those that there are"):
        Ratings.of([("approve", "pay")], ("approve", "reject"))


def test_differences_of_words_are_refused() -> None:
    with pytest.raises(InputError, match="are numbers"):
        alpha_agreement(Ratings.of([("a", "b")]), Scale.INTERVAL)


def test_intervals_are_the_same_every_time_and_narrow_with_more_units() -> None:
    few, many = (_table([[45 * k, 3 * k], [2 * k, 10 * k]]) for k in (1, 10))
    for coefficient in (raw_agreement, alpha_agreement, gwet_ac1):
        one, two, wide = coefficient(many), coefficient(many), coefficient(few)
        assert one == two
        assert None not in (one.lower, one.upper, wide.lower, wide.upper)
        assert one.upper - one.lower < wide.upper - wide.lower  # type: ignore[operator]
        assert one.lower <= one.value <= one.upper  # type: ignore[operator]


def _truth(cells: np.ndarray[Any, Any]) -> tuple[float, float, float]:
    """Return raw agreement, alpha and AC1 of the whole population that a table of shares is of."""
    raw, common = float(np.trace(cells)), (cells.sum(axis=0) + cells.sum(axis=1)) / 2
    guessed = float((common * (1 - common)).sum() / (len(cells) - 1))
    chance = float((common**2).sum())
    return raw, (raw - chance) / (1 - chance), (raw - guessed) / (1 - guessed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cells", "n"),
    [
        ([[0.925, 0.025], [0.025, 0.025]], 200),
        ([[0.60, 0.05, 0.02], [0.04, 0.15, 0.02], [0.01, 0.01, 0.10]], 60),
        ([[0.80, 0.004], [0.004, 0.192]], 100),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(cells: list[list[float]], n: int) -> None:
    shares = np.array(cells)
    truth = _truth(shares)
    generator = np.random.default_rng(11)
    hits, tries = Counter[str](), 250
    for _ in range(tries):
        drawn = generator.multinomial(n, shares.ravel()).reshape(shares.shape)
        ratings = _table(drawn.tolist())
        found = (raw_agreement(ratings), alpha_agreement(ratings), gwet_ac1(ratings))
        for name, one, true in zip(("raw", "alpha", "ac1"), found, truth, strict=True):
            hits[name] += one.value is None or one.lower <= true <= one.upper  # type: ignore[operator]
            hits[f"{name} lower"] += one.value is None or one.lower <= true  # type: ignore[operator]
    # 95% two-sided, 97.5% for the lower end that a gate looks at; three standard errors of 250 tries are .041 and .03
    assert all(hits[name] / tries >= 0.95 - 0.041 for name in ("raw", "alpha", "ac1")), dict(hits)
    assert all(hits[f"{name} lower"] / tries >= 0.975 - 0.03 for name in ("raw", "alpha", "ac1")), dict(hits)
