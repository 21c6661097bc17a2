"""Candidates as prompt documents: the sections an optimiser may rewrite, and a document with other texts in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from workbench.agents.prompts import SECTIONS, Prompt, read_prompt
from workbench.files import write_atomically
from workbench.words import InputError

EDITED = ("Role", "Business rules", "Decision criteria", "Escalation triggers", "Examples")
ADDED = "Decision criteria"
LINE_LENGTH = 116
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|\{\{|\{%|\{#", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """What the front matter says of a version's origin."""

    name: str
    parent: str | None
    change_note: str
    proposed_by: str


def editable(prompt: Prompt) -> dict[str, str]:
    """Return the sections that an optimiser may rewrite, title to text; the decision criteria may have to be added.

    What a person answers for (compliance) and what the schema and the records fix (output format, record) stay.
    """
    texts = {section.title: section.text for section in prompt.sections if section.title in EDITED}
    return {title: texts.get(title, "") for title in SECTIONS if title in texts or title == ADDED}


def written(prompt: Prompt, texts: Mapping[str, str], head: Head, path: Path) -> None:
    """Write a prompt with other texts in some sections as a document; a section without text is left out."""
    front: dict[str, Any] = {**asdict(head), "sampling": asdict(prompt.sampling)}
    if prompt.schema is not None:
        front["response_schema"] = dict(prompt.schema)
    top = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=LINE_LENGTH, default_flow_style=None)
    known = {section.title: section.text for section in prompt.sections}
    wanted = {title: texts.get(title, known.get(title, "")).strip("\n") for title in SECTIONS}
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in wanted.items() if text.strip())
    write_atomically(path, f"---\n{top}---\n\n{body}\n")


def candidate(prompt: Prompt, texts: Mapping[str, str], path: Path, columns: Sequence[str]) -> Prompt:
    """Write a candidate as a document and return it as the prompt it is.

    Raises
    ------
    InputError
        The texts make no prompt document, or hold a placeholder that the prompt does not have: a model's text is
        never run as a template.
    """
    known = set(_PLACEHOLDER.findall(prompt.system_source))
    new = [mark for text in texts.values() for mark in _PLACEHOLDER.findall(text) if mark not in known]
    if new:
        raise InputError(
            "a proposed text holds a placeholder that the prompt does not have",
            where=str(path),
            got=new[0][:100],
            expected=", ".join(sorted(known)) or "none",
        )
    head = Head(path.stem, prompt.name, "a candidate of a search", "optimiser")
    written(prompt, texts, head, path)
    return read_prompt(path, columns)
