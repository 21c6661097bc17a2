"""Memory across decisions: declared, the same in every way of acting, exact whatever happens to a run."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from acting_pilots import endpoint
from case_pilots import CHARTER, quietly, sign_suite, write_suite
from memory_pilots import (
    COLUMNS,
    ENVIRONMENT,
    PYTHON,
    UNDECLARED,
    answers,
    by_http,
    by_mcp,
    memory_pilot,
    ran,
    reasons,
    rows_of,
    trails,
)
from small_pilots import ALL_DEV, ALL_HOLDOUT

from workbench.agents import build_agent, remembering
from workbench.cases import MAKER
from workbench.cases.conduct import unobserved_calls, unreported_calls
from workbench.engines import EngineChoice
from workbench.environment import (
    Effect,
    GuardEvent,
    MemoryUse,
    Stage,
    ToolCall,
    Trace,
    read_environment,
    reported_events,
)
from workbench.evidence import Exhibit
from workbench.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs import Again, RunRequest, ask_again
from workbench.runs.journal import JOURNAL_FILE, Journal, salvaged
from workbench.runs.runner import RecordSelection, run_agent
from workbench.runs.sealed import Question, answer_sealed
from workbench.words import InputError

N = 24
WAYS = ("python", "plain", "mcp", "prompt")


def uses(pilot: Pilot, run: str) -> dict[str, list[tuple[str, str, object]]]:
    """Return how each decision of a run used memory."""
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        traces = journal.traces(run)
    return {
        record: [(one.operation.value, one.key, one.value) for one in trace.of(MemoryUse)]
        for record, trace in traces.items()
    }


def test_the_four_ways_to_act_remember_the_same_in_the_order_of_time(tmp_path: Path) -> None:
    rows = rows_of(N)
    with endpoint(by_http) as plain, endpoint(by_mcp) as mcp:
        pilot = memory_pilot(tmp_path, {"python": PYTHON, "plain": plain, "mcp": mcp}, rows)
        runs = {name: ran(pilot, name).info.run for name in WAYS}
    assert reasons(pilot, runs["python"]) == trails(rows)
    first = uses(pilot, runs["python"])
    day = {name: (vendor, when) for name, vendor, when, *_ in rows}
    latest = max((one for one in rows if one[1] == "V1"), key=lambda one: one[2])[0]
    assert len(reasons(pilot, runs["python"])[latest].split()) == sum(vendor == "V1" for vendor, _ in day.values())
    assert first[latest][0] == ("read", "vendor/V1", trails(rows)[latest].rpartition(" ")[0])
    assert first[latest][1] == ("write", "vendor/V1", trails(rows)[latest])
    assert len(first["R023"]) == 1, "nothing is remembered for a record without a vendor"
    for name in WAYS[1:]:
        assert reasons(pilot, runs[name]) == reasons(pilot, runs["python"]), name
        assert uses(pilot, runs[name]) == first, name


@pytest.mark.parametrize("way", ["plain", "prompt"])
def test_many_at_once_answer_as_one_at_a_time(tmp_path: Path, way: str) -> None:
    found = []
    with endpoint(by_http) as plain:
        for concurrency in (1, 16):
            pilot = memory_pilot(tmp_path / str(concurrency), {"plain": plain}, rows_of(N), None, concurrency)
            found.append(answers(pilot, ran(pilot, way, None, concurrency).info.run))
    assert len(found[0]) == N
    assert found[0] == found[1]


def test_without_a_time_records_come_as_they_stand_in_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COLUMNS, "day", {"type": "date"})
    pilot = memory_pilot(tmp_path, {"python": PYTHON}, rows_of(N))
    seen = reasons(pilot, ran(pilot, "python").info.run)
    of_v1 = [name for name, vendor, *_ in rows_of(N) if vendor == "V1"]
    assert seen[of_v1[-1]] == " ".join(of_v1)


def test_a_run_killed_in_the_middle_answers_as_one_that_was_not(tmp_path: Path) -> None:
    processes: list[subprocess.Popen[bytes]] = []
    n_asked = 0

    def deadly(body: Mapping[str, Any]) -> dict[str, object]:
        nonlocal n_asked
        n_asked += 1
        if n_asked == 11:
            processes[-1].send_signal(signal.SIGKILL)
        return by_http(body)

    tests = Path(__file__).parent
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tests), str(tests.parent)))}
    with endpoint(deadly) as url:
        pilot = memory_pilot(tmp_path / "killed", {"plain": url}, rows_of(N))
        code = f"from memory_pilots import ran_at; ran_at({str(pilot.root)!r}, 'plain')"
        for expected in (-signal.SIGKILL, 0):
            with subprocess.Popen([sys.executable, "-c", code], env=environ) as process:
                processes.append(process)
            assert process.returncode == expected
        whole = memory_pilot(tmp_path / "whole", {"plain": url}, rows_of(N))
        run = ran(whole, "plain").info.run
        assert ran(pilot, "plain").n_asked == 0, "everything is there"
    assert answers(pilot, run) == answers(whole, run)
    assert len(answers(whole, run)) == N


def test_what_follows_a_record_that_failed_is_asked_again_with_it(tmp_path: Path) -> None:
    failing = {"R003"}
    asked: list[str] = []

    def answering(body: Mapping[str, Any]) -> Mapping[str, object]:
        asked.append(body["id"])
        answer = by_http(body)  # what it remembers is forgotten where it fails
        if body["id"] in failing:
            raise ConnectionError
        return answer

    rows = rows_of(N)
    with endpoint(answering) as url:
        pilot = memory_pilot(tmp_path, {"plain": url}, rows)
        session = ran(pilot, "plain")
        assert (session.info.failed, session.info.ok) == (1, N - 1)
        without = {name: trail.replace("R003 ", "") for name, trail in trails(rows).items()}
        seen = reasons(pilot, session.info.run)
        assert {name: seen[name] for name in seen if name != "R003"} == {
            name: trail for name, trail in without.items() if name not in ("R003", "R023")
        } | {"R023": "R023"}
        failing.clear()
        asked.clear()
        again = ran(pilot, "plain")
    later = {name for name, trail in trails(rows).items() if "R003" in trail}
    assert len(later) > 1
    assert set(asked) == later
    assert again.n_asked == len(later)
    assert reasons(pilot, again.info.run) == trails(rows)


def test_another_selection_is_another_question_and_what_came_before_is_asked_once(tmp_path: Path) -> None:
    rows = rows_of(N)
    pilot = memory_pilot(tmp_path, {"python": PYTHON}, rows)
    few = ran(pilot, "python", 12)
    chosen = {*reasons(pilot, few.info.run)}
    part = [row for row in rows if row[0] in chosen]
    assert reasons(pilot, few.info.run) == trails(part)
    whole = ran(pilot, "python")
    assert reasons(pilot, whole.info.run) == trails(rows)
    assert reasons(pilot, few.info.run) == trails(part), "the answers of the other selection stay"
    same = sum(trails(part)[name] == trails(rows)[name] for name in chosen)
    assert whole.n_asked == N - same


def test_a_changed_record_is_asked_again_with_all_that_follow_it(tmp_path: Path) -> None:
    rows = rows_of(N)
    pilot = memory_pilot(tmp_path, {"python": PYTHON}, rows)
    ran(pilot, "python")
    table = pilot.data / "records.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("seller3@", "sold3@"), encoding="utf-8")
    pilot = open_pilot(pilot.name, pilot.root)
    later = {name for name, trail in trails(rows).items() if "R003" in trail}
    assert ran(pilot, "python").n_asked == len(later)


def test_an_agent_that_was_asked_before_starts_from_empty_memory_as_a_new_one_does(tmp_path: Path) -> None:
    pilot = memory_pilot(tmp_path, {"python": PYTHON}, rows_of(N))
    dataset = read_dataset(pilot)
    agent = build_agent(pilot, "python", dataset, EngineChoice())
    acting = remembering(agent)
    assert acting is not None
    acting.remembered["R000"] = {"vendor": "of a run that was stopped"}
    selection = RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV))
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        run = run_agent(journal, agent, selection, show_progress=False).info.run
    assert reasons(pilot, run) == trails(rows_of(N))


@pytest.mark.parametrize("role", ["timestamp", "field"])
def test_the_holdout_starts_from_empty_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    monkeypatch.setitem(COLUMNS, "day", {"type": "date", "role": role})
    rows = rows_of(N)
    sides = {"approve": ALL_DEV, "reject": ALL_HOLDOUT}
    pilot = memory_pilot(tmp_path, {"python": PYTHON}, rows, sides)
    developed = ran(pilot, "python")
    assert developed.info.ok == sum(row[4] == "approve" for row in rows)
    dataset = read_dataset(pilot)
    ids = dataset.ids(Split.HOLDOUT)
    asked = Question(pilot, dataset, "python", EngineChoice(), ids, show_progress=False)
    session = answer_sealed(asked)
    seen = reasons(pilot, session.info.run)
    if role == "field":  # then they come as they stand
        rows = [(*row[:2], f"{place:03d}", *row[3:]) for place, row in enumerate(rows)]
    assert seen == trails([row for row in rows if row[4] == "reject"])
    assert any(" " in trail for trail in seen.values()), "two holdout records share a vendor"
    assert answer_sealed(asked).n_asked == 0


def test_a_damaged_memory_is_asked_again_and_a_salvaged_journal_has_what_was_remembered(tmp_path: Path) -> None:
    pilot = memory_pilot(tmp_path, {"python": PYTHON}, rows_of(N))
    run = ran(pilot, "python").info.run
    before = answers(pilot, run)
    salvaged(pilot.runs / JOURNAL_FILE)
    assert answers(pilot, run) == before
    with sqlite3.connect(pilot.runs / JOURNAL_FILE) as file:
        damaged, lost = before["R003"][0], before["R018"][0]  # the first two of vendor V2
        file.execute("DELETE FROM decisions WHERE key = ?", (lost,))
        file.execute("UPDATE memories SET content = '{}' WHERE key = ?", (damaged,))
    assert ran(pilot, "python").n_asked > 1
    assert answers(pilot, run) == before


def told_in(pilot: Pilot, name: str) -> Trace:
    """Return the trace of the first record."""
    run = ran(pilot, name).info.run
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        return journal.traces(run, "R000")["R000"]


BODY = """
def decide(record, tools):
    {}
    return {{"action": "approve", "reason": tools.recall_vendor()}}
