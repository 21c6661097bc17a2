"""What an audit leaves: the report, cells and rows; hostile cells stay text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from small_pilots import ALL_DEV, written_pilot
from typer.testing import CliRunner

from workbench.audit.maker import audit_exhibit
from workbench.audit.published.audits import publish
from workbench.audit.published.page import Attachments, audit_page
from workbench.audit.published.profile_page import made_safe, sample_for_profile
from workbench.audit.published.store import (
    owners_of,
    point_at,
    write_audit,
)
from workbench.audit.questions.assessment import audit_file, audit_pilot
from workbench.commands.cli import app
from workbench.evidence import earlier_findings, latest_findings
from workbench.pilot import OWNED_FINDINGS_FILE
from workbench.pilot.contract import read_table_contract
from workbench.pilot.pilot import Pilot
from workbench.words import InputError

ATTACK = "<script>alert(1)</script>"
COLUMNS = {"id": {"role": "id"}, "text": {"role": "text", "required": True}, "y": {"role": "label"}}
ROWS = [("1", "where is my card", "a"), ("2", None, "a"), ("3", "N/A", "b"), ("4", "how do i pay with it", "b")]


class Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    return written_pilot(tmp_path, COLUMNS, ROWS, {"a": ALL_DEV, "b": ALL_DEV})


def hostile(tmp_path: Path) -> Path:
    path = tmp_path / f"hostile {'&'}.csv"
    frame = pd.DataFrame(
        {
            ATTACK: [ATTACK if n % 3 else None for n in range(60)],
            "=1+1": [f"=cmd|{n}" for n in range(60)],
            '"><img src=x onerror=alert(2)>': ['"><img src=x onerror=alert(3)>'] * 60,
        }
    )
    frame.to_csv(path, index=False)
    return path


def test_hostile_names_and_cells_are_text_on_the_report(tmp_path: Path):
    audit = audit_file(hostile(tmp_path))
    page = audit_page(audit, Attachments({"<b>": "x.html"}, ATTACK))
    seen = Tags()
    seen.feed(page)
    assert seen.tags & {"script", "img", "iframe", "object", "link", "svg", "base", "form"} == set()
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert not [value for name, value in seen.attributes if name in ("src", "href") and "//" in value]
    assert "script-src 'none'" in page
    assert "default-src 'none'" in page
    assert "alert(1)" in page, "the cell is shown, as text"


def test_exported_rows_run_no_formula(tmp_path: Path):
    audit = audit_file(hostile(tmp_path))
    write_audit(audit, tmp_path / "out")
    files = list((tmp_path / "out" / "rows").iterdir())
    assert {path.name for path in files} == {f"{one.id}.csv" for one in audit.findings}
    for path in files:
        cells = pd.read_csv(path, dtype=str).stack()
        assert not cells.str.startswith(("=", "+", "@")).any()


def test_the_folder_of_a_pilots_audit_holds_what_others_read(pilot: Pilot):
    audit = audit_pilot(pilot)
    published = publish(audit, pilot.runs / "audit" / audit.run)
    point_at(pilot, audit)
    content = latest_findings(pilot)
    assert content is not None
    assert (content["pilot"], content["run"], content["n_records"]) == ("small", audit.run, 4)
    needed = "id kind title severity impact n_records columns rows_file evidence remediation effort owner recheck"
    assert all(set(needed.split()) <= set(one) for one in content["findings"])
    impacts = [one["impact"] for one in content["findings"]]
    assert impacts == sorted(impacts, reverse=True)
    estimate = content["sections"]["completeness"]["estimates"]["complete_records"]
    assert (estimate["value"], estimate["n"]) == (0.5, 4)
    cells = pd.read_csv(published.folder / "cells.csv")
    assert list(cells.columns) == ["row", "column", "kind", "reason"]
    [missing] = [one for one in content["findings"] if one["kind"] == "missing"]
    rows = pd.read_csv(published.folder / missing["rows_file"], dtype=str, keep_default_na=False)
    assert rows[["row", "record", "offending"]].to_numpy().tolist() == [["1", "2", "text"], ["2", "3", "text"]]


def test_owners_are_those_of_findings_yaml(pilot: Pilot):
    entry = {"id": "missing", "owner": "Ana", "decision": "mend", "reason": "filled on import", "until": "2027-01-31"}
    path = pilot.suite / OWNED_FINDINGS_FILE
    assert owners_of(pilot) == {}
    path.write_text(json.dumps({"title": "Assessment", "findings": [entry]}), encoding="utf-8")
    audit = audit_pilot(pilot, owners_of(pilot))
    assert [one.owner for one in audit.findings if one.kind == "missing"] == ["Ana"]
    assert [one.owner for one in audit_exhibit(pilot, audit).findings] == [""] * len(audit.findings)
    path.write_text(json.dumps({"title": "Assessment", "finding": [entry]}), encoding="utf-8")
    with pytest.raises(InputError, match="unknown key 'finding'"):
        owners_of(pilot)


def test_a_mended_record_is_seen_by_the_next_audit(pilot: Pilot):
    first = audit_pilot(pilot)
    publish(first, pilot.runs / "audit" / first.run)
    records = pilot.data / "records.csv"
    records.write_text(records.read_text(encoding="utf-8").replace("N/A", "why is it so"), encoding="utf-8")
    before = earlier_findings(pilot, first.run)
    published = publish(audit_pilot(pilot), pilot.runs / "audit" / "second", before)
    assert published.changes is not None
    [row] = published.changes[published.changes["id"].str.startswith("missing")].to_dict("records")
    assert (row["change"], row["records before"], row["records after"]) == ("better", 2, 1)
    assert f"Against audit {first.run}" in published.report.read_text(encoding="utf-8")


def test_an_unknown_audit_names_those_there_are(pilot: Pilot):
    with pytest.raises(InputError, match=r"no audit 'x'(.|\n)*no audit has been run yet"):
        earlier_findings(pilot, "x")
    audit = audit_pilot(pilot)
    write_audit(audit, pilot.runs / "audit" / audit.run)
    with pytest.raises(InputError, match=f"no audit 'x'(.|\n)*{audit.run}"):
        earlier_findings(pilot, "x")


def test_records_that_break_their_contract_are_audited_all_the_same(tmp_path: Path):
    columns = {**COLUMNS, "n": {"type": "integer"}}
    rows = [(*row, number) for row, number in zip(ROWS, ("1", "two", "3", "4"), strict=True)]
    audit = audit_pilot(written_pilot(tmp_path, columns, rows, {"a": ALL_DEV, "b": ALL_DEV}))
    assert audit.findings[0].kind == "contract_broken"
    assert audit.answer.startswith("No, not before something is fixed")
    assert "the records do not fit their contract" in audit.section("labels").answer


def test_the_profile_page_is_made_safe():
    page = made_safe(
        "<html><head><title>x</title></head><body onload=go() x><SCRIPT src='a'>b</SCRIPT ><p>c</p></body></html>"
    )
    assert "script-src 'none'" in page
    assert re.search(r"<script|onload", page, re.I) is None
    assert "<p>c</p>" in page


def test_the_profile_sees_a_sample_with_short_cells():
    frame = pd.DataFrame({"a": ["x" * 10_000] * 20_000, "b": [None] * 20_000}, dtype=object)
    sample = sample_for_profile(frame)
    assert sample.shape == (10_000, 2)
    assert sample["a"].str.len().max() == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a pilot, or a file"),
        (("small", "--records", "x.csv"), "name a pilot, or a file"),
        (("--records", "x.csv"), "--records needs --out"),
        (("--records", "x.csv", "--out", "o", "--compare", "latest"), "--compare belongs to a pilot"),
        (("small", "--out", "o"), "--out belongs to --records"),
        (("small", "--spark", "s.json"), "--spark needs --records"),
        (
            ("--records", "x.csv", "--out", "o", "--spark", "s.json", "--decimal", ","),
            "the suite says what is expected",
        ),
        (("--records", "nowhere.csv", "--out", "o"), "the file is not there"),
    ],
)
def test_the_command_refuses_what_does_not_fit(arguments, message):
    result = CliRunner().invoke(app, ["audit", *arguments])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("a,b\n", "holds no row"),
        ('a,b\n1,"2\n', "a quoted cell has no end"),
        ("a,b\n1,2\n3\n", "does not have the header's 2 cells"),
    ],
)
def test_files_that_are_no_table_are_one_clear_error(tmp_path: Path, content, message):
    path = tmp_path / "x.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        audit_file(path)


@pytest.mark.parametrize(
    "content",
    [
        "x\n" + "1\n" * 30,
        "a,b\n" + "1,\n" * 30,
        "when,v\n0000-00-00,1\n0001-01-01,2\n9999-12-31,3\n" + "2024-05-01,4\n" * 40,
        "m,n\n" + "".join(f"{('1', 'abc', '2024-01-01', '3.5', 'true', '')[n % 6]},{n}\n" for n in range(60)),
        f't,n\n"{"x y " * 500_000}",1\n' + "short,2\n" * 30,
    ],
    ids=["one column", "all-null column", "odd dates", "mixed types", "a cell of 2 MB"],
)
def test_odd_tables_get_a_report(tmp_path: Path, content):
    path = tmp_path / "x.csv"
    path.write_text(content, encoding="utf-8")
    published = publish(audit_file(path), tmp_path / "out")
    assert published.report.stat().st_size < 400_000
    assert json.loads((published.folder / "findings.json").read_text(encoding="utf-8"))["pilot"] is None


def test_a_contract_beside_a_file_says_what_is_wrong_in_it(tmp_path: Path):
    towns = ["Bremen", "Hamburg", "Kiel"] * 20
    (tmp_path / "x.csv").write_text("town,n\n" + "".join(f"{town},{n}\n" for n, town in enumerate(towns)), "utf-8")
    (tmp_path / "contract.yaml").write_text("columns: {town: {allowed: [Bremen, Hamburg]}}\n", "utf-8")
    audit = audit_file(tmp_path / "x.csv", read_table_contract(tmp_path / "contract.yaml"))
    flagged = audit.detection.cells[audit.detection.cells["kind"] == "not_allowed"]
    assert list(flagged["row"]) == [n for n, town in enumerate(towns) if town == "Kiel"]
    assert audit_file(tmp_path / "x.csv").detection.cells.empty
