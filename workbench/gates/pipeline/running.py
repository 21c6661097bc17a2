"""The run of a pilot: its notebooks in order, and what they found logged to MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.agents import needed_secrets, settled_choice
from workbench.engines import EngineChoice
from workbench.evaluation import NotOpenedError, open_answers
from workbench.evaluation.versions import agent_to_judge
from workbench.evidence import executed_path, index_path, maker_by, makers, results_folder
from workbench.files import write_atomically
from workbench.gates.freshness import Memory, NotebookInputs
from workbench.gates.pipeline.names import AUDIT, EVALUATION, ITERATION, NOTEBOOKS
from workbench.notebooks import (
    Limits,
    NotebookJob,
    NotebookResult,
    find_notebook,
    packaged_notebook,
    read_finish,
    read_source,
)
from workbench.pages import notebook_page
from workbench.pilot import Pilot
from workbench.pilot.signing import SigningKey
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.runs import RunRequest
from workbench.tracking import Link, LoggedVersion, log_versions, version_from
from workbench.words import InputError, RunError, WorkbenchError

FIRST = (AUDIT, ITERATION)  # they do not depend on each other
OnCell = Callable[[Path, int, int], None]
# Calls to a model have deadlines of their own; a whole run of them may take hours.
LIMITS = Limits(cell_s=6 * 3600, total_s=8 * 3600)


@dataclass(frozen=True, slots=True)
class PilotRun:
    """What to run: these agents (the pilot's `compare` when empty) on at most `limit` records of each split.

    A run with a limit is a trial, which chooses no version; `opens_holdout` says whether it may open the holdout. `key`
    signs the opening; without it what the environment says, else this user's own key. `is_packaged` passes over the
    root's own notebooks, which are code of the pilot.
    """

    agents: tuple[str, ...] = ()
    limit: int | None = None
    engine: EngineChoice = field(default_factory=EngineChoice)
    opens_holdout: bool = True
    key: SigningKey | None = None
    is_packaged: bool = False


@dataclass(frozen=True, slots=True)
class PilotResult:
    """What a run of a pilot came to.

    Parameters
    ----------
    answers : mapping
        Per notebook its answer in one sentence.
    notebooks : mapping
        Per notebook the path of its executed copy.
    pages : mapping
        Per notebook the path of that copy as one HTML page, for readers without Jupyter.
    kept : tuple of str
        Notebooks that were not run again, as nothing that they are made from has changed and nothing that they left.
    evaluations : tuple of mapping
        `Evaluation.as_json()` of every agent version, development first, then holdout.
    links : tuple of Link
        Where the versions are in MLflow, in the same order.
    not_opened : str
        Why the holdout was not opened for the chosen version, where development records keep it closed; else empty.
    """

    answers: Mapping[str, str]
    notebooks: Mapping[str, Path]
    pages: Mapping[str, Path]
    kept: tuple[str, ...]
    evaluations: tuple[Mapping[str, Any], ...]
    links: tuple[Link, ...]
    not_opened: str = ""


def notebooks_of(what: PilotRun, only: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the notebooks to run in their order: all of a run, or those that are named by any part that no other has.

    Those of other makers of evidence run where they are named.

    Raises
    ------
    InputError
        There is no such notebook, or there are several; it opens the holdout, which this run may not; or a part of the
        development records would have to choose the version to open the holdout for, or is no part of what is asked.
    """
    named = {_notebook_named(part) for part in only}
    notebooks = tuple(name for name in nameable_notebooks() if name in (named or NOTEBOOKS))
    whole = [name for name in notebooks if name not in NOTEBOOKS]
    if what.limit is not None and whole:
        raise InputError(
            f"{whole[0]} takes no limit: it asks about all its cases or records",
            got=f"a limit of {what.limit:,}",
            remedy="leave out --limit",
        )
    if not what.opens_holdout:
        if EVALUATION in named:
            raise InputError(f"{EVALUATION} opens the holdout, and a run with a limit does not", remedy="add --holdout")
        return tuple(name for name in notebooks if name != EVALUATION)
    if what.limit is not None and EVALUATION in notebooks and len(what.agents) != 1:
        raise InputError(
            "a part of the development records chooses no version to open the holdout for",
            got=f"{len(what.agents)} agents and a limit of {what.limit:,}",
            remedy="name one --agent, or leave out the limit",
        )
    return notebooks


def run_pilot(
    pilot: Pilot,
    what: PilotRun,
    notebooks: Sequence[str] = NOTEBOOKS,
    on_cell: OnCell | None = None,
    inputs: NotebookInputs | None = None,
) -> PilotResult:
    """Run a pilot's notebooks as far as they are stale, and log the evaluated versions.

    The audit and the comparison do not depend on each other and run side by side; then those of other makers; the
    evaluation runs the version that the comparison chose, or the one agent that was named. `inputs` are what the
    notebooks are made from, where those were looked at before.

    Raises
    ------
    InputError, RunError
        As the first notebook that failed says; the others' copies are kept.
    """
    if inputs is None:
        agents = what.agents or pilot.settings.compare
        inputs = NotebookInputs(pilot, read_dataset(pilot), what.engine, agents, what.is_packaged)
    dataset = inputs.dataset
    work = _Work(pilot, what, inputs, on_cell)
    done: dict[str, NotebookResult] = {}
    others = [name for name in notebooks if name not in NOTEBOOKS]
    last = [name for name in others if (one := maker_by(name)) is not None and one.rests_on]
    for together in (FIRST, [name for name in others if name not in last], last):
        done |= work.done({name: _parameters(pilot, what, name) for name in notebooks if name in together})
    not_opened = ""
    if EVALUATION in notebooks:
        chosen = done[ITERATION].values["chosen"] if ITERATION in done else None
        agent = what.agents[0] if chosen is None and what.agents else chosen
        name = agent_to_judge(pilot, dataset, what.engine) if agent is None else str(agent)
        not_opened = "" if work.is_fresh(EVALUATION, name) else _open_for(pilot, what, name, dataset)
        if not not_opened:
            done |= work.done({EVALUATION: {**_parameters(pilot, what, EVALUATION), "agent": name}}, name)
    versions = _versions(pilot, done)
    pages = {name: page_path(result) for name, result in done.items()}
    compared = [done[name].answer for name in (ITERATION, EVALUATION) if name in done and what.limit is None]
    return PilotResult(
        {name: result.answer for name, result in done.items()},
        {name: result.output for name, result in done.items()},
        pages,
        tuple(name for name in done if name not in work.ran),
        tuple(version.evaluation for version in versions),
        log_versions(pilot, versions, "\n\n".join(compared), {"at a glance": index_path(pilot), **pages}),
        not_opened,
    )


def nameable_notebooks() -> tuple[str, ...]:
    """Return the notebooks that may be named: those of a run, and those of the other makers of evidence."""
    others = sorted({name for one in makers() for name in one.notebooks} - set(NOTEBOOKS))
    return (*NOTEBOOKS[:-1], *others, NOTEBOOKS[-1])  # what may be asked of the chosen version comes before the holdout


def execute_notebooks(jobs: Sequence[NotebookJob], on_cell: OnCell | None = None) -> tuple[NotebookResult, ...]:
    """Run notebooks side by side and write a page beside each, or raise what the first one that failed says."""
    if not jobs:
        return ()
    from workbench.notebooks import execute_many  # papermill

    done = []
    for outcome in execute_many(jobs, limits=LIMITS, on_cell=on_cell):
        if isinstance(outcome, WorkbenchError):
            raise outcome
        write_atomically(page_path(outcome), notebook_page(outcome.output, outcome.answer))
        done.append(outcome)
    return tuple(done)


def _notebook_named(part: str) -> str:
    """Return the notebook that alone has this in its name."""
    known = nameable_notebooks()
    found = [part] if part in known else [name for name in known if part and part in name]
    if not found:
        raise InputError(f"there is no notebook {part!r} in a run", expected=", ".join(known))
    if len(found) > 1:
        raise InputError(f"several notebooks of a run are named so: {part!r}", expected=f"one of {', '.join(found)}")
    return found[0]


class _Work:
    """Notebooks run as far as they are stale; a trial on a part of the records keeps nothing and is not kept."""

    def __init__(self, pilot: Pilot, what: PilotRun, inputs: NotebookInputs, on_cell: OnCell | None) -> None:
        self._pilot, self._what, self._inputs, self._on_cell = pilot, what, inputs, on_cell
        self._memory = Memory(pilot)
        self._digests: dict[str, str] = {}  # of what each notebook is made from, as it was before it ran
        self.ran: list[str] = []

    def is_fresh(self, notebook: str, chosen: str | None = None) -> bool:
        """Return whether what a notebook left still stands."""
        if self._what.limit is not None:
            return False
        if notebook not in self._digests:
            self._digests[notebook] = self._inputs.digest(notebook, chosen)
        return self._memory.is_fresh(notebook, self._digests[notebook])

    def done(self, parameters: Mapping[str, Mapping[str, Any]], chosen: str | None = None) -> dict[str, NotebookResult]:
        """Return the results by notebook, in their order."""
        stale = {name: values for name, values in parameters.items() if not self.is_fresh(name, chosen)}
        ran = _executed(self._pilot, self._what, stale, self._on_cell)
        self.ran += ran
        if self._what.limit is None:
            for name in ran:
                self._memory.remember(name, self._digests[name])
        return {name: ran[name] if name in ran else kept_result(self._pilot, name) for name in parameters}


def run_audit(pilot: Pilot, compare: str = "", on_cell: OnCell | None = None) -> NotebookResult:
    """Run the data audit's notebook with everything it can leave: validated suite, profile page, comparison.

    Parameters
    ----------
    pilot : Pilot
    compare : str
        Name of an earlier audit to compare with; empty for none.

    Raises
    ------
    InputError, RunError
        As the notebook that failed says.
    """
    parameters = {**_parameters(pilot, PilotRun(), AUDIT), "complete": True, "compare": compare}
    inputs = NotebookInputs(pilot, read_dataset(pilot), EngineChoice(), pilot.settings.compare).digest(AUDIT)
    result = _executed(pilot, PilotRun(), {AUDIT: parameters}, on_cell)[AUDIT]
    if not compare:  # it holds all that a run's audit does, and more
        Memory(pilot).remember(AUDIT, inputs)
    return result


def page_path(result: NotebookResult) -> Path:
    """Return where the page of an executed notebook is."""
    return result.output.with_suffix(".html")


def kept_result(pilot: Pilot, notebook: str) -> NotebookResult:
    """Return what a notebook's executed copy came to.

    Raises
    ------
    RunError
        It has no end.
    """
    path = executed_path(pilot, notebook)
    finish = read_finish(json.loads(path.read_text(encoding="utf-8"))["cells"])
    if finish is None:
        raise RunError("an executed notebook has no end", where=str(path), remedy="remove it and run it again")
    return NotebookResult(path, path, finish.answer, finish.values, 0.0)


def _open_for(pilot: Pilot, what: PilotRun, agent: str, dataset: Dataset) -> str:
    """Open the holdout for an agent; return why not where development records keep it closed, else nothing.

    This process runs no code of the pilot and has the key that signs the opening; the notebook's has neither need.
    """
    request = RunRequest(Split.HOLDOUT, what.limit, what.engine, show_progress=False, key=what.key)
    try:
        open_answers(pilot, agent, request, dataset)
    except NotOpenedError as error:
        return f"{agent}: {error.problem}"
    return ""


def _parameters(pilot: Pilot, what: PilotRun, notebook: str) -> dict[str, Any]:
    """Return what a notebook is given; one that is not of a run gets as much of it as it takes."""
    parameters: dict[str, Any] = {
        "pilot": pilot.name,
        "root": str(pilot.root),
        "results": str(results_folder(pilot, notebook)),
    }
    if notebook == AUDIT:
        return parameters
    # where nothing was chosen the notebook reads pilot.yaml itself
    engine = {} if what.engine == EngineChoice() else asdict(settled_choice(pilot, what.engine))
    given = {"limit": what.limit, **engine}
    parameters |= {name: value for name, value in given.items() if value is not None}
    if notebook == ITERATION:
        parameters["agents"] = list(what.agents)
    if notebook in NOTEBOOKS:
        return parameters
    if len(what.agents) == 1:
        parameters["agent"] = what.agents[0]
    known = read_source(find_notebook(notebook, pilot.root)).parameters
    return {name: value for name, value in parameters.items() if name in known}


def _executed(
    pilot: Pilot, what: PilotRun, parameters: Mapping[str, Mapping[str, Any]], on_cell: OnCell | None
) -> dict[str, NotebookResult]:
    """Return the results by notebook; audit and evaluation ask for no decisions, and get no key of a server."""
    jobs = []
    for name, values in parameters.items():
        path = packaged_notebook(name) if what.is_packaged else find_notebook(name, pilot.root)
        secrets = () if name in (AUDIT, EVALUATION) else needed_secrets(pilot, what.engine)
        jobs.append(NotebookJob(path, executed_path(pilot, name), values, secrets))
    return dict(zip(parameters, execute_notebooks(jobs, on_cell), strict=True))


def _versions(pilot: Pilot, done: Mapping[str, NotebookResult]) -> list[LoggedVersion]:
    """Return the versions that the notebooks wrote, with the executed notebook and its figures."""
    versions = []
    for name in (ITERATION, EVALUATION):
        if name in done:
            folder = results_folder(pilot, name)
            files = {"": (done[name].output, page_path(done[name])), "figures": tuple(sorted(folder.glob("*.png")))}
            written = done[name].values["evaluations"]
            versions += [version_from(folder / str(file), files) for file in written]
    return versions
