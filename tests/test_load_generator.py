"""The generator: arrivals do not wait for answers, a window is honoured, nothing is lost without being counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pandas as pd
import pytest

from workbench.agents import Decision
from workbench.load_testing.analysis import kept_time
from workbench.load_testing.asking import Alone
from workbench.load_testing.feeding import Bounded
from workbench.load_testing.generator import ArrivalsToAsk, Driven, driven
from workbench.metrics import Status
from workbench.records import Record, base_id, repeated_record
from workbench.words import RunError

BASE = Record("R1", {"amount": 1.0}, "d" * 64)


class OwnAgent:
    """An agent in this process, many records at once, which tests let be slow, silent or broken."""

    name, identity, window, patience = "own", {"own": "1"}, 4, 2

    def __init__(self, deadline_s: float | None = None) -> None:
        self.deadline_s = deadline_s
        self.n, self.most, self.under_way = 0, 0, 0

    def prepare(self) -> None:
        """Nothing to see to."""

    async def answer(self, record: Record) -> Decision | None:
        await asyncio.sleep(0.001)
        return Decision(record.id, Status.OK, "approve", attempts=1)

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        decided: asyncio.Queue[Decision] = asyncio.Queue()
        tasks = set()

        async def ask(record: Record) -> None:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            decision = await self.answer(record)
            self.under_way -= 1
            if decision is not None:
                decided.put_nowait(decision)

        async def all_of() -> None:
            async for record in records:
                self.n += 1
                tasks.add(asyncio.create_task(ask(record)))

        asking = asyncio.create_task(all_of())
        while not (asking.done() and all(one.done() for one in tasks) and decided.empty()):
            try:
                yield await asyncio.wait_for(decided.get(), 0.02)
            except TimeoutError:
                if asking.done():
                    asking.result()


class Silent(OwnAgent):
    """Never answers the third record."""

    async def answer(self, record: Record) -> Decision | None:
        if record.id == records(3)[2].id:
            await asyncio.sleep(60)
        return await super().answer(record)


class Blocking(OwnAgent):
    """Keeps the generator's own loop from turning, again and again."""

    async def answer(self, record: Record) -> Decision | None:
        if self.n % 20 == 0:
            time.sleep(0.06)
        return await super().answer(record)


def records(n: int) -> list[Record]:
    return [repeated_record(BASE, str(place)) for place in range(n)]


def run(agent: OwnAgent, n_first: int, due: Sequence[float]) -> tuple[Driven, dict[int, Decision]]:
    found: dict[int, Decision] = {}
    done = driven(agent, ArrivalsToAsk(records(n_first + len(due)), due), found.update)
    return done, found


def test_each_arrival_is_decided_once_and_stored_at_its_place() -> None:
    done, found = run(OwnAgent(), 2, np.arange(50) / 1_000)
    assert sorted(found) == list(range(52))
    assert {one.status for one in found.values()} == {Status.OK}
    assert found[7].record_id == records(8)[7].id
    assert (done.moments.sent >= done.moments.fired).all()
    assert (done.moments.done >= done.moments.sent).all()
    assert done.n_unmatched == 0


def test_no_more_records_are_under_way_than_the_agent_takes() -> None:
    agent = OwnAgent()
    _, found = run(agent, 0, [0.0] * 40)
    assert (agent.most, len(found)) == (4, 40)


def test_without_due_times_one_is_asked_after_another() -> None:
    agent = OwnAgent()
    done, _ = run(agent, 12, [])
    assert agent.most == 1
    assert (done.moments.sent[1:] >= done.moments.done[:-1]).all()


def test_what_an_agent_never_answers_is_failed_after_its_deadline() -> None:
    _, found = run(Silent(deadline_s=0.2), 0, [0.0] * 10)
    assert len(found) == 10
    assert [one.cause for one in found.values() if one.status is Status.FAILED] == ["no_reply"]


def test_what_has_no_decision_when_the_test_ends_is_failed_whether_it_was_taken_or_not() -> None:
    class Slow(OwnAgent):
        async def answer(self, record: Record) -> Decision | None:
            await asyncio.sleep(60)
            return None

    found: dict[int, Decision] = {}
    arrivals = ArrivalsToAsk(records(10), [0.0] * 10, ends_s=0.2)
    done = driven(Slow(), arrivals, found.update)
    assert [one.cause for one in found.values()] == ["no_reply"] * 10
    assert np.isfinite(done.moments.done).all()
    assert int(np.isfinite(done.moments.sent).sum()) == 4, "the agent takes four at once"


def test_records_without_a_due_time_are_as_many_as_the_time_is_enough_for_and_the_fewest_at_least() -> None:
    found: dict[int, Decision] = {}
    driven(OwnAgent(), ArrivalsToAsk(records(40), first=Bounded(0.0, 7)), found.update)
    assert sorted(found) == list(range(7))
    driven(OwnAgent(), ArrivalsToAsk(records(40), first=Bounded(60.0, 7)), found.update)
    assert sorted(found) == list(range(40))


def test_times_without_load_are_medians_of_rounds() -> None:
    # three rounds of 20, of which the second was disturbed: 19 of 20 is the p95 of each
    seconds = np.concatenate([np.arange(1, 21), np.full(20, 500.0), np.arange(2, 22), [np.nan] * 3])
    assert Alone.of(seconds) == Alone(60, 11.5, 20.0)


def test_what_an_agent_raises_is_raised() -> None:
    class Broken(OwnAgent):
        async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
            async for record in records:
                raise RunError("the agent broke", where=record.id)
                yield

    with pytest.raises(RunError, match="the agent broke"):
        run(Broken(), 0, [0.0])


def test_a_generator_that_something_keeps_from_its_time_says_so() -> None:
    due = np.arange(300) / 200
    done, _ = run(Blocking(), 0, due)
    seen = done.moments
    table = pd.DataFrame({"due_s": due, "fired_s": seen.fired, "sent_s": seen.sent, "done_s": seen.done})
    assert not kept_time(table).is_valid


def test_each_arrival_is_a_question_of_its_own_about_the_same_record() -> None:
    one, other = records(2)
    assert one.id != other.id
    assert one.digest != other.digest
    assert base_id(one.id) == base_id(other.id) == "R1"
    assert one.fields == BASE.fields
