"""What a reader of a verdict must know besides: it blocks nothing, and stands in the first paragraph."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.gates.builtin import LEAST_CHANCE, right_of, share_of
from workbench.gates.facts import Facts, Judged
from workbench.pilot.charter import charter_signatures, shared_keys_note
from workbench.stats import other_hits


def remarks_on(facts: Facts, number: int) -> tuple[str, ...]:
    """Return what must be said of a gate's verdict, the gravest first, one sentence each."""
    judged = facts.judged_for(number)
    found = [*facts.told]
    if judged is not None:
        found += [*judged.changes, *_other_mix(judged)]
    found += _shared_keys(facts)
    if judged is not None:
        found += _all_right(judged)
    return tuple(dict.fromkeys(found))


def _other_mix(judged: Judged) -> Iterator[str]:
    """Say that records which were opened before and new ones differ in how often they are right."""
    if judged.seen is None or judged.seen.all() or not judged.seen.any():
        return
    seen = judged.seen.to_numpy()
    before, new = right_of(judged.outcomes[seen]), right_of(judged.outcomes[~seen])
    if before[1] and new[1] and other_hits(before, new) < LEAST_CHANCE:
        word = "easier" if new[0] * before[1] > before[0] * new[1] else "harder"
        yield (
            f"right on {share_of(before)} records that were opened before and on {share_of(new)} new ones: the added "
            f"records are {word}"
        )


def _shared_keys(facts: Facts) -> Iterator[str]:
    pilot = facts.pilot
    note = shared_keys_note(pilot.charter, charter_signatures(pilot.suite, pilot.charter, pilot.name))
    if note is not None:
        yield note


def _all_right(judged: Judged) -> Iterator[str]:
    hits, n = right_of(judged.outcomes)
    if n and hits == n:
        yield f"right on all {n:,} holdout records, as an exact rule is, or an agent that knows the answers"
