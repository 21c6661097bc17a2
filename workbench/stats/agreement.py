"""How far people who judged the same things agree: raw, and beyond chance by Krippendorff's alpha and Gwet's AC1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.stats.inputs import Floats
from workbench.words import InputError

DRAWS = 2_000
LEAST_SHARE = 1e-12  # below it expected disagreement is none


class Scale(StrEnum):
    """How far apart two answers are."""

    NOMINAL = "nominal"  # the same, or not
    ORDINAL = "ordinal"  # by how many answers lie between them
    INTERVAL = "interval"  # by their difference
    RATIO = "ratio"  # by their difference in proportion to their sum


@dataclass(frozen=True, slots=True)
class AgreementFound:
    """One coefficient with a two-sided interval.

    Parameters
    ----------
    value : float, optional
        None where it is undefined: nobody judged what another did, or for alpha only one answer ever occurs.
    n : int
        Units that two or more judged; what one judged alone counts for nothing here.
    """

    value: float | None
    lower: float | None
    upper: float | None
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """What several people said of the same units.

    Parameters
    ----------
    counts : ndarray of float, shape (n_units, n_answers)
        How many people gave a unit each answer; who did is of no account.
    answers : tuple
        The answers that occur, in their order; numbers where differences count.
    """

    counts: Floats
    answers: tuple[Any, ...]

    @classmethod
    def of(cls, units: Sequence[Sequence[Any]], order: Sequence[Any] | None = None) -> Ratings:
        """Return the ratings of units, each by any number of people; None is a missing answer.

        Parameters
        ----------
        order : sequence, optional
            All possible answers from low to high; sorted without it. Only those that occur are kept.

        Raises
        ------
        InputError
            An answer is none of `order`.
        """
        given = [[one for one in unit if one is not None] for unit in units]
        found = {one for unit in given for one in unit}
        strange = found - set(found if order is None else order)
        if strange:
            raise InputError("an answer is none of those that there are", got=repr(sorted(map(repr, strange))[0]))
        answers = tuple(sorted(found) if order is None else (one for one in order if one in found))
        place = {answer: at for at, answer in enumerate(answers)}
        counts = np.zeros((len(given), len(answers)))
        for row, unit in enumerate(given):
            for one in unit:
                counts[row, place[one]] += 1
        return cls(counts, answers)

    @property
    def paired(self) -> Floats:
        """The counts of units that two or more people judged."""
        return np.asarray(self.counts[self.counts.sum(axis=1) >= 2])


def raw_agreement(ratings: Ratings, level: float = 0.95) -> AgreementFound:
    """Return the share of pairs of answers to a unit that are the same, averaged over units.

    The interval is Clopper and Pearson's with the sum of the units' shares in the place of the number of successes: a
    share in [0, 1] never varies more than a yes or no of the same mean, so it is conservative, and it does not end at
    1 where everybody agreed.
    """
    counts = ratings.paired
    if not len(counts):
        return AgreementFound(None, None, None, 0)
    shares = _shares(counts)
    lower, upper = _exact(float(shares.sum()), len(shares), level)
    return AgreementFound(float(shares.mean()), lower, upper, len(shares))


def alpha_agreement(
    ratings: Ratings, scale: Scale = Scale.NOMINAL, level: float = 0.95, seed: int = 0
) -> AgreementFound:
    """Return Krippendorff's alpha: 1 less observed disagreement over that of answers paired at random.

    Any number of people, any number of missing answers. Where only one answer ever occurs nothing can be told from
    chance: alpha is undefined, however much everybody agreed. Read it beside raw agreement and AC1: where nearly all
    answers are one, a few disagreements make it small.

    Notes
    -----
    The interval is the percentile interval of a bootstrap over units. A bootstrap cannot see a disagreement that did
    not occur: the lower end is therefore never above alpha at the exact lower bound of raw agreement, chance agreement
    as it is (for scales other than nominal where no disagreement occurs at all).
    Source: Krippendorff (2011), Computing Krippendorff's alpha-reliability.

    Raises
    ------
    InputError
        Differences are asked for, and the answers are no numbers.
    """
    paired = ratings.paired
    counts, sizes = _kinds(paired)
    values = _numbers(ratings, scale)
    value = _alpha(sizes[None], counts, scale, values)[0] if len(paired) else np.nan
    if np.isnan(value):
        return AgreementFound(None, None, None, len(paired))
    drawn = _bootstrap(lambda weights: _alpha(weights, counts, scale, values), sizes, level, seed)
    totals = paired.sum(axis=0)
    n = totals.sum()
    by_chance = float((totals * (totals - 1.0)).sum() / (n * (n - 1.0)))
    is_bounded = scale is Scale.NOMINAL or value == 1.0
    return _found(float(value), drawn, paired, by_chance if is_bounded else None, level)


def gwet_ac1(ratings: Ratings, level: float = 0.95, seed: int = 0) -> AgreementFound:
    """Return Gwet's AC1: agreement beyond chance, where chance is guessing on what is hard to judge.

    Any number of people, any number of missing answers; units that one judged count for how common each answer is.
    Where only one answer ever occurs it is 1.

    Notes
    -----
    Chance agreement is the sum of p (1 - p) over answers, divided by the number of answers that occur less one. The
    interval is as that of `alpha_agreement`.
    Source: Gwet (2008), British Journal of Mathematical and Statistical Psychology 61; Gwet (2014), Handbook of
    Inter-Rater Reliability, 4th edition, for missing answers.
    """
    if not len(ratings.paired):
        return AgreementFound(None, None, None, 0)
    counts, sizes = _kinds(ratings.counts[ratings.counts.sum(axis=1) >= 1])
    value = float(_ac1(sizes[None], counts)[0])
    drawn = _bootstrap(lambda weights: _ac1(weights, counts), sizes, level, seed)
    by_chance = float(_guessed(sizes[None], counts)[0])
    return _found(value, drawn, ratings.paired, by_chance, level)


def _found(
    value: float, drawn: tuple[float, float], paired: Floats, by_chance: float | None, level: float
) -> AgreementFound:
    """Return a coefficient with the wider of two lower ends: the bootstrap's, and that of exact raw agreement."""
    lower, upper = drawn
    if by_chance is not None:
        least = _exact(float(_shares(paired).sum()), len(paired), level)[0]
        lower = min(lower, (least - by_chance) / (1.0 - by_chance))
    return AgreementFound(value, max(-1.0, min(lower, value)), min(1.0, max(upper, value)), len(paired))


