"""How the scripted people of the story decide: as the written policy does on the undamaged facts, with a few slips."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

RECORDS, TRUTH = "datasets/invoice_matching/records-*.csv", "truth.csv"
# What somebody with the authority for it does where the policy asks for a person.
BY_A_PERSON = {"over_authority": "approve", "new_vendor": "approve", "price_variance": "approve", "missing_receipt": "approve"}
SLIPS = 0.01  # share of answers that are another one than the person would give at a second look


def people(folder: Path) -> Callable[[str, str, Mapping[str, str], Sequence[str]], str]:
    """Return how a person decides on a card, from its title, what it shows and the actions that it offers.

    Nobody needs the truth who can read: the scripts cannot, so they look the record up by the number in its title.
    """
    rows = [row for path in sorted(folder.glob(RECORDS)) for row in _rows(path)]
    truth = {row["record_id"]: row["decision"] for row in rows}
    reasons = {row["record_id"]: row["reason_code"] for row in rows}
    truth |= {row["record_id"]: row["clean_value"] for row in _rows(folder / TRUTH) if row["column"] == "decision"}

    def decides(person: str, title: str, shown: Mapping[str, str], actions: Sequence[str]) -> str:
        record = title.removeprefix("Record ")
        right = truth[record]
        slips = int(hashlib.sha256(f"{person} {record}".encode()).hexdigest()[:8], 16) / 2**32 < SLIPS
        return next(one for one in actions if one != right) if slips else right

    return decides


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
