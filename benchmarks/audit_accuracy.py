"""Accuracy of the audit's cells on tables with known errors: by kind of error, and on look-alikes of public tables.

`python benchmarks/audit_accuracy.py` prints the tables of docs/audit_benchmark.md; `--tuning` the domains that the
thresholds were chosen on, which the document does not report.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
from dirty_tables.domains import TESTING, TUNING, Domain, Rng
from dirty_tables.errors import kinds_of, spoil
from dirty_tables.lookalikes import CONTRACTS, LOOKALIKES
from dirty_tables.scoring import Score, cells_found, score

from workbench.audit.detectors.detection import detect
from workbench.pilot.contract import TableContract
from workbench.records.tables.database import table_from

SEEDS = (101, 102, 103)
NOTHING = Score(0, 0, 0)


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def by_kind(domains: Mapping[str, Callable[[Rng], Domain]]) -> dict[tuple[str, str], Score]:
    """Return the score for each kind of error alone in each domain, over all seeds."""
    found: dict[tuple[str, str], Score] = {}
    for name, make in domains.items():
        for seed in SEEDS:
            domain = make(np.random.default_rng(seed))
            for kind in kinds_of(domain):
                dirty = spoil(np.random.default_rng(seed + 1_000), domain, [kind])
                one = score(dirty.wrong, dirty.table.columns, cells_found(dirty))
                found[kind, name] = found.get((kind, name), NOTHING) + one
    return found


def all_kinds(domains: Mapping[str, Callable[[Rng], Domain]]) -> dict[str, tuple[Score, int]]:
    """Return for each domain the score with all kinds of errors at once, and the cells flagged in the clean table."""
    found: dict[str, tuple[Score, int]] = {}
    for name, make in domains.items():
        total, n_clean = NOTHING, 0
        for seed in SEEDS:
            domain = make(np.random.default_rng(seed))
            with table_from(domain.table) as table:
                n_clean += len(detect(table).cells)
            dirty = spoil(np.random.default_rng(seed + 2_000), domain, kinds_of(domain), rate=0.01)
            total += score(dirty.wrong, dirty.table.columns, cells_found(dirty))
        found[name] = (total, n_clean)
    return found


def print_kinds(found: Mapping[tuple[str, str], Score], domains: Mapping[str, object]) -> None:
    print("| kind of error | wrong cells | precision | recall |", *(f" {name} |" for name in domains), sep="")
    print("|---|--:|--:|--:|", *("--:|" for _ in domains), sep="")
    for kind in sorted({kind for kind, _ in found}):
        each = {name: found[kind, name] for name in domains if (kind, name) in found}
        total = sum(each.values(), NOTHING)
        cells = [f" {shown(each[n].precision)} / {shown(each[n].recall)} |" if n in each else " |" for n in domains]
        print(f"| {kind} | {total.n_wrong:,} | {shown(total.precision)} | {shown(total.recall)} |", *cells, sep="")


def print_lookalikes() -> None:
    print(
        "| table | wrong cells | precision | recall | F1 | F1 with a contract | CPU s |\n|---|--:|--:|--:|--:|--:|--:|"
    )
    for name, make in LOOKALIKES.items():
        plain, agreed, spent = NOTHING, NOTHING, 0.0
        for seed in SEEDS:
            dirty = make(np.random.default_rng(seed))
            with table_from(dirty.table) as table:
                start = time.process_time()
                plain += score(dirty.wrong, dirty.table.columns, detect(table).cells)
                spent += time.process_time() - start
                cells = detect(table, TableContract.model_validate(CONTRACTS[name])).cells
            agreed += score(dirty.wrong, dirty.table.columns, cells)
        figures = (plain.precision, plain.recall, plain.f1, agreed.f1)
        print(
            f"| {name} | {plain.n_wrong:,} |",
            *(f" {shown(value)} |" for value in figures),
            f" {spent / len(SEEDS):.1f} |",
            sep="",
        )


def main() -> None:
    """Print every table."""
    domains = TUNING if "--tuning" in sys.argv else TESTING
    print("## One kind of error at a time (precision / recall)\n")
    print_kinds(by_kind(domains), domains)
    print("\n## All kinds at once\n\n| domain | wrong cells | precision | recall | flagged in the clean table |")
    print("|---|--:|--:|--:|--:|")
    for name, (total, n_clean) in all_kinds(domains).items():
        print(f"| {name} | {total.n_wrong:,} | {shown(total.precision)} | {shown(total.recall)} | {n_clean} |")
    print("\n## Look-alikes of public tables\n")
    print_lookalikes()


if __name__ == "__main__":
    main()