def _kinds(counts: Floats) -> tuple[Floats, Floats]:
    """Return the rows that differ, and how often each occurs: what is drawn from them costs no more for more units."""
    kinds, sizes = np.unique(counts, axis=0, return_counts=True)
    return kinds, sizes.astype(float)


def _shares(counts: Floats) -> Floats:
    """Return for each unit that two or more judged the share of pairs that agree."""
    judged = counts.sum(axis=1)
    agreeing = (counts * (counts - 1.0)).sum(axis=1)
    return np.asarray(agreeing / (judged * (judged - 1.0)))


def _exact(total: float, n: int, level: float) -> tuple[float, float]:
    from scipy import special

    tail = (1.0 - level) / 2.0
    lower = float(special.betaincinv(total, n - total + 1.0, tail)) if total > 0 else 0.0
    upper = float(special.betaincinv(total + 1.0, n - total, 1.0 - tail)) if total < n else 1.0
    return lower, upper


def _bootstrap(computed: Callable[[Floats], Floats], sizes: Floats, level: float, seed: int) -> tuple[float, float]:
    """Return the percentile interval over draws of units with replacement; undefined draws are left out."""
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(int(sizes.sum()), sizes / sizes.sum(), size=DRAWS).astype(float)
    drawn = computed(weights)
    drawn = drawn[~np.isnan(drawn)]
    tail = (1.0 - level) / 2.0
    lower, upper = np.quantile(drawn, (tail, 1.0 - tail))
    return float(lower), float(upper)


def _alpha(weights: Floats, counts: Floats, scale: Scale, values: Floats | None) -> Floats:
    """Return alpha for each row of weights of units, NaN where only one answer occurs."""
    n_answers = counts.shape[1]
    judged = counts.sum(axis=1, keepdims=True)
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs -= counts[:, :, None] * np.eye(n_answers)
    pairs /= (judged - 1.0)[:, :, None]
    observed = (weights @ pairs.reshape(len(counts), -1)).reshape(-1, n_answers, n_answers)
    totals = weights @ counts
    far = _distances(scale, totals, values)
    n = totals.sum(axis=1)
    seen = (observed * far).sum(axis=(1, 2))
    expected = (totals[:, :, None] * totals[:, None, :] * far).sum(axis=(1, 2)) / (n - 1.0)
    return np.where(expected > LEAST_SHARE, 1.0 - seen / np.where(expected > LEAST_SHARE, expected, 1.0), np.nan)


def _distances(scale: Scale, totals: Floats, values: Floats | None) -> NDArray[np.float64]:
    """Return the squared distance of each two answers, for each row of totals where it depends on them."""
    n_answers = totals.shape[1]
    match scale:
        case Scale.NOMINAL:
            return (1.0 - np.eye(n_answers))[None]
        case Scale.ORDINAL:
            middle = np.cumsum(totals, axis=1) - totals / 2.0
            return np.asarray((middle[:, :, None] - middle[:, None, :]) ** 2)
        case Scale.INTERVAL:
            assert values is not None
            return np.asarray((values[:, None] - values[None, :]) ** 2)[None]
        case Scale.RATIO:
            assert values is not None
            sums = values[:, None] + values[None, :]
            return np.asarray(((values[:, None] - values[None, :]) / np.where(sums == 0.0, 1.0, sums)) ** 2)[None]


def _ac1(weights: Floats, counts: Floats) -> Floats:
    """Return AC1 for each row of weights of units, NaN where no drawn unit was judged twice."""
    is_paired = counts.sum(axis=1) >= 2
    n = weights[:, is_paired].sum(axis=1)
    agreed = weights[:, is_paired] @ _shares(counts[is_paired]) / np.where(n > 0, n, np.nan)
    guessed = _guessed(weights, counts)
    return np.asarray((agreed - guessed) / (1.0 - guessed))


def _guessed(weights: Floats, counts: Floats) -> Floats:
    """Return AC1's chance agreement for each row of weights; 0 where only one answer occurs."""
    n_answers = counts.shape[1]
    if n_answers < 2:
        return np.zeros(len(weights))
    common = weights @ (counts / counts.sum(axis=1, keepdims=True)) / weights.sum(axis=1, keepdims=True)
    return np.asarray((common * (1.0 - common)).sum(axis=1) / (n_answers - 1.0))


def _numbers(ratings: Ratings, scale: Scale) -> Floats | None:
    """Return the answers as numbers where differences count."""
    if scale in (Scale.NOMINAL, Scale.ORDINAL):
        return None
    try:
        return np.array([float(one) for one in ratings.answers])
    except (TypeError, ValueError):
        raise InputError(
            f"answers on the scale {scale.value!r} are numbers", got=repr(ratings.answers[0]), remedy="take nominal"
        ) from None
