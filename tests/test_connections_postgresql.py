"""A connection to a real PostgreSQL: its codes, digits and rights; connections lost, statements that are late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy
from system_servers import system

from workbench.environment.connections import Account, Answered, Asked, CallError, connected
from workbench.environment.sandbox import postgresql_programs, running_postgresql

pytestmark = pytest.mark.skipif(postgresql_programs() is None, reason="PostgreSQL is not installed")

ARCHIVE = system("""
systems:
  - id: ARCHIVE
    type: sql
    sandbox: "{database}"
    correlation: record
    auth: {kind: database_user, user_env: USER, secret_env: PASSWORD}
    operations:
      find: {effect: read, call: "SELECT document, gross FROM earlier WHERE vendor = :vendor AND linked_by = :record"}
      written: {effect: read, call: "SELECT 1.10 AS net, date '2026-03-29' AS day, true AS done"}
      add: {effect: write, call: "INSERT INTO earlier (vendor) VALUES (:vendor)"}
      wait: {effect: read, call: SELECT pg_sleep(30)}
      long: {effect: read, call: "SELECT repeat('x', 1000000) AS x FROM generate_series(1, 20)"}
    not_granted: {wipe: DELETE FROM earlier, none: SELECT * FROM no_such_table}
""")
SECRETS = {"USER": "agent", "PASSWORD": "the agent's password"}
FIND = Asked("find", {"vendor": "V1"}, "R1")


@pytest.fixture(scope="module")
def archive() -> Iterator[sqlalchemy.URL]:
    """Give the address of an archive that `agent` may read, without its user."""
    with running_postgresql() as address:
        engine = sqlalchemy.create_engine(address)
        with engine.begin() as connection:
            for statement in (
                "CREATE TABLE earlier (vendor text, document text, linked_by text, gross numeric)",
                "INSERT INTO earlier VALUES ('V1', 'D1', 'R1', 10.50)",
                "CREATE ROLE agent LOGIN PASSWORD 'the agent''s password'",
                "GRANT SELECT ON earlier TO agent",
            ):
                connection.exec_driver_sql(statement)
        engine.dispose()
        url = sqlalchemy.make_url(address)
        yield url.set(username=None, password=None)


async def codes_and_contents(url: sqlalchemy.URL, *asked: Asked, **options: Any) -> list[Any]:
    connection = connected(ARCHIVE, {"database": str(url)}, options.pop("secrets", SECRETS), **options)
    outcomes: list[Any] = []
    for one in asked:
        try:
            outcomes.append((await connection.call(one)).content)
        except CallError as error:
            outcomes.append(error.code)
    await connection.close()
    return outcomes


def test_rows_have_their_digits_and_moments_as_text(archive: sqlalchemy.URL) -> None:
    found, written = asyncio.run(codes_and_contents(archive, FIND, Asked("written")))
    assert found == [{"document": "D1", "gross": Decimal("10.50")}]
    assert str(found[0]["gross"]) == "10.50"
    assert written == [{"net": Decimal("1.10"), "day": "2026-03-29", "done": True}]


def test_what_the_database_refuses_has_its_sqlstate_and_the_connection_goes_on(archive: sqlalchemy.URL) -> None:
    asked = [Asked("add", {"vendor": "V9"}), Asked("wipe"), Asked("none"), Asked("find"), Asked("long"), FIND]
    outcomes = asyncio.run(codes_and_contents(archive, *asked))
    assert outcomes[:5] == ["42501", "42501", "42P01", "argument", "answer"]
    assert outcomes[5] == [{"document": "D1", "gross": Decimal("10.50")}]


def test_a_statement_that_is_late_is_ended_by_the_database_too(archive: sqlalchemy.URL) -> None:
    # more of them than connections: they would be used up by statements that nobody waits for
    late = [Asked("wait", deadline_s=0.2)] * 10
    outcomes = asyncio.run(codes_and_contents(archive, *late, FIND))
    assert outcomes == [*["timeout"] * 10, [{"document": "D1", "gross": Decimal("10.50")}]]


@pytest.mark.parametrize(("account", "password"), [(Account.OWN, "another"), (Account.NOBODY, "unused")])
def test_who_is_not_known_is_refused(archive: sqlalchemy.URL, account: Account, password: str) -> None:
    secrets = SECRETS | {"PASSWORD": password}
    assert asyncio.run(codes_and_contents(archive, FIND, secrets=secrets, account=account)) == ["28P01"]


def test_a_connection_lost_in_a_statement_is_told_and_the_next_call_has_another(
    archive: sqlalchemy.URL,
) -> None:
    held: list[asyncio.StreamWriter] = []
    passing: list[asyncio.Task[None]] = []
    asked = asyncio.Event()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(65536):
            writer.write(content)
            if b"pg_sleep" in content:
                asked.set()

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passing.append(asyncio.current_task())  # type: ignore[arg-type]
        there, back = await asyncio.open_connection(archive.host, archive.port)
        held.extend((writer, back))
        await asyncio.gather(passed_on(reader, back), passed_on(there, writer), return_exceptions=True)
        for one in (writer, back):
            one.close()

    async def made() -> tuple[str, Answered]:
        server = await asyncio.start_server(between, "127.0.0.1", 0)
        url = archive.set(port=server.sockets[0].getsockname()[1])
        connection = connected(ARCHIVE, {"database": str(url)}, SECRETS)
        waiting = asyncio.create_task(connection.call(Asked("wait", deadline_s=20)))
        await asked.wait()
        for one in held:
            one.transport.abort()
        with pytest.raises(CallError, match="08006") as lost:
            await waiting
        again = await connection.call(FIND)
        await connection.close()
        server.close()
        await asyncio.gather(*passing)
        return lost.value.code, again

    code, again = asyncio.run(made())
    assert code == "08006"
    assert again.content == [{"document": "D1", "gross": Decimal("10.50")}]


def test_nothing_that_listens_is_no_connection(archive: sqlalchemy.URL) -> None:
    assert asyncio.run(codes_and_contents(archive.set(port=1), FIND)) == ["connection"]
