"""An audit's folder: findings.json, cells.csv and the affected rows of every finding; owners."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.evidence import FINDINGS_FILE, LATEST_AUDIT, audits_folder
from workbench.files import write_atomically
from workbench.pilot import OWNED_FINDINGS_FILE, Pilot, read_owned_findings
from workbench.records.tables import safe_for_spreadsheets
from workbench.words import InputError

if TYPE_CHECKING:
    from workbench.audit.findings import DataFinding
    from workbench.audit.questions.assessment import Audit

CELLS_FILE = "cells.csv"
FORMER_OWNERS_FILE = "audit.yaml"
MAX_ROWS_EXPORTED, MAX_COLUMNS_EXPORTED = 100_000, 200
EXAMPLES = 10


def owners_of(pilot: Pilot) -> dict[str, str]:
    """Return who owns what, by a finding's id or its kind, as findings.yaml says.

    Raises
    ------
    InputError
        findings.yaml does not fit, or owners still stand in audit.yaml, which nothing reads.
    """
    former = pilot.suite / FORMER_OWNERS_FILE
    if former.is_file():
        raise InputError(
            f"{FORMER_OWNERS_FILE} is read no more: owners stand in {OWNED_FINDINGS_FILE}",
            where=str(former),
            remedy=f"write each with decision, reason and day into {OWNED_FINDINGS_FILE}: docs/data_audit.md",
        )
    owned = read_owned_findings(pilot.suite)
    return {} if owned is None else {one.id: one.owner for one in owned.findings}


def write_audit(audit: Audit, folder: Path) -> Path:
    """Write an audit's files into a folder and return the path of findings.json, which is written last."""
    from workbench.audit.cells import write_cells

    write_cells(audit.detection.cells, folder / CELLS_FILE)
    for finding in audit.findings:
        rows = affected_rows(audit, finding, finding.rows[:MAX_ROWS_EXPORTED])
        write_atomically(folder / "rows" / f"{finding.id}.csv", safe_for_spreadsheets(rows).to_csv(index=False))
    path = folder / FINDINGS_FILE
    write_atomically(path, json.dumps(audit.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def point_at(pilot: Pilot, audit: Audit) -> None:
    """Make an audit the pilot's newest one."""
    content = {"run": audit.run, "path": f"{audit.run}/{FINDINGS_FILE}"}
    write_atomically(audits_folder(pilot) / LATEST_AUDIT, json.dumps(content) + "\n")


def affected_rows(audit: Audit, finding: DataFinding, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Return affected records: data row, record id, the offending cells and why they offend, then the record.

    The first four columns are `row`, `record`, `offending` and `reason`; one that the table has itself is called
    `audit_row` and so on. Of more than 200 columns, those with offending cells come first and the others up to 200
    follow. Of a table that was sampled, a record outside the sample has its row and its reasons only.
    """
    cells = finding.cells[finding.cells["row"].isin(rows)]
    offending, reasons = _joined(cells, "column", ", "), _joined(cells, "reason", "; ")
    frame = audit.subject.frame
    head = pd.DataFrame(
        {
            "row": rows,
            "record": audit.subject.keys.reindex(rows).to_numpy(),
            "offending": offending.reindex(rows).to_numpy(),
            "reason": reasons.reindex(rows).to_numpy(),
        }
    )
    head.columns = pd.Index(_free_names(list(head.columns), [str(name) for name in frame.columns]))
    names = list(frame.columns)
    if len(names) > MAX_COLUMNS_EXPORTED:
        offends = set(cells["column"].map(str))
        names = sorted(names, key=lambda name: name not in offends)[:MAX_COLUMNS_EXPORTED]
    content = audit.subject.masking.frame(frame[names].reindex(rows).reset_index(drop=True))
    return pd.concat([head, content], axis="columns")


def _free_names(wanted: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Return names for own columns beside a table's: `audit_` stands before one until no column is called so."""
    found = []
    for name in wanted:
        while name in taken:
            name = f"audit_{name}"
        found.append(name)
    return found


def _joined(cells: pd.DataFrame, name: str, separator: str) -> pd.Series[str]:
    """Return the different texts of a column of flagged cells, by data row."""
    texts = pd.DataFrame({"row": cells["row"], "text": cells[name].map(str)}).drop_duplicates()
    is_alone = ~texts["row"].duplicated(keep=False)
    several = texts[~is_alone].groupby("row")["text"].agg(separator.join)
    joined: pd.Series[str] = pd.concat([texts[is_alone].set_index("row")["text"], several])
    return joined


def example_rows(audit: Audit, finding: DataFinding) -> NDArray[np.int64]:
    """Return up to ten affected data rows that can be shown: those with an offending cell first, spread evenly."""
    known = finding.rows[np.isin(finding.rows, audit.subject.rows)]
    marked = known[np.isin(known, finding.cells["row"].to_numpy())] if len(finding.cells) else known
    chosen = marked if len(marked) else known
    places = np.unique(np.linspace(0, max(0, len(chosen) - 1), min(EXAMPLES, len(chosen))).astype(int))
    return np.asarray(chosen[places], dtype=np.int64)
