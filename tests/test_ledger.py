from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from openings import KEY, ME, SUBJECT, opened, records_named, sight

from workbench.pilot.signing.keys import generated_key
from workbench.records.ledger import Purpose, Seen, append_opening, read_budget, read_ledger
from workbench.records.ledger.entries import GENESIS, chained
from workbench.words import RunError


def named(*spans: range) -> list[str]:
    return [f"r{number}" for span in spans for number in span]


def today(*spans: range) -> Seen:
    return Seen(records_named(named(*spans)), SUBJECT.split)


def test_every_opening_is_charged_two_thirds_of_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    shares = [opened(path, version).share for version in "abcdefghij"]
    assert shares[:3] == pytest.approx([2 / 3, 2 / 9, 2 / 27])
    assert sum(share or 0.0 for share in shares) < 1.0
    budget = read_budget(path, None)
    assert (budget.n_openings, budget.spent) == (10, pytest.approx(1 - 3.0**-10))
    assert budget.remaining + budget.spent == pytest.approx(1.0)


def test_an_unopened_holdout_has_its_whole_budget(tmp_path: Path) -> None:
    budget = read_budget(tmp_path / "ledger.jsonl", 2)
    assert (budget.n_openings, budget.spent, budget.next_share) == (0, 0.0, pytest.approx(2 / 3))
    assert json.loads(json.dumps(budget.as_json()))["remaining"] == 1.0


def test_the_very_same_look_adds_no_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first, again = opened(path, "a"), opened(path, "a")
    assert again == first
    assert len(read_ledger(path)) == 1


def test_the_same_decisions_made_anew_cost_nothing_and_keep_their_share(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    second = opened(path, "b")
    again = opened(path, "b", sight(rows="slower"))
    assert (again.number, again.repeat_of, again.share) == (3, 2, second.share)
    assert opened(path, "b", sight(rows="slower still")).repeat_of == 2
    assert read_budget(path, None).n_openings == 2


def test_a_repeat_that_decides_otherwise_is_a_new_opening_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    other = opened(path, "a", sight(rows="other", decided="other"))
    assert (other.repeat_of, other.share) == (None, pytest.approx(2 / 9))
    assert other.changes == ("the same version decided otherwise than at opening 1",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("roles", "the roles of columns in contract.yaml changed since opening 1"),
        ("targets", "the charter's targets, high-risk categories or limits changed since opening 1"),
        ("escalation", "the label that stands for a person changed since opening 1"),
        ("split", "the split into development and holdout records changed since opening 1"),
    ],
)
def test_another_subject_is_a_new_opening_and_says_so(tmp_path: Path, name: str, words: str) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    other = opened(path, "a", sight(subject=replace(SUBJECT, **{name: "another"})))
    assert (other.repeat_of, other.changes) == (None, (words,))
    assert other.share == pytest.approx(2 / 9)


def test_another_split_makes_no_record_new(tmp_path: Path) -> None:
    # other records are holdout now: their labels were development labels before
    path = tmp_path / "ledger.jsonl"
    opened(path, "a", sight(records_named(named(range(100)))))
    moved = Seen(records_named(named(range(100, 200))), "another split")
    assert read_budget(path, None, moved).spent == pytest.approx(2 / 3)


def test_changed_labels_and_contents_and_records_that_are_gone_are_counted_and_charged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a", sight(records_named(named(range(100)))))
    kept = records_named(named(range(80)))
    labels = tuple("no-" + label if number < 7 else label for number, label in enumerate(kept.labels))
    content = tuple(one + "!" if 10 <= number < 13 else one for number, one in enumerate(kept.content))
    changed = opened(path, "a", sight(replace(kept, labels=labels, content=content)))
    assert changed.changes == (
        "7 of 100 records opened before have another label",
        "3 of 100 records opened before have other content",
        "20 of 100 records opened before are gone",
    )
    assert (changed.repeat_of, changed.share) == (None, pytest.approx(2 / 9))


