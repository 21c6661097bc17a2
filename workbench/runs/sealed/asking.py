"""Asking an agent about holdout records in a process of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from workbench.agents import Agent, build_agent, repeated, settled_choice
from workbench.agents.callables import check_may_ask, child_environment, python_module
from workbench.engines import EngineChoice
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import JOURNAL_FILE, Journal, RunPlan
from workbench.runs.runner import Refusal, Session, turns_of
from workbench.runs.sealed.folder import NOT_THERE, UNDECLARED, write_sealed_folder
from workbench.words import WorkbenchError, error_from

GRACE_S = 20.0
REQUEST_FILE = "request.json"


@dataclass(frozen=True, slots=True)
class Repeat:
    """Which repeat of a version is asked, and at which temperature."""

    number: int
    temperature: float


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Which agent is to answer which holdout records; `repeat` where it is asked once more."""

    pilot: Pilot
    dataset: Dataset
    agent: str
    choice: EngineChoice
    ids: pd.Index[str]
    repeat: Repeat | None = None
    show_progress: bool = True


def answer_sealed(question: Question) -> Session:
    """Bring every decision on these holdout records into the journal, as far as it is missing; return what was done.

    No label is read, here or there, and nothing is opened.

    Raises
    ------
    InputError
        The agent's files do not fit, or it reads the records themselves.
    RunError
        The run was interrupted, the process that answers died, or nothing may be asked here; what was decided is
        stored.
    """
    pilot, dataset, ids = question.pilot, question.dataset, question.ids
    agent = asked_agent(question)
    plan = RunPlan(agent.name, Split.HOLDOUT.value, agent.identity, dataset.digest)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        in_turn = turns_of(agent, dataset, ids)
        run = journal.plan(plan, in_turn.digests.items())
        n_open = len(in_turn.to_ask(journal, run).ids)
        if not n_open:
            return Session(journal.info(run), 0, 0, None)
    check_may_ask(f"{n_open:,} holdout decisions of {agent.name}")
    said = _answered(question, agent)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        refusal = None if said["refusal"] is None else Refusal(**said["refusal"])
        return Session(journal.info(run), said["n_asked"], said["n_unmatched"], refusal)


def asked_agent(question: Question) -> Agent:
    """Return the agent that is asked, its repeat where it is one."""
    version = build_agent(question.pilot, question.agent, question.dataset, question.choice)
    again = question.repeat
    return version if again is None else repeated(version, again.number, again.temperature)


def _answered(question: Question, agent: Agent) -> dict[str, Any]:
    """Return what the process that answers says of its session."""
    pilot = question.pilot
    with TemporaryDirectory(prefix="workbench-sealed-") as place:
        root = Path(place) / "root"
        write_sealed_folder(pilot, question.agent, root)
        request = Path(place) / REQUEST_FILE
        request.write_text(json.dumps(_request(question, agent, root), ensure_ascii=False), encoding="utf-8")
        text = _ran(question, request, root)
        try:
            said: dict[str, Any] = json.loads(text)
        except ValueError:
            said = {"error": {"kind": "RunError", "problem": "the process that answers holdout records died"}}
        if "error" in said:
            raise _raised(said["error"], str(root), str(pilot.root))
    return said


def _request(question: Question, agent: Agent, root: Path) -> dict[str, Any]:
    pilot, choice = question.pilot, settled_choice(question.pilot, question.choice)
    trained = pilot.agent(question.agent).trained
    return {
        "root": str(root),
        "pilot": pilot.name,
        "agent": question.agent,
        "identity": dict(agent.identity),
        "choice": asdict(choice),
        "journal": str(pilot.runs / JOURNAL_FILE),
        "ids": list(question.ids),
        "records": question.dataset.sealed(question.ids, with_training=trained),
        "repeat": None if question.repeat is None else asdict(question.repeat),
        "show_progress": question.show_progress,
    }


def _ran(question: Question, request: Path, root: Path) -> str:
    """Run the process that answers and return what it printed; when this one is interrupted, that one stops gently."""
    settings = question.pilot.settings
    asks = question.pilot.agent(question.agent).prompt is not None
    process = subprocess.Popen(
        [*python_module("workbench.runs.sealed"), str(request)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=root,
        env=child_environment(keep=(settings.server.api_key_env,) if asks else ()),
        start_new_session=True,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        return process.stdout.read()
    except KeyboardInterrupt:
        process.stdin.close()  # the other side takes its end as a signal to stop
        return process.stdout.read()
    finally:
        process.stdin.close()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
        process.stdout.close()


def _raised(error: dict[str, Any], sealed: str, root: str) -> WorkbenchError:
    """Return the error that the other process met, its paths those of the pilot."""
    facts = {name: text.replace(sealed, root) for name, text in error.items() if text is not None}
    if NOT_THERE in facts.get("got", ""):
        facts["remedy"] = UNDECLARED
    return error_from(facts)
