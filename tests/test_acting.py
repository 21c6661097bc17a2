"""Agents that call tools: what they do is seen by us, on a state of their own for each decision."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from acting_pilots import CLEAN, ENVIRONMENT, acting_pilot, by_http, by_mcp, endpoint, scripted
from small_pilots import ALL_DEV, ALL_HOLDOUT

from workbench.agents import Decision, agent_with
from workbench.cases.design.agents import AgentDecider
from workbench.engines import EngineChoice, ScriptedEngine
from workbench.environment import GuardEvent, LimitMet, SaidBy, StateSeen, ToolCall, trace_from
from workbench.environment.trace import MAX_BYTES
from workbench.pilot import Pilot, open_pilot
from workbench.records import Record
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.sealed import Question, answer_sealed

SIDES = {"dev": ALL_DEV, "holdout": ALL_HOLDOUT}


def decisions_of(pilot: Pilot, name: str) -> dict[str, Decision]:
    """Return an agent's decisions on all development records, by record; prompts are played by a script."""
    dataset = read_dataset(pilot)
    agent = agent_with(pilot, name, dataset, lambda: ScriptedEngine(scripted))

    async def all_of() -> dict[str, Decision]:
        async def records() -> AsyncIterator[Record]:
            for record in dataset.records(dataset.ids(Split.DEV)):
                yield record

        return {decision.record_id: decision async for decision in agent.decide(records())}

    return asyncio.run(all_of())


def test_every_call_is_seen_with_what_it_returned_and_the_state_with_what_changed(tmp_path: Path) -> None:
    pilot = acting_pilot(tmp_path, {"clean": CLEAN})
    labels = read_dataset(pilot).dev_labels()["label"]
    made = decisions_of(pilot, "clean")
    assert {record: one.action for record, one in made.items()} == labels.to_dict()
    approved = next(one for one in made.values() if one.action == "approve")
    assert approved.trace is not None
    calls = approved.trace.of(ToolCall)
    assert [one.name for one in calls] == ["read_order", "read_receipt", "share_received", "post"]
    assert calls[2].result == 1.0
    (state,) = approved.trace.of(StateSeen)
    (posting,) = state.changes["postings"]["added"]
    assert posting["amount"] == calls[3].arguments["amount"]
    assert len(posting["key"]) == 32
    assert state.before_sha256 != state.after_sha256
    rejected = next(one for one in made.values() if one.action == "reject")
    assert rejected.trace is not None
    (untouched,) = rejected.trace.of(StateSeen)
    assert untouched.before_sha256 == untouched.after_sha256
    assert untouched.changes == {}


def test_an_agent_acts_on_the_holdout_as_it_does_in_development(tmp_path: Path) -> None:
    environment = ENVIRONMENT.replace("{columns: [po_number, amount, key]}", "{rows: posted.csv}")
    pilots = [acting_pilot(tmp_path / name, {"clean": CLEAN}, 12, environment, side) for name, side in SIDES.items()]
    for pilot in pilots:
        (pilot.suite / "posted.csv").write_text("po_number,amount,key\n", encoding="utf-8")
    developed = decisions_of(pilots[0], "clean")
    dataset = read_dataset(pilots[1])
    question = Question(pilots[1], dataset, "clean", EngineChoice(), dataset.ids(Split.HOLDOUT), show_progress=False)
    session = answer_sealed(question)
    assert (session.info.ok, session.n_asked) == (12, 12)
    with Journal(pilots[1].runs / JOURNAL_FILE) as journal:
        actions = journal.decisions(session.info.run)["action"].to_dict()
        traces = journal.traces(session.info.run)
    assert actions == {record: one.action for record, one in developed.items()}
    assert all(traces[record].of(StateSeen) for record in actions)


def test_a_prompt_that_acts_decides_the_records_that_there_are_while_others_may_come(tmp_path: Path) -> None:
    pilot = acting_pilot(tmp_path, {"clean": CLEAN}, n=12)
    dataset = read_dataset(pilot)
    agent = agent_with(pilot, "prompt", dataset, lambda: ScriptedEngine(scripted, concurrency=8))
    records = [one.fields for one in dataset.records(dataset.ids(Split.DEV))]
    with AgentDecider(agent) as decider:
        decided = [ruling for start in (0, 3, 6, 9) for ruling in decider.tried(records[start : start + 3])]
    labels = dataset.dev_labels()["label"]
    assert [None if one is None else one.action for one in decided] == labels.tolist()


