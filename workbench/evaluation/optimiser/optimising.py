"""From a prompt version to the one that an optimiser makes of it, judged on records the optimiser did not see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from tqdm import tqdm

from workbench.agents import engine_for
from workbench.agents.prompts import Prompt, read_prompt, read_prompts
from workbench.engines import EngineChoice
from workbench.evaluation.optimiser.asking import PromptDesk
from workbench.evaluation.optimiser.documents import Head, written
from workbench.evaluation.optimiser.judgement import Judgement, judged
from workbench.evaluation.optimiser.parts import Parts, document_parts
from workbench.evaluation.optimiser.reflection import Reflection, ReflectionServer
from workbench.evaluation.optimiser.search import Candidate, Search
from workbench.files import write_atomically
from workbench.pilot import Pilot
from workbench.records.splits import Dataset
from workbench.runs.journal import JOURNAL_FILE, Journal, digest_of
from workbench.words import InputError

FOLDER = "optimiser"


@dataclass(frozen=True, slots=True)
class OptimiserRequest:
    """What to optimise, with which reflecting model, and how far.

    Parameters
    ----------
    version : str
        Name of the prompt document to start from.
    max_calls : int
        Decisions that the search may look at, those in the journal included; the judging records come on top.
    """

    version: str
    server: ReflectionServer
    max_calls: int = 500
    seed: int = 0
    engine: EngineChoice = field(default_factory=EngineChoice)


@dataclass(frozen=True, slots=True)
class Optimised:
    """What a search found.

    Parameters
    ----------
    folder : Path
        The candidates' documents, the reflecting model's answers, GEPA's log and this result as `search.json`.
    winner : Prompt, optional
        The new version's document; None where no candidate did better on the validation records.
    judgement : Judgement, optional
        The winner against the version it was made from.
    n_reflections, n_kept : int
        Answers of the reflecting model, and how many of them were there from an earlier start.
    """

    parent: str
    folder: Path
    parts: Parts
    candidates: tuple[Candidate, ...]
    winner: Prompt | None
    judgement: Judgement | None
    n_looked_at: int
    n_reflections: int
    n_kept: int

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        sizes = {name: len(getattr(self.parts, name)) for name in ("train", "validation", "judging")}
        rows = [
            {
                "candidate": one.number, "changed": list(one.changed), "refused": one.refused,
                "validated": one.validated, "hash": None if one.prompt is None else one.prompt.hash,
            }
            for one in self.candidates
        ]  # fmt: skip
        return {
            "parent": self.parent,
            "winner": None if self.winner is None else self.winner.name,
            "judgement": None if self.judgement is None else self.judgement.as_json(),
            "answer": self.in_words(),
            "records": sizes,
            "candidates": rows,
            "decisions_looked_at": self.n_looked_at,
            "reflections": self.n_reflections,
            "reflections_kept_from_before": self.n_kept,
            "folder": str(self.folder),
        }

    def in_words(self) -> str:
        """Return the answer in one sentence."""
        asked = sum(one.prompt is not None for one in self.candidates) - 1
        if self.winner is None or self.judgement is None:
            n = f"{len(self.parts.validation):,} validation records"
            return f"No better version was found: none of {asked:,} candidates is right more often on {n}."
        return self.judgement.in_words(self.winner.name, self.parent)


def optimise(pilot: Pilot, dataset: Dataset, request: OptimiserRequest) -> Optimised:
    """Let a reflecting model rewrite a prompt, write the best candidate as a new version, and judge it.

    Only development records are used. Every answer of an engine and of the reflecting model is kept, so the same
    request again asks nothing and an interrupted one goes on.

    Raises
    ------
    InputError
        GEPA is not installed, there is no such version, there are too few development records, or the settings do not
        fit; nothing was asked.
    RunError
        The engine or the reflecting model did not answer, or the search was interrupted.
    """
    _check_installed()
    prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    if request.version not in prompts:
        raise InputError(f"there is no prompt {request.version!r}", expected=", ".join(prompts))
    prompt, parts = prompts[request.version], document_parts(dataset, request.max_calls)
    engine = engine_for(pilot, request.engine)
    folder = pilot.runs / FOLDER / _search_name(prompt, dataset, engine.identity, request)
    reflection = Reflection(request.server, folder / "reflections.jsonl")
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        desk = PromptDesk(pilot, dataset, engine, journal)
        with tqdm(total=request.max_calls, desc=f"search from {prompt.name}", unit=" decisions") as bar:
            search = Search(desk, prompt, _agent_of(pilot, prompt), reflection, folder, bar.update)
            candidates = search.run(parts, request.max_calls, request.seed)
            n_looked_at = int(bar.n)
        winner, judgement = _introduced(desk, parts, search, candidates)
    counts = (n_looked_at, reflection.n_asked + reflection.n_kept, reflection.n_kept)
    found = Optimised(prompt.name, folder, parts, candidates, winner, judgement, *counts)
    write_atomically(folder / "search.json", json.dumps(found.as_json(), indent=1, ensure_ascii=False))
    return found


def _introduced(
    desk: PromptDesk, parts: Parts, search: Search, candidates: tuple[Candidate, ...]
) -> tuple[Prompt | None, Judgement | None]:
    """Judge the best candidate and write it as a new version, unless the start is best or it is there already."""
    best = max(candidates, key=lambda one: -1.0 if one.validated is None else one.validated)
    if best.prompt is None or best.number == 0:
        return None, None
    pilot, parent = desk.pilot, search.prompt
    prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    same = next((prompt for prompt in prompts.values() if prompt.hash == best.prompt.hash), None)
    name = _free_name(parent.name, prompts) if same is None else same.name
    agent = name if same is None else _agent_of(pilot, same)
    judgement = judged(desk, parts, ((best.prompt, agent), (parent, search.agent)))
    if same is not None:
        return same, judgement
    asked = sum(one.prompt is not None for one in candidates) - 1
    changed, said = " and ".join(best.changed), judgement.in_words(name, parent.name)
    note = f"{changed} rewritten, the best of {asked:,} candidates. {said}"
    gepa, model = metadata.version("gepa"), search.reflection.model
    origin = f"optimiser (GEPA {gepa}), reflecting model {model}, search {search.folder.name}"
    path = pilot.suite / "prompts" / f"{name}.md"
    written(best.prompt, {}, Head(name, parent.name, note, origin), path)
    return read_prompt(path, pilot.prompt_fields), judgement


def _free_name(parent: str, taken: Mapping[str, Prompt]) -> str:
    """Return the first name for a version made from a parent that no document has."""
    names = (f"{parent}_optimised{'' if number == 1 else f'_{number}'}" for number in count(1))
    return next(name for name in names if name not in taken)


def _agent_of(pilot: Pilot, prompt: Prompt) -> str:
    """Return the name of the agent that a prompt is, so that its decisions are shared; the prompt's own without one."""
    agents = pilot.settings.agents.items()
    return next((name for name, agent in agents if agent.prompt == prompt.name), prompt.name)


def _search_name(prompt: Prompt, dataset: Dataset, engine: Mapping[str, Any], request: OptimiserRequest) -> str:
    """Return the name of a search: the same for the same question."""
    content = {
        "prompt": prompt.hash, "dataset": dataset.digest, "engine": dict(engine), "model": request.server.model,
        "max_calls": request.max_calls, "seed": request.seed,
    }  # fmt: skip
    return f"{prompt.name}-{digest_of(content)[:12]}"


def _check_installed() -> None:
    if find_spec("gepa") is None:
        raise InputError(
            "the optimiser is not installed",
            got="no package gepa",
            remedy="pip install 'agent-workbench[optimise]'",
        )
