"""What changed between the oldest and the newest quarter of the records, field by field."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.audit.table.subject import Subject
from workbench.stats import holm

ALPHA = 0.05
MIN_RECORDS = 20
PERIOD, DRIFTED_AT_LEAST = 0.25, 0.1
MAX_CATEGORIES = 30
RUNNING = 0.95
Numbers: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]


def drift(subject: Subject, not_compared: Collection[str] = ()) -> pd.DataFrame | None:
    """Return how each field differs between the oldest and the newest quarter of the records; not running numbers.

    Numbers are compared by the Kolmogorov-Smirnov distance, other fields by the total variation distance of their
    values (the 29 most frequent, others and missing ones as one value each; fields with more by their length), with a
    chi-squared test; Holm over all fields. A field has drifted when p is below 0.05 and the distance at least 0.1.

    Returns
    -------
    DataFrame, optional
        `field`, `compared as`, `distance` in [0, 1], `p, Holm`, `has drifted`; None without a readable time.
    """
    times = subject.times()
    if times is None or times.notna().sum() < 2 * MIN_RECORDS:
        return None
    since: Numbers = times.astype("datetime64[ns]").astype("int64").to_numpy().astype(np.float64)
    since[times.isna().to_numpy()] = np.nan
    order = np.argsort(since, kind="stable")[: int(times.notna().sum())]
    size = max(MIN_RECORDS, int(len(order) * PERIOD))
    left_out = {subject.roles.time, subject.roles.id, *not_compared}
    rows = []
    for name in subject.frame.columns:
        cells = subject.frame[name]
        if name not in left_out and not _runs_with(since, numbers := _numbers(cells)):
            rows.append((str(name), *_distance(cells, numbers, order[:size], order[-size:])))
    table = pd.DataFrame(rows, columns=["field", "compared as", "distance", "p"])
    table["p, Holm"] = holm(list(table.pop("p")))
    table["has drifted"] = (table["p, Holm"] < ALPHA) & (table["distance"] >= DRIFTED_AT_LEAST)
    return table.sort_values("distance", ascending=False, kind="stable", ignore_index=True)


def _numbers(cells: pd.Series[Any]) -> Numbers:
    return np.asarray(pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)


def _runs_with(since: Numbers, numbers: Numbers) -> bool:
    """Whether a column's numbers rise (or fall) with time by their nature, as running numbers do."""
    from scipy.stats import rankdata

    known = ~np.isnan(numbers) & ~np.isnan(since)
    if known.sum() < MIN_RECORDS or len(np.unique(numbers[known])) < MAX_CATEGORIES:
        return False
    first, second = rankdata(numbers[known]), rankdata(since[known])
    return bool(min(first.std(), second.std()) > 0 and abs(np.corrcoef(first, second)[0, 1]) >= RUNNING)


def _distance(cells: pd.Series[Any], numbers: Numbers, old: Rows, new: Rows) -> tuple[str, float, float]:
    """Return how two samples of a field were compared, their distance, and the p-value."""
    both = np.concatenate([old, new])
    codes, values = pd.factorize(cells.to_numpy(dtype=object)[both])
    n_filled, is_number = int((codes >= 0).sum()), ~np.isnan(numbers[both])
    if is_number.sum() >= 0.9 * n_filled > 0 and len(values) > MAX_CATEGORIES:
        first, second = (numbers[rows][~np.isnan(numbers[rows])] for rows in (old, new))
        if len(first) and len(second):
            return "numbers", *_by_order(first, second)
    if len(values) > max(MAX_CATEGORIES, 0.2 * len(both)):
        lengths = np.array([len(str(value)) for value in values] + [0], dtype=float)[codes]
        return "length of text", *_by_order(lengths[: len(old)], lengths[len(old) :])
    return "values", *_by_value(codes, len(values), len(old))


def _by_order(first: Numbers, second: Numbers) -> tuple[float, float]:
    """Return the Kolmogorov-Smirnov distance of two samples and its asymptotic p-value."""
    from scipy.stats import kstwo

    every = np.concatenate([first, second])
    below = [np.searchsorted(np.sort(one), every, side="right") / len(one) for one in (first, second)]
    distance = float(np.abs(below[0] - below[1]).max())
    n = len(first) * len(second) / (len(first) + len(second))
    return distance, float(np.clip(kstwo.sf(distance, np.round(n)), 0.0, 1.0))


def _by_value(codes: Rows, n_values: int, n_old: int) -> tuple[float, float]:
    """Return the total variation distance of two samples' values, and the p-value of the chi-squared test.

    The 29 most frequent values count; the others are one, and empty cells another.
    """
    from scipy.special import chdtrc

    places = np.full(n_values + 1, MAX_CATEGORIES - 1)
    counts = np.bincount(codes[codes >= 0], minlength=n_values)
    frequent = np.argsort(-counts, kind="stable")[: MAX_CATEGORIES - 1]
    places[frequent], places[-1] = np.arange(len(frequent)), MAX_CATEGORIES
    table = np.stack(
        [np.bincount(places[part], minlength=MAX_CATEGORIES + 1) for part in (codes[:n_old], codes[n_old:])]
    ).astype(float)
    table = table[:, table.sum(axis=0) > 0]
    shares = table / table.sum(axis=1, keepdims=True)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    p = 1.0 if table.shape[1] < 2 else float(chdtrc(table.shape[1] - 1, statistic))
    return float(np.abs(shares[0] - shares[1]).sum() / 2), p
