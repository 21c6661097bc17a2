"""Databases: one statement a call, in a transaction of its own; SQLite, or PostgreSQL by pg8000."""

from __future__ import annotations

import asyncio
import datetime
import logging
import sqlite3
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from workbench.environment.connections.connection import Account, Answered, Asked, CallError
from workbench.environment.connections.credentials import Credentials
from workbench.environment.connections.http import ANSWER, CONNECTION, MAX_ANSWER, MAX_DETAIL, TIMEOUT
from workbench.environment.connections.operations import operation_of, with_key
from workbench.files import allowed_host
from workbench.pilot.integrations import OperationEffect, System
from workbench.words import InputError

SQLITE, POSTGRESQL = "sqlite", "postgresql"
POSTGRESQL_PORT = 5432
AT_ONCE = 8  # statements under way at once
POOL = "workbench"
LONGEST_S = 60.0  # after which a connection that says nothing is given up
LOST = "08006"
CANCELLED = "57014"
OPS_BETWEEN_LOOKS = 10_000
NOBODY = "nobody"
# what SQLite says, as SQLSTATE has it
SQLITE_CODES = {
    "SQLITE_READONLY": "readonly",
    "SQLITE_AUTH": "42501",
    "SQLITE_PERM": "42501",
    "SQLITE_INTERRUPT": CANCELLED,
    "SQLITE_BUSY": "55P03",
    "SQLITE_LOCKED": "55P03",
    "SQLITE_CONSTRAINT": "23000",
    "SQLITE_CANTOPEN": CONNECTION,
    "SQLITE_NOTADB": CONNECTION,
}


# That a connection is gone the call says that met it; the pool would print it once more, with a traceback.
logging.getLogger(f"sqlalchemy.pool.impl.QueuePool.{POOL}").setLevel(logging.CRITICAL)


class SqlConnection:
    """A database under one account."""

    def __init__(self, system: System, url: sqlalchemy.URL) -> None:
        self._system, self._is_sqlite = system, url.get_backend_name() == SQLITE
        given: dict[str, Any] = {"check_same_thread": False} if self._is_sqlite else {"timeout": LONGEST_S}
        self._engine = sqlalchemy.create_engine(
            url,
            poolclass=sqlalchemy.QueuePool,
            pool_size=AT_ONCE,
            max_overflow=0,
            connect_args=given,
            pool_logging_name=POOL,
        )
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"sql {system.id}")

    async def call(self, asked: Asked) -> Answered:
        """Run an operation's statement once; one that reads is rolled back. Raises CallError."""
        operation = operation_of(self._system, asked.operation)
        given = with_key(asked, operation, self._system.correlation)
        writes = operation.effect is OperationEffect.WRITE
        start = time.perf_counter()
        running = asyncio.get_running_loop().run_in_executor(
            self._threads, self._run, operation.call, given, writes, start + asked.deadline_s
        )
        try:
            return await asyncio.wait_for(running, asked.deadline_s)
        except TimeoutError:
            raise _too_late(asked.deadline_s, start) from None

    async def close(self) -> None:
        """Leave the database."""
        await asyncio.to_thread(self._engine.dispose)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, statement: str, given: Mapping[str, Any], writes: bool, ends: float) -> Answered:
        """Run a statement until a moment of `perf_counter`."""
        start = time.perf_counter()
        try:
            with self._engine.connect() as connection:
                start = time.perf_counter()
                self._bound(connection, ends)
                result = connection.execute(sqlalchemy.text(statement), given)
                content: Any = _rows(result, start) if result.returns_rows else {"rows": max(result.rowcount, 0)}
                connection.commit() if writes else connection.rollback()
        except (SQLAlchemyError, OSError) as error:
            raise _refused(error, time.perf_counter() - start, is_over=time.perf_counter() >= ends) from None
        return Answered(content, "ok", time.perf_counter() - start)

    def _bound(self, connection: sqlalchemy.Connection, ends: float) -> None:
        """Let the database itself end what takes too long, so that nothing goes on that nobody waits for."""
        if self._is_sqlite:
            driver: Any = connection.connection.driver_connection
            driver.set_progress_handler(lambda: time.perf_counter() > ends, OPS_BETWEEN_LOOKS)
        else:
            left_ms = max(1, int(1000 * (ends - time.perf_counter())))
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {left_ms}")


