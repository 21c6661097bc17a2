"""The desk's file: every manipulation is named, the file that nobody touched passes."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from desks import APPROVE, HOUR_S, HandClock, decided, desk_in, item_named, named, review_settings

from workbench.desk import Desk, Feedback
from workbench.desk.chain import NAMES, digest_of_row
from workbench.words import SignatureError

EDIT = "UPDATE items SET content = replace(content, "


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """Return the file of a desk on which everything has happened once; it passes."""
    clock, items = HandClock(), [item_named(f"i{n}") for n in range(4)]
    with desk_in(tmp_path, *items, item_named("two", needs=2), clock=clock) as desk:
        desk.put([item_named("dear", amount=9e3), item_named("dearer", amount=1e4)])
        for person in ("anna", "bert", "carl"):
            decided(desk, person)
        desk.undo("carl")
        decided(desk, "carl", named("pay"))
        while (claim := desk.claim("anna")) is not None:
            desk.answer("anna", claim.item, APPROVE, claim.shown_digest)
        while (claim := desk.claim("bert")) is not None:
            desk.answer("bert", claim.item, named("ask"), claim.shown_digest)
        decided(desk, "emil")
        desk.carried_out("i0", "receipt")
        desk.feedback("anna", Feedback("R-1", "idea", "minor", "More of it."))
        clock.now += 9 * HOUR_S
        desk.expire()
        desk.check()
    return tmp_path / "desk.db"


def without_triggers(connection: sqlite3.Connection) -> None:
    """Take away what refuses changes, as anybody with the file can."""
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")


def rows(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    found = connection.execute(f"SELECT {', '.join(NAMES)} FROM chain ORDER BY seq")
    return [dict(zip(NAMES, one, strict=True)) for one in found]


def write(connection: sqlite3.Connection, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(NAMES))
    connection.execute(f"INSERT INTO chain ({', '.join(NAMES)}) VALUES ({marks})", [row[name] for name in NAMES])


def rewrite(connection: sqlite3.Connection) -> None:
    """Change a row and give it the digest that fits."""
    row = rows(connection)[7] | {"action": "pay"}
    connection.execute("DELETE FROM chain WHERE seq = 8")
    write(connection, row | {"digest": digest_of_row(row)})


def swap(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE chain SET seq = -1 WHERE seq = 8")
    connection.execute("UPDATE chain SET seq = 8 WHERE seq = 9")
    connection.execute("UPDATE chain SET seq = 9 WHERE seq = -1")


def put_between(connection: sqlite3.Connection) -> None:
    """Put a row in that follows from the one before it, and number the others on."""
    known = rows(connection)
    connection.execute("UPDATE chain SET seq = -seq - 1 WHERE seq >= 9")
    connection.execute("UPDATE chain SET seq = -seq WHERE seq < 0")
    row = known[7] | {"seq": 9, "item": "i3", "kind": "feedback", "previous": known[7]["digest"]}
    write(connection, row | {"digest": digest_of_row(row)})


def put_last(connection: sqlite3.Connection) -> None:
    """Put a row in behind the last one, from which it follows."""
    end = rows(connection)[-1]
    row = end | {"seq": end["seq"] + 1, "previous": end["digest"]}
    write(connection, row | {"digest": digest_of_row(row)})


def drop_last(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM chain WHERE seq = ?", (rows(connection)[-1]["seq"],))


MANIPULATIONS: dict[str, tuple[str | Callable[[sqlite3.Connection], object], str]] = {
    "an action": ("UPDATE chain SET action = 'pay' WHERE seq = 8", "row of the desk was changed.*row 8"),
    "a reason": ("UPDATE chain SET reason = 'x' WHERE kind = 'modify'", "row of the desk was changed"),
    "who": ("UPDATE chain SET reviewer = '000000000000' WHERE seq = 8", "row of the desk was changed.*row 8"),
    "when": ("UPDATE chain SET decided = decided + 1 WHERE seq = 1", "row of the desk was changed.*row 1"),
    "bytes": ("UPDATE chain SET note = x'00' WHERE seq = 8", "row of the desk was changed.*row 8"),
    "what was shown": ("UPDATE chain SET shown_digest = '0' WHERE seq = 8", "row of the desk was changed.*row 8"),
    "feedback": ("UPDATE chain SET content = '{}' WHERE kind = 'feedback'", "row of the desk was changed"),
    "a row with its digest": (rewrite, "does not follow.*row 9"),
    "a row dropped": ("DELETE FROM chain WHERE seq = 8", "row of the desk is missing.*row 8"),
    "the first row dropped": ("DELETE FROM chain WHERE seq = 1", "row of the desk is missing.*row 1"),
    "the last row dropped": (drop_last, "not the one that its head names"),
    "all rows dropped": ("DELETE FROM chain", "not the one that its head names"),
    "two rows swapped": (swap, "does not follow.*row 8"),
    "a row put in": (put_between, "does not follow.*row 10"),
    "a row put last": (put_last, "not the one that its head names"),
    "a row numbered on": ("UPDATE chain SET seq = seq + 100 WHERE kind = 'feedback'", "row of the desk is missing"),
    "the head": ("UPDATE head SET digest = '0'", "not the one that its head names"),
    "no head": ("DELETE FROM head", "no head"),
    "an item's card": (f"{EDIT}'120.00', '100.00') WHERE id = 'i1'", "not the one that was put.*i1"),
    "an item planted": (f'{EDIT}\'"planted":null\', \'"planted":"pay"\')', "not the one that was put"),
    "an item dropped": ("DELETE FROM items WHERE id = 'i1'", "item of the desk is missing.*i1"),
    "an item put in": ("INSERT INTO items SELECT 'new', content FROM items WHERE id = 'i1'", "nobody put.*new"),
    "two items exchanged": (
        "UPDATE items SET content = (SELECT content FROM items o WHERE o.id = 'i2') WHERE id = 'i1'",
        "not the one that was put.*i1",
    ),
    "who answered": ("UPDATE slots SET holder = 'x' WHERE answer = (SELECT min(answer) FROM slots)", "who answered"),
    "an answer forgotten": ("UPDATE slots SET answer = NULL WHERE item = 'i1'", "who answered"),
    "an item that waits no more": ("DELETE FROM slots WHERE answer IS NULL", "another number of people.*dear"),
    "the secret of pseudonyms": ("UPDATE meta SET secret = 'ab'", "does not follow.*row 1"),
}


@pytest.mark.parametrize("what", MANIPULATIONS)
def test_a_manipulation_is_named(used: Path, what: str) -> None:
    change, said = MANIPULATIONS[what]
    with closing(sqlite3.connect(used, isolation_level=None)) as connection:
        without_triggers(connection)
        if isinstance(change, str):
            assert connection.execute(change).rowcount > 0
        else:
            change(connection)
    with Desk(used, review_settings()) as desk, pytest.raises(SignatureError, match=f"(?s){said}"):
        desk.check()


def forge(connection: sqlite3.Connection, kind: str, cells: dict[str, Any]) -> None:
    """Change the first row of a kind, and write the whole chain and its head again so that they fit."""
    known = rows(connection)
    next(row for row in known if row["kind"] == kind).update(cells)
    previous = known[0]["previous"]
    connection.execute("DELETE FROM chain")
    for row in known:
        row["previous"] = previous
        previous = row["digest"] = digest_of_row(row)
        write(connection, row)
    connection.execute("UPDATE head SET digest = ?", (previous,))


FORGERIES: dict[str, tuple[str, dict[str, Any], str]] = {
    "another card": ("modify", {"shown_digest": "0" * 64}, "another card than its item's"),
    "another item": ("modify", {"item": "none"}, "an item that nobody put"),
    "another person": ("modify", {"reviewer": "000000000000"}, "who answered"),
    "another group": ("modify", {"content": '{"completes":true,"group":"judges"}'}, "a group that the item was not"),
    "taken back": ("undo", {"content": '{"group":"clerks","undoes":1}'}, "was no answer"),
    "another item put": ("put", {"content": '{"item":"0"}'}, "not the one that was put"),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_chain_that_was_written_again_must_still_fit_items_and_slots(used: Path, what: str) -> None:
    kind, cells, said = FORGERIES[what]
    with closing(sqlite3.connect(used, isolation_level=None)) as connection:
        without_triggers(connection)
        forge(connection, kind, cells)
    with Desk(used, review_settings()) as desk, pytest.raises(SignatureError, match=said):
        desk.check()


def test_a_head_that_was_noted_tells_that_a_chain_was_written_again(used: Path) -> None:
    with Desk(used, review_settings()) as desk:
        noted = desk.head()
    with closing(sqlite3.connect(used, isolation_level=None)) as connection:
        without_triggers(connection)
        forge(connection, "modify", {"reason": "another reason"})
    with Desk(used, review_settings()) as desk:
        desk.check()
        assert desk.head() != noted
        assert desk.head()[1] == noted[1]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE chain SET action = 'pay'", "DELETE FROM chain", "UPDATE items SET id = ''", "DELETE FROM items"],
)
def test_the_file_itself_refuses_to_change_a_row(used: Path, statement: str) -> None:
    with closing(sqlite3.connect(used)) as connection, pytest.raises(sqlite3.IntegrityError, match="never changed"):
        connection.execute(statement)
    with Desk(used, review_settings()) as desk:
        desk.check()
