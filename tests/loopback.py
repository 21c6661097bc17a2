"""A pilot for the stub server, and runs of it that are killed and resumed; used by tests and benchmarks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stub_server import logged_calls

from workbench.commands.scaffold import Columns, init_pilot
from workbench.pilot.charter.coverage import PILOT_FILE
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.runs.journal import JOURNAL_FILE, Journal, RunInfo

NAME = "loopback"
AGENT = "prompt_v1"
LABELS = ("approve", "reject", "escalate")
SETTLING_S = 0.3
PATIENCE_S = 120.0

PROMPT = """---
name: v1
change_note: for measuring
sampling: {{temperature: 0.0, max_tokens: 64}}
---

## Role

You decide invoices. The action is one of: {{{{ labels | join(", ") }}}}.

## Business rules

{rules}

## Record

id: {{{{ record.id }}}}
vendor: {{{{ record.vendor }}}}
amount: {{{{ record.amount }}}}
note: {{{{ record.note }}}}
"""


def make_pilot(root: Path, *, n_dev: int, prompt_tokens: int, concurrency: int) -> Pilot:
    """Write a pilot with at least so many development records and a system prompt of about so many tokens."""
    rng = random.Random(7)
    lines = ["id,vendor,amount,note,decision"]
    for number in range(n_dev * 3 // 2):
        note = f"delivery {rng.randrange(1000)} of order {rng.randrange(10**6)} as agreed with purchasing"
        label = rng.choice(LABELS)
        lines.append(f"I{number:06d},Vendor {rng.randrange(80)} GmbH,{rng.uniform(10, 9000):.2f},{note},{label}")
    table = root / "in" / "invoices.csv"
    table.parent.mkdir(parents=True)
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = init_pilot(NAME, table, Columns(label="decision", id="id"), root)
    (made.suite / "prompts" / "v1.md").write_text(PROMPT.format(rules=_rules(prompt_tokens)), encoding="utf-8")
    with (made.suite / PILOT_FILE).open("a", encoding="utf-8") as file:
        file.write(f"\nserver: {{concurrency: {concurrency}, deadline_s: 30}}\n")
    return open_pilot(NAME, root)


def _rules(n_tokens: int) -> str:
    """Return business rules of about so many tokens, four characters to a token."""
    rules = ""
    while len(rules) < 4 * n_tokens:
        number = rules.count("\n")
        share = number % 9 + 1
        rules += f"- Rule {number}: an invoice more than {share} percent above its order goes to a buyer.\n"
    return rules


@dataclass(frozen=True)
class KillReport:
    """What killing and resuming a run left behind.

    `repeated` holds for each start after a kill how many records it asked about that had been asked about before;
    `rows` how often each planned record has a decision.
    """

    info: RunInfo
    repeated: tuple[int, ...]
    n_calls: int
    rows: Counter[str]


def evaluate_command(pilot: Pilot, url: str, limit: int) -> list[str]:
    """Return the command line that evaluates the prompt agent against a stub."""
    program = [sys.executable, "-c", "from workbench.commands.cli import main; main()"]
    options = ["--agent", AGENT, "--limit", str(limit), "--engine", "server", "--base-url", url, "--model", "stub"]
    return [*program, "evaluate", pilot.name, *options, "--root", str(pilot.root), "--json"]


def kill_and_resume(pilot: Pilot, url: str, log: Path, *, limit: int, kill_at: Sequence[int]) -> KillReport:
    """Kill a run each time the stub has been called so often, start it again, and let the last start finish."""
    command = evaluate_command(pilot, url, limit)
    seen: set[str] = set()
    repeated: list[int] = []
    for moment in (*kill_at, None):
        before = _n_lines(log)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            if moment is not None:
                _wait_for(log, moment, process)
                os.kill(process.pid, signal.SIGKILL)
            _, said = process.communicate(timeout=PATIENCE_S)
        if moment is None and process.returncode != 0:
            raise RuntimeError(f"the last start failed:\n{said}")
        time.sleep(SETTLING_S)  # calls that were on their way are logged too
        called = {call["id"] for call in logged_calls(log)[before:]}
        repeated.append(len(called & seen))
        seen |= called
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        (info,) = journal.runs()
        rows = Counter(journal.decisions(info.run)["record_id"])
    return KillReport(info, tuple(repeated[1:]), _n_lines(log), rows)


def _wait_for(log: Path, n_calls: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while _n_lines(log) < n_calls and process.poll() is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the stub had {_n_lines(log)} calls, not {n_calls}")
        time.sleep(0.002)


def _n_lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.is_file() else 0
