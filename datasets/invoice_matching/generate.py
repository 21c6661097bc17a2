"""Writes the generated records of the pilot invoice_matching: python datasets/invoice_matching/generate.py."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
from generator.classes import record_class
from generator.damage import SHARES, Entry, damage, mislabel, n_of_copies, remedy, with_copies
from generator.formats import read_formats
from generator.history import make_cases
from generator.numbering import number_cases
from generator.policy import read_policy
from generator.world import make_world

HERE = Path(__file__).resolve().parent
SEED, N_RECORDS = 2025, 6400
FILES = {"records-2025h1.csv": range(1, 7), "records-2025h2.csv": range(7, 13)}
PLANTED_COLUMNS = ("record_id", "kind", "column", "clean_value")


def make_entries(seed: int, n_records: int, remedied: Collection[str] = ()) -> list[Entry]:
    """Return the records in the order of receipt, with what was planted in them; remedied kinds are mended."""
    rng = np.random.Generator(np.random.PCG64(seed))
    policy = read_policy()
    formats = read_formats(policy.process)
    world = make_world(policy.process, rng)
    decided = make_cases(world, policy, _n_originals(n_records), rng)
    numbers = number_cases([case for case, _ in decided], rng)
    entries = []
    for (case, verdict), given in zip(decided, numbers, strict=True):
        row = formats[case.source].row(case, given)
        labels = {"class": record_class(case, verdict), "decision": verdict.decision, "reason_code": verdict.reason}
        entries.append(Entry({**row, **labels}, case, given))
    entries = with_copies(entries, rng)
    damage(entries, formats, rng)
    mislabel(entries, rng)
    remedy(entries, remedied)
    for number, entry in enumerate(entries, start=1):
        entry.row = {"record_id": f"IM{number:05d}", **entry.row}
    return entries


def _n_originals(n_records: int) -> int:
    """Return how many records are no copies."""
    return next(n for n in range(n_records, 0, -1) if n + n_of_copies(n) <= n_records)


def planted_rows(entries: Iterable[Entry]) -> list[tuple[str, str, str, str]]:
    """Return what was planted: record id, kind, column and the clean value."""
    rows = []
    for entry in entries:
        record = entry.row["record_id"]
        if entry.copy_of is not None:
            rows.append((record, "near_duplicate_record", "", entry.copy_of.row["record_id"]))
        rows.extend((record, planted.kind, planted.column, planted.clean) for planted in entry.planted)
    return rows


def write_records(entries: Sequence[Entry], folder: Path) -> None:
    """Write the records, one file for each half-year."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = tuple(entries[0].row)
    for name, months in FILES.items():
        rows = [tuple(entry.row.values()) for entry in entries if int(entry.row["received_at"][5:7]) in months]
        _write_csv(folder / name, columns, rows)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def main() -> None:
    """Write the records, and with --planted the list of what was planted in them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--records", type=int, default=N_RECORDS, help="how many, 100 at least")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the record files")
    parser.add_argument("--planted", type=Path, help="also write the planted label noise and data-quality issues here")
    parser.add_argument("--remedied", nargs="*", default=[], choices=SHARES, help="kinds of issue that are mended")
    parser.add_argument(
        "--masked", action="store_true", help="mask what notes hold of bank accounts and other personal data"
    )
    given = parser.parse_args()
    if given.records < 100:
        parser.error("--records must be at least 100")
    entries = make_entries(given.seed, given.records, given.remedied)
    if given.masked:
        from workbench.personal import masked

        for entry in entries:
            entry.row["note"] = masked(entry.row["note"])
    write_records(entries, given.out)
    if given.planted is not None:
        given.planted.parent.mkdir(parents=True, exist_ok=True)
        _write_csv(given.planted, PLANTED_COLUMNS, planted_rows(entries))


if __name__ == "__main__":
    main()
