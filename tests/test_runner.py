import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.agents import PromptAgent
from workbench.agents.decisions import Decision
from workbench.agents.prompts import read_prompt
from workbench.engines.protocol import Failure, FailureCause, Request
from workbench.engines.scripted import Script, ScriptedEngine
from workbench.metrics import Status
from workbench.pilot.pilot import Pilot
from workbench.records.records import Record
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, Session, require_answers, run_agent
from workbench.words import RunError

ANSWER = '{"action": "refund", "reason": "r", "confidence": 0.75}'


def selection_of(pilot: Pilot, limit: int | None = None) -> tuple[Dataset, RecordSelection]:
    dataset = read_dataset(pilot)
    return dataset, RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV, limit))


def run_scripted(pilot: Pilot, engine: ScriptedEngine, limit: int | None = None) -> tuple[Session, Any]:
    dataset, selection = selection_of(pilot, limit)
    prompt = read_prompt(pilot.suite / "prompts" / "v1.md", pilot.contract.shown)
    agent = PromptAgent("prompt_v1", prompt, engine, dataset.labels)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        session = run_agent(journal, agent, selection, show_progress=False)
        return session, journal.decisions(session.info.run)


class Counting:
    """Answers every record and keeps how many were under way at most."""

    name = "counting"
    identity: dict[str, Any] = {"counting": 1}  # noqa: RUF012
    window = 5
    patience = 5
    deadline_s = None

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        async for record in records:
            self.asked.append(record.id)
            yield Decision(record.id, Status.OK, action="refund", confidence=1.0, attempts=1)


