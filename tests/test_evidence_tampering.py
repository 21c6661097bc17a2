"""Whatever is done to a bundle after it was signed is detected, and so is what an insider signs that does not hold."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evidence_cases import CHARTER, COMMIT, SOMEBODY, Case, case, changed, criterion, evaluation, outcomes, verdict

from workbench.charter import Charter
from workbench.charter.signatures import charter_signatures, sign_charter
from workbench.errors import InputError, RunError
from workbench.evidence import agreement_files, evaluation_files, verify_bundle, write_bundle
from workbench.evidence.manifest import ENVELOPE_FILE, MANIFEST_FILE, manifest_bytes
from workbench.ledger import Purpose, append_opening
from workbench.provenance import Provenance
from workbench.signing.documents import Signer
from workbench.signing.keys import generated_key


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


def failed(bundle: Path, pinned: Path, **options: Any) -> list[str]:
    """Return the names of the checks that failed."""
    return [check.name for check in verify_bundle(bundle, pinned, **options).checks if check.passed is False]


def resigned(bundle: Path, made: Case, files: dict[str, bytes]) -> Path:
    """Return another bundle of the same content with files replaced, as somebody with the key would sign it."""
    own = {"verdict.json", "environment.json", "ledger.jsonl"}
    names = [path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()]
    kept = {name: (bundle / name).read_bytes() for name in names if name not in {MANIFEST_FILE, ENVELOPE_FILE, *own}}
    content = replace(made.content, files={**kept, **{n: data for n, data in files.items() if n not in own}})
    if "verdict.json" in files:
        content = replace(content, verdict=json.loads(files["verdict.json"]))
    return write_bundle(content, bundle.parents[2].with_name("again"), made.key)


def test_an_untouched_bundle_verifies_down_to_its_numbers(bundle: Path, pinned: Path) -> None:
    found = verify_bundle(bundle, pinned, commit=COMMIT)
    assert found.ok
    assert [check.name for check in found.checks] == [
        "signature", "files", "identity", "ledger", "thresholds", "agreed", "recomputed", "verdict", "freshness"
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
    "a file added below": lambda b: (b / "decisions" / "more.csv").write_text("x"),
    "a file removed": lambda b: (b / "report.html").unlink(),
    "decisions removed": lambda b: (b / "decisions" / "A.holdout.csv").unlink(),
    "a file emptied": lambda b: (b / "report.html").write_bytes(b""),
    "a file grown": lambda b: (b / "report.html").write_bytes((b / "report.html").read_bytes() + b" "),
    "two files swapped": lambda b: _swap(b / "report.html", b / "charter.yaml"),
    "a file renamed": lambda b: (b / "report.html").rename(b / "Report.html"),
    "a file as a link": lambda b: _as_link(b / "report.html"),
    "a folder as a link": lambda b: _as_link(b / "decisions"),
    "a dangling link": lambda b: (b / "gone").symlink_to(b / "nothing"),
    "a pipe": lambda b: os.mkfifo(b / "pipe"),
    "a pipe for a file": lambda b: ((b / "report.html").unlink(), os.mkfifo(b / "report.html")),
    "a folder for a file": lambda b: ((b / "report.html").unlink(), (b / "report.html").mkdir()),
    "the manifest removed": lambda b: (b / MANIFEST_FILE).unlink(),
    "the envelope removed": lambda b: (b / ENVELOPE_FILE).unlink(),
    "the envelope as a link": lambda b: _as_link(b / ENVELOPE_FILE),
    "records reordered": lambda b: _lines(b / "decisions" / "A.holdout.csv", lambda rows: [rows[0], *rows[:0:-1]]),
    "a record dropped": lambda b: _lines(b / "decisions" / "A.holdout.csv", lambda rows: rows[:-1]),
    "a record repeated": lambda b: _lines(b / "decisions" / "A.holdout.csv", lambda rows: [*rows, rows[-1]]),
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
    (bundle / "report.html").write_text("another")
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
        (("Report.html",), "differ only in case"),
        (("Decisions/x.csv",), "differ only in case"),
        (("report.html/x",), "a file and a folder"),
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
    other = changed(made, files={**made.content.files, "report.html": b"other"}).written(tmp_path / "other")
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


# What follows is signed with the right key: only recomputation, the ledger and the charter can find it.


def test_decisions_and_estimates_edited_together_are_found_without_the_key(bundle: Path, pinned: Path) -> None:
    table = outcomes()
    table["action"] = table["label"]  # all right now, and the estimates say so
    content, settings = evaluation(table)
    for name, data in evaluation_files(content, table, settings).items():
        (bundle / name).write_bytes(data)
    assert failed(bundle, pinned) == ["files"]


def test_an_estimate_that_its_decisions_do_not_give_is_found(made: Case, bundle: Path, pinned: Path) -> None:
    content = json.loads((bundle / "evaluations" / "A.holdout.json").read_text(encoding="utf-8"))
    for name in content["estimates"]:
        if name == "throughput_per_hour" or content["estimates"][name]["value"] is None:
            continue
        edited = json.loads(json.dumps(content))
        edited["estimates"][name]["value"] += 0.001
        again = resigned(bundle, made, {"evaluations/A.holdout.json": json.dumps(edited).encode()})
        assert failed(again, pinned) == ["recomputed"], name


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c["counts"].update(planned=13),
        lambda c: c.update(agent_digest="0" * 64),
        lambda c: c["identity"].update(prompt="p2"),
        lambda c: c["threshold"].update(threshold=0.6),
        lambda c: c["inputs"].update(threshold=0.6),
        lambda c: c["estimates"].pop("macro_f1"),
        lambda c: c["estimates"]["accuracy"].update(n=13),
        lambda c: c["estimates"]["accuracy"].update(method="guess"),
        lambda c: c.update(pilot="other"),
        lambda c: c.pop("inputs"),
    ],
)
def test_an_evaluation_that_contradicts_itself_is_found(
    made: Case, bundle: Path, pinned: Path, edit: Callable[[dict[str, Any]], object]
) -> None:
    content = json.loads((bundle / "evaluations" / "A.holdout.json").read_text(encoding="utf-8"))
    edit(content)
    again = resigned(bundle, made, {"evaluations/A.holdout.json": json.dumps(content).encode()})
    assert "recomputed" in failed(again, pinned)


def test_copies_for_people_to_read_say_what_was_verified(made: Case, bundle: Path, pinned: Path) -> None:
    criteria = verdict([criterion(outcomes())], "GO")["criteria"]
    said = [{name: value for name, value in one.items() if name != "waived"} for one in criteria]
    estimates = json.loads((bundle / "evaluations" / "A.holdout.json").read_text(encoding="utf-8"))["estimates"]
    for name, content in (("criteria.json", said), ("estimates.json", estimates)):
        assert failed(resigned(bundle, made, {name: json.dumps(content).encode()}), pinned) == []
        edited = json.dumps(content).replace('"n": 12', '"n": 13', 1).encode()
        assert failed(resigned(bundle, made, {name: edited}), pinned) == ["recomputed"]


@pytest.mark.parametrize("digests", [{"data": "other"}, {"agent": "other"}, {}])
def test_digests_that_are_not_those_of_the_results_are_found(
    made: Case, tmp_path: Path, digests: dict[str, str]
) -> None:
    stated = {**made.content.digests, **digests} if digests else {}
    written = changed(made, digests=stated).written(tmp_path / "evidence")
    assert failed(written, made.public_key(tmp_path)) == ["identity"]


def test_the_key_inside_a_bundle_is_not_believed(bundle: Path) -> None:
    with pytest.raises(InputError, match="the key lies in the bundle"):
        verify_bundle(bundle, bundle / "signatures" / "keys" / "sponsor.pem")


@pytest.mark.parametrize(
    ("old", "new"),
    [("'=T3,", "'=T2,"), (",refund", ",login"), (",ok,", ",failed,"), (",0.3,", ",0.9,"), ("status", "state")],
)
def test_edited_decisions_are_found(made: Case, bundle: Path, pinned: Path, old: str, new: str) -> None:
    path = bundle / "decisions" / "A.holdout.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    again = resigned(bundle, made, {"decisions/A.holdout.csv": text.replace(old, new, 1).encode()})
    assert not verify_bundle(again, pinned).ok


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"state": "unproven"}, "recomputed"),
        ({"estimate": None}, "recomputed"),
        ({"name": "macro_f1"}, "recomputed"),
        ({"target": 0.4}, "agreed"),
        ({"confidence_level": 0.8}, "agreed"),
        ({"operator": "<="}, "agreed"),
        ({"slice": {"entity": "vendor 1"}}, "recomputed"),
        ({"slice": {"nothing": "x"}}, "recomputed"),
        ({"waived": True}, "verdict"),
        ({"charged_level": None}, "recomputed"),
        ({"charged_level": 0.9}, "recomputed"),
    ],
)
def test_a_criterion_that_does_not_follow_is_found(
    made: Case, tmp_path: Path, changes: dict[str, Any], check: str
) -> None:
    asked = criterion(outcomes(), **changes)
    written = changed(made, verdict=verdict([asked], "GO")).written(tmp_path / "evidence")
    assert check in failed(written, made.public_key(tmp_path))


def test_a_go_over_a_criterion_that_did_not_pass_is_found(made: Case, tmp_path: Path) -> None:
    unproven = criterion(outcomes(), state="unproven", estimate=None)
    said = verdict([unproven], "GO")
    assert failed(changed(made, verdict=said).written(tmp_path / "a"), made.public_key(tmp_path)) == ["verdict"]
    said = verdict([{**unproven, "waived": True}], "GO")
    assert failed(changed(made, verdict=said).written(tmp_path / "b"), made.public_key(tmp_path)) == ["verdict"]
    said = {**verdict([], "GO"), "criteria": []}
    assert failed(changed(made, verdict=said).written(tmp_path / "c"), made.public_key(tmp_path)) == [
        "agreed",
        "verdict",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "another"}, "not those of gates.yaml"),
        ({"no_waiver": False}, "not what gates.yaml and"),
        ({"slice": {"entity": "vendor 1"}}, "not what gates.yaml and"),
        ({"kind": "metric"}, "not what gates.yaml and"),
    ],
)
def test_a_criterion_that_gates_yaml_does_not_ask_for_is_found(
    made: Case, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    said = verdict([criterion(outcomes(), **changes)], "GO")
    found = verify_bundle(changed(made, verdict=said).written(tmp_path / "evidence"), made.public_key(tmp_path))
    assert [check.detail for check in found.checks if check.name == "agreed" and message in check.detail]


def test_results_without_an_opening_on_the_ledger_are_found(tmp_path: Path) -> None:
    made = case(tmp_path, is_opened=False)
    assert failed(made.written(tmp_path / "evidence"), made.public_key(tmp_path)) == ["ledger", "recomputed"]


def test_a_truncated_ledger_is_no_ledger_for_the_next_bundle(tmp_path: Path) -> None:
    made = case(tmp_path)
    bundle = made.written(tmp_path / "evidence")
    first = made.ledger.read_bytes()
    append_opening(made.ledger, Purpose("evaluation", "B", "other", "records", 12), SOMEBODY)
    made.written(bundle.parents[2])
    made.ledger.write_bytes(first)
    with pytest.raises(RunError, match="not the one that earlier evidence has seen"):
        made.written(bundle.parents[2])
    made.ledger.unlink()
    append_opening(made.ledger, Purpose("evaluation", "A", "begun", "anew", 12), SOMEBODY)
    append_opening(made.ledger, Purpose("evaluation", "B", "begun", "anew", 12), SOMEBODY)
    with pytest.raises(RunError, match="not the one that earlier evidence has seen"):
        made.written(bundle.parents[2])


def test_a_ledger_edited_before_it_was_signed_is_not_written(tmp_path: Path) -> None:
    made = case(tmp_path)
    made.ledger.write_bytes(made.ledger.read_bytes().replace(b"somebody", b"nobody"))
    with pytest.raises(RunError, match="ledger was altered"):
        made.written(tmp_path / "evidence")
    assert not [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()]


def test_targets_edited_after_they_were_signed_are_found(made: Case, bundle: Path, pinned: Path) -> None:
    lower = (bundle / "charter.yaml").read_bytes().replace(b"target: 0.45", b"target: 0.4")
    assert failed(resigned(bundle, made, {"charter.yaml": lower}), pinned) == ["thresholds", "agreed"]


def test_targets_signed_after_results_were_seen_are_found(tmp_path: Path) -> None:
    made = case(tmp_path)
    charter = Charter.model_validate(CHARTER)
    time.sleep(1.1)  # times are whole seconds
    (made.suite / "signatures" / "keys" / "sponsor.pem").unlink()
    sign_charter(made.suite, charter, Signer("Ann", "sponsor"), generated_key())
    signed_at = charter_signatures(made.suite, charter).last_signed_at
    assert signed_at is not None
    files = {**made.content.files, **agreement_files(made.suite)}
    late = changed(made, files=files, thresholds_signed_at=signed_at.isoformat())
    found = verify_bundle(late.written(tmp_path / "late"), made.public_key(tmp_path))
    (check,) = [check for check in found.checks if check.passed is False]
    assert check.name == "thresholds"
    assert "after results were seen" in check.detail


def test_a_missing_signature_of_a_role_is_found(made: Case, bundle: Path, pinned: Path, tmp_path: Path) -> None:
    files = {name: data for name, data in made.content.files.items() if "sponsor" not in name}
    assert failed(changed(made, files=files).written(tmp_path / "less"), pinned) == ["thresholds"]
