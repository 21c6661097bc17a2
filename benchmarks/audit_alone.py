"""What fg-data-profiling alone and great-expectations alone say of a CSV file that nobody has described to them.

Both read the file as their users do, with `pandas.read_csv` and its defaults: numbers become numbers, and "N/A", "NULL"
and the like become missing.

great-expectations 1.x proposes no expectations: its data assistants and profilers were removed before 1.0 (pull request
9859 of its repository), and `to_expectation_suite` of the profiler calls interfaces that 1.x no longer has. A suite
that nobody wrote is empty and finds nothing. `generated_suite` is therefore ours: what a script can derive from the
types and the values of single columns, in the kinds of expectations that the removed assistants proposed.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

os.environ |= {"YDATA_PROFILING_NO_ANALYTICS": "1", "GX_ANALYTICS_ENABLED": "false", "TQDM_DISABLE": "1"}

Expectation = tuple[str, dict[str, Any]]

FILLED, NEARLY_ALL, ALIKE = 0.9, 0.98, 0.9
CATEGORY, HELD_BY = 0.2, 3
FENCE = 3.0
DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%H:%M")
NUMBER = r"^-?\d+(\.\d+)?$"
CELL_COLUMNS = ["row", "column"]


def alerts(frame: pd.DataFrame, minimal: bool = False) -> list[tuple[str, str | None]]:
    """Return the profiler's alerts: kind and column, None where one is about the whole table.

    Plots that no alert depends on are left out, so that many small tables can be described.
    """
    report = _report(frame, minimal, interactions=None, missing_diagrams=None, samples=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = report.get_description().alerts
    return [(one.alert_type.name, one.column_name) for one in found if not one._is_empty]


def cells_of_alerts(frame: pd.DataFrame, found: Sequence[tuple[str, str | None]]) -> pd.DataFrame:
    """Return the cells that alerts can be traced to: those missing and infinite in the columns that they name."""
    parts = []
    for kind, column in found:
        if kind not in {"MISSING", "INFINITE"} or column is None:
            continue
        is_meant = frame[column].isna() if kind == "MISSING" else np.isinf(frame[column])
        parts.append(pd.DataFrame({"row": np.flatnonzero(is_meant), "column": column}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CELL_COLUMNS)


def write_profile(path: Path, page: Path, minimal: bool) -> None:
    """Write the profiler's page of a whole CSV file, as its documentation does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _report(pd.read_csv(path), minimal).to_file(page)


def _report(frame: pd.DataFrame, minimal: bool, **more: object) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from data_profiling import ProfileReport

        return ProfileReport(frame, minimal=minimal, progress_bar=False, **more)


def generated_suite(frame: pd.DataFrame) -> list[Expectation]:
    """Return what can be expected of each column alone, derived from its type and its values.

    Not empty where 90% are filled; unique where 98% are; a number between the outer fences of the quartiles, and not
    negative where 98% are not; a text in digits, or a day or time, like 90% of the column; one of the values that at
    least three rows hold where the column repeats itself; else of the shape that 90% have.
    """
    return [expectation for name in frame.columns for expectation in _of_column(str(name), frame[name])]


def _of_column(name: str, cells: pd.Series[Any]) -> list[Expectation]:
    filled = cells.dropna()
    if filled.empty:
        return []
    found: list[Expectation] = []
    if len(filled) >= FILLED * len(cells):
        found.append(("ExpectColumnValuesToNotBeNull", {"column": name}))
    is_number = pd.api.types.is_numeric_dtype(filled)
    if filled.nunique() >= NEARLY_ALL * len(filled) and not pd.api.types.is_float_dtype(filled):
        found.append(("ExpectColumnValuesToBeUnique", {"column": name}))
    if is_number:
        low, high = np.quantile(filled, (0.25, 0.75))
        lowest, highest = float(low - FENCE * (high - low)), float(high + FENCE * (high - low))
        if (filled >= 0).mean() >= NEARLY_ALL:
            lowest = max(0.0, lowest)
        if high > low:
            limits = {"min_value": lowest, "max_value": highest}
            found.append(("ExpectColumnValuesToBeBetween", {"column": name, **limits}))
        return found
    return [*found, *_of_text(name, filled.astype(str))]


def _of_text(name: str, texts: pd.Series[str]) -> list[Expectation]:
    """Return how a column of texts is written, or which values it holds."""
    if texts.str.fullmatch(NUMBER).mean() >= ALIKE:
        return [("ExpectColumnValuesToMatchRegex", {"column": name, "regex": NUMBER})]
    for layout in DAYS:
        if pd.to_datetime(texts, format=layout, errors="coerce").notna().mean() >= ALIKE:
            return [("ExpectColumnValuesToMatchStrftimeFormat", {"column": name, "strftime_format": layout})]
    counts = texts.value_counts()
    if len(counts) <= CATEGORY * len(texts):
        values = sorted(counts.index[counts >= HELD_BY])
        return [("ExpectColumnValuesToBeInSet", {"column": name, "value_set": values})]
    shapes = texts.map(_shape).value_counts()
    if shapes.iloc[0] >= ALIKE * len(texts):
        return [("ExpectColumnValuesToMatchRegex", {"column": name, "regex": f"^{shapes.index[0]}$"})]
    return []


def _shape(text: str) -> str:
    return re.sub(r"[A-Za-z]", "[A-Za-z]", re.sub(r"\d", "9", re.escape(text))).replace("9", r"\d")


def broken_cells(frame: pd.DataFrame, suite: Sequence[Expectation], result_format: str = "COMPLETE") -> pd.DataFrame:
    """Return the cells that great-expectations reports for a suite; none where only yes or no is asked for."""
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        asset = context.data_sources.add_pandas("file").add_dataframe_asset("file")
        batch = asset.add_batch_definition_whole_dataframe("file").get_batch({"dataframe": frame})
        made = [getattr(gx.expectations, kind)(**kwargs) for kind, kwargs in suite]
        shape = {"result_format": result_format, "return_unexpected_index_query": False}
        results = batch.validate(gx.ExpectationSuite(name="generated", expectations=made), result_format=shape).results
    parts = []
    for one in results:
        if (one.exception_info or {}).get("raised_exception"):
            raise RuntimeError(f"great-expectations could not run {one.expectation_config.type}: {one.exception_info}")
        rows = one.result.get("unexpected_index_list") or []
        parts.append(pd.DataFrame({"row": rows, "column": one.expectation_config.kwargs["column"]}))
    return pd.concat(parts, ignore_index=True).astype({"row": int}) if parts else pd.DataFrame(columns=CELL_COLUMNS)
