"""Aliases of prompts: they move only with the run that speaks for it, and every move is on the record.

The record is `promotions.jsonl` beside the journal, append-only. MLflow shows the same; nothing is read back.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.agents.prompts import Prompt, read_prompts
from workbench.files import provenance
from workbench.pilot import Pilot
from workbench.runs.journal import JOURNAL_FILE, Journal, RunEntry, RunInfo
from workbench.tracking.experiments import opened
from workbench.tracking.prompt_rows import add_results, set_alias
from workbench.tracking.registry import register_prompts
from workbench.tracking.store import read_logged
from workbench.words import InputError, RunError, shown

PROMOTIONS_FILE = "promotions.jsonl"
ALIASES = "candidate, gate-N or production"
_ALIAS = re.compile(r"candidate|production|gate-[1-9]")


@dataclass(frozen=True, slots=True)
class Promotion:
    """One move of an alias to a prompt, and the evidence for it.

    Parameters
    ----------
    version : int
        In the registry.
    run, split, dataset_digest, engine : str
        The run of the journal that is the evidence, on which side, on which records and answered by what.
    counts : mapping
        How the run's planned decisions ended.
    replaces : str, optional
        Name of the prompt that had the alias before.
    """

    alias: str
    prompt: str
    hash: str
    version: int
    run: str
    split: str
    dataset_digest: str
    engine: str
    counts: Mapping[str, int]
    replaces: str | None
    time: str
    who: str
    commit: str | None
    is_dirty: bool | None


def promote(pilot: Pilot, name: str, alias: str, evidence: str, records: str) -> Promotion:
    """Move an alias to a prompt on the evidence of a finished run of exactly this prompt, and return the move.

    A `candidate` needs a finished run on either side of the split; `gate-N` and `production` need one on the holdout.
    The move is on the record before MLflow shows it. Moving to where the alias is already, on the same evidence, writes
    nothing new.

    Parameters
    ----------
    name : str
        A prompt document.
    alias : str
        `candidate`, `gate-1` to `gate-9` or `production`.
    evidence : str
        A run of the journal, as `workbench prompts list` names it; its first 6 characters or more.
    records : str
        Digest of the pilot's records as they are now.

    Raises
    ------
    InputError
        Prompt, alias or run do not exist, or the run is no evidence: it is of another prompt, not finished, on other
        records or on the wrong side.
    RunError
        The record or MLflow cannot be written.
    """
    if not _ALIAS.fullmatch(alias):
        raise InputError("there is no such alias", got=repr(alias), expected=ALIASES)
    prompt = _prompt(pilot, name)
    info, identity = _evidence(pilot, prompt, alias, (evidence, records))
    versions = {registered.prompt.name: registered.version for registered in register_prompts(pilot)}
    before = current_promotions(pilot).get(alias)
    made_by = provenance(pilot.root)
    engine = identity.get("engine", {})
    promotion = Promotion(
        alias, prompt.name, prompt.hash, versions[prompt.name], info.run, info.split, info.dataset_digest,
        f"{engine.get('kind', '')} {engine.get('model', '')}".strip(),
        {status: getattr(info, status) for status in ("planned", "ok", "invalid", "failed", "skipped")},
        None if before is None else before.prompt, datetime.now(UTC).isoformat(timespec="seconds"),
        made_by.who, made_by.commit, made_by.is_dirty,
    )  # fmt: skip
    if before is not None and (before.hash, before.run) == (prompt.hash, info.run):
        promotion = before
    else:
        _append(pilot.runs / PROMOTIONS_FILE, promotion)
    with opened(pilot) as store:
        show_promotions(store, pilot, read_logged(pilot))
    return promotion


def read_promotions(pilot: Pilot) -> tuple[Promotion, ...]:
    """Return every move of an alias in order."""
    path = pilot.runs / PROMOTIONS_FILE
    if not path.is_file():
        return ()
    try:
        return tuple(Promotion(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())
    except (json.JSONDecodeError, TypeError) as error:
        raise RunError("the record of promotions is damaged", where=str(path), got=str(error)) from None


def current_promotions(pilot: Pilot) -> dict[str, Promotion]:
    """Return for each alias the move that counts now."""
    return {promotion.alias: promotion for promotion in read_promotions(pilot)}


def show_promotions(store: sqlite3.Connection, pilot: Pilot, known: Mapping[str, Any]) -> None:
    """Set in MLflow the aliases that count now, with the evidence of each as a tag of its version."""
    names = sorted({place["prompt"] for place in known.values() if "prompt" in place})
    for alias, promotion in current_promotions(pilot).items():
        if promotion.hash in known:
            said = {name: value for name, value in asdict(promotion).items() if name not in ("alias", "prompt", "hash")}
            place = known[promotion.hash]["prompt"], known[promotion.hash]["version"]
            add_results(store, place, {f"promoted.{alias}": json.dumps(said, sort_keys=True)})
            set_alias(store, place, alias, names)


def runs_by_prompt(pilot: Pilot) -> dict[str, list[RunEntry]]:
    """Return the finished runs of the journal by the content hash of the prompt they asked, the latest first."""
    path = pilot.runs / JOURNAL_FILE
    found: dict[str, list[RunEntry]] = {}
    if path.is_file():
        with Journal(path) as journal:
            for entry in journal.entries():
                if entry.finished and not entry.is_repeat and "prompt" in entry.identity:
                    found.setdefault(str(entry.identity["prompt"]), []).append(entry)
    return found


def _prompt(pilot: Pilot, name: str) -> Prompt:
    prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    if name not in prompts:
        raise InputError(
            f"there is no prompt {name!r}", where=str(pilot.suite / "prompts"), expected=", ".join(prompts)
        )
    return prompts[name]


def _evidence(
    pilot: Pilot, prompt: Prompt, alias: str, evidence_on: tuple[str, str]
) -> tuple[RunInfo, Mapping[str, Any]]:
    """Return the run that speaks for a prompt with what its agent was, or say why it is no evidence."""
    path, (evidence, records) = pilot.runs / JOURNAL_FILE, evidence_on
    if not path.is_file():
        raise InputError("no run is there yet", where=str(path), remedy=f"workbench run {pilot.name}")
    with Journal(path) as journal:
        entries = journal.entries()
        found = [entry for entry in entries if len(evidence) >= 6 and entry.run.startswith(evidence)]
        fitting = [entry for entry in entries if _misfit(entry, prompt, alias) is None]
        if len(found) != 1:
            raise _no_evidence("there is no such run" if not found else "several runs begin so", evidence, fitting)
        (entry,) = found
        why = _misfit(entry, prompt, alias)
        if why is None and entry.dataset_digest != records:
            why = "it was made on other records than the pilot has now"
        if why is not None:
            problem = f"run {entry.run} is no evidence for prompt {prompt.name!r} as {alias}: {why}"
            raise _no_evidence(problem, f"agent {entry.agent} on {entry.split}", fitting)
        return journal.info(entry.run), entry.identity


def _misfit(entry: RunEntry, prompt: Prompt, alias: str) -> str | None:
    """Return why a run does not speak for a prompt, None when it does."""
    if "prompt" not in entry.identity:
        return "its agent is no prompt"
    if entry.identity["prompt"] != prompt.hash:
        return f"it asked another prompt ({entry.identity['prompt'][:12]}, not {prompt.hash[:12]})"
    if entry.is_repeat:
        return "it is a repeat at another temperature"
    if not entry.finished:
        return f"it is not finished: {entry.decided:,} of {entry.planned:,} decisions"
    if alias != "candidate" and not entry.is_of_holdout:
        return f"{alias} needs a run on the holdout"
    return None


def _no_evidence(problem: str, got: str, fitting: list[RunEntry]) -> InputError:
    runs = shown(f"{entry.run} ({entry.agent} on {entry.split}, {entry.planned:,} records)" for entry in fitting)
    return InputError(
        problem,
        got=got,
        expected=f"one of the runs {runs}" if fitting else "a finished run of this prompt",
        remedy=None if fitting else "evaluate the agent that uses this prompt: workbench evaluate PILOT --agent NAME",
    )


def _append(path: Path, promotion: Promotion) -> None:
    """Append one move durably."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(promotion), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RunError("the promotion could not be recorded", where=str(path), got=str(error)) from None
