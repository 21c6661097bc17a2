"""What somebody with the signing key writes into a bundle is found where it does not follow from the rest of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from evidence_cases import (
    GATES,
    LATER,
    Case,
    case,
    case_at,
    changed,
    contents,
    evaluation,
    failed,
    opened,
    outcomes,
    redecided,
    resigned,
    restated,
    reworded,
)

from workbench.evaluation import judged_of
from workbench.evidence import agreement_files
from workbench.evidence import bundle as bundles
from workbench.gates.junit import junit_xml
from workbench.gates.page import gate_page
from workbench.gates.verified import verify_bundle
from workbench.pilot.charter.signatures import charter_signatures, sign_charter
from workbench.pilot.signing.documents import Signer, sign_document
from workbench.pilot.signing.keys import generated_key
from workbench.records.ledger import read_ledger
from workbench.records.ledger.entries import ledger_line, signed_entry
from workbench.words import RunError

NOTHING = {"records": None, "days": None, "signatures": 0, "version": False}
DOCUMENT = {"id": "plan", "title": "Plan", "file": "plan.md", "signed_by": ["sponsor"]}
PLAN = b"# Plan\n" + b"words of a plan that says enough " * 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def bundle(made: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.written(tmp_path_factory.mktemp("original"))


@pytest.fixture
def pinned(made: Case, tmp_path: Path) -> Path:
    return made.public_key(tmp_path)


def asking(*criteria: dict[str, Any], documents: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """Return gates whose second asks for more than both KPIs."""
    kpis = GATES["gates"][2]["criteria"][:2]
    gate = {"title": "Good enough?", "criteria": [*kpis, *criteria], "documents": list(documents)}
    return {"gates": {1: LATER, 2: gate, 3: LATER}}


def of(verdict: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a criterion of a verdict."""
    return next(one for one in verdict["criteria"] if one["id"] == name)


def all_pass(verdict: dict[str, Any]) -> None:
    """Rewrite a verdict to GO, as its own code would print it."""
    n = len(verdict["criteria"])
    for one in (one for one in verdict["criteria"] if one["state"] != "pass"):
        one.update(state="pass", would_change="", details=[], missing=NOTHING)
    verdict.update(
        verdict="GO", counts={"pass": n, "fail": 0, "unproven": 0}, answer=f"GO at gate 2. {n} of {n} criteria pass."
    )
    verdict.update(missing=NOTHING, next=[])


def automated(prefix: str = "=T") -> Any:
    """Return decisions of which those on important clients are carried out, wrong as they are."""
    table = outcomes(prefix=prefix)
    return table.assign(confidence=table["confidence"].fillna(0.9))


def certain() -> Any:
    """Return 400 decisions that are all right on the holdout, while three of four are on development records."""
    table = outcomes(400)
    return table.assign(action=table["label"])


def without_first() -> dict[str, Any]:
    """Return gates whose second does not ask for the first KPI."""
    gates = asking()
    del gates["gates"][2]["criteria"][0]
    return gates


