"""Cost of an audit beside one DuckDB SUMMARIZE, fg-data-profiling alone and great-expectations alone, on the same file.

`python benchmarks/audit_speed.py [ROWS] [WAY ...]` writes the table to a temporary folder and measures each way in a
process of its own, imports included: CPU seconds of all threads and of the processes it starts, and the most memory
that one of them held. The ways:

- SUMMARIZE: DuckDB's own, what reading and counting cost;
- detect: every cell looked at and every rule held, no report;
- audit: the whole command `workbench audit --records FILE --out DIR`, with report, validated suite and profile page;
- profile: fg-data-profiling alone, its page of the whole file, with its defaults (asked for by name only: its
  correlations and plots of pairs are not meant for a million rows);
- profile-minimal: the same with `minimal=True`, which its documentation advises for large tables;
- expectations: great-expectations alone on `audit_alone.generated_suite`, yes or no only;
- expectations-rows: the same with the rows that break each expectation.

`python benchmarks/audit_speed.py --wide [COLUMNS ...]` measures the whole command on 200 rows of so many columns (1,250
and 5,000 unless given): CPU that grows faster than the columns do is what to look for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from dirty_tables.domains import orders
from dirty_tables.errors import spoil

KINDS = ("typo", "missing", "placeholder", "date_format", "dependency", "outlier", "case")
BLOCK = 100_000
WAYS = ("SUMMARIZE", "detect", "audit", "profile-minimal", "expectations", "expectations-rows")


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


def write_wide(path: Path, n_columns: int, n: int = 200) -> None:
    """Write a table of numbers, counts, categories, names, days and flags in turn."""
    rng = np.random.default_rng(0)
    days = np.datetime64("2024-01-01")
    makers = (
        lambda: np.round(rng.normal(100, 20, n), 3).astype(str),
        lambda: rng.integers(0, 1_000, n).astype(str),
        lambda: rng.choice(["red", "green", "blue", "yellow"], n),
        lambda: [f"name {one}" for one in rng.integers(0, 500, n)],
        lambda: (days + rng.integers(0, 300, n).astype("timedelta64[D]")).astype(str),
        lambda: rng.choice(["Y", "N"], n),
    )
    columns = {f"column_{place}": makers[place % len(makers)]() for place in range(n_columns)}
    pd.DataFrame(columns).to_csv(path, index=False)


def measure_wide(sizes: list[int]) -> None:
    """Print what the whole command costs on wide tables."""
    with tempfile.TemporaryDirectory() as folder:
        for n_columns in sizes:
            path = Path(folder) / f"wide_{n_columns}.csv"
            write_wide(path, n_columns)
            cpu_s, peak_mb, _ = measured("audit", path)
            print(f"200 rows x {n_columns:,} columns: {cpu_s:.1f} CPU s, {peak_mb:,.0f} MB", flush=True)


def go(way: str, path: Path) -> None:
    """Do what a way does with the file, in this process; print the number of cells it names, if it names any."""
    match way:
        case "SUMMARIZE":
            import duckdb

            duckdb.sql(f"SUMMARIZE SELECT * FROM '{path}'").fetchall()
        case "detect":
            from workbench.audit.detectors.detection import detect
            from workbench.records.tables.database import open_table

            with open_table(path) as table:
                print(len(detect(table).cells))
        case "profile" | "profile-minimal":
            from audit_alone import write_profile

            write_profile(path, path.with_suffix(".html"), minimal=way == "profile-minimal")
        case "expectations" | "expectations-rows":
            import pandas as pd
            from audit_alone import broken_cells, generated_suite

            frame = pd.read_csv(path, low_memory=False)
            suite = generated_suite(frame)
            cells = broken_cells(frame, suite, "COMPLETE" if way == "expectations-rows" else "BOOLEAN_ONLY")
            print(len(cells) if way == "expectations-rows" else "")
        case _:
            raise SystemExit(f"there is no way {way!r}: {', '.join(('profile', *WAYS))}")


def measured(way: str, path: Path) -> tuple[float, float, str]:
    """Return CPU seconds, the most memory of a process in MB, and the number of cells named, empty when none are."""
    out = path.parent / "audit"
    command = [sys.executable, __file__, "--go", way, str(path)]
    if way == "audit":
        command = [sys.executable, "-m", "workbench", "audit", "--records", str(path), "--out", str(out)]
    with tempfile.TemporaryFile("w+") as answer, tempfile.TemporaryFile("w+") as messages:
        process = subprocess.Popen(command, stdout=answer, stderr=messages)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        answer.seek(0)
        messages.seek(0)
        if process.returncode:
            raise SystemExit(f"{way} failed: {messages.read()[-2_000:]}")
        n_cells = answer.read().strip()
    if way == "audit":
        with (out / "cells.csv").open(encoding="utf-8") as file:
            n_cells = str(sum(1 for _ in file) - 1)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, n_cells


def main() -> None:
    """Measure each way on the same file."""
    if sys.argv[1:2] == ["--go"]:
        go(sys.argv[2], Path(sys.argv[3]))
        return
    if sys.argv[1:2] == ["--wide"]:
        measure_wide([int(one) for one in sys.argv[2:]] or [1_250, 5_000])
        return
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        write(path, n)
        print(f"{n:,} rows x 20 columns, {path.stat().st_size / 1e6:,.1f} MB of CSV, {os.cpu_count()} cores")
        print(f"{'':18}{'CPU s':>8}{'peak MB':>10}{'cells named':>14}")
        for way in sys.argv[2:] or WAYS:
            cpu_s, peak_mb, n_cells = measured(way, path)
            print(f"{way:18}{cpu_s:8.1f}{peak_mb:10,.0f}{n_cells:>14}", flush=True)


if __name__ == "__main__":
    main()
