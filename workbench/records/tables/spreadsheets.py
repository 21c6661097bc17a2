"""Tables that a spreadsheet opens safely and that read back exactly."""

from __future__ import annotations

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
    """Return a table with every text cell marked where it needs it; `unmarked` takes a mark away again."""
    text = [name for name in frame.columns if frame[name].dtype == object]
    cells = {name: frame[name].map(lambda value: marked(value) if isinstance(value, str) else value) for name in text}
    return frame.assign(**cells)
