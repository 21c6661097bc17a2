"""Tables for spreadsheets: no text cell is run as a formula."""

from __future__ import annotations

import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe_for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text cells no spreadsheet runs as a formula: a leading = + - @ tab or CR gets a quote."""

    def safe(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value

    text = [name for name in frame.columns if frame[name].dtype == object]
    return frame.assign(**{name: frame[name].map(safe) for name in text})
