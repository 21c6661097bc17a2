"""The sections of a prompt document: `## ` headings, each known, in a fixed order."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.words import InputError, shown

SYSTEM_SECTIONS = (
    "Role",
    "Business rules",
    "Decision criteria",
    "Escalation triggers",
    "Compliance constraints",
    "Output format",
    "Examples",
)
RECORD_SECTION = "Record"
SECTIONS = (*SYSTEM_SECTIONS, RECORD_SECTION)
_HEADING = re.compile(r"##(?!#)\s*(.*?)\s*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")


@dataclass(frozen=True, slots=True)
class PromptSection:
    """One `## title` with its text; `line` is where the text begins in the file."""

    title: str
    text: str
    line: int


def read_sections(lines: Sequence[str], start: int, path: Path) -> tuple[PromptSection, ...]:
    """Return the sections of a document in order.

    Parameters
    ----------
    lines : sequence of str
        All lines of the file.
    start : int
        Index of the first line below the front matter.
    path : Path
        The file, for messages.

    Raises
    ------
    InputError
        A section is unknown, repeated, displaced or empty, text stands before the first one, a code fence is open at
        the end, or there is no Record section.
    """
    sections = tuple(_sections(lines, start, path))
    for section in sections:
        _check_title(section, path)
    _check_order([section.title for section in sections], path)
    return sections


def _sections(lines: Sequence[str], start: int, path: Path) -> Iterator[PromptSection]:
    """Yield the sections below the front matter; headings inside code fences are text."""
    title, text, fence, fence_line = "", [], "", 0
    first = start
    for index in range(start, len(lines)):
        mark = _FENCE.match(lines[index])
        if mark and not fence:
            fence, fence_line = mark[1], index
        elif mark and mark[1].startswith(fence) and not mark[2].strip():
            fence = ""
        heading = None if fence else _HEADING.match(lines[index])
        if heading is None:
            text.append(lines[index])
            continue
        yield from _section(title, text, first, path)
        title, text, first = heading[1], [], index + 1
    if fence:
        raise InputError("a code fence is not closed", where=f"{path}, line {fence_line + 1}")
    yield from _section(title, text, first, path)


def _section(title: str, lines: Sequence[str], first: int, path: Path) -> Iterator[PromptSection]:
    """Yield one section without the empty lines around its text; nothing for an empty part before the first heading."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    if title and filled:
        text = "\n".join(lines[filled[0] : filled[-1] + 1]).rstrip()
        yield PromptSection(title, text, first + filled[0] + 1)
    elif title or filled:
        problem = f"the section {title!r} is empty" if title else "text stands before the first section"
        line = first if title else first + filled[0] + 1
        raise InputError(problem, where=f"{path}, line {line}", expected="`## ` headings, each with its text below")


def _check_title(section: PromptSection, path: Path) -> None:
    """Refuse a heading that is no section's."""
    if section.title in SECTIONS:
        return
    spelled = {name.casefold(): name for name in SECTIONS}
    near = difflib.get_close_matches(section.title.casefold(), spelled, n=1)
    raise InputError(
        f"unknown section {section.title!r}",
        where=f"{path}, line {section.line - 1}",
        expected=", ".join(SECTIONS),
        remedy=f"did you mean {spelled[near[0]]!r}?" if near else "use ### for headings inside a section",
    )


def _check_order(titles: Sequence[str], path: Path) -> None:
    """Refuse repeated and displaced sections, and a document without a Record section."""
    repeated = sorted({title for title in titles if titles.count(title) > 1})
    if repeated:
        raise InputError("a section is given twice", where=str(path), got=shown(repeated))
    if RECORD_SECTION not in titles:
        remedy = "add ## Record with a placeholder, as the last section"
        raise InputError("the section 'Record' is missing", where=str(path), remedy=remedy)
    ordered = ", ".join(title for title in SECTIONS if title in titles)
    if ", ".join(titles) != ordered:
        raise InputError("the sections are out of order", where=str(path), got=", ".join(titles), expected=ordered)
