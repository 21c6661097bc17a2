"""Access tests on the sandbox of invoice_matching: nothing is let in as it is, and each of twelve holes is found.

The holes were written down (`access_holes.py`) before the tests that find them were.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from access_holes import ACCESS_HOLES, pilot_with_holes

from workbench.environment.sandbox import RunningSandbox, postgresql_programs, running_postgresql, running_sandbox
from workbench.evidence import Exhibit
from workbench.integrations import ACCESS, AccessRequest
from workbench.integrations.access_tests import AccessBudget, try_access
from workbench.integrations.access_tests.maker import counted_access
from workbench.integrations.calling import WayIn
from workbench.integrations.lines import LineVerdict, ProbeLine
from workbench.pilot import Pilot, Severity, open_pilot
from workbench.pilot.integrations import read_integrations
from workbench.records.splits import Dataset, read_dataset

ROOT = Path(__file__).parent.parent
UNHURRIED = AccessBudget(part_s=120, whole_s=900)
RUNS = 10
FOUND_BY = {  # the tries by each of which a hole is told
    "erp_bank_account": {"ERP: rights: PUT /vendors/{vendor_id}/bank-account"},
    "erp_foreign_order": {
        "ERP.read_order: tenant: another tenant's ids",
        "ERP.read_receipts: tenant: another tenant's ids",
    },
    "erp_foreign_page": {"ERP.list_orders: tenant: another tenant's rows"},
    "erp_expired_receipts": {"ERP.read_receipts: access: token after it expired"},
    "worklist_rotated_write": {"WORKLIST.open_ticket: access: with the secret before"},
    "erp_foreign_writes": {"ERP.post: access: of another account", "ERP.send_back: access: of another account"},
    "erp_wider_scope": {"ERP: access: scope 'matching admin'", "ERP: access: scope 'matching *'"},
    "worklist_wildcard": {"WORKLIST.find_tickets: input: tricks in invoice_number"},
    "vendors_traversal": {"VENDORS.read_vendor: input: tricks in vendor_id", "VENDORS: canary: in any answer"},
    "erp_sql_postings": {"ERP.find_posting: input: tricks in invoice_number"},
    "erp_foreign_post": {"ERP.post: tenant: another tenant's ids"},
    "erp_error_tells": {"ERP: canary: personal data in errors"},
}

WITHOUT_ACCOUNTS = {  # SQLite knows none
    f"ARCHIVE.{operation}: access: {tried}"
    for operation in ("find_earlier", "count_earlier")
    for tried in ("without credentials", "with an invented credential")
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return read_dataset(open_pilot("invoice_matching", ROOT))


@pytest.fixture(scope="module")
def conforming(dataset: Dataset) -> Iterator[RunningSandbox]:
    with running_sandbox(open_pilot("invoice_matching", ROOT), dataset.documents()) as running:
        yield running


def lines_of(pilot: Pilot, dataset: Dataset, sandbox: RunningSandbox) -> tuple[ProbeLine, ...]:
    reach = WayIn(sandbox.places, sandbox.secrets)
    return asyncio.run(try_access(read_integrations(pilot.suite).settings, dataset, reach, UNHURRIED)).lines


def named(lines: tuple[ProbeLine, ...], verdict: LineVerdict) -> set[str]:
    """Return the tries with a verdict, each behind its system and operation."""
    found = (one for one in lines if one.verdict is verdict)
    return {f"{one.system}{'.' if one.operation else ''}{one.operation}: {one.line}" for one in found}


def test_the_holes_are_twelve_and_each_has_its_tries() -> None:
    assert len(ACCESS_HOLES) == 12
    assert {one.id for one in ACCESS_HOLES} == set(FOUND_BY)
    for one in ACCESS_HOLES:
        assert all(line.startswith((f"{one.system}:", f"{one.system}.")) for line in FOUND_BY[one.id])


@pytest.mark.slow
@pytest.mark.parametrize("run", range(RUNS))
def test_nothing_is_let_in_or_unclear_in_the_conforming_sandbox(
    run: int, dataset: Dataset, conforming: RunningSandbox
) -> None:
    lines = lines_of(open_pilot("invoice_matching", ROOT), dataset, conforming)
    assert named(lines, LineVerdict.DEVIATES) == set()
    assert named(lines, LineVerdict.UNCLEAR) == set()
    assert named(lines, LineVerdict.NOT_MEASURED) == WITHOUT_ACCOUNTS


@pytest.mark.slow
@pytest.mark.parametrize("hole", [one.id for one in ACCESS_HOLES])
def test_a_hole_is_let_in_by_its_tries_and_by_no_other(hole: str, dataset: Dataset, tmp_path: Path) -> None:
    pilot = pilot_with_holes(tmp_path, [hole])
    with running_sandbox(pilot, dataset.documents()) as running:
        lines = lines_of(pilot, dataset, running)
    assert named(lines, LineVerdict.DEVIATES) == FOUND_BY[hole]


@pytest.mark.slow
def test_twelve_holes_at_once_are_all_found(dataset: Dataset, tmp_path: Path) -> None:
    pilot = pilot_with_holes(tmp_path, list(FOUND_BY))
    with running_sandbox(pilot, dataset.documents()) as running:
        lines = lines_of(pilot, dataset, running)
    found = named(lines, LineVerdict.DEVIATES)
    assert {hole for hole, tries in FOUND_BY.items() if not tries <= found} == set()


@pytest.mark.slow
@pytest.mark.skipif(postgresql_programs() is None, reason="PostgreSQL is not installed")
def test_a_database_with_accounts_refuses_every_table_and_statement_that_was_not_granted(dataset: Dataset) -> None:
    pilot = open_pilot("invoice_matching", ROOT)
    with running_postgresql() as server, running_sandbox(pilot, dataset.documents(), database=server) as running:
        lines = lines_of(pilot, dataset, running)
    assert {one.verdict for one in lines} == {LineVerdict.KEPT}, "with accounts, all is measured"
    refused = named(lines, LineVerdict.KEPT)
    assert {
        "ARCHIVE: rights: read salaries", "ARCHIVE: rights: read earlier_documents_nordtal",
        "ARCHIVE: rights: insert into earlier_documents", "ARCHIVE: rights: delete from earlier_documents",
        "ARCHIVE: rights: update earlier_documents", "ARCHIVE: rights: create a table",
        "ARCHIVE.find_earlier: access: with an invented credential",
    } <= refused  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(postgresql_programs() is None, reason="PostgreSQL is not installed")
def test_a_right_that_a_database_account_has_beyond_its_grant_is_let_in(dataset: Dataset) -> None:
    pilot = open_pilot("invoice_matching", ROOT)
    with running_postgresql() as server, running_sandbox(pilot, dataset.documents(), database=server) as running:
        granted(server, running.secrets["ARCHIVE_USER"])
        lines = lines_of(pilot, dataset, running)
    assert named(lines, LineVerdict.DEVIATES) == {
        "ARCHIVE: rights: read salaries", "ARCHIVE: rights: read_salaries",
        "ARCHIVE: rights: update earlier_documents", "ARCHIVE: canary: in any answer",
        "ARCHIVE: rights: change_amount",
    }  # fmt: skip


def granted(server: str, user: str) -> None:
    """Let the agent's account read salaries and change documents, in the one schema of the sandbox that runs."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(server)
    with engine.begin() as connection:
        asked = "SELECT schemaname FROM pg_catalog.pg_tables WHERE tablename = 'salaries'"
        schema = connection.execute(sqlalchemy.text(asked)).scalar_one()
        for right, table in (("SELECT", "salaries"), ("UPDATE", "earlier_documents")):
            connection.execute(sqlalchemy.text(f'GRANT {right} ON "{schema}".{table} TO "{user}"'))
    engine.dispose()


