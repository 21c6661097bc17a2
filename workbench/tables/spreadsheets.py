"""Tables that a spreadsheet opens safely and that read back exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
MARK = "'"


def marked(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula: one mark in front where it begins like one, or with a mark.

    Examples
    --------
    >>> marked("=1+1"), marked("'quoted'"), marked("plain")
    ("'=1+1", "''quoted'", 'plain')
    """
    return f"{MARK}{text}" if text.startswith((*FORMULA_STARTS, MARK)) else text


def unmarked(text: str) -> str:
    """Return the text that `marked` was given.

    Examples
    --------
    >>> unmarked(marked("=1+1")), unmarked(marked("'quoted'")), unmarked("plain")
    ('=1+1', "'quoted'", 'plain')
    """
    return text.removeprefix(MARK)


def safe_for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with every text cell marked where it needs it; `as_written` takes the marks away again."""
    return _mapped(frame, marked)


def as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table that `safe_for_spreadsheets` was given, from what was read of its file."""
    return _mapped(frame, unmarked)


def _mapped(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    text = [name for name in frame.columns if frame[name].dtype == object]
    cells = {name: frame[name].map(lambda value: change(value) if isinstance(value, str) else value) for name in text}
    return frame.assign(**cells)
