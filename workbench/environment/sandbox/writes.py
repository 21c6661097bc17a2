"""What the calls of a sandbox have written, and writes that happen once for a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workbench.environment.sandbox.clock import SandboxClock


class KeyUsedError(Exception):
    """A key comes again with another content."""


class WrittenEffects:
    """Every effect that really happened, in order; `forget` takes them back in all systems.

    A system that keeps state says with `on_forget` how it forgets.
    """

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._entries: list[dict[str, Any]] = []
        self._forgetting: list[Callable[[], None]] = []

    def add(
        self, system: str, operation: str, content: Mapping[str, Any], correlation: str = "", key: str | None = None
    ) -> None:
        """Note an effect."""
        entry = {"system": system, "operation": operation, "correlation": correlation, "key": key}
        self._entries.append({**entry, "content": dict(content), "at": self._clock.now().isoformat()})

    def listed(self) -> list[dict[str, Any]]:
        """Return the effects so far."""
        return list(self._entries)

    def on_forget(self, forget: Callable[[], None]) -> None:
        """Call this too when everything is taken back."""
        self._forgetting.append(forget)

    def forget(self) -> None:
        """Take back everything that was written."""
        self._entries.clear()
        for forget in self._forgetting:
            forget()


class WrittenOnce:
    """Writes by key: a second with the same key and content gives the first answer and changes nothing."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[Any, Any]] = {}

    def __call__(self, key: str, content: Any, write: Callable[[], Any]) -> tuple[Any, bool]:
        """Return the answer, and whether it was written now.

        Raises
        ------
        KeyUsedError
            The key was used with another content.
        """
        if key in self._done:
            before, answered = self._done[key]
            if before != content:
                raise KeyUsedError(key)
            return answered, False
        self._done[key] = (content, write())
        return self._done[key][1], True

    def forget(self) -> None:
        """Forget every key."""
        self._done.clear()
