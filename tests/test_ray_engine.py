"""The Ray engine: how work is spread and repeated (always run), and real clusters on this machine (marker `ray`)."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest
from asking import asked, source
from load_servers import AGENT, coded_pilot
from ray_driver import run
from ray_workers import OneByOne, answer, calls, named_by_process, one_by_one, scripted, unable
from stub_server import stub_process

from workbench.engines import EngineChoice
from workbench.engines.protocol import Engine, FailureCause, Message, Reply, Request, SamplingParams
from workbench.engines.ray import on_workers
from workbench.engines.ray.cluster import LOOPBACK, QUIET, in_ray
from workbench.engines.ray.dispatch import Dispatch, WorkerLost
from workbench.engines.ray.engine import RayEngine, end_kept
from workbench.engines.ray.settings import RaySettings, host_and_port
from workbench.engines.ray.workers import EngineActor
from workbench.engines.scripted import Script, ScriptedEngine
from workbench.engines.server.settings import ServerSettings
from workbench.load_testing import MAKER, LoadRequest
from workbench.pilot import LoadProfile
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.words import InputError, RunError

TESTS = Path(__file__).parent
LETHAL = "lethal"
HEAD = {"include_dashboard": False, "no_monitor": True}


def request(name: str, text: str = "hello") -> Request:
    return Request(name, (Message("system", "rules"), Message("user", f"{name} {text}")), SamplingParams())


def requests(count: int) -> list[Request]:
    return [request(f"r{number}") for number in range(count)]


def untimed(replies: Sequence[Reply]) -> dict[str, Reply]:
    assert len({reply.id for reply in replies}) == len(replies)
    return {reply.id: replace(reply, latency_s=0.0) for reply in replies}


# ---------------------------------------------------------------- a worker's engine


async def answered(engine: Engine, items: Sequence[Request]) -> list[Reply | None]:
    worker = EngineActor(lambda: engine)
    assert await worker.start() == (version("agent-workbench"), dict(engine.identity))
    try:
        async with asyncio.timeout(20):
            return list(await asyncio.gather(*(worker.answer(item) for item in items)))
    finally:
        await engine.__aexit__(None, None, None)


@pytest.mark.parametrize("engine", [scripted(), one_by_one(0.01)], ids=["in full batches", "one by one"])
def test_calls_that_overlap_on_one_engine_each_get_their_own_reply(engine: Engine) -> None:
    items = requests(50)
    replies = asyncio.run(answered(engine, items))
    assert [reply and reply.id for reply in replies] == [item.id for item in items]
    assert untimed([reply for reply in replies if reply]) == untimed(asyncio.run(asked(engine, items)))


def test_a_request_the_engine_never_answers_does_not_keep_the_others() -> None:
    script = Script(drop=frozenset({"r1"}), twice=frozenset({"r2"}), stray=frozenset({"r0"}))
    replies = asyncio.run(answered(ScriptedEngine(answer, script=script), requests(4)))
    assert [reply and reply.id for reply in replies] == ["r0", None, "r2", "r3"]


def test_what_an_engine_raises_ends_the_call_and_no_later_one() -> None:
    async def ask() -> str | None:
        worker = EngineActor(lambda: ScriptedEngine({"r0": "yes"}))
        await worker.start()
        with pytest.raises(InputError, match="no answer for request 'other'"):
            await worker.answer(request("other"))
        reply = await worker.answer(request("r0"))
        return None if reply is None else reply.text

    assert asyncio.run(ask()) == "yes"


def test_a_call_that_was_given_up_ends_no_other_on_that_worker() -> None:
    async def ask() -> Reply | None:
        worker = EngineActor(partial(one_by_one, 0.05))
        await worker.start()
        given_up, other = (asyncio.create_task(worker.answer(request(name))) for name in ("r0", "r1"))
        await asyncio.sleep(0.01)
        given_up.cancel()
        return await other

    reply = asyncio.run(ask())
    assert reply is not None
    assert reply.id == "r1"


# ---------------------------------------------------------------- workers that are lost


class InProcess:
    """A worker in this process that can be lost as one on a cluster can."""

    def __init__(self, crew: InProcessCrew) -> None:
        self._crew = crew
        self._begin()

    def _begin(self) -> None:
        self._engine = EngineActor(self._crew.make)
        self._is_dead = asyncio.Event()
        self._started: asyncio.Task[Any] | None = None
        self._n_answered = 0

    async def answer(self, item: Request) -> Reply | None:
        self._crew.asked.append(item.id)
        self._started = self._started or asyncio.create_task(self._engine.start())
        await self._started
        is_dead = self._is_dead
        work, death = asyncio.create_task(self._engine.answer(item)), asyncio.create_task(is_dead.wait())
        try:
            await asyncio.wait({work, death}, timeout=0.01, return_when=asyncio.ALL_COMPLETED)
            if LETHAL in item.id:
                is_dead.set()
            await asyncio.wait({work, death}, return_when=asyncio.FIRST_COMPLETED)
            if is_dead.is_set():
                raise WorkerLost("killed", is_dead=True)
            return work.result()
        finally:
            self._n_answered += 1
            if self._n_answered == self._crew.kill_after:
                self._crew.kill_after = None
                is_dead.set()
            for task in (work, death):
                task.cancel()
            await asyncio.gather(work, death, return_exceptions=True)

    async def revive(self, *, is_dead: bool) -> None:
        assert is_dead or not self._is_dead.is_set()
        await self.end()
        if self._crew.n_new == self._crew.spare:
            raise RunError("the cluster has no place")
        self._crew.n_new += 1
        self._begin()

    async def end(self) -> None:
        self._is_dead.set()


class InProcessCrew:
    """Workers in this process; `spare` is how many new ones there can be."""

    def __init__(self, make: Callable[[], Engine], spare: int = 1000, kill_after: int | None = None) -> None:
        self.make = make
        self.spare = spare
        self.kill_after = kill_after
        self.n_new = 0
        self.asked: list[str] = []
        self.workers: list[InProcess] = [InProcess(self), InProcess(self)]


async def dispatched(
    items: Sequence[Request], make: Callable[[], Engine] | None = None, *, spare: int = 1000,
    kill_after: int | None = None, patience_s: float = 20.0,
) -> tuple[list[Reply], InProcessCrew]:  # fmt: skip
    crew = InProcessCrew(make or partial(one_by_one, 0.005), spare, kill_after)
    async with asyncio.timeout(30):
        replies = [reply async for reply in Dispatch(crew.workers, 16, patience_s).stream(source(items))]
    for worker in crew.workers:
        await worker.end()
    return replies, crew


def test_every_request_is_answered_once_when_nothing_is_lost() -> None:
    replies, crew = asyncio.run(dispatched(requests(101)))
    assert set(untimed(replies)) == {f"r{number}" for number in range(101)}
    assert {reply.attempts for reply in replies} == {1}
    assert (crew.n_new, len(crew.asked)) == (0, 101)


def test_what_a_lost_worker_had_is_asked_once_more_and_nothing_else_is() -> None:
    replies, crew = asyncio.run(dispatched(requests(100), kill_after=3))
    assert set(untimed(replies)) == {f"r{number}" for number in range(100)}
    assert all(reply.failure is None for reply in replies)
    times_asked = Counter(crew.asked)
    assert {reply.id: reply.attempts for reply in replies} == dict(times_asked)
    assert crew.n_new == 1
    assert 0 < sum(times_asked.values()) - 100 <= 16


def test_a_request_that_kills_its_workers_fails_and_the_others_are_answered() -> None:
    items = requests(60)
    items[17], items[40] = request(f"{LETHAL}1"), request(f"{LETHAL}2")
    replies, crew = asyncio.run(dispatched(items))
    by_id = untimed(replies)
    failed = {name: reply.failure for name, reply in by_id.items() if reply.failure is not None}
    assert set(by_id) == {item.id for item in items}
    assert set(failed) == {f"{LETHAL}1", f"{LETHAL}2"}
    for name, failure in failed.items():
        assert failure.cause is FailureCause.NO_REPLY
        assert failure.detail == "4 workers were lost while they had this request, the last one had no other: killed"
        assert by_id[name].attempts == 4
    assert max(reply.attempts for reply in replies) <= 4
    assert crew.n_new <= 8


def test_a_worker_that_hangs_is_given_up_on_and_the_request_fails_as_a_timeout() -> None:
    class Hanging(OneByOne):
        async def called(self, item: Request) -> Reply:
            if item.id == "r5":
                await asyncio.Event().wait()
            return await super().called(item)

    replies, _ = asyncio.run(dispatched(requests(20), partial(Hanging, 0.005), patience_s=0.3))
    by_id = untimed(replies)
    assert len(by_id) == 20
    failure = by_id["r5"].failure
    assert failure is not None
    assert failure.cause is FailureCause.TIMEOUT
    assert [name for name, reply in by_id.items() if reply.failure is not None] == ["r5"]


def test_a_run_goes_on_with_the_workers_that_are_left() -> None:
    replies, crew = asyncio.run(dispatched(requests(100), spare=0, kill_after=3))
    assert len(untimed(replies)) == 100
    assert crew.n_new == 0


def test_no_worker_left_is_one_error_that_says_what_to_do() -> None:
    with pytest.raises(RunError, match=r"(?s)no Ray worker is left.*killed; no new one: .*no place.*same command"):
        asyncio.run(dispatched([request(f"{LETHAL}{number}") for number in range(20)], spare=0))


def test_workers_that_die_one_after_the_other_end_the_run() -> None:
    with pytest.raises(RunError, match=r"9 Ray workers in a row were lost before they answered anything"):
        asyncio.run(dispatched([request(f"{LETHAL}{number}") for number in range(50)]))


def test_an_error_of_the_engine_is_raised_as_on_one_machine() -> None:
    with pytest.raises(InputError, match="no answer for request"):
        asyncio.run(dispatched(requests(5), partial(ScriptedEngine, {"r0": "yes"})))


def test_leaving_the_stream_early_leaves_nothing_running() -> None:
    async def leave() -> int:
        crew = InProcessCrew(partial(one_by_one, 0.005))
        replies = Dispatch(crew.workers, 16, 20.0).stream(source(requests(100)))
        await anext(replies)
        await replies.aclose()
        for worker in crew.workers:
            await worker.end()
        return len(asyncio.all_tasks())

    assert asyncio.run(leave()) == 1


def test_a_missing_package_is_one_message_that_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"(?s)package ray.*make ray, or: pip install 'agent-workbench\[ray\]'"):
        RayEngine(scripted)


# ---------------------------------------------------------------- clusters on this machine


class Hurried(RaySettings):
    placement_s: ClassVar[float] = 15.0


class Patient(RaySettings):
    placement_s: ClassVar[float] = 40.0


on_ray = [
    pytest.mark.ray,
    pytest.mark.skipif(find_spec("ray") is None, reason="not run: ray is not installed (make ray)"),
]


def ray_test(function: Any) -> Any:
    for mark in on_ray:
        function = mark(function)
    return function


def node_arguments() -> dict[str, Any]:
    """Return what a node needs to start soon on a busy machine: few processes, and fixed ports for its agents.

    Ray would wait no longer than 15 seconds for agents that choose their own ports.
    """
    names = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in sockets]
    return {**dict(zip(names, ports, strict=True)), "include_log_monitor": False}


def started_cluster(n_tries: int = 3) -> Any:
    """Start a cluster of one node; Ray gives up after half a minute on a machine that is busy with other work."""
    from ray.cluster_utils import Cluster

    logging.getLogger("ray").setLevel(logging.ERROR)
    for n_left in reversed(range(n_tries)):
        try:
            return Cluster(initialize_head=True, head_node_args={**node_arguments(), **HEAD, "num_cpus": 1})
        except Exception:
            if not n_left:
                raise
    raise AssertionError


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Start a cluster of two nodes on 127.0.0.1, one CPU each, that asks for a token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
        for name, value in {**QUIET, **LOOPBACK}.items():
            patch.setenv(name, value)
        import ray

        nodes = started_cluster()
        nodes.add_node(num_cpus=1, **node_arguments())
        try:
            yield nodes
        finally:
            in_ray(end_kept).result(60)
            ray.shutdown()
            nodes.shutdown()


@pytest.fixture
def settings(cluster: Any) -> RaySettings:
    return RaySettings(address=cluster.address)


@ray_test
def test_a_cluster_gives_the_same_replies_as_one_machine_on_both_nodes(settings: RaySettings, tmp_path: Path) -> None:
    items = requests(300)
    here = asyncio.run(asked(scripted(), items))
    engine = RayEngine(scripted, settings)
    assert dict(engine.identity) == dict(scripted().identity)
    assert (engine.concurrency, engine.deadline_s) == (32, 220.0)
    assert untimed(asyncio.run(asked(engine, items))) == untimed(here)
    log = tmp_path / "calls"
    replies = asyncio.run(asked(RayEngine(partial(one_by_one, 0.01, log), settings), items))
    assert set(untimed(replies)) == {item.id for item in items}
    made = calls(log)
    assert Counter(call.id for call in made) == Counter(item.id for item in items)
    assert len({call.node for call in made}) == len({call.pid for call in made}) == 2


@ray_test
def test_a_call_for_each_item_is_made_on_the_workers_and_what_it_raises_is_raised(settings: RaySettings) -> None:
    assert on_workers(settings, host_and_port, ["node:6379", "auto"]) == [("node", 6379), None]
    with pytest.raises(InputError, match="HOST:PORT of the cluster's head"):
        on_workers(settings, host_and_port, ["nowhere"])


@ray_test
def test_a_schedule_is_split_over_workers_and_its_rows_are_merged(cluster: Any, tmp_path: Path) -> None:
    pilot = coded_pilot(tmp_path)
    request = LoadRequest(
        AGENT, RunRequest(engine=EngineChoice(ray_address=cluster.address), show_progress=False), (LoadProfile.DAY,), 2
    )
    arrivals = MAKER.make(pilot, read_dataset(pilot), request).tables["arrivals"]
    assert arrivals["number"].tolist() == list(range(40))
    assert arrivals["part"].tolist() == [0, 1] * 20
    assert (arrivals["action"] == arrivals["alone"]).all()


@ray_test
def test_a_run_on_a_cluster_and_one_on_this_machine_share_the_journal(
    settings: RaySettings, tickets: Callable[[int], Pilot]
) -> None:
    pilot = tickets(120)
    session, rows = run(pilot, scripted(), limit=20)
    session, rows = run(pilot, RayEngine(scripted, settings))
    assert session.info.planned == session.info.ok == len(rows) == 84
    assert (session.n_asked, set(rows.values())) == (64, {1})
    session, _ = run(pilot, scripted())
    assert session.n_asked == 0


@ray_test
def test_the_same_engine_serves_run_after_run_with_the_same_workers(settings: RaySettings, tmp_path: Path) -> None:
    engine = RayEngine(partial(one_by_one, 0.0, tmp_path / "calls"), settings)
    for _ in range(3):
        assert len(asyncio.run(asked(engine, requests(40)))) == 40
    assert len({call.pid for call in calls(tmp_path / "calls")}) == 2


@ray_test
def test_a_worker_killed_in_the_middle_loses_nothing_and_its_repeats_are_counted(
    settings: RaySettings, tickets: Callable[[int], Pilot], tmp_path: Path
) -> None:
    pilot, log = tickets(300), tmp_path / "calls"
    killed = threading.Thread(target=kill_a_worker_after, args=(log, 60))
    killed.start()
    session, rows = run(pilot, RayEngine(partial(one_by_one, 0.05, log), settings))
    killed.join()
    info = session.info
    assert info.planned == info.ok + info.invalid + info.failed + info.skipped == info.ok == 210
    assert set(rows.values()) == {1}
    assert session.n_unmatched == 0
    attempts = attempts_of(pilot, info.run)
    asked = Counter(call.id for call in calls(log))
    # A repeat shows in `attempts`; a batch that was killed on its way to the engine was sent, but never logged.
    assert all(asked[name] <= attempts[name] for name in asked)
    assert 0 < sum(attempts.values()) - info.planned <= 16


@ray_test
def test_a_record_that_kills_every_worker_fails_and_the_rest_is_decided(
    settings: RaySettings, tickets: Callable[[int], Pilot]
) -> None:
    pilot = tickets(120)
    victim = read_dataset(pilot).ids(Split.DEV, None)[30]
    session, rows = run(pilot, RayEngine(partial(one_by_one, 0.01, None, frozenset({victim})), settings))
    assert (session.info.ok, dict(session.info.causes)) == (83, {"failed: no_reply": 1})
    assert set(rows.values()) == {1}
    assert attempts_of(pilot, session.info.run)[victim] == 4


@ray_test
def test_workers_make_their_engine_from_its_settings(settings: RaySettings) -> None:
    with stub_process("--latency-ms", "5") as url:
        inner = ServerSettings(base_url=url, model="m", api_key_env="NO_SUCH_KEY", concurrency=8, max_attempts=2)
        engine = RayEngine(inner, settings)
        assert (dict(engine.identity), engine.concurrency) == (dict(inner.build().identity), 16)
        here, there = (untimed(asyncio.run(asked(one, requests(30)))) for one in (inner.build(), engine))
    assert {name: reply.text for name, reply in there.items()} == {name: reply.text for name, reply in here.items()}
    assert {reply.failure for reply in there.values()} == {None}


@ray_test
def test_an_engine_that_cannot_start_on_a_worker_is_the_engines_own_error(settings: RaySettings) -> None:
    with pytest.raises(RunError, match="the model does not fit into memory"):
        asyncio.run(asked(RayEngine(unable, settings.model_copy(update={"workers": 1})), requests(3)))


@ray_test
def test_a_worker_with_another_engine_is_refused(settings: RaySettings) -> None:
    with pytest.raises(RunError, match=r"(?s)another engine than the one that was asked for.*same version"):
        asyncio.run(asked(RayEngine(named_by_process, settings.model_copy(update={"workers": 1})), requests(3)))


@ray_test
def test_more_workers_than_there_is_place_for_is_one_message(settings: RaySettings) -> None:
    greedy = Hurried(address=settings.address, workers=3)
    told = r"(?s)no place for the workers within 15 s.*0 of 2 CPU.*3 workers of 1 CPU"
    with pytest.raises(RunError, match=told):
        asyncio.run(asked(RayEngine(scripted, greedy), requests(3)))
    # and the place of those that had one is free again
    assert len(asyncio.run(asked(RayEngine(scripted, settings), requests(3)))) == 3


@ray_test
def test_a_driver_killed_in_the_middle_takes_its_own_cluster_along_and_goes_on_from_the_journal_on_another(
    settings: RaySettings, tickets: Callable[[int], Pilot], tmp_path: Path
) -> None:
    pilot, log = tickets(300), tmp_path / "calls"
    command = [sys.executable, "-m", "ray_driver", str(pilot.root), "local", str(log)]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True) as process:
        wait_for_calls(log, 80, process)
        process.kill()
    workers = {call.pid for call in calls(log)}
    session, rows = run(pilot, RayEngine(partial(one_by_one, 0.05, log), settings))
    assert session.info.ok == session.info.planned == 210
    assert set(rows.values()) == {1}
    made = Counter(call.id for call in calls(log))
    assert 0 < session.n_asked < 210
    assert (len(made), sum(made.values()) - 210 <= 32) == (210, True)
    assert len(workers) == 2
    assert all_gone(workers)


@ray_test
def test_a_lost_node_leaves_the_other_one_at_work(cluster: Any, settings: RaySettings, tmp_path: Path) -> None:
    in_ray(end_kept).result(60)
    log = tmp_path / "calls"
    (node,) = cluster.worker_nodes

    def lose() -> None:
        wait_for_calls(log, 60)
        cluster.remove_node(node, allow_graceful=False)

    losing = threading.Thread(target=lose)
    losing.start()
    engine = RayEngine(partial(one_by_one, 0.1, log), Patient(address=settings.address))
    replies = untimed(asyncio.run(asked(engine, requests(200))))
    losing.join()
    assert len(replies) == 200
    assert all(reply.failure is None for reply in replies.values())
    assert max(reply.attempts for reply in replies.values()) == 2
    cluster.add_node(num_cpus=1, **node_arguments())


@ray_test
def test_a_cluster_that_does_not_answer_is_one_message_soon() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    engine = RayEngine(scripted, RaySettings(address=f"127.0.0.1:{port}"))
    with pytest.raises(RunError, match=rf"does not answer\n  where: --ray-address 127.0.0.1:{port}"):
        asyncio.run(asked(engine, requests(3)))


def kill_a_worker_after(log: Path, n_calls: int) -> None:
    wait_for_calls(log, n_calls)
    os.kill(calls(log)[0].pid, signal.SIGKILL)


def wait_for_calls(log: Path, n_calls: int, process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + 120
    while len(calls(log)) < n_calls and time.monotonic() < deadline and (process is None or process.poll() is None):
        time.sleep(0.01)


def all_gone(pids: set[int], within_s: float = 30.0) -> bool:
    deadline = time.monotonic() + within_s
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def attempts_of(pilot: Pilot, run_id: str) -> dict[str, int]:
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        decisions = journal.decisions(run_id)
    return dict(zip(decisions["record_id"], decisions["attempts"], strict=True))
