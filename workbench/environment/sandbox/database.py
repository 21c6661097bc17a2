"""The database of a sandbox: tables filled, and an account for agents that may read only some of them."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.environment.sandbox.standin import StandIn
from workbench.words import InputError, did_you_mean

GRANTED_FILE, WITHHELD_FILE = "archive.db", "withheld.db"
POSTGRESQL = "postgresql+pg8000"


@dataclass(frozen=True, slots=True)
class SandboxTable:
    """A table: the SQL type of each column, rows in that order, and whether agents may read it."""

    columns: Mapping[str, str]
    rows: Sequence[tuple[Any, ...]]
    is_granted: bool = True


def filled_database(stand_in: StandIn, tables: Mapping[str, SandboxTable], user: str, password: str) -> str:
    """Fill the sandbox's database and return the address for agents, without user and password.

    On SQLite, which knows no accounts, the address opens a file that cannot be written, and tables that agents may not
    read are in another. On PostgreSQL the tables are in a schema of their own and the account is a role that may only
    select; both are removed when the sandbox ends.

    Raises
    ------
    InputError
        The database is of another kind, or cannot be reached.
    """
    if stand_in.database is None:
        return _in_files(stand_in.folder, tables)
    if not stand_in.database.startswith(f"{POSTGRESQL}://"):
        raise InputError(
            "a sandbox fills SQLite or PostgreSQL",
            got=stand_in.database.partition("://")[0],
            expected=f"no address, or {POSTGRESQL}://USER:PASSWORD@HOST:PORT/DATABASE",
            remedy=did_you_mean(stand_in.database.partition("://")[0], [POSTGRESQL]),
        )
    return _on_server(stand_in, stand_in.database, tables, user, password)


def _in_files(folder: Path, tables: Mapping[str, SandboxTable]) -> str:
    for file, is_granted in ((GRANTED_FILE, True), (WITHHELD_FILE, False)):
        with closing(sqlite3.connect(folder / file)) as connection, connection:
            for name, table in tables.items():
                if table.is_granted == is_granted:
                    connection.execute(_creation(name, table))
                    marks = ", ".join("?" * len(table.columns))
                    connection.executemany(f"INSERT INTO {name} VALUES ({marks})", table.rows)
    return f"sqlite:///file:{folder / GRANTED_FILE}?mode=ro&uri=true"


def _on_server(stand_in: StandIn, address: str, tables: Mapping[str, SandboxTable], user: str, password: str) -> str:
    import sqlalchemy

    engine = sqlalchemy.create_engine(address)
    schema = f"sandbox_{secrets.token_hex(6)}"

    def run(statements: Iterable[str]) -> None:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement))

    secret = password.replace("'", "''")
    role = [f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{secret}'", f'GRANT "{user}" TO CURRENT_USER']
    try:
        run([f'CREATE SCHEMA "{schema}"', *role])  # of the role too: who is of one may end its sessions
    except sqlalchemy.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise InputError(
            "the database of the sandbox cannot be filled", where=engine.url.render_as_string(), got=str(cause)[:200]
        ) from None
    stand_in.ends.callback(engine.dispose)
    sessions = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'"
    stand_in.ends.callback(run, [sessions, f'DROP SCHEMA "{schema}" CASCADE', f'DROP ROLE "{user}"'])
    granted = [f'"{schema}".{name}' for name, table in tables.items() if table.is_granted]
    with engine.begin() as connection:
        for name, table in tables.items():
            connection.execute(sqlalchemy.text(_creation(f'"{schema}".{name}', table)))
            marks = ", ".join(f":{column}" for column in table.columns)
            rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            if rows:
                connection.execute(sqlalchemy.text(f'INSERT INTO "{schema}".{name} VALUES ({marks})'), rows)
    run(
        [
            f'GRANT USAGE ON SCHEMA "{schema}" TO "{user}"',
            f'GRANT SELECT ON {", ".join(granted)} TO "{user}"',
            f'ALTER ROLE "{user}" SET search_path TO "{schema}"',
        ]
    )
    return sqlalchemy.engine.URL.create(
        engine.url.drivername, host=engine.url.host, port=engine.url.port, database=engine.url.database
    ).render_as_string()


def _creation(name: str, table: SandboxTable) -> str:
    return f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in table.columns.items())})"
