"""What every figure shares: size, title, text that is safe to draw, line styles that differ without colour."""

from __future__ import annotations

import functools
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from workbench.words import percent

WIDTH_IN = 9.0
ROW_IN = 0.24
TITLE_SIZE = 12
TEXT_SIZE = 9
NAME_LENGTH = 48
TITLE_COLUMNS = 96
DARK, MIDDLE, LIGHT = "0.15", "0.45", "0.78"
ON_WHITE = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
MAX_POINTS = 2_000
AUTOMATION_LABEL = "share decided alone"
UNDRAWABLE = "\N{WHITE SQUARE}"


@dataclass(frozen=True, slots=True)
class CurveStyle:
    """How one of several curves is drawn; no two of the first twelve look alike without colour."""

    color: str
    linestyle: str | tuple[int, tuple[int, ...]]
    marker: str


CURVE_STYLES = (
    CurveStyle("0.0", "solid", "o"),
    CurveStyle("0.4", "dashed", "s"),
    CurveStyle("0.2", "dotted", "^"),
    CurveStyle("0.5", "dashdot", "D"),
    CurveStyle("0.0", (0, (8, 2)), "v"),
    CurveStyle("0.4", (0, (1, 3)), "P"),
    CurveStyle("0.5", "solid", "X"),
    CurveStyle("0.0", "dashed", "<"),
    CurveStyle("0.5", "dotted", ">"),
    CurveStyle("0.0", "dashdot", "*"),
    CurveStyle("0.5", (0, (8, 2)), "p"),
    CurveStyle("0.0", (0, (1, 3)), "h"),
)


def curve_style(number: int) -> CurveStyle:
    """Return the style of the n-th curve, counted from 0."""
    return CURVE_STYLES[number % len(CURVE_STYLES)]


def seen_points(n: int) -> NDArray[np.intp]:
    """Return which of n points to draw: at most as many as can be told apart, evenly spread, both ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_POINTS)).astype(np.intp))


def new_figure(title: str, height_in: float, width_in: float = WIDTH_IN) -> Figure:
    """Return an empty figure whose title states the finding, wrapped to the width."""
    figure = Figure(figsize=(width_in, height_in), dpi=110, layout="constrained", facecolor="white")
    wrapped = textwrap.fill(drawable(title, 400), int(TITLE_COLUMNS * width_in / WIDTH_IN))
    figure.suptitle(wrapped, x=0.01, ha="left", fontsize=TITLE_SIZE)
    return figure


def one_axes(title: str, height_in: float = 4.0) -> tuple[Figure, Axes]:
    """Return a figure with a title and its one pair of axes, without a box around them."""
    figure = new_figure(title, height_in)
    axes = figure.subplots()
    bare(axes)
    return figure, axes


def empty_figure(title: str) -> Figure:
    """Return a figure that only says that there is nothing to show."""
    figure, axes = one_axes(title, 1.2)
    axes.set_axis_off()
    axes.text(0.0, 0.5, "nothing to show", fontsize=TEXT_SIZE, va="center", transform=axes.transAxes)
    return figure


def bare(axes: Axes) -> None:
    """Take away what carries no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=TEXT_SIZE)
    axes.xaxis.label.set_fontsize(TEXT_SIZE + 1)
    axes.yaxis.label.set_fontsize(TEXT_SIZE + 1)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Put one name beside each row, the first at the top."""
    axes.set_yticks(range(len(names)), [drawable(name) for name in names], fontsize=TEXT_SIZE)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def percent_axis(axes: Axes, which: str) -> None:
    """Show axes ("x", "y" or "xy") in percent; what lies beyond 0% and 100% stays without a number."""
    for axis in (axes.xaxis if one == "x" else axes.yaxis for one in which):
        axis.set_major_formatter(FuncFormatter(_percent_tick))


def target_line(axes: Axes, target: float, which: str) -> None:
    """Mark a target on one axis."""
    line = axes.axvline if which == "x" else axes.axhline
    line(target, color=DARK, linestyle=(0, (6, 3)), linewidth=1.2, label=f"target {percent(target)}")


def rows_height(n_rows: int) -> float:
    """Return a height in inches that keeps rows of text apart."""
    return 1.5 + ROW_IN * max(n_rows, 2)


def shortened(text: object, length: int = NAME_LENGTH) -> str:
    """Return text on one line, its middle left out where it is too long.

    Examples
    --------
    >>> shortened("a" * 30 + "b" * 30, 11)
    'aaaaa…bbbbb'
    """
    line = " ".join(str(text).split())
    if len(line) <= length:
        return line
    kept = length - 1
    return f"{line[: kept - kept // 2]}…{line[len(line) - kept // 2 :]}"


def drawable(text: object, length: int = NAME_LENGTH) -> str:
    r"""Return text that is drawn as it stands: one short line, no formulas, no characters that the font lacks.

    Examples
    --------
    >>> print(drawable("from $5 to $6"))
    from \$5 to \$6
    """
    known = _known_characters()
    signs = (sign if ord(sign) in known else UNDRAWABLE for sign in shortened(text, length))
    return "".join(signs).replace("$", r"\$")


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _percent_tick(share: float, _: int) -> str:
    """Return the number beside a tick."""
    return f"{100 * share:.6g}%" if -1e-9 <= share <= 1 + 1e-9 else ""


@functools.cache
def _known_characters() -> frozenset[int]:
    """Return the characters that the font can draw."""
    return frozenset(get_font(findfont(FontProperties())).get_charmap())