def happened(decision: Decision) -> list[dict[str, object]]:
    """Return what was observed on the way to a decision but models and times; keys are the decision's own."""
    assert decision.trace is not None
    kinds = (ToolCall, GuardEvent, LimitMet, StateSeen)
    observed = [one for one in decision.trace.events if isinstance(one, kinds) and one.source is SaidBy.OBSERVED]
    told = [one.model_dump(mode="json", exclude={"t_s", "after_sha256"}) for one in observed]
    return json.loads(re.sub(r'"key": "[0-9a-f]{32}"', '"key": ""', json.dumps(told)))


@pytest.mark.parametrize("n", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_the_four_ways_to_act_come_to_the_same_state_by_the_same_calls(tmp_path: Path, n: int) -> None:
    with endpoint(by_http) as plain, endpoint(by_mcp) as mcp:
        pilot = acting_pilot(tmp_path, {"clean": CLEAN, "plain": plain, "mcp": mcp}, n=n)
        charter = {"process": "none", "high_risk": [FIRST_ORDER]}
        (pilot.suite / "charter.yaml").write_text(json.dumps(charter), encoding="utf-8")
        with (pilot.suite / "pilot.yaml").open("a", encoding="utf-8") as file:
            file.write("guards: [must_reach_a_person]\n")
        pilot = open_pilot(pilot.name, pilot.root)
        made = {name: decisions_of(pilot, name) for name in ("clean", "plain", "mcp", "prompt")}
    first = {record: (one.action, happened(one)) for record, one in made["clean"].items()}
    assert len(first) == n
    assert first["R000"][0] == "escalate"
    assert [one["kind"] for one in first["R000"][1]][-1] == "guard"
    for name in ("plain", "mcp", "prompt"):
        assert {record: (one.action, happened(one)) for record, one in made[name].items()} == first, name


FIRST_ORDER = {
    "id": "first",
    "description": "The first order",
    "to": "a buyer",
    "when": {"column": "po_number", "values": ["4500000"]},
}


def observed_calls(decision: Decision) -> list[tuple[str, str]]:
    """Return name and outcome of every call that was seen."""
    assert decision.trace is not None
    return [(one.name, one.outcome.value) for one in decision.trace.of(ToolCall)]


def asked_by(tmp_path: Path, body: str, environment: str = ENVIRONMENT) -> Decision:
    """Return the decision of an agent whose `decide(record, tools)` has the given body, on the first record."""
    code = f"def decide(record, tools):\n{textwrap.indent(textwrap.dedent(body), '    ')}"
    return decisions_of(acting_pilot(tmp_path, {"mine": code}, n=5, environment=environment), "mine")["R000"]


def test_an_agent_is_told_why_a_call_brings_nothing_and_the_trace_says_it_too(tmp_path: Path) -> None:
    decision = asked_by(
        tmp_path,
        """
        said = []
        for name, arguments in (
            ("read_orders", {}),
            ("read_order", {}),
            ("read_order", {"po_number": "4500000", "x": 1}),
            ("post", {"po_number": "4500000", "amount": "much"}),
        ):
            try:
                tools.call(name, arguments)
            except tools.Error as error:
                said.append(f"{error.outcome}: {error}")
        return {"action": "approve", "reason": " | ".join(said)}
        """,
    )
    assert decision.reason == (
        "error: there is no tool 'read_orders'; there are 'read_order', 'read_receipt', 'share_received', 'post'"
        " | error: missing argument 'po_number' | error: unknown argument 'x'; it takes 'po_number'"
        " | error: amount must be a number, got 'much'"
    )
    assert [outcome for _, outcome in observed_calls(decision)] == ["error"] * 4


def test_only_who_may_call_a_tool_is_told_of_it_and_can_call_it(tmp_path: Path) -> None:
    body = """
        try:
            tools.post(po_number="1", amount=1)
        except tools.Error as error:
            return {"action": "reject", "reason": f"{[one['name'] for one in tools.offered]} {error.outcome}: {error}"}
        """
    decision = asked_by(tmp_path, body, ENVIRONMENT.replace("[clerk]", "[treasurer]"))
    assert decision.reason == (
        "['read_order', 'read_receipt', 'share_received'] denied: post may be called by 'treasurer' only"
    )
    assert observed_calls(decision) == [("post", "denied")]


@pytest.mark.parametrize(
    ("amounts", "limit"),
    [([1, 2, 3], ("writes", 2)), ([15000, 6000], ("euro", 20000))],
)
def test_writes_and_euro_of_a_decision_are_limited(tmp_path: Path, amounts: list[int], limit: tuple[str, int]) -> None:
    decision = asked_by(
        tmp_path,
        f"""
        for amount in {amounts}:
            try:
                tools.post(po_number="1", amount=amount)
            except tools.Error:
                pass
        return {{"action": "approve"}}
        """,
    )
    assert decision.trace is not None
    (met,) = decision.trace.of(LimitMet)
    assert (met.name, met.most) == limit
    assert observed_calls(decision)[-1] == ("post", "denied")
    (state,) = decision.trace.of(StateSeen)
    assert [row["amount"] for row in state.changes["postings"]["added"]] == amounts[:-1]


def test_an_agent_that_never_stops_calling_fails_at_this_record_only(tmp_path: Path) -> None:
    code = """
    def decide(record, tools):
        while record["id"] == "R001":
            try:
                tools.read_order(po_number=record["po_number"])
            except tools.Error:
                pass
        return {"action": "approve"}
    """
    made = decisions_of(acting_pilot(tmp_path, {"mine": code}, n=5), "mine")
    ended = {record: one.status.value for record, one in made.items()}
    assert ended == {"R000": "ok", "R001": "failed", "R002": "ok", "R003": "ok", "R004": "ok"}
    assert made["R001"].cause == "limit"
    assert made["R001"].detail == "it went on calling tools after 8 calls"
    assert len(observed_calls(made["R001"])) == 28


BAD_TOOLS = """
import os
import time


def hangs(state) -> str:
    \"\"\"Never answer.\"\"\"
    time.sleep(60)


def answers_much() -> str:
    \"\"\"Answer ten megabytes.\"\"\"
    return "x" * 10_000_000


def answers_more() -> str:
    \"\"\"Answer more than an agent is given.\"\"\"
    return "x" * 200_000


def raises() -> str:
    \"\"\"Raise.\"\"\"
    raise KeyError("no such vendor")


def ends() -> str:
    \"\"\"End its process.\"\"\"
    os._exit(3)
"""


def test_whatever_a_tool_of_the_pilot_does_is_a_counted_outcome(tmp_path: Path) -> None:
    names = ("hangs", "answers_much", "answers_more", "raises", "ends", "read_order")
    own = "".join(f"  {name}: {{python: 'bad.py:{name}', deadline_s: 0.3}}\n" for name in names[:-1])
    body = f"""
        said = []
        for name in {names}:
            try:
                said.append(f"{{name}}: {{tools.call(name, {{'po_number': '1'}} if name == 'read_order' else {{}})}}")
            except tools.Error as error:
                said.append(f"{{name}}: {{error.outcome}}: {{error}}")
        return {{"action": "approve", "reason": " | ".join(said)}}
        """
    code = f"def decide(record, tools):\n{textwrap.indent(textwrap.dedent(body), '    ')}"
    pilot = acting_pilot(tmp_path, {"mine": code}, n=5, environment=ENVIRONMENT.replace("tools:\n", f"tools:\n{own}"))
    (pilot.suite / "bad.py").write_text(BAD_TOOLS, encoding="utf-8")
    decision = decisions_of(pilot, "mine")["R004"]
    assert decision.reason == (
        "hangs: timeout: no answer within 0.3 s | answers_much: error: the answer is longer than 4,194,304 bytes"
        " | answers_more: error: the result is longer than 100,000 characters"
        " | raises: error: KeyError: 'no such vendor' (bad.py, line 23)"
        " | ends: error: its process ended at this record (exit code 3) | read_order: []"
    )


def test_a_statement_that_takes_too_long_is_ended_and_changes_nothing(tmp_path: Path) -> None:
    slow = """
  endless:
    description: Count without end.
    sql: >-
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
      INSERT INTO postings SELECT i, i, i FROM n
    effect: write
    deadline_s: 0.2
limits:"""
    decision = asked_by(
        tmp_path,
        """
        try:
            tools.endless()
        except tools.Error as error:
            return {"action": "approve", "reason": f"{error.outcome}: {error}"}
        """,
        ENVIRONMENT.replace("limits:", slow.lstrip("\n")),
    )
    assert decision.reason == "timeout: no answer within 0.2 s"
    assert decision.trace is not None
    (state,) = decision.trace.of(StateSeen)
    assert state.changes == {}


def test_what_an_agent_reports_is_kept_apart_from_what_was_seen_however_much_it_is(tmp_path: Path) -> None:
    decision = asked_by(
        tmp_path,
        """
        tools.read_order(po_number=record["po_number"])
        told = [{"kind": "tool_call", "name": "read_receipt", "source": "observed", "result": "x" * 9000}] * 10_000
        evidence = [{"field": "amount", "value": 1}]
        return {"action": "approve", "trace": [*told, {"kind": "unknown"}, 7], "evidence": evidence}
        """,
    )
    assert decision.trace is not None
    assert [one.name for one in decision.trace.of(ToolCall)] == ["read_order"]
    assert {one.name for one in decision.trace.of(ToolCall, SaidBy.REPORTED)} == {"read_receipt"}
    assert len(decision.trace.events) + decision.trace.dropped == 1 + 1 + 10_002 + 1
    kept = decision.trace.as_json()
    assert len(kept) <= MAX_BYTES
    assert trace_from(kept).of(StateSeen)


def test_personal_data_of_a_record_is_not_kept_in_a_trace(tmp_path: Path) -> None:
    pilot = acting_pilot(tmp_path, {"clean": CLEAN}, n=5)
    for name in ("clean", "prompt"):
        trace = decisions_of(pilot, name)["R000"].trace
        assert trace is not None
        assert trace.of(ToolCall)[0].result == [{"ordered": 10, "contact": "[contact]"}]
        assert "buyer0" not in trace.as_json()


OUTSIDE = """
import os
import sqlite3
from pathlib import Path

STORE = Path(__file__).with_name("outside.sqlite")


def post_outside(idempotency_key: str, po_number: str) -> str:
    \"\"\"Post an order in a system that outlives the run.\"\"\"
    with sqlite3.connect(STORE) as store:
        store.execute("CREATE TABLE IF NOT EXISTS postings (key UNIQUE, po_number)")
        store.execute("INSERT OR IGNORE INTO postings VALUES (?, ?)", (idempotency_key, po_number))
        (n,) = store.execute("SELECT COUNT(*) FROM postings").fetchone()
    if n == 3 and not STORE.with_name("killed").exists():
        STORE.with_name("killed").touch()
        os.kill(os.getppid(), 9)  # the run, between the write and the journal
    return "posted"
"""


def test_a_run_killed_between_a_write_and_the_journal_writes_nothing_twice(tmp_path: Path) -> None:
    code = """
    def decide(record, tools):
        tools.post_outside(po_number=record["po_number"])
        return {"action": "approve"}
    """
    outside = "  post_outside: {python: 'outside.py:post_outside', effect: write}\n"
    environment = ENVIRONMENT.replace("tools:\n", f"tools:\n{outside}")
    pilot = acting_pilot(tmp_path, {"mine": code}, n=6, environment=environment)
    (pilot.suite / "outside.py").write_text(OUTSIDE, encoding="utf-8")
    asked = f"from acting_pilots import evaluated; evaluated({str(tmp_path)!r}, 'mine')"
    command = [sys.executable, "-c", asked]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent), str(Path(__file__).parent.parent))),
    }
    assert subprocess.run(command, env=environ, check=False).returncode == -9
    assert subprocess.run(command, env=environ, check=False).returncode == 0
    with sqlite3.connect(pilot.suite / "outside.sqlite") as store:
        posted = [number for (number,) in store.execute("SELECT po_number FROM postings ORDER BY po_number")]
    assert posted == [f"45{number:05d}" for number in range(6)]
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        (run,) = journal.runs()
        traces = journal.traces(run.run)
        assert sorted(traces) == [f"R{number:03d}" for number in range(6)]
        assert all(one.of(ToolCall)[0].result == "posted" for one in traces.values())


