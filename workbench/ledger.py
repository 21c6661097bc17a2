"""The holdout ledger: every opening of the sealed holdout, each entry chained to the one before by its hash."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import RunError
from workbench.provenance import Provenance

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why the holdout is opened: which agent version is to be judged on which records."""

    purpose: str
    agent: str
    agent_digest: str
    dataset_digest: str
    n_records: int


@dataclass(frozen=True, slots=True)
class Opening:
    """One entry of the ledger.

    Parameters
    ----------
    number : int
        1 for the first opening.
    repeat_of : int, optional
        Number of the first opening of the same agent version on the same dataset: nothing new was learnt.
    """

    number: int
    time: str
    who: str
    commit: str | None
    is_dirty: bool | None
    purpose: Purpose
    repeat_of: int | None
    hash: str


def read_ledger(path: Path) -> tuple[Opening, ...]:
    """Return the openings in order, after checking the chain; empty when nothing was opened yet.

    Raises
    ------
    RunError
        An entry was altered, removed or reordered.
    """
    return _checked(path.read_text(encoding="utf-8"), path) if path.is_file() else ()


def append_opening(path: Path, purpose: Purpose, provenance: Provenance) -> Opening:
    """Append one opening, durably, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        earlier = _checked(file.read(), path)
        entry: dict[str, Any] = {
            "number": len(earlier) + 1,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "who": provenance.who,
            "commit": provenance.commit,
            "is_dirty": provenance.is_dirty,
            "purpose": _fields(purpose),
            "repeat_of": _first_alike(earlier, purpose),
        }
        entry["hash"] = _chained(earlier[-1].hash if earlier else GENESIS, entry)
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return _opening(entry)


def _first_alike(earlier: tuple[Opening, ...], purpose: Purpose) -> int | None:
    def version(of: Purpose) -> tuple[str, str]:
        return of.agent_digest, of.dataset_digest

    return next((opening.number for opening in earlier if version(opening.purpose) == version(purpose)), None)


def _checked(text: str, path: Path) -> tuple[Opening, ...]:
    previous, openings = GENESIS, []
    for line_number, line in enumerate(text.splitlines(), start=1):
        try:
            entry = json.loads(line)
            is_intact = entry["number"] == line_number and _chained(previous, entry) == entry["hash"]
        except (json.JSONDecodeError, KeyError, TypeError):
            is_intact = False
        if not is_intact:
            raise RunError(
                "the holdout ledger was altered",
                where=f"{path}, line {line_number}",
                expected="every entry carries the hash of the one before",
                remedy="restore the file; without it nothing measured on the holdout can be believed",
            )
        openings.append(_opening(entry))
        previous = entry["hash"]
    return tuple(openings)


def _chained(previous: str, entry: Mapping[str, Any]) -> str:
    content = {name: value for name, value in entry.items() if name != "hash"}
    return hashlib.sha256((previous + json.dumps(content, sort_keys=True, ensure_ascii=False)).encode()).hexdigest()


def _opening(entry: Mapping[str, Any]) -> Opening:
    return Opening(**{**entry, "purpose": Purpose(**entry["purpose"])})


def _fields(purpose: Purpose) -> dict[str, Any]:
    return {name: getattr(purpose, name) for name in Purpose.__slots__}
