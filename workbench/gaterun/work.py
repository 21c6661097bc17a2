"""The notebooks of a gate: those that are stale run, side by side where they do not depend on each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.errors import RunError, WorkbenchError
from workbench.evaluation import check
from workbench.files import write_atomically
from workbench.gaterun.staleness import Inputs, Memory
from workbench.notebooks import NotebookJob, OnCell, execute_many, find_notebook, read_finish, read_source
from workbench.notebooks.source import ParameterValue
from workbench.pilot import Pilot
from workbench.pipeline import EVALUATION, ITERATION, LIMITS, NOTEBOOKS, PilotRun, results_folder, run_pilot
from workbench.report.pages import notebook_page


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of a gate's notebooks.

    Parameters
    ----------
    ran, kept : tuple of str
        Notebooks that ran now, and those whose last result still stands.
    agent : str, optional
        The agent that notebook 03 evaluated; None where the gate has no such notebook.
    """

    ran: tuple[str, ...]
    kept: tuple[str, ...]
    agent: str | None


def fresh_evidence(inputs: Inputs, notebooks: Sequence[str], on_cell: OnCell | None = None) -> Worked:
    """Run what is stale of a gate's notebooks.

    Everything but the evaluation runs side by side; the evaluation judges the version that the comparison chose.

    Raises
    ------
    InputError
        A notebook is not there, or the pilot's files do not fit.
    RunError
        A notebook did not reach its end; what the others did stands.
    """
    pilot, memory = inputs.pilot, Memory(inputs.pilot)
    for name in notebooks:
        find_notebook(name, pilot.root)
    if any(name in NOTEBOOKS for name in notebooks):
        check(pilot, inputs.agents, inputs.engine)
    first = {name: inputs.digest(name) for name in notebooks if name != EVALUATION}
    stale = [name for name, digest in first.items() if not memory.is_fresh(name, digest)]
    _run(inputs, stale, on_cell)
    for name in stale:
        memory.remember(name, first[name])
    if EVALUATION in notebooks:
        chosen = str(finished_values(pilot, ITERATION)["chosen"]) if ITERATION in notebooks else None
        digest = inputs.digest(EVALUATION, chosen)
        if not memory.is_fresh(EVALUATION, digest):
            run_pilot(pilot, PilotRun((chosen,) if chosen else (), None, inputs.engine), (EVALUATION,), on_cell)
            memory.remember(EVALUATION, digest)
            stale.append(EVALUATION)
    kept = tuple(name for name in notebooks if name not in stale)
    agent = str(finished_values(pilot, EVALUATION)["agent"]) if EVALUATION in notebooks else None
    return Worked(tuple(stale), kept, agent)


def finished_values(pilot: Pilot, notebook: str) -> dict[str, object]:
    """Return the values with which a notebook's executed copy ended."""
    path = pilot.runs / "notebooks" / f"{notebook}.ipynb"
    finish = read_finish(json.loads(path.read_text(encoding="utf-8"))["cells"])
    if finish is None:
        raise RunError("an executed notebook has no end", where=str(path), remedy="remove it and run the gate again")
    return dict(finish.values)


def execute_own(pilot: Pilot, notebooks: Sequence[str], on_cell: OnCell | None = None) -> None:
    """Run notebooks that take a pilot, a root and a results folder, side by side, and write a page beside each."""
    jobs = []
    for name in notebooks:
        path = find_notebook(name, pilot.root)
        given: dict[str, ParameterValue] = {
            "pilot": pilot.name,
            "root": str(pilot.root),
            "results": str(results_folder(pilot, name)),
        }
        known = read_source(path).parameters
        parameters = {key: value for key, value in given.items() if key in known}
        jobs.append(NotebookJob(path, pilot.runs / "notebooks" / f"{name}.ipynb", parameters))
    for outcome in execute_many(jobs, limits=LIMITS, on_cell=on_cell):
        if isinstance(outcome, WorkbenchError):
            raise outcome
        write_atomically(outcome.output.with_suffix(".html"), notebook_page(outcome.output))


def _run(inputs: Inputs, stale: Sequence[str], on_cell: OnCell | None) -> None:
    pilot = inputs.pilot
    known = tuple(name for name in stale if name in NOTEBOOKS)
    if known:
        run_pilot(pilot, PilotRun((), None, inputs.engine), known, on_cell)
    others = [name for name in stale if name not in NOTEBOOKS]
    if others:
        execute_own(pilot, others, on_cell)
