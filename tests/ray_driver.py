"""A run of a pilot's first prompt, as a function and as a program that can be killed."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from pathlib import Path

from ray_workers import one_by_one

from workbench.agents import PromptAgent
from workbench.agents.prompts import read_prompt
from workbench.engines.protocol import Engine
from workbench.engines.ray.engine import RayEngine
from workbench.engines.ray.settings import RaySettings
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, Session, run_agent
from workbench.words import WorkbenchError


def run(pilot: Pilot, engine: Engine, limit: int | None = None) -> tuple[Session, Counter[str]]:
    """Run a pilot's first prompt on an engine; return the session and how many rows each record has."""
    dataset = read_dataset(pilot)
    prompt = read_prompt(pilot.suite / "prompts" / "v1.md", pilot.contract.shown)
    agent = PromptAgent("prompt_v1", prompt, engine, dataset.labels)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        selection = RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV, limit))
        session = run_agent(journal, agent, selection, show_progress=False)
        return session, Counter(journal.decisions(session.info.run)["record_id"])


if __name__ == "__main__":
    _, root, address, log = sys.argv
    settings = RaySettings(address=None if address == "local" else address)
    engine = RayEngine(partial(one_by_one, 0.05, Path(log)), settings)
    try:
        session, _ = run(open_pilot("tickets", Path(root)), engine)
    except WorkbenchError as error:  # as the command line does
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(session.n_asked, session.info.ok, session.info.planned)
