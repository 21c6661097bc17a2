"""What was declared of a system beside what was measured: one line each, with its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from enum import StrEnum

import pandas as pd

NOT_REACHED = "it was not reached"


class LineVerdict(StrEnum):
    """What a measurement says of what was declared, the worst first."""

    DEVIATES = "deviates"
    UNCLEAR = "unclear"
    NOT_MEASURED = "not measured"
    KEPT = "kept"


class LineKind(StrEnum):
    """What a line is about; its name begins with it."""

    LATENCY = "latency"
    RATE = "rate"
    ACCESS = "access"
    RIGHTS = "rights"
    DESCRIPTION = "description"
    ANSWER = "answer"
    PAGING = "paging"
    WRITING = "writing"
    DELIVERY = "delivery"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ProbeLine:
    """One declared line.

    Parameters
    ----------
    operation : str
        Empty for a line of the whole system.
    line : str
        Its kind, a colon, and what exactly.
    n : int
        How many calls or values were looked at.
    detail : str
        An example of what deviates, or why it was not measured.
    """

    system: str
    operation: str
    line: str
    declared: str
    measured: str = ""
    n: int = 0
    verdict: LineVerdict = LineVerdict.NOT_MEASURED
    detail: str = NOT_REACHED


COLUMNS = tuple(one.name for one in fields(ProbeLine))


class ProbeSheet:
    """The lines of one system, filled in as they are measured; one that is not stays "not measured"."""

    def __init__(self, system: str) -> None:
        self.system = system
        self._lines: dict[tuple[str, str], ProbeLine] = {}

    def declare(self, operation: str, line: str, declared: str) -> None:
        """Put down a line that is to be measured."""
        self._lines[operation, line] = ProbeLine(self.system, operation, line, declared)

    def put(self, operation: str, line: str, verdict: LineVerdict, measured: str, n: int = 1, detail: str = "") -> None:
        """Put down what was measured of a declared line; what was found to deviate before stays."""
        known = self._lines[operation, line]
        if known.verdict is not LineVerdict.DEVIATES:
            self._lines[operation, line] = replace(known, measured=measured, n=n, verdict=verdict, detail=detail)

    def holds(self, operation: str, line: str, is_so: bool, measured: str, n: int = 1, detail: str = "") -> None:
        """Put down whether a declared line is kept."""
        self.put(operation, line, LineVerdict.KEPT if is_so else LineVerdict.DEVIATES, measured, n, detail)

    def leave(self, why: str, operation: str | None = None, kind: StrEnum | None = None) -> None:
        """Say why lines were not measured: of an operation, of a kind, or all that are still open."""
        for key, one in self._lines.items():
            is_meant = operation in (None, key[0]) and (kind is None or key[1].startswith(f"{kind}:"))
            if is_meant and one.detail == NOT_REACHED:
                self._lines[key] = replace(one, detail=why)

    def doubt(self, why: str) -> None:
        """Say why what was not found to be kept means nothing after all."""
        for key, one in self._lines.items():
            if one.verdict in (LineVerdict.DEVIATES, LineVerdict.UNCLEAR):
                self._lines[key] = replace(one, verdict=LineVerdict.UNCLEAR, detail=why)

    def has(self, operation: str, line: str) -> bool:
        """Return whether a line was declared."""
        return (operation, line) in self._lines

    def open_lines(self, kind: LineKind) -> list[ProbeLine]:
        """Return the lines of a kind that nothing was put down for yet."""
        return [one for one in self.lines if one.line.startswith(f"{kind}:") and one.detail == NOT_REACHED]

    @property
    def lines(self) -> tuple[ProbeLine, ...]:
        """All lines, in the order in which they were declared."""
        return tuple(self._lines.values())


def lines_table(lines: Iterable[ProbeLine]) -> pd.DataFrame:
    """Return lines as a table, one a row."""
    rows = [(*astuple(one)[:-2], one.verdict.value, one.detail) for one in lines]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n": "int64"})


def kind_of(line: str) -> LineKind:
    """Return what a line is about.

    Examples
    --------
    >>> kind_of("latency: p95")
    <LineKind.LATENCY: 'latency'>
    """
    return LineKind(line.partition(":")[0])
