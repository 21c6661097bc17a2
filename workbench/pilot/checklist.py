"""The compliance checklist held against the catalogue: what applies on a day, and where each was settled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from workbench.files import parse_yaml, read_text
from workbench.pilot.compliance import ComplianceSettings, RequirementAnswer, read_compliance
from workbench.pilot.regulations import ComplianceProfile, DatedRequirement, requirements_as_of
from workbench.words import InputError

HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ChecklistLine:
    """A requirement beside what the checklist says of it.

    Parameters
    ----------
    faults : tuple of str
        What keeps it from being settled; always empty where it does not apply.
    """

    dated: DatedRequirement
    answer: RequirementAnswer | None = None
    faults: tuple[str, ...] = ()


def checklist_of(suite: Path, settings: ComplianceSettings | None, day: date) -> tuple[ChecklistLine, ...]:
    """Return every requirement as it stood on a day, with what the checklist of a pilot's folder says of it."""
    profile = ComplianceProfile() if settings is None else settings.profile
    lines = []
    for dated in requirements_as_of(day, profile):
        answer = None if settings is None else settings.requirements.get(dated.requirement.id)
        faults = tuple(_faults(suite, dated, answer)) if dated.applies else ()
        lines.append(ChecklistLine(dated, answer, faults))
    return tuple(lines)


def compliance_documents(suite: Path) -> tuple[str, ...]:
    """Return the documents that the checklist of a pilot's folder names; none where it cannot be read."""
    try:
        settings = read_compliance(suite)
    except InputError:
        return ()
    answers = () if settings is None else settings.requirements.values()
    return tuple(dict.fromkeys(place.partition("#")[0] for one in answers for place in one.where))


def _faults(suite: Path, dated: DatedRequirement, answer: RequirementAnswer | None) -> Iterator[str]:
    if answer is None:
        yield "the checklist says nothing of it"
        return
    if answer.attested is not None and dated.requirement.computed is not None:
        yield "what is computed cannot be attested"
    if not answer.where and answer.not_applicable is None:
        yield "mapped to no decision or document"
    for place in answer.where:
        fault = _fault_of_place(suite, place)
        if fault:
            yield fault


def _fault_of_place(suite: Path, place: str) -> str:
    """Return why a document or its section is not there, empty where it is."""
    name, _, section = place.partition("#")
    path = suite / name
    if not path.is_file():
        return f"there is no {name}"
    try:
        text = read_text(path)
        is_yaml = path.suffix in (".yaml", ".yml")
        parts = [str(key) for key in parse_yaml(text, name)] if is_yaml else HEADING.findall(text)
    except InputError:
        return f"{name} cannot be read"
    if section and not any(_slug(section) in _slug(part) for part in parts):
        return f"{name} has no section {section!r}"
    return ""


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")
