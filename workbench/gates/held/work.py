"""The notebooks of a gate: those that are stale run, side by side where they do not depend on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.agents import needed_secrets
from workbench.agents.callables import check_may_ask
from workbench.engines import EngineChoice
from workbench.evaluation import answer_holdout
from workbench.evaluation.versions import agent_to_judge
from workbench.evidence import Inputs, Memory, executed_path, results_folder
from workbench.files import write_atomically
from workbench.gates.pipeline import EVALUATION, ITERATION, LIMITS, NOTEBOOKS, PilotRun, kept_result, run_pilot
from workbench.notebooks import (
    NotebookJob,
    OnCell,
    ParameterValue,
    find_notebook,
    packaged_notebook,
    read_source,
)
from workbench.pages import notebook_page
from workbench.pilot import Pilot
from workbench.pilot.signing import SigningKey
from workbench.records.splits import Split
from workbench.runs import RunRequest
from workbench.words import WorkbenchError

GATE = "gate"


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of a gate's notebooks.

    Parameters
    ----------
    ran, kept : tuple of str
        Notebooks that ran now, and those whose last result still stands.
    agent : str, optional
        The agent that answered the holdout now, or that notebook 03 evaluated; None where there is none.
    """

    ran: tuple[str, ...]
    kept: tuple[str, ...]
    agent: str | None


def answered_evidence(inputs: Inputs, notebooks: Sequence[str], on_cell: OnCell | None = None) -> Worked:
    """Run what is stale of a gate's notebooks but the evaluation, and let the chosen version answer the holdout.

    The pilot's code runs in processes of their own, which have no signing key; no label of the holdout is opened.
    Notebooks run side by side; the version that the comparison chose answers.

    Raises
    ------
    InputError
        A notebook is not there, or the pilot's files do not fit.
    RunError
        A notebook did not reach its end, or the holdout was not answered; what is done stands.
    """
    pilot, memory = inputs.pilot, Memory(inputs.pilot)
    for name in notebooks:
        find_notebook(name, pilot.root)
    stale = _stale(inputs, notebooks, memory)
    known = tuple(name for name in notebooks if name in NOTEBOOKS and name != EVALUATION)
    if known:
        run_pilot(pilot, PilotRun((), None, inputs.engine), known, on_cell, inputs)
    others = [name for name in stale if name not in NOTEBOOKS]
    execute_own(pilot, others, on_cell)
    memory = Memory(pilot)
    for name in others:
        memory.remember(name, stale[name])
    kept = tuple(name for name in notebooks if name not in (*stale, EVALUATION))
    agent = _judged_agent(inputs, notebooks) if EVALUATION in notebooks else None
    if agent is None or memory.is_fresh(EVALUATION, inputs.digest(EVALUATION, agent)):
        return Worked(tuple(stale), kept, None)
    answer_holdout(pilot, agent, RunRequest(Split.HOLDOUT, None, inputs.engine, show_progress=False), inputs.dataset)
    return Worked(tuple(stale), kept, agent)


def judged_evidence(
    inputs: Inputs, notebooks: Sequence[str], key: SigningKey, ran: Sequence[str] | None, on_cell: OnCell | None = None
) -> Worked:
    """Open the holdout for what was answered and run the evaluation where it is stale; no code of the pilot is run.

    Parameters
    ----------
    inputs : Inputs
    notebooks : sequence of str
        Those of the gate.
    key : SigningKey
        Signs the opening.
    ran : sequence of str, optional
        What `answered_evidence` ran just now; None where that was elsewhere, and then every notebook must be fresh.
    on_cell : callable, optional

    Raises
    ------
    RunError
        Something is not answered, or the evaluation did not reach its end.
    """
    pilot, memory = inputs.pilot, Memory(inputs.pilot)
    if ran is None:
        for name in _stale(inputs, notebooks, memory):
            check_may_ask(f"notebook {name}, which was not run on these files")
    done = list(ran or ())
    if EVALUATION not in notebooks:
        return Worked(tuple(done), tuple(name for name in notebooks if name not in done), None)
    what = PilotRun((_judged_agent(inputs, notebooks),), None, inputs.engine, key=key, is_packaged=True)
    if EVALUATION not in run_pilot(pilot, what, (EVALUATION,), on_cell, inputs).kept:
        done.append(EVALUATION)
    kept = tuple(name for name in notebooks if name not in done)
    return Worked(tuple(done), kept, str(kept_result(pilot, EVALUATION).values["agent"]))


def execute_own(pilot: Pilot, notebooks: Sequence[str], on_cell: OnCell | None = None) -> None:
    """Run notebooks that take a pilot, a root and a results folder, side by side, and write a page beside each."""
    secrets = needed_secrets(pilot, EngineChoice())
    _execute([_job(pilot, find_notebook(name, pilot.root), name, {}, secrets) for name in notebooks], on_cell)


def present(pilot: Pilot, number: int, on_cell: OnCell | None = None) -> None:
    """Run the packaged notebook of the gates over the decision of one, whatever notebooks the root has of its own."""
    job = _job(pilot, packaged_notebook(GATE), own_notebook(number), {"number": number}, ())
    _execute([job], on_cell)


def own_notebook(number: int) -> str:
    """Return the name under which a gate's decision is presented."""
    return f"gate_{number}"


def _execute(jobs: Sequence[NotebookJob], on_cell: OnCell | None) -> None:
    """Run notebooks side by side and write a page beside each, or raise what the first one that failed says."""
    if not jobs:
        return
    from workbench.notebooks import execute_many  # papermill

    for outcome in execute_many(jobs, limits=LIMITS, on_cell=on_cell):
        if isinstance(outcome, WorkbenchError):
            raise outcome
        write_atomically(outcome.output.with_suffix(".html"), notebook_page(outcome.output, outcome.answer))


def _job(
    pilot: Pilot, path: Path, name: str, given: Mapping[str, ParameterValue], secrets: tuple[str, ...]
) -> NotebookJob:
    """Return a notebook with as many of the usual parameters as it takes."""
    usual = {"pilot": pilot.name, "root": str(pilot.root), "results": str(results_folder(pilot, name))}
    known = read_source(path).parameters
    parameters = {key: value for key, value in {**usual, **given}.items() if key in known}
    return NotebookJob(path, executed_path(pilot, name), parameters, secrets)


def _stale(inputs: Inputs, notebooks: Sequence[str], memory: Memory) -> dict[str, str]:
    """Return the notebooks but the evaluation that must run again, with the digest of their inputs."""
    digests = {name: inputs.digest(name) for name in notebooks if name != EVALUATION}
    return {name: digest for name, digest in digests.items() if not memory.is_fresh(name, digest)}


def _judged_agent(inputs: Inputs, notebooks: Sequence[str]) -> str:
    """Return the agent that the gate's comparison chose; without one, that which the stored runs speak for."""
    if ITERATION in notebooks:
        return str(kept_result(inputs.pilot, ITERATION).values["chosen"])
    return agent_to_judge(inputs.pilot, inputs.dataset, inputs.engine)
