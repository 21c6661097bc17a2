"""Calls to one system within its declared rate, and the test clock that makes room for more of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from workbench.environment.connections import Account, Answered, Asked, CallError, Connection, connected
from workbench.pilot.integrations import (
    Authentication,
    Operation,
    OperationEffect,
    SandboxSettings,
    System,
    SystemType,
)
from workbench.words import InputError, RunError

TOO_MANY = "429"
CLOCK, WRITTEN = "clock", "list of what was written"
SILENCES = ("08", "57P")  # how codes of databases begin that are gone or going
SHARE_OF_RATE = 0.9  # of the declared rate that is used
TRIES = 3  # of a call that was refused for the rate
LONGEST_WAIT_S = 5.0  # that a system without a test clock is waited for
DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class WayIn:
    """How systems are reached: places of the pilot's own sandbox, secrets by variable, private hosts allowed."""

    places: Mapping[str, str]
    secrets: Mapping[str, str]
    hosts: tuple[str, ...] = ()

    def connection(self, system: System, account: Account = Account.OWN, *, renews: bool = True) -> Connection:
        """Return a connection. Raises InputError where it may not be reached or a credential is missing."""
        return connected(system, self.places, self.secrets, account, hosts=self.hosts, renews=renews)


class HandsOfClock:
    """The test clock of a sandbox, and what it takes back; without one, only what is short is waited for.

    Every method raises RunError where the sandbox does not do it: it is gone, and no line can be measured any more.
    """

    def __init__(self, settings: SandboxSettings, reach: WayIn) -> None:
        self.is_there = settings.clock is not None
        self.takes_back = settings.written is not None
        self._clock = reach.connection(hook_at(settings.clock, "POST ")) if settings.clock else None
        self._written = reach.connection(_writtenhook_at(settings.written)) if settings.written else None
        self._ahead_s = 0.0
        self._stood_at: float | None = None  # by this process's clock

    async def pass_by(self, seconds: float) -> bool:
        """Let so much time pass for the sandbox; return False where that would take too long to wait for."""
        if self._clock is not None:
            await ordered(CLOCK, self._clock, Asked("it", {"advance_s": round(seconds, 3)}))
            self._ahead_s += seconds
        elif seconds <= LONGEST_WAIT_S:
            await asyncio.sleep(seconds)
        else:
            return False
        return True

    def seconds(self) -> float:
        """Return the sandbox's time, from some moment on, as far as this process knows it."""
        return self._ahead_s + (time.monotonic() if self._stood_at is None else self._stood_at)

    @contextlib.asynccontextmanager
    async def standing(self) -> AsyncIterator[None]:
        """Let the clock stand meanwhile, but for what it is put forward, where a sandbox's clock can.

        How busy this machine is then changes nothing of what is counted.
        """
        stands = self._clock is not None and await self._told_to_stand(stands=True)
        self._stood_at = time.monotonic() if stands else None
        try:
            yield
        finally:
            if self._stood_at is not None:
                await self._told_to_stand(stands=False)
                self._ahead_s -= time.monotonic() - self._stood_at
                self._stood_at = None

    async def _told_to_stand(self, *, stands: bool) -> bool:
        if self._clock is None:
            return False
        said = await ordered(CLOCK, self._clock, Asked("it", {"advance_s": 0, "stands": stands}))
        return isinstance(said, dict) and said.get("stands") is True

    async def now(self) -> datetime:
        """Return the moment that it is for the sandbox."""
        if self._clock is not None:
            said = await ordered(CLOCK, self._clock, Asked("it", {"advance_s": 0}))
            with contextlib.suppress(KeyError, TypeError, ValueError):
                return datetime.fromisoformat(said["now"])
        return datetime.now(UTC)

    async def take_all_back(self) -> None:
        """Take back everything that was written to the sandbox."""
        if self._written is not None:
            await ordered(WRITTEN, self._written, Asked("it"))

    async def n_written(self, system: str) -> int | None:
        """Return how many entries stand in what was written to a system, None where that is not to be read."""
        if self._written is None:
            return None
        with contextlib.suppress(CallError, KeyError, TypeError, AttributeError):
            listed = (await self._written.call(Asked("listed"))).content["written"]
            return len([one for one in listed if one.get("system") == system])
        return None

    async def close(self) -> None:
        """Leave the sandbox."""
        for one in (self._clock, self._written):
            if one is not None:
                await one.close()


async def ordered(what: str, hook: Connection, asked: Asked) -> Any:
    """Return what a path answers that only tests use."""
    try:
        return (await hook.call(asked)).content
    except CallError as error:
        raise RunError(
            f"the sandbox's {what} does not answer as it must, so that no line can be measured",
            got=f"{error.code}: {error.detail}",
            remedy="look whether the sandbox still runs, then probe again",
        ) from None


