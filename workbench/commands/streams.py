"""What the commands print: text of records and models cannot steer a terminal, and no sign ends a command."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from workbench.words import RunError

KEPT = frozenset("\n\t")
TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)))
CONTROLS = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0)))) - KEPT
ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in CONTROLS | TURNING}


def escaped(text: str) -> str:
    r"""Return text in which signs that steer a terminal are spelled out, as JSON spells them.

    Examples
    --------
    >>> print(escaped("a" + chr(27) + "[2Jb"))
    a\u001b[2Jb
    """
    return text if text.isascii() and text.isprintable() else text.translate(ESCAPES)


class EscapedStream:
    """Standard output with every text escaped; what writes escape codes of its own takes `raw` and escapes its texts.

    It says that it is no terminal, as escape codes that are written here are spelled out.
    """

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def write(self, text: str) -> int:
        """Write escaped text."""
        self.raw.write(escaped(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write escaped lines."""
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        """Return False."""
        return False


def raw_stdout() -> TextIO:
    """Return standard output as it is, for what escapes its texts itself."""
    return sys.stdout.raw if isinstance(sys.stdout, EscapedStream) else sys.stdout


@contextmanager
def escaped_output() -> Iterator[None]:
    """Escape what is printed, and replace signs that the output's encoding does not have."""
    before = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if (stream.encoding or "").lower().replace("-", "") != "utf8" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.stdout = EscapedStream(before)
    try:
        yield
    finally:
        sys.stdout = before


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Keep what a pilot's own code prints off standard output."""
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def stoppable() -> Iterator[None]:
    """Make Ctrl-C an error like any other: exit code 1 would read as a gate's NO-GO."""
    try:
        yield
    except KeyboardInterrupt:
        raise RunError(
            "stopped; decisions made so far are stored",
            remedy="run the same command again: it goes on where it stopped",
        ) from None
