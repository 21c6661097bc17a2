"""The prompt registry: every prompt document of a pilot is a version of a prompt in MLflow, numbered as its name says.

`v3` is version 3 of the prompt that is named after the pilot, `strict_v2` version 2 of `PILOT.strict`. A document that
was edited gets the next number that is free; its name stands in front of the message of its version.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.agents.prompts import Prompt, read_prompts
from workbench.files import Provenance, provenance
from workbench.pilot import Pilot
from workbench.tracking.experiments import experiment_of, opened
from workbench.tracking.prompt_rows import add_prompt, find_prompt
from workbench.tracking.store import read_logged, write_logged
from workbench.tracking.views import RunKind
from workbench.words import shown

_NUMBERED = re.compile(r"(?:(?P<family>.*[^\W_])[._-])?v?0*(?P<number>[1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True)
class Registered:
    """A prompt document, its prompt in the registry and its version there; `is_new` when this call registered it."""

    prompt: Prompt
    name: str
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
        with opened(pilot) as store:
            known |= register_new(store, pilot, new, provenance(pilot.root))
        write_logged(pilot, known)
    is_new = {prompt.hash for prompt in new}
    places = ((prompt, known[prompt.hash]) for prompt in prompts)
    return tuple(
        Registered(prompt, place["prompt"], place["version"], prompt.hash in is_new) for prompt, place in places
    )


def unregistered(pilot: Pilot, known: Mapping[str, Any]) -> tuple[Prompt, ...]:
    """Return the pilot's prompt documents whose content is not among what is known, each content once."""
    prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    by_hash = {prompt.hash: prompt for prompt in reversed(prompts.values()) if prompt.hash not in known}
    return tuple(reversed(by_hash.values()))


def register_new(
    store: sqlite3.Connection, pilot: Pilot, prompts: Sequence[Prompt], made_by: Provenance
) -> dict[str, dict[str, Any]]:
    """Register prompt documents that are not in the store; return content hash to name and version there.

    `runs` are those that a version was linked to.
    """
    places: dict[str, dict[str, Any]] = {}
    for prompt in prompts:
        name, wanted = registry_place(pilot.name, prompt.name)
        version = find_prompt(store, name, prompt.hash)
        if version is None:
            experiment = experiment_of(store, pilot, RunKind.VERSIONS).number
            version = add_prompt(store, (name, wanted), prompt, _tags(prompt, made_by), experiment)
        places[prompt.hash] = {"prompt": name, "version": version, "runs": []}
    return places


def registry_place(pilot: str, prompt: str) -> tuple[str, int | None]:
    """Return the prompt of the registry that a prompt document belongs to, and the number that its name gives it.

    Examples
    --------
    >>> registry_place("invoices", "v3")
    ('invoices', 3)
    >>> registry_place("invoices", "strict_v2")
    ('invoices.strict', 2)
    >>> registry_place("invoices", "careful")
    ('invoices.careful', None)
    """
    found = _NUMBERED.fullmatch(prompt)
    if found is None:
        return f"{pilot}.{prompt}", None
    family = found["family"]
    return pilot if family is None else f"{pilot}.{family}", int(found["number"])


def _tags(prompt: Prompt, made_by: Provenance) -> dict[str, str]:
    """Return what the registry says of a prompt document besides its text."""
    tags = {
        "name": prompt.name,
        "parent": prompt.parent or "",
        "proposed_by": prompt.proposed_by or "",
        "hash": prompt.hash,
        "commit": made_by.commit or "",
        "dirty": "" if made_by.is_dirty is None else str(made_by.is_dirty),
        "changed": shown(made_by.changed),
        "by": made_by.who,
    }
    return {name: value for name, value in tags.items() if value}
