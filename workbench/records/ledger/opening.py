"""Opening the holdout: one signed entry with its charge, and what differs from the openings before."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.files import Provenance
from workbench.pilot.signing import SigningKey
from workbench.records.ledger.budget import Seen, budget_after
from workbench.records.ledger.entries import (
    GENESIS,
    Opening,
    OpeningSubject,
    Purpose,
    ledger_line,
    opening_from,
    parse_ledger,
    signed_entry,
)
from workbench.records.ledger.opened import RULE, OpenedRecords, read_opened
from workbench.words import shown

SUBJECT_WORDS = {
    "roles": "the roles of columns in contract.yaml",
    "targets": "the charter's targets, high-risk categories or limits",
    "escalation": "the label that stands for a person",
    "split": "the split into development and holdout records",
}


@dataclass(frozen=True, slots=True)
class Sight:
    """What an opening shows.

    Parameters
    ----------
    pilot : str
    records : OpenedRecords
        All holdout records of today.
    subject : Subject
    rows, truth : str
        Merkle roots of the run's decisions, and of labels and strata of the same records.
    decided : str
        Digest of what was decided.
    drawn : str
        How records are split, in words.
    """

    pilot: str
    records: OpenedRecords
    subject: OpeningSubject
    rows: str
    truth: str
    decided: str
    drawn: str = ""

    @property
    def seen(self) -> Seen:
        """The records of today as a budget counts them."""
        return Seen(self.records, self.subject.split)


def known_opening(openings: Sequence[Opening], purpose: Purpose, sight: Sight) -> Opening | None:
    """Return the last opening that showed exactly this, None when there is none."""
    exact = (sight.rows, sight.truth)
    alike = [one for one in openings if _is_same_look(one, purpose, sight) and (one.rows, one.truth) == exact]
    return alike[-1] if alike else None


def known_look(openings: Sequence[Opening], purpose: Purpose, sight: Sight) -> Opening | None:
    """Return the first opening for which the same version decided the same on the same; None when there is none."""
    return next((one for one in openings if _is_same_look(one, purpose, sight) and one.decided == sight.decided), None)


def append_opening(
    path: Path,
    look: tuple[Purpose, Sight],
    by: tuple[Provenance, Callable[[], SigningKey]],
    others: Sequence[Path] = (),
) -> Opening:
    """Append one opening with its charge, signed and durable, and return it; what was shown before adds no line.

    Parameters
    ----------
    path : Path
        Of the ledger; a list of the opened records, as digests, is kept beside it.
    look : (Purpose, Sight)
        Why the holdout is opened, and what is seen.
    by : (Provenance, callable)
        Who opens, and what gives the key that signs; it is asked only where a line is written.
    others : sequence of Path
        Other ledgers under the root.

    Raises
    ------
    RunError
        The ledger was altered.
    """
    purpose, sight = look
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        earlier = parse_ledger(file.read(), path)
        known = known_opening(earlier, purpose, sight)
        if known is not None:
            return known
        entry = signed_entry(
            _content(path, earlier, look, by[0], others), earlier[-1].hash if earlier else GENESIS, by[1]()
        )
        file.write(ledger_line(entry))
        file.flush()
        os.fsync(file.fileno())
    return opening_from(entry)


def _content(
    path: Path,
    earlier: Sequence[Opening],
    look: tuple[Purpose, Sight],
    provenance: Provenance,
    others: Sequence[Path],
) -> dict[str, Any]:
    purpose, sight = look
    first = known_look(earlier, purpose, sight)
    budget = budget_after(path, earlier, (purpose.gate, sight.seen), others)
    return {
        "number": len(earlier) + 1,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": provenance.who,
        "commit": provenance.commit,
        "is_dirty": provenance.is_dirty,
        "changed": shown(provenance.changed),
        "pilot": sight.pilot,
        "purpose": asdict(purpose),
        "subject": asdict(sight.subject),
        "repeat_of": None if first is None else first.repeat_of or first.number,
        "share": budget.next_share if first is None else first.share,
        "records": sight.records.write(path),
        "rule": RULE,
        "rows": sight.rows,
        "truth": sight.truth,
        "decided": sight.decided,
        "drawn": sight.drawn,
        "elsewhere": [dict(one) for one in budget.elsewhere],
        "changes": list(changes(path, earlier, purpose, sight)),
    }


def changes(path: Path, earlier: Sequence[Opening], purpose: Purpose, sight: Sight) -> tuple[str, ...]:
    """Return what differs from the openings before, one sentence each, the gravest first."""
    if not earlier:
        return ()
    said = [*_changed_records(path, earlier, sight.records)]
    last = earlier[-1]
    if last.subject is not None:
        for name, words in SUBJECT_WORDS.items():
            if getattr(last.subject, name) != getattr(sight.subject, name):
                said.append(f"{words} changed since opening {last.number}")
    same = [
        one for one in earlier if _version(one.purpose) == _version(purpose) and one.records == sight.records.digest
    ]
    if same and same[-1].decided != sight.decided:
        said.append(f"the same version decided otherwise than at opening {same[-1].number}")
    return tuple(said)


def _changed_records(path: Path, earlier: Sequence[Opening], records: OpenedRecords) -> list[str]:
    """Return how many opened records have another label, other content, or are gone."""
    names = {one.records: one.number for one in earlier if one.records is not None}
    lists = [found for name in names if (found := read_opened(path, name)) is not None]
    if not lists:
        return []
    label_of = {one: label for known in lists for one, label in zip(known.content, known.labels, strict=True)}
    content_of = {name: one for known in lists for name, one in zip(known.ids, known.content, strict=True)}
    pairs = list(zip(records.content, records.ids, records.labels, strict=True))
    relabelled = sum(label_of.get(one, label) != label for one, _, label in pairs)
    edited = sum(content_of.get(name, one) not in (one, "") for one, name, _ in pairs)
    there, ids = set(records.content), set(records.ids)
    gone = sum(one not in there and name not in ids for name, one in content_of.items())
    n = len(content_of)
    words = ((relabelled, "have another label"), (edited, "have other content"), (gone, "are gone"))
    return [f"{count:,} of {n:,} records opened before {what}" for count, what in words if count]


def _version(purpose: Purpose) -> tuple[str, int]:
    return purpose.agent_digest, purpose.n_records


def _is_same_look(one: Opening, purpose: Purpose, sight: Sight) -> bool:
    """Return whether an opening was of the same version, records, labels and subject, for this gate or any."""
    same = (*_version(one.purpose), one.purpose.dataset_digest, one.records, one.subject)
    asked = (*_version(purpose), purpose.dataset_digest, sight.records.digest, sight.subject)
    return same == asked and one.purpose.gate in (None, purpose.gate)
