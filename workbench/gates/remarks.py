"""What a reader of a verdict must know besides: it blocks nothing, and stands in the first paragraph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.gates.facts import GateFacts
from workbench.pilot import NOT_PEOPLE, read_review
from workbench.pilot.charter import charter_signatures, shared_keys_note


def remarks_on(facts: GateFacts, number: int) -> tuple[str, ...]:
    """Return what must be said of a gate's verdict, the gravest first, one sentence each."""
    makers = facts.asked_of(number)
    found = [*facts.told, *(remark for one in makers for remark in one.remarks(facts)), *_shared_keys(facts)]
    found = [*_played(facts, found), *sorted(found, key=lambda one: NOT_PEOPLE not in one)]
    return tuple(dict.fromkeys([*found, *(remark for one in makers for remark in one.asides(facts))]))


def _played(facts: GateFacts, found: Sequence[str]) -> Iterator[str]:
    """Yield that no people decide in this pilot, also where nothing that the gate asks for says so."""
    review = read_review(facts.pilot.suite)
    if review is not None and review.played is not None and not any(NOT_PEOPLE in one for one in found):
        yield f"What people decide in this pilot was {NOT_PEOPLE}: {review.played}"


def _shared_keys(facts: GateFacts) -> Iterator[str]:
    pilot = facts.pilot
    note = shared_keys_note(pilot.charter, charter_signatures(pilot.suite, pilot.charter, pilot.name))
    if note is not None:
        yield note
