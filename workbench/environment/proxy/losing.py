"""A connection to a database that is lost in the middle of a transaction, where it is armed to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from workbench.environment.connections import Answered, Asked, Connection
from workbench.environment.proxy.kinds import ArmedFault, FiredFault
from workbench.pilot.integrations import System


class LosingConnection:
    """Stands around the connection to a database.

    The driver's own connection is closed once the statement has run and before its transaction ends, so that what comes
    then is what a lost connection is to the driver.

    Attributes
    ----------
    ledger : list of FiredFault
    """

    def __init__(self, inner: Connection, system: System) -> None:
        self._inner, self._system = inner, system
        self._armed: ArmedFault | None = None
        self._calls = 0
        self.ledger: list[FiredFault] = []

    def arm(self, fault: ArmedFault) -> None:
        """Lose the connection at a call from now on."""
        self._armed, self._calls = fault, 0

    def disarm(self) -> None:
        """Lose nothing from now on."""
        self._armed = None

    async def call(self, asked: Asked) -> Answered:
        """Call an operation once. Raises CallError where it does not end well."""
        fault = self._armed
        if fault is None or (fault.operation, fault.correlation) != (asked.operation, asked.correlation):
            return await self._inner.call(asked)
        self._calls += 1
        if self._calls != fault.call:
            return await self._inner.call(asked)
        statement = " ".join(self._system.operations[asked.operation].call.split())
        with _Losing(statement, lambda: self._note(fault, statement)):
            return await self._inner.call(asked)

    async def close(self) -> None:
        """Leave the system."""
        await self._inner.close()

    def _note(self, fault: ArmedFault, statement: str) -> None:
        at, done = (
            datetime.now(UTC).isoformat(timespec="milliseconds"),
            "connection closed before the transaction ended",
        )
        self.ledger.append(FiredFault(fault, at, statement[:100], done, accepted=True))


class _Losing:
    """Closes the driver's connection after a statement, once, until the block ends; `lost` is told of it."""

    def __init__(self, statement: str, lost: Callable[[], None]) -> None:
        self._start, self._lost, self._is_done = statement.partition(":")[0], lost, False

    def __enter__(self) -> None:
        import sqlalchemy

        sqlalchemy.event.listen(sqlalchemy.Engine, "after_cursor_execute", self._after)

    def __exit__(self, *_: object) -> None:
        import sqlalchemy

        sqlalchemy.event.remove(sqlalchemy.Engine, "after_cursor_execute", self._after)

    def _after(self, connection: Any, _cursor: object, statement: str, *_: object) -> None:
        if not self._is_done and " ".join(statement.split()).startswith(self._start.strip()):
            self._is_done = True
            connection.connection.driver_connection.close()
            self._lost()
