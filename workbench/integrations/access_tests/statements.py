"""Statements that a database's account was not granted: reading other tables, changing any."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.environment.connections import Asked, CallError
from workbench.integrations.access import has_no_accounts
from workbench.integrations.calling import with_operation
from workbench.integrations.listing import ListedCall, Listing
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import OperationEffect, SystemType

MOST_TABLES = 40
TABLES = {
    True: "SELECT '' AS place, name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name",
    False: (
        "SELECT n.nspname AS place, c.relname AS name FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND left(n.nspname, 3) <> 'pg_'"
        " AND n.nspname <> 'information_schema' ORDER BY n.nspname <> current_schema(), 1, 2"
    ),
}


async def statements_of(probed: Probed) -> Listing | None:
    """Return the statements that an account must be refused, of the tables that it can see the names of.

    Tables count as granted to read, or to write, where a declared statement of that effect names them. Every statement
    that writes changes no row, and is rolled back besides. None for a system that is no database.
    """
    if probed.system.type is not SystemType.SQL:
        return None
    is_sqlite = has_no_accounts(probed)
    system = with_operation(probed.system, "tables", call=TABLES[is_sqlite])
    connection = probed.caller.reach.connection(system)
    try:
        rows = (await connection.call(Asked("tables"))).content
    except CallError:
        return None  # not even the names: what integrations.yaml names is tried
    finally:
        await connection.close()
    tables = [(str(row["place"]), str(row["name"])) for row in rows[:MOST_TABLES]]
    return Listing(dict(_ungranted(probed, tables, is_sqlite)))


def _ungranted(probed: Probed, tables: list[tuple[str, str]], is_sqlite: bool) -> Iterator[tuple[str, ListedCall]]:
    for place, name in tables:
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (place, name) if part)
        if not _is_named(probed, name, OperationEffect.READ):
            yield f"read {name}", ListedCall(f"SELECT * FROM {quoted} LIMIT 1")
        if not _is_named(probed, name, OperationEffect.WRITE):
            yield f"insert into {name}", ListedCall(f"INSERT INTO {quoted} SELECT * FROM {quoted} WHERE 1 = 0")
            yield f"delete from {name}", ListedCall(f"DELETE FROM {quoted} WHERE 1 = 0")
            if not is_sqlite:  # it asks for the right to update
                yield f"update {name}", ListedCall(f"SELECT 1 FROM {quoted} WHERE 1 = 0 FOR UPDATE")
    yield "create a table", ListedCall("CREATE TABLE access_test (n integer)")


def _is_named(probed: Probed, table: str, effect: OperationEffect) -> bool:
    calls = [one.call for one in probed.system.operations.values() if one.effect is effect]
    return any(re.search(rf"\b{re.escape(table)}\b", call) for call in calls)
