"""What an audit says of a table too large to list or to look at in full."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from workbench.audit.detectors.gaps import MISSING_VALUE
from workbench.audit.published.page import Attachments, audit_page
from workbench.audit.published.store import affected_rows, write_audit
from workbench.audit.questions.assessment import audit_file
from workbench.audit.questions.quality import quality
from workbench.audit.table.rules import Rule, RuleKind, RuleResult, cells_of, unlisted


def result_of(n_broken: int, n_listed: int) -> RuleResult:
    rule = Rule(RuleKind.NOT_NULL, (0,), ("when",), MISSING_VALUE, "empty")
    return RuleResult(rule, 10, n_broken, np.arange(n_listed))


def test_a_rule_that_more_rows_break_than_are_listed_is_said_so(tmp_path: Path) -> None:
    assert unlisted([result_of(3, 3)]) == ()
    (said,) = unlisted([result_of(3, 3), result_of(7, 5)])
    assert "'when', empty: 7 rows break it; the first 5 are listed" in said
    pd.DataFrame({"when": [None] * 7 + ["x"] * 3, "n": range(10)}).to_csv(tmp_path / "t.csv", index=False)
    subject = audit_file(tmp_path / "t.csv").subject
    assert quality(subject, cells_of([result_of(7, 5)]), (said,)).notes == (said,)


def test_the_report_of_a_large_table_says_what_was_sampled_and_how_much(tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    duckdb.sql(f"COPY (SELECT i AS id, 'abc'[1 + i % 3] AS kind FROM range(100_001) t(i)) TO '{path}' (FORMAT parquet)")
    audit = audit_file(path)
    checks = {one.name: (one.is_exact, one.n_rows) for one in audit.checks}
    assert checks["completeness, variation, drift, volume"] == (False, 50_000)
    assert checks["personal data"] == (False, 20_000)
    assert checks["missing"] == (True, 100_001)
    assert {"name": "personal data", "is_exact": False, "n_rows": 20_000} in audit.as_json()["checks"]
    assert "drift, volume (50,000 rows), personal data (20,000 rows)" in audit_page(audit, Attachments())


def test_an_affected_row_names_every_offending_cell_and_reason_once(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": list("xyz"), "b": list("uvw")}).to_csv(path, index=False)
    audit = audit_file(path)
    cells = pd.DataFrame(
        [(2, "a", "typo", "r1"), (2, "b", "typo", "r2"), (2, "a", "format", "r2"), (0, "b", "typo", "r1")],
        columns=["row", "column", "kind", "reason"],
    )
    finding = replace(quality(audit.subject, cells).findings[0], cells=cells)
    table = affected_rows(audit, finding, np.array([0, 2])).set_index("row")
    assert table.loc[2, ["offending", "reason"]].tolist() == ["a, b", "r1; r2"]
    assert table.loc[0, ["offending", "reason"]].tolist() == ["b", "r1"]


def test_own_columns_get_free_names_whatever_the_tables_are_called(tmp_path: Path) -> None:
    own = pd.DataFrame({"row": list("xyz"), "record": list("uvw"), "reason": ["", "b", "c"], "audit_reason": "d"})
    own.to_csv(tmp_path / "t.csv", index=False)
    audit = audit_file(tmp_path / "t.csv")
    (finding,) = [one for one in audit.findings if one.kind == "missing"]
    table = affected_rows(audit, finding, finding.rows)
    first = ["audit_row", "audit_record", "offending", "audit_audit_reason", "row", "record", "reason", "audit_reason"]
    assert list(table.columns) == first
    assert table.loc[0, ["audit_row", "audit_audit_reason", "row"]].tolist() == [0, "empty in a required field", "x"]
    write_audit(audit, tmp_path / "out")
    written = pd.read_csv(tmp_path / "out" / "rows" / f"{finding.id}.csv")
    assert list(written.columns) == first
    assert "empty in a required field" in audit_page(audit, Attachments())
