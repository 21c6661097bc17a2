"""How many of the wrong cells were flagged, and how many of the flagged cells are wrong."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dirty_tables.errors import Dirty
from workbench.audit.detectors.detection import detect
from workbench.audit.table.inferred import Beside
from workbench.records.tables.database import table_from


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of cells: wrong ones, flagged ones, and those that are both."""

    n_wrong: int
    n_flagged: int
    n_found: int

    @property
    def precision(self) -> float | None:
        """Share of the flagged cells that are wrong; None when none is flagged."""
        return self.n_found / self.n_flagged if self.n_flagged else None

    @property
    def recall(self) -> float | None:
        """Share of the wrong cells that are flagged; None when none is wrong."""
        return self.n_found / self.n_wrong if self.n_wrong else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None when nothing is wrong and nothing flagged."""
        total = self.n_wrong + self.n_flagged
        return 2 * self.n_found / total if total else None

    def __add__(self, other: Score) -> Score:
        return Score(self.n_wrong + other.n_wrong, self.n_flagged + other.n_flagged, self.n_found + other.n_found)


def cells_found(dirty: Dirty) -> pd.DataFrame:
    """Return the cells that are flagged without any configuration, the tables it refers to lying beside the table."""
    with tempfile.TemporaryDirectory() as folder, table_from(dirty.table) as table:
        paths = tuple(Path(folder) / f"{name}.csv" for name in dirty.masters)
        for path, master in zip(paths, dirty.masters.values(), strict=True):
            master.to_csv(path, index=False)
        return detect(table, beside=Beside(Path(folder), paths)).cells


def score(wrong: np.ndarray, columns: pd.Index, cells: pd.DataFrame) -> Score:
    """Return the score of a table of flagged cells."""
    flagged = np.zeros(wrong.shape, dtype=bool)
    if len(cells):
        flagged[cells["row"].to_numpy(), columns.get_indexer(cells["column"])] = True
    return Score(int(wrong.sum()), int(flagged.sum()), int((wrong & flagged).sum()))
