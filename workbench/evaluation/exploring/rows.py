"""Decisions of a version as one table, a row for each record, and the rows that a reader asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.evaluation import Evaluation
from workbench.metrics import is_right, routes
from workbench.pilot import Role, cell_text
from workbench.records.splits import Dataset
from workbench.words import InputError, did_you_mean, shown

NO_THRESHOLD = "no_threshold"
FIRST = ("label", "label_reason", "action", "right", "route", "confidence", "reason", "reply")
LAST = ("status", "cause", "detail", "latency_s", "attempts", "prompt_tokens", "completion_tokens", "class", "source")
TAKEN = "record_"
Where = str | Callable[[pd.DataFrame], Any] | None


def decisions_frame(evaluation: Evaluation, dataset: Dataset) -> pd.DataFrame:
    """Return the decisions of an evaluation beside their records, both as they are shown.

    Returns
    -------
    DataFrame
        Index: record id. `label`, and `label_reason` where there is one; `action`, `right`, `route` (what becomes of
        the record at the version's threshold), `confidence`, `reason`, `reply` as it came; what an agent sees of the
        record; how it ended (`status`, `cause`, `detail`), `latency_s`, `attempts`, tokens; `class` and `source` where
        the contract has them. A column of the records with one of these names is called `record_NAME`.
    """
    outcomes = evaluation.outcomes.rename(columns={"text": "reply"})
    outcomes = outcomes.assign(right=is_right(outcomes), route=_route(evaluation))
    first, last = (outcomes[[name for name in names if name in outcomes]] for names in (FIRST, LAST))
    fields = (
        record_fields(dataset)
        .loc[outcomes.index]
        .rename(columns=lambda name: f"{TAKEN}{name}" if name in (*FIRST, *LAST) else name)
    )
    return pd.concat([first, fields, last], axis="columns").rename_axis("record_id")


def record_fields(dataset: Dataset) -> pd.DataFrame:
    """Return what an agent sees of the records, without their ids, which are the index."""
    ids = {name for name, column in dataset.contract.columns.items() if column.role is Role.ID}
    fields = dataset.shown()
    return fields[[name for name in fields.columns if name not in ids]]


def chosen_rows(frame: pd.DataFrame, where: Where, fields: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows that a reader asks for.

    Parameters
    ----------
    where : str or callable, optional
        What `DataFrame.query` takes, or a function that gives a flag for each row.
    fields : mapping
        Column to the value it must have, several of which any will do, or a function of one value.

    Raises
    ------
    InputError
        There is no such column, no row has such a value, or the query cannot be read.
    """
    flags = pd.Series(True, index=frame.index)
    for name, wanted in fields.items():
        if name not in frame:
            names = list(map(str, frame.columns))
            raise InputError(
                f"decisions have no column {name!r}", expected=shown(names), remedy=did_you_mean(name, names)
            )
        flags &= _has(frame[name], wanted)
    if callable(where):
        flags &= np.asarray(where(frame), dtype=bool)
    elif where is not None:
        flags &= frame.index.isin(_queried(frame, where).index)
    return frame[flags]


def _route(evaluation: Evaluation) -> pd.Series[Any]:
    """Return where each record goes; without a threshold nothing is decided alone."""
    threshold, escalate = evaluation.threshold, evaluation.escalate_label
    if threshold is not None:
        return routes(evaluation.outcomes, threshold.threshold, escalate).astype(object)
    found = routes(evaluation.outcomes, 1.0, escalate).astype(object)
    return found.replace({"automated": NO_THRESHOLD, "below_threshold": NO_THRESHOLD})


def _has(cells: pd.Series[Any], wanted: Any) -> pd.Series[bool]:
    """Return whether each cell has one of the wanted values; 101, "101" and 101.0 are the same."""
    if callable(wanted):
        return cells.map(wanted).astype(bool)
    if wanted is None:
        return cells.isna()
    several = wanted if isinstance(wanted, Collection) and not isinstance(wanted, str) else (wanted,)
    texts, meant = cells.map(cell_text), {cell_text(one) for one in several}
    unknown = sorted(meant - set(texts))
    if unknown:
        known = sorted(set(texts[cells.notna()]))
        raise InputError(
            f"no record has {cells.name} {unknown[0]!r}", expected=shown(known), remedy=did_you_mean(unknown[0], known)
        )
    return texts.isin(meant)


def _queried(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    try:
        return frame.query(where, engine="python")
    except Exception as error:  # pandas raises what it meets: a name, a type, the grammar
        raise InputError(
            "a condition cannot be read",
            got=f"{where!r}: {error}",
            expected="what DataFrame.query takes, such as \"confidence > 0.9 and label == 'approve'\"",
        ) from None