"""
KEEPS_CONTACT = BODY.format(
    """tools.remember_vendor(value="known")
    try:
        tools.remember_vendor(value=f"ask {record['contact'].upper()}")
    except tools.Error as error:
        assert error.outcome == "error", error"""
)
TOO_LONG = BODY.format(
    """tools.remember_vendor(value="é" * 4000)
    try:
        tools.remember_vendor(value="x" * 4001)
    except tools.Error as error:
        assert "4,001 characters" in str(error), error"""
)


def test_personal_data_is_not_remembered_and_stands_nowhere_in_the_journal(tmp_path: Path) -> None:
    pilot = memory_pilot(tmp_path, {"keeps": KEEPS_CONTACT.replace(".upper()", "")}, rows_of(6))
    trace = told_in(pilot, "keeps")
    (guard,) = trace.of(GuardEvent)
    assert (guard.stage, guard.verdict.value, guard.target) == (Stage.MEMORY, "deny", "remember_vendor")
    assert "contact" in str(guard.rule)
    assert [(one.name, one.outcome.value) for one in trace.of(ToolCall)] == [("remember_vendor", "error")]
    assert [one.value for one in trace.of(MemoryUse)] == ["known", "known"]
    assert all("@example.org" not in path.read_text("latin-1") for path in pilot.runs.rglob("*") if path.is_file())
    loud = memory_pilot(tmp_path / "loud", {"keeps": KEEPS_CONTACT}, rows_of(6))
    assert len(told_in(loud, "keeps").of(GuardEvent)) == 1, "in capitals it is the same"


def test_a_text_that_is_too_long_is_refused_and_the_longest_is_kept_whole(tmp_path: Path) -> None:
    trace = told_in(memory_pilot(tmp_path, {"long": TOO_LONG}, rows_of(6)), "long")
    assert [one.value for one in trace.of(MemoryUse)] == ["é" * 4000] * 2


def test_the_uses_of_a_memory_count_towards_the_calls_of_a_decision_and_not_towards_its_writes(tmp_path: Path) -> None:
    code = BODY.format("""for number in range(4):
        tools.remember_vendor(value=str(number))
    try:
        tools.recall_vendor()
    except tools.Error as error:
        assert error.outcome == "denied", error
        return {"action": "reject"}""")
    pilot = memory_pilot(tmp_path, {"busy": code}, rows_of(6))
    path = pilot.suite / "environment.yaml"
    path.write_text(ENVIRONMENT.replace("{calls: 4}", "{calls: 4, writes: 0}"), encoding="utf-8")
    trace = told_in(open_pilot(pilot.name, pilot.root), "busy")
    assert len(trace.of(MemoryUse)) == 4


FAULTS = {
    "no entity": ("by: vendor", "by: contact", "not the contract's entity"),
    "no such column": ("by: vendor", "by: nothing", "not the contract's entity"),
    "a clash": ("  look:", "  recall_vendor:", "name of one that a memory brings"),
    "a name": ("{vendor: {by", "{the vendor: {by", "memory"),
    "an option": ("{by: vendor}", "{by: vendor, at: once}", "at"),
}


@pytest.mark.parametrize(("before", "after", "message"), FAULTS.values(), ids=FAULTS)
def test_a_memory_that_does_not_fit_is_one_message(tmp_path: Path, before: str, after: str, message: str) -> None:
    pilot = memory_pilot(tmp_path, {}, rows_of(6))
    (pilot.suite / "environment.yaml").write_text(ENVIRONMENT.replace(before, after), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_environment(pilot)


def test_an_environment_without_memory_is_the_version_that_it_was(tmp_path: Path) -> None:
    pilot = memory_pilot(tmp_path, {}, rows_of(6))
    remembering = read_environment(pilot)
    path = pilot.suite / "environment.yaml"
    path.write_text(ENVIRONMENT.partition("memory:")[0], encoding="utf-8")
    forgetting = read_environment(pilot)
    assert forgetting.identity != remembering.identity
    # as an environment of this content was told apart before there was memory
    assert forgetting.identity == {"environment": "7778f61d93c3753d894dd6a0b511078ea6cc9d670b0c2027061d6f6e40575b58"}
    assert [one.name for one in forgetting.offered(None)] == ["look"]


CASES: list[dict[str, Any]] = [
    {"id": f"c{number}", "class": "common", "base": f"R00{number}", "expect": {"action": "approve"}}
    for number in range(9)
]
RECALLS = {
    "id": "third",
    "class": "edge",
    "base": "R000",
    "memory": {"vendor": "R100 R101"},
    "expect": {"action": "reject", "reason": "R100 R101 R000"},
}


def shown_by(pilot: Pilot, agent: str, cases: list[dict[str, Any]]) -> Exhibit:
    """Return the exhibit of signed cases over an agent."""
    (pilot.suite / "charter.yaml").write_text(yaml.safe_dump(CHARTER), encoding="utf-8")
    write_suite(pilot, cases)
    opened = open_pilot(pilot.name, pilot.root)
    sign_suite(opened)
    return MAKER.make(opened, read_dataset(opened), quietly(agent))


def test_two_orders_find_what_is_remembered_undeclared_and_nothing_of_declared_memory(tmp_path: Path) -> None:
    pilot = memory_pilot(tmp_path, {"python": PYTHON, "undeclared": UNDECLARED}, rows_of(N))
    ran(pilot, "python")
    cases = [*CASES, *({**one, "id": f"{one['id']}-late", "set": {"vendor": "V1"}} for one in CASES), RECALLS]
    declared = shown_by(pilot, "python", cases)
    assert [one.kind for one in declared.findings] == []
    table = declared.tables["cases"].set_index("case")
    assert table["passed"].all()
    assert table.loc["third", "steps"] == "recall_vendor ok, remember_vendor ok"
    found = {one.kind: one for one in shown_by(pilot, "undeclared", cases).findings}
    assert "memory" in str(found["order_dependent"].remedy)


@pytest.mark.parametrize(
    ("memory", "message"),
    [({"buyer": "x"}, "memory that the environment does not have"), ({"vendor": "x" * 4001}, "4000 characters")],
)
def test_a_case_whose_memory_is_not_there_or_too_long_is_refused(
    tmp_path: Path, memory: dict[str, str], message: str
) -> None:
    pilot = memory_pilot(tmp_path, {"python": PYTHON}, rows_of(N))
    with pytest.raises(InputError, match=message):
        shown_by(pilot, "python", [*CASES, {**RECALLS, "memory": memory}])


def test_memory_that_was_used_is_no_unobserved_claim_and_no_unreported_call() -> None:
    used = (
        MemoryUse(operation=Effect.READ, key="vendor/V1", value="known"),
        MemoryUse(operation=Effect.WRITE, key="vendor/V1", value="known " * 666),
    )
    recalled = {"kind": "tool_call", "name": "recall_vendor"}
    remembered = {"kind": "tool_call", "name": "remember_vendor", "arguments": {"value": "known " * 666}}
    told, _ = reported_events([recalled, remembered])  # of the longest values an event has the first part
    assert (unobserved_calls(Trace((*used, *told))), unreported_calls(Trace((*used, *told)))) == (0, 0)
    assert unreported_calls(Trace((*used, told[0]))) == 0
    invented, _ = reported_events([recalled, {**remembered, "arguments": {"value": "another"}}])
    assert unobserved_calls(Trace((*used, *invented))) == 1


BOTH = """
def decide(record, tools):
    first, latest = tools.recall_vendor(), tools.recall_latest()
    if record["vendor"] is not None:
        if first is None:
            tools.remember_vendor(value=record["id"])
        tools.remember_latest(value=record["id"])
    return {"action": "approve", "reason": f"{first} {latest}"}
