"""Typos in names, towns and prose: fifty planted in each of five tables whose true values are often a keystroke apart.

`python benchmarks/typo_accuracy.py` prints the table of docs/audit_benchmark.md.
"""

from __future__ import annotations

import numpy as np
from dirty_tables.naming import NAMING, Named, with_typos
from dirty_tables.scoring import Score, score

from workbench.audit.detectors.detection import detect
from workbench.records.tables.database import table_from

SEEDS = (101, 102, 103)
NOTHING = Score(0, 0, 0)


def typos_found(named: Named, seed: int) -> tuple[Score, int]:
    """Return the score of the typo flags on a table with fifty typos, and how many of these any flag finds."""
    dirty = with_typos(np.random.default_rng(seed), named)
    with table_from(dirty.table) as table:
        cells = detect(table).cells
    names = dirty.table.columns
    return score(dirty.wrong, names, cells[cells["kind"] == "typo"]), score(dirty.wrong, names, cells).n_found


def clean_typos(named: Named) -> int:
    """Return how many cells of the table without a typo are flagged as one."""
    with table_from(named.table) as table:
        return int((detect(table).cells["kind"] == "typo").sum())


def main() -> None:
    """Print a line for each table, over all seeds."""
    print(
        "| table | planted | typo flags | precision | found by them | found by any flag | flagged in the clean table |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, make in NAMING.items():
        total, n_any, n_clean = NOTHING, 0, 0
        for seed in SEEDS:
            named = make(np.random.default_rng(seed))
            found, any_flag = typos_found(named, seed + 1)
            total, n_any, n_clean = total + found, n_any + any_flag, n_clean + clean_typos(named)
        shares = f"{total.precision or 0:.2f} | {total.recall or 0:.2f} | {n_any / total.n_wrong:.2f}"
        print(f"| {name} | {total.n_wrong} | {total.n_flagged} | {shares} | {n_clean} |")


if __name__ == "__main__":
    main()
