"""The notebooks of a gate: those that are stale run, side by side where they do not depend on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.agents.callables import check_may_ask
from workbench.evaluation import NotOpenedError, answer_holdout, check_worth_opening
from workbench.evaluation.versions import agent_to_judge
from workbench.evidence import executed_path, results_folder
from workbench.gates.freshness import Memory, NotebookInputs
from workbench.gates.pipeline import EVALUATION, ITERATION, PilotRun, execute_notebooks, kept_result, run_pilot
from workbench.notebooks import (
    NotebookJob,
    OnCell,
    ParameterValue,
    find_notebook,
    packaged_notebook,
)
from workbench.pilot import Pilot
from workbench.pilot.signing import SigningKey
from workbench.records.splits import Split
from workbench.runs import RunRequest

GATE = "gate"


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of a gate's notebooks.

    Parameters
    ----------
    ran, kept : tuple of str
        Notebooks that ran now, and those whose last result still stands.
    agent : str, optional
        The agent that answered the holdout now, that notebook 03 evaluated, or that the holdout stays closed for; None
        where there is none.
    """

    ran: tuple[str, ...]
    kept: tuple[str, ...]
    agent: str | None


def answered_evidence(inputs: NotebookInputs, notebooks: Sequence[str], on_cell: OnCell | None = None) -> Worked:
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
    asking = tuple(name for name in notebooks if name != EVALUATION)
    if asking:
        run_pilot(pilot, PilotRun((), None, inputs.engine), asking, on_cell, inputs)
    memory = Memory(pilot)
    kept = tuple(name for name in notebooks if name not in (*stale, EVALUATION))
    agent = _judged_agent(inputs, notebooks) if EVALUATION in notebooks else None
    if agent is None or memory.is_fresh(EVALUATION, inputs.digest(EVALUATION, agent)):
        return Worked(stale, kept, None)
    request = RunRequest(Split.HOLDOUT, None, inputs.engine, show_progress=False)
    try:
        check_worth_opening(pilot, agent, request, inputs.dataset)
    except NotOpenedError:  # what is judged is that it is not opened
        return Worked(stale, kept, agent)
    answer_holdout(pilot, agent, request, inputs.dataset)
    return Worked(stale, kept, agent)


def judged_evidence(
    inputs: NotebookInputs,
    notebooks: Sequence[str],
    key: SigningKey,
    ran: Sequence[str] | None,
    on_cell: OnCell | None = None,
) -> Worked:
    """Open the holdout for what was answered and run the evaluation where it is stale; no code of the pilot is run.

    Parameters
    ----------
    inputs : NotebookInputs
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
    agent = _judged_agent(inputs, notebooks)
    what = PilotRun((agent,), None, inputs.engine, key=key, is_packaged=True)
    result = run_pilot(pilot, what, (EVALUATION,), on_cell, inputs)
    if result.not_opened:
        return Worked(tuple(done), tuple(name for name in notebooks if name not in (*done, EVALUATION)), agent)
    if EVALUATION not in result.kept:
        done.append(EVALUATION)
    kept = tuple(name for name in notebooks if name not in done)
    return Worked(tuple(done), kept, str(kept_result(pilot, EVALUATION).values["agent"]))


def present(pilot: Pilot, number: int, on_cell: OnCell | None = None) -> None:
    """Run the packaged notebook of the gates over the decision of one, whatever notebooks the root has of its own."""
    name = own_notebook(number)
    parameters: dict[str, ParameterValue] = {
        "pilot": pilot.name,
        "root": str(pilot.root),
        "results": str(results_folder(pilot, name)),
        "number": number,
    }
    execute_notebooks([NotebookJob(packaged_notebook(GATE), executed_path(pilot, name), parameters)], on_cell)


def own_notebook(number: int) -> str:
    """Return the name under which a gate's decision is presented."""
    return f"gate_{number}"


def _stale(inputs: NotebookInputs, notebooks: Sequence[str], memory: Memory) -> tuple[str, ...]:
    """Return the notebooks but the evaluation that must run again."""
    return tuple(name for name in notebooks if name != EVALUATION and not memory.is_fresh(name, inputs.digest(name)))


def _judged_agent(inputs: NotebookInputs, notebooks: Sequence[str]) -> str:
    """Return the agent that the gate's comparison chose; without one, that which the stored runs speak for."""
    if ITERATION in notebooks:
        return str(kept_result(inputs.pilot, ITERATION).values["chosen"])
    return agent_to_judge(inputs.pilot, inputs.dataset, inputs.engine)
