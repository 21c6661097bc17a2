"""Whether the lines of an audit trail follow one another: no number missing, none twice, time does not go back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from workbench.runs.journal import BEGINNING, TrailLine, TrailSeal, field_digest


def order_faults(
    lines: Sequence[TrailLine],
    seals: Sequence[TrailSeal],
    misplaced: Mapping[TrailLine, int],
    doubted: Collection[TrailLine],
) -> dict[TrailLine, str]:
    """Return by line what breaks the order there, one sentence.

    Time goes back where both clocks do: UTC alone may be set back, and the monotonic clock begins anew with the machine.

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

    def say(line: TrailLine, words: str) -> None:
        found[line] = f"{found[line]}; {words}" if line in found else words

    for line, number in misplaced.items():
        say(line, f"line {number} stands as number {line.number}")
    twice = {number for number, n in Counter(line.number for line in lines).items() if n > 1}
    before: TrailLine | None = None
    for line in lines:
        if line.number in twice:
            say(line, f"number {line.number} is there {sum(one.number == line.number for one in lines)} times")
        number = 0 if before is None else before.number
        if line.number > number + 1:
            say(line, _missing(number + 1, line.number - 1))
        if before is not None and line.number == number + 1 and line not in misplaced:
            if line.previous != before.hash:
                say(before, "the line after it carries another hash of it")
            if _goes_back(before, line) and not any(one in doubted or _is_altered(one) for one in (before, line)):
                say(line, "its time is before that of the line before")
        elif line.number == 1 and line.previous != BEGINNING:
            say(line, "a line before the first was taken away")
        before = line
    ends = max((seal.last for seal in seals if isinstance(seal.last, int)), default=0)
    if before is not None and ends > before.number:
        say(before, _missing(before.number + 1, ends))
    return found


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
