"""Variation: which slice of the records is significantly worse than the rest, and what changed over time."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.audit.findings import DataFinding, Effort, Remedy, Severity
from workbench.audit.questions.section import Section
from workbench.audit.table.roles import CASE, ENTITY, SOURCE, TIME
from workbench.audit.table.subject import Subject
from workbench.stats import holm, other_hits, wilson
from workbench.words import percent, shown

ALPHA = 0.05
MIN_RECORDS = 20  # of fewer, no difference is significant
MAX_SLICES_OF_A_KIND = 200  # more would lose every difference to the correction for so many
WORSE_BY_AT_LEAST = 0.02  # points: less is significant in large tables and matters to nobody
DRIFT_PERIOD = 0.25  # of the records at either end: less is noise, more hides what is new
DRIFTED_AT_LEAST = 0.1  # distance: less is significant in large tables and matters to nobody
MAX_CATEGORIES = 30  # more values leave each with too few records for the test
NEARLY_ALL = 0.9  # of the cells are numbers: the field is compared as such
MANY_VALUES = 0.2  # different ones for a record: texts of their own, compared by their length
RUNNING = 0.95  # rank correlation with time: running numbers have slips, prices that rise have more
Numbers: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the records held against all others: `k` of `n` records have the fault, `k_rest` of `n_rest`."""

    kind: str
    name: str
    fault: str
    k: int
    n: int
    k_rest: int
    n_rest: int

    @property
    def difference(self) -> float:
        """Share with the fault here less the share elsewhere."""
        return self.k / self.n - self.k_rest / self.n_rest

    @property
    def p_value(self) -> float:
        """Fisher's exact test, two-sided."""
        return other_hits((self.k, self.n), (self.k_rest, self.n_rest))

    @property
    def interval(self) -> tuple[float, float]:
        """Interval of the difference, 95%: Newcombe (1998), method 10 for independent proportions."""
        here, rest = self.k / self.n, self.k_rest / self.n_rest
        (low, high), (low_rest, high_rest) = wilson(self.k, self.n, 0.95), wilson(self.k_rest, self.n_rest, 0.95)
        below = math.hypot(here - low, high_rest - rest)
        above = math.hypot(high - here, rest - low_rest)
        return self.difference - below, self.difference + above


def variation(subject: Subject, faults: pd.DataFrame, not_compared: Collection[str] = ()) -> Section:
    """Return how records differ across sources, months, entities and classes, as a section of the audit.

    Parameters
    ----------
    subject : Subject
    faults : DataFrame of bool
        By data row, one column for each fault, named as a sentence needs it: "have a flagged cell".
    not_compared : collection of str
        Columns that change with time by their nature, such as dates and running numbers.
    """
    slices = list(_slices(subject, faults))
    adjusted = [float(p) for p in holm([one.p_value for one in slices])]
    table = _table(slices, adjusted)
    worse = [
        (one, p) for one, p in zip(slices, adjusted, strict=True) if p < ALPHA and one.difference >= WORSE_BY_AT_LEAST
    ]
    drifted = drift(subject, not_compared)
    groups = {(one.kind, one.fault): [pair for pair in worse if (pair[0].kind, pair[0].fault) == (one.kind, one.fault)]
              for one, _ in worse}  # fmt: skip
    findings = [_finding(subject, faults, group) for group in groups.values()]
    notes = ["Slices of fewer than 20 records are not compared.", *_inferred_note(subject), *subject.roles.notes]
    if drifted is None:
        notes.append("Without a time column nothing can be said about drift.")
    else:
        findings += [_drift_finding(subject, row) for _, row in drifted[drifted["has drifted"]].iterrows()]
    tables = {"Slices against all other records, the worst first": table} if slices else {}
    if drifted is not None and len(drifted):
        tables["Oldest against newest quarter of the records"] = drifted
    return Section(
        "variation",
        "Variation",
        "Which source, period, entity or class is significantly worse, and what changed from oldest to newest?",
        _answer(slices, worse, drifted),
        {},
        tables,
        tuple(findings),
        {"compared": len(slices), "worse": [f"{one.kind} {one.name}" for one, _ in worse]},
        tuple(notes),
    )


def _inferred_note(subject: Subject) -> list[str]:
    """Return which columns were taken as time, source and entity, where no pilot's contract says so."""
    found = {TIME: subject.roles.time, **subject.roles.slices}
    named = ", ".join(f"{kind} {column!r}" for kind, column in found.items() if column is not None)
    return (
        [f"Inferred from the columns' names and cells, or given: {named}."] if subject.pilot is None and named else []
    )


def _slices(subject: Subject, faults: pd.DataFrame) -> Iterator[Slice]:
    """Yield every slice that is large enough, for every fault that occurs and is not everywhere."""
    for kind in (SOURCE, TIME, ENTITY, CASE):
        named = subject.slices(kind)
        if named is None:
            continue
        sizes = named.value_counts()
        sizes = sizes[(sizes >= MIN_RECORDS) & (len(named) - sizes >= MIN_RECORDS)].head(MAX_SLICES_OF_A_KIND)
        for fault in faults.columns:
            total = int(faults[fault].sum())
            if not 0 < total < len(faults):
                continue
            counts = faults[fault].groupby(named.to_numpy()).sum().to_dict()
            for name, n in sizes.items():
                k = int(counts[name])
                yield Slice(kind, str(name), str(fault), k, int(n), total - k, len(faults) - int(n))


