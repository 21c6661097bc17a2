"""Decisions and labels as they lie in a bundle: one CSV that a spreadsheet opens safely and that reads back exactly.

A cell of text that is empty or starts with = + - @ tab, CR or ' gets one ' in front, which reading takes away again; an
empty cell is no value. Numbers are written in full, so what is computed from the file is what was computed before.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import SignatureError
from workbench.metrics import EvaluationSettings, Price
from workbench.records.tables import MARK, marked, unmarked

DECISIONS, EVALUATIONS = "decisions", "evaluations"
FLOATS = ("confidence", "logprob", "stated", "latency_s")
INTEGERS = ("attempts", "prompt_tokens", "completion_tokens", "fold")


def evaluation_files(
    content: Mapping[str, Any], outcomes: pd.DataFrame, settings: EvaluationSettings
) -> dict[str, bytes]:
    """Return an evaluation as the two files of a bundle that it can be computed again from.

    Parameters
    ----------
    content : mapping
        `Evaluation.as_json()`.
    outcomes : DataFrame
        Its decisions beside labels and strata.
    settings : EvaluationSettings
        What its estimates depend on besides the outcomes.
    """
    name = f"{content['agent']}.{content['split']}"
    price = None if settings.price is None else settings.price.model_dump(mode="json")
    inputs = {"threshold": settings.threshold, "escalate_label": settings.escalate_label, "price": price}
    described = json.dumps({**content, "inputs": inputs}, indent=1, ensure_ascii=False, allow_nan=False)
    return {
        f"{EVALUATIONS}/{name}.json": described.encode(),
        f"{DECISIONS}/{name}.csv": decisions_csv(outcomes),
    }


def decisions_csv(outcomes: pd.DataFrame) -> bytes:
    """Return a table of outcomes as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(name) for name in outcomes.columns])
    columns = [_cells(outcomes[name]) for name in outcomes.columns]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def read_decisions(content: bytes) -> pd.DataFrame:
    """Return the table that `decisions_csv` wrote. Raises SignatureError when it is no such table."""
    try:
        header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in header]
        names = [_value(name) or "" for name in header]
        if len(set(names)) < len(names) or any(len(row) != len(header) for row in rows):
            raise ValueError("ragged rows, or columns named twice")
        return pd.DataFrame({name: _series(name, cells) for name, cells in zip(names, columns, strict=True)})
    except (ValueError, csv.Error) as error:
        raise SignatureError("a table of decisions cannot be read", got=str(error)[:200]) from None


def cells_csv(cells: pd.DataFrame) -> bytes:
    """Return cells as CSV, record ids first; every cell is text or missing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["record_id", *(_cell(name) for name in cells.columns)])
    columns = [[_cell(one) for one in cells.index], *(_cells(cells[name]) for name in cells.columns)]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def read_cells(content: bytes) -> pd.DataFrame:
    """Return the cells that `cells_csv` wrote. Raises SignatureError when it is no such table."""
    try:
        header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        if any(len(row) != len(header) for row in rows):
            raise ValueError("ragged rows")
        index = pd.Index([_value(row[0]) or "" for row in rows], dtype=object)
        names = [_value(name) or "" for name in header[1:]]
        values = [[_value(cell) for cell in row[1:]] for row in rows]
        return pd.DataFrame(values, index=index, columns=names, dtype=object)
    except (ValueError, csv.Error) as error:
        raise SignatureError("a table of cells cannot be read", got=str(error)[:200]) from None


def settings_from_inputs(inputs: Mapping[str, Any], confidence_level: float) -> EvaluationSettings:
    """Return the settings that a bundle's evaluation names, at a confidence level."""
    price = inputs["price"]
    return EvaluationSettings(
        threshold=inputs["threshold"],
        escalate_label=inputs["escalate_label"],
        confidence_level=confidence_level,
        price=None if price is None else Price(**price),
    )


def _cells(values: pd.Series[Any]) -> list[str]:
    is_missing = values.isna().to_numpy()
    return ["" if gone else _cell(value) for value, gone in zip(values.tolist(), is_missing, strict=True)]


def _cell(value: object) -> str:
    if isinstance(value, str):
        return marked(value) or MARK
    if isinstance(value, float | np.floating):
        return repr(float(value))
    return str(value)


def _value(cell: str) -> str | None:
    return unmarked(cell) if cell else None


def _series(name: str, cells: list[str]) -> pd.Series[Any]:
    if name in FLOATS:
        return pd.Series([float(cell) if cell else np.nan for cell in cells], dtype=float)
    if name in INTEGERS:
        return pd.Series([int(float(cell)) if cell else None for cell in cells], dtype="Int64")
    return pd.Series([_value(cell) for cell in cells], dtype=object)