@pytest.mark.slow
def test_an_access_test_leaves_evidence_that_is_computed_again_and_names_what_was_let_in(tmp_path: Path) -> None:
    pilot = pilot_with_holes(tmp_path, ["erp_foreign_order", "worklist_wildcard"])
    dataset = read_dataset(pilot)
    assert ACCESS.present(pilot, dataset, None) == (
        "no access test has been run; workbench integrations access invoice_matching --agent NAME"
    )
    exhibit = ACCESS.make(pilot, dataset, AccessRequest(records=2, budget=UNHURRIED))
    assert exhibit.answer.startswith("3 of ")
    assert exhibit.answer.endswith("0 of 6 secrets are too old, 0 of 11 texts hold personal data.")
    assert {one.severity for one in exhibit.findings} == {Severity.CRITICAL}
    assert [one.owner for one in exhibit.findings] == ["Mirko Stahl", "Mirko Stahl", "Jana Ritter"]
    kept = ACCESS.present(pilot, dataset, None)
    assert isinstance(kept, Exhibit)
    assert kept.about["agent"] == exhibit.about["agent"]
    again = counted_access(kept)
    assert (again.answer, again.findings, again.estimates) == (kept.answer, kept.findings, kept.estimates)
    tools = kept.tables["trials"].query("system == 'tools'")
    assert set(tools["verdict"]) == {"refused"}
    assert set(kept.tables["texts"]["place"]) == {"output", "trace", "prompt", "log"}


@pytest.mark.slow
def test_the_command_says_what_was_let_in_and_ends_well(tmp_path: Path) -> None:
    pilot = pilot_with_holes(tmp_path, ["erp_foreign_order"])
    line = [sys.executable, "-m", "workbench", "integrations", "access", pilot.name, "--root", str(tmp_path)]
    done = subprocess.run([*line, "--records", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 of ")
    assert "critical: ERP.read_order lets in what must be refused" in done.stdout
    as_json = subprocess.run([*line, "--records", "1", "--json"], capture_output=True, text=True, check=False)
    said = json.loads(as_json.stdout)
    assert said["estimates"]["access_violations"]["value"] == 2
    assert {one["verdict"] for one in said["trials"]} == {"refused", "let in", "not measured"}
    assert len(said["keys"]) == 6