def database_url(
    address: str, folder: str | None, credentials: Credentials, hosts: Collection[str] = ()
) -> sqlalchemy.URL:
    """Return the address of a database that may be reached, with an account's user and password.

    Parameters
    ----------
    address : str
        As SQLAlchemy writes it.
    folder : str, optional
        The sandbox's, inside which a file of SQLite must be.
    credentials : Credentials
    hosts : collection of str
        Private hosts besides this machine that may be reached.

    Raises
    ------
    InputError
        It is none, of another kind, or may not be reached.
    """
    try:
        url = sqlalchemy.make_url(address)
    except (ArgumentError, ValueError):
        expected = "such as sqlite:////folder/archive.sqlite or postgresql+pg8000://127.0.0.1/archive"
        raise InputError("this is no address of a database", got=address, expected=expected) from None
    if url.get_backend_name() == SQLITE:
        _check_file(url, folder)
        return url
    if url.get_backend_name() != POSTGRESQL:
        raise InputError("a database is of a kind that is not reached", got=url.drivername)
    if url.query:
        raise InputError("the address of a database has options", got=", ".join(url.query))
    host, port = url.host or "localhost", url.port or POSTGRESQL_PORT
    url = url.set(drivername="postgresql+pg8000", host=allowed_host(host, port, hosts), port=port)
    if credentials.account is Account.NOBODY:
        return url.set(username=NOBODY, password=NOBODY)
    return url if credentials.secret is None else url.set(username=credentials.user, password=credentials.secret)


def _check_file(url: sqlalchemy.URL, folder: str | None) -> None:
    """Refuse a file of SQLite outside the sandbox's folder, one that is not there, and a database in memory."""
    path = Path((url.database or "").removeprefix("file:").partition("?")[0])
    inside = folder is not None and path.resolve().is_relative_to(Path(folder).resolve())
    if not inside or not path.is_file():
        problem = "is not in the sandbox's folder" if not inside else "is not there"
        expected = f"a file in {'{folder}' if folder is None else folder}"
        raise InputError(f"the file of a database {problem}", got=str(path), expected=expected)


def _rows(result: sqlalchemy.CursorResult[Any], start: float) -> list[dict[str, Any]]:
    """Return the rows of a result. Raises CallError where they are longer than an answer may be."""
    rows, size = [], 0
    for row in result.mappings():
        cells = {name: _plain(value) for name, value in row.items()}
        size += sum(len(str(name)) + len(str(value)) for name, value in cells.items())
        if size > MAX_ANSWER:
            raise CallError(ANSWER, f"an answer of more than {MAX_ANSWER:,} characters", time.perf_counter() - start)
        rows.append(cells)
    return rows


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


def _too_late(deadline_s: float, start: float) -> CallError:
    return CallError(TIMEOUT, f"no answer within {deadline_s:g} s", time.perf_counter() - start)


def _refused(error: Exception, latency_s: float, *, is_over: bool) -> CallError:
    """Return what a fault of the driver is as integrations.yaml calls it."""
    fault = getattr(error, "orig", None) or error
    said = _said_by_postgresql(fault)
    detail = " ".join(str(said.get("M", fault)).split())[:MAX_DETAIL]
    if isinstance(error, NoConnectionError):
        return CallError(TIMEOUT, "all connections are in use", latency_s)
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
        return CallError("argument", detail, latency_s)
    code = str(said["C"]) if "C" in said else _code(fault)
    if code == CANCELLED and is_over:
        return CallError(TIMEOUT, "the statement took longer than its deadline", latency_s)
    return CallError(code, detail, latency_s)


def _said_by_postgresql(fault: Exception) -> Mapping[str, Any]:
    """Return what PostgreSQL says of a fault, by the letters of its protocol, as pg8000 gives it."""
    said = fault.args[0] if fault.args else None
    return said if isinstance(said, Mapping) else {}


def _code(fault: object) -> str:
    """Return the SQLSTATE of a fault that its driver does not give one."""
    if isinstance(fault, sqlite3.Error):
        name = str(getattr(fault, "sqlite_errorname", ""))
        if "no such table" in str(fault):
            return "42P01"
        if "closed database" in str(fault):
            return LOST
        return next((code for start, code in SQLITE_CODES.items() if name.startswith(start)), "HY000")
    return CONNECTION if "create a connection" in str(fault).lower() else LOST
