"""What an architecture document lacks, says too vaguely, or says otherwise than the pilot is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from workbench.compliance.documents.gap import ArchitectureGap
from workbench.compliance.documents.limits import OtherNumber, unset_limits
from workbench.compliance.documents.parts import PARTS, DocumentPart
from workbench.compliance.documents.products import Mention, unknown_names
from workbench.compliance.documents.reading import Passage, ReadPart, label_key, read_parts, without_comments
from workbench.compliance.documents.used import Used, used_by
from workbench.evidence import Agreed, maker_names
from workbench.files import read_text
from workbench.pilot.integrations import INTEGRATIONS_FILE
from workbench.words import did_you_mean, number, readable, shown

ARCHITECTURE_FILE = "architecture.md"
FEWEST_WORDS_OF_A_PART = 30
FEWEST_WORDS_OF_A_TOPIC = 5
LEFT = re.compile(
    r"\b(?:to be (?:filled in|defined|done|decided)|TODO|TBD|TBA|TBC|FIXME|XXX|lorem ipsum)\b|\?\?+", re.IGNORECASE
)
VAGUE = re.compile(
    r"\b(?:as (?:needed|usual|required|appropriate)|(?:if|where) (?:needed|necessary|required|appropriate)"
    r"|best practices?|industry[- ]standards?|state[- ]of[- ]the[- ]art|and so on|etc)\b",
    re.IGNORECASE,
)


def architecture_gaps(pilot: Agreed) -> tuple[ArchitectureGap, ...]:
    """Return everything that a pilot's architecture.md lacks, says too vaguely or says otherwise than the pilot is.

    What the pilot uses is what its own files say: the YAML files and the code beside the document, the contract, and
    thresholds in its exhibits. Only names of models, engines, stores and systems are compared, and numbers whose clause
    says what they limit; whether anything else in the document is true nobody can tell from here.

    Parameters
    ----------
    pilot : Agreed
        Its folder has the document; a bundle has not all of its files, so that gaps are asked for where they are made.

    Returns
    -------
    tuple of ArchitectureGap
        Empty where the document is complete. By part in the document's order, then what contradicts the pilot in the
        order of its lines.

    Raises
    ------
    InputError
        The document is no UTF-8 text.
    """
    path = pilot.suite / ARCHITECTURE_FILE
    if not path.is_file():
        headings = shown([part.heading for part in PARTS])
        remedy = f"write {ARCHITECTURE_FILE} in the pilot's folder; `workbench init` writes a skeleton of it"
        return (ArchitectureGap(ARCHITECTURE_FILE, None, "no such file", f"a document with {headings}", remedy),)
    text = read_text(path)
    parts, used, makers = read_parts(text), used_by(pilot), maker_names()
    found: list[ArchitectureGap] = []
    for part in PARTS:
        read = parts.get(part.heading)
        found += [_missing(part)] if read is None else _of_part(read, pilot.suite, makers)
    found += _systems_left_out(text, parts, used)
    found += sorted(_contradictions(text, parts, used), key=lambda gap: gap.line or 0)
    return tuple(found)


def _missing(part: DocumentPart) -> ArchitectureGap:
    topics = ", ".join(topic.label.lower() if topic.label != "CI/CD" else topic.label for topic in part.topics)
    return ArchitectureGap(
        part.heading, None, "no such part", f"a heading {part.heading!r}", f"write it, with its topics: {topics}"
    )


def _of_part(read: ReadPart, suite: Path, makers: Sequence[str]) -> Iterator[ArchitectureGap]:
    """Yield what is missing or vague in a part that is there."""
    n_words = len(read.text.split())
    heading = read.part.heading
    if not n_words:
        yield ArchitectureGap(heading, read.line, "nothing below the heading", "its topics", "say what is true of each")
        return
    if n_words < FEWEST_WORDS_OF_A_PART:
        expected = f"at least {FEWEST_WORDS_OF_A_PART}"
        yield ArchitectureGap(heading, read.line, f"only {n_words} words", expected, "say what is true of each topic")
    for topic in read.part.topics:
        passage = read.topics.get(label_key(topic.label))
        if passage is None:
            got, expected = f"nothing on {topic.label!r}", f"a line that begins with **{topic.label}**"
            yield ArchitectureGap(
                heading, read.line, got, expected, f"say {topic.prompt}; or that there is none, and why"
            )
        else:
            yield from _vague(heading, topic.label, topic.prompt, passage)
    yield from _of_evidence(read, suite, makers)


def _vague(heading: str, label: str, prompt: str, passage: Passage) -> Iterator[ArchitectureGap]:
    """Yield the first thing that makes a topic say nothing to hold anybody to."""
    left, vague = LEFT.search(passage.text), VAGUE.search(passage.text)
    n_words = len(passage.text.split())
    if left is not None or prompt in " ".join(passage.text.split()):
        got = repr(left[0]) if left is not None else "the skeleton's own words"
        yield ArchitectureGap(
            heading, passage.line, f"{label}: {got} is left", prompt, "write what is true of this pilot"
        )
    elif vague is not None:
        said = " ".join(vague[0].split())
        yield ArchitectureGap(
            heading, passage.line, f"{label}: too vague: {said!r}", prompt, "say what, when and by whom"
        )
    elif n_words < FEWEST_WORDS_OF_A_TOPIC:
        got = f"{label}: only {n_words} words"
        yield ArchitectureGap(heading, passage.line, got, f"at least {FEWEST_WORDS_OF_A_TOPIC}", f"say {prompt}")


def _of_evidence(read: ReadPart, suite: Path, makers: Sequence[str]) -> Iterator[ArchitectureGap]:
    """Yield a gap where a part is tied to no evidence, and one for each maker or file that is not there."""
    such_as = f"a maker ({', '.join(makers)}) or a file of the pilot"
    if not read.evidence:
        got = "no line that begins with `Evidence:`" if read.evidence is None else "an evidence line that names nothing"
        remedy = f"name what shows it, such as `Evidence: {', '.join(read.part.evidence)}`"
        yield ArchitectureGap(read.part.heading, read.line, got, such_as, remedy)
    for named in read.evidence or ():
        if named.text not in makers and not _is_there(named.text, suite):
            remedy = did_you_mean(named.text, (*makers, *_files_of(suite)), "name what is there, or make it") or ""
            got = f"evidence {readable(named.text, 80)!r}, which is no maker and no file"
            yield ArchitectureGap(read.part.heading, named.line, got, such_as, remedy)


def _is_there(name: str, suite: Path) -> bool:
    """Return whether a file is in the pilot's folder, with its data, or under its root; never one outside of these."""
    root = suite.parent.parent
    places = (suite / name, root / "datasets" / suite.name / name, root / name)
    try:
        return any(one.exists() and one.resolve().is_relative_to(root.resolve()) for one in places)
    except OSError:  # no name that a file could have, such as a whole paragraph
        return False


