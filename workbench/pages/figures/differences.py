"""Figures of differences between versions: version against version, and category by category."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbench.pages.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    TEXT_SIZE,
    empty_figure,
    name_rows,
    one_axes,
    rows_height,
    shortened,
)

ROW_SCALE = 1.6
MOST_CATEGORIES = 20


def differences_from(version: str, pairs: pd.DataFrame) -> Figure:
    """Return how much more often a version is right than each other one, with the interval of every difference.

    A filled dot is a difference that holds after correction for all versions tried; a hollow one says that these
    records cannot tell the two apart.

    Parameters
    ----------
    version : str
        The version that the others are held against.
    pairs : DataFrame
        As `workbench.evaluation.versions.pairs.paired_differences` gives it.
    """
    rows = _turned(version, pairs)
    if rows.empty:
        return empty_figure(f"{shortened(version)} was compared with no other version")
    figure, axes = one_axes(_finding(version, rows), rows_height(round(ROW_SCALE * len(rows))))
    _zero(axes)
    for place, row in enumerate(rows.to_dict("records")):
        is_told = row["better"] is not None
        _interval(axes, place, (row["lower"], row["difference"], row["upper"]), is_filled=is_told)
        _counts(axes, place, f"{row['gains']:,} : {row['losses']:,}")
    name_rows(axes, list(rows["other"]))
    _points_axis(axes, "right more often than the other, in percentage points of all records")
    axes.set_title("only it right : only the other right", fontsize=TEXT_SIZE, loc="right", color=DARK, pad=8)
    _legend(figure, axes, ("better or worse, corrected for all versions tried", "cannot be told apart"))
    return figure


def categories_changed(categories: pd.DataFrame, names: tuple[str, str], margin: float) -> Figure:
    """Return how a version does against another in each category, the largest loss at the top.

    Parameters
    ----------
    categories : DataFrame
        As `workbench.evaluation.versions.categories.by_category` gives it.
    names : tuple of str
        The new version and the old one.
    margin : float
        Loss that a category may have, drawn as a line.
    """
    new, old = names
    if categories.empty:
        return empty_figure(f"{shortened(new)} and {shortened(old)} share no record")
    told = categories[categories["answer"].isin(["better", "worse"])]
    counts = categories["answer"].value_counts()
    listed = ", ".join(
        f"{int(counts[answer])} {answer}"
        for answer in ("worse", "better", "no worse", "cannot tell")
        if answer in counts
    )
    rows = pd.concat([told, categories.drop(told.index)]).head(MOST_CATEGORIES).sort_values("difference", kind="stable")
    cut = f" ({len(rows)} of {len(categories)} drawn)" if len(rows) < len(categories) else ""
    title = f"{shortened(new)} after {shortened(old)}, of {len(categories)} categories: {listed}{cut}"
    figure, axes = one_axes(title, rows_height(round(ROW_SCALE * len(rows))))
    _zero(axes)
    name = f"margin, {100 * margin:g} points lost"
    axes.axvline(-100 * margin, color=DARK, linestyle=(0, (6, 3)), linewidth=1.0, label=name)
    for place, row in enumerate(rows.to_dict("records")):
        is_told = row["answer"] in ("better", "worse")
        _interval(axes, place, (row["lower"], row["difference"], row["upper"]), is_filled=is_told)
        _counts(axes, place, f"{row['mended']:,} : {row['broken']:,}  of {row['n']:,}")
    name_rows(axes, [str(name) for name in rows["category"]])
    _points_axis(axes, "difference in accuracy, in percentage points; the intervals hold together with 95%")
    axes.set_title("mended : broken", fontsize=TEXT_SIZE, loc="right", color=DARK, pad=8)
    _legend(figure, axes, ("better or worse", "not told apart"))
    return figure


def _turned(version: str, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of one version, turned so that it is the first, the largest difference first."""
    rows = []
    for pair in pairs.to_dict("records"):
        if version not in (pair["first"], pair["second"]) or pair["difference"] is None:
            continue
        is_first = pair["first"] == version
        sign = 1.0 if is_first else -1.0
        bounds = sorted((sign * pair["lower"], sign * pair["upper"]))
        counts = (pair["only_first"], pair["only_second"]) if is_first else (pair["only_second"], pair["only_first"])
        other = pair["second"] if is_first else pair["first"]
        rows.append((other, sign * pair["difference"], *bounds, *counts, pair["better"], pair["n"]))
    names = ["other", "difference", "lower", "upper", "gains", "losses", "better", "n"]
    table = pd.DataFrame(rows, columns=names).astype({"better": object})
    table["better"] = table["better"].where(table["better"].notna(), None)
    return table.sort_values("difference", ascending=False, kind="stable", ignore_index=True)


def _finding(version: str, rows: pd.DataFrame) -> str:
    """Return what the differences say."""
    n_better = int((rows["better"] == version).sum())
    unclear = [shortened(other) for other, better in zip(rows["other"], rows["better"], strict=True) if better is None]
    worse = len(rows) - n_better - len(unclear)
    parts = [f"{shortened(version)} is better than {n_better} of {len(rows)} other versions"]
    if worse:
        parts.append(f"worse than {worse}")
    if unclear:
        named = ", ".join(unclear) if len(unclear) <= 4 else f"{len(unclear)} others"
        parts.append(f"not to be told apart from {named}")
    return ", ".join(parts)


def _interval(axes: Axes, row: int, bounds: tuple[float, float, float], *, is_filled: bool) -> None:
    """Draw one difference with its interval."""
    lower, value, upper = (100 * bound for bound in bounds)
    axes.plot([lower, upper], [row, row], color=MIDDLE, linewidth=1.8, marker="|", markersize=7)
    face = DARK if is_filled else "white"
    axes.plot([value], [row], "o", color=DARK, markerfacecolor=face, markersize=6, markeredgewidth=1.3)


def _counts(axes: Axes, row: int, text: str) -> None:
    """Write the counts behind a row beside the figure."""
    axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), fontsize=TEXT_SIZE - 1, color=DARK, va="center")


def _zero(axes: Axes) -> None:
    axes.axvline(0, color=LIGHT, linewidth=1.2, zorder=0)


def _points_axis(axes: Axes, label: str) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    axes.grid(axis="x", color="0.93")
    axes.set_axisbelow(True)
    axes.margins(x=0.08)
    axes.set_xlabel(label)


def _legend(figure: Figure, axes: Axes, names: tuple[str, str]) -> None:
    """Say what dots and lines mean, below the figure."""
    for name, face in zip(names, (DARK, "white"), strict=True):
        axes.plot([], [], "o", color=DARK, markerfacecolor=face, markersize=6, label=name)
    figure.legend(fontsize=TEXT_SIZE, frameon=False, loc="outside lower center", ncols=3)
