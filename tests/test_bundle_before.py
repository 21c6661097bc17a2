"""A bundle of the version before, written by the code of that time, still verifies; older ones are named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evidence_cases import case, failed

from workbench.evidence import MANIFEST_FILE, bundle, read_listed
from workbench.gates.verified import verify_bundle
from workbench.gates.verified.before import exhibits_before
from workbench.words import SignatureError

BEFORE = Path(__file__).parent / "bundle_before"
PINNED = BEFORE / "pinned.pub.pem"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (place,) = (BEFORE / "tickets" / "gate-2").iterdir()
    return shutil.copytree(place, tmp_path / "evidence" / "tickets" / "gate-2" / place.name)


def files_of(place: Path) -> dict[str, bytes]:
    return read_listed(place, (place / MANIFEST_FILE).read_bytes())


def test_every_check_of_it_passes(old: Path) -> None:
    found = verify_bundle(old, PINNED)
    assert [check.name for check in found.checks if check.passed] == [
        "signature", "files", "identity", "ledger", "thresholds", "recomputed", "verdict"
    ]  # fmt: skip
    assert found.signed["verdict"] == "NO-GO"
    assert "the audit's findings and counts" in found.not_recomputed
    assert "texts and pages, which another version of the workbench worded" in found.not_recomputed


def test_it_is_read_into_the_exhibits_of_today(old: Path) -> None:
    found = exhibits_before(files_of(old))
    assert {name: exhibit.about["records"] for name, exhibit in found.items()} == dict.fromkeys(
        ("audit", "evaluation"), "records"
    )
    assert len(found["evaluation"].tables["holdout"]) == 12
    assert [finding.id for finding in found["audit"].findings] == ["empty-1"]


@pytest.mark.parametrize("name", ["decisions/A.holdout.csv", "report.html", "findings.json"])
def test_a_changed_file_is_found(old: Path, name: str) -> None:
    path = old / name
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    assert failed(old, PINNED) == ["files"]


def _no_decisions(files: dict[str, bytes]) -> None:
    del files["decisions/A.holdout.csv"]


def _better(files: dict[str, bytes]) -> None:
    content: dict[str, Any] = json.loads(files["estimates.json"])
    content["accuracy"]["value"] = 1.0
    files["estimates.json"] = json.dumps(content).encode()


def _ragged(files: dict[str, bytes]) -> None:
    files["decisions/A.dev.csv"] += b"one,more\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_no_decisions, "evaluations and decisions do not belong together"),
        (_better, "estimates.json: the bundle does not say what its decisions give"),
        (_ragged, "a table cannot be read"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    old: Path, change: Callable[[dict[str, bytes]], None], message: str
) -> None:
    files = files_of(old)
    change(files)
    with pytest.raises(SignatureError, match=message):
        exhibits_before(files)


def test_an_older_one_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case(tmp_path)
    monkeypatch.setattr(bundle, "EVIDENCE_TYPE", "urn:agent-workbench:evidence:v1")
    (check,) = verify_bundle(made.written(tmp_path / "evidence"), made.public_key(tmp_path)).checks
    assert (check.name, check.passed) == ("signature", False)
    assert "another kind or version (got: urn:agent-workbench:evidence:v1" in check.detail
