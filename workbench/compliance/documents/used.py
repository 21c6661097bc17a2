"""What a pilot's own files say that it uses: names, and numbers with what they limit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.evidence import EXHIBITS, Agreed
from workbench.files import parse_yaml, read_text
from workbench.pilot import CONTRACT_FILE
from workbench.pilot.charter import PILOT_FILE
from workbench.pilot.integrations import INTEGRATIONS_FILE
from workbench.words import InputError

# Ends of a clause: what is denied or limited in one says nothing of the next.
CLAUSE = re.compile(r"[.;:!?](?=\s)|,(?=\s)|\n\s*\n|\n\s*[-*+]\s|[()]")
TOKEN = re.compile(r"[a-z]+|\d+[a-z]*")


@dataclass(frozen=True)
class Used:
    """The content of a pilot's YAML files, and its code, as far as they are there.

    Parameters
    ----------
    files : mapping of str to mapping
        Content of each YAML file beside the document, and of the contract, by its name.
    code : tuple of str
        Texts of the Python files beside it.
    evidence : mapping of str to mapping
        What the pilot's exhibits state, by their makers; only its numbers count.
    """

    files: Mapping[str, Mapping[str, Any]]
    code: tuple[str, ...]
    evidence: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """Every key and every text of the YAML files."""
        return tuple(text for content in self.files.values() for text in _strings(content))

    @cached_property
    def _said(self) -> str:
        """Words and numbers of all that, and of the code, a blank around each and a bar between two texts."""
        return f" {' | '.join(' '.join(tokens_of(text)) for text in (*self.strings, *self.code))} "

    def names(self, name: str) -> bool:
        """Return whether a name stands in the pilot's files, however it is joined and spelled with capitals."""
        return f" {' '.join(tokens_of(name))} " in self._said

    @cached_property
    def numbers(self) -> tuple[tuple[str, float], ...]:
        """Every number of the YAML files, behind its file and the keys that lead to it.

        An item of a list goes by its id, as in "charter.yaml, authority.new-vendor.at_most".
        """
        said = {**self.files, **self.evidence}
        return tuple((f"{name}, {path}", n) for name, file in said.items() for path, n in _numbers(file, ""))

    @property
    def systems(self) -> tuple[str, ...]:
        """Ids of the systems of integrations.yaml."""
        listed = self.files.get(INTEGRATIONS_FILE, {}).get("systems")
        found = listed if isinstance(listed, list) else []
        return tuple(str(one["id"]) for one in found if isinstance(one, Mapping) and "id" in one)

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the agents of pilot.yaml."""
        listed = self.files.get(PILOT_FILE, {}).get("agents")
        return tuple(map(str, listed)) if isinstance(listed, Mapping) else ()

    @property
    def models(self) -> tuple[str, ...]:
        """What pilot.yaml names of engines and models: the engine, models of its sections, models with a price."""
        said = self.files.get(PILOT_FILE, {})
        sections = (one for one in said.values() if isinstance(one, Mapping))
        named = (said.get("engine"), *(one.get("model") for one in sections), *(said.get("prices") or ()))
        return tuple(dict.fromkeys(str(one) for one in named if one))


def used_by(pilot: Agreed) -> Used:
    """Return what a pilot's files say; one that cannot be read is left out, as its own check names that."""
    data = pilot.suite.parent.parent / "datasets" / pilot.suite.name / CONTRACT_FILE
    paths = [*sorted(pilot.suite.glob("*.yaml")), *([data] if data.is_file() else [])]
    files = {path.name: content for path in paths if (content := _content(path)) is not None}
    code = tuple(path.read_text(encoding="utf-8", errors="replace") for path in sorted(pilot.suite.glob("*.py")))
    return Used(files, code, _stated(pilot.suite))


def _stated(suite: Path) -> dict[str, Any]:
    """Return what the exhibits of a pilot state besides their tables, by maker; one that is damaged is left out."""
    found = {}
    for path in sorted((suite.parent.parent / "mlruns" / suite.name / EXHIBITS).glob("*/exhibit.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        found[path.parent.name] = content
    return found


def tokens_of(text: str) -> tuple[str, ...]:
    """Return the words and numbers of a name, capitals and what joins them aside.

    Examples
    --------
    >>> tokens_of("Qwen2.5-7B"), tokens_of("SAP_DE")
    (('qwen', '2', '5', '7b'), ('sap', 'de'))
    """
    return tuple(TOKEN.findall(text.casefold()))


def _content(path: Path) -> dict[str, Any] | None:
    try:
        return parse_yaml(read_text(path), str(path))
    except InputError:
        return None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value


def _numbers(value: Any, path: str) -> Iterator[tuple[str, float]]:
    """Yield each number with the keys that lead to it, joined by points."""
    if isinstance(value, list):
        named = [str(one["id"]) if isinstance(one, Mapping) and "id" in one else "" for one in value]
        for name, inner in zip(named, value, strict=True):
            yield from _numbers(inner, f"{path}.{name}" if name else path)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, float(value)
