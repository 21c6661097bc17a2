"""What people settled is written back once, by the item's id; what must not be written is not."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from commands import command_in
from review_pilots import (
    ENVIRONMENT,
    Decided,
    PlayedClock,
    copied,
    decide_all,
    decided_by,
    decided_copy,
    desk_of,
    filled,
    truthful,
)

from workbench.desk import AnswerKind, Claim, Desk, GivenAnswer
from workbench.environment import ToolError, read_environment
from workbench.pilot import Pilot, QueueName
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.review import CarriedOut, carry_out
from workbench.review.carrying import BOOKS_FILE, WrittenBooks, observed_writes
from workbench.words import InputError

TABLES = ("postings", "returns", "parked")
ABOVE = {"clerks": "lead", "controllers": "lead", "purchasing": "purchasing"}  # whom one hands on to; nobody is above


@pytest.fixture
def decided(tmp_path: Path, decided_desk: Path) -> Decided:
    return decided_copy(decided_desk, tmp_path)


def rows(pilot: Pilot) -> list[tuple[Any, ...]]:
    """Return every row of the tables that tools write, the key last."""
    with closing(sqlite3.connect(pilot.runs / BOOKS_FILE)) as file:
        return [row for table in TABLES for row in file.execute(f"SELECT * FROM {table}")]


def carried(pilot: Pilot, dataset: Dataset, clock: PlayedClock, **asked: Any) -> CarriedOut:
    with desk_of(pilot, clock) as desk:
        return carry_out(pilot, dataset, desk=desk, **asked)


def test_every_settled_escalation_is_written_once_and_nothing_else_is(
    decided: Decided,
) -> None:
    pilot, dataset, clock = decided
    done = carried(pilot, dataset, clock)
    with desk_of(pilot, clock) as desk:
        items = desk.items().set_index("item")
    real = items[(items["queue"] == "escalations") & items["planted"].isna()]
    assert set(done.written) == set(real.index)
    assert Counter(row[-1] for row in rows(pilot)) == Counter(dict.fromkeys(real.index, 1))
    assert observed_writes(pilot, list(items.index)) == Counter(dict.fromkeys(real.index, 1))
    assert items.loc[list(done.written), "receipt"].notna().all()
    assert items.loc[items["planted"].notna(), "receipt"].isna().all()


def test_a_second_time_there_is_nothing_to_do(decided: Decided) -> None:
    pilot, dataset, clock = decided
    first = carried(pilot, dataset, clock)
    again = carried(pilot, dataset, clock)
    assert (again.written, again.before, again.left) == ((), len(first.written), ())
    assert len(rows(pilot)) == len(first.written)


def test_the_arguments_are_those_of_the_record_the_group_and_the_amount(
    decided: Decided,
) -> None:
    pilot, dataset, clock = decided
    carried(pilot, dataset, clock)
    records = {one.id: one.fields for one in dataset.records(dataset.ids(Split.DEV))}
    with desk_of(pilot, clock) as desk:
        items = desk.items().set_index("item")
    for row in rows(pilot):
        item = items.loc[row[-1]]
        fields = records[item["record_id"]]
        second = {"approve": fields["amount"], "escalate": ABOVE[item["group"]]}.get(item["action"], row[1])
        assert row[:2] == (fields["po_number"], second)


class KilledError(BaseException):
    """What a process that is killed would not get past."""


class KilledBeforeReceipt(Desk):
    """A desk whose process ends between the third write and its receipt."""

    left = 2

    def carried_out(self, item: str, receipt: str) -> bool:
        if not self.left:
            raise KilledError
        self.left -= 1
        return super().carried_out(item, receipt)


def test_who_is_killed_between_the_write_and_the_receipt_does_not_write_twice(
    decided: Decided,
) -> None:
    pilot, dataset, clock = decided
    with desk_of(pilot, clock) as desk:
        settings, path = desk.settings, desk._file.path
    with KilledBeforeReceipt(path, settings, clock) as desk, pytest.raises(KilledError):
        carry_out(pilot, dataset, desk=desk)
    assert len(rows(pilot)) == 3, "the third was written and has no receipt"
    done = carried(pilot, dataset, clock)
    assert done.before == 2
    assert set(Counter(row[-1] for row in rows(pilot)).values()) == {1}
    assert len(rows(pilot)) == 2 + len(done.written)


def test_what_can_still_be_taken_back_waits_unless_it_is_final(tmp_path: Path, asked_desk: Path) -> None:
    pilot, clock = copied(asked_desk, tmp_path), PlayedClock()
    dataset = read_dataset(pilot)
    with desk_of(pilot, clock) as desk:
        desk.put(filled(pilot).items)
        decide_all(desk, clock, dataset, people=("eve",))
        clock.now += 1.0
        last = carry_out(pilot, dataset, desk=desk).written
        everything = carry_out(pilot, dataset, desk=desk, final=True).written
    assert last == ()
    assert len(everything) == 3  # what purchasing got, without what was planted


def rejecting(label: str, claim: Claim) -> GivenAnswer:
    """Return that nothing is to be done with what was handed over."""
    if claim.queue is not QueueName.ESCALATIONS:
        return truthful(label, claim)
    return GivenAnswer(AnswerKind.REJECT, reason="something is missing")


def handing_on(label: str, claim: Claim) -> GivenAnswer:
    """Return the agent's own way out, also where it does not recommend it."""
    return truthful("escalate" if claim.queue is QueueName.ESCALATIONS else label, claim)


def test_where_nothing_is_to_be_done_nothing_is_written(tmp_path: Path, asked_desk: Path) -> None:
    pilot, dataset, clock = decided_by(copied(asked_desk, tmp_path), rejecting)
    done = carried(pilot, dataset, clock)
    assert (done.written, done.left, done.nothing) == ((), (), 9)
    assert not (pilot.runs / BOOKS_FILE).exists()


