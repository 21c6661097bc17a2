"""An exhibit: what one maker of evidence leaves, as one JSON file and its tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import ValidationError

from workbench.evidence.tabular import ColumnKind, kinds_of, table_csv, table_of
from workbench.files import Settings, provenance, write_atomically
from workbench.metrics import Estimate
from workbench.pilot import Pilot, Severity
from workbench.words import InputError, RunError

VERSION = 1
EXHIBIT_FILE, EXHIBITS = "exhibit.json", "exhibits"


class Finding(Settings):
    """One thing that is wrong, whoever found it: an audit, a lint, a probe, an attack, a review.

    Parameters
    ----------
    where : tuple of str
        What it is about: columns, tools, fields; empty for all.
    n, of : int, optional
        How many are affected, and of how many.
    owner : str
        Who mends it; empty when nobody was named.
    """

    id: str
    kind: str
    severity: Severity
    title: str
    where: tuple[str, ...] = ()
    n: int | None = None
    of: int | None = None
    evidence: str = ""
    consequence: str = ""
    remedy: str = ""
    owner: str = ""


class MadeBy(Settings):
    """Who made an exhibit, from which commit, and when (ISO 8601, UTC)."""

    who: str
    commit: str | None
    time: str

    @classmethod
    def now(cls, root: Path) -> MadeBy:
        """Return who makes something under a root now."""
        by = provenance(root)
        return cls(who=by.who, commit=by.commit, time=datetime.now(UTC).isoformat(timespec="seconds"))


@dataclass(frozen=True, slots=True, eq=False)
class Exhibit:
    """What one maker leaves.

    Parameters
    ----------
    maker : str
        Its name in the registry.
    about : mapping
        Digests of what it is about: `records`, `agent` and whatever else would make it another one.
    answer : str
        One sentence.
    estimates : mapping
        By the metrics' ids.
    tables : mapping
        What the estimates are counted from, in columns that the maker documents; without an index.
    facts : mapping
        JSON values that the estimates depend on besides the tables, and what a reader is told of how it was made.
    """

    maker: str
    pilot: str
    about: Mapping[str, str]
    made: MadeBy
    answer: str
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the exhibit without its tables as JSON values."""
        return {
            "version": VERSION,
            "maker": self.maker,
            "pilot": self.pilot,
            "about": dict(self.about),
            "made": self.made.model_dump(mode="json"),
            "answer": self.answer,
            "estimates": {name: one.as_json() for name, one in self.estimates.items()},
            "findings": [one.model_dump(mode="json") for one in self.findings],
            "notes": list(self.notes),
            "facts": dict(self.facts),
        }

    def files(self) -> dict[str, bytes]:
        """Return the files that the exhibit is read from again: its tables, then exhibit.json, by their names."""
        tables = {f"{name}.csv": table_csv(table) for name, table in self.tables.items()}
        described = {
            name: {"columns": kinds_of(table), "sha256": hashlib.sha256(tables[f"{name}.csv"]).hexdigest()}
            for name, table in self.tables.items()
        }
        content = {**self.as_json(), "tables": described}
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        return {**tables, EXHIBIT_FILE: text.encode() + b"\n"}

    def write(self, folder: Path) -> Path:
        """Write the exhibit into a folder and return the path of exhibit.json, which is written last."""
        files = self.files()
        for name, content in files.items():
            write_atomically(folder / name, content)
        for left in folder.glob("*.csv"):
            if left.name not in files:
                left.unlink()
        return folder / EXHIBIT_FILE


class _Table(Settings):
    columns: dict[str, ColumnKind]
    sha256: str


class _Estimate(Settings):
    value: float | None
    lower: float | None
    upper: float | None
    n: int
    method: str
    excluded: dict[str, int]


class _Model(Settings):
    """The content of exhibit.json."""

    version: Literal[1]
    maker: str
    pilot: str
    about: dict[str, str]
    made: MadeBy
    answer: str
    estimates: dict[str, _Estimate]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    facts: dict[str, Any]
    tables: dict[str, _Table]


def exhibit_folder(pilot: Pilot, maker: str) -> Path:
    """Return where a maker leaves its exhibit of a pilot."""
    return pilot.runs / EXHIBITS / maker


def read_exhibit(folder: Path) -> Exhibit | None:
    """Return the exhibit that lies in a folder, None where there is none. Raises RunError when it is damaged."""
    if not (folder / EXHIBIT_FILE).is_file():
        return None
    return exhibit_of({path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}, str(folder))


def exhibit_of(files: Mapping[str, bytes], where: str) -> Exhibit:
    """Return the exhibit that `Exhibit.files` gave.

    Raises
    ------
    RunError
        A file is missing, altered, or not what an exhibit of this version has.
    """
    try:
        said = _Model.model_validate_json(files[EXHIBIT_FILE])
        tables = {name: _read(files[f"{name}.csv"], one) for name, one in said.tables.items()}
    except (KeyError, ValueError, ValidationError, InputError) as error:
        found = error.got if isinstance(error, InputError) else str(error)
        raise RunError(
            "an exhibit is damaged or of another version",
            where=where,
            got=str(found)[:200],
            expected=f"version {VERSION}, with its tables as they were written",
            remedy="make it again",
        ) from None
    estimates = {name: Estimate(**one.model_dump()) for name, one in said.estimates.items()}
    return Exhibit(
        said.maker,
        said.pilot,
        said.about,
        said.made,
        said.answer,
        estimates,
        said.findings,
        tables,
        said.notes,
        said.facts,
    )


def _read(content: bytes, described: _Table) -> pd.DataFrame:
    if hashlib.sha256(content).hexdigest() != described.sha256:
        raise ValueError("a table is not the one that was written")
    return table_of(content, described.columns)
