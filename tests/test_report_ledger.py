"""Tests of the ledger for readers, and of `workbench ledger`, on a small real pilot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from commands import command_in
from judged_pilots import judged_pilot
from openings import KEY, SUBJECT

from workbench.files.commits import Provenance
from workbench.pages.ledger import budgets_table, ledger_view, openings_table, refresh_note
from workbench.pilot.pilot import Pilot
from workbench.records.ledger import OPENED_FOLDER, Purpose, Sight, append_opening
from workbench.records.splits import holdout_seen, ledger_path, read_dataset

ADA = Provenance("ada", "c" * 40, True, ("agents.py",))


def opened(pilot: Pilot, version: str, gate: int | None = None, rows: str = "rows") -> None:
    seen = holdout_seen(pilot, read_dataset(pilot))
    look = Sight(pilot.name, seen.records, replace(SUBJECT, split=seen.split), rows, "truth", "decided")
    purpose = Purpose("evaluation", "payer", version * 64, "records", 400, gate, prompt="p" * 64)
    append_opening(ledger_path(pilot), (purpose, look), (ADA, lambda: KEY))


def test_every_opening_says_who_when_which_commit_prompt_and_why(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    opened(pilot, "a")
    opened(pilot, "a", rows="made anew")
    opened(pilot, "b", gate=2)
    rows = openings_table(ledger_view(pilot, read_dataset(pilot)).openings).to_dict("records")
    assert [row["charge"] for row in rows] == ["66.7%", "none, as opening 1", "22.2%"]
    first = rows[0]
    assert first["time"].endswith(" UTC")
    del first["time"]
    assert first == {
        "opening": 1, "who": "ada", "commit": f"{'c' * 12} with changes in 'agents.py'",
        "agent": "payer", "version": "a" * 12,
        "prompt": "p" * 12, "records": "400", "purpose": "evaluation", "gate": "any", "charge": "66.7%",
    }  # fmt: skip


def test_each_gate_has_what_is_left_and_the_confidence_it_must_reach_next(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    opened(pilot, "a", gate=2)
    view = ledger_view(pilot, read_dataset(pilot))
    table = budgets_table(view).set_index("gate")
    assert table.loc["2", ["openings that count", "spent", "left"]].tolist() == [1, "66.7%", "33.3%"]
    # a third of the 5% that the KPI allows is left, and two thirds of that third may be used next
    assert table.loc["2", "left as a chance of error"] == "1.67%"
    assert table.loc["2", "next opening is held to a confidence of"] == "98.89%"
    assert table.index.tolist() == ["any", "2"], "no gate has a row that has no opening of its own"


def test_as_many_new_records_halve_what_was_spent(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    sealed = ledger_view(pilot, read_dataset(pilot))
    assert (
        refresh_note(sealed) == "The 400 holdout records are sealed; the first opening may use two thirds of the level."
    )
    opened(pilot, "a")
    view = ledger_view(pilot, read_dataset(pilot))
    assert view.refreshed.spent == pytest.approx(view.budgets[None].spent / 2)
    assert "With 400 more of them" in refresh_note(view)
    assert "66.7% would be left instead of 33.3%" in refresh_note(view)


def test_openings_that_did_not_list_their_records_are_not_refreshed(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    opened(pilot, "a")
    for listed in (ledger_path(pilot).parent / OPENED_FOLDER).iterdir():
        listed.unlink()
    assert "so they count in full on new ones too" in refresh_note(ledger_view(pilot, read_dataset(pilot)))


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    return command_in(tmp_path, monkeypatch, capsys)


def test_the_command_lists_openings_and_budgets_and_opens_nothing(tmp_path: Path, command) -> None:
    pilot = judged_pilot(tmp_path)
    code, out, _ = command("ledger", "small")
    assert (code, "no opening of the holdout yet" in out) == (0, True)
    assert not ledger_path(pilot).exists()
    opened(pilot, "a", gate=2)
    code, out, _ = command("ledger", "small")
    text = " ".join(out.split())
    assert code == 0
    assert "openings of the sealed holdout" in text
    assert "New records refresh it" in text
    code, out, _ = command("ledger", "small", "--json")
    content = json.loads(out)
    assert (code, content["pilot"], content["holdout_records"]) == (0, "small", 400)
    assert content["openings"][0]["purpose"]["prompt"] == "p" * 64
    assert {one["gate"]: round(one["remaining"], 3) for one in content["budgets"]}[2] == 0.333
    assert content["after_as_many_new_records"]["spent"] == pytest.approx(1 / 3)
    assert len(ledger_path(pilot).read_text(encoding="utf-8").splitlines()) == 1


def test_an_altered_ledger_is_an_error_of_the_command(tmp_path: Path, command) -> None:
    pilot = judged_pilot(tmp_path)
    opened(pilot, "a")
    path = ledger_path(pilot)
    path.write_text(path.read_text(encoding="utf-8").replace('"ada"', '"eve"'), encoding="utf-8")
    code, _, err = command("ledger", "small")
    assert (code, "the holdout ledger was altered" in err) == (4, True)
    code, _, err = command("ledger", "large")
    assert (code, "large" in err) == (2, True)
