"""Openings of a holdout written by hand, through the product's own writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.files.commits import Provenance
from workbench.pilot.signing.keys import SigningKey, generated_key
from workbench.records.ledger import OpenedRecords, Opening, OpeningSubject, Purpose, Sight, append_opening

ME = Provenance("someone", None, None)
KEY = generated_key()
SUBJECT = OpeningSubject("roles", "targets", "escalation", "split")


def records_named(names: Sequence[str], label: str = "yes") -> OpenedRecords:
    """Return records whose content is told by their name."""
    named = tuple(names)
    return OpenedRecords(
        tuple(f"content-{name}" for name in named), named, tuple(f"{label}-{name}" for name in named)
    )  # fmt: skip


def sight(
    records: OpenedRecords | None = None,
    *,
    subject: OpeningSubject = SUBJECT,
    decided: str = "decided",
    rows: str = "rows",
) -> Sight:
    """Return what an opening shows; without records a hundred of them."""
    seen = records_named([f"r{number}" for number in range(100)]) if records is None else records
    return Sight("small", seen, subject, rows, "truth", decided)


def opened(
    path: Path,
    version: str,
    look: Sight | None = None,
    *,
    gate: int | None = None,
    others: Sequence[Path] = (),
    key: SigningKey = KEY,
) -> Opening:
    """Open the holdout for a version of an agent."""
    seen = sight() if look is None else look
    purpose = Purpose("evaluation", version, version, "records", len(seen.records), gate, prompt=None)
    return append_opening(path, (purpose, seen), (ME, lambda: key), others)
