"""The audit trail: whatever is done to a field, a line or the order is named, and nothing else is."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from tampered_trails import LINES, PLAN, TWENTY_FIVE, decided, freshen, rechain, signed_anew, tamper, trailed

from workbench.agents.decisions import Decision
from workbench.compliance.trail import COLUMNS, holds, proved_trail, trail_again
from workbench.evidence import ColumnKind, table_csv, table_of
from workbench.metrics import Status
from workbench.pilot.signing import PublicKey, trail_key, trail_keys
from workbench.pilot.signing.keys import SigningKey, generated_key, load_signing_key
from workbench.runs.journal import FIELDS, JOURNAL_FILE, AskedAs, Journal, key_of, salvaged
from workbench.runs.journal import journal as journal_module

N, MANY = 60, 5_000


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return generated_key()


@pytest.fixture(autouse=True)
def sealing(key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "trail_key", lambda: key)


@pytest.fixture(scope="module")
def whole(key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "trail_key", lambda: key)
        yield trailed(tmp_path_factory.mktemp("whole") / "p" / JOURNAL_FILE, N)


@pytest.fixture(scope="module")
def many(key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "trail_key", lambda: key)
        yield trailed(tmp_path_factory.mktemp("many") / "p" / JOURNAL_FILE, MANY)


def copied(path: Path, folder: Path) -> Path:
    place = folder / "copy" / JOURNAL_FILE
    place.parent.mkdir()
    return Path(shutil.copyfile(path, place))


def read(path: Path, *keys: PublicKey) -> pd.DataFrame:
    with Journal(path) as journal:
        return proved_trail(journal.as_stored(None), *journal.lines(), keys)


def named(trail: pd.DataFrame) -> set[tuple[str, str, str]]:
    """Return record, field and fault of every field that is not in order."""
    return {
        (row["record_id"], name, row[name]) for row in trail.to_dict("records") for name in FIELDS if row[name] != ""
    }


def check_named(path: Path, n: int, field: str, way: str, key: SigningKey) -> None:
    done = tamper(path, field, way, n)
    trail = read(path, key.public)
    assert named(trail) == {(record, field, done.fault) for record in done.records}
    assert set(trail[~holds(trail)]["record_id"]) == set(done.records)


def test_of_a_journal_that_nobody_touched_everything_holds(whole: Path, key: SigningKey) -> None:
    trail = read(whole, key.public)
    assert list(trail.columns) == list(COLUMNS)
    assert holds(trail).all()
    assert trail["number"].tolist() == list(range(1, N + 1))
    assert trail["record_id"].tolist() == [f"r{number:05}" for number in range(N)]


@pytest.mark.parametrize(("field", "way"), TWENTY_FIVE)
def test_a_field_that_was_tampered_with_is_named_with_its_decision_and_no_other(
    whole: Path, tmp_path: Path, key: SigningKey, field: str, way: str
) -> None:
    check_named(copied(whole, tmp_path), N, field, way, key)


@pytest.mark.slow
@pytest.mark.parametrize(("field", "way"), TWENTY_FIVE)
def test_in_one_of_five_thousand_decisions_too(
    many: Path, tmp_path: Path, key: SigningKey, field: str, way: str
) -> None:
    check_named(copied(many, tmp_path), MANY, field, way, key)


@pytest.mark.slow
def test_of_five_thousand_decisions_that_nobody_touched_none_is_named(many: Path, key: SigningKey) -> None:
    trail = read(many, key.public)
    assert len(trail) == MANY
    assert holds(trail).all()


@pytest.mark.parametrize("is_rechained", [False, True])
@pytest.mark.parametrize("how", list(LINES))
def test_lines_that_are_gone_doubled_or_out_of_place_break_the_order_and_no_field(
    whole: Path, tmp_path: Path, key: SigningKey, how: str, is_rechained: bool
) -> None:
    change, records, words = LINES[how]
    path = copied(whole, tmp_path)
    with sqlite3.connect(path) as connection:
        change(connection)
        if is_rechained:
            rechain(connection)
    trail = read(path, key.public).set_index("record_id")
    broken = trail.index[trail["order"] != ""]
    assert set(records) <= set(broken)
    assert all(words in trail["order"][record] for record in records)
    assert named(trail.reset_index()) == set()
    assert len(broken) <= len(records) + 1, "at most the line beside it carries another hash"


def test_a_decision_whose_line_is_gone_has_no_moment(whole: Path, tmp_path: Path, key: SigningKey) -> None:
    path = copied(whole, tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM trail WHERE number = 12")
    trail = read(path, key.public).set_index("record_id")
    assert trail["seal"]["r00011"] == "no line"
    assert (trail["seal"].drop("r00011") == "").all()


def test_lines_taken_from_the_end_are_missed_by_their_seal(whole: Path, tmp_path: Path, key: SigningKey) -> None:
    path = copied(whole, tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM trail WHERE number = ?", (N,))
    trail = read(path, key.public)
    assert trail["order"].iloc[-2] == f"line {N} is missing"


def test_an_input_that_was_decided_twice_with_two_outcomes_is_named(
    whole: Path, tmp_path: Path, key: SigningKey
) -> None:
    path = copied(whole, tmp_path)
    asked = key_of(PLAN.asked_digest, f"{5:064x}")
    with Journal(path) as journal:
        other = Decision("r00005", Status.OK, action="reject", reason="no")
        journal.append([(asked, other)], {asked: AskedAs(PLAN.asked_digest, f"{5:064x}")})
    trail = read(path, key.public).set_index("record_id")
    assert trail["outcomes"]["r00005"] == 2
    assert (trail["outcomes"].drop("r00005") == 1).all()
    assert named(trail.reset_index()) == set()


def test_a_call_that_failed_and_was_asked_again_has_one_outcome(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "p" / JOURNAL_FILE
    asked = key_of(PLAN.asked_digest, "d")
    with Journal(path) as journal:
        journal.plan(PLAN, [("r00001", "d")])
        for decision in (Decision("r00001", Status.FAILED, cause="timeout"), decided("r00001")):
            journal.append([(asked, decision)], {asked: AskedAs(PLAN.asked_digest, "d")})
    trail = read(path, key.public)
    assert holds(trail).tolist() == [True]
    assert trail["number"].tolist() == [2]


def test_several_fields_of_one_decision_are_all_named_with_fresh_checksums(
    whole: Path, tmp_path: Path, key: SigningKey
) -> None:
    path = copied(whole, tmp_path)
    asked = key_of(PLAN.asked_digest, f"{5:064x}")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE decisions SET action = 'reject', reason = 'no' WHERE key = ?", (asked,))
        freshen(connection, asked)
    assert named(read(path, key.public)) == {("r00005", name, "resealed") for name in ("action", "reasoning")}


@pytest.mark.parametrize(
    ("record_id", "old", "new", "field"),
    [
        pytest.param("r00008", '"value": 8', '"value": 9', "reasoning", id="evidence that was cited"),
        pytest.param("r00008", '"id": 8', '"id": 9', "outcome", id="what was carried out"),
    ],
)
def test_a_trace_belongs_to_the_field_that_it_tells_of(
    whole: Path, tmp_path: Path, key: SigningKey, record_id: str, old: str, new: str, field: str
) -> None:
    path = copied(whole, tmp_path)
    with sqlite3.connect(path) as connection:
        asked = key_of(PLAN.asked_digest, f"{8:064x}")
        connection.execute("UPDATE traces SET content = replace(content, ?, ?) WHERE key = ?", (old, new, asked))
    assert named(read(path, key.public)) == {(record_id, field, "altered")}


def test_a_trail_signed_anew_with_another_key_is_by_a_key_that_is_not_known(
    whole: Path, tmp_path: Path, key: SigningKey
) -> None:
    path = copied(whole, tmp_path)
    signed_anew(path, generated_key())
    assert set(read(path, key.public)["seal"]) == {"unknown key"}


def test_without_a_key_lines_are_unsigned_and_nothing_fails(
    tmp_path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "trail_key", lambda: None)
    trail = read(trailed(tmp_path / "p" / JOURNAL_FILE, 5), key.public)
    assert set(trail["seal"]) == {"unsigned"}
    assert named(trail) == set()


def test_lines_whose_process_was_killed_before_it_sealed_hold_and_a_change_is_named_by_decision(
    whole: Path, tmp_path: Path, key: SigningKey
) -> None:
    path = copied(whole, tmp_path)
    asked = key_of(PLAN.asked_digest, f"{5:064x}")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM seals")
    assert holds(read(path, key.public)).all()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE decisions SET action = 'reject' WHERE key = ?", (asked,))
        freshen(connection, asked)
    trail = read(path, key.public).set_index("record_id")
    assert trail["seal"]["r00005"] == "does not hold"
    assert (trail["seal"].drop("r00005") == "").all()


def test_two_processes_that_append_in_turns_leave_one_unbroken_trail(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "p" / JOURNAL_FILE
    records = [(f"r{number:05}", str(number)) for number in range(12)]
    with Journal(path) as one, Journal(path) as other:
        one.plan(PLAN, records)
        for number, (record_id, digest) in enumerate(records):
            asked = key_of(PLAN.asked_digest, digest)
            journal = one if number // 2 % 2 else other
            journal.append([(asked, decided(record_id))], {asked: AskedAs(PLAN.asked_digest, digest)})
    assert holds(read(path, key.public)).all()
    with sqlite3.connect(path) as connection:
        sealed = connection.execute("SELECT first, last FROM seals ORDER BY first").fetchall()
    assert sealed == [(first, first + 1) for first in range(1, 12, 2)]


def test_whatever_stands_where_a_line_should_is_read_without_a_fault_of_ours(
    whole: Path, tmp_path: Path, key: SigningKey
) -> None:
    path = copied(whole, tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE trail SET number = 'one' WHERE number = 1")
        connection.execute("UPDATE trail SET key = 7 WHERE number = 2")
        connection.execute("UPDATE trail SET input = 'x', at = 5, monotonic = 'y' WHERE number = 3")
        connection.execute("UPDATE seals SET first = NULL, action = 3.5")
        connection.execute("UPDATE decisions SET reason = x'00ff', status = 3 WHERE record_id = 'r00009'")
        connection.execute("UPDATE traces SET content = '[}'")
    trail = read(path, key.public).set_index("record_id")
    assert trail["seal"][["r00000", "r00001"]].tolist() == ["no line", "no line"]
    assert trail["input"]["r00002"] == "empty"
    assert trail["timestamp"]["r00002"] == "altered"
    assert trail["reasoning"]["r00009"] == "altered"
    assert trail["outcome"]["r00008"] == "altered"


def test_the_sealing_key_is_made_once_for_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = trail_key()
    assert made is not None
    path = tmp_path / "workbench" / "trail.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_signing_key(path).key_id == made.key_id
    (tmp_path / "suite" / "signatures" / "keys").mkdir(parents=True)
    other = generated_key()
    (tmp_path / "suite" / "signatures" / "keys" / "trail-ci.pem").write_bytes(other.public.pem)
    assert [one.key_id for one in trail_keys(tmp_path / "suite")] == [made.key_id, other.key_id]


def test_where_no_key_can_be_kept_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    assert trail_key() is None


def test_decisions_of_before_have_no_line_and_new_ones_have(whole: Path, tmp_path: Path, key: SigningKey) -> None:
    path = copied(whole, tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE trail")
        connection.execute("DROP TABLE seals")
    asked = key_of(PLAN.asked_digest, f"{5:064x}")
    with Journal(path) as journal:
        journal.append([(asked, decided("r00005"))], {asked: AskedAs(PLAN.asked_digest, f"{5:064x}")})
    trail = read(path, key.public).set_index("record_id")
    assert trail["seal"]["r00005"] == ""
    assert set(trail["seal"].drop("r00005")) == {"no line"}
    assert named(trail.reset_index()) == set()


def test_a_decision_appended_without_what_it_was_asked_has_no_input(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "p" / JOURNAL_FILE
    with Journal(path) as journal:
        journal.plan(PLAN, [("r00001", "d")])
        journal.append([(key_of(PLAN.asked_digest, "d"), decided("r00001"))])
    assert named(read(path, key.public)) == {("r00001", "input", "missing")}


def test_an_answer_without_a_reason_or_evidence_lacks_its_reasoning(tmp_path: Path, key: SigningKey) -> None:
    path, asked = tmp_path / "p" / JOURNAL_FILE, key_of(PLAN.asked_digest, "d")
    with Journal(path) as journal:
        journal.plan(PLAN, [("r00001", "d"), ("r00002", "e")])
        journal.append(
            [(asked, Decision("r00001", Status.OK, action="approve"))], {asked: AskedAs(PLAN.asked_digest, "d")}
        )
    trail = read(path, key.public)
    assert named(trail) == {("r00001", "reasoning", "missing")}
    assert trail[["stored", "outcomes"]].iloc[1].tolist() == ["undecided", 0]


def test_a_salvaged_journal_keeps_its_trail(whole: Path, tmp_path: Path, key: SigningKey) -> None:
    path = copied(whole, tmp_path)
    salvaged(path)
    trail = read(path, key.public)
    assert holds(trail).all()
    assert len(trail) == N


def test_a_trail_reads_back_from_a_bundle_and_is_proved_again_from_its_table(
    whole: Path, tmp_path: Path, key: SigningKey
) -> None:
    trail = read(whole, key.public)
    kinds = {
        name: ColumnKind.INTEGER if name in ("number", "monotonic", "outcomes") else ColumnKind.TEXT for name in COLUMNS
    }
    back = table_of(table_csv(trail), kinds)
    assert (trail_again(back, [key.public])[["seal", *FIELDS]] == "").all(axis=None)
    back.loc[back["record_id"] == "r00003", "decided"] = "reject"
    back.loc[back["record_id"] == "r00004", "reasoning_digest"] = "00" * 32
    again = trail_again(back, [key.public]).set_index("record_id")
    assert again["action"]["r00003"] == "altered"
    assert again["seal"]["r00004"] == "does not hold"
    assert (again["seal"].drop("r00004") == "").all()
    assert set(trail_again(back, [])["seal"]) == {"unknown key"}