CASES: dict[str, Callable[[Path], Case]] = {
    "escalation rules": lambda root: case(root, table=automated(), developed=automated("D")),
    "test cases": lambda root: case(root, gates=asking({"id": "cases", "check": "test_cases"})),
    "certified": lambda root: case(root, 4, gates=asking({"id": "certified", "check": "certified"})),
    "integrations": lambda root: case(root, gates=asking({"id": "integrations", "check": "integrations"})),
    "sample fitness": lambda root: case(root, 4, gates=asking({"id": "fit", "check": "sample_fitness"})),
    "audit limits": lambda root: case(root, gates=asking({"id": "limits", "check": "audit_limits"})),
    "a document": lambda root: case(root, gates=asking(documents=(DOCUMENT,))),
    "holdout too good": lambda root: case(root, table=certain()),
    "a KPI": lambda root: case(root, table=outcomes().assign(action="other")),
    "a KPI left out": lambda root: case(
        root,
        gates={"gates": {**GATES["gates"], 2: {**GATES["gates"][2], "criteria": GATES["gates"][2]["criteria"][1:]}}},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_check_that_was_set_to_pass_is_found_and_the_same_bundle_as_it_was_holds(name: str, tmp_path: Path) -> None:
    found = CASES[name](tmp_path)
    assert found.decision.verdict.value == "NO-GO"
    pinned = found.public_key(tmp_path)
    assert verify_bundle(found.written(tmp_path / "as-it-was"), pinned).ok
    forged = verify_bundle(reworded(found, all_pass).written(tmp_path / "forged"), pinned)
    (check,) = [check for check in forged.checks if check.passed is False]
    assert check.name == "verdict"
    assert "does not follow (got: pass" in check.detail


def test_a_signed_document_passes_and_its_signature_is_looked_at_again(tmp_path: Path) -> None:
    found = case(tmp_path, gates=asking(documents=(DOCUMENT,)))
    (found.suite / "plan.md").write_bytes(PLAN)
    key = generated_key()
    (found.suite / "signatures" / "keys" / "sponsor.pem").unlink()
    sign_charter(found.suite, found.pilot.charter, Signer("Ann", "sponsor"), key)
    sign_document(found.suite, "plan.md", Signer("Ann", "sponsor"), key)
    again = case_at(found.pilot, opened_of(found), outcomes(), found.key)
    files = {**again.content.files, **agreement_files(found.pilot, ["plan.md"])}
    whole = changed(again, files=files)
    assert whole.decision.verdict.value == "GO"
    assert "verdict" not in failed(whole.written(tmp_path / "whole"), found.public_key(tmp_path))
    edited = changed(whole, files={**files, "plan.md": PLAN + b"more"})
    assert "verdict" in failed(edited.written(tmp_path / "edited"), found.public_key(tmp_path))


def opened_of(made: Case) -> Any:
    judged = judged_of(made.facts)
    assert judged is not None
    return opened(made.pilot, outcomes(), made.key, judged.content["agent_digest"])


@pytest.mark.parametrize(
    "change",
    [
        lambda v: of(v, "kpi-right").update(target=0.4),
        lambda v: of(v, "kpi-right").update(confidence_level=0.8),
        lambda v: of(v, "kpi-right").update(operator="<="),
        lambda v: of(v, "kpi-right").update(name="macro_f1"),
        lambda v: of(v, "kpi-right").update(charged_level=None),
        lambda v: of(v, "kpi-right").update(charged_level=0.9),
        lambda v: of(v, "kpi-right").update(waived=True),
        lambda v: of(v, "kpi-right").update(no_waiver=False),
        lambda v: of(v, "kpi-right").update(kind="metric"),
        lambda v: of(v, "kpi-right").update(id="another"),
        lambda v: of(v, "kpi-right").update(reason="surely"),
        lambda v: of(v, "kpi-right").update(estimate=None),
        lambda v: of(v, "kpi-right")["estimate"].update(value=0.76),
        lambda v: of(v, "kpi-right")["estimate"].update(n=13),
        lambda v: of(v, "vendor").update(slice={}),
        lambda v: v["criteria"].pop(),
        lambda v: v["criteria"].append(v["criteria"][0]),
        lambda v: v["criteria"].clear(),
        lambda v: v.update(answer="GO: all is well."),
        lambda v: v.update(title="Excellent?"),
        lambda v: v.update(remarks=["nothing"]),
        lambda v: v.update(praise="well done"),
        lambda v: v["subject"].update(agent="B"),
        lambda v: v["subject"].update(threshold=0.1),
        lambda v: v["subject"].update(rows="0" * 64),
        lambda v: v["subject"]["counts"].update(planned=13),
        lambda v: v["subject"].update(award="best agent"),
        lambda v: v["waivers"].append({"criterion": "rules", "is_valid": True}),
    ],
)
def test_a_verdict_that_does_not_follow_is_found(
    made: Case, pinned: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    assert failed(reworded(made, change).written(tmp_path / "evidence"), pinned) == ["verdict"]


Change = Callable[[dict[str, Any]], object]
WORDS: list[Change] = [
    lambda v: v.update(answer="GO: all is well."),
    lambda v: of(v, "kpi-right").update(reason="surely"),
    lambda v: v.update(title="Excellent?"),
]
FACTS: list[Change] = [
    lambda v: v.update(verdict="NO-GO"),
    lambda v: of(v, "rules").update(state="fail"),
    lambda v: of(v, "kpi-right").update(target=0.4),
    lambda v: of(v, "kpi-right")["estimate"].update(value=0.76),
    lambda v: v["counts"].update(fail=1),
    lambda v: v["subject"].update(agent="B"),
    lambda v: v["criteria"].pop(),
]


@pytest.mark.parametrize("change", WORDS)
def test_a_bundle_of_another_wording_may_say_it_in_other_words(
    made: Case,
    pinned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[str, Any]], object],
) -> None:
    monkeypatch.setattr(bundles, "code_digest", lambda: "0" * 64)
    place = reworded(made, change).written(tmp_path / "evidence")
    assert failed(place, pinned) == []
    assert (
        "texts and pages, which another version of the workbench worded" in verify_bundle(place, pinned).not_recomputed
    )


@pytest.mark.parametrize("change", FACTS)
def test_a_bundle_of_another_wording_is_held_to_everything_else(
    made: Case,
    pinned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[str, Any]], object],
) -> None:
    monkeypatch.setattr(bundles, "code_digest", lambda: "0" * 64)
    assert "verdict" in failed(reworded(made, change).written(tmp_path / "evidence"), pinned)