def test_what_a_person_hands_on_is_written_by_the_tool_that_hands_over_as_review_yaml_says(
    tmp_path: Path, asked_desk: Path
) -> None:
    pilot, dataset, clock = decided_by(copied(asked_desk, tmp_path), handing_on)
    done = carried(pilot, dataset, clock)
    records = {one.id: one.fields for one in dataset.records(dataset.ids(Split.DEV))}
    with desk_of(pilot, clock) as desk:
        items = desk.items().set_index("item").loc[list(done.written)]
    with closing(sqlite3.connect(pilot.runs / BOOKS_FILE)) as file:
        counts = [file.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]
    assert counts == [0, 0, 9]
    # `arguments` of review.yaml: assigned_to is the group above, also where the agent itself had named one or none
    wanted = {(records[row.record_id]["po_number"], ABOVE[row.group], item) for item, row in items.iterrows()}
    assert set(rows(pilot)) == wanted
    assert Counter(items["group"]) == {"controllers": 3, "purchasing": 3, "clerks": 3}
    assert {json.loads(one)["tool"] for one in items["receipt"]} == {"park"}


def test_an_action_that_no_tool_carries_out_is_left_and_the_rest_is_written(decided: Decided) -> None:
    pilot, dataset, clock = decided
    without = ENVIRONMENT.replace("    carries_out: reject\n", "")
    (pilot.suite / "environment.yaml").write_text(without, encoding="utf-8")
    done = carried(pilot, dataset, clock)
    assert {why for _, why in done.left} == {"no tool carries out reject"}
    assert len(done.written) + len(done.left) == 9


def test_an_argument_that_nothing_fills_is_left_and_named(tmp_path: Path, decided_desk: Path) -> None:
    _, dataset, clock = decided_copy(decided_desk, tmp_path)
    pilot = copied(decided_desk, tmp_path, arguments={"assigned_to": "note"})
    done = carried(pilot, dataset, clock)
    # review.yaml goes before what the agent wanted itself
    assert {why for _, why in done.left} == {"missing argument 'assigned_to'"}


def test_without_a_tool_that_carries_out_nothing_can_be_written(decided: Decided) -> None:
    pilot, dataset, clock = decided
    none = "\n".join(line for line in ENVIRONMENT.splitlines() if "carries_out" not in line)
    (pilot.suite / "environment.yaml").write_text(none, encoding="utf-8")
    with pytest.raises(InputError, match="no tool carries an answer out"):
        carried(pilot, dataset, clock)


@pytest.fixture
def books(tmp_path: Path, asked_desk: Path) -> tuple[Pilot, WrittenBooks]:
    pilot = copied(asked_desk, tmp_path)
    return pilot, WrittenBooks(pilot.runs / BOOKS_FILE, read_environment(pilot))


def test_a_key_with_another_content_is_refused_and_nothing_changes(books: tuple[Pilot, WrittenBooks]) -> None:
    pilot, written = books
    tool = read_environment(pilot).tools["post"]
    record = next(iter(read_dataset(pilot).records(read_dataset(pilot).ids(Split.DEV))))
    asyncio.run(written.write(tool, {"po_number": "1", "amount": 5.0}, record, "key"))
    asyncio.run(written.write(tool, {"po_number": "1", "amount": 5.0}, record, "key"))
    with pytest.raises(ToolError, match="another content"):
        asyncio.run(written.write(tool, {"po_number": "1", "amount": 6.0}, record, "key"))
    assert rows(pilot) == [("1", 5.0, "key")]


def test_a_statement_that_fails_leaves_no_key_behind(books: tuple[Pilot, WrittenBooks]) -> None:
    pilot, written = books
    tool = read_environment(pilot).tools["post"]
    record = next(iter(read_dataset(pilot).records(read_dataset(pilot).ids(Split.DEV))))
    with pytest.raises(ToolError):
        asyncio.run(written.write(tool, {"po_number": "1"}, record, "key"))  # the statement asks for :amount
    asyncio.run(written.write(tool, {"po_number": "1", "amount": 5.0}, record, "key"))
    assert written.held(["key"]) == Counter({"key": 1})


def test_a_row_that_somebody_else_wrote_under_the_key_is_seen(decided: Decided) -> None:
    pilot, dataset, clock = decided
    item = carried(pilot, dataset, clock).written[0]
    with closing(sqlite3.connect(pilot.runs / BOOKS_FILE)) as file:
        file.execute("INSERT INTO postings VALUES ('450', 1.0, ?)", (item,))
        file.commit()
    assert observed_writes(pilot, [item])[item] == 2


def test_the_commands_fill_carry_out_and_report_one_after_the_other(
    tmp_path: Path, asked_desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = copied(asked_desk, tmp_path)
    dataset = read_dataset(pilot)
    run = command_in(tmp_path, monkeypatch, capsys)
    code, out, _ = run("review", "fill", "small", "--agent", "clerk", "--threshold", "0.5", "--json")
    assert (code, json.loads(out)["new"]) == (0, 12)
    clock = PlayedClock()
    with desk_of(pilot, clock) as desk:
        decide_all(desk, clock, dataset)
    code, out, _ = run("review", "carry-out", "small", "--final", "--json")
    assert (code, len(json.loads(out)["written"]), json.loads(out)["left"]) == (0, 9, [])
    code, out, _ = run("review", "report", "small", "--json")
    said = json.loads(out)
    assert (code, said["findings"], said["estimates"]["planted_caught"]["value"]) == (0, [], 1.0)
    code, out, err = run("review", "fill", "small", "--agent", "clerk", "--queue", "labels")
    assert (code, out) == (2, "")
    assert "--queue has no such value" in err
