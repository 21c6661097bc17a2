"""Tools: what an agent may call, checked as environment.yaml is read; statements run here, functions elsewhere."""

from __future__ import annotations

import ast
import math
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.environment.settings import (
    ENVIRONMENT_FILE,
    IDEMPOTENCY_KEY,
    Argument,
    ArgumentType,
    ToolSettings,
)
from workbench.environment.state import StateImage, sql_name
from workbench.environment.trace import Effect
from workbench.words import InputError, did_you_mean, shown

STATE = "state"  # a function's parameter of this name is the database
MAX_ROWS = 200  # rows that a statement gives an agent
OPS_BETWEEN_LOOKS = 10_000
PYTHON_TYPES = {
    "str": ArgumentType.STRING,
    "float": ArgumentType.NUMBER,
    "int": ArgumentType.INTEGER,
    "bool": ArgumentType.BOOLEAN,
}
ANY_VALUE: Mapping[ArgumentType, Any] = {
    ArgumentType.STRING: "any",
    ArgumentType.NUMBER: 1.0,
    ArgumentType.INTEGER: 1,
    ArgumentType.BOOLEAN: True,
}
MAX_DOCUMENT = 200  # characters of a document's name
BETWEEN_DOCUMENTS = ";"  # as a record's `needs` and outcomes list them
HOW_TO_SEARCH = 'search for words or a "phrase", with AND, OR and NOT; a word with other signs stands in double quotes'
_WRITING = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
# One INSERT that selects nothing and changes no row that is there adds one row; several rows of VALUES are a selection.
_MANY = _WRITING | {sqlite3.SQLITE_SELECT}
_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})


class ToolError(Exception):
    """A call that a tool refuses or cannot do; the agent is told why."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool, ready to be called.

    Parameters
    ----------
    arguments : mapping of str to Argument
        What an agent gives.
    writes : tuple of str
        Tables that it may change.
    takes_key, takes_state : bool
        Whether it is given an idempotency key, and, a function, the database.
    adds : mapping of str to int, optional
        New rows by table after one call, as its statement says; None where only a call shows it.
    searches : bool
        Whether it is a statement that reads a full-text table.
    memory : str, optional
        The memory across decisions that it reads or replaces; it then has neither statement nor function.
    """

    name: str
    description: str
    settings: ToolSettings
    arguments: Mapping[str, Argument]
    writes: tuple[str, ...]
    takes_key: bool = False
    takes_state: bool = False
    adds: Mapping[str, int] | None = None
    searches: bool = False
    memory: str | None = None

    @property
    def effect(self) -> Effect:
        """Whether it changes anything."""
        return self.settings.effect

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its arguments."""
        properties = {
            name: {"type": one.type.value, **({"description": one.description} if one.description else {})}
            for name, one in self.arguments.items()
        }
        required = [name for name, one in self.arguments.items() if one.required]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def checked(self, arguments: object) -> dict[str, Any]:
        """Return arguments as the tool takes them. Raises ToolError, which says what does not fit."""
        if not isinstance(arguments, Mapping):
            raise ToolError(f"arguments must be an object, got {type(arguments).__name__}")
        unknown = [str(name) for name in arguments if name not in self.arguments]
        if unknown:
            raise ToolError(f"unknown argument {shown(unknown)}; it takes {shown(self.arguments) or 'none'}")
        missing = [name for name, one in self.arguments.items() if one.required and arguments.get(name) is None]
        if missing:
            raise ToolError(f"missing argument {shown(missing)}")
        return {name: _typed(name, arguments.get(name), one) for name, one in self.arguments.items()}

    def filled_from(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments as cells of their names have them, where none fits some value of the declared type."""
        return {name: _filled(name, cells.get(name), one) for name, one in self.arguments.items()}


def _filled(name: str, cell: Any, argument: Argument) -> Any:
    try:
        return ANY_VALUE[argument.type] if cell is None else _typed(name, cell, argument)
    except ToolError:
        return ANY_VALUE[argument.type]


def _typed(name: str, value: Any, argument: Argument) -> Any:
    """Return a value of an argument's type; numbers written as text are read."""
    if value is None:
        return None
    kind = argument.type
    if kind is ArgumentType.STRING and isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    if kind is ArgumentType.BOOLEAN and isinstance(value, bool):
        return value
    if kind in (ArgumentType.NUMBER, ArgumentType.INTEGER) and not isinstance(value, bool):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if math.isfinite(number) and (kind is ArgumentType.NUMBER or number.is_integer()):
            return int(number) if kind is ArgumentType.INTEGER else number
    raise ToolError(f"{name} must be a {kind.value}, got {str(value)[:80]!r}")