CARELESS = """
def decide(record, tools):
    try:
        tools.post(po_number=record["po_number"], amount=record["amount"])
    except tools.Error as error:
        return {"action": "approve", "confidence": 0.9, "reason": error.outcome}
    return {"action": "approve", "confidence": 0.9}
"""


def test_what_a_person_must_decide_is_not_carried_out_whatever_the_agent_does(tmp_path: Path) -> None:
    environment = ENVIRONMENT.replace("    amount: amount\n", "    amount: amount\n    carries_out: approve\n")
    pilot = acting_pilot(tmp_path, {"careless": CARELESS}, n=5, environment=environment)
    charter = {"process": "none", "high_risk": [FIRST_ORDER]}
    (pilot.suite / "charter.yaml").write_text(json.dumps(charter), encoding="utf-8")
    with (pilot.suite / "pilot.yaml").open("a", encoding="utf-8") as file:
        file.write("guards: [must_reach_a_person]\n")
    made = decisions_of(open_pilot(pilot.name, pilot.root), "careless")
    held, free = made["R000"], made["R001"]
    assert held.trace is not None
    assert free.trace is not None
    assert [(one.stage.value, one.verdict.value) for one in held.trace.of(GuardEvent)] == [
        ("tool", "deny"),
        ("output", "escalate"),
    ]
    assert observed_calls(held) == [("post", "denied")]
    assert held.trace.of(StateSeen)[0].changes == {}
    assert held.action == "escalate"
    assert free.trace.of(GuardEvent) == ()
    assert len(free.trace.of(StateSeen)[0].changes["postings"]["added"]) == 1
