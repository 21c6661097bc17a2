"""What a pilot's stand-in is made from, and what it gives back."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.environment.sandbox.clock import SandboxClock
from workbench.environment.sandbox.gate import WebApp
from workbench.environment.sandbox.writes import WrittenEffects

STORE_FILE = "written.db"
SandboxDocument = Mapping[str, Any]


@dataclass(slots=True)
class TenantApart:
    """What of a sandbox is not the agent's to see or to change.

    Parameters
    ----------
    records : list of mapping of str to str
        Ids of another tenant's records, by column of the contract.
    canaries : list of str
        Texts that stand in rows which no case needs.
    """

    records: list[Mapping[str, str]] = field(default_factory=list)
    canaries: list[str] = field(default_factory=list)


class StandIn:
    """What the code of a pilot makes its systems from.

    Parameters
    ----------
    documents : iterable of mapping
        What an agent may see of every record, in order of time; no labels.
    id_column : str
        The column with a record's id.
    secrets : mapping of str to str
        Value of every variable that integrations.yaml names for credentials, by name.
    folder : Path
        For files; it is removed when the sandbox ends.
    database : str, optional
        Address of a server's database under an account that may make roles; SQLite in the folder without it.
    ends : contextlib.ExitStack
        What is to be done when the sandbox ends.
    apart : TenantApart
        What the agent's account must not see.
    """

    def __init__(
        self,
        documents: Iterable[SandboxDocument],
        id_column: str,
        secrets: Mapping[str, str],
        folder: Path,
        database: str | None = None,
        clock: SandboxClock | None = None,
    ) -> None:
        self.documents = tuple(documents)
        self.secrets, self.folder, self.database = secrets, folder, database
        self.clock = SandboxClock() if clock is None else clock
        self.ends = ExitStack()
        self.apart = TenantApart()
        self._issued = self.clock.now().isoformat()
        self._positions = {str(one[id_column]): position for position, one in enumerate(self.documents)}
        self._places: dict[tuple[str, ...], dict[tuple[Any, ...], list[int]]] = {}

    @cached_property
    def store(self) -> sqlite3.Connection:
        """Where systems keep what they are told: a database in a file, each statement for itself."""
        store = sqlite3.connect(self.folder / STORE_FILE, isolation_level=None, check_same_thread=False)
        store.execute("PRAGMA journal_mode = MEMORY")
        store.execute("PRAGMA synchronous = OFF")  # what a sandbox was told need not outlive it
        self.ends.callback(store.close)
        return store

    @cached_property
    def written(self) -> WrittenEffects:
        """Every effect that really happened."""
        return WrittenEffects(self.store, self.clock)

    def told_apart(self) -> dict[str, Any]:
        """Return what a test may ask of another tenant, and when each secret was issued: when the sandbox was made."""
        issued = dict.fromkeys(self.secrets, self._issued)
        return {"records": list(self.apart.records), "canaries": list(self.apart.canaries), "issued": issued}

    def as_of(self, correlation: str, **keys: Any) -> SandboxDocument | None:
        """Return the last document with some values that was there when a record came, None where none was.

        Parameters
        ----------
        correlation : str
            Id of the record; with one that there is not, the last of all is meant.
        keys : object
            Columns and their values.
        """
        columns = tuple(keys)
        if columns not in self._places:
            places: dict[tuple[Any, ...], list[int]] = {}
            for position, one in enumerate(self.documents):
                places.setdefault(tuple(one[column] for column in columns), []).append(position)
            self._places[columns] = places
        found = self._places[columns].get(tuple(keys.values()), [])
        n_before = bisect_right(found, self._positions.get(correlation, len(self.documents)))
        return self.documents[found[n_before - 1]] if n_before else None


@dataclass(frozen=True, slots=True)
class SandboxSystems:
    """The systems of a sandbox.

    Parameters
    ----------
    apps : mapping of str to callable
        ASGI application by the first part of its paths, such as "erp".
    database : str, optional
        Address under which agents reach its database, without user and password.
    during : tuple of async context manager
        Entered before the first call, left after the last.
    """

    apps: Mapping[str, WebApp]
    database: str | None = None
    during: tuple[AbstractAsyncContextManager[Any], ...] = ()
