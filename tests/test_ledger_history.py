from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from openings import opened, sight

from workbench.records.ledger import check_continues, history_remarks, read_ledger
from workbench.records.ledger.history import BEGINS, OUTSIDE
from workbench.words import RunError


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger of two openings in a repository; the first one is committed."""
    path = tmp_path / "datasets" / "small" / "ledger.jsonl"
    opened(path, "a")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one opening")
    opened(path, "b")
    return path


def evidence(tmp_path: Path) -> Path:
    return tmp_path / "mlruns" / "evidence" / "small"


def bundled(tmp_path: Path, text: str) -> None:
    bundle = evidence(tmp_path) / "gate-2" / "20261101T000000Z-abc"
    bundle.mkdir(parents=True)
    (bundle / "ledger.jsonl").write_text(text, encoding="utf-8")


def test_a_ledger_that_only_grew_goes_on(ledger: Path, tmp_path: Path) -> None:
    bundled(tmp_path, ledger.read_text(encoding="utf-8"))
    check_continues(ledger, evidence(tmp_path))
    assert history_remarks(ledger) == ()


@pytest.mark.parametrize("how", ["deleted", "cut", "begun anew", "deleted in a commit"])
def test_a_ledger_that_lacks_what_a_commit_holds_is_refused(ledger: Path, tmp_path: Path, how: str) -> None:
    if how == "cut":
        ledger.write_text("", encoding="utf-8")
    else:
        ledger.unlink()
    if how == "deleted in a commit":
        git(tmp_path, "commit", "-qam", "clean up")
    if how != "deleted":
        opened(ledger, "c")
    with pytest.raises(RunError, match=r"not the one that was seen before(.|\n)*to begin with the 1 entries of commit"):
        check_continues(ledger, evidence(tmp_path))


def test_a_ledger_that_lacks_what_evidence_holds_is_refused_whoever_signed_it(ledger: Path, tmp_path: Path) -> None:
    bundled(tmp_path, ledger.read_text(encoding="utf-8"))
    lines = ledger.read_text(encoding="utf-8").splitlines(keepends=True)
    ledger.write_text(lines[0], encoding="utf-8")
    with pytest.raises(RunError, match="to begin with the 2 entries of the evidence in"):
        check_continues(ledger, evidence(tmp_path))


def test_evidence_from_before_entries_were_signed_says_nothing_of_the_ledger_of_today(
    ledger: Path, tmp_path: Path
) -> None:
    bundled(tmp_path, json.dumps({"number": 1, "hash": "x"}) + "\n")
    check_continues(ledger, evidence(tmp_path))


def test_a_history_that_is_missing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "datasets" / "small" / "ledger.jsonl"
    assert history_remarks(path) == (), "nothing was opened"
    opened(path, "a")
    assert history_remarks(path) == (OUTSIDE,)
    git(tmp_path, "init", "-q")
    (tmp_path / "other.txt").write_text("x", encoding="utf-8")
    git(tmp_path, "add", "other.txt")
    git(tmp_path, "commit", "-qm", "without the ledger")
    assert history_remarks(path) == (BEGINS,)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "with it")
    assert history_remarks(path) == ()


def test_an_altered_entry_is_found_before_any_history(ledger: Path) -> None:
    opened(ledger, "c", sight(rows="x"))
    text = ledger.read_text(encoding="utf-8").replace('"who": "someone"', '"who": "nobody"', 1)
    ledger.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match="the holdout ledger was altered"):
        read_ledger(ledger)
