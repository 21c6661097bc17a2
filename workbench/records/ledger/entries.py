"""Entries of a holdout ledger: one line of JSON an opening, each with the hash of the one before, and signed.

Entries are read back after the chain and every signature were checked. A signature says which key wrote the line; whose
key that is, the reader must know from elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.pilot.signing import SigningKey, check_signature
from workbench.words import RunError, SignatureError

GENESIS = "0" * 64
SPENT_AT_ONCE = 2 / 3
SIGNED_AS = b"workbench holdout ledger entry v1\n"
_UNHASHED = ("hash", "signature")


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
class OpeningSubject:
    """What an opening is of, besides version and records: change one of these and it is another look. All digests.

    Parameters
    ----------
    roles : str
        Of every column's role in the contract.
    targets : str
        Of the charter's KPIs, high-risk categories and limits of authority.
    escalation : str
        Of the label that stands for a person.
    split : str
        Of what draws the holdout.
    """

    roles: str
    targets: str
    escalation: str
    split: str


@dataclass(frozen=True, slots=True)
class Opening:
    """One entry of the ledger.

    Parameters
    ----------
    number : int
        1 for the first opening.
    repeat_of : int, optional
        Number of the first opening of the same agent version with the same decisions on the same records, labels and
        subject, for the same gate: nothing new was learnt.
    share : float, optional
        Share of the gate's significance level that this opening may use; None in a ledger of before this was charged.
    records : str, optional
        Digest of the records that were opened: the name of the file that lists them, beside the ledger.
    rows, truth : str, optional
        Merkle roots of the run's decisions, and of labels and strata of the same records, as a bundle holds them.
    decided : str, optional
        Digest of what was decided, without times and texts.
    drawn : str, optional
        How records were split, in words.
    elsewhere : tuple of mapping
        Openings on other ledgers that saw these records: `ledger`, `hash`, and the share that they `spent` on them.
    changed : str
        Files that differed from the commit, at most five by name; empty in a ledger of before they were named.
    changes : tuple of str
        What differs from the openings before, in words: labels, records, roles, targets, escalation, split.
    key : str, optional
        Public key that signed, as the one line inside its PEM text.
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
    pilot: str | None = None
    subject: OpeningSubject | None = None
    rows: str | None = None
    truth: str | None = None
    decided: str | None = None
    drawn: str | None = None
    elsewhere: tuple[Mapping[str, Any], ...] = ()
    changes: tuple[str, ...] = ()
    rule: int | None = None
    key: str | None = None
    signature: str | None = None

    @property
    def charge(self) -> float:
        """Share of the significance level that this opening may use; two thirds where the ledger does not say."""
        return SPENT_AT_ONCE if self.share is None else self.share


def read_ledger(path: Path) -> tuple[Opening, ...]:
    """Return the openings in order, after checking the chain and the signatures; empty when nothing was opened yet.

    Raises
    ------
    RunError
        An entry was altered, removed or reordered, or is not signed.
    """
    return parse_ledger(path.read_text(encoding="utf-8"), path) if path.is_file() else ()


def read_unsigned(path: Path) -> tuple[Opening, ...]:
    """Return the openings of a ledger from before entries were signed; as `read_ledger` otherwise."""
    return parse_ledger(path.read_text(encoding="utf-8"), path, is_signed=False) if path.is_file() else ()


def parse_ledger(text: str, path: Path, *, is_signed: bool = True) -> tuple[Opening, ...]:
    """Return the openings that a ledger's text holds; `path` names it in messages. Raises as `read_ledger`."""
    previous, openings = GENESIS, []
    for line_number, line in enumerate(text.splitlines(), start=1):
        try:
            entry = json.loads(line)
            is_intact = entry["number"] == line_number and chained(previous, entry) == entry["hash"]
            if is_intact and is_signed:
                check_entry_signature(entry, SIGNED_AS)
            openings.append(opening_from(entry))
        except (json.JSONDecodeError, KeyError, TypeError, ValueError, SignatureError):
            is_intact = False
        if not is_intact:
            raise RunError(
                "the holdout ledger was altered",
                where=f"{path}, line {line_number}",
                expected="every entry is signed and carries the hash of the one before",
                remedy="restore the file; without it nothing measured on the holdout can be believed",
            )
        previous = entry["hash"]
    return tuple(openings)


def signed_entry(
    content: Mapping[str, Any], previous: str, key: SigningKey, signed_as: bytes = SIGNED_AS
) -> dict[str, Any]:
    """Return an entry with its hash after the entry before, and its signature; `signed_as` names the kind of chain."""
    signed = {**content, "key": key.public.line}
    digest = chained(previous, signed)
    return {**signed, "hash": digest, "signature": key.sign(signed_as + digest.encode())}


def check_entry_signature(entry: Mapping[str, Any], signed_as: bytes) -> None:
    """Check the signature that an entry carries. Raises SignatureError where it is wrong."""
    check_signature(signed_as + entry["hash"].encode(), entry["signature"], entry["key"])


def ledger_line(entry: Mapping[str, Any]) -> str:
    """Return an entry as its line of the ledger."""
    return json.dumps(entry, ensure_ascii=False) + "\n"


def opening_from(entry: Mapping[str, Any]) -> Opening:
    """Return an entry as an opening."""
    subject = entry.get("subject")
    read = {
        **entry,
        "purpose": Purpose(**entry["purpose"]),
        "subject": None if subject is None else OpeningSubject(**subject),
        "elsewhere": tuple(entry.get("elsewhere", ())),
        "changes": tuple(entry.get("changes", ())),
    }
    return Opening(**read)


def chained(previous: str, entry: Mapping[str, Any]) -> str:
    """Return the hash of an entry after that of the one before it."""
    content = {name: value for name, value in entry.items() if name not in _UNHASHED}
    return hashlib.sha256((previous + json.dumps(content, sort_keys=True, ensure_ascii=False)).encode()).hexdigest()
