"""What records say about a proof that they do not give: out of reach, open, or a matter of more records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np

from workbench.stats.claim import AccuracyClaim
from workbench.stats.inputs import Floats, Integers
from workbench.stats.sequence import Ranked

POWER = 0.8
LEVEL = 0.95
SHARES = np.arange(1, 20) / 20


class Prospect(StrEnum):
    """What more records could do for a proof."""

    PROVED = "proved"  # nothing is missing
    MORE_RECORDS = "more records"  # at the error rate observed a number of records would do
    LOST = "lost"  # at the error rate observed these records are enough, but an earlier test failed
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
        Exact two-sided 95% interval of their true error rate, with clusters as wide as they allow.
    records_needed : int, optional
        About how many more records give an 80% chance of the aim; 0 when it is proved, None when no number would do at
        the error rate observed, or when these are enough and it was lost to an earlier test.
    within_reach : float, optional
        Automation below the aim that takes the fewest records to prove, looked for in steps of 5%, with clusters of
        10%; None where no number would do for any.
    within_reach_needs : int, optional
        About how many more that would be.
    lost_at : float, optional
        Where nothing is certified, the largest automation at which these records are enough at the error rate seen: it
        was not reached, as a test before it failed.
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
    lost_at: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the outlook as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"prospect": self.prospect.value}


@lru_cache(maxsize=32)
def outlook(ranked: Ranked, n_certified: int, claim: AccuracyClaim) -> Outlook:
    """Return what more records could prove, for so many decisions that are certified already."""
    wanted, place = claim.automation_target, _place(ranked, claim)
    automatable = int(ranked.n_automated[-1]) if len(ranked.threshold) else 0
    shares = SHARES if claim.clusters is None else SHARES[1::2]  # with clusters each of them takes its time
    ahead = _needed_at(ranked, shares[shares * ranked.n > n_certified], claim)
    lost_at = max((share for share, more in ahead if more <= 0 and not n_certified), default=None)
    lesser = [(share, more) for share, more in ahead if more > 0 and wanted is not None and share < wanted]
    share, more = min(lesser, key=lambda one: one[1], default=(None, None))
    if place is None:
        facts = (Prospect.TOO_FEW_AUTOMATABLE, wanted, ranked.n, automatable)
        return Outlook(*facts, 0, 0, None, None, None, share, more, lost_at)
    n_automated, n_wrong = int(ranked.n_automated[place]), int(ranked.n_wrong[place])
    lower, upper = claim.interval(n_wrong, n_automated, (1.0 + LEVEL) / 2)
    is_proved = n_certified > 0 and n_certified >= (wanted or 0.0) * ranked.n
    at_aim = ahead if wanted is None else _needed_at(ranked, np.array([wanted]), claim)
    prospect, needed = _prospect(is_proved, [more for _, more in at_aim], lower > 1.0 - claim.target)
    if needed is not None:
        share, more = None, None
    found = (prospect, wanted, ranked.n, automatable, n_automated, n_wrong, lower, upper)
    return Outlook(*found, needed, share, more, None if is_proved else lost_at)


def _prospect(is_proved: bool, needed: list[int], is_out_of_reach: bool) -> tuple[Prospect, int | None]:
    """Return what more records could do, and how many of them would."""
    if is_proved:
        return Prospect.PROVED, 0
    if needed:
        return (Prospect.MORE_RECORDS, min(needed)) if min(needed) > 0 else (Prospect.LOST, None)
    return (Prospect.TOO_MANY_ERRORS if is_out_of_reach else Prospect.OPEN), None


def _needed_at(ranked: Ranked, shares: Floats, claim: AccuracyClaim) -> list[tuple[float, int]]:
    """Return the automation rates, next to these shares, that can be proved, and how many more records that takes."""
    places = _places(ranked, shares)
    found = []
    for place, rate in zip(places, _rates(ranked, places), strict=True):
        automated = claim.records_for_power(float(rate), POWER, int(ranked.n_automated[place]))
        if automated is not None:
            share = float(ranked.n_automated[place]) / ranked.n
            found.append((share, int(np.ceil(automated / share)) - ranked.n))
    return found


def _place(ranked: Ranked, claim: AccuracyClaim) -> int | None:
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
