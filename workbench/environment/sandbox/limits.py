"""How many calls a system of a sandbox takes: a token bucket for each account."""

from __future__ import annotations

from workbench.environment.sandbox.clock import SandboxClock

MOMENT_S = 1e-9  # what rounding may lose of the time that a call was asked to wait


class TokenBucket:
    """Takes `burst` calls at once and `per_s` a second on the long run, of each account.

    Examples
    --------
    >>> bucket = TokenBucket(2, 1, SandboxClock(lambda: 0.0))
    >>> bucket.take("agent"), bucket.take("agent")
    (0.0, 0.5)
    """

    def __init__(self, per_s: float, burst: int, clock: SandboxClock) -> None:
        self.per_s, self.burst = per_s, burst
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, account: str) -> float:
        """Take one call; return the seconds until one would be taken, 0 where this one was."""
        now = self._clock.seconds()
        left, since = self._left.get(account, (float(self.burst), now))
        left = min(self.burst, left + (now - since) * self.per_s)
        is_taken = left >= 1 - self.per_s * MOMENT_S
        self._left[account] = (left - 1 if is_taken else left, now)
        return 0.0 if is_taken else (1 - left) / self.per_s