def test_what_people_read_says_what_was_decided(made: Case, bundle: Path, pinned: Path) -> None:
    written = {"notes.html"} | {str(p.relative_to(bundle)) for p in bundle.rglob("*") if p.is_file()}
    listed = tuple(
        written - {"verdict.json", "environment.json", "ledger.jsonl", "manifest.json", "statement.dsse.json"}
    )
    pages = {
        "criteria.json": json.dumps([one.as_json() for one in made.decision.results]),
        "junit.xml": junit_xml(made.decision),
    }
    pages["report.html"] = gate_page(made.facts, made.decision, (*listed, *pages))
    whole = {name: text.encode() for name, text in pages.items()}
    assert failed(resigned(bundle, made, whole), pinned) == []
    for name, text in pages.items():
        edited = text.replace("0.75", "0.99", 1) if name.endswith(".json") else text.replace("8 of 8", "9 of 9", 1)
        assert edited != text
        assert failed(resigned(bundle, made, {**whole, name: edited.encode()}), pinned) == ["verdict"], name


def test_an_estimate_that_its_decisions_do_not_give_is_found(made: Case, bundle: Path, pinned: Path) -> None:
    _, content = contents(bundle)
    for name, estimate in content["estimates"].items():
        if name == "throughput_per_hour" or estimate["value"] is None:
            continue
        value = estimate["value"] + 0.001
        files = restated(bundle, lambda c, name=name, value=value: c["estimates"][name].update(value=value))
        assert failed(resigned(bundle, made, files), pinned) == ["recomputed"], name


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c["counts"].update(planned=13),
        lambda c: c.update(agent_digest="0" * 64),
        lambda c: c.update(dataset_digest="0" * 64),
        lambda c: c["identity"].update(prompt="p2"),
        lambda c: c["threshold"].update(threshold=0.6),
        lambda c: c["inputs"].update(threshold=0.6),
        lambda c: c["inputs"].update(escalate_label="other"),
        lambda c: c["certification"].update(threshold=0.1),
        lambda c: c["certification"].update(confidence_level=0.5),
        lambda c: c.update(certification=None),
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
    again = resigned(bundle, made, restated(bundle, edit))
    assert {"recomputed", "ledger", "identity"} & set(failed(again, pinned))


@pytest.mark.parametrize("digests", [{"data": "other"}, {"agent": "other"}, {}])
def test_digests_that_are_not_those_of_the_results_are_found(
    made: Case, tmp_path: Path, pinned: Path, digests: dict[str, str]
) -> None:
    stated = {**made.content.digests, **digests} if digests else {}
    assert failed(changed(made, digests=stated).written(tmp_path / "evidence"), pinned) == ["identity"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("'=T3,", "'=T2,"), (",refund", ",other"), (",ok,", ",failed,"), (",0.7,", ",0.8,"), ("status", "state"),
     ("vendor 1", "vendor 2"), ("'+why", "why")],
)  # fmt: skip
def test_edited_decisions_and_labels_are_found(made: Case, bundle: Path, pinned: Path, old: str, new: str) -> None:
    again = resigned(bundle, made, redecided(bundle, old, new))
    assert {"ledger", "files"} & set(failed(again, pinned))


