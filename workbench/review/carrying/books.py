"""The systems that answers are written back to: the pilot's sandbox, else a database of the environment's tables."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Protocol

from workbench.environment import IDEMPOTENCY_KEY, DecisionAt, Environment, Reach, Tool, ToolError
from workbench.environment.connections import ReachedSystems, allowed_address
from workbench.environment.sandbox import RunningSandbox
from workbench.pilot.integrations import Inventory, placed_address
from workbench.records import Record
from workbench.words import InputError, RunError

BOOKS_FILE = "carried_out.db"
KEYS = "workbench_keys"  # beside the environment's tables: what was written under which key
WAIT_S, ANSWERING_S, TRIES = 30.0, 10.0, 3
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a sandbox is on this machine


class SystemBooks(Protocol):
    """What is written to, once for a key."""

    said: str

    async def write(self, tool: Tool, arguments: Mapping[str, Any], record: Record, key: str) -> None:
        """Carry something out; the same key again changes nothing. Raises ToolError where it is refused."""

    def held(self, keys: Collection[str]) -> Counter[str]:
        """Return how many rows the systems hold under each of some keys."""


class WrittenBooks:
    """A database of the environment's tables that stays, where no sandbox stands behind the tools.

    A write and the note of its key are one transaction: whoever is ended between them leaves neither.

    Parameters
    ----------
    path : Path
        The file, made where there is none.

    Raises
    ------
    InputError
        A tool that writes is a function: nothing says what it would do to tables that stay.
    """

    def __init__(self, path: Path, environment: Environment) -> None:
        self._path, self._environment = path, environment
        self.said = f"the environment's tables in {path.name}"
        if not path.exists():
            self._make()

    def _make(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with closing(sqlite3.connect(":memory:")) as image, closing(sqlite3.connect(draft)) as file:
            image.deserialize(self._environment.image.content)
            image.backup(file)
            file.execute(f"CREATE TABLE IF NOT EXISTS {KEYS} (key PRIMARY KEY, said, at)")
            file.commit()
        draft.replace(self._path)

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)

    async def write(self, tool: Tool, arguments: Mapping[str, Any], record: Record, key: str) -> None:
        """Run a tool's statement, unless its key is there already."""
        if tool.settings.sql is None:
            raise ToolError(f"{tool.name} is a function; only a sandbox of the systems can stand behind it")
        said = json.dumps({"tool": tool.name, "arguments": dict(arguments)}, sort_keys=True)
        with closing(self._opened()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                before = connection.execute(f"SELECT said FROM {KEYS} WHERE key = ?", (key,)).fetchone()
                if before is not None and before[0] != said:
                    raise ToolError("the key was used with another content")
                if before is None:
                    connection.execute(f"INSERT INTO {KEYS} VALUES (?, ?, ?)", (key, said, time.time()))
                    connection.execute(tool.settings.sql, {**arguments, IDEMPOTENCY_KEY: key})
                connection.execute("COMMIT")
            except BaseException as error:
                connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise ToolError(str(error)) from None
                raise

    def held(self, keys: Collection[str]) -> Counter[str]:
        """Return how many rows hold each key; where a tool keeps none, whether it was called with it."""
        wanted = frozenset(keys)
        tables = {table for tool in self._environment.tools.values() if tool.takes_key for table in tool.writes}
        with closing(self._opened()) as connection:
            cells = Counter[str]()
            for table in sorted(tables):
                rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
                cells.update(cell for row in rows for cell in row if isinstance(cell, str) and cell in wanted)
            cells.update(self._keyless(connection) & wanted)
        return cells

    def _keyless(self, connection: sqlite3.Connection) -> set[str]:
        """Return the keys under which a tool was called whose statement does not keep the key."""
        tools = self._environment.tools
        said = connection.execute(f"SELECT key, said FROM {KEYS}").fetchall()
        named = {key: json.loads(content)["tool"] for key, content in said}
        return {key for key, name in named.items() if name in tools and not tools[name].takes_key}


class ReachedBooks:
    """The systems of a sandbox, reached as an agent reaches them."""

    def __init__(self, reach: Reach, inventory: Inventory, sandbox: RunningSandbox) -> None:
        self._reach, self.said = reach, sandbox.said
        written = inventory.settings.sandbox.written
        if written is None:
            raise InputError(
                "nothing says what the sandbox holds after a decision was carried out",
                where=f"{inventory.path}, sandbox.written",
                remedy="name the address that lists what was written (docs/how_to/integrations.md)",
            )
        address = placed_address(written, sandbox.places)
        self._written = allowed_address(address, inventory.settings.sandbox.hosts)

    async def write(self, tool: Tool, arguments: Mapping[str, Any], record: Record, key: str) -> None:
        """Call the operation behind a tool; where nothing is heard of it, again with the same key."""
        at = DecisionAt(record.fields, key, record_id=record.id)
        for left in reversed(range(TRIES)):
            try:
                await self._reach(tool, arguments, at, key)
                return
            except TimeoutError as late:
                if not left:
                    raise ToolError(str(late)) from None

    def held(self, keys: Collection[str]) -> Counter[str]:
        """Return how many effects the sandbox lists under each key."""
        wanted = frozenset(keys)
        try:
            with _DIRECT.open(self._written.url, timeout=ANSWERING_S) as said:
                rows = json.loads(said.read())["written"]
            return Counter(str(one["key"]) for one in rows if one.get("key") in wanted)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                "the sandbox does not say what it holds", where=self._written.url, got=str(error)[:200]
            ) from None


@asynccontextmanager
async def reached_books(
    inventory: Inventory, sandbox: RunningSandbox, environment: Environment
) -> AsyncIterator[ReachedBooks]:
    """Give the systems of a running sandbox until the block ends."""
    reached = ReachedSystems(inventory, sandbox.places, sandbox.secrets)
    async with reached.opened(environment) as reach:
        yield ReachedBooks(reach, inventory, sandbox)


def carrying_tools(environment: Environment, where: Path) -> dict[str, Tool]:
    """Return the tool that carries out each action. Raises InputError where no tool does any."""
    found: dict[str, Tool] = {}
    for tool in environment.tools.values():
        if tool.settings.carries_out is not None:
            found.setdefault(tool.settings.carries_out, tool)
    if not found:
        raise InputError(
            "no tool carries an answer out",
            where=str(where),
            remedy="say of the tools that do with `carries_out: ACTION` (docs/how_to/act.md)",
        )
    return found


def stand_behind(inventory: Inventory | None, tools: Iterable[Tool]) -> bool:
    """Return whether a sandbox stands behind every one of some tools."""
    if inventory is None or inventory.settings.sandbox.serve is None:
        return False
    behind = inventory.behind_tools()
    return all(tool.name in behind for tool in tools)
