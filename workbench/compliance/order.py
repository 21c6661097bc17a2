"""Whether the lines of an audit trail follow one another: no number missing, none twice, time does not go back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from workbench.runs.journal import TrailLine, TrailSeal, field_digest


def order_faults(
    lines: Sequence[TrailLine],
    seals: Sequence[TrailSeal],
    misplaced: Mapping[TrailLine, int],
    doubted: Collection[TrailLine],
) -> dict[TrailLine, str]:
    """Return by line what breaks the order there, one sentence.

    Time goes back where both clocks do: UTC may be set back, and the monotonic clock begins anew with the machine.

    Parameters
    ----------
    lines : sequence of TrailLine
        Of the whole journal, by number.
    misplaced : mapping
        Lines whose signature holds for another number, and that number.
    doubted : collection of TrailLine
        Lines whose signature does not hold: their moment says nothing of the order.
    """
    found: dict[TrailLine, str] = {}
    said = [(line, f"line {number} stands as number {line.number}") for line, number in misplaced.items()]
    counts = Counter(line.number for line in lines)
    said += [(line, f"number {line.number} is there {n} times") for line in lines if (n := counts[line.number]) > 1]
    for before, line in zip((None, *lines), lines, strict=False):
        said += _between(before, line, misplaced, doubted)
    ends = max((seal.last for seal in seals if isinstance(seal.last, int)), default=0)
    if lines and ends > lines[-1].number:
        said.append((lines[-1], _missing(lines[-1].number + 1, ends)))
    for line, words in said:
        found[line] = f"{found[line]}; {words}" if line in found else words
    return found


def _between(
    before: TrailLine | None, line: TrailLine, misplaced: Mapping[TrailLine, int], doubted: Collection[TrailLine]
) -> Iterator[tuple[TrailLine, str]]:
    """Yield what is wrong between a line and the one before it, and at which of them."""
    number = 0 if before is None else before.number
    if line.number > number + 1:
        yield line, _missing(number + 1, line.number - 1)
    if before is None or line.number != number + 1 or line in misplaced or before in misplaced:
        return
    if line.previous != before.hash:
        yield before, "the line after it carries another hash of it"
    if _goes_back(before, line) and not any(one in doubted or _is_altered(one) for one in (before, line)):
        yield line, "its time is before that of the line before"


def _missing(first: int, last: int) -> str:
    return f"line {first} is missing" if first == last else f"lines {first} to {last} are missing"


def _is_altered(line: TrailLine) -> bool:
    return field_digest("timestamp", (line.at, line.monotonic)) != line.timestamp


def _goes_back(before: TrailLine, line: TrailLine) -> bool:
    try:
        is_earlier = datetime.fromisoformat(line.at or "") < datetime.fromisoformat(before.at or "")
        return is_earlier and (line.monotonic or 0) < (before.monotonic or 0)
    except (TypeError, ValueError):
        return False  # a moment that cannot be read is the field's own fault
