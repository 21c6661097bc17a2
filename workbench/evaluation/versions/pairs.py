"""Versions pair by pair on the same records, with the price of having tried many."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workbench.evaluation import Evaluation
from workbench.evaluation.versions.tried import Rightness, Tried, right_and_asked, rightness_of
from workbench.stats import Floats, holm, mcnemar_midp, minimum_detectable_difference, tango_bounds

CONFIDENCE_LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8
ASSUMED_DISCORDANCES = (0.01, 0.02, 0.05, 0.10, 0.20)
PAIR_COLUMNS = (
    "first", "second", "n", "both_right", "only_first", "only_second", "neither", "difference", "lower", "upper",
    "p", "p_adjusted", "better",
)  # fmt: skip


def paired_differences(evaluations: Sequence[Evaluation], tried: Tried) -> pd.DataFrame:
    """Return for each pair of versions how often one is right where the other is not, and whether that is chance.

    Every pair is compared on the records that both were asked. A pair is decided by McNemar's mid-p test, adjusted by
    Holm over all pairs of all versions ever tried on these records, shown here or not: the chance that any pair of
    equally good versions is told apart is at most 5%. A tried version that cannot be compared any more counts as a test
    that found nothing. Two agents that are the same version are one.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        The versions to show.
    tried : Tried
        Every version the journal knows (`tried_versions`); those shown are counted in any case.

    Returns
    -------
    pd.DataFrame
        `first`, `second`, `n` (records both were asked), `both_right`, `only_first`, `only_second`, `neither`,
        `difference` = (only_first - only_second) / n with Tango's 95% interval `lower` and `upper` (for that pair
        alone), `p` (mid-p), `p_adjusted` (Holm), `better`: the agent that is better where `p_adjusted` is at most 5%,
        else None: these records cannot tell the two apart.
    """
    names = {one.info.agent_digest: one.agent for one in evaluations}
    right = {one.info.agent_digest: rightness_of(one.outcomes) for one in evaluations}
    return compared_versions(names, right, tried)


def compared_versions(names: Mapping[str, str], right: Rightness, tried: Tried) -> pd.DataFrame:
    """Return `paired_differences` of versions whose rightness is at hand, such as on some of the records only.

    Parameters
    ----------
    names : mapping
        Digest of each version to show to its name.
    right : mapping
        Digest to whether each record is right.
    tried : Tried
        As for `paired_differences`.
    """
    digests = list(names)
    names, columns, n_versions = _family(names, right, tried)
    if len(digests) < 2:
        return pd.DataFrame(columns=list(PAIR_COLUMNS), dtype=object)
    tests = _tests(columns)
    unknown = comb(n_versions, 2) - len(tests)
    adjusted = holm([*tests["p"], *([1.0] * unknown)])[: len(tests)]
    rows = tests.assign(p_adjusted=adjusted).to_dict("records")
    by_pair = {(row["first"], row["second"]): row for row in rows}
    shown = pd.DataFrame([by_pair.get(pair) or _turned(by_pair[pair[::-1]]) for pair in combinations(digests, 2)])
    table = _judged(shown).replace({"first": names, "second": names, "better": names})
    table = table[list(PAIR_COLUMNS)].astype(object)
    return table.where(table.notna(), None)


def not_told_apart(version: str, pairs: pd.DataFrame) -> tuple[str, ...]:
    """Return the versions that these records cannot tell apart from one, as `paired_differences` has it."""
    unclear = [(row["first"], row["second"]) for row in pairs.to_dict("records") if row["better"] is None]
    return tuple(str(two if one == version else one) for one, two in unclear if version in (one, two))


def seen_from(version: str, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of one version as `paired_differences` has them, it standing first in each."""
    seen = []
    for row in pairs.to_dict("records"):
        if row["first"] == version:
            seen.append(row)
        elif row["second"] == version:
            signs = {"difference": row["difference"], "lower": row["upper"], "upper": row["lower"]}
            seen.append(_turned(row) | {name: None if value is None else -value for name, value in signs.items()})
    return pd.DataFrame(seen, columns=list(PAIR_COLUMNS), dtype=object)


