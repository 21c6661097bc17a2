"""Certification by amount: the share of money that is decided wrongly, not the share of records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.clustering import cluster_codes
from workbench.stats.inputs import Flags, Floats, Integers, checked_flags, checked_numbers, checked_share, spread
from workbench.stats.sequence import USUAL_STEPS_FROM, rank
from workbench.words import InputError

MAX_POINTS = 60
SEED = 5
LARGEST_BET = 0.9  # of what one loss could take
SLACK = 1.2  # testing begins where amounts without an error would prove the target with this much to spare


@dataclass(frozen=True, slots=True)
class AmountCertification:
    """What `certify_amounts` found.

    Parameters
    ----------
    threshold : float, optional
        Automate a decision when its confidence is at least this; None when nothing can be certified.
    automation_rate, amount_rate : float
        Automated of all records, and of all amounts; 0 when nothing is certified.
    wrong_amount, automated_amount : float
        Amount decided wrongly among what is automated, and all of that.
    """

    threshold: float | None
    automation_rate: float
    amount_rate: float
    wrong_amount: float
    automated_amount: float
    target: float
    confidence_level: float


def certify_amounts(
    confidence: ArrayLike,
    correct: ArrayLike,
    amounts: ArrayLike,
    *,
    target: float,
    largest: float,
    confidence_level: float = 0.95,
    automation_target: float | None = None,
    clusters: ArrayLike | None = None,
) -> AmountCertification:
    """Return the lowest threshold at which the share of automated money that is decided right is proved.

    As `certify_threshold`, with the amounts as weights. Amounts vary, so there is no exact binomial test; each
    threshold is tested by betting against "at least 1 - target of the automated money is decided wrongly": a wealth
    that ends at 1 / alpha or more with probability at most alpha. Tests begin at the automation target
    (60% without one), or later where the amounts are too few to prove anything. It needs the largest amount that can
    ever be automated, such as the limit of the agent's authority; the farther that is above a typical amount, the more
    records are needed.

    Parameters
    ----------
    confidence, correct : array of shape (n_records,)
        As for `certify_threshold`.
    amounts : array of shape (n_records,)
        Not negative; at most `largest` where the record may be automated.
    target : float
        Share of the automated money to be decided right, in (0, 1).
    largest : float
        Largest amount that can ever be automated, known beforehand.
    confidence_level, automation_target, clusters
        As for `certify_threshold`. With clusters each bet is on the amounts of a whole cluster, as a share of those of
        the largest one: a cluster may be wholly wrong, whatever bound of the correlation there is.

    Raises
    ------
    InputError
        Lengths that differ, a value that cannot be used, or an amount above the largest.

    Notes
    -----
    Source: Waudby-Smith and Ramdas (2024), Journal of the Royal Statistical Society B 86; bets are those of
    `_bets`, made before each record, or cluster, is seen.
    """
    scores = checked_numbers("confidences", confidence, never_allowed=True)
    flags = checked_flags("correctness", correct, len(scores))
    weights = _checked_amounts(amounts, scores, largest)
    risk, alpha = 1.0 - checked_share("a target", target), 1.0 - checked_share("a confidence level", confidence_level)
    codes = np.arange(len(scores)) if clusters is None else cluster_codes(clusters, len(scores))
    wanted = -np.log(alpha)
    ranked = rank(scores, flags)
    is_far_enough = (
        ranked.n_automated >= (USUAL_STEPS_FROM if automation_target is None else automation_target) * ranked.n
    )
    places = spread(np.flatnonzero(is_far_enough), MAX_POINTS)
    order = np.random.default_rng(SEED).permutation(len(scores))  # bets are made in an order that says nothing
    found = None
    for threshold in ranked.threshold[places]:
        inside = order[scores[order] >= threshold]
        whole, wrong = _amounts(weights[inside], flags[inside], codes[inside])
        most = largest if clusters is None else max(float(whole.max()), np.finfo(float).tiny)
        if _best(whole / most, risk) < SLACK * wanted:
            continue
        if _wealth((risk * whole - wrong) / most, risk) < wanted:
            break
        found = float(threshold)
    automated = scores >= (np.inf if found is None else found)
    return AmountCertification(
        threshold=found,
        automation_rate=float(automated.mean()),
        amount_rate=float(weights[automated].sum() / weights.sum()) if weights.sum() > 0 else 0.0,
        wrong_amount=float(weights[automated & ~flags].sum()),
        automated_amount=float(weights[automated].sum()),
        target=target,
        confidence_level=confidence_level,
    )


def _amounts(weights: Floats, correct: Flags, codes: Integers) -> tuple[Floats, Floats]:
    """Return the amount of each cluster, in the order in which they come first, and what of it is wrong."""
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    turn = np.argsort(first, kind="stable")
    totals = (np.bincount(place, weights=one)[turn] for one in (weights, weights * ~correct))
    whole, wrong = (np.asarray(one, dtype=np.float64) for one in totals)
    return whole, wrong


def _best(shares: Floats, risk: float) -> float:
    """Return the logarithm of what the largest bets on so many amounts, all of them right, end at."""
    return float(np.sum(np.log1p(LARGEST_BET / (1 - risk) * risk * shares)))


def _wealth(gains: Floats, risk: float) -> float:
    """Return the logarithm of what bets against "at least `risk` of the amounts is wrong" end at, from 1.

    What is right of an amount wins `risk` of it, what is wrong loses the rest; under the hypothesis the expected gain
    is not positive, so the expected product of 1 + bet * gain is at most 1 (Markov). The product's maximum along the
    way would be valid too, but could certify what the records as a whole speak against.
    """
    return float(np.sum(np.log1p(_bets(gains, risk) * gains)))


def _bets(gains: Floats, risk: float) -> Floats:
    """Return bets from earlier records only: their mean gain over their mean square, within what cannot ruin."""
    total = np.concatenate(([0.0], np.cumsum(gains)[:-1]))
    squares = np.concatenate(([0.0], np.cumsum(gains**2)[:-1]))
    bets = (total + risk / 2) / (squares + risk / 2 * (1 - risk))
    return np.clip(bets, 0.0, LARGEST_BET / (1 - risk))


def _checked_amounts(amounts: ArrayLike, scores: Floats, largest: float) -> Floats:
    """Return amounts that are not negative, and no larger than the largest where they may be automated."""
    weights = checked_numbers("amounts", amounts)
    if weights.shape != scores.shape:
        raise InputError("amounts must have one value per record", got=f"shape {weights.shape}")
    if not 0.0 < largest < np.inf:
        raise InputError("the largest amount must be a positive number", got=repr(largest))
    bad = (weights < 0) | ((weights > largest) & np.isfinite(scores))
    if bad.any():
        raise InputError(
            "an amount must lie between 0 and the largest that can be automated",
            got=f"{float(weights[bad][0])!r}, {int(bad.sum()):,} in all",
            expected=f"at most {largest!r}, or a record that is never automated",
        )
    return weights
