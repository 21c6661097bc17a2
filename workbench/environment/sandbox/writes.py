"""What the calls of a sandbox have written, and writes that happen once for a key.

Both are kept in a file, so that the memory of a sandbox stays the same however much is written.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from workbench.environment.sandbox.clock import SandboxClock

EFFECT = ("system", "operation", "correlation", "key", "content", "at")


class KeyUsedError(Exception):
    """A key comes again with another content."""


class WrittenEffects:
    """Every effect that really happened, in order; `forget` takes them back in all systems.

    A system that keeps state says with `on_forget` how it forgets.
    """

    def __init__(self, store: sqlite3.Connection, clock: SandboxClock) -> None:
        self._store, self._clock = store, clock
        self._forgetting: list[Callable[[], None]] = []
        store.execute(
            "CREATE TABLE effects (number INTEGER PRIMARY KEY, system, operation, correlation, key, content, at)"
        )

    def add(
        self, system: str, operation: str, content: Mapping[str, Any], correlation: str = "", key: str | None = None
    ) -> None:
        """Note an effect."""
        said = json.dumps(dict(content), ensure_ascii=False)
        effect = (system, operation, correlation, key, said, self._clock.now().isoformat())
        self._store.execute("INSERT INTO effects VALUES (NULL, ?, ?, ?, ?, ?, ?)", effect)

    def listed(self) -> list[dict[str, Any]]:
        """Return the effects so far."""
        rows = self._store.execute(f"SELECT {', '.join(EFFECT)} FROM effects ORDER BY number")
        found = [dict(zip(EFFECT, row, strict=True)) for row in rows]
        return [{**one, "content": json.loads(one["content"])} for one in found]

    def on_forget(self, forget: Callable[[], None]) -> None:
        """Call this too when everything is taken back."""
        self._forgetting.append(forget)

    def forget(self) -> None:
        """Take back everything that was written."""
        self._store.execute("DELETE FROM effects")
        for forget in self._forgetting:
            forget()


class WrittenOnce:
    """Writes by key: a second with the same key and content gives the first answer and changes nothing.

    Parameters
    ----------
    store : sqlite3.Connection
        Of the stand-in.
    kind : str
        What is written; each kind has keys of its own.
    """

    def __init__(self, store: sqlite3.Connection, kind: str) -> None:
        self._store, self._kind = store, kind
        store.execute("CREATE TABLE IF NOT EXISTS once (kind, key, content, answer, PRIMARY KEY (kind, key))")

    def __call__(self, key: str, content: Any, write: Callable[[], Any]) -> tuple[Any, bool]:
        """Return the answer, and whether it was written now; content and answer are JSON values.

        Raises
        ------
        KeyUsedError
            The key was used with another content.
        """
        said = json.dumps(content, sort_keys=True)
        asked = "SELECT content, answer FROM once WHERE kind = ? AND key = ?"
        before = self._store.execute(asked, (self._kind, key)).fetchone()
        if before is not None:
            if before[0] != said:
                raise KeyUsedError(key)
            return json.loads(before[1]), False
        answer = write()
        self._store.execute("INSERT INTO once VALUES (?, ?, ?, ?)", (self._kind, key, said, json.dumps(answer)))
        return answer, True

    def forget(self) -> None:
        """Forget every key."""
        self._store.execute("DELETE FROM once WHERE kind = ?", (self._kind,))
