"""What came of faults: judged by hand-made cases, counted into a matrix, and seen on real agents in a real sandbox."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from fault_agents import pilot_under_faults

from workbench.agents import Decision
from workbench.environment.connections import Asked, CallError, Connection, connected
from workbench.environment.proxy import ArmedFault, FaultKind, FiredFault, LosingConnection
from workbench.environment.sandbox import postgresql_programs, running_postgresql
from workbench.evidence import Exhibit, Facts, MadeBy, Terms, exhibit_of
from workbench.integrations.faults import (
    FAULTS,
    EndedDecision,
    FaultOutcome,
    FaultsRequest,
    HeldEffect,
    WaysOut,
    cells_table,
    matrix_of_cells,
    outcome_of,
)
from workbench.integrations.faults.asking import asked_in_turn
from workbench.integrations.faults.checks import FAULT_CHECKS
from workbench.integrations.faults.intake import READ, Kept, read_outcomes, tried_half_written
from workbench.integrations.faults.maker import counted_exhibit
from workbench.integrations.faults.outcomes import is_sound
from workbench.integrations.faults.running import EACH, CleanRun, planned_trials
from workbench.integrations.faults.tables import CELLS, MATRIX, FaultedRecord
from workbench.metrics import State, Status
from workbench.pilot.integrations import Operation, System
from workbench.records import Record
from workbench.records.splits import read_dataset
from workbench.runs import RunRequest
from workbench.words import InputError, SignatureError

WAYS = WaysOut({"ERP.post": "approve", "ERP.send_back": "reject", "DESK.ticket": "escalate"}, "escalate")
POST, DEARER, BACK, TICKET = (
    HeldEffect("ERP.post", '{"euro": 10}'),
    HeldEffect("ERP.post", '{"euro": 11}'),
    HeldEffect("ERP.send_back", "{}"),
    HeldEffect("DESK.ticket", "{}"),
)
PAID = EndedDecision("approve", (POST,))


@pytest.mark.parametrize(
    ("action", "held", "outcome"),
    [
        ("approve", (POST,), FaultOutcome.RECOVERED),
        ("approve", (POST, POST), FaultOutcome.DOUBLE),
        ("approve", (POST, DEARER), FaultOutcome.DOUBLE),
        (None, (POST, POST), FaultOutcome.DOUBLE),
        ("escalate", (TICKET, TICKET), FaultOutcome.DOUBLE),
        ("approve", (), FaultOutcome.LOST),
        ("escalate", (), FaultOutcome.LOST),
        (None, (), FaultOutcome.LOST),
        (None, (POST,), FaultOutcome.LOST),
        ("escalate", (TICKET,), FaultOutcome.ESCALATED),
        ("escalate", (TICKET, POST), FaultOutcome.WRONG),
        ("escalate", (POST,), FaultOutcome.WRONG),
        ("approve", (DEARER,), FaultOutcome.WRONG),
        ("approve", (BACK,), FaultOutcome.WRONG),
        ("approve", (POST, BACK), FaultOutcome.WRONG),
        ("reject", (BACK,), FaultOutcome.WRONG),
    ],
)
def test_an_outcome_is_told_by_what_is_held_and_what_was_said(
    action: str | None, held: tuple[HeldEffect, ...], outcome: FaultOutcome
) -> None:
    assert outcome_of(PAID, EndedDecision(action, held), WAYS) is outcome


def test_an_escalation_that_nothing_carries_out_is_handed_over_by_its_action() -> None:
    ways = WaysOut({"ERP.post": "approve"}, "escalate")
    assert outcome_of(PAID, EndedDecision("escalate", ()), ways) is FaultOutcome.ESCALATED
    assert outcome_of(PAID, EndedDecision("escalate", (POST,)), ways) is FaultOutcome.WRONG


@pytest.mark.parametrize(
    ("ended", "sound"),
    [
        (PAID, True),
        (EndedDecision("approve", ()), False),
        (EndedDecision("approve", (POST, POST)), False),
        (EndedDecision(None, ()), False),
        (EndedDecision("escalate", (POST,)), False),
    ],
)
def test_a_record_that_does_not_do_what_it_says_without_a_fault_is_not_held_against(
    ended: EndedDecision, sound: bool
) -> None:
    assert is_sound(ended, WAYS) is sound


def seen(operation: str, after: EndedDecision | None, kind: FaultKind = FaultKind.RESET_AFTER) -> FaultedRecord:
    """Return a record under a fault, which was met where something is held after it."""
    fault = ArmedFault(kind, "ERP", operation, "R1")
    fired = FiredFault(fault, "2026-12-01T00:00:00+00:00", "POST /postings", "forwarded, reset", accepted=True)
    return FaultedRecord(
        kind, "ERP", operation, "R1", None if after is None else fired, PAID, after or EndedDecision(), "approve"
    )  # fmt: skip


GOOD = (seen("post", PAID), seen("read", PAID), seen("read", EndedDecision("escalate", (TICKET,))))
BAD = (
    seen("post", EndedDecision("approve", (POST, POST))),
    seen("post", PAID),
    seen("read", EndedDecision("approve", (DEARER,))),
    seen("send_back", EndedDecision("reject", ()), FaultKind.STALE_TOKEN),
)
NOT_MET = (seen("read", None), FaultedRecord(FaultKind.SLOW, "ERP", "post"))


def exhibit(records: tuple[FaultedRecord, ...]) -> Exhibit:
    """Return the exhibit of some records, written and read again."""
    facts = {
        "agent": "A",
        "sandbox": "here",
        "records": 40,
        "carried_out": dict(WAYS.carried_out),
        "escalation": WAYS.escalation,
        "writes": ["ERP.post", "ERP.send_back"],
        "unsound": [],
        "never_called": [],
    }
    made = MadeBy(who="Ann", commit=None, time="2026-12-01T00:00:00+00:00")
    tables = {CELLS: cells_table(records, WAYS)}
    left = counted_exhibit(Exhibit("faults", "pilot", {"agent": "a"}, made, "", tables=tables, facts=facts))
    return exhibit_of(left.files(), "here")


def facts_with(left: Exhibit | str) -> Facts:
    """Return facts with only what these tests need of them."""
    pilot: Any = SimpleNamespace(name="pilot", settings=SimpleNamespace(escalate_label="escalate"))
    held = {"exhibits": {"faults": left}} if isinstance(left, Exhibit) else {"absent": {"faults": left}}
    facts: Any = SimpleNamespace(**{"exhibits": {}, "absent": {}, **held}, pilot=pilot)
    return facts  # type: ignore[no-any-return]


def test_the_matrix_counts_records_by_outcome_for_each_fault_and_operation() -> None:
    matrix = matrix_of_cells(cells_table((*GOOD, *BAD, *NOT_MET), WAYS)).set_index(["fault", "operation"])
    assert matrix.loc[("reset after commit", "post")].to_dict() == {
        "system": "ERP", "records": 3, "fired": 3, "recovered": 2, "escalated": 0, "lost": 0, "double": 1, "wrong": 0,
        "not run": 0,
    }  # fmt: skip
    assert matrix.loc[("reset after commit", "read"), ["records", "fired", "not run"]].tolist() == [4, 3, 1]
    assert matrix.loc[("slow body", "post"), ["records", "fired", "not run"]].tolist() == [0, 0, 1]


def test_numbers_count_cells_and_the_answer_says_them() -> None:
    left = exhibit((*BAD, *NOT_MET))
    counts = {name: (one.value, one.n) for name, one in left.estimates.items()}
    assert counts == {
        "faults_lost": (1.0, 4), "faults_doubled": (1.0, 4), "faults_wrong": (1.0, 4), "faults_not_run": (2.0, 4)
    }  # fmt: skip
    assert left.answer == (
        "1 of 4 cells lose a decision of A, 1 double one and 1 change one, under 3 faults at 3 operations; "
        "2 were not run."
    )
    assert exhibit(()).answer == "No fault was tried on A."
    assert exhibit(()).estimates["faults_lost"].value is None, "nothing was counted, which is not none"


@pytest.mark.parametrize(
    ("records", "state", "says"),
    [
        (GOOD, State.PASS, "2 cells, faults met 3 times: nothing lost, doubled or wrong"),
        ((*GOOD, *BAD), State.FAIL, "lost in 1: 'stale token at ERP.send_back'; double in 1: 'reset after commit"),
        ((*GOOD, *NOT_MET), State.UNPROVEN, "of 3 cells 2 were not run"),
        ((*BAD, *NOT_MET), State.FAIL, "of 4 cells lost in 1"),
        ((), State.UNPROVEN, "No fault was tried on A"),
    ],
)
def test_a_gate_passes_only_a_matrix_that_is_whole_and_without_loss(
    records: tuple[FaultedRecord, ...], state: State, says: str
) -> None:
    (check,) = FAULT_CHECKS
    answer = check.answer(facts_with(exhibit(records)), Terms({}))
    assert answer.state is state
    assert says in answer.reason


def test_without_a_matrix_the_check_says_what_would_make_one() -> None:
    (check,) = FAULT_CHECKS
    answer = check.answer(facts_with("no fault matrix has been run"), Terms({}))
    assert answer.state is State.UNPROVEN
    assert answer.would_change == "workbench integrations faults pilot --agent NAME"


def test_lost_and_doubled_writes_are_critical_findings() -> None:
    found = {(one.kind, one.where): one.severity.value for one in exhibit((*BAD, *NOT_MET)).findings}
    assert found == {
        ("fault_double", ("ERP.post",)): "critical",
        ("fault_lost", ("ERP.send_back",)): "critical",
        ("fault_wrong", ("ERP.read",)): "high",
        ("fault_not_run", ("ERP.read",)): "medium",
        ("fault_not_run", ("ERP.post",)): "medium",
    }
    assert exhibit(GOOD).findings == ()


def test_an_exhibit_is_computed_again_from_what_was_seen() -> None:
    left = exhibit((*GOOD, *BAD, *NOT_MET))
    again = FAULTS.again(left, facts_with(left))
    assert (again.answer, again.estimates, again.findings) == (left.answer, left.estimates, left.findings)


def test_outcomes_and_counts_that_do_not_follow_are_found() -> None:
    left = exhibit((*GOOD, *BAD))
    better = left.tables[CELLS].assign(outcome="recovered")
    for name, table in {CELLS: better, MATRIX: left.tables[MATRIX].assign(lost=0)}.items():
        with pytest.raises(SignatureError, match=f"does not follow from what was seen(.|\n)*{name}"):
            FAULTS.again(replace(left, tables={**left.tables, name: table}), facts_with(left))
    others = replace(left, facts={**left.facts, "escalation": "approve"})
    with pytest.raises(SignatureError, match="takes another action for the escalation"):
        FAULTS.again(others, facts_with(left))


def breakable(name: str, effect: str, kinds: tuple[FaultKind, ...]) -> Any:
    operation = Operation.model_validate({"effect": effect, "answer": {"a": {}, "b": {}, "c": {}}})
    return SimpleNamespace(operation=operation, kinds=kinds, name=name)


def records(n: int) -> tuple[Record, ...]:
    return tuple(Record(f"R{i}", {}, f"d{i}") for i in range(n))


def test_a_write_that_no_record_calls_is_planned_without_one_and_a_read_is_left_out() -> None:
    kinds = (FaultKind.SLOW, FaultKind.DUPLICATE)
    tools = {"post": breakable("post", "write", kinds), "look": breakable("look", "read", kinds)}
    planned = list(planned_trials(tools, CleanRun({}, {})))
    assert [(one.tool, one.kind, one.record) for one in planned] == [("post", kind, None) for kind in kinds]


def test_each_fault_is_tried_on_other_records_and_fields_in_turn() -> None:
    kinds = (FaultKind.SLOW, FaultKind.WRONG_SCHEMA)
    called = CleanRun({}, {"post": records(5)})
    planned = list(planned_trials({"post": breakable("post", "write", kinds)}, called))
    assert [one.record.id for one in planned if one.record] == ["R0", "R1", "R2", "R3", "R4", "R0"]
    assert [one.fields[0] for one in planned] == ["a", "b", "c", "a", "b", "c"]
    few = list(planned_trials({"post": breakable("post", "write", kinds)}, CleanRun({}, {"post": records(1)})))
    assert len(few) == 2 < EACH * 2, "no record meets a fault twice"


@dataclass(frozen=True)
class Counting:
    """An agent that answers how often it was asked; it ends after some records."""

    most: int
    name: str = "counting"
    identity: dict[str, Any] = field(default_factory=dict)
    window: int = 1
    patience: int = 2
    deadline_s: float | None = None

    def prepare(self) -> None:
        """Nothing is to be found beforehand."""

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        n = 0
        async for record in records:
            n += 1
            yield Decision(record.id, Status.OK, f"asked {n}")
            if n == self.most:
                return


def test_one_life_of_an_agent_is_asked_about_a_record_as_often_as_it_takes() -> None:
    async def run() -> list[str | None]:
        (record,) = records(1)
        async with asked_in_turn(Counting(most=2)) as asked:
            return [(await asked.ask(record)).action for _ in range(3)]

    assert asyncio.run(run()) == ["asked 1", "asked 2", None]


CALL = "SELECT euro FROM\n  documents WHERE vendor = :vendor AND :correlation <> ''"
ROWS = [{"euro": "10"}]


def lost_in_turn(address: str, folder: Path, secrets: Mapping[str, str]) -> tuple[list[Any], list[FiredFault]]:
    """Return what three calls to a database hear, the first for another record than the fault's, and the ledger."""
    auth = {"kind": "database_user", "user_env": "USER", "secret_env": "SECRET"} if secrets else None
    operations = {"find": {"effect": "read", "call": CALL}}
    settings = {"id": "ARCHIVE", "type": "sql", "correlation": "correlation", "sandbox": address, "auth": auth}
    system = System.model_validate({**settings, "operations": operations})

    async def run() -> tuple[list[Any], list[FiredFault]]:
        losing = LosingConnection(connected(system, {"folder": str(folder)}, secrets), system)
        losing.arm(ArmedFault(FaultKind.CONNECTION_LOST, "ARCHIVE", "find", "R1"))
        said: list[Any] = []
        for record in ("R2", "R1", "R1"):
            try:
                said.append((await losing.call(Asked("find", {"vendor": "V1"}, record))).content)
            except CallError as error:
                said.append(error.code)
        await losing.close()
        return said, losing.ledger

    return asyncio.run(run())


