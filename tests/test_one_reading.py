"""`init` and `audit --records` give one answer for every column of every table: type, missing cells, and the time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from audit_tables import shops
from invented_tables import churn, intents, loans, reviews
from ticket_records import write_tickets

from workbench.audit.questions.assessment import audit_file
from workbench.commands.scaffold.choices import Columns
from workbench.commands.scaffold.contract import infer_contract
from workbench.pilot.contract import Role
from workbench.records.tables.reading import read_raw_table

INVOICES = Path(__file__).parents[1] / "datasets" / "invoice_matching" / "records-2025h1.csv"


def text_of(header: str, *row_of: Callable[[int], object]) -> str:
    """Return a table as text: a header, then 60 rows of what the functions give for each row's number, and 0 or 1."""
    rows = (";".join([*(str(cell(i)) for cell in row_of), str(i % 2)]) for i in range(60))
    return "\n".join([f"{header};y", *rows]) + "\n"


def german(i: int) -> str:
    return f"{1 + i % 28:02d}.{1 + i % 12:02d}.2025"


def american(i: int) -> str:
    return f"{1 + i % 12}/{1 + i % 28}/2025"


def untold(i: int) -> str:
    return f"0{1 + i % 9}/0{1 + i % 7}/2025"


def compact(i: int) -> str:
    return f"2025{1 + i % 12:02d}{1 + i % 28:02d}"


WRITTEN: dict[str, str] = {
    "german": text_of("Nr;Betrag;Datum", lambda i: f"r{i}", lambda i: f"1.{100 + i},5", german),
    "american": text_of("id;paid;net", str, american, lambda i: f"{i + 990:,}"),
    "untold": text_of("id;paid", str, untold),
    "gaps": text_of("id;qty;note", str, lambda i: "NA" if i % 9 == 0 else i, lambda i: f"n{i % 5}" if i % 4 else " "),
    "codes": text_of("id;plant;snowflake", str, lambda i: f"{i % 7:04d}", lambda i: 1580661436132757506 + i),
    "compact": text_of("id;posting_date", str, compact),
    "epoch": text_of("id;created_at", str, lambda i: 1_750_000_000 + 3_600 * i),
    "mixed": text_of("id;amount", str, lambda i: "12O" if i == 7 else i / 4),
    "index": text_of(";Unnamed: 1;kind", str, str, lambda i: "ab"[i % 2]),
}


def nested(path: Path) -> None:
    rows = [{"id": i, "o": {"net": i / 8, "on": i % 3 == 0}, "y": i % 2} for i in range(60)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def typed(path: Path) -> None:
    at = pd.date_range("2025-01-01", periods=60)
    pd.DataFrame({"id": range(60), "at": at, "x": [0.5, None] * 30, "y": [0, 1] * 30}).to_parquet(path)


MADE: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "tickets": ("queue", "t.csv", lambda path: write_tickets(path, 80)),
    "intents": ("intent", "t.csv", lambda path: intents(path, 120)),
    "churn": ("churned", "t.csv", lambda path: churn(path, 150)),
    "loans": ("decision", "t.csv", lambda path: loans(path, 150)),
    "reviews": ("recommends", "t.csv", lambda path: reviews(path, 150)),
    "shops": ("town", "t.csv", lambda path: shops().to_csv(path, index=False)),
    "invoices": ("decision", "t.csv", lambda path: path.write_bytes(INVOICES.read_bytes())),
    "nested": ("y", "t.jsonl", nested),
    "typed": ("y", "t.parquet", typed),
}


def table(folder: Path, name: str) -> tuple[Path, str]:
    """Write a table by its name, and return it with its label column."""
    if name in WRITTEN:
        (folder / "t.csv").write_text(WRITTEN[name], encoding="utf-8")
        return folder / "t.csv", "y"
    label, file, make = MADE[name]
    make(folder / file)
    return folder / file, label


@pytest.mark.parametrize("name", [*WRITTEN, *MADE])
def test_init_and_the_audit_read_a_table_alike(tmp_path: Path, name: str) -> None:
    path, label = table(tmp_path, name)
    made = infer_contract(read_raw_table(path), Columns(label), path.name)
    audit = audit_file(path)
    columns = audit.detection.columns
    assert [one.name for one in columns] == list(made.contract.columns)
    for one in columns:
        declared = made.contract.columns[one.name]
        if declared.role not in (Role.LABEL, Role.ID):
            said = (declared.type, declared.decimal, declared.format, made.n_missing(one.name))
            assert said == (one.written.type, one.written.decimal, one.written.format, one.n_missing), one.name
    assert made.contract.column_with(Role.TIMESTAMP) == audit.subject.roles.time
