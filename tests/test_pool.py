from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from workbench.engines.pool import results_of


class Source:
    """Numbers below `n`; counts what was taken, and fails at `fails_at`."""

    def __init__(self, n: int, fails_at: int | None = None) -> None:
        self.n, self.fails_at, self.taken, self.ends = n, fails_at, 0, 0

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        if self.taken == self.n:
            self.ends += 1
            raise StopAsyncIteration
        if self.taken == self.fails_at:
            raise LookupError("the source broke")
        self.taken += 1
        return self.taken - 1


async def later(n: int) -> int:
    await asyncio.sleep(0.03 if n % 3 == 0 else 0.001)
    return n


async def others() -> set[object]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@pytest.mark.parametrize("concurrency", [1, 4, 50])
def test_every_item_gets_exactly_one_result(concurrency: int) -> None:
    async def run() -> list[int]:
        return [n async for n in results_of(Source(20), later, concurrency)]

    assert sorted(asyncio.run(run())) == list(range(20))


def test_results_come_in_order_of_completion() -> None:
    async def run() -> list[int]:
        return [n async for n in results_of(Source(4), later, 4)]

    assert asyncio.run(run()) == [1, 2, 0, 3]  # 0 and 3 take longer than 1 and 2


def test_a_plain_async_generator_can_be_the_source_of_many_workers() -> None:
    async def numbers() -> AsyncIterator[int]:
        for n in range(20):
            await asyncio.sleep(0)
            yield n

    async def run() -> list[int]:
        return [n async for n in results_of(numbers(), later, 8)]

    assert sorted(asyncio.run(run())) == list(range(20))


def test_an_empty_source_gives_no_result() -> None:
    async def run() -> list[int]:
        return [n async for n in results_of(Source(0), later, 8)]

    assert asyncio.run(run()) == []


def test_a_generator_is_not_asked_again_after_its_end() -> None:
    source = Source(5)

    async def numbers() -> AsyncIterator[int]:
        async for n in source:
            yield n

    async def run() -> None:
        async for _ in results_of(numbers(), later, 8):
            pass

    asyncio.run(run())
    assert source.ends == 1


def test_workers_wait_for_a_source_that_bears_it_all_at_once() -> None:
    most = 0

    class Waiting(Source):
        waiting = 0

        async def __anext__(self) -> int:
            nonlocal most
            self.waiting += 1
            most = max(most, self.waiting)
            await asyncio.sleep(0.001)
            self.waiting -= 1
            return await super().__anext__()

    async def run() -> list[int]:
        return [n async for n in results_of(Waiting(20), later, 8)]

    assert sorted(asyncio.run(run())) == list(range(20))
    assert most == 8


def test_at_most_the_concurrency_is_in_flight() -> None:
    running = most = 0

    async def count(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1
        return n

    async def run() -> None:
        async for _ in results_of(Source(40), count, 5):
            pass

    asyncio.run(run())
    assert most == 5


def test_a_slow_reader_slows_the_source() -> None:
    source = Source(1000)

    async def run() -> None:
        async with aclosing(results_of(source, later, 4)) as results:
            read = 0
            async for _ in results:
                read += 1
                await asyncio.sleep(0.01)
                assert source.taken <= read + 2 * 4
                if read == 20:
                    break

    asyncio.run(run())


def test_an_exception_of_the_source_is_raised_and_no_task_is_left() -> None:
    async def run() -> None:
        with pytest.raises(LookupError, match="the source broke"):
            async for _ in results_of(Source(20, fails_at=7), later, 4):
                pass
        assert await others() == set()

    asyncio.run(run())


def test_an_exception_of_a_call_is_raised_and_no_task_is_left() -> None:
    async def broken(n: int) -> int:
        if n == 5:
            raise KeyError("item 5")
        return await later(n)

    async def run() -> None:
        with pytest.raises(KeyError, match="item 5"):
            async for _ in results_of(Source(20), broken, 4):
                pass
        assert await others() == set()

    asyncio.run(run())


def test_closing_cancels_the_calls_in_flight_and_waits_for_them() -> None:
    ended: list[int] = []

    async def slow(n: int) -> int:
        try:
            await asyncio.sleep(0 if n == 0 else 60)
        finally:
            ended.append(n)
        return n

    async def run() -> None:
        async with aclosing(results_of(Source(20), slow, 4)) as results:
            assert await anext(results) == 0
        assert await others() == set()

    asyncio.run(run())
    assert 0 in ended
    assert len(ended) >= 4


def test_cancelling_the_reader_cancels_the_calls_in_flight() -> None:
    async def forever(n: int) -> int:
        await asyncio.sleep(60)
        return n

    async def read() -> None:
        async with aclosing(results_of(Source(20), forever, 4)) as results:
            async for _ in results:
                pass

    async def run() -> None:
        reader = asyncio.create_task(read())
        await asyncio.sleep(0.02)
        reader.cancel()
        await asyncio.wait([reader])
        assert reader.cancelled()
        assert await others() == set()

    asyncio.run(run())
