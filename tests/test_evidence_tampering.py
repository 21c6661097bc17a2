"""Whatever is done to a bundle after it was signed is detected."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from evidence_cases import COMMIT, HOLDOUT_CSV, Case, case, changed, evaluation, failed, outcomes

from workbench.evidence import write_bundle
from workbench.evidence.manifest import ENVELOPE_FILE, MANIFEST_FILE, manifest_bytes
from workbench.files.commits import Provenance
from workbench.gates.verified import verify_bundle
from workbench.metrics import Estimate
from workbench.pilot.signing.keys import generated_key
from workbench.words import InputError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def original(made: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.written(tmp_path_factory.mktemp("original"))


@pytest.fixture
def bundle(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "evidence" / "tickets" / "gate-2" / original.name)


@pytest.fixture
def pinned(made: Case, tmp_path: Path) -> Path:
    return made.public_key(tmp_path)


def test_an_untouched_bundle_verifies_down_to_its_numbers(bundle: Path, pinned: Path) -> None:
    found = verify_bundle(bundle, pinned, commit=COMMIT)
    assert found.ok
    assert [check.name for check in found.checks] == [
        "signature", "files", "identity", "ledger", "thresholds", "recomputed", "verdict", "freshness"
    ]  # fmt: skip
    assert all(check.passed for check in found.checks)
    assert found.as_json()["verdict"] == "GO"


@pytest.mark.slow
def test_every_byte_flipped_in_turn_is_detected(bundle: Path, pinned: Path) -> None:
    unnoticed, n = [], 0
    for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for place in range(len(content)):
            altered = bytearray(content)
            altered[place] ^= 1 << (place % 8)
            path.write_bytes(altered)
            n += 1
            if verify_bundle(bundle, pinned).ok:
                unnoticed.append((path.name, place))
        path.write_bytes(content)
    assert unnoticed == []
    assert n > 5_000
    assert verify_bundle(bundle, pinned).ok


def test_every_bit_of_the_envelope_counts(bundle: Path, pinned: Path) -> None:
    path = bundle / ENVELOPE_FILE
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        for bit in range(8):
            altered = bytearray(content)
            altered[place] ^= 1 << bit
            path.write_bytes(altered)
            assert failed(bundle, pinned) == ["signature"]


@pytest.mark.parametrize(
    "spelled",
    [
        lambda text: json.dumps(json.loads(text)),
        lambda text: text + "\n",
        lambda text: json.dumps({**json.loads(text), "note": "x"}, sort_keys=True, separators=(",", ":")) + "\n",
        lambda text: text.replace('"signatures":[', '"signatures":[],"signatures":[', 1),
        lambda text: text.replace('"keyid":', '"extra":"x","keyid":', 1),
        lambda text: "[]",
        lambda text: "",
        lambda text: "[" * 100_000,
        lambda text: text.replace('"payload":"', '"payload":"====', 1),
        lambda text: text.replace("application/vnd.in-toto+json", "application/json"),
    ],
)
def test_another_spelling_of_the_envelope_is_refused(bundle: Path, pinned: Path, spelled: Callable[[str], str]) -> None:
    path = bundle / ENVELOPE_FILE
    path.write_text(spelled(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert failed(bundle, pinned) == ["signature"]


def test_spare_bits_of_base64_cannot_be_changed(bundle: Path, pinned: Path) -> None:
    path = bundle / ENVELOPE_FILE
    text = path.read_text(encoding="utf-8")
    place = text.index('==","') - 1 if '==","' in text else text.index('=="') - 1
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(text[place]) ^ 1]
    path.write_text(text[:place] + other + text[place + 1 :], encoding="utf-8")
    assert failed(bundle, pinned) == ["signature"]


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file added": lambda b: (b / "more.txt").write_text("x"),
    "a hidden file added": lambda b: (b / ".more").write_text("x"),
    "a folder added": lambda b: (b / "empty").mkdir(),
    "a file added below": lambda b: (b / "exhibits" / "more.csv").write_text("x"),
    "a file removed": lambda b: (b / "notes.html").unlink(),
    "decisions removed": lambda b: (b / HOLDOUT_CSV).unlink(),
    "a file emptied": lambda b: (b / "notes.html").write_bytes(b""),
    "a file grown": lambda b: (b / "notes.html").write_bytes((b / "notes.html").read_bytes() + b" "),
    "two files swapped": lambda b: _swap(b / "notes.html", b / "charter.yaml"),
    "a file renamed": lambda b: (b / "notes.html").rename(b / "Notes.html"),
    "a file as a link": lambda b: _as_link(b / "notes.html"),
    "a folder as a link": lambda b: _as_link(b / "exhibits"),
    "a dangling link": lambda b: (b / "gone").symlink_to(b / "nothing"),
    "a pipe": lambda b: os.mkfifo(b / "pipe"),
    "a pipe for a file": lambda b: ((b / "notes.html").unlink(), os.mkfifo(b / "notes.html")),
    "a folder for a file": lambda b: ((b / "notes.html").unlink(), (b / "notes.html").mkdir()),
    "the manifest removed": lambda b: (b / MANIFEST_FILE).unlink(),
    "the envelope removed": lambda b: (b / ENVELOPE_FILE).unlink(),
    "the envelope as a link": lambda b: _as_link(b / ENVELOPE_FILE),
    "records reordered": lambda b: _lines(b / HOLDOUT_CSV, lambda rows: [rows[0], *rows[:0:-1]]),
    "a record dropped": lambda b: _lines(b / HOLDOUT_CSV, lambda rows: rows[:-1]),
    "a record repeated": lambda b: _lines(b / HOLDOUT_CSV, lambda rows: [*rows, rows[-1]]),
    "the ledger truncated": lambda b: (b / "ledger.jsonl").write_bytes(b""),
    "the manifest rewritten": lambda b: _rewrite_manifest(b),
}


def _swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def _as_link(path: Path) -> None:
    elsewhere = path.parent.parent / f"elsewhere-{path.name}"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _lines(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(change(path.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")


def _rewrite_manifest(bundle: Path) -> None:
    (bundle / "notes.html").write_text("another")
    names = [path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()]
    files = {name: (bundle / name).read_bytes() for name in names if name not in (MANIFEST_FILE, ENVELOPE_FILE)}
    (bundle / MANIFEST_FILE).write_bytes(manifest_bytes(files))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_folder_is_detected(bundle: Path, pinned: Path, change: Callable[[Path], object]) -> None:
    change(bundle)
    assert failed(bundle, pinned) in (["files"], ["signature"])


@pytest.mark.parametrize(
    "path",
    ["../out", "/etc/passwd", "a/../b", "a//b", "./a", "a\\b", "C:x", "a/", "", "x.", " x", "new\nline", "e\u0301"],
)
def test_paths_that_lead_elsewhere_are_not_written_and_not_believed(made: Case, tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError, match="do not belong"):
        changed(made, files={**made.content.files, path: b"x"}).written(tmp_path / "evidence")
    assert not list((tmp_path / "evidence").rglob("*.json"))


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (("Notes.html",), "differ only in case"),
        (("Exhibits/x.csv",), "differ only in case"),
        (("notes.html/x",), "a file and a folder"),
        ((MANIFEST_FILE,), "do not belong"),
        (("Manifest.JSON",), "do not belong"),
        ((ENVELOPE_FILE,), "do not belong"),
        (("verdict.json",), "the bundle itself uses"),
    ],
)
def test_paths_that_collide_are_refused(made: Case, tmp_path: Path, paths: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        changed(made, files={**made.content.files, **dict.fromkeys(paths, b"x")}).written(tmp_path / "evidence")


def test_the_envelope_of_another_bundle_does_not_fit(made: Case, bundle: Path, pinned: Path, tmp_path: Path) -> None:
    other = changed(made, files={**made.content.files, "notes.html": b"other"}).written(tmp_path / "other")
    shutil.copy(other / ENVELOPE_FILE, bundle / ENVELOPE_FILE)
    assert failed(bundle, pinned) == ["signature"]
    shutil.copy(other / MANIFEST_FILE, bundle / MANIFEST_FILE)
    assert failed(bundle, pinned) == ["files"]


def test_another_key_does_not_count_even_when_the_bundle_brings_it(made: Case, bundle: Path, tmp_path: Path) -> None:
    forger = generated_key()
    forged = write_bundle(made.content, tmp_path / "forged", forger)
    assert failed(forged, made.public_key(tmp_path)) == ["signature"]
    stale = tmp_path / "stale.pub.pem"
    stale.write_bytes(forger.public.pem)
    assert failed(bundle, stale) == ["signature"]


def test_an_older_go_does_not_pass_for_newer_code(bundle: Path, pinned: Path) -> None:
    assert failed(bundle, pinned, commit="b" * 40) == ["freshness"]
    assert failed(bundle, pinned, commit=COMMIT[:7]) == []


@pytest.mark.parametrize(
    ("provenance", "detail"),
    [
        (Provenance("x", COMMIT, True, ("a.py", "b.md")), "tree with changes in: 'a.py', 'b.md'"),
        (Provenance("x", None, None), "outside a repository"),
        (Provenance("x", COMMIT, None), "tree with changes in: files not named"),
    ],
)
def test_evidence_of_a_changed_tree_is_not_fresh(
    made: Case, tmp_path: Path, provenance: Provenance, detail: str
) -> None:
    written = changed(made, provenance=provenance).written(tmp_path / "evidence")
    found = verify_bundle(written, made.public_key(tmp_path), commit=COMMIT)
    (check,) = [c for c in found.checks if c.passed is False]
    assert check.name == "freshness"
    assert detail in check.detail
    assert (found.ok, found.holds) == (False, True), "no tampering, and not what was asked for"


def test_a_go_of_one_gate_does_not_pass_for_another(bundle: Path, pinned: Path) -> None:
    moved = bundle.parent.with_name("gate-3") / bundle.name
    shutil.copytree(bundle, moved)
    assert failed(moved, pinned) == ["identity"]
    elsewhere = bundle.parents[2] / "other" / "gate-2" / bundle.name
    shutil.copytree(bundle, elsewhere)
    assert failed(elsewhere, pinned) == ["identity"]


def test_the_key_inside_a_bundle_is_not_believed(bundle: Path) -> None:
    with pytest.raises(InputError, match="the key lies in the bundle"):
        verify_bundle(bundle, bundle / "signatures" / "keys" / "sponsor.pem")


def test_decisions_and_estimates_edited_together_are_found_without_the_key(
    made: Case, bundle: Path, pinned: Path
) -> None:
    table = outcomes()
    table["action"] = table["label"]  # all right now, and the estimates say so
    exhibit = made.facts.exhibits["evaluation"]
    estimates = {name: Estimate(**one) for name, one in evaluation(table)["estimates"].items()}
    replace(exhibit, estimates=estimates, tables={**exhibit.tables, "holdout": table}).write(
        (bundle / HOLDOUT_CSV).parent
    )
    assert failed(bundle, pinned) == ["files"]