class Caller:
    """Calls of one system; with `call` they stay within its declared rate."""

    def __init__(self, system: System, reach: WayIn, clock: HandsOfClock) -> None:
        self.system, self.reach, self.clock = system, reach, clock
        self._connections: dict[Account, Connection] = {}
        self._left, self._since = 1.0, time.monotonic()
        self._waits = asyncio.Lock()  # of calls at once, one puts the clock forward for all

    def connection(self, account: Account = Account.OWN) -> Connection:
        """Return the connection under an account, opened when it is first asked for."""
        if account not in self._connections:
            self._connections[account] = self.reach.connection(self.system, account)
        return self._connections[account]

    async def call(
        self, asked: Asked, account: Account = Account.OWN, connection: Connection | None = None
    ) -> Answered:
        """Call within the declared rate; what is refused for the rate is called again.

        A token that aged while the clock was put forward is refused once, so the own account is tried a second time.
        """
        used = connection or self.connection(account)
        for number in range(TRIES):
            await self.room()
            try:
                return await used.call(asked)
            except CallError as error:
                is_last = number == TRIES - 1
                is_aged = error.code in self.system.auth_denied and account is Account.OWN and connection is None
                if is_last or not (error.code == TOO_MANY or (is_aged and number == 0)):
                    raise
                if error.code == TOO_MANY and not await self.clock.pass_by(error.retry_after_s or 1.0):
                    raise
        raise AssertionError("unreachable")

    async def room(self, calls: int = 1) -> None:
        """Wait until so many calls are within the declared rate, or put the clock forward until they are."""
        rate = self.system.rate
        if rate is None:
            return
        per_s, most = SHARE_OF_RATE * rate.per_s, max(SHARE_OF_RATE * rate.burst, calls)
        async with self._waits:
            now = time.monotonic()
            self._left, self._since = min(most, self._left + (now - self._since) * per_s), now
            if self._left < calls:
                span = (most if self.clock.is_there else calls) - self._left
                await self.clock.pass_by(min(span / per_s, LONGEST_WAIT_S))
                self._left, self._since = self._left + span, time.monotonic()
            self._left -= calls

    async def n_written(self) -> int | None:
        """Return how many entries stand in what was written to the system, None where that is not to be read."""
        return await self.clock.n_written(self.system.id)

    async def has_written_since(self, before: int | None) -> bool:
        """Return whether more entries stand there than before; False where that is not to be read."""
        now = await self.n_written()
        return before is not None and now is not None and now > before

    async def fill_up(self) -> None:
        """Let as much time pass as the whole burst needs to be free again."""
        rate = self.system.rate
        if rate is not None:
            await self.clock.pass_by(min(rate.burst / rate.per_s + 1.0, LONGEST_WAIT_S))

    async def close(self) -> None:
        """Close every connection."""
        for one in self._connections.values():
            await one.close()
        self._connections.clear()


def is_silence(code: str) -> bool:
    """Return whether a code says that no answer came, so that nobody knows what came of the call.

    Examples
    --------
    >>> is_silence("timeout"), is_silence("08006"), is_silence("503")
    (True, True, False)
    """
    return code in ("timeout", "connection") or code.startswith(SILENCES)


def with_operation(system: System, name: str, **operation: Any) -> System:
    """Return a system with one more operation, or another one of that name."""
    added = Operation.model_validate({"effect": OperationEffect.READ, **operation})
    return system.model_copy(update={"operations": {**system.operations, name: added}})


def with_scope(system: System, scope: str | None) -> System:
    """Return a system whose tokens are asked for with another scope, or without one."""
    assert system.auth is not None
    auth: Authentication = system.auth.model_copy(update={"scope": scope})
    return system.model_copy(update={"auth": auth})


@dataclass(frozen=True, slots=True)
class EndedCall:
    """How a call ended: its code, that of one that ended well is its status; what was said of it, or its content.

    Headers are those of a call that ended well.
    """

    operation: str
    code: str
    said: str
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_answered(self) -> bool:
        """Whether it ended well."""
        return self.code == "ok" or (len(self.code) == 3 and self.code.startswith("2"))  # not an SQLSTATE


async def ended_call(connection: Connection, asked: Asked) -> EndedCall:
    """Call once and return how it ended."""
    try:
        answered = await connection.call(replace(asked, deadline_s=DEADLINE_S))
    except CallError as error:
        return EndedCall(asked.operation, error.code, error.detail)
    return EndedCall(asked.operation, answered.code, "answered", answered.content, answered.headers)


async def code_of(connection: Connection, asked: Asked) -> tuple[str, str]:
    """Return the code that a call ends with, and what is said of it; the code of one that ends well is its status."""
    ended = await ended_call(connection, asked)
    return ended.code, ended.said


def hook_at(address: str, call: str) -> System:
    """Return the address of a test hook as a system with one call."""
    bare = System(id="test", type=SystemType.REST, sandbox=address)
    return with_operation(bare, "it", call=call)


def _writtenhook_at(address: str) -> System:
    """Return the address of what was written: a call that takes it back, and one that lists it."""
    return with_operation(hook_at(address, "DELETE "), "listed", call="GET ")


def known_secrets(reach: WayIn, system: System, account: Account) -> str | None:
    """Return why an account cannot be used, None where it can."""
    try:
        reach.connection(system, account)
    except InputError as error:
        return f"{error.problem}: {error.got}" if error.got else error.problem
    return None
