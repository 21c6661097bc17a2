"""Small tables for the tests of the audit's questions, with subjects made of them by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbench.audit.cells import no_cells
from workbench.audit.findings import DataFinding, Effort, Remedy, Severity
from workbench.audit.table.subject import Labels, Roles, Subject

REMEDY = Remedy("mend it", Effort.HOURS, "it is mended")


def subject_of(columns: Mapping[str, Sequence[object]], roles: Roles | None = None, **more: object) -> Subject:
    """Return a table as a subject without a contract."""
    frame = pd.DataFrame(dict(columns), dtype=object)
    keys = pd.Series(frame.index, index=frame.index)
    return Subject("table", (), frame, len(frame), "0" * 64, keys, roles or Roles(), **more)  # type: ignore[arg-type]


def labels_of(labels: Sequence[str], annotators: Mapping[str, Sequence[object]] | None = None) -> Labels:
    """Return labels of development records only, in order."""
    dev = pd.Series(labels, dtype=object)
    counts = pd.DataFrame({"dev": dev.value_counts(), "holdout": 0}).sort_index()
    others = pd.DataFrame(dict(annotators or {}), index=dev.index, dtype=object)
    return Labels(dev, "label", counts, tuple(sorted(set(labels))), others)


def cells_of(*cells: tuple[int, str, str]) -> pd.DataFrame:
    """Return flagged cells of row, column and kind."""
    rows = [(row, column, kind, f"{kind} in {column}") for row, column, kind in cells]
    return pd.DataFrame(rows, columns=list(no_cells().columns)) if rows else no_cells()


def finding(
    kind: str, rows: Sequence[int], severity: Severity, n: int = 100, columns: tuple[str, ...] = ()
) -> DataFinding:
    """Return a finding about some rows."""
    return DataFinding(kind, kind, columns, np.array(rows), n, severity, "seen", "harm", REMEDY)
