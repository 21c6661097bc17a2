"""environment.yaml: what does not fit is one message that names the place, and no code of the pilot is run for it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from acting_pilots import CLEAN, ENVIRONMENT, acting_pilot

from workbench.environment import (
    DecisionAt,
    FunctionDone,
    StateSeen,
    Tool,
    ToolCall,
    ToolDesk,
    ToolFault,
    Trace,
    read_environment,
    redacted,
    told_events,
    trace_from,
)
from workbench.environment.trace import MAX_EVENTS
from workbench.pilot import Pilot
from workbench.words import InputError

FIELDS = {"po_number": "1", "ordered": 10, "received": 9, "contact": None}


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    return acting_pilot(tmp_path, {"clean": CLEAN}, n=5)


def test_no_environment_is_said_with_what_to_do(pilot: Pilot) -> None:
    (pilot.suite / "environment.yaml").unlink()
    with pytest.raises(InputError, match="an agent with tools needs an environment") as told:
        read_environment(pilot)
    assert "docs/how_to/act.md" in str(told.value)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("WHERE po_number = :po_number", "WHERE po_number = :number", "names parameters that are no arguments"),
        (
            "arguments: {po_number: string}",
            "arguments: {po_number: string, x: number}",
            "does not use all its arguments",
        ),
        ("FROM receipts", "FROM receiptz", "no such table: receiptz"),
        ("SELECT received", "SELECT received FROM receipts; SELECT received", "execute one statement"),
        ("SELECT received", "ATTACH 'x' AS y; SELECT received", "one statement that reads or changes rows"),
        ("effect: write", "effect: read", "effect: read, and it changes 'postings'"),
        ("amount: amount\n", "amount: amount\n    carries_out: pay\n", "what is no action of the pilot"),
        ("amount: amount\n", "amount: sum\n", "amount names no argument of the tool"),
        ("amount: number}", "amount: string}", "amount names no argument of the tool that is a number: 'post'"),
        ("[po_number, received]", "[po_number, decision]", "columns that the agent may not see"),
        ("tools.py:share_received", "tools.py:share_receivd", "did you mean 'share_received'?"),
        ("tools.py:share_received", "other.py:share_received", "the file of a tool is not there"),
        ("po_number: string, amount", "po_number: text, amount", "Input should be 'string', 'number'"),
        ("limits: {calls: 8", "limits: {call: 8", "unknown key 'limits.call'"),
        ("columns: [po_number, amount, key]", "columns: [key, amount, KEY]", "duplicate column name: KEY"),
        ("columns: [po_number, amount, key]", "rows: none.csv", "a file of rows is not there"),
    ],
)
def test_what_does_not_fit_is_one_message(pilot: Pilot, before: str, after: str, message: str) -> None:
    path = pilot.suite / "environment.yaml"
    assert before in ENVIRONMENT
    path.write_text(ENVIRONMENT.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as told:
        read_environment(pilot)
    assert "environment.yaml" in str(told.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def share_received(po_number): pass", "no docstring"),
        ('def share_received(po_number):\n    """Share."""', "argument po_number"),
        ('def share_received(po_number: list):\n    """Share."""', "got: list"),
        ("def share_received(:", "no Python"),
    ],
)
def test_a_function_that_cannot_be_told_to_an_agent_is_refused_unrun(pilot: Pilot, code: str, message: str) -> None:
    (pilot.suite / "tools.py").write_text(f"raise SystemExit('run')\n{code}\n", encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        read_environment(pilot)


async def no_function(tool: Tool, arguments: object, state: bytes | None, key: str) -> FunctionDone:
    """Run no function."""
    raise AssertionError(tool.name)


def desk_of(pilot: Pilot, *faults: ToolFault, key: str = "k") -> ToolDesk:
    """Return the desk of a decision on a record of its own."""
    return ToolDesk(read_environment(pilot), DecisionAt(FIELDS, key, "clerk", faults), no_function)


def test_a_fault_is_had_by_the_call_that_it_names_with_or_without_the_work_done(pilot: Pilot) -> None:
    async def posted(*faults: ToolFault) -> tuple[list[str], int]:
        desk = desk_of(pilot, *faults)
        answers = [await desk.call("post", {"po_number": "1", "amount": 5}) for _ in range(2)]
        said = ["ok" if "result" in one else one["error"]["outcome"] for one in answers]
        state = desk.end()[-1]
        assert isinstance(state, StateSeen)
        return said, len(state.changes.get("postings", {}).get("added", ()))

    assert asyncio.run(posted()) == (["ok", "ok"], 2)
    assert asyncio.run(posted(ToolFault(tool="post"))) == (["timeout", "ok"], 1)
    assert asyncio.run(posted(ToolFault(tool="post", done=True))) == (["timeout", "ok"], 2)
    assert asyncio.run(posted(ToolFault(tool="post", call=2, outcome="error"))) == (["ok", "error"], 1)
    assert asyncio.run(posted(ToolFault(tool="read_order"))) == (["ok", "ok"], 2)


def test_the_same_asked_again_has_the_same_key_and_another_decision_another(pilot: Pilot) -> None:
    async def keys(decision: str, *amounts: float) -> list[str]:
        desk = desk_of(pilot, key=decision)
        for amount in amounts:
            await desk.call("post", {"po_number": "1", "amount": amount})
        state = desk.end()[-1]
        assert isinstance(state, StateSeen)
        return [str(row["key"]) for row in state.changes["postings"]["added"]]

    (five,) = set(asyncio.run(keys("a", 5, 5)))
    assert set(asyncio.run(keys("a", 5, 6))) > {five}
    assert five not in asyncio.run(keys("b", 5, 6))


def test_each_decision_has_a_state_of_its_own(pilot: Pilot) -> None:
    async def states() -> list[StateSeen]:
        found = []
        for _ in range(2):
            desk = desk_of(pilot)
            await desk.call("post", {"po_number": "1", "amount": 5})
            found.append(desk.end()[-1])
        return [one for one in found if isinstance(one, StateSeen)]

    one, two = asyncio.run(states())
    assert one == two


def test_a_long_trace_keeps_its_ends_and_counts_the_rest() -> None:
    trace = Trace(tuple(ToolCall(name=f"t{number}") for number in range(10_000)))
    kept = trace_from(trace.as_json())
    assert len(kept.events) == MAX_EVENTS
    assert kept.dropped == 10_000 - MAX_EVENTS
    calls = kept.of(ToolCall)
    assert (calls[0].name, calls[-1].name) == ("t0", "t9999")
    assert told_events(kept)[-1]["event"] == "9,500 more events were not kept"


def test_a_trace_reads_back_as_it_was() -> None:
    trace = Trace((ToolCall(name="a", arguments={"x": 1}, result=[{"y": "ü"}], t_s=0.5),), 3)
    assert trace_from(trace.as_json()) == trace


def test_the_longest_private_value_is_taken_first_and_short_ones_stay() -> None:
    trace = Trace((ToolCall(name="a", arguments={"to": "Ada Lovelace, Ada, 12"}),))
    (call,) = redacted(trace, {"name": "Ada Lovelace", "first": "Ada", "number": "12"}).of(ToolCall)
    assert call.arguments == {"to": "[name], [first], 12"}
