"""All development records by all versions: who decided what, and a click to what the record says and was replied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.evaluation import Evaluation
from workbench.evaluation.shown import said_by
from workbench.files import write_atomically
from workbench.metrics import Status, is_right
from workbench.pages import FilterKind, RowGroups, frame_html, table_data, table_page
from workbench.records.splits import Dataset
from workbench.words import several

PAGE = "records_by_version.html"
NONE, SOME, EVERY = "by none", "by some", "by every version"
RIGHT = "decided rightly"


@dataclass(frozen=True, slots=True, repr=False)
class RecordsByVersion:
    """Development records by versions; Jupyter shows it with filters, and a click unfolds a record.

    Parameters
    ----------
    frame : DataFrame
        Index: record id. `label`, and what each version decided, in a column of its name.
    page : Path
        The same as a page that needs no network.
    """

    frame: pd.DataFrame = field(compare=False)
    page: Path
    _html: str

    def __repr__(self) -> str:
        n, versions = len(self.frame), len(self.frame.columns) - 1
        return f"{several(n, 'record')} by {several(versions, 'version')}: {self.page}"

    def _repr_html_(self) -> str:
        return self._html


def records_by_version(evaluations: Sequence[Evaluation], dataset: Dataset, folder: Path) -> RecordsByVersion:
    """Return records by versions, and write the page into a folder.

    Rows begin with the records that no version decides rightly; the page has at most 10,000 of those that none, that
    some and that every version decides rightly. Evaluations and records are as they are shown.
    """
    outcomes = [one.outcomes for one in evaluations]
    ids = outcomes[0].index
    right = np.column_stack([is_right(one).reindex(ids, fill_value=False).to_numpy() for one in outcomes])
    decided = {one.agent: _decided(part.reindex(ids)) for one, part in zip(evaluations, outcomes, strict=True)}
    frame = pd.DataFrame({"label": outcomes[0]["label"], **decided}, index=ids).rename_axis("record_id")
    n_right = right.sum(axis=1)
    by = np.select([n_right == 0, n_right == len(outcomes)], [NONE, EVERY], SOME)
    marked = {name: _marked(frame[name], right[:, place]) for place, name in enumerate(decided)}
    replied = [one for one in evaluations if one.outcomes["text"].notna().any()]
    replies = {f"reply of {one.agent}": one.outcomes["text"].reindex(ids) for one in replied}
    table = pd.DataFrame({"record": ids, "label": frame["label"], RIGHT: by, **marked}, index=ids)
    table = table.assign(**{"what it says": said_by(dataset, ids), **replies}).iloc[np.argsort(n_right, kind="stable")]
    folded = dict.fromkeys(["what it says", *replies], FilterKind.FOLDED)
    kinds = {**dict.fromkeys(["label", RIGHT, *marked], FilterKind.CHOICE), **folded}
    caption = f"{several(len(ids), 'development record')} by {several(len(outcomes), 'version')}"
    data = table_data(table, kinds, caption, RowGroups(RIGHT, (NONE, SOME, EVERY)))
    write_atomically(folder / PAGE, table_page(data))
    return RecordsByVersion(frame, folder / PAGE, frame_html(data))


def _decided(outcomes: pd.DataFrame) -> pd.Series[Any]:
    """Return each action, or how the decision ended without one."""
    return outcomes["action"].where(outcomes["status"] == Status.OK.value, "(" + outcomes["status"].astype(str) + ")")


def _marked(decided: pd.Series[Any], right: np.ndarray) -> pd.Series[Any]:
    """Return each decision with whether it is wrong."""
    return decided.where(right, decided.astype(str) + ", wrong")
