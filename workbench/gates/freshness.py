"""What of a pilot's notebooks must run again: one is fresh while its inputs and its outputs are what they were.

A run and the gates keep this in one place, so that what one of them did the others do not do again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.agents import build_agent
from workbench.agents.prompts import read_prompts
from workbench.engines import EngineChoice
from workbench.evidence import code_digest, executed_path, file_digest, files_at, maker_by, results_folder
from workbench.files import write_atomically
from workbench.notebooks import find_notebook, packaged_notebook
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import JOURNAL_FILE, Journal, digest_of

STATE_FILE = "notebooks.json"


@dataclass(frozen=True, slots=True, eq=False)
class NotebookInputs:
    """What the notebooks of a pilot are made from.

    Parameters
    ----------
    agents : tuple of str
        Those that a comparison runs.
    is_packaged : bool
        Whether the evaluation's notebook is the package's, and not the root's own, which is code of the pilot.
    """

    pilot: Pilot
    dataset: Dataset
    engine: EngineChoice
    agents: tuple[str, ...]
    is_packaged: bool = False
    _versions: dict[str, list[str]] = field(default_factory=dict, repr=False)  # of agents that were built before

    def digest(self, notebook: str, chosen: str | None = None) -> str:
        """Return the digest of everything that a notebook's result depends on, the journal aside.

        The package's code, the notebook, records, contract and charter count always; what else, its maker says.

        Parameters
        ----------
        notebook : str
        chosen : str, optional
            The one agent that an evaluation is of.
        """
        one = maker_by(notebook)
        own = self.everything() if one is None else one.depends(self, notebook, chosen)
        return digest_of({**self._shared(notebook), **own})

    def everything(self) -> dict[str, Any]:
        """Return what a notebook may depend on at most: settings, prompts and every agent that is compared.

        Raises
        ------
        InputError
            A prompt document, an agent or the engine's settings do not fit.
        """
        prompts = read_prompts(self.pilot.suite / "prompts", self.pilot.prompt_fields)
        hashes = {name: prompt.hash for name, prompt in prompts.items()}
        return {**self.settings(), **self.of_agents(self.agents), "prompts": hashes}

    def settings(self) -> dict[str, Any]:
        """Return the pilot's settings but its agents."""
        settings = self.pilot.settings.model_dump(mode="json")
        return {"settings": {name: value for name, value in settings.items() if name != "agents"}}

    def of_agents(self, agents: Iterable[str]) -> dict[str, Any]:
        """Return the versions of some agents, with what is noted of them."""
        named = tuple(agents)
        for name in named:
            if name not in self._versions:
                agent = build_agent(self.pilot, name, self.dataset, self.engine)
                self._versions[name] = [digest_of(agent.identity), self.pilot.agent(name).note]
        return {"agents": {name: self._versions[name] for name in named}}

    def source(self, notebook: str) -> Path:
        """Return the notebook that is run."""
        one = maker_by(notebook)
        is_packaged = self.is_packaged and one is not None and one.is_sealed
        return packaged_notebook(notebook) if is_packaged else find_notebook(notebook, self.pilot.root)

    def _shared(self, notebook: str) -> dict[str, Any]:
        pilot = self.pilot
        files = [pilot.data / name for name in (*pilot.contract.records, "contract.yaml", "splits.yaml")]
        return {
            "code": code_digest(),
            "notebook": file_digest(self.source(notebook)),
            "records": [file_digest(path) for path in files if path.is_file()],
            "charter": pilot.charter.model_dump(mode="json"),
        }


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of a notebook's last whole run."""

    inputs: str
    runs: str
    outputs: Mapping[str, str]


class Memory:
    """What the last whole run of each notebook was made from and left; kept beside the journal."""

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self._path = pilot.runs / STATE_FILE
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            self._known = {name: Remembered(**known) for name, known in content.items()}
        except (OSError, ValueError, TypeError, AttributeError):  # not there or damaged: everything is stale
            self._known = {}

    def is_fresh(self, notebook: str, inputs: str) -> bool:
        """Return whether a notebook's inputs, the runs it read, and every file it left are as after its last run."""
        known = self._known.get(notebook)
        return (
            known is not None
            and known.inputs == inputs
            and known.runs == runs_digest(self._pilot, notebook)
            and known.outputs == files_at(self._pilot.root, *output_paths(self._pilot, notebook))
        )

    def remember(self, notebook: str, inputs: str) -> None:
        """Keep what a notebook's run was made from and what it left."""
        outputs = files_at(self._pilot.root, *output_paths(self._pilot, notebook))
        self._known[notebook] = Remembered(inputs, runs_digest(self._pilot, notebook), outputs)
        content = {
            name: {"inputs": known.inputs, "runs": known.runs, "outputs": dict(known.outputs)}
            for name, known in sorted(self._known.items())
        }
        write_atomically(self._path, json.dumps(content, indent=1))


def output_paths(pilot: Pilot, notebook: str) -> Sequence[Path]:
    """Return the files and folders that a notebook leaves."""
    executed = executed_path(pilot, notebook)
    one = maker_by(notebook)
    made = one.leaves(pilot) if one is not None and one.notebooks[0] == notebook else ()
    return (executed, executed.with_suffix(".html"), results_folder(pilot, notebook), *made)


def runs_digest(pilot: Pilot, notebook: str) -> str:
    """Return the digest of the finished development runs that a comparison or a threshold rests on."""
    path, one = pilot.runs / JOURNAL_FILE, maker_by(notebook)
    if one is None or not one.rests_on_runs or not path.is_file():
        return ""
    with Journal(path) as journal:
        runs = sorted(entry.run for entry in journal.entries(Split.DEV.value) if entry.finished)
    return digest_of({"runs": runs})
