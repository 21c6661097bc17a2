"""How the scripted people of the story decide: as the policy does on undamaged facts, with a slip now and then."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDS, TRUTH = "datasets/invoice_matching/records-*.csv", "truth.csv"
ESCALATIONS, ESCALATE = "escalations", "escalate"
# What somebody with the authority for it does where the policy asks for a person: what is left out is sent back.
APPROVED_BY_A_PERSON = frozenset(
    {"over_authority", "new_vendor", "price_variance", "quantity_variance", "over_delivery"}
)
SLIPS = 0.01  # share of answers that the person would not give at a second look


def people(folder: Path) -> Callable[[str, str, Any], str]:
    """Return how a person decides: from the name, the queue and the card, the action.

    People read a card; the scripts look up what is true of the record that its title names.
    """
    rows = [row for path in sorted(folder.glob(RECORDS)) for row in _rows(path)]
    truth = {row["record_id"]: row["decision"] for row in rows}
    truth |= {row["record_id"]: row["clean_value"] for row in _rows(folder / TRUTH) if row["column"] == "decision"}
    approved = {row["record_id"] for row in rows if row["reason_code"] in APPROVED_BY_A_PERSON}

    def decides(person: str, queue: str, card: Any) -> str:
        record = card.title.removeprefix("Record ").partition(",")[0]
        right = truth[record]
        if queue == ESCALATIONS and right == ESCALATE:
            right = "approve" if record in approved else "reject"
        others = [one for one in card.actions if one not in (right, ESCALATE)]
        return others[0] if others and _chance(f"{person} {record}") < SLIPS else right

    return decides


def _chance(text: str) -> float:
    """Return a number in [0, 1) that a text always gives."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
