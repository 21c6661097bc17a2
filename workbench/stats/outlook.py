"""What records say about a proof that they do not give: out of reach, open, or a matter of more records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from workbench.stats.inputs import Floats, Integers
from workbench.stats.power import records_for_power
from workbench.stats.sequence import Claim, Ranked

POWER = 0.8
LEVEL = 0.95
SHARES = np.arange(1, 20) / 20


class Prospect(StrEnum):
    """What more records could do for a proof."""

    PROVED = "proved"  # nothing is missing
    MORE_RECORDS = "more records"  # at the error rate observed a number of records would do
    OPEN = "open"  # the largest admissible error rate lies inside the interval of the one observed
    TOO_MANY_ERRORS = "too many errors"  # the whole interval lies above it
    TOO_FEW_AUTOMATABLE = "too few automatable"  # not that many decisions can be automated at all


@dataclass(frozen=True, slots=True)
class Outlook:
    """What was seen at the automation that is aimed at, and what more records could prove.

    Parameters
    ----------
    aim : float, optional
        Share of the records that should be automated; None for any.
    n, n_automatable : int
        All records, and those that can be automated at all.
    n_automated, n_wrong : int
        The surest decisions that make up the aim, and the wrong ones among them; without an aim those of the largest
        coverage with the lowest error rate seen. 0 where so many cannot be automated.
    lower, upper : float, optional
        Exact two-sided 95% interval of their true error rate, counts deflated for clusters.
    records_needed : int, optional
        About how many more records give an 80% chance of the aim; 0 when it is proved, None when no number would do at
        the error rate observed.
    within_reach : float, optional
        Automation below the aim that takes the fewest records to prove, looked for in steps of 5%; None where no number
        would do for any.
    within_reach_needs : int, optional
        About how many more that would be.
    """

    prospect: Prospect
    aim: float | None
    n: int
    n_automatable: int
    n_automated: int
    n_wrong: int
    lower: float | None
    upper: float | None
    records_needed: int | None
    within_reach: float | None
    within_reach_needs: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the outlook as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"prospect": self.prospect.value}


def outlook(ranked: Ranked, n_certified: int, claim: Claim) -> Outlook:
    """Return what more records could prove, for so many decisions that are certified already."""
    needed = records_needed(ranked, n_certified, claim)
    place = _place(ranked, claim)
    automatable = int(ranked.n_automated[-1]) if len(ranked.threshold) else 0
    if place is None:
        facts = (Prospect.TOO_FEW_AUTOMATABLE, claim.automation_target, ranked.n, automatable)
        return Outlook(*facts, 0, 0, None, None, needed, *_within_reach(ranked, n_certified, claim))
    n_automated, n_wrong = int(ranked.n_automated[place]), int(ranked.n_wrong[place])
    lower, upper = _exact(n_wrong / claim.deflation, n_automated / claim.deflation)
    if needed == 0:
        prospect = Prospect.PROVED
    elif needed is not None:
        prospect = Prospect.MORE_RECORDS
    else:
        prospect = Prospect.TOO_MANY_ERRORS if lower > 1.0 - claim.target else Prospect.OPEN
    found = (prospect, claim.automation_target, ranked.n, automatable, n_automated, n_wrong, lower, upper, needed)
    lesser = (None, None) if needed is not None else _within_reach(ranked, n_certified, claim)
    return Outlook(*found, *lesser)


def records_needed(ranked: Ranked, n_certified: int, claim: Claim) -> int | None:
    """Return about how many more records give an 80% chance, from the error rates observed; 0 when none are needed."""
    wanted = claim.automation_target
    if n_certified and n_certified >= (wanted or 0.0) * ranked.n:
        return 0
    if not len(ranked.threshold) or (wanted is not None and ranked.n_automated[-1] < wanted * ranked.n):
        return None
    needed = _needed_at(ranked, np.array([wanted]) if wanted is not None else SHARES, claim)
    return min((more for _, more in needed), default=None)


def _within_reach(ranked: Ranked, n_certified: int, claim: Claim) -> tuple[float | None, int | None]:
    """Return the automation below the aim that takes the fewest more records to prove, and how many more."""
    if claim.automation_target is None:
        return None, None
    found = _needed_at(ranked, SHARES[SHARES * ranked.n > n_certified], claim)
    lesser = [(share, more) for share, more in found if share < claim.automation_target]
    return min(lesser, key=lambda one: one[1], default=(None, None))


def _needed_at(ranked: Ranked, shares: Floats, claim: Claim) -> list[tuple[float, int]]:
    """Return the automation rates, next to these shares, that can be proved with more records, and how many more."""
    places = _places(ranked, shares)
    found = []
    for place, rate in zip(places, _rates(ranked, places), strict=True):
        automated = records_for_power(claim.target, float(rate), POWER, 1.0 - claim.alpha)
        if automated is not None:
            share = float(ranked.n_automated[place]) / ranked.n
            found.append((share, max(int(np.ceil(automated * claim.deflation / share)) - ranked.n, 1)))
    return found


def _place(ranked: Ranked, claim: Claim) -> int | None:
    """Return the place of the aim, or without one that of the largest coverage with the lowest error rate seen."""
    wanted = claim.automation_target
    places = _places(ranked, SHARES if wanted is None else np.array([wanted]))
    if not len(places):
        return None
    seen = ranked.n_wrong[places] / ranked.n_automated[places]
    return int(places[np.flatnonzero(seen == seen.min())[-1]])


def _places(ranked: Ranked, shares: Floats) -> Integers:
    """Return the places at which these shares of the records are automated, as far as so many can be."""
    reached = np.searchsorted(ranked.n_automated, shares * ranked.n)
    return np.unique(reached[reached < len(ranked.threshold)])


def _rates(ranked: Ranked, places: Integers) -> Floats:
    """Return the error rates at places, drawn a little towards one half so that none is 0."""
    return np.asarray((ranked.n_wrong[places] + 0.5) / (ranked.n_automated[places] + 1.0))


def _exact(wrong: float, automated: float) -> tuple[float, float]:
    """Return the exact two-sided interval of an error rate from counts that a deflation may have left fractional."""
    from scipy import special

    tail = (1.0 - LEVEL) / 2
    lower = float(special.betaincinv(wrong, automated - wrong + 1.0, tail)) if wrong > 0 else 0.0
    upper = float(special.betaincinv(wrong + 1.0, automated - wrong, 1.0 - tail)) if wrong < automated else 1.0
    return lower, upper