def run_statement(
    connection: sqlite3.Connection, tool: Tool, arguments: Mapping[str, Any], key: str
) -> list[dict[str, Any]] | dict[str, int]:
    """Return the rows of a reading statement, or how many rows a writing one changed; a fault changes nothing.

    Raises
    ------
    ToolError
        The database refuses it, or it gives too many rows.
    TimeoutError
        It took longer than its deadline.
    """
    assert tool.settings.sql is not None
    ends = time.monotonic() + tool.settings.deadline_s
    connection.set_progress_handler(lambda: time.monotonic() > ends, OPS_BETWEEN_LOOKS)
    connection.execute("BEGIN")
    try:
        cursor = connection.execute(tool.settings.sql, {**arguments, IDEMPOTENCY_KEY: key})
        rows = cursor.fetchmany(MAX_ROWS + 1)
        if len(rows) > MAX_ROWS:
            raise ToolError(f"more than {MAX_ROWS} rows; ask more narrowly")
        names = [column[0] for column in cursor.description or ()]
        done = [dict(zip(names, row, strict=True)) for row in rows] if names else {"rows": max(cursor.rowcount, 0)}
    except BaseException as error:
        connection.set_progress_handler(None, 0)
        if connection.in_transaction:  # a statement that is interrupted has ended it
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.OperationalError) and "interrupted" in str(error):
            raise TimeoutError from None
        if isinstance(error, sqlite3.Error):
            raise ToolError(f"{error}; {HOW_TO_SEARCH}" if tool.searches else str(error)) from None
        raise
    connection.set_progress_handler(None, 0)
    connection.execute("COMMIT")
    return done


def named_documents(tool: Tool | None, result: Any) -> tuple[str, ...]:
    """Return the names of the documents in a tool's result, each once, in its order.

    Raises
    ------
    ToolError
        The tool says that it returns documents, and a row names none.
    """
    if tool is None or tool.settings.documents is None or result is None:
        return ()
    column = tool.settings.documents
    rows = result if isinstance(result, list | tuple) else [result]
    names = [row.get(column) if isinstance(row, Mapping) else row for row in rows]
    texts = ["" if isinstance(name, bool) or not isinstance(name, str | int) else str(name).strip() for name in names]
    if not all(text and len(text) <= MAX_DOCUMENT and BETWEEN_DOCUMENTS not in text for text in texts):
        raise ToolError(f"{tool.name} returns documents, and a row of its result names none as {column!r}")
    return tuple(dict.fromkeys(texts))


def made_tool(name: str, settings: ToolSettings, image: StateImage, folder: Path) -> Tool:
    """Return a tool, its statement or signature checked; no code of the pilot is run.

    Raises
    ------
    InputError
        The statement is not one that may be run, or the function is not there or has an argument without a type.
    """
    where = f"{folder / ENVIRONMENT_FILE}, tools.{name}"
    if settings.sql is not None:
        return _statement_tool(name, settings, image, where)
    return _function_tool(name, settings, image, folder, where)


def _statement_tool(name: str, settings: ToolSettings, image: StateImage, where: str) -> Tool:
    assert settings.sql is not None
    written: set[str] = set()
    read: set[str] = set()
    refused: list[str] = []
    uses: set[int] = set()

    def authorize(action: int, one: str | None, two: str | None, *_: object) -> int:
        uses.add(action)
        if action in _WRITING and one is not None and one in image.columns and one not in image.full_text:
            written.add(one)
        elif action in _READING and one is not None:
            read.add(one)
        elif action not in _READING:
            refused.append(str(one or two or action))
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(image.content)
    for table in image.full_text:  # which connects it, by statements of its own
        connection.execute(f"SELECT * FROM {sql_name(table)} LIMIT 0")
    connection.set_authorizer(authorize)
    given = _Given({*settings.arguments, IDEMPOTENCY_KEY})
    try:
        connection.execute(f"EXPLAIN {settings.sql}", given)
        if settings.documents is not None:
            _check_documents(connection, settings, given, where)
    except (sqlite3.Error, ValueError, KeyError) as error:
        got = f"it may not use {shown(refused)}" if refused else str(error)
        expected = "one statement that reads or changes rows of the tables"
        raise InputError("the statement of a tool cannot be run", where=where, got=got, expected=expected) from None
    finally:
        connection.close()
    unused = set(settings.arguments) - given.asked
    if given.unknown or unused:
        problem = "names parameters that are no arguments" if given.unknown else "does not use all its arguments"
        got = shown(sorted(given.unknown or unused))
        raise InputError(f"the statement of a tool {problem}", where=where, got=got, remedy="name them alike")
    writes_tables = tuple(sorted(written & set(image.columns)))
    if bool(writes_tables) != (settings.effect is Effect.WRITE):
        does = f"changes {shown(writes_tables)}" if writes_tables else "only reads"
        got = f"effect: {settings.effect.value}, and it {does}"
        raise InputError("a tool's effect is not what its statement does", where=where, got=got)
    return Tool(
        name,
        settings.description,
        settings,
        settings.arguments,
        writes_tables,
        takes_key=IDEMPOTENCY_KEY in given.asked,
        adds=dict.fromkeys(writes_tables, 1) if uses & _MANY == {sqlite3.SQLITE_INSERT} else None,
        searches=not read.isdisjoint(image.full_text),
    )


