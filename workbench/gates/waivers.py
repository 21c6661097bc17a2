"""Waivers: a criterion that does not pass is let through by a named person, for a reason, until a day, signed.

A waiver is a file under waivers/ in the pilot's folder, signed off there like every document. Only a role that signs
the charter may waive, and it counts from the next decision on until its last day. Whatever is wrong with one makes it
void, and the decision says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from workbench.evidence import Agreed
from workbench.files import Settings, read_settings, write_atomically
from workbench.gates.criteria import Criterion
from workbench.gates.schema import ID
from workbench.pilot.signing import Signer, SigningKey, document_signatures, sign_document
from workbench.words import InputError, RunError

WAIVERS_FOLDER = "waivers"
MAX_DAYS = 365


class WaiverSettings(Settings):
    """The content of a waiver's file."""

    pilot: str
    gate: int = Field(ge=1, le=3)
    criterion: str = Field(pattern=ID)
    why: str = Field(min_length=10)
    until: date
    name: str = Field(min_length=1)
    role: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver, and whether it counts; when it does not, `fault` says why."""

    criterion: str
    name: str
    role: str
    why: str
    until: str
    file: str
    fault: str | None

    @property
    def is_valid(self) -> bool:
        """Whether the waiver counts."""
        return self.fault is None

    def as_json(self) -> dict[str, Any]:
        """Return the waiver as JSON values."""
        return {
            "criterion": self.criterion,
            "name": self.name,
            "role": self.role,
            "why": self.why,
            "until": self.until,
            "file": self.file,
            "is_valid": self.is_valid,
            "fault": self.fault,
        }


def waiver_file(number: int, criterion: str) -> str:
    """Return where the waiver of a gate's criterion is, inside the pilot's folder."""
    return f"{WAIVERS_FOLDER}/gate-{number}.{criterion}.yaml"


def checked_waivers(pilot: Agreed, number: int, criteria: Sequence[Criterion], today: date) -> tuple[Waiver, ...]:
    """Return every waiver of a gate, each with what is wrong with it.

    Raises
    ------
    InputError
        A waiver's file is no waiver.
    """
    by_id = {criterion.id: criterion for criterion in criteria}
    paths = sorted((pilot.suite / WAIVERS_FOLDER).glob(f"gate-{number}.*.yaml"))
    waivers = []
    for path in paths:
        said = read_settings(path, WaiverSettings)
        file = path.relative_to(pilot.suite).as_posix()
        fault = _fault(pilot, (number, file), said, by_id.get(said.criterion), today)
        waivers.append(Waiver(said.criterion, said.name, said.role, said.why, said.until.isoformat(), file, fault))
    return tuple(waivers)


def waive(pilot: Agreed, said: WaiverSettings, criterion: Criterion, key: SigningKey, today: date) -> Path:
    """Write and sign a waiver, and return its file; an older one of the same criterion is replaced.

    Raises
    ------
    InputError
        The criterion accepts none, the day has passed or lies more than a year ahead, or the role does not sign the
        charter or signed with another key.
    RunError
        The waiver cannot be written.
    """
    file = waiver_file(said.gate, said.criterion)
    fault = _content_fault(pilot, (said.gate, file), said, criterion, today)
    if fault is not None:
        raise InputError(f"this waiver would be void: {fault}", where=f"gate {said.gate}, criterion {said.criterion}")
    if (said.until - today).days > MAX_DAYS:
        raise InputError(f"a waiver lasts at most {MAX_DAYS} days", got=said.until.isoformat())
    path = pilot.suite / file
    content = yaml.safe_dump(said.model_dump(), allow_unicode=True, sort_keys=False, width=110)
    earlier = path.read_bytes() if path.is_file() else None
    try:
        write_atomically(path, content)
    except OSError as error:
        raise RunError("the waiver cannot be written", where=str(path), got=error.strerror) from None
    try:
        return sign_document(pilot.suite, file, Signer(said.name, said.role), key)
    except (InputError, RunError):
        path.unlink() if earlier is None else write_atomically(path, earlier)
        raise


def _fault(
    pilot: Agreed, place: tuple[int, str], said: WaiverSettings, criterion: Criterion | None, today: date
) -> str | None:
    """Return why a waiver is void, None when it counts."""
    fault = _content_fault(pilot, place, said, criterion, today)
    if fault is not None:
        return fault
    status = document_signatures(pilot.suite, place[1], [said.role], pilot.name)
    if status.invalid:
        return status.invalid[said.role]
    if not status.is_complete:
        return "it is not signed"
    signer = status.valid[0].name
    return None if signer == said.name else f"it names {said.name}, but {signer} signed it"


def _content_fault(
    pilot: Agreed, place: tuple[int, str], said: WaiverSettings, criterion: Criterion | None, today: date
) -> str | None:
    """Return what is wrong with what a waiver says, its signature aside."""
    number, file = place
    if criterion is None:
        return f"gate {number} has no criterion {said.criterion}"
    if criterion.no_waiver:
        return "this criterion accepts no waiver"
    if criterion.is_placeholder:
        return "its target is a placeholder: whoever waives it would agree to a target that nobody set"
    if said.pilot != pilot.name or said.gate != number or file != waiver_file(number, said.criterion):
        return f"it is for gate {said.gate} of {said.pilot}, criterion {said.criterion}, and lies in {file}"
    if said.until < today:
        return f"it expired on {said.until.isoformat()}"
    people = {one.role: one.name for one in pilot.charter.stakeholders if one.signs}
    if said.role not in people:
        return f"the role {said.role} does not sign the charter, so it cannot waive"
    return None if people[said.role] == said.name else f"the charter names {people[said.role]} as {said.role}"
