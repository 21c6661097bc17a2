from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from gate_pilots import CHARTER, TODAY, facts_of, gate, gate_pilot, outcomes_of, signed, write_evaluation

from workbench.gates import GateDecision, Verdict, decide
from workbench.gates.judging import asked_criteria
from workbench.gates.waivers import WaiverSettings, waive
from workbench.pilot.pilot import Pilot
from workbench.pilot.signing.documents import Signer, sign_document
from workbench.pilot.signing.keys import SigningKey, generated_key
from workbench.words import InputError

LOAD = [{"id": "load", "check": "load"}]
LATER = TODAY + timedelta(days=30)


def waiver(**changes: Any) -> WaiverSettings:
    said = {
        "pilot": "small", "gate": 3, "criterion": "load", "why": "the load test runs next week", "until": LATER,
        "name": "Ann", "role": "sponsor",
    }  # fmt: skip
    return WaiverSettings(**{**said, **changes})


def waived(pilot: Pilot, key: SigningKey, today: date = TODAY, **changes: Any) -> Path:
    said = waiver(**changes)
    criterion = next(one for one in asked_criteria(facts_of(pilot), said.gate) if one.id == said.criterion)
    return waive(pilot, said, criterion, key, today)


def decided(pilot: Pilot, today: date = TODAY) -> GateDecision:
    return decide(facts_of(pilot, today), 3, {})


def test_a_signed_waiver_lets_its_criterion_through_and_is_named(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(LOAD))
    keys = signed(pilot)
    write_evaluation(pilot, outcomes_of(pilot))
    assert decided(pilot).verdict is Verdict.NO_GO
    waived(pilot, keys["sponsor"])
    decision = decided(pilot)
    assert decision.verdict is Verdict.GO
    assert decision.brief.lead.endswith("3 of 4 criteria pass, 1 waived.")
    (line,) = dict(decision.brief.groups)["Waived"]
    assert line.startswith("Load: by Ann until 2026-12-23: ")
    states = {one["id"]: one["state"] for one in decision.as_json()["criteria"]}
    passed = dict.fromkeys(("all-records", "development", "distinct-keys"), "pass")
    assert states == {**passed, "load": "unproven"}, "waived is not passed"


def test_a_waiver_counts_on_its_last_day_and_not_after_it(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(LOAD))
    keys = signed(pilot)
    write_evaluation(pilot, outcomes_of(pilot))
    waived(pilot, keys["sponsor"])
    assert decided(pilot, LATER).verdict is Verdict.GO
    decision = decided(pilot, LATER + timedelta(days=1))
    assert decision.verdict is Verdict.NO_GO
    assert decision.waivers[0].fault == "it expired on 2026-12-23"


def test_an_edited_waiver_is_void(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(LOAD))
    keys = signed(pilot)
    waived(pilot, keys["sponsor"])
    path = pilot.suite / "waivers" / "gate-3.load.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("2026-12-23", "2027-12-23"), encoding="utf-8")
    decision = decided(pilot)
    assert decision.verdict is Verdict.NO_GO
    assert "edited after Ann signed it" in str(decision.waivers[0].fault)


def test_an_unsigned_waiver_is_void(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(LOAD))
    keys = signed(pilot)
    waived(pilot, keys["sponsor"]).unlink()
    decision = decided(pilot)
    assert (decision.verdict, decision.waivers[0].fault) == (Verdict.NO_GO, "it is not signed")


def test_a_waiver_copied_to_another_criterion_is_void(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([*LOAD, {"id": "security", "check": "security"}]))
    keys = signed(pilot)
    waived(pilot, keys["sponsor"])
    folder = pilot.suite / "waivers"
    (folder / "gate-3.security.yaml").write_bytes((folder / "gate-3.load.yaml").read_bytes())
    faults = {waiver.file: waiver.fault for waiver in decided(pilot).waivers}
    assert faults["waivers/gate-3.load.yaml"] is None
    assert "lies in waivers/gate-3.security.yaml" in str(faults["waivers/gate-3.security.yaml"])


def test_a_waiver_signed_by_another_than_it_names_is_void(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(LOAD))
    keys = signed(pilot)
    waived(pilot, keys["sponsor"])
    sign_document(pilot.suite, "waivers/gate-3.load.yaml", Signer("Mallory", "sponsor"), keys["sponsor"])
    assert decided(pilot).waivers[0].fault == "it names Ann, but Mallory signed it"


def test_a_criterion_can_refuse_every_waiver(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([{**LOAD[0], "no_waiver": True}]))
    keys = signed(pilot)
    with pytest.raises(InputError, match="this criterion accepts no waiver"):
        waived(pilot, keys["sponsor"], gate=1)
    folder = pilot.suite / "waivers"  # one that was written by hand does not count either
    folder.mkdir()
    (folder / "gate-1.load.yaml").write_text(waiver(gate=1).model_dump_json(), encoding="utf-8")
    sign_document(pilot.suite, "waivers/gate-1.load.yaml", Signer("Ann", "sponsor"), keys["sponsor"])
    decision = decide(facts_of(pilot), 1, {})
    assert (decision.verdict, decision.waivers[0].fault) == (Verdict.NO_GO, "this criterion accepts no waiver")


def test_a_target_that_is_a_placeholder_cannot_be_waived(tmp_path: Path) -> None:
    kpi = {**CHARTER["kpis"][0], "placeholder": True}
    pilot = gate_pilot(tmp_path, gate([{"id": "load", "kpi": kpi["id"]}]), {**CHARTER, "kpis": [kpi]})
    keys = signed(pilot)
    with pytest.raises(InputError, match="its target is a placeholder"):
        waived(pilot, keys["sponsor"], gate=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until": TODAY - timedelta(days=1)}, "it expired on 2026-11-22"),
        ({"until": TODAY + timedelta(days=366)}, "a waiver lasts at most 365 days"),
        ({"role": "council", "name": "Cy"}, "the role council does not sign the charter"),
        ({"name": "Mallory"}, "the charter names Ann as sponsor"),
    ],
)
def test_a_waiver_that_would_be_void_is_not_written(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    pilot = gate_pilot(tmp_path, gate(LOAD))
    keys = signed(pilot)
    with pytest.raises(InputError, match=message):
        waived(pilot, keys["sponsor"], **changes)
    assert not (pilot.suite / "waivers").exists()


def test_another_key_than_the_charters_cannot_waive(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(LOAD))
    signed(pilot)
    with pytest.raises(InputError, match="signed with another key before"):
        waived(pilot, generated_key())
    assert not list((pilot.suite / "waivers").glob("*.yaml"))


def test_a_waiver_of_a_criterion_that_passes_changes_nothing(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([{"id": "right", "kpi": "right"}]))
    keys = signed(pilot)
    write_evaluation(pilot, outcomes_of(pilot))
    waived(pilot, keys["sponsor"], gate=1, criterion="right")
    decision = decide(facts_of(pilot), 1, {})
    assert (decision.verdict, dict(decision.waived)) == (Verdict.GO, {})
