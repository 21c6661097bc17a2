"""Versions of a pilot's prompt: reading them all, and what changed from one to the next."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench.agents.prompts.document import Prompt, read_prompt
from workbench.agents.prompts.sections import SECTIONS
from workbench.pilot import Pilot
from workbench.words import InputError, did_you_mean


@dataclass(frozen=True, slots=True)
class PromptDiff:
    """What differs between two versions.

    Parameters
    ----------
    changed : tuple of str
        Titles of the sections that differ, in the document's order, then `sampling` and `response_schema`; empty
        when both versions say the same.
    text : str
        Unified diff, one block per changed part.
    """

    changed: tuple[str, ...]
    text: str


def read_prompts(folder: Path, columns: Sequence[str]) -> dict[str, Prompt]:
    """Return every prompt of a folder by name, sorted; none when there is no such folder.

    Raises
    ------
    InputError
        A document does not fit, names a parent that is not there, or descends from itself.
    """
    prompts = {path.stem: read_prompt(path, columns) for path in sorted(folder.glob("*.md"))}
    for prompt in prompts.values():
        if prompt.parent is not None and prompt.parent not in prompts:
            raise InputError(
                f"the parent {prompt.parent!r} of prompt {prompt.name!r} is not there",
                where=str(prompt.path),
                expected=", ".join(prompts),
                remedy=did_you_mean(prompt.parent, prompts, "name the version this one was made from, or null"),
            )
    for prompt in prompts.values():
        _check_ancestry(prompt, prompts)
    return prompts


def columns_named(pilot: Pilot) -> frozenset[str] | None:
    """Return the columns that a pilot's prompts name.

    None where none can be read, or one uses prepared fields: then any column that an agent may see can be sent.
    """
    try:
        prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    except InputError:  # what is asked is about the records, and does not stop at a prompt
        return None
    fields = {name for prompt in prompts.values() for name in prompt.named_fields}
    prepared = set() if pilot.settings.prepare is None else set(pilot.settings.prepare.fields)
    return None if not prompts or fields & prepared else frozenset(fields)


def _check_ancestry(prompt: Prompt, prompts: Mapping[str, Prompt]) -> None:
    """Refuse a prompt that is its own ancestor."""
    line = [prompt.name]
    parent = prompt.parent
    while parent is not None and parent not in line:
        line.append(parent)
        parent = prompts[parent].parent
    if parent is not None:
        raise InputError(
            "prompts descend from each other in a circle", where=str(prompt.path), got=" <- ".join([*line, parent])
        )


def diff(a: Prompt, b: Prompt) -> PromptDiff:
    """Return what changed from prompt `a` to prompt `b`, section by section."""
    before, after = _parts(a), _parts(b)
    changed = tuple(part for part in before if before[part] != after[part])
    blocks = []
    for part in changed:
        names = f"{a.name}: {part}", f"{b.name}: {part}"
        blocks.append("\n".join(difflib.unified_diff(before[part], after[part], *names, lineterm="")))
    return PromptDiff(changed, "\n".join(blocks))


def _parts(prompt: Prompt) -> dict[str, list[str]]:
    """Return the lines of everything that the content hash covers, part by part."""
    parts: dict[str, list[str]] = {title: [] for title in SECTIONS}
    parts |= {section.title: section.text.split("\n") for section in prompt.sections}
    parts["sampling"] = [f"{name}: {value}" for name, value in asdict(prompt.sampling).items()]
    schema = prompt.schema
    parts["response_schema"] = [] if schema is None else json.dumps(schema, indent=2, ensure_ascii=False).split("\n")
    return parts
