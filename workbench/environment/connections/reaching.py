"""Tools that reach systems: the operation behind a tool is called in place of its statement or function."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from workbench.environment.connections.connection import Asked, CallError, Connection
from workbench.environment.connections.http import ANSWER, CONNECTION, TIMEOUT
from workbench.environment.connections.opening import connected
from workbench.environment.connections.rest import RestConnection
from workbench.environment.desk import DecisionAt
from workbench.environment.environment import Environment
from workbench.environment.tools import MAX_ROWS, Tool, ToolError
from workbench.environment.trace import Effect
from workbench.pilot.integrations import FieldType, Inventory, Operation, Rate, System, agreed_files
from workbench.words import InputError, shown

NOT_FOUND = ("404", "NotFound")  # how codes end that say that there is no such thing
UNHEARD = (TIMEOUT, CONNECTION, "08006")  # codes after which nobody knows whether it was done


@dataclass(frozen=True, slots=True)
class ReachedSystems:
    """The systems behind an agent's tools, and where they are.

    Parameters
    ----------
    inventory : Inventory
    places : mapping of str to str
        What `{sandbox}`, `{folder}` and `{database}` stand for.
    secrets : mapping of str to str
        Values of the variables that integrations.yaml names.
    known_as : str
        What is reached, where it is not the sandbox as it is: decisions through another are another version's.
    is_paced : bool
        Whether calls wait so that the rate which a system agreed to is kept, however fast decisions are made.
    deadline_s : float
        Seconds for which an answer is waited for, where a tool's own deadline is later.
    """

    inventory: Inventory
    places: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    known_as: str = "sandbox"
    is_paced: bool = True
    deadline_s: float = math.inf

    @property
    def identity(self) -> dict[str, str]:
        """Digests of integrations.yaml and of what makes the stand-in beside it, and what is reached."""
        return {**agreed_files(self.inventory.path.parent), "reached": self.known_as}

    def connection(self, system: System) -> Connection:
        """Return the connection to a system that tools use."""
        return connected(system, self.places, self.secrets, hosts=self.inventory.settings.sandbox.hosts)

    def check(self, environment: Environment) -> None:
        """Refuse operations that stand behind no tool of the environment, or behind one of another effect.

        Raises
        ------
        InputError
            One does, or no tool has an operation behind it.
        """
        behind = self.inventory.behind_tools()
        where, known = str(self.inventory.path), environment.tools
        unknown = [name for name in behind if name not in known]
        if unknown or not behind:
            got = shown(unknown) if unknown else "no operation with `tool:`"
            raise InputError("no operation stands behind a tool", where=where, got=got, expected=shown(known))
        for name, (system, operation_name, operation) in behind.items():
            if operation.effect.value != known[name].effect.value:
                raise InputError(
                    "an operation and the tool before it differ in whether they change anything",
                    where=f"{where}, {system.id}.{operation_name}",
                    got=f"effect: {operation.effect.value}, and the tool {name} {known[name].effect.value}s",
                )

    @asynccontextmanager
    async def opened(self, environment: Environment) -> AsyncIterator[SystemsReach]:
        """Give what calls the operations; nothing is sent before the first call, and at the end every system is left.

        Raises
        ------
        InputError
            A system cannot be reached.
        """
        reach = SystemsReach(self, environment)
        try:
            yield reach
        finally:
            await reach.close()


class SystemsReach:
    """Calls the operations that stand behind tools, each once."""

    def __init__(self, reached: ReachedSystems, environment: Environment) -> None:
        self._reached, self._environment = reached, environment
        self._behind = reached.inventory.behind_tools()
        self._connections: dict[str, Connection] = {
            system.id: reached.connection(system)
            for system in {one.id: one for one, _, _ in self._behind.values()}.values()
        }
        self._names: dict[str, dict[str, str]] = {}
        self._columns: dict[str, tuple[str, ...]] = {}
        self._paces: dict[str, _Pace] = {}

    def stands_behind(self, tool: str) -> bool:
        """Return whether a tool has an operation behind it."""
        return tool in self._behind

    async def __call__(self, tool: Tool, arguments: Mapping[str, Any], decision: DecisionAt, key: str) -> Any:
        """Return what an operation answers, as the tool's own result would be.

        Raises
        ------
        ToolError
            The system refuses it; the message says its code, and whether it may be tried again.
        TimeoutError
            Nobody knows whether it was done.
        """
        system, name, operation = self._behind[tool.name]
        given = {one: decision.fields.get(column) for one, column in operation.arguments.items()} | dict(arguments)
        deadline_s = min(tool.settings.deadline_s, self._reached.deadline_s)
        asked = Asked(name, given, decision.record_id, key, deadline_s)
        try:
            content = await self._content(system, operation, asked)
        except CallError as error:
            if tool.effect is Effect.READ and error.code.endswith(NOT_FOUND):
                return [] if tool.settings.sql is not None else None
            told = _told(error, operation)
            if error.code in UNHEARD or (error.code == ANSWER and tool.effect is Effect.WRITE):
                raise TimeoutError(f"{told}; it may have been done all the same") from None
            raise ToolError(told) from None
        return self._shaped(tool, operation, content)

    async def close(self) -> None:
        """Leave every system."""
        await asyncio.gather(*(one.close() for one in self._connections.values()))

    async def _content(self, system: System, operation: Operation, asked: Asked) -> Any:
        if self._reached.is_paced and system.rate is not None:
            await self._paces.setdefault(system.id, _Pace(system.rate)).wait()
        connection = self._connections[system.id]
        if operation.paging is not None and isinstance(connection, RestConnection):
            return list((await connection.pages(asked)).rows)
        return (await connection.call(asked)).content

    def _shaped(self, tool: Tool, operation: Operation, content: Any) -> Any:
        """Return an answer as a statement or a function would give it."""
        if tool.effect is Effect.WRITE:
            return {"rows": 1}
        if tool.settings.sql is None:
            only = next(iter(operation.answer)) if len(operation.answer) == 1 else None
            return _plain(content[only] if isinstance(content, Mapping) and only in content else content)
        rows = [] if content is None else content if isinstance(content, list) else [content]
        if len(rows) > MAX_ROWS:
            raise ToolError(f"more than {MAX_ROWS} rows; ask more narrowly")
        return [self._row(tool, operation, row) for row in rows]

    def _row(self, tool: Tool, operation: Operation, row: Any) -> dict[str, Any]:
        """Return a row under the names that the tool's statement gives. Raises ToolError where a field is missing."""
        if not isinstance(row, Mapping):
            raise ToolError("the system's answer is no row of fields")
        missing = [name for name, one in operation.answer.items() if name not in row and not one.optional]
        if missing:
            raise ToolError(f"the system's answer lacks {shown(missing)}")
        named = self._names_of(tool, operation)
        absent: dict[str, Any] = {named[name]: None for name in operation.answer if name not in row}
        cells = {str(name): _cell(str(name), one, operation) for name, one in row.items()}
        found = {named.get(name, name): one for name, one in cells.items()} | absent
        own = [name for name in self._columns_of(tool) if name in found]
        return {name: found[name] for name in dict.fromkeys((*own, *found))}

    def _columns_of(self, tool: Tool) -> tuple[str, ...]:
        """Return the columns of a tool's own rows."""
        if tool.name not in self._columns:
            self._columns[tool.name] = self._environment.columns_of(tool)
        return self._columns[tool.name]

    def _names_of(self, tool: Tool, operation: Operation) -> dict[str, str]:
        """Return what a tool's own rows call the fields of an answer, by field: what they become, as its tables say it.

        A table may have a column of the contract under a name of its own.
        """
        if tool.name not in self._names:
            own, filled = self._columns_of(tool), self._environment.image.filled.values()
            of = {column: one for table in filled for one, column in table.items() if one in own}
            becomes = {name: one.becomes or name for name, one in operation.answer.items()}
            self._names[tool.name] = {
                name: column if column in own else of.get(column, column) for name, column in becomes.items()
            }
        return self._names[tool.name]


