"""Figures of a dataset: labels, volume, completeness, lengths of text."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from workbench.pages.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    TEXT_SIZE,
    empty_figure,
    name_rows,
    one_axes,
    percent_axis,
    rows_height,
    shortened,
)
from workbench.words import percent

MAX_ROWS = 40
DAYS_SHOWN_BY_DAY = 62
DAYS_SHOWN_BY_WEEK = 800


def label_distribution(counts: pd.Series[int]) -> Figure:
    """Return how many records each label has, the most frequent first.

    Parameters
    ----------
    counts : Series
        Records by label. Of more than 40 labels the 20 largest and the 20 smallest are drawn and the rest is summed up.
    """
    ordered = counts.sort_values(ascending=False, kind="stable")
    if ordered.empty or not ordered.sum():
        return empty_figure("No record has a label")
    ends = [f"{ordered.iloc[place]:,} ({shortened(ordered.index[place])})" for place in (-1, 0)]
    title = f"{len(ordered):,} labels over {ordered.sum():,} records: from {ends[0]} to {ends[1]}"
    names, values = [str(name) for name in ordered.index], ordered.to_numpy(dtype=float)
    half = MAX_ROWS // 2
    if len(names) > MAX_ROWS:
        between = values[half:-half]
        gap = f"{len(between):,} labels between, {between.min():,.0f} to {between.max():,.0f} each"
        names = [*names[:half], gap, *names[-half:]]
        values = np.concatenate([values[:half], [np.nan], values[-half:]])
    figure, axes = one_axes(title, rows_height(len(names)))
    axes.barh(range(len(names)), values, color=LIGHT, edgecolor=DARK, linewidth=0.5)
    for row, value in enumerate(values):
        if not np.isnan(value):
            axes.annotate(f"{value:,.0f}", (value, row), (3, 0), textcoords="offset points", va="center", fontsize=8)
    name_rows(axes, names)
    axes.set_xlabel("records")
    return figure


def volume_over_time(timestamps: pd.Series[str]) -> Figure:
    """Return how many records there are per day, week or month, whichever the covered time allows.

    Parameters
    ----------
    timestamps : Series
        ISO 8601 text or datetimes; what cannot be read as one is counted in the title.
    """
    times = pd.to_datetime(timestamps, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    known = times.dropna()
    if known.empty:
        return empty_figure("No record has a readable time")
    unit, rule, width = _time_unit((known.max() - known.min()).days)
    counts = pd.Series(1, index=pd.DatetimeIndex(known)).resample(rule, closed="left", label="left").sum()
    whole = counts.iloc[1:-1] if len(counts) > 3 else counts
    unread = len(times) - len(known)
    title = (
        f"{len(known):,} records from {known.min():%Y-%m-%d} to {known.max():%Y-%m-%d}: "
        f"{whole.min():,} to {whole.max():,} a {unit}, median {whole.median():,.0f}"
        + (f"; {unread:,} without a readable time" if unread else "")
    )
    figure, axes = one_axes(title, 3.6)
    _time_bars(axes, whole, width, LIGHT)
    if len(counts) > len(whole):
        _time_bars(axes, counts.iloc[[0, -1]], width, "white", "////", f"first and last {unit}, may be cut off")
    axes.axhline(float(whole.median()), color=DARK, linestyle="dashed", linewidth=1.2, label="median of the others")
    locator = AutoDateLocator(maxticks=10)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set(xlabel=f"{unit} of the record (UTC)", ylabel=f"records per {unit}")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1)
    return figure


def column_completeness(shares: pd.Series[float], required: Collection[str] = ()) -> Figure:
    """Return how much of each column is filled, the emptiest first.

    Parameters
    ----------
    shares : Series
        Share of records with a value, in [0, 1], by column.
    required : collection of str
        Columns that the contract requires; they are marked.
    """
    if shares.empty:
        return empty_figure("There is no column")
    ordered = shares.sort_values(kind="stable")
    incomplete = int((ordered < 1).sum())
    if incomplete:
        title = (
            f"{incomplete} of {len(ordered)} columns have empty cells; "
            f"{shortened(ordered.index[0])} is filled in {percent(float(ordered.iloc[0]))} of the records"
        )
    else:
        title = f"All {len(ordered)} columns are filled in every record"
    names = [f"{name} (required)" if name in required else str(name) for name in ordered.index]
    figure, axes = one_axes(title, rows_height(len(names)))
    rows = range(len(names))
    axes.barh(rows, np.ones(len(names)), color="white", edgecolor=MIDDLE, linewidth=0.5, hatch="////", label="empty")
    axes.barh(rows, ordered.to_numpy(), color=LIGHT, edgecolor=DARK, linewidth=0.5, label="filled")
    for row, share in enumerate(ordered):
        axes.annotate(percent(float(share)), (1, row), (4, 0), textcoords="offset points", va="center", fontsize=8)
    name_rows(axes, names)
    percent_axis(axes, "x")
    axes.set(xlim=(0, 1), xlabel="share of records")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="upper left", bbox_to_anchor=(1.06, 1))
    return figure


def text_lengths(lengths: ArrayLike, unit: str = "characters") -> Figure:
    """Return how long the texts are.

    Parameters
    ----------
    lengths : array of shape (n_records,)
        Length of each text; the longest 0.5% are not drawn when they would stretch the axis, and counted.
    unit : str
        What is counted.
    """
    values = np.asarray(lengths, dtype=float)
    if not len(values):
        return empty_figure("No record has a text")
    median, p95, longest = np.quantile(values, [0.5, 0.95, 1.0], method="inverted_cdf")
    edge = float(np.quantile(values, 0.995, method="inverted_cdf"))
    drawn = values if longest <= 2 * edge else values[values <= edge]
    beyond = len(values) - len(drawn)
    title = (
        f"Half of {len(values):,} texts have at most {median:,.0f} {unit}, 95% at most {p95:,.0f}; "
        f"the longest has {longest:,.0f}"
    )
    figure, axes = one_axes(title, 3.4)
    axes.hist(drawn, bins=min(50, max(5, int(np.ptp(drawn)) + 1)), color=LIGHT, edgecolor=DARK, linewidth=0.5)
    axes.axvline(median, color=DARK, linestyle="dashed", linewidth=1.4, label=f"median {median:,.0f}")
    axes.axvline(p95, color=DARK, linestyle="dotted", linewidth=1.8, label=f"95% are at most {p95:,.0f}")
    not_drawn = f"; {beyond:,} longer than {edge:,.0f} not drawn" if beyond else ""
    axes.set(xlabel=f"length of the text ({unit}){not_drawn}", ylabel="records")
    axes.legend(fontsize=TEXT_SIZE, frameon=False)
    return figure


def _time_unit(days: int) -> tuple[str, str, float]:
    """Return the unit of time to count by, its resampling rule and the width of a bar in days."""
    if days <= DAYS_SHOWN_BY_DAY:
        return "day", "D", 0.9
    if days <= DAYS_SHOWN_BY_WEEK:
        return "week", "W-MON", 6.3
    return "month", "MS", 27.0


def _time_bars(axes: Axes, counts: pd.Series[int], width: float, color: str, hatch: str = "", label: str = "") -> None:
    """Draw one bar per unit of time."""
    axes.bar(
        counts.index.to_numpy(),
        counts.to_numpy(),
        width=width,
        align="edge",
        color=color,
        edgecolor=DARK,
        linewidth=0.5,
        hatch=hatch or None,
        label=label or None,
    )