def _table(slices: list[Slice], adjusted: list[float]) -> pd.DataFrame:
    rows = []
    for one, p in zip(slices, adjusted, strict=True):
        low, high = one.interval
        difference = f"{100 * one.difference:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
        is_worse = p < ALPHA and one.difference > 0
        shares = (percent(one.k / one.n), percent(one.k_rest / one.n_rest))
        rows.append((one.kind, one.name, one.fault, one.n, *shares, difference, p, is_worse, one.difference))
    names = ["slice by", "slice", "fault", "records", "share here", "share elsewhere", "difference (95%)",
             "p, Holm", "worse", "order"]  # fmt: skip
    table = pd.DataFrame(rows, columns=names)
    order = ["worse", "order"]
    return table.sort_values(order, ascending=False, kind="stable", ignore_index=True).drop(columns="order")


def _answer(slices: list[Slice], worse: list[tuple[Slice, float]], drifted: pd.DataFrame | None) -> str:
    if not slices:
        said = "There is no source, period, entity or class to compare"
    elif not worse:
        said = f"Of {len(slices):,} comparisons none is significantly worse than the rest by 2 points or more (Holm)"
    else:
        one, _ = max(worse, key=lambda pair: pair[0].difference)
        low, high = one.interval
        said = (
            f"{len(worse):,} of {len(slices):,} comparisons are significantly worse (Holm); the worst is {one.kind} "
            f"{one.name!r}, where {percent(one.k / one.n)} of {one.n:,} records {one.fault}, "
            f"{100 * one.difference:.1f} points more than elsewhere ({100 * low:.1f} to {100 * high:.1f})"
        )
    if drifted is None:
        return f"{said}."
    names = list(drifted.loc[drifted["has drifted"], "field"])
    listed = f": {shown(names)}" if names else ""
    return f"{said}; {len(names)} of {len(drifted)} fields drifted{listed}."


def _finding(subject: Subject, faults: pd.DataFrame, worse: list[tuple[Slice, float]]) -> DataFinding:
    """Return the finding that slices of one kind are worse in one way."""
    one, p = max(worse, key=lambda pair: pair[0].difference)
    named = subject.slices(one.kind)
    assert named is not None, "there are slices"
    is_worse = named.isin([of_kind.name for of_kind, _ in worse]).to_numpy()
    rows = faults.index[is_worse & faults[one.fault].to_numpy()].to_numpy(dtype=np.int64)
    low, high = one.interval
    column = subject.roles.time if one.kind == TIME else subject.roles.slices.get(one.kind)
    others = f", and {len(worse) - 1:,} more" if len(worse) > 1 else ""
    return DataFinding(
        f"slice_{one.kind}",
        f"{one.kind.capitalize()} {one.name!r}{others}: more records {one.fault} than elsewhere",
        (f"{column}", one.fault),
        rows,
        len(faults),
        Severity.MEDIUM,
        f"{percent(one.k / one.n)} of {one.n:,} records of {one.name!r} {one.fault}, "
        f"{percent(one.k_rest / one.n_rest)} of the others: {100 * one.difference:.1f} points more "
        f"({100 * low:.1f} to {100 * high:.1f}, Newcombe 95%); "
        f"p = {p:.2g} after Holm over all slices",
        "the agent is worse on this part of the work than the average says",
        Remedy("mend these slices at their source, or keep them out of the pilot's scope until then", Effort.DAYS,
               "no slice is significantly worse"),
    )  # fmt: skip


def _drift_finding(subject: Subject, row: pd.Series[Any]) -> DataFinding:
    name = str(row["field"])
    times = subject.times()
    order = pd.Index([]) if times is None else times.dropna().sort_values(kind="stable").index
    newest = np.sort(order[-max(MIN_RECORDS, int(len(order) * DRIFT_PERIOD)) :].to_numpy(dtype=np.int64))
    return DataFinding(
        "drift",
        f"{name!r} changed from the oldest to the newest quarter of the records",
        (name,),
        newest,
        len(subject.frame),
        Severity.LOW,
        f"distance {row['distance']:.2f} in {row['compared as']}; p = {row['p, Holm']:.2g} after Holm",
        "an agent developed on old records meets other ones in production",
        Remedy("find out what changed; weigh recent records more, and watch the field after go-live", Effort.DAYS,
               "the field's distance is below 0.1, or the change is explained"),
    )  # fmt: skip


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
    size = max(MIN_RECORDS, int(len(order) * DRIFT_PERIOD))
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
    if is_number.sum() >= NEARLY_ALL * n_filled > 0 and len(values) > MAX_CATEGORIES:
        first, second = (numbers[rows][~np.isnan(numbers[rows])] for rows in (old, new))
        if len(first) and len(second):
            return "numbers", *_by_order(first, second)
    if len(values) > max(MAX_CATEGORIES, MANY_VALUES * len(both)):
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
