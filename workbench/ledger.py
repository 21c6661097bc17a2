"""The holdout ledger: every opening of the sealed holdout, each entry chained to the one before by its hash.

Every opening is charged a share of the significance level of its gate, so that a gate that was tried many times is not
passed by luck (alpha-spending). An opening is charged two thirds of what is left: 67%, 22%, 7%, ... of the level. Why
this function: the shares sum to the whole level for any number of openings, so the chance of one wrong certificate
among all of them is at most the level, however later versions were chosen (Bonferroni); the first opening, the one a
team should need, keeps most of it (424 automated records without an error prove 99.2%, instead of 373); and the second
and third can still prove something (561 and 697).

An earlier opening counts as far as it saw the records of today: all of it when it saw them all, nothing when every
record is new. Opening again for the same version on the same records teaches nothing new and costs nothing. An opening
for no particular gate counts for every gate.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import RunError, shown
from workbench.files import write_atomically
from workbench.provenance import Provenance

GENESIS = "0" * 64
SPENT_AT_ONCE = 2 / 3
OPENED_FOLDER = "opened"


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why the holdout is opened: which agent version is to be judged on which records, and for which gate if any.

    `prompt` is the digest of the version's prompt document, None where it is no prompt; it is for readers, as the agent
    digest holds it already.
    """

    purpose: str
    agent: str
    agent_digest: str
    dataset_digest: str
    n_records: int
    gate: int | None = None
    prompt: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """One entry of the ledger.

    Parameters
    ----------
    number : int
        1 for the first opening.
    repeat_of : int, optional
        Number of the first opening of the same agent version on the same records for the same gate: nothing new was
        learnt.
    share : float, optional
        Share of the gate's significance level that this opening may use; None in a ledger of before this was charged.
    records : str, optional
        Digest of the record ids that were opened: the name of the file that lists them, beside the ledger.
    changed : str
        Files that differed from the commit, at most five by name; empty in a ledger of before they were named.
    """

    number: int
    time: str
    who: str
    commit: str | None
    is_dirty: bool | None
    purpose: Purpose
    repeat_of: int | None
    hash: str
    share: float | None = None
    records: str | None = None
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of a gate's significance level for the records of today.

    Parameters
    ----------
    gate : int, optional
        None for openings of any gate or none.
    n_openings : int
        Earlier openings that count, repeats left out.
    spent : float
        Share of the level that they used on these records, in [0, 1].
    """

    gate: int | None
    n_openings: int
    spent: float

    @property
    def remaining(self) -> float:
        """Share of the level that is left."""
        return 1.0 - self.spent

    @property
    def next_share(self) -> float:
        """Share of the level that the next opening may use."""
        return SPENT_AT_ONCE * self.remaining

    def as_json(self) -> dict[str, Any]:
        """Return the budget as JSON values."""
        return {
            "gate": self.gate,
            "n_openings": self.n_openings,
            "spent": self.spent,
            "remaining": self.remaining,
            "next_share": self.next_share,
        }


def read_ledger(path: Path) -> tuple[Opening, ...]:
    """Return the openings in order, after checking the chain; empty when nothing was opened yet.

    Raises
    ------
    RunError
        An entry was altered, removed or reordered.
    """
    return _checked(path.read_text(encoding="utf-8"), path) if path.is_file() else ()


def read_budget(path: Path, gate: int | None, records: Iterable[str] | None = None) -> Budget:
    """Return what the openings on a ledger have left of a gate's significance level.

    Parameters
    ----------
    path : Path
        Of the ledger.
    gate : int, optional
        Whose openings count, those for no particular gate among them; None counts all.
    records : iterable of str, optional
        Ids of the holdout records of today; without them every earlier opening counts in full.

    Raises
    ------
    RunError
        The ledger was altered.
    """
    return _budget(path, read_ledger(path), gate, _hashed(records))


def charged_share(path: Path, purpose: Purpose) -> float:
    """Return the share of its gate's significance level that an opening on the ledger may use.

    Raises
    ------
    RunError
        The ledger was altered, or has no such opening.
    """
    for opening in reversed(read_ledger(path)):
        if opening.purpose == purpose:
            return SPENT_AT_ONCE if opening.share is None else opening.share
    raise RunError("the holdout ledger has no such opening", where=str(path), got=f"agent {purpose.agent}")


def append_opening(
    path: Path, purpose: Purpose, provenance: Provenance, records: Iterable[str] | None = None
) -> Opening:
    """Append one opening with its charge, durably, and return it.

    Parameters
    ----------
    path : Path
        Of the ledger; a list of the opened records, as hashes, is kept beside it.
    records : iterable of str, optional
        Ids of the records whose labels are opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = _hashed(records)
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        earlier = _checked(file.read(), path)
        first = _first_alike(earlier, purpose)
        budget = _budget(path, earlier, purpose.gate, opened)
        entry: dict[str, Any] = {
            "number": len(earlier) + 1,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "who": provenance.who,
            "commit": provenance.commit,
            "is_dirty": provenance.is_dirty,
            "changed": shown(provenance.changed),
            "purpose": _fields(purpose),
            "repeat_of": None if first is None else first.number,
            "share": budget.next_share if first is None else first.share,
            "records": None if opened is None else _listed(path, opened),
        }
        entry["hash"] = _chained(earlier[-1].hash if earlier else GENESIS, entry)
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return _opening(entry)


def _budget(path: Path, openings: tuple[Opening, ...], gate: int | None, opened: frozenset[str] | None) -> Budget:
    """Return the budget after these openings; a share that a ledger does not state is two thirds of what was left."""
    counted = [
        opening
        for opening in openings
        if opening.repeat_of is None and (gate is None or opening.purpose.gate in (None, gate))
    ]
    spent, usual = 0.0, SPENT_AT_ONCE
    for opening in counted:
        spent += (usual if opening.share is None else opening.share) * _seen(path, opening, opened)
        usual *= 1.0 - SPENT_AT_ONCE
    return Budget(gate, len(counted), min(spent, 1.0))


def _seen(path: Path, opening: Opening, opened: frozenset[str] | None) -> float:
    """Return which share of the records of today an opening saw; all of them where that is not known."""
    if not opened or opening.records is None:
        return 1.0
    listed = path.parent / OPENED_FOLDER / opening.records
    if not listed.is_file():
        return 1.0
    return len(opened.intersection(listed.read_text(encoding="ascii").split())) / len(opened)


def _hashed(records: Iterable[str] | None) -> frozenset[str] | None:
    """Return short hashes of record ids, so that the list beside the ledger holds no business data."""
    if records is None:
        return None
    return frozenset(hashlib.sha256(record.encode()).hexdigest()[:16] for record in records)


def _listed(path: Path, opened: frozenset[str]) -> str:
    """Write the hashes of the opened records beside the ledger and return the file's name, their digest."""
    content = "\n".join(sorted(opened))
    name = hashlib.sha256(content.encode()).hexdigest()[:32]
    folder = path.parent / OPENED_FOLDER
    folder.mkdir(exist_ok=True)
    write_atomically(folder / name, content)
    return name


def _first_alike(earlier: tuple[Opening, ...], purpose: Purpose) -> Opening | None:
    def version(of: Purpose) -> tuple[str, str, int]:
        return of.agent_digest, of.dataset_digest, of.n_records

    return next(
        (
            opening
            for opening in earlier
            if version(opening.purpose) == version(purpose) and opening.purpose.gate in (None, purpose.gate)
        ),
        None,
    )


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