def test_every_record_ends_in_exactly_one_row_whatever_the_order(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(120)
    session, decisions = run_scripted(pilot, ScriptedEngine(lambda request: ANSWER, script=Script(order_seed=3)))
    assert session.info.planned == session.info.ok == len(decisions) == session.n_asked
    assert decisions["confidence"].eq(0.75).all()
    assert decisions.index.is_unique


def test_a_second_run_asks_nothing(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    run_scripted(pilot, ScriptedEngine(lambda request: ANSWER))
    agent = Counting()
    _, selection = selection_of(pilot)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        assert run_agent(journal, agent, selection, show_progress=False).n_asked == len(selection.ids)
        assert run_agent(journal, agent, selection, show_progress=False).n_asked == 0
    assert len(agent.asked) == len(selection.ids)
    session, _ = run_scripted(pilot, ScriptedEngine(lambda request: "must not be called"))
    assert (session.n_asked, session.info.ok) == (0, len(selection.ids))


def test_counts_by_cause_cover_every_way_a_call_can_end(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(100)
    _, selection = selection_of(pilot)
    odd = dict(
        zip(
            selection.ids,
            [
                Failure(FailureCause.TIMEOUT, "30 s"),
                Failure(FailureCause.SERVER_ERROR, "500"),
                "",
                '{"action": "refund"',
                "[]",
                '{"reason": "x"}',
                '{"action": "nonsense"}',
                '{"action": "refund", "confidence": NaN}',
                '{"action": "refund", "confidence": 2}',
            ],
            strict=False,
        )
    )

    def answer(request: Request) -> str | Failure:
        return odd.get(request.id, ANSWER)

    session, _ = run_scripted(pilot, ScriptedEngine(answer))
    info = session.info
    assert info.planned == info.ok + info.invalid + info.failed + info.skipped
    assert dict(info.causes) == {
        "failed: timeout": 1,
        "failed: server_error": 1,
        "invalid: empty": 1,
        "invalid: not_json": 1,
        "invalid: not_an_object": 1,
        "invalid: no_action": 1,
        "invalid: unknown_action": 1,
        "invalid: bad_confidence": 2,
    }
    assert info.ok == len(selection.ids) - 9
    # failed ones are asked again, invalid answers stand
    again, _ = run_scripted(pilot, ScriptedEngine(lambda request: ANSWER))
    assert (again.n_asked, again.info.failed, again.info.invalid) == (2, 0, 7)


def test_answers_are_matched_by_id(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)
    _, selection = selection_of(pilot)
    first, second, third = selection.ids[:3]
    script = Script(twice=frozenset({first}), drop=frozenset({second}), stray=frozenset({third}), deadline_s=0.5)
    session, decisions = run_scripted(pilot, ScriptedEngine(lambda request: ANSWER, script=script))
    assert session.n_unmatched == 2
    assert session.info.causes == {"failed: no_reply": 1}
    assert decisions.loc[second, "cause"] == "no_reply"
    assert decisions.loc[first, "status"] == "ok"
    assert session.info.finished


def test_an_engine_that_hangs_is_given_up_on_after_its_deadline(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    _, selection = selection_of(pilot)
    script = Script(hang=frozenset(selection.ids[[3, 20]]), deadline_s=0.5)
    session, _ = run_scripted(pilot, ScriptedEngine(lambda request: ANSWER, script=script))
    assert session.info.causes == {"failed: no_reply": 2}
    assert session.info.ok == session.info.planned - 2


def test_a_refused_key_stops_the_run_and_skips_the_rest(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(100)
    refusal = Failure(FailureCause.AUTH, "401: no such key")
    session, decisions = run_scripted(pilot, ScriptedEngine(lambda request: refusal, concurrency=4))
    assert session.refusal is not None
    assert session.refusal.detail == "401: no such key"
    assert session.info.finished
    assert session.info.failed <= 8
    assert session.info.failed + session.info.skipped == session.info.planned
    assert set(decisions[decisions.status == "skipped"]["cause"]) == {"auth"}
    again, _ = run_scripted(pilot, ScriptedEngine(lambda request: ANSWER))
    assert again.info.ok == again.info.planned == again.n_asked


def test_no_more_than_the_window_is_ever_unstored(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(100)
    _, selection = selection_of(pilot)
    unstored = []
    with Journal(pilot.runs / JOURNAL_FILE) as journal:

        class Watching(Counting):
            async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
                async for record in records:
                    self.asked.append(record.id)
                    stored = sum(info.ok for info in journal.runs())
                    unstored.append(len(self.asked) - stored)
                    yield Decision(record.id, Status.OK, action="refund", confidence=1.0, attempts=1)

        agent = Watching()
        run_agent(journal, agent, selection, show_progress=False)
    assert max(unstored) <= agent.window
    assert len(agent.asked) == len(selection.ids)


def test_a_slow_callable_that_blocks_has_each_decision_stored_before_the_next(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)
    _, selection = selection_of(pilot)
    unstored = []
    with Journal(pilot.runs / JOURNAL_FILE) as journal:

        class Slow(Counting):
            window = 64

            async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
                async for record in records:
                    unstored.append(len(self.asked) - sum(info.ok for info in journal.runs()))
                    self.asked.append(record.id)
                    time.sleep(0.03)
                    yield Decision(record.id, Status.OK, action="refund", confidence=1.0, attempts=1)

        run_agent(journal, Slow(), selection, show_progress=False)
    assert max(unstored) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_run_and_keeps_what_was_decided(tickets: Callable[[int], Pilot], number: int) -> None:
    pilot = tickets(200)
    started = threading.Event()

    def answer(request: Request) -> str:
        started.set()
        return ANSWER

    def interrupt() -> None:
        started.wait(10)
        signal.pthread_kill(threading.get_ident(), number)  # so that it does not wake the main thread, which waits

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(RunError, match=r"the run was stopped: [\d,]+ of 140 decisions are stored"):
        run_scripted(pilot, ScriptedEngine(answer, latency_s=0.05, concurrency=4))
    thread.join()
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        (info,) = journal.runs()
    assert 0 < info.ok < 140
    assert info.failed == info.skipped == 0
    session, _ = run_scripted(pilot, ScriptedEngine(lambda request: ANSWER))
    assert session.n_asked == 140 - info.ok
    assert session.info.ok == 140


def test_a_run_works_inside_a_running_event_loop(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)

    async def as_in_a_notebook() -> Session:
        return run_scripted(pilot, ScriptedEngine(lambda request: ANSWER))[0]

    assert asyncio.run(as_in_a_notebook()).info.finished


def test_a_journal_that_cannot_be_written_ends_the_run_with_one_error(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(100)
    _, selection = selection_of(pilot)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        journal.runs()

        class Long(Counting):
            async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
                async for record in records:
                    yield Decision(record.id, Status.OK, action="refund", text="x" * 100_000, attempts=1)

        journal._connection.execute("PRAGMA max_page_count = 60")
        agent = Long()
        with pytest.raises(RunError, match="could not be stored"):
            run_agent(journal, agent, selection, show_progress=False)
    assert Path(pilot.runs / JOURNAL_FILE).is_file()


def failing(n_failed: int, cause: FailureCause) -> Callable[[Request], str | Failure]:
    """Return what fails at the first calls and answers the others."""
    calls = iter(range(10_000))
    return lambda request: Failure(cause, "down") if next(calls) < n_failed else ANSWER


SERVER_CAUSES = ("connection", "timeout", "server_error", "rate_limited", "no_reply")


@pytest.mark.parametrize("cause", list(FailureCause))
def test_what_never_answers_is_asked_no_more_than_its_concurrency(
    tickets: Callable[[int], Pilot], cause: FailureCause
) -> None:
    pilot = tickets(100)
    asked: list[str] = []

    def answer(request: Request) -> Failure:
        asked.append(request.id)
        return Failure(cause, "down")

    session, decisions = run_scripted(pilot, ScriptedEngine(answer, concurrency=4))
    info = session.info
    assert session.refusal is not None
    assert (session.refusal.cause, session.refusal.detail) == (cause.value, "down")
    assert len(asked) == info.failed <= 4
    assert info.planned == info.ok + info.invalid + info.failed + info.skipped == 70
    assert set(decisions[decisions["status"] == "skipped"]["cause"]) == {cause.value}
    with pytest.raises(RunError, match=rf"in a row failed(.|\n)*{cause.value}: down|refused the cred(.|\n)*auth: down"):
        require_answers(session, decisions, "here", 0.9)
    again, _ = run_scripted(pilot, ScriptedEngine(lambda request: ANSWER))
    assert again.info.ok == again.n_asked == 70


@pytest.mark.parametrize("n_failed", [1, 3])
def test_fewer_failures_than_calls_at_once_end_no_run(tickets: Callable[[int], Pilot], n_failed: int) -> None:
    answer = failing(n_failed, FailureCause.CONNECTION)
    session, _ = run_scripted(tickets(100), ScriptedEngine(answer, concurrency=4))
    assert (session.refusal, session.info.failed, session.info.ok) == (None, n_failed, 70 - n_failed)


@pytest.mark.parametrize("cause", [FailureCause.CONNECTION, FailureCause.REJECTED, FailureCause.EXCEPTION])
def test_a_server_that_goes_away_ends_the_run_and_records_that_cannot_be_answered_do_not(
    tickets: Callable[[int], Pilot], cause: FailureCause
) -> None:
    calls = iter(range(10_000))
    script = ScriptedEngine(lambda request: Failure(cause, "gone") if 20 <= next(calls) < 60 else ANSWER, concurrency=4)
    session, _ = run_scripted(tickets(100), script)
    if cause.value in SERVER_CAUSES:
        assert session.refusal is not None
        assert (session.refusal.n_failed, session.info.ok) == (8, 20)
        assert session.info.failed <= 12
        assert session.info.skipped == 50 - session.info.failed
    else:
        assert (session.refusal, session.info.failed, session.info.ok) == (None, 40, 30)


def test_what_failed_before_is_asked_last_and_stays_failed_where_nothing_answers(
    tickets: Callable[[int], Pilot],
) -> None:
    pilot = tickets(100)
    ids = selection_of(pilot)[1].ids
    poison = set(ids[:10])

    def answer(request: Request) -> str | Failure:
        return Failure(FailureCause.TIMEOUT, "hangs") if request.id in poison else ANSWER

    first, _ = run_scripted(pilot, ScriptedEngine(answer, concurrency=16))
    assert (first.info.ok, first.info.failed) == (60, 10)
    again, decisions = run_scripted(pilot, ScriptedEngine(answer, concurrency=2))
    assert again.refusal is not None
    assert (again.info.ok, again.info.failed, again.info.skipped) == (60, 10, 0)
    require_answers(again, decisions, "here", 0.2)  # two more failures make no other run of it
    with pytest.raises(RunError, match=r"14\.3% of the calls failed(.|\n)*10 of 70(.|\n)*at most 10\.0%"):
        require_answers(again, decisions, "here", 0.1)
