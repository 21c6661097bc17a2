"""The folder in which holdout records are answered: what the agent needs by its declaration, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from workbench.agents.acting import acting_files
from workbench.agents.callables import PilotFunction
from workbench.agents.guards import guard_files
from workbench.pilot import CONTRACT_FILE, Pilot
from workbench.pilot.charter import CHARTER_FILE, PILOT_FILE
from workbench.words import InputError, shown

PROMPTS = "prompts"
NOT_THERE = FileNotFoundError.__name__
UNDECLARED = "on the holdout an agent finds its own files and those that `reads` in pilot.yaml names: name it there"


def write_sealed_folder(pilot: Pilot, agent: str, folder: Path) -> None:
    """Copy into a folder what an agent consists of and what it is said to read, each in its place under the root.

    Raises
    ------
    InputError
        The agent is said to read the records themselves, or a file outside the root.
    """
    own = [pilot.data / CONTRACT_FILE, pilot.suite / PILOT_FILE, pilot.suite / CHARTER_FILE, *guard_files(pilot)]
    if pilot.agent(agent).prompt is not None:
        own += sorted((pilot.suite / PROMPTS).glob("*.md"))
    declared = [pilot.root / name for name in _declared(pilot, agent)]
    if pilot.agent(agent).tools:
        declared += acting_files(pilot, pilot.agent(agent).role)
    _refuse_records(pilot, agent, declared)
    for path in (*own, *declared):
        target = folder / path.relative_to(pilot.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _declared(pilot: Pilot, agent: str) -> tuple[str, ...]:
    """Return the files of an agent's callable, or of the function that prepares records for a prompt."""
    settings, prepare = pilot.agent(agent), pilot.settings.prepare
    if settings.python is not None:
        return tuple(PilotFunction(pilot.root, settings.python).digests(settings.reads))
    if settings.prompt is not None and prepare is not None:
        return tuple(PilotFunction(pilot.root, prepare.python).digests(prepare.reads))
    return ()


def _refuse_records(pilot: Pilot, agent: str, declared: list[Path]) -> None:
    where = f"{pilot.suite / PILOT_FILE}, agent {agent}, reads"
    root = pilot.root.resolve()
    outside = [path for path in declared if not path.resolve().is_relative_to(root)]
    if outside:
        raise InputError("an agent reads files outside the root", where=where, got=shown(map(str, outside)))
    records = {(pilot.data / name).resolve() for name in pilot.contract.records}
    read = [path.relative_to(pilot.root).as_posix() for path in declared if path.resolve() in records]
    if read:
        raise InputError(
            "an agent reads the labelled records, so what it says of holdout records proves nothing",
            where=where,
            got=shown(read),
            remedy="let it learn from development records with `trained: true`, or read another file",
        )
