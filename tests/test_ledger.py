from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.errors import RunError
from workbench.ledger import Opening, Purpose, append_opening, charged_share, read_budget, read_ledger
from workbench.provenance import Provenance

ME = Provenance("someone", None, None)


def opened(path: Path, version: str, gate: int | None = None, records: range | None = range(100)) -> Opening:
    ids = None if records is None else [f"r{number}" for number in records]
    purpose = Purpose("evaluation", version, version, "records", 100, gate)
    return append_opening(path, purpose, ME, ids)


def test_every_opening_is_charged_two_thirds_of_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    shares = [opened(path, version).share for version in "abcdefghij"]
    assert shares[:3] == pytest.approx([2 / 3, 2 / 9, 2 / 27])
    assert sum(shares) < 1.0
    budget = read_budget(path, None)
    assert (budget.n_openings, budget.spent) == (10, pytest.approx(1 - 3.0**-10))
    assert budget.remaining + budget.spent == pytest.approx(1.0)


def test_an_unopened_holdout_has_its_whole_budget(tmp_path: Path) -> None:
    budget = read_budget(tmp_path / "ledger.jsonl", 2)
    assert (budget.n_openings, budget.spent, budget.next_share) == (0, 0.0, pytest.approx(2 / 3))
    assert json.loads(json.dumps(budget.as_json()))["remaining"] == 1.0


def test_the_same_version_on_the_same_records_costs_nothing_and_keeps_its_share(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    second = opened(path, "b")
    again = opened(path, "b")
    assert (again.repeat_of, again.share) == (2, second.share)
    assert read_budget(path, None).n_openings == 2


def test_each_gate_has_its_budget_and_openings_for_none_count_for_all(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a", gate=2)
    opened(path, "b", gate=3)
    assert read_budget(path, 2).n_openings == 1
    opened(path, "c")
    assert [read_budget(path, gate).n_openings for gate in (2, 3, None)] == [2, 2, 3]
    assert opened(path, "b", gate=2).repeat_of is None
    assert opened(path, "c", gate=2).repeat_of == 3


def test_new_records_refresh_the_budget_as_far_as_they_are_new(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a", records=range(100))
    today = {name: [f"r{number}" for number in ids] for name, ids in (("same", range(100)), ("new", range(100, 150)))}
    assert read_budget(path, None, today["same"]).spent == pytest.approx(2 / 3)
    assert read_budget(path, None, today["new"]).spent == 0.0
    assert read_budget(path, None, today["same"] + today["new"]).spent == pytest.approx(2 / 3 * 100 / 150)
    assert opened(path, "b", records=range(150)).share == pytest.approx(2 / 3 * (1 - 2 / 3 * 100 / 150))


def test_an_opening_whose_records_are_not_known_counts_in_full(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a", records=None)
    opened(path, "b")
    for listed in (tmp_path / "opened").iterdir():
        listed.unlink()
    assert read_budget(path, None, ["brand new"]).spent == pytest.approx(8 / 9)


def test_the_list_beside_the_ledger_holds_no_record_ids(tmp_path: Path) -> None:
    opened(tmp_path / "ledger.jsonl", "a")
    (listed,) = (tmp_path / "opened").iterdir()
    assert "r7" not in listed.read_text(encoding="ascii").split()


def test_a_ledger_from_before_openings_were_charged_is_read_and_charged(tmp_path: Path) -> None:
    # an entry as it was written before shares were on it, with its hash
    path = tmp_path / "ledger.jsonl"
    opened(path, "a", records=None)
    entry = json.loads(path.read_text(encoding="utf-8"))
    for name in ("share", "records", "hash"):
        del entry[name]
    del entry["purpose"]["gate"]
    from workbench.ledger import GENESIS, _chained

    entry["hash"] = _chained(GENESIS, entry)
    path.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    assert read_ledger(path)[0].share is None
    assert read_budget(path, 2).spent == pytest.approx(2 / 3)
    assert charged_share(path, read_ledger(path)[0].purpose) == pytest.approx(2 / 3)


def test_an_opening_that_is_not_on_the_ledger_has_no_share(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    opened(path, "a")
    with pytest.raises(RunError, match="no such opening"):
        charged_share(path, Purpose("evaluation", "z", "z", "records", 100))
