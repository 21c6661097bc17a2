"""Corrected labels in a gate's evidence: from the desk to a bundle that verifies, and what is named once altered."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from answering_pilots import with_store
from gate_pilots import gate
from label_reviewers import BY, Clock, bills_truth, decide_labels, handed_out, opened_again, small_labelled

from workbench.desk import Desk, desk_path
from workbench.evaluation import evaluate
from workbench.evidence import BundleContent, write_bundle
from workbench.evidence.manifest import ENVELOPE_FILE, MANIFEST_FILE
from workbench.files.commits import Provenance
from workbench.gates.held.hold import GateRequest, Held, hold_gate
from workbench.gates.verified import Verification, verify_bundle
from workbench.metrics import State
from workbench.pilot import Pilot, open_pilot, read_review
from workbench.pilot.charter.signatures import sign_charter
from workbench.pilot.signing.documents import Signer
from workbench.pilot.signing.keys import chosen_key, generated_key, new_key
from workbench.records.label_sets import (
    DrawnList,
    append_label_entry,
    label_files,
    label_log_head,
    label_log_path,
    label_set_digests,
    label_set_path,
    read_label_log,
    read_label_set,
)
from workbench.records.ledger.entries import GENESIS
from workbench.records.splits import Split
from workbench.review.labels import WrittenLabels, write_label_set
from workbench.runs import RunRequest

EXHIBIT = "exhibits/evaluation/exhibit.json"
CSV, LOG = "labels/v2.csv", "labels/log.jsonl"
OWN = {"verdict.json", "environment.json", "ledger.jsonl", MANIFEST_FILE, ENVELOPE_FILE}
CRITERIA = [{"id": "right", "kpi": "right"}, {"id": "alone", "kpi": "alone"}, {"id": "sure", "check": "certified"}]


def signed_bills(root: Path, store: Path) -> Pilot:
    """Return the pilot of bills with gates and a signed charter; nothing has run."""
    pilot = small_labelled(root)
    charter = pilot.suite / "charter.yaml"
    signs = [{"role": role, "name": role, "signs": True} for role in ("sponsor", "IT owner")]
    agreed = {**yaml.safe_load(charter.read_text(encoding="utf-8")), "stakeholders": signs}
    charter.write_text(yaml.safe_dump(agreed), encoding="utf-8")
    asked = gate(CRITERIA, notebooks=[])
    asked["gates"][1] = asked["gates"][3]
    (pilot.suite / "gates.yaml").write_text(yaml.safe_dump(asked), encoding="utf-8")
    pilot = open_pilot("bills", root)
    for person in pilot.charter.stakeholders:
        sign_charter(pilot.suite, pilot.charter, Signer(person.name, person.role), generated_key())
    new_key(root / "key.pem")
    with_store(pilot, store)
    return pilot


def corrected(pilot: Pilot) -> WrittenLabels:
    """Let people look at labels of both splits, and apply what they decided."""
    clock, (pilot, dataset) = Clock(), opened_again(pilot)
    settings = read_review(pilot.suite)
    assert settings is not None
    with Desk(desk_path(pilot.runs), settings, clock) as desk:
        for split in Split:
            handed_out(pilot, dataset, desk, "payer", split)
        decide_labels(desk, clock, bills_truth())
        return write_label_set(pilot, dataset, desk, BY)


def judged(pilot: Pilot) -> Held:
    """Evaluate the agent on all records and hold the gate."""
    pilot, dataset = opened_again(pilot)
    key = chosen_key(pilot.root / "key.pem").key
    for split in Split:
        evaluate(pilot, "payer", RunRequest(split, show_progress=False, key=key), dataset)
    return hold_gate(pilot, 2, GateRequest(key=pilot.root / "key.pem"))


@dataclass(frozen=True, slots=True)
class Proved:
    """A gate that was held on corrected labels."""

    pilot: Pilot
    written: WrittenLabels
    held: Held
    signed: Mapping[str, Any]

    def said(self) -> dict[str, Any]:
        content = json.loads((self.held.bundle / EXHIBIT).read_text(encoding="utf-8"))
        return dict(content["facts"]["labels"])

    def verified(self, bundle: Path | None = None) -> Verification:
        return verify_bundle(self.held.bundle if bundle is None else bundle, self.held.key.public_key)

    def resealed(self, folder: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
        """Return the bundle with other files, as somebody with the key would sign it."""
        bundle, signed = self.held.bundle, self.signed
        paths = {path.relative_to(bundle).as_posix(): path for path in bundle.rglob("*") if path.is_file()}
        files = {name: path.read_bytes() for name, path in paths.items() if name not in OWN}
        change(files)
        by = Provenance(signed["who"], signed["commit"], signed["is_dirty"])
        verdict = json.loads((bundle / "verdict.json").read_text(encoding="utf-8"))
        content = BundleContent(
            signed["pilot"],
            signed["gate"],
            verdict,
            dict(files),
            signed["digests"],
            by,
            bundle / "ledger.jsonl",
            signed["thresholds_signed_at"],
        )
        return write_bundle(content, folder, chosen_key(self.pilot.root / "key.pem").key)


def proved_by(pilot: Pilot, written: WrittenLabels) -> Proved:
    """Hold the gate on labels that were corrected."""
    held = judged(pilot)
    signed = verify_bundle(held.bundle, held.key.public_key).signed
    return Proved(open_pilot("bills", pilot.root), written, held, signed)


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory, migrated_store: Path) -> Proved:
    pilot = signed_bills(tmp_path_factory.mktemp("proved"), migrated_store)
    written = corrected(pilot)
    return proved_by(pilot, written)


def state_of(held: Held, name: str) -> State:
    return next(one.state for one in held.decision.results if one.criterion.id == name)


def test_labels_that_people_decided_at_the_desk_are_in_a_bundle_that_verifies(proved: Proved) -> None:
    found = read_label_set(proved.pilot.data, "v2")
    assert found is not None
    verification = proved.verified()
    assert verification.ok, verification.checks
    inside = {
        path.relative_to(proved.held.bundle).as_posix(): path for path in (proved.held.bundle / "labels").rglob("*")
    }
    wanted = label_files(proved.pilot.data, "v2")
    assert {name for name, path in inside.items() if path.is_file()} == set(wanted)
    assert {CSV, LOG} < set(wanted)
    assert all(inside[name].read_bytes() == path.read_bytes() for name, path in wanted.items())
    said = proved.said()
    assert (said["label_set"], said["one_sided"], said["files"]) == ("v2", "", {"v2": found.digest})
    assert 0 < said["n_changed"] < proved.written.n_changed
    assert 0 < said["correction"]["n_sampled"] <= said["n_looked"] < said["n_records"]
    assert state_of(proved.held, "sure") is State.PASS


def named_by(verification: Verification) -> str:
    """Return what the checks that failed say."""
    return "\n".join(one.detail for one in verification.checks if one.passed is False)


@pytest.mark.parametrize("name", [CSV, LOG])
@pytest.mark.parametrize("change", ["edited", "dropped"])
def test_a_file_of_labels_that_somebody_touched_in_a_bundle_is_named(
    proved: Proved, tmp_path: Path, name: str, change: str
) -> None:
    bundle = tmp_path / "copy"
    shutil.copytree(proved.held.bundle, bundle)
    if change == "dropped":
        (bundle / name).unlink()
    else:
        (bundle / name).write_bytes((bundle / name).read_bytes() + b"\n")
    verification = proved.verified(bundle)
    assert not verification.holds
    assert name in named_by(verification)


Files = dict[str, bytes]


def edited(name: str, change: Callable[[str], str]) -> Callable[[Files], None]:
    def apply(files: Files) -> None:
        before = files[name]
        files[name] = change(before.decode()).encode()
        assert files[name] != before

    return apply


def dropped(name: str) -> Callable[[Files], None]:
    return lambda files: files.pop(name) and None


def said_otherwise(change: Callable[[dict[str, Any]], object]) -> Callable[[Files], None]:
    """Change what the exhibit says of labels."""

    def apply(files: Files) -> None:
        content = json.loads(files[EXHIBIT])
        change(content["facts"])
        files[EXHIBIT] = json.dumps(content).encode()

    return apply


def without_first(text: str) -> str:
    """Return a label set without its first record."""
    lines = text.splitlines(keepends=True)
    return "".join([lines[0], *lines[2:]])


def turned(text: str, only: str = "") -> str:
    """Return a label set in which the first changed label is as it was; `only` is a part of the wanted line."""
    lines = text.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if only in line and line.split(",")[1] != line.split(",")[3] and i)
    cells = lines[at].split(",")
    cells[1], cells[4] = cells[3], "0"
    return "".join([*lines[:at], ",".join(cells), *lines[at + 1 :]])


def turned_and_restated(files: Files) -> None:
    """Turn a label of a judged record back, and let the exhibit name the file that comes of it."""
    judged_ids = files["exhibits/evaluation/holdout.csv"].decode()
    lines = files[CSV].decode().splitlines()[1:]
    first = next(one for one in (line.split(",") for line in lines) if one[1] != one[3] and f"{one[0]}," in judged_ids)
    edited(CSV, lambda text: turned(text, f"{first[0]},"))(files)
    digest = hashlib.sha256(files[CSV]).hexdigest()
    said_otherwise(lambda facts: facts["labels"]["files"].update(v2=digest))(files)


def list_named(what: str) -> Callable[[Files], None]:
    """Change or drop a list of records that people looked at."""

    def apply(files: Files) -> None:
        name = next(one for one in sorted(files) if one.startswith("labels/lists/") and len(files[one]) > 100)
        if what == "dropped":
            del files[name]
        else:
            files[name] = files[name][5:]

    return apply


UNTRUE: dict[str, tuple[Callable[[Files], None], str]] = {
    "a label": (edited(CSV, turned), r"label set v2 is not the one that was judged .*where: labels/v2\.csv"),
    "a reason": (edited(CSV, lambda text: text.replace("as the policy", "as my policy", 1)), r"where: labels/v2\.csv"),
    "another set": (edited(CSV, without_first), r"label set v2 is not the one that was judged .*labels/v2\.csv"),
    "no set": (dropped(CSV), r"label set v2 cannot be read .*labels/v2\.csv"),
    "a set more": (lambda files: files.update({"labels/v1.csv": files[CSV]}), r"label set v1 is not the one .*v1\.csv"),
    "a label, restated": (
        turned_and_restated,
        r"other labels than the decisions \(where: labels/v2\.csv; got: 'b\d{3}'",
    ),
    "an entry": (
        edited(LOG, lambda text: text.replace('"who": "someone"', '"who": "nobody"', 1)),
        r"log of label sets was altered .*labels/log\.jsonl, line 1",
    ),
    "the last entry": (
        edited(LOG, lambda text: "".join(text.splitlines(keepends=True)[:-1])),
        r"log of label sets does not end where it did \(where: labels/log\.jsonl",
    ),
    "no log": (dropped(LOG), r"log of label sets does not end where it did \(where: labels/log\.jsonl"),
    "a list": (list_named("altered"), "list of records whose labels were looked at is gone or was altered .*lists/"),
    "no list": (list_named("dropped"), "list of records whose labels were looked at is gone or was altered .*lists/"),
    "overturned": (
        said_otherwise(lambda facts: facts["labels"]["correction"].update(n_overturned=0, n_sampled=299)),
        "correction of label set v2",
    ),
    "looked at": (said_otherwise(lambda facts: facts["labels"].update(n_looked=300)), "n_looked of label set v2"),
    "one-sided": (
        said_otherwise(lambda facts: facts["labels"].update(one_sided="somebody says so")),
        "whether label set v2 is one-sided",
    ),
    "silence": (said_otherwise(lambda facts: facts.pop("labels")), "does not say how label set v2 came about"),
    "another contract": (
        edited("contract.yaml", lambda text: text.replace("label_set: v2\n", "")),
        "labels, as the contract names no label set",
    ),
    "the next set": (
        edited("contract.yaml", lambda text: text.replace("label_set: v2\n", "label_set: v3\n")),
        r"label set v3 cannot be read .*labels/v3\.csv",
    ),
}


@pytest.mark.parametrize("case", UNTRUE)
def test_what_somebody_with_the_key_alters_of_labels_is_named(proved: Proved, tmp_path: Path, case: str) -> None:
    change, message = UNTRUE[case]
    verification = proved.verified(proved.resealed(tmp_path, change))
    (recomputed,) = (one for one in verification.checks if one.name == "recomputed")
    assert recomputed.passed is False
    assert re.search(message, recomputed.detail), recomputed.detail


def test_a_bundle_that_is_sealed_again_as_it_was_verifies(proved: Proved, tmp_path: Path) -> None:
    verification = proved.verified(proved.resealed(tmp_path, lambda files: None))
    assert verification.ok, verification.checks


@pytest.mark.slow
def test_a_one_sided_label_set_verifies_and_stays_unproven(tmp_path: Path, migrated_store: Path) -> None:
    pilot = signed_bills(tmp_path, migrated_store)
    written = corrected(pilot)
    label_log_path(pilot.data).unlink()
    proved = proved_by(pilot, written)
    verification = proved.verified()
    assert verification.ok, verification.checks
    said = proved.said()
    assert (said["correction"], said["log"]) == (None, GENESIS)
    assert state_of(proved.held, "sure") is State.UNPROVEN
    assert any("the correction is one-sided" in one for one in proved.held.decision.remarks)
    denied = proved.resealed(tmp_path / "other", said_otherwise(lambda facts: facts["labels"].update(one_sided="")))
    assert "whether label set v2 is one-sided" in named_by(proved.verified(denied))


def test_evidence_keeps_the_sets_up_to_the_named_one_the_log_and_its_lists(proved: Proved, tmp_path: Path) -> None:
    data = tmp_path / "bills"
    shutil.copytree(proved.pilot.data, data)
    looked = {one.records for one in read_label_log(data) if isinstance(one, DrawnList)}
    for name in ("v3", "v10", "v2b"):
        shutil.copyfile(label_set_path(data, "v2"), label_set_path(data, name))
    before = label_log_head(data)
    append_label_entry(data, DrawnList("dev", "other", "a", "d", "e", "not applied", 1), BY)
    assert label_log_head(data) != before
    lists = {name for name in label_files(data, "v3") if name.startswith("labels/lists/")}
    assert set(label_files(data, "v3")) - lists == {CSV, LOG, "labels/v3.csv"}
    assert {f"labels/lists/{name}" for name in looked} < lists
    assert list(label_set_digests(data, "v10")) == ["v2", "v3", "v10"]
    assert label_files(data, None) == {}
