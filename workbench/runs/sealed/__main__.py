"""The process that answers holdout records: `python -m workbench.runs.sealed REQUEST`, started by `answer_sealed`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.agents import KnownAs
from workbench.engines import EngineChoice
from workbench.pilot import open_pilot
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import Journal
from workbench.runs.runner import RecordSelection, run_agent
from workbench.runs.sealed.asking import Question, Repeat, asked_agent
from workbench.words import WorkbenchError


def main() -> None:
    """Answer what the request asks and print as JSON what was done, or the error that was met."""
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a pilot's code prints must not mix with the answer
    threading.Thread(target=_stop_at_end, daemon=True).start()
    try:
        result = answered(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    except WorkbenchError as error:
        result = {"error": error.as_json()}
    with said:
        said.write(json.dumps(result))


def answered(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a session came to. Raises as `run_agent`."""
    pilot = open_pilot(request["pilot"], request["root"])
    dataset = Dataset.unsealed(pilot.contract, request["records"])
    choice = EngineChoice(**request["choice"])
    ids = pd.Index(request["ids"], dtype=object)
    repeat = None if request["repeat"] is None else Repeat(**request["repeat"])
    agent = asked_agent(Question(pilot, dataset, request["agent"], choice, ids, repeat))
    agent.prepare()
    with Journal(Path(request["journal"])) as journal:
        selection = RecordSelection(dataset, Split.HOLDOUT, ids)
        # its files have the identity of their own place, not of this one
        known_as = KnownAs(agent, agent.name, request["identity"])
        session = run_agent(journal, known_as, selection, show_progress=request["show_progress"])
    refusal = None if session.refusal is None else asdict(session.refusal)
    return {"n_asked": session.n_asked, "n_unmatched": session.n_unmatched, "refusal": refusal}


def _stop_at_end() -> None:
    """Stop gently when whoever started this process ends or wants it to stop: its end of standard input closes."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
