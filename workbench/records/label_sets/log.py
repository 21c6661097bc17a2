"""The log of label sets: which records were handed out to be looked at, and what became of them; chained and signed.

An entry says how many records were handed out, never how many of them differed from their label. Looking at labels of
holdout records this way charges no opening, as nobody learns what a version got right; it is allowed until an opening
has shown a result for them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.files import Provenance, write_atomically
from workbench.pilot.signing import SigningKey
from workbench.records.label_sets.sets import LABELS_FOLDER
from workbench.records.ledger.entries import GENESIS, chained, check_entry_signature, signed_entry
from workbench.words import RunError, SignatureError

SIGNED_AS = b"workbench label log entry v1\n"
LISTS_FOLDER = "lists"
DIGITS = 32
LogWriter = tuple[Provenance, Callable[[], SigningKey]]  # who writes, and what gives the key that signs


@dataclass(frozen=True, slots=True)
class DrawnList:
    """Records that were handed out together: all disputed ones and a sample of agreements, mixed.

    Parameters
    ----------
    split : str
        "dev" or "holdout".
    agent, agent_digest : str
        The version whose decisions were held against the labels in the records.
    dataset_digest : str
        Of all records with the labels of then.
    decided : str
        Digest of what the version decided where it may decide alone.
    records : str
        Name of the list: the digest of its ids.
    n_records : int
    sample : str, optional
        Name of the list of those that are the sample of agreements; None for holdout records: it is not told of them.
    """

    split: str
    agent: str
    agent_digest: str
    dataset_digest: str
    decided: str
    records: str
    n_records: int
    sample: str | None = None


@dataclass(frozen=True, slots=True)
class AppliedLabels:
    """A label set that was written.

    Parameters
    ----------
    label_set : str
    file : str
        SHA-256 of its file.
    lists : tuple of str
        Names of all lists that were looked at for it, those behind the label set before it included.
    n_looked, n_changed : int
        Records in it, and those of them with another label than the records have.
    """

    label_set: str
    file: str
    lists: tuple[str, ...]
    n_looked: int
    n_changed: int


KINDS: dict[str, type[DrawnList] | type[AppliedLabels]] = {"drawn": DrawnList, "applied": AppliedLabels}


def label_log_path(data: Path) -> Path:
    """Return where a dataset's log of label sets is."""
    return data / LABELS_FOLDER / "log.jsonl"


def read_label_log(data: Path) -> tuple[DrawnList | AppliedLabels, ...]:
    """Return the entries in order, after checking the chain and every signature; none where there is no log.

    Raises
    ------
    RunError
        An entry was altered, removed or reordered, or is not signed.
    """
    return tuple(_said(entry) for entry in _entries_in(label_log_path(data)))


def label_log_head(data: Path) -> str:
    """Return the hash of the last entry, that of no entry where there is no log. Raises as `read_label_log`."""
    entries = _entries_in(label_log_path(data))
    return str(entries[-1]["hash"]) if entries else GENESIS


def append_label_entry(data: Path, said: DrawnList | AppliedLabels, by: LogWriter) -> None:
    """Append an entry, signed and durable. Raises RunError where the log was altered."""
    path = label_log_path(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        earlier = _entries(file.read(), path)
        content = {
            "number": len(earlier) + 1,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "who": by[0].who,
            "commit": by[0].commit,
            "kind": next(name for name, kind in KINDS.items() if isinstance(said, kind)),
            "said": asdict(said),
        }
        entry = signed_entry(content, earlier[-1]["hash"] if earlier else GENESIS, by[1](), SIGNED_AS)
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def write_list(data: Path, ids: Iterable[str]) -> str:
    """Write ids of records that are handed out together, sorted, and return the name of the list."""
    text = "\n".join(sorted(ids))
    path = data / LABELS_FOLDER / LISTS_FOLDER / hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
    return path.name


def read_list(data: Path, name: str) -> tuple[str, ...]:
    """Return the ids of a list. Raises RunError where it is gone or is not the one that its name says."""
    path = data / LABELS_FOLDER / LISTS_FOLDER / name
    text = path.read_text(encoding="utf-8") if path.is_file() else None
    if text is None or hashlib.sha256(text.encode()).hexdigest()[:DIGITS] != name:
        raise RunError(
            "a list of records whose labels were looked at is gone or was altered",
            where=str(path),
            remedy="restore the file; it is kept with the label sets",
        )
    return tuple(text.split("\n")) if text else ()


def _entries_in(path: Path) -> list[dict[str, Any]]:
    return _entries(path.read_text(encoding="utf-8") if path.is_file() else "", path)


def _entries(text: str, path: Path) -> list[dict[str, Any]]:
    previous, entries = GENESIS, []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            entry = json.loads(line)
            is_intact = entry["number"] == number and chained(previous, entry) == entry["hash"]
            if is_intact:
                check_entry_signature(entry, SIGNED_AS)
            _said(entry)
        except (KeyError, TypeError, ValueError, SignatureError):
            is_intact = False
        if not is_intact:
            raise RunError(
                "the log of label sets was altered",
                where=f"{path}, line {number}",
                expected="every entry is signed and carries the hash of the one before",
                remedy="restore the file; without it nobody knows how labels were corrected",
            )
        entries.append(entry)
        previous = entry["hash"]
    return entries


def _said(entry: dict[str, Any]) -> DrawnList | AppliedLabels:
    said = dict(entry["said"])
    if entry["kind"] == "applied":
        said["lists"] = tuple(said["lists"])
    return KINDS[entry["kind"]](**said)
