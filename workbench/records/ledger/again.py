"""What an entry of the ledger says of itself, computed again from the entries before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from workbench.records.ledger.budget import LEAST_LEFT, Seen, budget_after
from workbench.records.ledger.entries import SPENT_AT_ONCE, Opening
from workbench.records.ledger.opened import read_opened
from workbench.records.ledger.opening import Sight, changes, known_look
from workbench.words import SignatureError

TOLERANCE = 1e-9


def check_entry(path: Path, openings: Sequence[Opening], opening: Opening) -> None:
    """Hold the charge of an opening, what it repeats and what it says has changed against the entries before it.

    What other ledgers charged is taken as the entry has it.

    Raises
    ------
    SignatureError
        It does not follow from them, or a list of opened records is missing.
    """
    where = f"opening {opening.number}"
    earlier = openings[: opening.number - 1]
    records = None if opening.records is None else read_opened(path, opening.records)
    if records is None or opening.subject is None or not (opening.rows and opening.truth and opening.decided):
        raise SignatureError("an opening without its records, subject or digests", got=where)
    sight = Sight(opening.pilot or "", records, opening.subject, opening.rows, opening.truth, opening.decided)
    if changes(path, earlier, opening.purpose, sight) != opening.changes:
        raise SignatureError("an opening does not say what changed before it", got=where)
    first = known_look(earlier, opening.purpose, sight)
    if opening.repeat_of != (None if first is None else first.repeat_of or first.number):
        raise SignatureError("an opening repeats another one than it says", got=where)
    if first is not None:
        wanted = first.charge
    else:
        spent = budget_after(path, earlier, (opening.purpose.gate, Seen(records, opening.subject.split))).spent
        spent += sum(one["spent"] for one in opening.elsewhere)
        wanted = SPENT_AT_ONCE * (1.0 - min(spent, 1.0 - LEAST_LEFT))
    if not math.isclose(opening.charge, wanted, abs_tol=TOLERANCE):
        raise SignatureError("an opening is not charged what the entries before it leave", got=where)