def _check_documents(connection: sqlite3.Connection, settings: ToolSettings, given: _Given, where: str) -> None:
    """Refuse a statement whose rows have no column that names documents."""
    statement = str(settings.sql).strip().removesuffix(";")
    described = connection.execute(f"SELECT * FROM (\n{statement}\n) LIMIT 0", given).description
    names = [column[0] for column in described]
    if settings.documents not in names:
        raise InputError(
            "documents names a column that the rows of a tool have not",
            where=f"{where}.documents",
            got=settings.documents,
            expected=shown(names),
        )


class _Given(dict[str, None]):
    """Parameters of a statement that is only explained; remembers which it asks for."""

    def __init__(self, known: set[str]) -> None:
        super().__init__()
        self._known, self.asked, self.unknown = known, set[str](), set[str]()

    def __missing__(self, name: str) -> None:
        (self.asked if name in self._known else self.unknown).add(name)


def _function_tool(name: str, settings: ToolSettings, image: StateImage, folder: Path, where: str) -> Tool:
    file, _, function_name = str(settings.python).partition(":")
    path = folder / file
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise InputError(
            "the file of a tool is not there", where=where, got=file, expected=f"a Python file in {folder}"
        )
    try:
        nodes = ast.parse(path.read_bytes()).body
    except SyntaxError as error:
        raise InputError(
            "the file of a tool is no Python", where=f"{path}, line {error.lineno}", got=error.msg
        ) from None
    functions = {one.name: one for one in nodes if isinstance(one, ast.FunctionDef)}
    function = functions.get(function_name)
    if function is None:
        remedy = did_you_mean(function_name, functions)
        raise InputError("a tool's function is not in its file", where=where, got=function_name, remedy=remedy)
    described = ast.get_docstring(function) or settings.description
    if not described:
        raise InputError("a tool's function has no docstring", where=where, remedy="say in one sentence what it does")
    parameters = [*function.args.args, *function.args.kwonlyargs]
    arguments = _arguments(function, [one for one in parameters if one.arg not in (STATE, IDEMPOTENCY_KEY)], where)
    named = {one.arg for one in parameters}
    if settings.amount is not None and not settings.has_amount(arguments):
        expected = "an argument that is an int or a float"
        raise InputError(
            "amount names no argument of the function", where=where, got=settings.amount, expected=expected
        )
    writes = tuple(image.columns) if settings.effect is Effect.WRITE and STATE in named else ()
    return Tool(name, described, settings, arguments, writes, IDEMPOTENCY_KEY in named, STATE in named)


def _arguments(function: ast.FunctionDef, parameters: list[ast.arg], where: str) -> dict[str, Argument]:
    defaults = len(function.args.defaults)
    optional = {one.arg for one in function.args.args[len(function.args.args) - defaults :]} if defaults else set()
    optional |= {
        one.arg
        for one, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if value is not None
    }
    found = {}
    for one in parameters:
        written = "" if one.annotation is None else ast.unparse(one.annotation).removesuffix(" | None")
        if written not in PYTHON_TYPES:
            raise InputError(
                "an argument of a tool's function has no type that can be told to an agent",
                where=f"{where}, argument {one.arg}",
                got=written or "no type",
                expected=", ".join(PYTHON_TYPES),
            )
        found[one.arg] = Argument(type=PYTHON_TYPES[written], required=one.arg not in optional)
    return found
