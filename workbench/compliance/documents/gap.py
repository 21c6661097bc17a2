"""One thing that an architecture document lacks, says too vaguely, or says otherwise than the pilot is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ArchitectureGap:
    """One gap of an architecture document.

    Parameters
    ----------
    part : str
        Heading of the part, or the file's name where it is about the whole document.
    line : int, optional
        Line of the file, from 1; None where nothing stands there.
    got, expected : str
    remedy : str
        What to do.
    """

    part: str
    line: int | None
    got: str
    expected: str
    remedy: str

    @property
    def where(self) -> str:
        """The part and its line."""
        return self.part if self.line is None else f"{self.part}, line {self.line}"

    def as_json(self) -> dict[str, Any]:
        """Return the gap as JSON values."""
        return asdict(self)
