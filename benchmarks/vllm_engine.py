"""Throughput of the workbench through vLLM in this process, beside `LLM.chat` on the same requests with the same model.

The kinds take turns, each turn starts with an empty prefix cache, and raw `LLM.chat` runs in vLLM's own thread as the
engine does. Run: `python benchmarks/vllm_engine.py [--records 128] [--repeats 5] [--model FOLDER]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from loopback import AGENT, make_pilot
from tiny_model import Sizes, make_model

from workbench.agents import PromptAgent
from workbench.agents.prompted import prompt_agent
from workbench.agents.prompts import messages, response_schema
from workbench.engines.pocket.settings import PACKAGED
from workbench.engines.protocol import Reply, Request
from workbench.engines.vllm.engine import VllmEngine, vllm_sampling
from workbench.engines.vllm.kept import acquire, release
from workbench.engines.vllm.settings import VllmSettings
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, run_agent

POCKET_SIZES = Sizes(width=192, layers=5, heads=6, kv_heads=6, head_width=32, inner=512, context=4096)
PROMPT_TOKENS = 150  # by the rule of four characters a token; a tokenizer of bytes makes four times as many
KINDS = ("raw", "engine", "run")


@dataclass(frozen=True)
class Turn:
    """What one turn of one kind took and brought; CPU seconds are those of all threads of this process."""

    wall_s: float
    cpu_s: float
    records: int
    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True)
class Bench:
    """Requests of a pilot and the model that answers them; open it with `opened`."""

    pilot: Pilot
    dataset: Dataset
    agent: PromptAgent
    settings: VllmSettings
    requests: tuple[Request, ...]

    def turn(self, kind: str) -> Turn:
        """Answer every request once, in one of the three ways."""
        self.do(lambda llm: llm.reset_prefix_cache())
        kinds: dict[str, Callable[[], Turn]] = {"raw": self._raw, "engine": self._engine, "run": self._run}
        return kinds[kind]()

    def do(self, work: Callable[[Any], Any]) -> Any:
        """Have something done with vLLM's `LLM` in its thread."""
        host = acquire(self.settings, _content(self.agent))
        try:
            host.started.result()
            return host.do(work).result()
        finally:
            release(host)

    def _raw(self) -> Turn:
        """Give all conversations to `LLM.chat` at once."""
        first = self.requests[0]
        sampling = vllm_sampling(first.sampling, first.response_schema)
        conversations = [[{"role": m.role, "content": m.content} for m in each.messages] for each in self.requests]
        with stopwatch() as spent:
            outputs = self.do(lambda llm: llm.chat(conversations, sampling, use_tqdm=False))
        prompts = sum(len(output.prompt_token_ids) for output in outputs)
        return self._checked(Turn(*spent, len(outputs), prompts, sum(len(o.outputs[0].token_ids) for o in outputs)))

    def _engine(self) -> Turn:
        """Stream the requests through the engine: replies with their tokens' probabilities come out."""

        async def source() -> AsyncIterator[Request]:
            for request in self.requests:
                yield request

        async def read_all() -> list[Reply]:
            async with self.agent.engine as engine:
                return [reply async for reply in engine.stream(source())]

        with stopwatch() as spent:
            replies = asyncio.run(read_all())
        counts = [(reply.prompt_tokens or 0, reply.completion_tokens or 0) for reply in replies if not reply.failure]
        return self._checked(Turn(*spent, len(counts), sum(p for p, _ in counts), sum(c for _, c in counts)))

    def _run(self) -> Turn:
        """Run the agent on an empty journal: prompts rendered, answers read, every decision stored."""
        shutil.rmtree(self.pilot.runs, ignore_errors=True)
        ids = self.dataset.ids(Split.DEV, len(self.requests))
        with Journal(self.pilot.runs / JOURNAL_FILE) as journal:
            with stopwatch() as spent:
                info = run_agent(
                    journal, self.agent, RecordSelection(self.dataset, Split.DEV, ids), show_progress=False
                ).info
            decisions = journal.decisions(info.run)
        tokens = [int(decisions[name].sum()) for name in ("prompt_tokens", "completion_tokens")]
        return self._checked(Turn(*spent, info.ok + info.invalid, *tokens))

    def _checked(self, turn: Turn) -> Turn:
        if turn.records != len(self.requests):
            raise RuntimeError(f"{turn.records} of {len(self.requests)} records were answered")
        return turn


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Measure the wall and CPU seconds of a block; the list is filled at its end."""
    spent: list[float] = []
    wall, cpu = time.perf_counter(), time.process_time()
    yield spent
    spent += [time.perf_counter() - wall, time.process_time() - cpu]


@contextmanager
def opened(settings: VllmSettings, *, records: int, prompt_tokens: int = PROMPT_TOKENS) -> Iterator[Bench]:
    """Write a pilot to a temporary folder and start the model it is asked on."""
    with tempfile.TemporaryDirectory() as folder:
        pilot = make_pilot(Path(folder), n_dev=records, prompt_tokens=prompt_tokens, concurrency=1)
        dataset = read_dataset(pilot)
        agent = prompt_agent(pilot, AGENT, pilot.agent(AGENT), dataset, VllmEngine(settings))
        schema = response_schema(agent.prompt, dataset.labels)
        requests = tuple(
            Request(record.id, messages(agent.prompt, record, dataset.labels), agent.prompt.sampling, schema)
            for record in dataset.records(dataset.ids(Split.DEV, records))
        )
        yield Bench(pilot, dataset, agent, settings, requests)


def compared(bench: Bench, repeats: int) -> dict[str, list[Turn]]:
    """Let the kinds take turns; what each takes the first time, when things are compiled and loaded, does not count."""
    for kind in KINDS:
        bench.turn(kind)
    turns: dict[str, list[Turn]] = {kind: [] for kind in KINDS}
    for repeat in range(repeats):
        for kind in (*KINDS[repeat % 3 :], *KINDS[: repeat % 3]):
            turns[kind].append(bench.turn(kind))
    return turns


def figures(turns: dict[str, list[Turn]]) -> dict[str, dict[str, float]]:
    """Return for each kind records and tokens a second by the median, and its speed beside raw.

    That by the least CPU seconds is what other work on the machine disturbs least.
    """
    raw, raw_cpu = ([getattr(turn, name) for turn in turns["raw"]] for name in ("wall_s", "cpu_s"))
    table = {}
    for kind, each in turns.items():
        walls, tokens = [turn.wall_s for turn in each], each[0].prompt_tokens + each[0].answer_tokens
        median = statistics.median(walls)
        table[kind] = {
            "median_s": median,
            "fastest_s": min(walls),
            "records_per_s": each[0].records / median,
            "tokens_per_s": tokens / median,
            "answer_tokens_per_s": each[0].answer_tokens / median,
            "of_raw": statistics.median(raw) / median,
            "of_raw_fastest": min(raw) / min(walls),
            "of_raw_cpu": min(raw_cpu) / min(turn.cpu_s for turn in each),
        }
    return table


def printed(table: dict[str, dict[str, float]]) -> str:
    """Return the figures as a table to print."""
    names = {
        "median_s": "median s", "fastest_s": "fastest s", "records_per_s": "rec/s", "tokens_per_s": "tok/s",
        "answer_tokens_per_s": "answer tok/s", "of_raw": "of raw", "of_raw_fastest": "fastest",
        "of_raw_cpu": "by CPU",
    }  # fmt: skip
    lines = [f"{'':8}" + "".join(f"{name:>14}" for name in names.values())]
    for kind, row in table.items():
        cells = [f"{row[key]:14.1%}" if key.startswith("of_") else f"{row[key]:14,.2f}" for key in names]
        lines.append(f"{kind:8}" + "".join(cells))
    return "\n".join(lines)


def _content(agent: PromptAgent) -> str:
    return json.dumps(dict(agent.engine.identity), sort_keys=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--model", type=Path, help="a folder; without it the pocket model, or one of its shape")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or (PACKAGED if PACKAGED.is_dir() else make_model(Path(folder) / "shape", POCKET_SIZES))
        settings = VllmSettings(model=str(model), dtype="bfloat16", concurrency=given.concurrency, kv_cache_gib=0.5)
        with opened(settings, records=given.records) as bench:
            turns = compared(bench, given.repeats)
    first = turns["raw"][0]
    print(f"{model}: {first.records:,} records, {first.prompt_tokens / first.records:,.0f} prompt tokens", end="")
    print(f" and {first.answer_tokens / first.records:,.0f} answer tokens each, {given.repeats} repeats")
    print(printed(figures(turns)))


if __name__ == "__main__":
    main()