class _Pace:
    """Lets calls through so that a rate is kept; half of the burst is left for those that meet on their way."""

    def __init__(self, rate: Rate) -> None:
        self._between_s = 1 / rate.per_s
        self._ahead_s = max(1, rate.burst // 2) * self._between_s
        self._next = 0.0

    async def wait(self) -> None:
        """Wait until the next call may be made."""
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now) + self._between_s
        await asyncio.sleep(max(0.0, self._next - self._ahead_s - now))


def _told(error: CallError, operation: Operation) -> str:
    """Return what an agent is told of an error: its code, what it means, and whether to try again."""
    declared = operation.errors.get(error.code)
    if declared is None:
        return f"{error.code}: {error.detail}"
    again = "do not try it again"
    if declared.retry:
        again = "try again" if error.retry_after_s is None else f"try again in {error.retry_after_s:g} s"
    return f"{error.code}: {declared.meaning}; {again}"


def _cell(name: str, value: Any, operation: Operation) -> Any:
    """Return a field as a table would have it: a number where it is declared one, None for an empty text.

    Raises
    ------
    ToolError
        It is declared a number, and is none.
    """
    declared = operation.answer.get(name)
    if declared is None or not isinstance(value, str):
        return _plain(value)
    if value == "":
        return None
    if declared.type not in (FieldType.DECIMAL, FieldType.INTEGER):
        return value
    try:
        number = Decimal(value.replace("," if declared.decimal == "." else ".", "").replace(declared.decimal, "."))
    except ArithmeticError:
        number = Decimal("nan")
    if not number.is_finite():
        raise ToolError(f"the system's answer has {value[:40]!r} as {name}, which is no number")
    return int(number) if declared.type is FieldType.INTEGER else float(number)


def _plain(value: Any) -> Any:
    """Return a value with JSON values only."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