def test_a_connection_is_lost_in_its_transaction_and_the_next_call_has_a_new_one(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "archive.sqlite")
    database.execute("CREATE TABLE documents (vendor TEXT, euro TEXT)")
    database.execute("INSERT INTO documents VALUES ('V1', '10')")
    database.commit()
    database.close()
    said, ledger = lost_in_turn(f"sqlite:///{tmp_path}/archive.sqlite", tmp_path, {})
    assert said == [ROWS, "08006", ROWS], "only the first call for the record loses it"
    assert [(one.fault.correlation, one.accepted) for one in ledger] == [("R1", True)]


@pytest.mark.skipif(postgresql_programs() is None, reason="PostgreSQL is not installed")
def test_a_connection_to_postgresql_is_lost_in_its_transaction(tmp_path: Path) -> None:
    import sqlalchemy

    with running_postgresql() as address:
        url = sqlalchemy.make_url(address)
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE documents (vendor TEXT, euro TEXT)"))
            connection.execute(sqlalchemy.text("INSERT INTO documents VALUES ('V1', '10')"))
        engine.dispose()
        own = url.set(username=None, password=None).render_as_string()
        secrets = {"USER": str(url.username), "SECRET": str(url.password)}
        said, ledger = lost_in_turn(own, tmp_path, secrets)
    assert said == [ROWS, "08006", ROWS]
    assert len(ledger) == 1


