"""One schedule asked by several machines: each takes every n-th arrival from a common start; the rows are merged."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.agents import Decision, build_agent
from workbench.engines import EngineChoice
from workbench.load_testing.asking import DistinctRecords, PartRun, ask_schedule, asked_records_of
from workbench.load_testing.sampling import ProcessRole
from workbench.load_testing.schedule import Schedule
from workbench.pilot import Pilot, open_pilot, read_load
from workbench.records.splits import read_dataset
from workbench.words import RunError

READY_S, READY_ON_A_CLUSTER_S = 10.0, 45.0  # until the common start: imports, records, the agent's own start
Stored = list[tuple[int, Decision]]
Answered = tuple[PartRun, Stored]


@dataclass(frozen=True, slots=True)
class PartOf:
    """What a machine needs to ask its part: the pilot under the same path, the agent, the schedule as it is written.

    `start_at` is when all start, by `time.time`: their clocks must agree, as those of a cluster do.
    """

    pilot: str
    root: str
    agent: str
    engine: Mapping[str, str | None]
    schedule: str
    number: int
    of: int
    start_at: float


def answered_part(part: PartOf, others: Mapping[ProcessRole, frozenset[int]] | None = None) -> Answered:
    """Ask the arrivals of a part and return what was seen and what was decided, by the arrivals' numbers."""
    pilot = open_pilot(part.pilot, part.root)
    dataset, settings = read_dataset(pilot), read_load(pilot.suite)
    agent = build_agent(pilot, part.agent, dataset, EngineChoice(**part.engine))
    schedule = pickle.loads(bytes.fromhex(part.schedule)).part(part.number, part.of)
    asked = asked_records_of(schedule, DistinctRecords.of(dataset, settings.records), settings.seed, part.number)
    numbers, decided = schedule.table["number"].tolist(), Stored()
    run = ask_schedule(
        agent, asked, schedule, lambda batch: decided.extend((numbers[place], one) for place, one in batch),
        others or {}, start_at=part.start_at, show_progress=False,
    )  # fmt: skip
    return run, decided


def ask_in_parts(
    pilot: Pilot, agent: str, choice: EngineChoice, schedule: Schedule, n: int
) -> tuple[list[PartRun], Stored]:
    """Ask a schedule in n processes, or on n workers of the Ray cluster that the choice names.

    Raises
    ------
    RunError
        A part could not be asked.
    """
    is_cluster = choice.ray_address is not None
    start_at = time.time() + (READY_ON_A_CLUSTER_S if is_cluster else READY_S)
    engine = {name: value for name, value in asdict(choice).items() if name != "ray_address"}
    content = pickle.dumps(schedule).hex()
    whole = pilot.name, str(pilot.root), agent, engine, content
    parts = [PartOf(*whole, number, n, start_at) for number in range(n)]
    if is_cluster:
        from workbench.engines.ray import RaySettings, on_workers

        found = on_workers(RaySettings(address=choice.ray_address, workers=n), answered_part, parts)
    else:
        found = _in_processes(parts)
    return [run for run, _ in found], [one for _, decided in found for one in decided]


def merged(tables: Sequence[pd.DataFrame], by: Sequence[str] = ()) -> pd.DataFrame:
    """Return the tables of all parts as one, `part` the number of each; in the order of some columns."""
    whole = pd.concat([table.assign(part=number) for number, table in enumerate(tables)], ignore_index=True)
    return whole.sort_values(list(by), kind="stable", ignore_index=True) if by else whole


def _in_processes(parts: Sequence[PartOf]) -> list[Answered]:
    """Run each part in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="workbench-load-") as folder, ExitStack() as stack:
        started: list[tuple[subprocess.Popen[bytes], Path]] = []
        for part in parts:
            job, left = Path(folder) / f"part-{part.number}.json", Path(folder) / f"part-{part.number}.pickle"
            job.write_text(json.dumps(asdict(part)), encoding="utf-8")
            command = [sys.executable, "-m", "workbench.load_testing", str(job), str(left)]
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            stack.callback(partial(_ended, process))
            started.append((process, left))
        return [_result(process, left) for process, left in started]


def _result(process: subprocess.Popen[bytes], left: Path) -> Answered:
    _, said = process.communicate()
    if process.returncode or not left.is_file():
        raise RunError(
            "a part of the load test could not be asked",
            got=said.decode(errors="replace").strip()[-400:] or f"exit code {process.returncode}",
        )
    answered: Answered = pickle.loads(left.read_bytes())
    return answered


def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()


def run_part(job: Path, left: Path, asked: Callable[[PartOf], Answered] = answered_part) -> None:
    """Ask the part that a file describes, and leave what was seen in another file."""
    content: dict[str, Any] = json.loads(job.read_text(encoding="utf-8"))
    left.write_bytes(pickle.dumps(asked(PartOf(**content))))
