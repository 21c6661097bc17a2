"""An architecture document read: its parts by their headings, the topics of each, what it names as evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.compliance.documents.parts import PARTS, DocumentPart

HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
TOPIC = re.compile(r"^\s*(?:[-*+]|\d+[.)])?\s*(?:\*\*|__)(.+?)(?:\*\*|__)\s*(.*)$")
EVIDENCE = re.compile(r"^\s*(?:[-*+]\s+)?[*_]*Evidence[*_]*:[*_]*\s*(.*)$", re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
FENCE = re.compile(r"^\s*(```|~~~)")
REMARK = re.compile(r"\([^()]*\)")
_NUMBERING = re.compile(r"^(?:part\s+)?\d+(?:\.\d+)*[.):]?\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Passage:
    """Text of a document and the line where it begins."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class ReadPart:
    """One of the eight parts as a document has it.

    Parameters
    ----------
    line : int
        Of its heading.
    text : str
        Everything below the heading, evidence lines aside.
    topics : mapping of str to Passage
        By the label in lower case: what stands behind it, up to the next topic.
    evidence : tuple of Passage, optional
        Each named maker or file; None without a line that begins with `Evidence:`.
    """

    part: DocumentPart
    line: int
    text: str
    topics: dict[str, Passage]
    evidence: tuple[Passage, ...] | None


def read_parts(text: str) -> dict[str, ReadPart]:
    """Return the parts that a document has, by their headings as `PARTS` has them; the first of each counts."""
    lines = _lines(text)
    found: dict[str, ReadPart] = {}
    headings = [(number, *heading) for number, line in lines if (heading := _heading(line)) is not None]
    for place, (number, level, title) in enumerate(headings):
        part = part_called(title)
        if part is None or part.heading in found:
            continue
        others = headings[place + 1 :]
        ends = (
            other
            for other, other_level, other_title in others
            if other_level <= level or part_called(other_title) is not None
        )
        end = next(ends, len(lines) + 1)
        found[part.heading] = _read(part, number, lines[number : end - 1])
    return found


def part_called(title: str) -> DocumentPart | None:
    """Return the part that a heading is of, None for a heading of another thing.

    Examples
    --------
    >>> part_called("4. Human-in-the-loop").heading
    'Human in the loop'
    >>> part_called("Data flow") is None
    True
    """
    said = _NUMBERING.sub("", " ".join(title.replace("-", " ").replace("*", "").split())).casefold()
    names = {part.heading.casefold(): part for part in PARTS}
    aliases = {"components": "agent components", "integrations": "integration", "data layer": "data"}
    for ending in ("", " architecture", " layer"):
        name = said.removesuffix(ending)
        name = aliases.get(name, name)
        if name in names:
            return names[name]
    return None


def without_comments(text: str) -> str:
    """Return a document with its comments blanked out, line for line."""
    return COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def _lines(text: str) -> list[tuple[int, str]]:
    """Return the lines with their numbers from 1; headings inside a fenced block are none."""
    lines, is_fenced = [], False
    for number, line in enumerate(without_comments(text).splitlines(), start=1):
        is_fence = FENCE.match(line) is not None
        lines.append((number, f"    {line}" if is_fenced or is_fence else line))
        is_fenced ^= is_fence
    return lines


def _heading(line: str) -> tuple[int, str] | None:
    found = HEADING.match(line)
    return None if found is None else (len(found[1]), found[2])


def _read(part: DocumentPart, line: int, below: list[tuple[int, str]]) -> ReadPart:
    topics: dict[str, list[Passage]] = {}
    evidence: list[Passage] = []
    text: list[Passage] = []
    labels = {label_key(topic.label) for topic in part.topics}
    current: list[Passage] = []
    is_evidence = False
    for number, said in below:
        named, (label, rest) = EVIDENCE.match(said), _labelled(said)
        is_evidence = named is not None or (is_evidence and bool(said.strip()) and not label)
        if is_evidence:
            evidence.append(Passage(said if named is None else named[1], number))
            continue
        text.append(Passage(said, number))
        if label in labels:
            current = topics.setdefault(label, [])
        current.append(Passage(rest if label in labels else said, number))
    return ReadPart(
        part,
        line,
        " ".join(one.text for one in text),
        {label: Passage("\n".join(one.text for one in said), said[0].line) for label, said in topics.items()},
        tuple(one for said in evidence for one in _named(said)) if evidence else None,
    )


def _labelled(line: str) -> tuple[str, str]:
    """Return the label that a line begins with, as `label_key` gives it, and the rest of it; empty without one."""
    heading, topic = _heading(line), TOPIC.match(line)
    if heading is not None:
        return label_key(heading[1]), ""
    return ("", line) if topic is None else (label_key(topic[1]), topic[2].lstrip(": "))


def label_key(label: str) -> str:
    """Return a topic's label as it is compared: case, marks and the American spelling aside.

    Examples
    --------
    >>> label_key("Authorization:") == label_key("authorisation")
    True
    """
    said = re.sub(r"[\s/-]+", " ", label.strip(" :.*_").casefold())
    return said.replace("iz", "is")


def _named(said: Passage) -> Iterator[Passage]:
    """Yield what an evidence line names; remarks in brackets and marks of Markdown aside."""
    for item in re.split(r"[,;]|\band\b", REMARK.sub("", said.text)):
        name = re.sub(r"^(?:maker|exhibit|file)\s+", "", item.strip(" `*_\t")).strip("`").rstrip(".")
        if name:
            yield Passage(name, said.line)
