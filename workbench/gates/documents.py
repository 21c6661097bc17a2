"""Documents that a gate needs: there, complete, and signed off in their present form."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.evidence import Answer, Facts, Missing
from workbench.files import parse_yaml, read_text
from workbench.gates.schema import DocumentSettings
from workbench.metrics import State
from workbench.pilot.signing import document_signatures
from workbench.words import InputError, shown

PLACEHOLDER = re.compile(r"\b(?:TODO|TBD|FIXME|XXX)\b|\bto be (?:filled in|defined|done|decided)\b", re.IGNORECASE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
MIN_WORDS = 40


def document_answer(facts: Facts, document: DocumentSettings) -> Answer:
    """Return whether a document is there, complete and signed off; an edit after the signature takes it back."""
    path = facts.pilot.suite / document.file
    if not path.is_file():
        change = f"write {_shown_path(facts, document)} and have it signed off"
        return Answer(State.FAIL, "the document is missing", change, Missing(signatures=_needed(document)))
    faults = incompleteness(path, document)
    if faults:
        reason = f"the document is not complete: {'; '.join(faults)}"
        change = f"complete {_shown_path(facts, document)} and have it signed off"
        return Answer(State.FAIL, reason, change, Missing(signatures=_needed(document)), tuple(faults))
    status = document_signatures(
        facts.pilot.suite, document.file, document.signed_by or facts.pilot.charter.signing_roles, facts.pilot.name
    )
    signed = [f"{one.role} ({one.name}, {one.signed_at[:10]})" for one in status.valid]
    notes = tuple(f"{role}: {why}" for role, why in status.invalid.items())
    if status.is_complete or (signed and not document.signed_by):
        return Answer(State.PASS, f"complete; signed off by {', '.join(signed)}", details=notes)
    absent = [role for role in status.required if role in status.invalid or role in status.missing]
    by = ", ".join(absent) if document.signed_by else "anyone who signs the charter"
    change = f'workbench sign {facts.pilot.name} {document.file} --name "NAME" --role "ROLE" --key FILE'
    needed = Missing(signatures=len(absent) if document.signed_by else 1)
    return Answer(State.UNPROVEN, f"complete, but not signed off by {by}", change, needed, notes)


def incompleteness(path: Path, document: DocumentSettings) -> list[str]:
    """Return what a document lacks: parts that it must have, words left to be filled in, any content at all.

    A YAML file has its parts as top-level keys with a value, any other file as headings.
    """
    try:
        text = read_text(path)
        parts = _yaml_parts(text, path) if path.suffix in (".yaml", ".yml") else _headings(text)
    except InputError as error:
        return [f"{error.problem}{f' ({error.got})' if error.got else ''}"]
    absent = [part for part in document.must_have if not any(_norm(part) in have for have in parts)]
    faults = [f"no part {shown(absent)}"] if absent else []
    left = sorted({match.group(0) for match in PLACEHOLDER.finditer(text)})
    faults += [f"left to be filled in: {shown(left)}"] if left else []
    n_words = len(text.split())
    return faults + ([f"only {n_words} words"] if n_words < MIN_WORDS else [])


def _yaml_parts(text: str, path: Path) -> list[str]:
    content = parse_yaml(text, str(path))
    return [_norm(str(key)) for key, value in content.items() if value not in (None, "", [], {})]


def _headings(text: str) -> list[str]:
    return [_norm(match.group(1)) for match in HEADING.finditer(text)]


def _norm(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().lower()


def _needed(document: DocumentSettings) -> int:
    return max(len(document.signed_by), 1)


def _shown_path(facts: Facts, document: DocumentSettings) -> str:
    return f"eval_suites/{facts.pilot.name}/{document.file}"
