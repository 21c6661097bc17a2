"""What the audit finds beside fg-data-profiling alone and great-expectations alone, on tables with known errors.

`python benchmarks/audit_beside.py [SEED ...]` prints the tables of docs/audit_benchmark.md. Every table is written as
CSV and read by each tool from that file; nobody configures anything. Cells are scored as in audit_accuracy.py. The
alerts of the profiler name columns, so columns are counted too: those with a wrong cell in which a tool points at
something that it does not point at in the clean table.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from audit_accuracy import NOTHING, SEEDS, shown
from audit_alone import alerts, broken_cells, cells_of_alerts, generated_suite
from dirty_tables.domains import TESTING
from dirty_tables.errors import Dirty, kinds_of, spoil
from dirty_tables.lookalikes import LOOKALIKES
from dirty_tables.scoring import Score, score

from workbench.audit.detectors.detection import detect
from workbench.audit.table.inferred import Beside
from workbench.records.tables.database import open_table

Points = frozenset[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Said:
    """What a tool says of a table: cells, and what it points at in which column."""

    cells: pd.DataFrame
    points: Points


@dataclass(frozen=True, slots=True)
class Found:
    """The score of cells; of the columns with a wrong cell, and of the others, how many a tool newly points at."""

    cells: Score = NOTHING
    n_spoiled: int = 0
    n_pointed: int = 0
    n_sound: int = 0
    n_sound_pointed: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(
            self.cells + other.cells,
            self.n_spoiled + other.n_spoiled,
            self.n_pointed + other.n_pointed,
            self.n_sound + other.n_sound,
            self.n_sound_pointed + other.n_sound_pointed,
        )


def by_audit(path: Path) -> Said:
    """Return the cells of the audit's cells.csv; the tables beside the file are those it refers to."""
    others = tuple(one for one in sorted(path.parent.glob("*.csv")) if one != path)
    with open_table(path) as table:
        cells = detect(table, beside=Beside(path.parent, others)).cells
    return Said(cells, _columns(cells))


def by_expectations(path: Path) -> Said:
    """Return the cells that break the generated suite."""
    frame = pd.read_csv(path, low_memory=False)
    cells = broken_cells(frame, generated_suite(frame))
    return Said(cells, _columns(cells))


def by_alerts(path: Path) -> Said:
    """Return the cells that the profiler's alerts can be traced to, and the alerts."""
    frame = pd.read_csv(path, low_memory=False)
    found = alerts(frame)
    return Said(cells_of_alerts(frame, found), frozenset(found))


TOOLS: Mapping[str, Callable[[Path], Said]] = {
    "audit": by_audit, "generated suite": by_expectations, "profile alerts": by_alerts,
}  # fmt: skip


def _columns(cells: pd.DataFrame) -> Points:
    return frozenset(("cell", str(name)) for name in cells["column"].unique())


def ask(table: pd.DataFrame, masters: Mapping[str, pd.DataFrame], path: Path) -> dict[str, Said]:
    """Return what each tool says of a table, with the tables that it refers to beside it."""
    table.to_csv(path, index=False)
    written = [path.parent / f"master {name}.csv" for name in masters]
    for target, master in zip(written, masters.values(), strict=True):
        master.to_csv(target, index=False)
    said = {name: tool(path) for name, tool in TOOLS.items()}
    for target in written:
        target.unlink()
    return said


def judged(dirty: Dirty, said: Said, usual: Points) -> Found:
    """Return how good it is what a tool says, given what it says of the clean table."""
    pointed = {column for _, column in said.points - usual}
    spoiled = set(dirty.table.columns[dirty.wrong.any(axis=0)])
    sound = set(dirty.table.columns) - spoiled
    cells = score(dirty.wrong, dirty.table.columns, said.cells)
    return Found(cells, len(spoiled), len(spoiled & pointed), len(sound), len(sound & pointed))


def of_kinds(path: Path, seeds: Sequence[int]) -> dict[str, dict[str, Found]]:
    """Return for each kind of error what each tool found, over all testing domains and seeds."""
    found: dict[str, dict[str, Found]] = {}
    for make in TESTING.values():
        for seed in seeds:
            domain = make(np.random.default_rng(seed))
            usual = ask(domain.table, {}, path)
            for kind in kinds_of(domain):
                dirty = spoil(np.random.default_rng(seed + 1_000), domain, [kind])
                row = found.setdefault(kind, dict.fromkeys(TOOLS, Found()))
                for name, said in ask(dirty.table, dirty.masters, path).items():
                    row[name] += judged(dirty, said, usual[name].points)
    return found


def of_lookalikes(path: Path, seeds: Sequence[int]) -> dict[str, dict[str, Score]]:
    """Return for each look-alike of a public table the score of each tool's cells, over all seeds."""
    found: dict[str, dict[str, Score]] = {}
    for table, make in LOOKALIKES.items():
        row = found.setdefault(table, dict.fromkeys(TOOLS, NOTHING))
        for seed in seeds:
            dirty = make(np.random.default_rng(seed))
            for name, said in ask(dirty.table, dirty.masters, path).items():
                row[name] += score(dirty.wrong, dirty.table.columns, said.cells)
    return found


def print_kinds(found: Mapping[str, Mapping[str, Found]]) -> None:
    names = " | ".join(TOOLS)
    print(f"| kind of error | wrong cells | {names} | columns with one | {names} |")
    print("|---|--:|", "--:|" * (2 * len(TOOLS) + 1), sep="")
    for kind in sorted(found):
        row = found[kind]
        cells = " | ".join(f"{shown(row[name].cells.precision)} / {shown(row[name].cells.recall)}" for name in TOOLS)
        columns = " | ".join(str(row[name].n_pointed) for name in TOOLS)
        first = row["audit"]
        print(f"| {kind} | {first.cells.n_wrong:,} | {cells} | {first.n_spoiled} | {columns} |")
    total = {name: sum((row[name] for row in found.values()), Found()) for name in TOOLS}
    sound = ", ".join(f"{name} {total[name].n_sound_pointed}" for name in TOOLS)
    print(f"\nColumns without a wrong cell, {total['audit'].n_sound}; newly pointed at: {sound}.")


def print_lookalikes(found: Mapping[str, Mapping[str, Score]]) -> None:
    print("| table | wrong cells |", *(f" {name}: precision / recall / F1 |" for name in TOOLS), sep="")
    print("|---|--:|", "--:|" * len(TOOLS), sep="")
    for table, row in found.items():
        cells = (f" {shown(one.precision)} / {shown(one.recall)} / {shown(one.f1)} |" for one in row.values())
        print(f"| {table} | {row['audit'].n_wrong:,} |", *cells, sep="")


def main() -> None:
    """Print every table."""
    seeds = tuple(map(int, sys.argv[1:])) or SEEDS
    print(", ".join(f"{name} {version(name)}" for name in ("great-expectations", "fg-data-profiling", "pandas")))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        print("\n## One kind of error at a time: cells (precision / recall), then columns\n")
        print_kinds(of_kinds(path, seeds))
        print("\n## Look-alikes of public tables\n")
        print_lookalikes(of_lookalikes(path, seeds))


if __name__ == "__main__":
    main()