def test_records_that_only_came_change_nothing_of_those_before(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a", sight(records_named(named(range(100)))))
    assert opened(path, "b", sight(records_named(named(range(150))))).changes == ()


def test_each_gate_has_its_budget_and_openings_for_none_count_for_all(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a", gate=2)
    opened(path, "b", gate=3)
    assert read_budget(path, 2).n_openings == 1
    opened(path, "c")
    assert [read_budget(path, gate).n_openings for gate in (2, 3, None)] == [2, 2, 3]
    assert opened(path, "b", sight(rows="anew"), gate=2).repeat_of is None
    assert opened(path, "c", sight(rows="anew"), gate=2).repeat_of == 3


def test_new_records_refresh_the_budget_as_far_as_they_are_new(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a", sight(records_named(named(range(100)))))
    assert read_budget(path, None, today(range(100))).spent == pytest.approx(2 / 3)
    assert read_budget(path, None, today(range(100, 150))).spent == 0.0
    assert read_budget(path, None, today(range(150))).spent == pytest.approx(2 / 3 * 100 / 150)
    later = opened(path, "b", sight(records_named(named(range(150)))))
    assert later.share == pytest.approx(2 / 3 * (1 - 2 / 3 * 100 / 150))


def test_records_under_other_ids_or_with_other_content_are_not_new(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    known = records_named(named(range(100)))
    renamed = replace(known, ids=tuple(f"new-{name}" for name in known.ids))
    edited = replace(known, content=tuple(f"new-{one}" for one in known.content))
    for records in (renamed, edited):
        assert read_budget(path, None, Seen(records, SUBJECT.split)).spent == pytest.approx(2 / 3)


def test_an_opening_whose_records_are_not_known_counts_in_full(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    opened(path, "b")
    (listed,) = (tmp_path / "opened").iterdir()
    listed.write_text(listed.read_text(encoding="ascii")[:-40], encoding="ascii")
    assert read_budget(path, None, today(range(1000, 1100))).spent == pytest.approx(8 / 9)
    listed.unlink()
    assert read_budget(path, None, today(range(1000, 1100))).spent == pytest.approx(8 / 9)


def test_openings_of_the_same_records_under_another_pilot_count(tmp_path: Path) -> None:
    first, copy = (tmp_path / name / "ledger.jsonl" for name in ("claims", "copy"))
    opened(first, "a")
    mine = opened(copy, "a", others=[first])
    assert mine.share == pytest.approx(2 / 9)
    (elsewhere,) = mine.elsewhere
    assert (elsewhere["ledger"], elsewhere["spent"]) == ("claims", pytest.approx(2 / 3))
    fresh = opened(
        tmp_path / "fresh" / "ledger.jsonl", "a", sight(records_named(named(range(500, 600)))), others=[first]
    )
    assert (fresh.share, fresh.elsewhere) == (pytest.approx(2 / 3), ())


def test_openings_of_another_pilot_whose_list_is_missing_count_in_full(tmp_path: Path) -> None:
    first, fresh = (tmp_path / name / "ledger.jsonl" for name in ("claims", "fresh"))
    opened(first, "a")
    (listed,) = (first.parent / "opened").iterdir()
    listed.unlink()
    mine = opened(fresh, "a", sight(records_named(named(range(500, 600)))), others=[first])
    assert mine.share == pytest.approx(2 / 9)
    (elsewhere,) = mine.elsewhere
    assert (elsewhere["list_missing"], elsewhere["spent"]) == (listed.name, pytest.approx(2 / 3))


def test_a_copied_ledger_counts_once(tmp_path: Path) -> None:
    first, copy = (tmp_path / name / "ledger.jsonl" for name in ("claims", "copy"))
    opened(first, "a")
    copy.parent.mkdir()
    copy.write_bytes(first.read_bytes())
    assert read_budget(copy, None, today(range(100)), [first]).spent == pytest.approx(2 / 3)


def test_openings_from_before_entries_were_signed_are_charged(tmp_path: Path) -> None:
    # an entry as it was written then: no signature, and a list of ids only
    old = tmp_path / "mlruns" / "ledger.jsonl"
    purpose = {"purpose": "evaluation", "agent": "a", "agent_digest": "a", "dataset_digest": "d", "n_records": 100}
    entry = {
        "number": 1, "time": "2026-11-01T00:00:00+00:00", "who": "someone", "commit": None, "is_dirty": None,
        "purpose": purpose, "repeat_of": None,
    }  # fmt: skip
    old.parent.mkdir()
    old.write_text(json.dumps({**entry, "hash": chained(GENESIS, entry)}) + "\n", encoding="utf-8")
    assert read_budget(tmp_path / "ledger.jsonl", None, today(range(100)), [old]).spent == pytest.approx(2 / 3)


def test_the_list_beside_the_ledger_is_named_by_its_content(tmp_path: Path) -> None:
    entry = opened(tmp_path / "ledger.jsonl", "a")
    (listed,) = (tmp_path / "opened").iterdir()
    assert listed.name == entry.records == sight().records.digest


@pytest.mark.parametrize("field", ["who", "share", "rows", "changes", "key", "signature"])
def test_no_field_of_an_entry_can_be_edited(tmp_path: Path, field: str) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    entry = json.loads(path.read_text(encoding="utf-8"))
    replaced = generated_key().public.line if field == "key" else "0" * 128 if field == "signature" else 0.1
    path.write_text(json.dumps({**entry, field: replaced}) + "\n", encoding="utf-8")
    with pytest.raises(RunError, match=r"the holdout ledger was altered\n.*line 1"):
        read_ledger(path)


def test_a_fresh_hash_without_the_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    entry = {**json.loads(path.read_text(encoding="utf-8")), "share": 0.9}
    entry["hash"] = chained(GENESIS, entry)
    path.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    with pytest.raises(RunError, match="the holdout ledger was altered"):
        read_ledger(path)


def test_the_key_is_asked_for_only_where_a_line_is_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    asked = []

    def key() -> object:
        asked.append(1)
        return KEY

    look = sight()
    purpose = Purpose("evaluation", "a", "a", "records", len(look.records))
    append_opening(path, (purpose, look), (ME, key))  # type: ignore[arg-type]
    assert asked == []