def test_a_whole_bundle_with_other_decisions_does_not_fit_its_opening(made: Case, tmp_path: Path, pinned: Path) -> None:
    judged = judged_of(made.facts)
    assert judged is not None
    table = outcomes()
    better = table.assign(action=table["label"])
    forged = case_at(made.pilot, opened_of(made), better, made.key)
    (check,) = [c for c in verify_bundle(forged.written(tmp_path / "e"), pinned).checks if c.passed is False]
    assert (check.name, "the decisions are not those" in check.detail) == ("ledger", True)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("contract.yaml", lambda c: c["columns"]["vendor"].update(role="field"), "roles, targets, escalation"),
        ("splits.yaml", lambda c: c.update(key="1" * 32), "roles, targets, escalation or split"),
        ("pilot.yaml", lambda c: c.update(escalate_label="other"), "roles, targets, escalation"),
    ],
)
def test_what_was_agreed_is_what_the_holdout_was_opened_under(
    made: Case, bundle: Path, pinned: Path, file: str, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    content = yaml.safe_load((bundle / file).read_text(encoding="utf-8"))
    change(content)
    found = verify_bundle(resigned(bundle, made, {file: yaml.safe_dump(content).encode()}), pinned)
    assert [c.name for c in found.checks if c.passed is False and message in c.detail] == ["ledger"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 0.9}, "not charged what the entries before it leave"),
        ({"changes": []}, "does not say what changed"),
        ({"repeat_of": 1}, "repeats another one"),
        ({"rows": "0" * 64}, "the decisions are not those"),
    ],
)
def test_an_entry_that_does_not_follow_from_the_ones_before_is_found(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    first = case(tmp_path)
    table = outcomes().assign(label="refund", reason="x")
    other = opened(first.pilot, table, first.key, str(evaluation(table)["agent_digest"]))
    assert (other.number, other.changes != ()) == (2, True)
    lines = first.ledger.read_text(encoding="utf-8").splitlines()
    entry = {name: value for name, value in json.loads(lines[1]).items() if name not in ("hash", "signature", "key")}
    forged = signed_entry({**entry, **changes}, json.loads(lines[0])["hash"], first.key)
    first.ledger.write_text(lines[0] + "\n" + ledger_line(forged), encoding="utf-8")
    made = case_at(first.pilot, read_ledger(first.ledger)[1], table, first.key)
    found = verify_bundle(made.written(tmp_path / "evidence"), made.public_key(tmp_path))
    assert [c.name for c in found.checks if c.passed is False and message in c.detail] == ["ledger"]


def test_results_without_an_opening_on_the_ledger_are_found(made: Case, pinned: Path, tmp_path: Path) -> None:
    empty = changed(made, ledger=tmp_path / "none.jsonl")
    assert "ledger" in failed(empty.written(tmp_path / "evidence"), pinned)


def test_a_list_of_opened_records_that_is_missing_is_found(made: Case, pinned: Path, tmp_path: Path) -> None:
    files = {name: data for name, data in made.content.files.items() if not name.startswith("opened/")}
    assert "ledger" in failed(changed(made, files=files).written(tmp_path / "evidence"), pinned)


def test_a_ledger_edited_before_it_was_signed_is_not_written(tmp_path: Path) -> None:
    made = case(tmp_path)
    made.ledger.write_bytes(made.ledger.read_bytes().replace(b"somebody", b"nobody"))
    with pytest.raises(RunError, match="ledger was altered"):
        made.written(tmp_path / "evidence")
    assert not [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()]


def test_targets_edited_after_they_were_signed_are_found(made: Case, bundle: Path, pinned: Path) -> None:
    lower = (bundle / "charter.yaml").read_bytes().replace(b"target: 0.45", b"target: 0.4")
    assert failed(resigned(bundle, made, {"charter.yaml": lower}), pinned) == ["ledger", "thresholds", "verdict"]


def test_targets_signed_after_results_were_seen_are_found(tmp_path: Path) -> None:
    made = case(tmp_path)
    time.sleep(1.1)  # times are whole seconds
    (made.suite / "signatures" / "keys" / "sponsor.pem").unlink()
    sign_charter(made.suite, made.pilot.charter, Signer("Ann", "sponsor"), generated_key())
    signed_at = charter_signatures(made.suite, made.pilot.charter).last_signed_at
    assert signed_at is not None
    files = {**made.content.files, **agreement_files(made.pilot)}
    late = changed(made, files=files, thresholds_signed_at=signed_at.isoformat())
    found = verify_bundle(late.written(tmp_path / "late"), made.public_key(tmp_path))
    (check,) = [check for check in found.checks if check.passed is False]
    assert check.name == "thresholds"
    assert "after results were seen" in check.detail


def test_a_missing_signature_of_a_role_is_found(made: Case, pinned: Path, tmp_path: Path) -> None:
    files = {name: data for name, data in made.content.files.items() if "sponsor" not in name}
    assert failed(changed(made, files=files).written(tmp_path / "less"), pinned) == ["thresholds", "verdict"]


def test_what_is_believed_is_named(made: Case, bundle: Path, pinned: Path) -> None:
    found = verify_bundle(bundle, pinned)
    assert found.ok
    assert "the decisions on development records" in found.not_recomputed


def test_a_bundle_that_is_silent_of_test_cases_is_not_decided_as_one_of_before_was(tmp_path: Path) -> None:
    # then, twelve decided records of all classes would have passed for test cases
    table = outcomes().assign(**{"class": [("common", "edge", "error")[i % 3] for i in range(12)]})
    found = case(tmp_path, table=table, gates=asking({"id": "cases", "check": "test_cases", "at_least": 3, "each": 1}))
    result = next(one for one in found.decision.results if one.criterion.id == "cases")
    assert result.state.value == "unproven"
    forged = reworded(found, all_pass)
    facts = json.loads(found.content.files["facts.json"])
    del facts["absent"]["cases"]
    silent = changed(forged, files={**forged.content.files, "facts.json": json.dumps(facts).encode()})
    checks = verify_bundle(silent.written(tmp_path / "silent"), found.public_key(tmp_path)).checks
    details = {check.name: check.detail for check in checks if check.passed is False}
    assert "criterion cases does not follow (got: pass" in details["verdict"]