"""


def test_two_memories_of_an_environment_are_kept_apart(tmp_path: Path) -> None:
    rows = rows_of(N)
    pilot = memory_pilot(tmp_path, {"both": BOTH}, rows)
    two = ENVIRONMENT.replace("{vendor: {by: vendor}}", "{vendor: {by: vendor}, latest: {by: vendor}}")
    (pilot.suite / "environment.yaml").write_text(two, encoding="utf-8")
    seen = reasons(pilot, ran(open_pilot(pilot.name, pilot.root), "both").info.run)
    for name, trail in trails(rows).items():
        before = trail.split()[:-1]
        assert seen[name] == (f"{before[0]} {before[-1]}" if before else "None None")


def test_a_record_that_a_guard_keeps_from_the_agent_leaves_the_memory_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COLUMNS, "contact", {"pii": "contact", "max_length": 20})
    rows = [(*row[:3], "an address that is too long", row[4]) if row[0] == "R003" else row for row in rows_of(N)]
    pilot = memory_pilot(tmp_path, {"python": PYTHON}, rows)
    with (pilot.suite / "pilot.yaml").open("a", encoding="utf-8") as file:
        file.write("guards: [lengths]\n")
    pilot = open_pilot(pilot.name, pilot.root)
    expected = {name: trail.replace("R003 ", "") for name, trail in trails(rows).items() if name != "R003"}
    for way in ("python", "prompt"):
        session = ran(pilot, way)
        assert (session.info.ok, session.info.invalid) == (N - 1, 1)
        seen = reasons(pilot, session.info.run)
        assert {name: seen[name] for name in expected} == expected, way


def test_each_repeat_of_a_version_has_a_memory_of_its_own(tmp_path: Path) -> None:
    with endpoint(by_http) as url:
        pilot = memory_pilot(tmp_path, {"plain": url}, rows_of(N))
        ran(pilot, "plain")
        request = RunRequest(show_progress=False)
        for run in ask_again(pilot, "plain", request, Again(2), read_dataset(pilot)):
            assert reasons(pilot, run) == trails(rows_of(N))
