"""Small tables whose errors are known by hand, for the audit's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.audit.detectors.detection import Detection, detect
from workbench.pilot.contract import TableContract
from workbench.records.tables.database import table_from

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))


def detected(frame: pd.DataFrame, contract: TableContract | None = None) -> Detection:
    """Look at a DataFrame."""
    with table_from(frame) as table:
        return detect(table, contract)


def flagged(frame: pd.DataFrame, contract: TableContract | None = None) -> dict[tuple[int, str], str]:
    """Return the kind of every flagged cell."""
    cells = detected(frame, contract).cells
    return {
        (int(row), column): kind for row, column, kind in zip(cells["row"], cells["column"], cells["kind"], strict=True)
    }


def shops(n: int = 200) -> pd.DataFrame:
    """Return sales of eight shops without an error: the shop settles its town, quantity x price is the amount."""
    rng = np.random.default_rng(3)
    towns = ["Augsburg", "Bremen", "Chemnitz", "Dortmund", "Erfurt", "Freiburg", "Göttingen", "Hamburg"]
    shop, quantity = rng.integers(0, 8, n), rng.integers(1, 90, n)
    price = np.round(rng.uniform(2, 60, n), 2)
    sold = np.datetime64("2024-01-01") + rng.integers(0, 300, n).astype("timedelta64[D]")
    paid = sold + rng.integers(0, 40, n).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "sale": [f"S-{1000 + i}" for i in range(n)],
            "shop": [f"shop {i}" for i in shop],
            "town": [towns[i] for i in shop],
            "quantity": quantity.astype(str),
            "price": [f"{x:.2f}" for x in price],
            "amount": [f"{x:.2f}" for x in np.round(quantity * price, 2)],
            "sold": sold.astype(str),
            "paid": paid.astype(str),
        }
    )


def with_cells(frame: pd.DataFrame, **cells: tuple[int, str | None]) -> pd.DataFrame:
    """Return a table with one cell of some columns replaced."""
    changed = frame.copy()
    for column, (row, value) in cells.items():
        changed.loc[row, column] = value
    return changed
