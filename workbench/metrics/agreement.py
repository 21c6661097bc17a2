"""How far people who judged the same things agree, as an estimate: raw, Krippendorff's alpha, Gwet's AC1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from workbench.metrics.estimate import Estimate, listed, method_text
from workbench.metrics.settings import DEFAULT_CONFIDENCE_LEVEL
from workbench.stats import AgreementFound, IntervalMethod, Ratings, alpha_agreement, gwet_ac1, raw_agreement

ONE_ANSWER = "only one answer was ever given, so nothing can be told from chance"


class Coefficient(StrEnum):
    """By which agreement is measured."""

    RAW = "raw"  # the share of pairs of answers that are the same
    ALPHA = "alpha"  # Krippendorff's, nominal
    AC1 = "ac1"  # Gwet's


def agreement_estimate(
    coefficient: Coefficient,
    judged: Iterable[Sequence[Any]],
    *,
    thing: str = "record",
    excluded: Mapping[str, int] | None = None,
    confidence_level: float = DEFAULT_CONFIDENCE_LEVEL,
) -> Estimate:
    """Return how far people agree; n counts the things that two or more judged.

    Parameters
    ----------
    judged : iterable of sequence
        For each thing the answers that were given of it, by any number of people; None is a missing answer.
    thing : str
        What one of them is called.

    Examples
    --------
    >>> agreement_estimate(Coefficient.RAW, [("pay", "pay"), ("pay", "hold"), ("pay",)]).value
    0.5
    >>> agreement_estimate(Coefficient.AC1, [("pay",)], thing="item").method
    'none: no item was judged by two people'
    """
    found = _found(coefficient, Ratings.of(list(judged)), confidence_level)
    if found.value is None:
        return Estimate.undefined(ONE_ANSWER if found.n else f"no {thing} was judged by two people", excluded)
    title = IntervalMethod.CLOPPER_PEARSON.shown_name if coefficient is Coefficient.RAW else f"bootstrap over {thing}s"
    method = method_text(title, confidence_level)
    return Estimate(found.value, found.lower, found.upper, found.n, method, listed(excluded or {}))


def _found(coefficient: Coefficient, ratings: Ratings, level: float) -> AgreementFound:
    match coefficient:
        case Coefficient.RAW:
            return raw_agreement(ratings, level)
        case Coefficient.ALPHA:
            return alpha_agreement(ratings, level=level)
        case Coefficient.AC1:
            return gwet_ac1(ratings, level)
