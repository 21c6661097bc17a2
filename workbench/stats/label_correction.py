"""Accuracy under corrected labels: what people looked at is known, what nobody looked at is bounded by a sample.

All decisions that differ from their label are looked at, and a random sample of those that agree with it. A wrong label
that the agent agrees with stands only where nobody looked. How many of those there are is bounded exactly, whatever
they depend on, as the sample was drawn by chance; with all of them counted as wrong, the accuracy has its exact
binomial bound. Half of the level goes to each of the two bounds; the whole to the second where every agreement was
looked at, since then nothing is drawn.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from workbench.stats.fisher import more_hits
from workbench.stats.inputs import checked_count, checked_share
from workbench.words import InputError

ROUNDING = 1 + 1e-9  # of a chance that equals the level: the number with it stays possible


@dataclass(frozen=True, slots=True)
class LabelCorrection:
    """Accuracy of automated decisions under corrected labels.

    Parameters
    ----------
    n : int
        Automated decisions.
    n_wrong : int
        Wrong ones that are known: disputed ones that people found wrong, and agreements whose label they overturned.
    n_agreements, n_sampled, n_overturned : int
        Decisions that agreed with their label before; those of them that people looked at; those of these whose label
        they overturned.
    hidden_at_most : int
        Upper bound of wrong decisions among the agreements that nobody looked at.
    accuracy : float
        Estimate: known wrong ones, and as many among agreements that nobody looked at as the sample lets expect.
    lower : float
        Lower bound of the accuracy on decisions like these.
    level : float
        Chance that the bound is wrong, at most.
    """

    n: int
    n_wrong: int
    n_agreements: int
    n_sampled: int
    n_overturned: int
    hidden_at_most: int
    accuracy: float
    lower: float
    level: float


def corrected_accuracy(
    n_automated: int, wrong_after: int, n_agreements: int, sampled: int, overturned: int, level: float
) -> LabelCorrection:
    """Return the accuracy of automated decisions under labels that people corrected, with its lower bound.

    Parameters
    ----------
    n_automated : int
        Automated decisions, at least 1.
    wrong_after : int
        Of those that differed from their label, all of which were looked at: how many are wrong under the new labels.
    n_agreements : int
        Those that agreed with their label; the others all differed from it.
    sampled : int
        Of the agreements, how many were drawn by chance and looked at.
    overturned : int
        Of the sample, how many got another label.
    level : float
        Chance of a wrong bound that is accepted, in (0, 1).

    Raises
    ------
    InputError
        Counts that do not fit each other, or a level outside (0, 1).

    Examples
    --------
    >>> found = corrected_accuracy(1600, wrong_after=0, n_agreements=1550, sampled=900, overturned=0, level=0.05)
    >>> found.hidden_at_most, round(found.lower, 4)
    (4, 0.9936)
    """
    n, wrong, agreeing = (
        checked_count(what, count)
        for what, count in (("automated", n_automated), ("wrong", wrong_after), ("agreements", n_agreements))
    )
    drawn, found = checked_count("sampled agreements", sampled), checked_count("overturned agreements", overturned)
    alpha = checked_share("a level", level)
    if n < 1 or agreeing > n or wrong > n - agreeing or drawn > agreeing or found > drawn:
        raise InputError(
            "counts of looked-at decisions do not fit each other",
            got=f"{n} automated, {agreeing} agreements, {wrong} wrong, {drawn} sampled, {found} overturned",
            expected="overturned <= sampled <= agreements <= automated, and wrong <= automated - agreements",
        )
    part = alpha / 2 if drawn < agreeing else alpha
    hidden = most_wrong(agreeing, drawn, found, part) - found
    expected = (agreeing - drawn) * (found / drawn if drawn else 1.0)
    return LabelCorrection(
        n=n,
        n_wrong=wrong + found,
        n_agreements=agreeing,
        n_sampled=drawn,
        n_overturned=found,
        hidden_at_most=hidden,
        accuracy=1.0 - (wrong + found + expected) / n,
        lower=_lower(n, wrong + found + hidden, part),
        level=alpha,
    )


def most_wrong(population: int, sampled: int, found: int, level: float) -> int:
    """Return the upper bound of how many of a population are wrong, when so many were found in a random sample.

    The exact bound of the hypergeometric distribution: the largest number under which so few or fewer would be found
    with a chance above the level.

    Examples
    --------
    >>> most_wrong(1000, 1000, 3, 0.05), most_wrong(1000, 0, 0, 0.05), most_wrong(1000, 450, 0, 0.05)
    (3, 1000, 4)
    """
    unseen = population - sampled

    def is_too_many(hidden: int) -> bool:
        return more_hits((hidden, unseen), (found, sampled)) * ROUNDING <= level

    return found + bisect_left(range(1, unseen + 1), True, key=is_too_many)


def agreements_needed(n_automated: int, wrong_after: int, target: float, level: float) -> int | None:
    """Return how many agreements must be drawn, and all confirmed, to prove an accuracy; None where all do not do.

    Parameters
    ----------
    n_automated, wrong_after : int
        As `corrected_accuracy` takes them; all decisions but the wrong ones are taken to agree with their label.
    target : float
        Accuracy to be proved, in (0, 1).

    Examples
    --------
    >>> agreements_needed(1600, 0, 0.992, 0.05), agreements_needed(300, 0, 0.992, 0.05)
    (734, None)
    """
    n_agreements = n_automated - wrong_after

    def is_enough(sampled: int) -> bool:
        return corrected_accuracy(n_automated, wrong_after, n_agreements, sampled, 0, level).lower >= target

    if not is_enough(n_agreements):
        return None
    return bisect_left(range(n_agreements + 1), True, key=is_enough)


def agreements_for_rate(n_agreements: int, target: float, level: float) -> int:
    """Return how many agreements, all confirmed, bound the wrong ones among them to what a target allows.

    Of very many agreements these are the exact binomial numbers, 373 at 99.2% and 5%; of few ones less will do.

    Examples
    --------
    >>> [agreements_for_rate(1_000_000, 0.992, level) for level in (0.05, 0.025)]
    [373, 460]
    """
    allowed = (1.0 - checked_share("a target", target)) * n_agreements

    def is_enough(sampled: int) -> bool:
        return most_wrong(n_agreements, sampled, 0, level) <= allowed

    return bisect_left(range(n_agreements + 1), True, key=is_enough)


def _lower(n: int, wrong: int, alpha: float) -> float:
    """Return the exact one-sided lower bound of a share of which all but `wrong` of n were seen."""
    from scipy import special

    return 0.0 if wrong >= n else float(special.betaincinv(n - wrong, wrong + 1, alpha))