def detectable_differences(n: int, n_pairs: int, discordances: Sequence[float] = ASSUMED_DISCORDANCES) -> pd.DataFrame:
    """Return the smallest gain in accuracy that n records show with a chance of 80%, before anything is asked.

    Parameters
    ----------
    n : int
        Records that every version will be asked.
    n_pairs : int
        Pairs of versions that were and will be compared.
    discordances : sequence of float
        Shares of records on which exactly one of two versions is right, each above 0.

    Returns
    -------
    pd.DataFrame
        `discordance`; `alone`, the gain for one pair that was fixed beforehand; `corrected`, for a pair among
        `n_pairs`. None where even a gain as large as the discordance would be missed.
    """
    rows = [
        (
            share,
            minimum_detectable_difference(n, share, POWER, ALPHA),
            minimum_detectable_difference(n, share, POWER, ALPHA / max(n_pairs, 1)),
        )
        for share in discordances
    ]
    table = pd.DataFrame(rows, columns=["discordance", "alone", "corrected"], dtype=object)
    return table.where(table.notna(), None)


def paired_difference(only_first: ArrayLike, only_second: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return how much more often the first of two versions is right on the same records, with Tango's 95% interval.

    Parameters
    ----------
    only_first, only_second, n : array_like of int, shape (n_pairs,)
        Records on which only the first, and only the second, is right, and all that both were asked.

    Returns
    -------
    difference, lower, upper : ndarray of float, shape (n_pairs,)
        (only_first - only_second) / n and its bounds; NaN where n is 0.
    """
    one, two, asked = (np.asarray(counts) for counts in (only_first, only_second, n))
    lower, upper = tango_bounds(one, two, np.maximum(asked, 1), CONFIDENCE_LEVEL)
    known, difference = asked > 0, (one - two) / np.maximum(asked, 1)
    return np.where(known, difference, np.nan), np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def _family(
    shown: Mapping[str, str], right: Rightness, tried: Tried
) -> tuple[dict[str, str], dict[str, pd.Series[bool]], int]:
    """Return names and rightness of all versions by digest, those shown as they are shown, and how many there are."""
    names = {**tried.names, **shown}
    columns = {**tried.right, **right}
    return names, columns, len(names)


def _tests(columns: Rightness) -> pd.DataFrame:
    """Return every pair of versions with its counts and its mid-p."""
    right, asked = right_and_asked(columns)
    both, n = right.T @ right, asked.T @ asked
    only = right.T @ asked - both  # right in the row's version, asked but wrong in the column's
    digests = list(columns)
    one, two = np.triu_indices(len(digests), k=1)
    table = pd.DataFrame(
        {
            "first": [digests[place] for place in one],
            "second": [digests[place] for place in two],
            "n": n[one, two].astype(int),
            "both_right": both[one, two].astype(int),
            "only_first": only[one, two].astype(int),
            "only_second": only[two, one].astype(int),
        }
    )
    discordant = zip(table["only_first"].tolist(), table["only_second"].tolist(), strict=True)
    return table.assign(p=[mcnemar_midp(a, b) for a, b in discordant])


def _turned(row: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
    """Return a pair the other way around."""
    swapped = {"first": "second", "second": "first", "only_first": "only_second", "only_second": "only_first"}
    return {name: row[swapped.get(str(name), name)] for name in row}


def _judged(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return pairs with their difference, its interval and which version is better; no number where n is 0."""
    n, one, two = (pairs[name].to_numpy() for name in ("n", "only_first", "only_second"))
    difference, lower, upper = paired_difference(one, two, n)
    winner = pairs["first"].where(one > two, pairs["second"]).astype(object)
    return pairs.assign(
        neither=n - pairs["both_right"] - one - two,
        difference=difference,
        lower=lower,
        upper=upper,
        better=winner.where(pairs["p_adjusted"] <= ALPHA, None),
    )
