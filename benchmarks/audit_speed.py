"""Cost of looking at every cell of 1,000,000 rows x 20 columns, beside one DuckDB SUMMARIZE of the same file.

`python benchmarks/audit_speed.py [ROWS]` writes the table to a temporary folder and measures each in a process of its
own: CPU seconds (all threads, imports included) and the most memory resident.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from dirty_tables.domains import orders
from dirty_tables.errors import spoil

KINDS = ("typo", "missing", "placeholder", "date_format", "dependency", "outlier", "case")
BLOCK = 100_000


def write(path: Path, n: int) -> None:
    """Write order lines with about 1% of errors of seven kinds, made once and repeated with new ids."""
    rng = np.random.default_rng(1)
    base = spoil(rng, orders(rng, min(n, BLOCK)), KINDS, rate=0.01).table
    customers = base["customer"].dropna().to_numpy()
    for start in range(0, n, len(base)):
        part = base.assign(order_id=[f"SO-{1_000_000 + start + i}" for i in range(len(base))])
        for name in ("length", "width", "height"):
            part[name] = np.round(rng.normal(100, 20, len(base)), 3).astype(str)
        part["reseller"] = rng.choice(customers, len(base))
        part["express"] = rng.choice(["Y", "N"], len(base))
        part["zip"] = rng.integers(10_000, 99_999, len(base)).astype(str)
        part.to_csv(path, index=False, mode="a", header=start == 0)


def measured(what: str, path: Path) -> dict[str, float]:
    """Do one of the two and return what it cost this process."""
    n_cells = 0
    if what == "SUMMARIZE":
        import duckdb

        duckdb.sql(f"SUMMARIZE SELECT * FROM '{path}'").fetchall()
    else:
        from workbench.audit.detection import detect
        from workbench.audit.reading import open_table

        with open_table(path) as table:
            n_cells = len(detect(table).cells)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024, "cells": n_cells}


def main() -> None:
    """Measure both on the same file."""
    if len(sys.argv) > 2:
        print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]))))
        return
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        write(path, n)
        print(f"{n:,} rows x 20 columns, {path.stat().st_size / 1e6:,.0f} MB of CSV, {os.cpu_count()} cores")
        print(f"{'':12}{'CPU s':>8}{'peak MB':>10}{'flagged cells':>16}")
        for what in ("SUMMARIZE", "detect"):
            command = [sys.executable, __file__, what, str(path)]
            row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"{what:12}{row['cpu_s']:8.1f}{row['peak_mb']:10,.0f}{row['cells']:16,.0f}")


if __name__ == "__main__":
    main()
