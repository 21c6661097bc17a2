"""What openings leave of a gate's significance level.

Every opening is charged a share of the significance level of its gate, so that a gate that was tried many times is not
passed by luck (alpha-spending). An opening is charged two thirds of what is left: 67%, 22%, 7%, ... of the level. Why
this function: the shares sum to the whole level for any number of openings, so the chance of one wrong certificate
among all of them is at most the level, however later versions were chosen (Bonferroni); the first opening, the one a
team should need, keeps most of it (424 automated records without an error prove 99.2%, instead of 373); and the second
and third can still prove something (561 and 697).

An earlier opening counts as far as it saw the records of today: all of it when it saw them all, nothing when every
record is new. Openings on the ledgers of other pilots count as far as they saw records of the same content, so a copy
of a pilot has no fresh budget, and in full where the list of what they saw is missing; an opening under another split
counts in full, as dev and holdout records changed sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.records.ledger.entries import SPENT_AT_ONCE, Opening, read_ledger, read_unsigned
from workbench.records.ledger.opened import OpenedRecords, read_opened

LEAST_LEFT = 1e-6  # a share is never 0, so that a level stays below 1


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of a gate's significance level for the records of today.

    Parameters
    ----------
    gate : int, optional
        None for openings of any gate or none.
    n_openings : int
        Earlier openings on this ledger that count, repeats left out.
    spent : float
        Share of the level that they used on these records, and others on theirs, in [0, 1).
    elsewhere : tuple of mapping
        Openings on other ledgers that saw these records: `ledger`, `hash`, `spent`; with `list_missing` where the list
        of the records that one saw is not there, so that it counts in full.
    """

    gate: int | None
    n_openings: int
    spent: float
    elsewhere: tuple[Mapping[str, Any], ...] = ()

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
        said = {name: getattr(self, name) for name in ("gate", "n_openings", "spent", "remaining", "next_share")}
        return said | {"elsewhere": [dict(one) for one in self.elsewhere]}


@dataclass(frozen=True, slots=True)
class Seen:
    """The holdout records of today, and the digest of what drew them."""

    records: OpenedRecords
    split: str

    def with_as_many_new(self) -> Seen:
        """Return these records and as many that nobody opened."""
        n, known = len(self.records), self.records
        new = tuple(f"new {number}" for number in range(n))
        return Seen(OpenedRecords(known.content + new, known.ids + new, known.labels + new), self.split)


def read_budget(path: Path, gate: int | None, today: Seen | None = None, others: Sequence[Path] = ()) -> Budget:
    """Return what openings have left of a gate's significance level.

    Parameters
    ----------
    path : Path
        Of the pilot's ledger.
    gate : int, optional
        Whose openings count, those for no particular gate among them; None counts all.
    today : Seen, optional
        Without it every earlier opening counts in full.
    others : sequence of Path
        Ledgers of other pilots, and this pilot's own of before entries were signed.

    Raises
    ------
    RunError
        A ledger was altered.
    """
    return budget_after(path, read_ledger(path), (gate, today), others)


def budget_after(
    path: Path, openings: Sequence[Opening], asked: tuple[int | None, Seen | None], others: Sequence[Path] = ()
) -> Budget:
    """Return the budget after these openings of the ledger at a path; `asked` is the gate and the records of today."""
    gate, today = asked
    counted = [one for one in openings if one.repeat_of is None and _is_of(one, gate)]
    spent, usual = 0.0, SPENT_AT_ONCE
    for one in counted:
        share = usual if one.share is None else one.share
        spent += share * _seen_share(path, one, today)
        usual *= 1.0 - SPENT_AT_ONCE
    elsewhere = tuple(_elsewhere(openings, (gate, today), others)) if others else ()
    total = spent + sum(one["spent"] for one in elsewhere)
    return Budget(gate, len(counted), min(total, 1.0 - LEAST_LEFT), elsewhere)


def _is_of(opening: Opening, gate: int | None) -> bool:
    return gate is None or opening.purpose.gate in (None, gate)


def _seen_share(path: Path, opening: Opening, today: Seen | None) -> float:
    """Return which share of the records of today an opening of this ledger saw; all where that is not known."""
    if today is None or not len(today.records) or opening.records is None:
        return 1.0
    if opening.subject is not None and opening.subject.split != today.split:
        return 1.0
    earlier = read_opened(path, opening.records)
    return 1.0 if earlier is None else today.records.seen_in(earlier, by_id=True) / len(today.records)


def _elsewhere(
    own: Sequence[Opening], asked: tuple[int | None, Seen | None], others: Sequence[Path]
) -> Iterator[dict[str, Any]]:
    """Yield the openings of other ledgers that saw records of today; one that this ledger has too is not counted."""
    gate, today = asked
    known = {one.hash for one in own}
    for path in others:
        for opening in read_unsigned(path):
            if opening.hash in known or opening.repeat_of is not None or not _is_of(opening, gate):
                continue
            known.add(opening.hash)
            earlier = None if opening.records is None else read_opened(path, opening.records)
            spent = opening.charge * _share_elsewhere(opening, earlier, today)
            if spent > 0.0:
                lost = {} if earlier is not None or opening.records is None else {"list_missing": opening.records}
                yield {"ledger": path.parent.name, "hash": opening.hash, "spent": spent, **lost}


def _share_elsewhere(opening: Opening, earlier: OpenedRecords | None, today: Seen | None) -> float:
    """Return which share of the records of today an opening of another ledger saw; all where its list is missing.

    Ids count only where no content is known: on this pilot's own ledger of before.
    """
    if today is None or not len(today.records) or earlier is None:
        return 1.0
    return today.records.seen_in(earlier, by_id=opening.signature is None) / len(today.records)
