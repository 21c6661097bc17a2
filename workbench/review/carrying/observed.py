"""How often the systems hold what people decided: looked at when it was carried out, and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime

import pandas as pd

from workbench.environment import ENVIRONMENT_FILE, read_environment
from workbench.evidence import ColumnKind, table_of, write_table
from workbench.pilot import Pilot
from workbench.review.carrying.books import BOOKS_FILE, WrittenBooks

OBSERVED_FILE = "carried_out.csv"
KINDS = {"item": ColumnKind.TEXT, "times": ColumnKind.INTEGER, "where": ColumnKind.TEXT, "at": ColumnKind.TEXT}


def keep_observed(pilot: Pilot, held: Counter[str], where: str) -> None:
    """Keep how many rows the systems hold under each key, the most that was ever seen of one.

    A sandbox forgets when it ends or is told to; that something was there twice is not forgotten with it.
    """
    before = _kept(pilot)
    rows = {name: (times, place, at) for name, times, place, at in before.itertuples(index=False, name=None)}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for key, times in held.items():
        if key not in rows or times > rows[key][0]:
            rows[key] = (times, where, now)
    table = pd.DataFrame([(key, *row) for key, row in sorted(rows.items())], columns=list(KINDS))
    write_table(pilot.runs / OBSERVED_FILE, table.astype({"times": "int64"}))


def observed_writes(pilot: Pilot, items: Collection[str]) -> Counter[str]:
    """Return of some items how many rows the systems hold: as was kept, and as the environment's tables have it now.

    An item that is not there has none.
    """
    kept = _kept(pilot)
    found = Counter({str(name): int(times) for name, times in zip(kept["item"], kept["times"], strict=True)})
    path = pilot.runs / BOOKS_FILE
    if path.is_file() and (pilot.suite / ENVIRONMENT_FILE).is_file():
        for key, times in WrittenBooks(path, read_environment(pilot)).held(items).items():
            found[key] = max(found[key], times)
    return found


def _kept(pilot: Pilot) -> pd.DataFrame:
    path = pilot.runs / OBSERVED_FILE
    if not path.is_file():
        return pd.DataFrame({name: [] for name in KINDS})
    return table_of(path.read_bytes(), KINDS)