FILE = "id;euro\nD1;10,00\nD2;20,00\nD3;30,00\nEND;3\n"


def half_written(tmp_path: Path, reading: Any) -> dict[str | None, str]:
    """Return what came of each row of a file that was read half written."""
    whole = tmp_path / "documents-1.csv"
    whole.write_text(FILE, encoding="utf-8")
    seen = asyncio.run(tried_half_written(("SAP", "extract"), whole, "id", reading))
    table = cells_table(seen, WaysOut({"SAP.extract": READ}, None))
    assert table["fired"].all()
    return dict(zip(table["record_id"], table["outcome"], strict=True))


def test_a_half_written_file_is_left_until_it_is_whole(tmp_path: Path) -> None:
    settings = {"id": "SAP", "type": "file", "operations": {"extract": {"effect": "read", "call": "documents-*.csv"}}}

    def reading(folder: Path) -> Connection:
        return connected(System.model_validate({**settings, "sandbox": str(folder)}), {}, {})

    assert half_written(tmp_path, reading) == dict.fromkeys(("D1", "D2", "D3"), "recovered")


class Careless:
    """Reads whatever is there of a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def call(self, asked: Asked) -> Any:
        lines = (self.folder / asked.arguments["file"]).read_text(encoding="utf-8").splitlines()[1:]
        rows = [line.split(";") for line in lines if not line.startswith("END")]
        return SimpleNamespace(content=[{"id": row[0], "euro": row[1] if len(row) > 1 else ""} for row in rows])

    async def close(self) -> None:
        """Nothing is kept open."""


def test_a_reader_that_does_not_look_for_the_end_takes_half_an_amount(tmp_path: Path) -> None:
    # 20 of the 41 bytes: "id;euro\nD1;10,00\nD2;" - the second document without its amount
    assert half_written(tmp_path, Careless) == {"D1": "recovered", "D2": "wrong", "D3": "recovered"}


def test_messages_are_judged_by_number() -> None:
    kept = Kept()
    for number, content in (("1", "a"), ("1", "a"), ("3", "other")):
        kept.keep(number, content)
    assert kept.times == [("1", '"a"'), ("3", '"other"')], "a message that comes again is not kept again"
    kept.times.append(("1", '"a"'))  # as a reader would that does not look
    cell = FaultKind.DELIVERED_TWICE, "HUB", "next"
    fired = GOOD[0].fired
    table = cells_table(
        read_outcomes(cell, fired, {"1": "a", "2": "b", "3": "c"}, kept), WaysOut({"HUB.next": READ}, None)
    )
    assert table["outcome"].tolist() == ["double", "lost", "wrong"]


AFTER_POST = ("reset after commit", "timeout after commit", "truncated body", "slow body")
BEFORE = (
    "reset before commit", "500 before commit", "503 with Retry-After", "429 with Retry-After",
    "429 without Retry-After", "429 again after Retry-After", "stale token",
)  # fmt: skip
WRITES = ("post", "send_back", "open_ticket")
# The ERP says that its token is not valid, so the connection fetches another; the work list knows keys only.
RENEWED = {("stale token", "post"), ("stale token", "send_back")}


@pytest.fixture(scope="module")
def invoices(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pilot = pilot_under_faults(tmp_path_factory.mktemp("faults"))
    return pilot, read_dataset(pilot)


def cells_with(matrix: pd.DataFrame, outcome: str) -> set[tuple[str, str]]:
    found = matrix[matrix[outcome] > 0]
    return set(zip(found["fault"], found["operation"], strict=True))


def under_faults(invoices: Any, agent: str) -> Exhibit:
    return FAULTS.make(*invoices, FaultsRequest(agent, run=RunRequest(show_progress=False)))


@pytest.mark.slow
def test_the_shipped_acting_agent_loses_and_doubles_nothing(invoices: Any) -> None:
    left = under_faults(invoices, "acting")
    matrix = left.tables[MATRIX]
    assert {name: one.value for name, one in left.estimates.items()} == dict.fromkeys(left.estimates, 0.0)
    assert matrix["fault"].nunique() == len(FaultKind), "every fault that there is was met"
    assert left.tables[CELLS]["fired"].all()
    assert set(left.tables[CELLS]["outcome"]) == {"recovered", "escalated"}
    assert set(WRITES) < set(matrix["operation"])
    assert FAULTS.again(left, facts_with(left)).answer == left.answer
    pilot, dataset = invoices
    present = FAULTS.present(pilot, dataset, None)
    assert isinstance(present, Exhibit)
    assert present.answer == left.answer


@pytest.mark.slow
def test_an_agent_that_posts_again_without_looking_doubles(invoices: Any) -> None:
    matrix = under_faults(invoices, "posts_again").tables[MATRIX]
    assert cells_with(matrix, "double") == {(fault, "post") for fault in AFTER_POST}
    assert cells_with(matrix, "wrong") == {("reset before commit", "post")}, "posted once, a cent too dear"
    assert cells_with(matrix, "lost") == cells_with(matrix, "not run") == set()


@pytest.mark.slow
def test_an_agent_that_swallows_errors_loses_what_was_not_done(invoices: Any) -> None:
    left = under_faults(invoices, "says_done")
    assert cells_with(left.tables[MATRIX], "lost") == {(fault, write) for fault in BEFORE for write in WRITES} - RENEWED
    assert all(not cells_with(left.tables[MATRIX], name) for name in ("double", "wrong", "not run"))
    assert {one.severity.value for one in left.findings} == {"critical"}


@pytest.mark.slow
def test_an_agent_that_hands_over_what_it_has_posted_is_wrong(invoices: Any) -> None:
    matrix = under_faults(invoices, "hands_over_too").tables[MATRIX]
    assert cells_with(matrix, "wrong") == {(fault, "post") for fault in (*AFTER_POST, "500 after commit")}
    assert all(not cells_with(matrix, name) for name in ("double", "lost", "not run"))


@pytest.mark.slow
def test_an_agent_that_mixes_documents_up_after_a_failure_is_wrong(invoices: Any) -> None:
    matrix = under_faults(invoices, "mixes_up").tables[MATRIX]
    wrong = cells_with(matrix, "wrong")
    assert ("timeout after commit", "post") in wrong
    assert {operation for _, operation in wrong} == {"post"}


@pytest.mark.slow
def test_a_write_that_an_agent_never_makes_is_not_run_and_blocks(invoices: Any) -> None:
    left = under_faults(invoices, "never_rejects")
    assert {operation for _, operation in cells_with(left.tables[MATRIX], "not run")} == {"send_back"}
    assert left.estimates["faults_not_run"].value == 14
    (check,) = FAULT_CHECKS
    assert check.answer(facts_with(left), Terms({})).state is State.UNPROVEN


def test_an_agent_that_does_not_act_meets_no_faults(invoices: Any) -> None:
    with pytest.raises(InputError, match="does not act, so there is nothing that it does through a system"):
        under_faults(invoices, "policy_rules")


def test_a_matrix_of_other_systems_does_not_count(invoices: Any) -> None:
    pilot, dataset = invoices
    left = replace(exhibit(GOOD), about={"records": dataset.digest, "agent": "a", "integrations.yaml": "others"})
    left.write(pilot.runs / "exhibits" / "faults")
    said = FAULTS.present(pilot, dataset, None)
    assert said == (
        "integrations.yaml changed since the last fault matrix; "
        "workbench integrations faults invoice_matching --agent NAME"
    )