def _files_of(suite: Path) -> tuple[str, ...]:
    return tuple(path.name for path in sorted(suite.iterdir()) if path.is_file())


def _systems_left_out(text: str, parts: Mapping[str, ReadPart], used: Used) -> Iterator[ArchitectureGap]:
    """Yield each system of integrations.yaml that the document does not name."""
    heading = "Integration"
    if heading not in parts or not parts[heading].text.strip():
        return
    said = Used({}, (text,))
    for system in used.systems:
        if not said.names(system):
            got, expected = f"no word of {system}", f"every system of {INTEGRATIONS_FILE}"
            remedy = f"say under Connectors how {system} is reached, or take it out of {INTEGRATIONS_FILE}"
            yield ArchitectureGap(heading, parts[heading].line, got, expected, remedy)


def _contradictions(text: str, parts: Mapping[str, ReadPart], used: Used) -> Iterator[ArchitectureGap]:
    """Yield the names and limits that the pilot's files do not have."""
    plain = without_comments(text)
    for one in unknown_names(plain, used):
        yield _of_name(one, *_place(plain, one.start, parts), used)
    for other in unset_limits(plain, used):
        yield _of_number(other, *_place(plain, other.start, parts))


def _of_name(one: Mention, part: str, line: int, used: Used) -> ArchitectureGap:
    article = "an" if one.kind[0] in "aeiou" else "a"
    if one.kind in ("model", "engine"):
        expected = f"what pilot.yaml names: {shown(used.models) or 'none'}"
    elif one.kind == "name":
        expected = "a name that stands in the pilot's files"
    else:
        expected = f"what the pilot uses: {shown(used.systems) or 'no system is declared'}"
    otherwise = "correct it, or declare it where the pilot's files say what is used"
    remedy = did_you_mean(one.name, (*used.systems, *used.agents), otherwise) or otherwise
    return ArchitectureGap(
        part, line, f"{article} {one.kind} that the pilot does not use: {one.name!r}", expected, remedy
    )


def _of_number(other: OtherNumber, part: str, line: int) -> ArchitectureGap:
    known = sorted(other.known.items())[:5]
    expected = "; ".join(f"{number(value)} ({where})" for value, where in known) or "no such limit is set"
    remedy = "correct it, or set it so and have the files signed again" if known else "take it out, or set the limit"
    return ArchitectureGap(part, line, f"{other.kind.title}: {other.written!r}", expected, remedy)


def _place(text: str, start: int, parts: Mapping[str, ReadPart]) -> tuple[str, int]:
    """Return the part and the line of a place in the text."""
    line = text.count("\n", 0, start) + 1
    before = [read for read in parts.values() if read.line <= line]
    return max(before, key=lambda read: read.line).part.heading if before else ARCHITECTURE_FILE, line
