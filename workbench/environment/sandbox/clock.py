"""The clock of a sandbox: it runs as clocks do, and a test may put it forward, or let it stand."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class SandboxClock:
    """A clock that can be put forward.

    Parameters
    ----------
    source : callable
        Seconds since 1970 of the clock behind it.

    Examples
    --------
    >>> clock = SandboxClock(lambda: 0.0)
    >>> clock.advance(90)
    >>> clock.now().isoformat()
    '1970-01-01T00:01:30+00:00'
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source, self._ahead_s = source, 0.0
        self._stood_at: float | None = None  # by the source

    def seconds(self) -> float:
        """Return the seconds since 1970, with what it was put forward."""
        return self._ahead_s + (self._source() if self._stood_at is None else self._stood_at)

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def advance(self, seconds: float) -> None:
        """Put it forward. Raises ValueError where it would go back, or is no number."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"a clock goes forward, not by {seconds}")
        self._ahead_s += seconds

    def stand(self, *, stands: bool) -> None:
        """Let it stand until it is put forward, or go on from where it stood."""
        if stands:
            self._stood_at = self._source() if self._stood_at is None else self._stood_at
        elif self._stood_at is not None:
            self._ahead_s -= self._source() - self._stood_at
            self._stood_at = None

    @property
    def stands(self) -> bool:
        """Whether it stands."""
        return self._stood_at is not None
