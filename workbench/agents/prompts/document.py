"""Prompt documents: Markdown with YAML front matter; one file is one immutable version."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field

from workbench.agents.prompts.sections import RECORD_SECTION, PromptSection, read_sections
from workbench.agents.prompts.template import RECORD, Place, check_template, columns_shown_by, fill, placeholder_name
from workbench.engines import Message, SamplingParams
from workbench.files import Settings, parse_yaml, read_text, settings_from
from workbench.records import Record
from workbench.words import InputError, shown

BYTES_PER_TOKEN = 4
_DEFAULT = SamplingParams()


class SamplingSettings(Settings):
    """The `sampling` key of a prompt's front matter."""

    temperature: float = Field(default=_DEFAULT.temperature, ge=0, le=2)
    top_p: float = Field(default=_DEFAULT.top_p, gt=0, le=1)
    max_tokens: int = Field(default=_DEFAULT.max_tokens, ge=1)
    seed: int = Field(default=_DEFAULT.seed, ge=0)


class FrontMatter(Settings):
    """The YAML at the head of a prompt document."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    parent: str | None = None
    change_note: str = Field(min_length=1)
    proposed_by: str | None = Field(default=None, min_length=1)
    sampling: SamplingSettings = SamplingSettings()
    response_schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """One immutable version of a prompt.

    Parameters
    ----------
    parent : str, optional
        Name of the version this one was made from.
    schema : mapping, optional
        JSON schema of the reply as the front matter gives it; None stands for the workbench's own.
    sections : tuple of Section
        In the document's order, the Record section last.
    proposed_by : str, optional
        What wrote this version where no person did, such as an optimiser.

    Attributes
    ----------
    system_source, record_source : str
        Templates of the system message (every section before Record, with its heading; empty when there is none) and
        of the user message (the Record section without its heading).
    hash : str
        sha256 over what a model gets to see or is held to: sampling, response schema, titles and texts of the
        sections. Name, parent, change note and origin are left out, so that correcting a note or renaming a version
        keeps the decisions made with it.
    """

    name: str
    path: Path
    parent: str | None
    change_note: str
    sampling: SamplingParams
    schema: Mapping[str, Any] | None
    sections: tuple[PromptSection, ...]
    proposed_by: str | None = None
    system_source: str = field(init=False)
    record_source: str = field(init=False)
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        *before, record = self.sections
        source = "\n\n".join(f"## {section.title}\n\n{section.text}" for section in before)
        object.__setattr__(self, "system_source", source)
        object.__setattr__(self, "record_source", record.text)
        object.__setattr__(self, "hash", _hash(self))

    @property
    def named_fields(self) -> frozenset[str]:
        """The fields of a record that the document names; showing the whole record at once names none."""
        return columns_shown_by(self.record_source)


def _hash(prompt: Prompt) -> str:
    """Return the content hash; key order counts in the schema, as a model follows it."""
    content = {
        "sampling": asdict(prompt.sampling),
        "response_schema": prompt.schema,
        "sections": [[section.title, section.text] for section in prompt.sections],
    }
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has: its UTF-8 bytes divided by four, rounded up.

    A rule of thumb for English text that needs no tokenizer; the model's own count comes back with its replies.

    Examples
    --------
    >>> estimated_tokens("Invoice over authority")
    6
    """
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def read_prompt(path: Path, columns: Sequence[str]) -> Prompt:
    """Return the prompt in a file, checked so that every record of these columns can be asked about.

    Parameters
    ----------
    path : Path
        A Markdown file named after the prompt.
    columns : sequence of str
        The columns an agent is shown, then the prepared fields (`Pilot.prompt_fields`).

    Raises
    ------
    InputError
        The file is missing or malformed, a section is unknown, repeated, out of order or empty, or a placeholder
        names no column.
    """
    if not path.is_file():
        names = sorted(other.stem for other in path.parent.glob("*.md"))
        expected = ", ".join(names) or "no prompt is there yet"
        raise InputError(f"there is no prompt {path.stem!r}", where=str(path), expected=expected)
    prompt = prompt_in(read_text(path), path, columns)
    if prompt.name != path.stem:
        raise InputError(
            "a prompt is named otherwise than its file", where=str(path), got=prompt.name, expected=path.stem
        )
    return prompt


