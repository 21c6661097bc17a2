"""Prepared fields: what a function of the pilot adds to a record before a prompt is filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from small_pilots import with_settings

from workbench.agents import PromptAgent
from workbench.agents.prompted import prompt_agent
from workbench.engines.protocol import Request
from workbench.engines.scripted import ScriptedEngine
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, Session, run_agent
from workbench.words import InputError

ANSWER = '{"action": "refund", "reason": "r", "confidence": 0.75}'
FACTS = """
from pathlib import Path
LIMIT = float(Path(__file__).with_name("limit.txt").read_text())
def facts(record):
    return {"facts": "over the limit" if float(record["amount"]) > LIMIT else "within the limit"}
"""
SETTINGS = "{python: 'eval_suites/tickets/facts.py:facts', fields: [facts], reads: [eval_suites/tickets/limit.txt]}"


def prepared(pilot: Pilot, source: str = FACTS, placeholder: str = "{{ record.facts }}") -> Pilot:
    """Give a pilot a preparation, and its prompt one more line."""
    (pilot.suite / "facts.py").write_text(source, encoding="utf-8")
    (pilot.suite / "limit.txt").write_text("50", encoding="utf-8")
    path = pilot.suite / "prompts" / "v1.md"
    path.write_text(f"{path.read_text(encoding='utf-8')}\nFacts: {placeholder}\n", encoding="utf-8")
    return with_settings(pilot, f"prepare: {SETTINGS}")


def agent_of(pilot: Pilot, engine: ScriptedEngine | None = None) -> PromptAgent:
    engine = ScriptedEngine(lambda request: ANSWER) if engine is None else engine
    return prompt_agent(pilot, "prompt_v1", pilot.agent("prompt_v1"), read_dataset(pilot), engine)


def run(pilot: Pilot, agent: PromptAgent | None = None) -> tuple[Session, Any]:
    agent = agent_of(pilot) if agent is None else agent
    dataset = read_dataset(pilot)
    agent.prepare()
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        selection = RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV))
        session = run_agent(journal, agent, selection, show_progress=False)
        return session, journal.decisions(session.info.run)


def test_a_prompt_shows_what_the_function_makes_of_each_record(tickets: Callable[[int], Pilot]) -> None:
    asked: dict[str, str] = {}

    def answer(request: Request) -> str:
        asked[request.id] = request.messages[-1].content
        return ANSWER

    pilot = prepared(tickets(60))
    session, _ = run(pilot, agent_of(pilot, ScriptedEngine(answer)))
    amounts = read_dataset(pilot).shown(Split.DEV)["amount"].astype(float)
    assert session.info.ok == len(amounts) == len(asked)
    for record_id, amount in amounts.items():
        fact = "over the limit" if amount > 50 else "within the limit"
        assert asked[str(record_id)].endswith(f"Facts: {fact}")


def test_the_nearest_placeholder_may_be_a_prepared_field(tickets: Callable[[int], Pilot]) -> None:
    pilot = prepared(tickets(40), placeholder="{{ record.fact }}")
    with pytest.raises(InputError, match=r"unknown placeholder 'record.fact'(.|\n)*did you mean 'record.facts'"):
        agent_of(pilot)


def test_a_document_without_a_prepared_field_shows_columns_only_and_calls_no_function(
    tickets: Callable[[int], Pilot],
) -> None:
    asked: list[str] = []

    def answer(request: Request) -> str:
        asked.append(request.messages[-1].content)
        return ANSWER

    pilot = prepared(tickets(40), "def facts(record):\n    return 1 / 0\n", "{{ record | tojson }}")
    agent = agent_of(pilot, ScriptedEngine(answer))
    assert set(agent.identity) == {"prompt", "engine", "labels"}, "decisions made before there were facts are kept"
    session, _ = run(pilot, agent)
    assert session.info.ok == session.info.planned
    assert not any('"facts"' in text for text in asked)


FAULTS = {
    "1 / 0": "prepare facts: ZeroDivisionError: division by zero (facts.py, line 3)",
    "['facts']": "prepare facts: it returned no mapping but list; expected exactly facts",
    "{}": "prepare facts: it returned nothing; expected exactly facts",
    "{'facts': 'x', 'more': 'y'}": "prepare facts: it returned facts, more; expected exactly facts",
    "{'facts': 7}": "prepare facts: facts is no text but int",
    "{'facts': None}": "prepare facts: facts is no text but NoneType",
}


@pytest.mark.parametrize(("made", "detail"), FAULTS.items(), ids=list(FAULTS))
def test_a_record_that_cannot_be_prepared_fails_alone_and_the_engine_is_not_asked(
    tickets: Callable[[int], Pilot], made: str, detail: str
) -> None:
    asked: set[str] = set()

    def answer(request: Request) -> str:
        asked.add(request.id)
        return ANSWER

    source = f"def facts(record):\n    if record['ticket'][-1] in '369':\n        return {made}\n"
    pilot = prepared(tickets(60), source + "    return {'facts': 'plain'}\n")
    session, decisions = run(pilot, agent_of(pilot, ScriptedEngine(answer, concurrency=4)))
    is_odd = decisions.index.str[-1].isin(list("369"))
    failed = decisions[decisions["status"] == "failed"]
    assert set(failed.index) == set(decisions.index[is_odd])
    assert set(failed["cause"]) == {"exception"}
    assert set(failed["detail"]) == {detail}
    assert set(failed["attempts"]) == {0}, "no call was made"
    assert asked == set(decisions.index[~is_odd])
    info = session.info
    assert (info.planned, info.ok) == (info.ok + info.failed, len(asked))


def test_a_run_in_which_no_record_can_be_prepared_ends(tickets: Callable[[int], Pilot]) -> None:
    pilot = prepared(tickets(60), "def facts(record):\n    raise StopIteration\n")
    session, _ = run(pilot, agent_of(pilot, ScriptedEngine(lambda request: ANSWER, concurrency=2)))
    assert session.refusal is not None
    assert (session.refusal.cause, session.refusal.n_failed) == ("exception", 2)
    assert (session.info.failed, session.info.skipped, session.info.planned) == (2, 40, 42)


@pytest.mark.parametrize("changed", ["facts.py", "limit.txt"])
def test_a_changed_preparation_asks_again_only_where_it_is_used(tickets: Callable[[int], Pilot], changed: str) -> None:
    pilot = prepared(tickets(60))
    (pilot.suite / "prompts" / "plain.md").write_text(
        "---\nname: plain\nchange_note: no facts\n---\n\n## Record\n\n{{ record.body }}\n", encoding="utf-8"
    )
    path = pilot.suite / "pilot.yaml"
    text = path.read_text(encoding="utf-8").replace("agents:\n", "agents:\n  plain: {prompt: plain}\n", 1)
    path.write_text(text, encoding="utf-8")
    pilot = open_pilot(pilot.name, pilot.root)

    def n_asked() -> list[int]:
        engine, dataset = ScriptedEngine(lambda request: ANSWER), read_dataset(pilot)
        agents = [prompt_agent(pilot, name, pilot.agent(name), dataset, engine) for name in ("prompt_v1", "plain")]
        return [run(pilot, agent)[0].n_asked for agent in agents]

    assert n_asked() == [42, 42]
    assert n_asked() == [0, 0]
    file = pilot.suite / changed
    file.write_text(file.read_text(encoding="utf-8") + ("0" if changed == "limit.txt" else "# new\n"), encoding="utf-8")
    assert n_asked() == [42, 0]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def fact(record):\n    return {}\n", r"there is no callable 'facts'(.|\n)*expected: fact"),
        ("import nothing_of_the_kind\n", "cannot be imported"),
        ("def facts(\n", "is no Python"),
    ],
)
def test_a_function_that_is_not_there_is_refused_before_the_run(
    tickets: Callable[[int], Pilot], source: str, message: str
) -> None:
    pilot = prepared(tickets(40), source)
    with pytest.raises(InputError, match=message):
        agent_of(pilot).prepare()
