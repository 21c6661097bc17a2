"""Lists of strings that somebody collected, made a file of patterns: each with a goal and a harmless control."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workbench.attacks.harmless import control_for
from workbench.attacks.library import check_new_patterns
from workbench.attacks.pattern import AttackClass, Goal
from workbench.files import read_text, write_atomically
from workbench.pilot import ATTACKS_FOLDER, Channel, Pilot, Severity
from workbench.words import MAX_SHOWN, InputError

LONGEST = 20_000
NOT_TEXT = re.compile("[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f\ud800-\udfff]")  # escape and bell are what terminals obey: kept


@dataclass(frozen=True, slots=True)
class ImportedAs:
    """What a list of strings is taken for.

    Parameters
    ----------
    goal : Goal
        What whoever wrote them wants.
    attack_class, channel, severity
        As for any family; one for the whole list.
    language : str
        ISO 639-1; its harmless texts become the controls.
    """

    goal: Goal
    attack_class: AttackClass = AttackClass.INSTRUCTION
    channel: Channel = Channel.FREE_TEXT
    language: str = "en"
    severity: Severity = Severity.HIGH


def import_patterns(pilot: Pilot, file: Path, what: ImportedAs) -> Path:
    """Write a list of strings as a file of patterns into a pilot's folder `attacks`, and return its path.

    The list is plain text with one string a line, JSON lines (strings, or objects with `text`) or a JSON list of the
    same. The file and its one family are named after the list. The same list gives the same file.

    Raises
    ------
    InputError
        The list cannot be read; a string is empty, too long, there twice or not text; there is a file or a family of
        that name; no harmless text is of its script. Nothing is written then.
    """
    texts = _read(file)
    _check(texts, file)
    family = re.sub(r"[^a-z0-9]+", "_", file.stem.casefold()).strip("_")
    family = family[:60] if re.match("[a-z]..", family) else f"list_{family}"[:60]
    path = pilot.suite / ATTACKS_FOLDER / f"{family}.yaml"
    if path.exists():
        remedy = "remove it, or give the list another name"
        raise InputError("there is a file of that name", where=str(path), remedy=remedy)
    content = _file_of(family, texts, what)
    check_new_patterns(pilot, path, content)
    write_atomically(path, content)
    return path


def _read(file: Path) -> list[str]:
    """Return the strings of a list, as its ending says that it is written."""
    content = read_text(file)
    if file.suffix in (".jsonl", ".ndjson"):
        lines = content.splitlines() if content.isascii() else re.split(r"\r?\n", content.rstrip("\r\n"))
        return [_text_of(_parsed(line, file, number), file, number) for number, line in enumerate(lines, start=1)]
    if file.suffix == ".json":
        entries = _parsed(content, file, None)
        if not isinstance(entries, list):
            raise InputError(
                "the file holds no list", where=str(file), got=type(entries).__name__, expected="a JSON list"
            )
        return [_text_of(entry, file, number) for number, entry in enumerate(entries, start=1)]
    return re.split(r"\r?\n", content.removesuffix("\n").removesuffix("\r")) if content else []


def _parsed(content: str, file: Path, number: int | None) -> Any:
    try:
        return json.loads(content)
    except (json.JSONDecodeError, RecursionError) as error:
        line = number if number is not None else getattr(error, "lineno", 1)
        raise InputError("the list is not valid JSON", where=f"{file}, line {line}", got=content[:60]) from None


def _text_of(entry: Any, file: Path, number: int) -> str:
    """Return the string of an entry: itself, or what stands under `text`."""
    text = entry.get("text") if isinstance(entry, dict) else entry
    if not isinstance(text, str):
        expected = "a string, or an object with a string under 'text'"
        raise InputError(
            "an entry holds no text", where=f"{file}, no. {number}", got=repr(entry)[:80], expected=expected
        )
    return text


def _check(texts: Sequence[str], file: Path) -> None:
    """Raise one InputError that names the strings which cannot be taken, and why."""
    first: dict[str, int] = {}
    faults: list[str] = []
    for number, text in enumerate(texts, start=1):
        earlier = first.setdefault(text, number)
        if not text.strip():
            faults.append(f"no. {number} is empty")
        elif len(text) > LONGEST:
            faults.append(f"no. {number} has {len(text):,} characters, more than {LONGEST:,}")
        elif NOT_TEXT.search(text):
            faults.append(f"no. {number} is not text: it has signs that only binary data has")
        elif earlier != number:
            faults.append(f"no. {number} is no. {earlier} again")
    if not texts:
        raise InputError("the list is empty", where=str(file), expected="one string a line, JSON lines or a JSON list")
    if faults:
        more = f"; and {len(faults) - MAX_SHOWN} more" if len(faults) > MAX_SHOWN else ""
        raise InputError(
            f"{len(faults):,} of {len(texts):,} strings cannot be taken",
            where=str(file),
            got="; ".join(faults[:MAX_SHOWN]) + more,
            remedy="take them out, and import the list again",
        )


def _file_of(family: str, texts: Sequence[str], what: ImportedAs) -> str:
    """Return the file of patterns for some texts, each with a control that its place in the list draws."""
    lines = [
        "families:",
        f"  {family}:",
        f"    class: {what.attack_class}",
        f"    severity: {what.severity}",
        f"    channels: [{what.channel}]",
        f"    goal: {what.goal}",
        "    texts:",
        f"      {what.language}:",
    ]
    for number, text in enumerate(texts, start=1):
        control = control_for(text, what.language, what.channel, random.Random(f"{family} {number}"))
        lines += [f"        - text: {_quoted(text)}", f"          control: {_quoted(control)}"]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    """Return a text as one line of YAML; signs that hide are written out."""
    plain = text.isprintable()
    dumped: str = yaml.safe_dump(text, default_style='"', allow_unicode=plain, width=10**9)
    return dumped.removesuffix("\n")