def prompt_in(text: str, path: Path, columns: Sequence[str]) -> Prompt:
    """Return the prompt that a document's text is; `path` names it in messages. Raises InputError as `read_prompt`."""
    lines = text.split("\n")
    end = _front_matter_end(lines, path)
    # an empty line stands for the first "---", so that YAML counts lines as the file does
    head = settings_from(parse_yaml("\n".join(["", *lines[1:end]]), str(path)), FrontMatter, str(path))
    _check_schema(head.response_schema, str(path))
    sections = read_sections(lines, end + 1, path)
    for section in sections:
        _check_section(section, path, columns)
    sampling = SamplingParams(**head.sampling.model_dump())
    return Prompt(
        head.name, path, head.parent, head.change_note, sampling, head.response_schema, sections, head.proposed_by
    )


def messages(prompt: Prompt, record: Record, labels: Sequence[str]) -> tuple[Message, ...]:
    """Return the system message, the same for every record, and the user message that shows the record.

    Record values are data: template syntax in them is shown as it is. An empty cell reads `(empty)`.

    Raises
    ------
    InputError
        A value does not fit what the template does with it, such as arithmetic on an empty cell.
    """
    labels = tuple(labels)
    user = Message("user", fill(prompt.record_source, f"{prompt.path}, record {record.id}", labels, record.fields))
    return (_system(prompt.system_source, str(prompt.path), labels), user) if prompt.system_source else (user,)


@lru_cache(maxsize=64)
def _system(source: str, where: str, labels: tuple[str, ...]) -> Message:
    """Return the system message, rendered once per prompt and labels."""
    return Message("system", fill(source, where, labels))


def response_schema(prompt: Prompt, labels: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema a reply must follow: the prompt's own, else action, reason and confidence.

    The action comes first, so that its tokens, whose probability is the confidence, follow the record directly. A
    schema of the prompt that leaves the action open is closed to the labels.

    Raises
    ------
    InputError
        The prompt's schema allows an action that is no label.
    """
    if prompt.schema is None:
        properties = {
            "action": {"type": "string", "enum": list(labels)},
            "reason": {"type": "string"},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        }
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    schema = copy.deepcopy(dict(prompt.schema))
    allowed = schema["properties"]["action"].setdefault("enum", list(labels))
    unknown = [action for action in allowed if action not in labels]
    if unknown:
        raise InputError(
            "the response schema allows actions that are no labels",
            where=str(prompt.path),
            got=shown(unknown),
            expected=shown(labels),
        )
    return schema


def _front_matter_end(lines: Sequence[str], path: Path) -> int:
    """Return the index of the line that closes the front matter."""
    closing = (index for index, line in enumerate(lines[1:], start=1) if line.rstrip() == "---")
    end = next(closing, None)
    if lines[0].rstrip() != "---" or end is None:
        raise InputError(
            "a prompt document has no front matter",
            where=f"{path}, line 1",
            got=repr(lines[0][:60]),
            expected="a line ---, YAML with name and change_note, and a line ---",
        )
    return end


def _check_schema(schema: Mapping[str, Any] | None, where: str) -> None:
    """Refuse a response schema whose replies could not be decisions."""
    if schema is None:
        return
    properties = schema.get("properties")
    action = properties.get("action") if isinstance(properties, dict) else None
    required = schema.get("required")
    listed = isinstance(required, list) and "action" in required
    if schema.get("type") != "object" or not isinstance(action, dict) or not listed:
        raise InputError(
            "the response schema does not ask for an action",
            where=where,
            expected="type: object, a property `action`, and `action` among `required`",
        )
    if not isinstance(action.get("enum", []), list):
        raise InputError("the enum of `action` is no list", where=where, got=repr(action["enum"])[:200])
    try:
        json.dumps(schema)
    except TypeError as error:
        raise InputError("the response schema holds a value that is no JSON", where=where, got=str(error)) from None


def _check_section(section: PromptSection, path: Path, columns: Sequence[str]) -> None:
    """Refuse a section whose template is wrong, and a Record section that shows nothing of the record."""
    is_record = section.title == RECORD_SECTION
    used = check_template(section.text, Place(path, section.line), columns, is_record=is_record)
    if is_record and RECORD not in used:
        raise InputError(
            "the Record section shows nothing of the record",
            where=f"{path}, line {section.line}",
            expected="at least one placeholder",
            remedy=f"add one, such as {{{{ {placeholder_name(columns[0])} }}}}" if columns else None,
        )
