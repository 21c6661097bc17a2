"""The notebooks of a gate: those that are stale run, side by side where they do not depend on each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.agents import needed_secrets
from workbench.callables import check_may_ask
from workbench.engines.choice import EngineChoice
from workbench.errors import RunError, WorkbenchError
from workbench.evaluation import RunRequest, answer_holdout, check
from workbench.files import write_atomically
from workbench.gaterun.staleness import Inputs, Memory
from workbench.iteration.stored import agent_to_judge
from workbench.notebooks import (
    NotebookJob,
    OnCell,
    execute_many,
    find_notebook,
    packaged_notebook,
    read_finish,
    read_source,
)
from workbench.notebooks.source import ParameterValue
from workbench.pilot import Pilot
from workbench.pipeline import EVALUATION, ITERATION, LIMITS, NOTEBOOKS, PilotRun, results_folder, run_pilot
from workbench.report.pages import notebook_page
from workbench.signing.keys import SigningKey
from workbench.splits import Split


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
    if any(name in NOTEBOOKS for name in notebooks):
        check(pilot, inputs.agents, inputs.engine)
    stale = _stale(inputs, notebooks, memory)
    _run(inputs, list(stale), on_cell)
    for name, digest in stale.items():
        memory.remember(name, digest)
    kept = tuple(name for name in notebooks if name not in (*stale, EVALUATION))
    agent, chosen = None, _chosen(pilot, notebooks)
    if EVALUATION in notebooks and not memory.is_fresh(EVALUATION, inputs.digest(EVALUATION, chosen)):
        agent = chosen or agent_to_judge(pilot, inputs.dataset, inputs.engine)
        request = RunRequest(Split.HOLDOUT, None, inputs.engine, show_progress=False)
        answer_holdout(pilot, agent, request, inputs.dataset)
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
    if EVALUATION in notebooks:
        chosen = _chosen(pilot, notebooks)
        digest = inputs.digest(EVALUATION, chosen)
        if not memory.is_fresh(EVALUATION, digest):
            what = PilotRun((chosen,) if chosen else (), None, inputs.engine, key=key, is_packaged=True)
            run_pilot(pilot, what, (EVALUATION,), on_cell)
            memory.remember(EVALUATION, digest)
            done.append(EVALUATION)
    kept = tuple(name for name in notebooks if name not in done)
    agent = str(finished_values(pilot, EVALUATION)["agent"]) if EVALUATION in notebooks else None
    return Worked(tuple(done), kept, agent)


def finished_values(pilot: Pilot, notebook: str) -> dict[str, object]:
    """Return the values with which a notebook's executed copy ended."""
    path = pilot.runs / "notebooks" / f"{notebook}.ipynb"
    finish = read_finish(json.loads(path.read_text(encoding="utf-8"))["cells"])
    if finish is None:
        raise RunError("an executed notebook has no end", where=str(path), remedy="remove it and run the gate again")
    return dict(finish.values)


def execute_own(
    pilot: Pilot, notebooks: Sequence[str], on_cell: OnCell | None = None, *, is_packaged: bool = False
) -> None:
    """Run notebooks that take a pilot, a root and a results folder, side by side, and write a page beside each.

    `is_packaged` passes over the root's own ones, which are code of the pilot; those may need the key of its server.
    """
    secrets = () if is_packaged else needed_secrets(pilot, EngineChoice())
    jobs = []
    for name in notebooks:
        path = packaged_notebook(name) if is_packaged else find_notebook(name, pilot.root)
        given: dict[str, ParameterValue] = {
            "pilot": pilot.name,
            "root": str(pilot.root),
            "results": str(results_folder(pilot, name)),
        }
        known = read_source(path).parameters
        parameters = {key: value for key, value in given.items() if key in known}
        jobs.append(NotebookJob(path, pilot.runs / "notebooks" / f"{name}.ipynb", parameters, secrets))
    for outcome in execute_many(jobs, limits=LIMITS, on_cell=on_cell):
        if isinstance(outcome, WorkbenchError):
            raise outcome
        write_atomically(outcome.output.with_suffix(".html"), notebook_page(outcome.output))


def _stale(inputs: Inputs, notebooks: Sequence[str], memory: Memory) -> dict[str, str]:
    """Return the notebooks but the evaluation that must run again, with the digest of their inputs."""
    digests = {name: inputs.digest(name) for name in notebooks if name != EVALUATION}
    return {name: digest for name, digest in digests.items() if not memory.is_fresh(name, digest)}


def _chosen(pilot: Pilot, notebooks: Sequence[str]) -> str | None:
    """Return the agent that the gate's comparison chose, None where it has no comparison."""
    return str(finished_values(pilot, ITERATION)["chosen"]) if ITERATION in notebooks else None


def _run(inputs: Inputs, stale: Sequence[str], on_cell: OnCell | None) -> None:
    pilot = inputs.pilot
    known = tuple(name for name in stale if name in NOTEBOOKS)
    if known:
        run_pilot(pilot, PilotRun((), None, inputs.engine), known, on_cell)
    others = [name for name in stale if name not in NOTEBOOKS]
    if others:
        execute_own(pilot, others, on_cell)
