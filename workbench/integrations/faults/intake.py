"""Messages and files read under faults: each message by its number, each row of a file by its id, kept exactly once.

The reader here is how a pilot is to read: it keeps a message before it acknowledges it, looks by number whether it has
it, and takes a file only with its end.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.environment.connections import Asked, CallError, Connection, QueueConnection
from workbench.environment.proxy import ArmedFault, FaultKind, FaultProxy, FaultRoute, FiredFault, acknowledging
from workbench.integrations.faults.outcomes import EndedDecision, HeldEffect, canonical
from workbench.integrations.faults.reading import SandboxBooks
from workbench.integrations.faults.tables import FaultedRecord

READ = "read"  # what an intake says that it did
MESSAGES = 5  # read under one fault
AGAIN_S = 60.0  # after which a queue delivers again what was not acknowledged
MOST_TRIES = 4  # times as many calls as there are messages
NUMBER = "message"


@dataclass(slots=True)
class Kept:
    """What a reader keeps, by number or id; `times` is every keeping, in order, as it would go to an agent."""

    by_key: dict[str, Any] = field(default_factory=dict)
    times: list[tuple[str, str]] = field(default_factory=list)

    def keep(self, key: str, content: Any) -> None:
        """Keep what is not there yet."""
        if key not in self.by_key:
            self.by_key[key] = content
            self.times.append((key, canonical(content)))

    def held(self, key: str, operation: str) -> tuple[HeldEffect, ...]:
        """Return what was kept under a key."""
        return tuple(HeldEffect(operation, content) for known, content in self.times if known == key)


@dataclass(frozen=True, slots=True)
class QueueUnderTest:
    """A queue behind a proxy."""

    system: str
    operation: str
    connection: QueueConnection
    proxy: FaultProxy
    route: FaultRoute
    books: SandboxBooks

    async def tried(self, kind: FaultKind) -> list[FaultedRecord]:
        """Read some messages under a fault, and return what came of each."""
        cell = (kind, self.system, self.operation)
        expected = await self._peeked()
        if not expected or not await self.books.wait(AGAIN_S):
            return [FaultedRecord(*cell)]
        is_of_acknowledging = kind is FaultKind.DELIVERED_TWICE
        route = acknowledging(self.route) if is_of_acknowledging else self.route
        before, kept = len(self.proxy.ledger), Kept()
        self.proxy.arm(ArmedFault(kind, self.system, self.operation, ""), route)
        await self._read(kept, len(expected))
        self.proxy.disarm()
        await self.books.wait(AGAIN_S)  # what is not acknowledged by now comes again
        await self._read(kept, len(expected), until_empty=True)
        fired = next(iter(self.proxy.ledger[before:]), None)
        return read_outcomes(cell, fired, expected, kept)

    async def _peeked(self) -> dict[str, Any]:
        """Return the next messages by number, none of them acknowledged."""
        found: dict[str, Any] = {}
        for _ in range(MESSAGES):
            content = await self._received()
            if content is None:
                break
            found[str(content[NUMBER])] = content
        return found

    async def _read(self, kept: Kept, n: int, *, until_empty: bool = False) -> None:
        """Keep and acknowledge messages, until so many are kept or, within some tries, none comes any more."""
        for _ in range(MOST_TRIES * n):
            try:
                content = await self._received()
                if content is None:
                    return
                kept.keep(str(content[NUMBER]), content)
                await self.connection.acknowledge(content[NUMBER])
            except CallError:
                continue  # what was not acknowledged comes again
            if not until_empty and len(kept.by_key) >= n:
                return

    async def _received(self) -> Any:
        return (await self.connection.call(Asked(self.operation))).content


async def tried_half_written(
    cell: tuple[str, str], whole: Path, id_field: str | None, connected: Callable[[Path], Connection]
) -> list[FaultedRecord]:
    """Read a file while it is half written and once it is whole, and return what came of each of its rows.

    Parameters
    ----------
    cell : (str, str)
        System and operation.
    whole : Path
        A file as the sandbox leaves it.
    id_field : str, optional
        Field that tells its rows apart; the first one without it.
    connected : callable
        Gives a connection to a folder.
    """
    content = whole.read_bytes()
    kept, where = Kept(), (FaultKind.HALF_WRITTEN, *cell)
    with tempfile.TemporaryDirectory(prefix="workbench-half-") as folder:
        path, connection = Path(folder) / whole.name, connected(Path(folder))
        try:
            path.write_bytes(content[: len(content) // 2])
            await _read_file(connection, cell[1], path.name, id_field, kept)
            done = f"{len(content) // 2} of {len(content)} bytes there when it was read, then all"
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            fired = FiredFault(ArmedFault(*where, ""), at, path.name, done, accepted=True)
            beside = path.with_suffix(".part")
            beside.write_bytes(content)
            beside.replace(path)
            expected = Kept()
            await _read_file(connection, cell[1], path.name, id_field, expected)
            for key, row in expected.by_key.items():
                kept.keep(key, row)
        finally:
            await connection.close()
    return read_outcomes(where, fired, expected.by_key, kept) or [FaultedRecord(*where)]


async def _read_file(connection: Connection, operation: str, name: str, id_field: str | None, kept: Kept) -> None:
    """Keep the rows of a file that is whole; another one is left for later."""
    try:
        rows = (await connection.call(Asked(operation, {"file": name}))).content
    except CallError:
        return
    for row in rows:
        kept.keep(str(row.get(id_field) if id_field in row else next(iter(row.values()), "")), row)


def read_outcomes(
    cell: tuple[FaultKind, str, str], fired: FiredFault | None, expected: Mapping[str, Any], kept: Kept
) -> list[FaultedRecord]:
    """Return what came of each message or row that was there."""
    operation = f"{cell[1]}.{cell[2]}"
    return [
        FaultedRecord(
            *cell,
            key,
            fired,
            EndedDecision(READ, (HeldEffect(operation, canonical(content)),)),
            EndedDecision(READ, kept.held(key, operation)),
            READ,
        )
        for key, content in expected.items()
    ]
