"""The prompt registry: every prompt document of a pilot is a version of the pilot's prompt in MLflow."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.agents.prompts import Prompt, read_prompts
from workbench.files import Provenance, provenance
from workbench.pilot import Pilot
from workbench.tracking.rows import add_prompt
from workbench.tracking.store import read_logged, rows_of, write_logged
from workbench.words import shown


@dataclass(frozen=True, slots=True)
class Registered:
    """A prompt document and the number of its version in the registry; `is_new` when this call registered it."""

    prompt: Prompt
    version: int
    is_new: bool


def register_prompts(pilot: Pilot) -> tuple[Registered, ...]:
    """Register every prompt document of a pilot whose content is not in the registry yet, and return all of them.

    The registry's version carries name, content hash, parent, change note and commit. Two documents of the same content
    are one version.

    Raises
    ------
    InputError
        A prompt document does not fit.
    RunError
        The store cannot be written.
    """
    prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields).values()
    known = read_logged(pilot)
    new = unregistered(pilot, known)
    if new:
        with rows_of(pilot.root) as store:
            known |= register_new(store, pilot, new, provenance(pilot.root))
        write_logged(pilot, known)
    is_new = {prompt.hash for prompt in new}
    return tuple(Registered(prompt, int(known[prompt.hash]), prompt.hash in is_new) for prompt in prompts)


def unregistered(pilot: Pilot, known: Mapping[str, Any]) -> tuple[Prompt, ...]:
    """Return the pilot's prompt documents whose content is not among what is known, each content once."""
    prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    by_hash = {prompt.hash: prompt for prompt in reversed(prompts.values()) if prompt.hash not in known}
    return tuple(reversed(by_hash.values()))


def register_new(
    store: sqlite3.Connection, pilot: Pilot, prompts: Sequence[Prompt], made_by: Provenance
) -> dict[str, str]:
    """Register prompt documents as further versions of the pilot's prompt; return content hash to version."""
    return {prompt.hash: str(add_prompt(store, pilot.name, prompt, _tags(prompt, made_by))) for prompt in prompts}


def _tags(prompt: Prompt, made_by: Provenance) -> dict[str, str]:
    """Return what the registry says of a prompt document besides its text."""
    tags = {
        "name": prompt.name,
        "hash": prompt.hash,
        "parent": prompt.parent or "",
        "proposed_by": prompt.proposed_by or "",
        "commit": made_by.commit or "",
        "dirty": str(made_by.is_dirty),
        "changed": shown(made_by.changed),
        "by": made_by.who,
    }
    return {name: value for name, value in tags.items() if value}
