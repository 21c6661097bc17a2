"""Compliance as a maker of evidence: nothing is met by default, what people state counts signed and in its time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from compliance_pilots import ATTESTED, NO_TRAIL, TODAY, Checked, checked_pilot, checklist, gated
from evidence_cases import Case, failed, resigned

from workbench.compliance.computed import COMPUTATIONS
from workbench.compliance.judging import judged_requirements
from workbench.compliance.numbers import estimates_of_compliance
from workbench.compliance.requirement import ComplianceGround, Computed, Standing
from workbench.evidence import Exhibit, read_exhibit
from workbench.gates import decide
from workbench.gates.criteria import CriterionResult
from workbench.gates.verified import verify_bundle
from workbench.metrics import State
from workbench.pilot.signing.keys import generated_key
from workbench.words import InputError

DAY = date(2026, 12, 1)


def standings(made: Checked, day: date = DAY, **changes: Any) -> dict[str, tuple[str, str]]:
    """Return standing and sentence of each requirement that applies, from documents alone."""
    ground = ComplianceGround(made.pilot, {}, {}, NO_TRAIL, day)
    table = judged_requirements(replace(ground, **changes)).tables["requirements"]
    return {
        str(row["requirement"]): (str(row["standing"]), str(row["said"])) for row in table.to_dict("records")
    }  # fmt: skip


def result_of(case: Case, name: str = "compliance") -> CriterionResult:
    return next(one for one in case.decision.results if one.criterion.id == name)


def set_to(requirement: str, **said: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["requirements"][requirement].update(said)


def attest(requirement: str, **said: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["requirements"][requirement]["attested"].update(said)


def everything(content: dict[str, Any]) -> None:
    """Let every regime apply to a high-risk system, and leave every requirement open."""
    content.update(regimes={}, sector=None, requirements={})
    content["personal_data"] = {"processed": True}
    content["ai_act"].update(risk_class="high_annex_iii", role="both", general_purpose_model=True)


@pytest.mark.parametrize("content", [None, checklist(everything)])
def test_without_evidence_nothing_is_met(tmp_path: Path, content: dict[str, Any] | None) -> None:
    made = checked_pilot(tmp_path, content, is_signed=False)
    for signature in (made.pilot.suite / "signatures").glob("charter.yaml/*"):
        signature.unlink()
    found = standings(made, date(2028, 9, 1))
    assert len(found) > 70
    assert {standing for standing, _ in found.values()} == {"not evidenced"}


def test_what_a_person_signed_is_attested_and_what_the_owner_rules_out_is_not_applicable(tmp_path: Path) -> None:
    found = standings(checked_pilot(tmp_path), date(2026, 12, 3))
    assert {name: standing for name, (standing, _) in found.items()} == {
        "ai-act/4": "attested", "ai-act/5": "attested",
        "ai-act/5-imagery": "not applicable", "ai-act/5-abuse": "not applicable",
    }  # fmt: skip
    assert found["ai-act/4"][1] == "Bo (IT owner), 2026-01-01 to 2999-01-01: it is so"


def test_without_the_owners_signature_nothing_that_people_said_counts(tmp_path: Path) -> None:
    found = standings(checked_pilot(tmp_path, is_signed=False), date(2026, 12, 3))
    assert {standing for standing, _ in found.values()} == {"not evidenced"}
    assert "is not signed by the IT owner (no signature)" in found["ai-act/5-imagery"][1]


def test_an_edit_takes_every_attestation_back(tmp_path: Path) -> None:
    made = checked_pilot(tmp_path)
    path = made.pilot.suite / "compliance.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("it is so", "it is quite so"), encoding="utf-8")
    standing, said = standings(made)["ai-act/4"]
    assert standing == "not evidenced"
    assert "the document was edited after Bo signed it" in said


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (attest("ai-act/4", until="2026-11-30"), "the attestation of Bo (IT owner) ended on 2026-11-30"),
        (attest("ai-act/4", since="2026-12-02"), "attested by Bo (IT owner) only from 2026-12-02 on"),
        (attest("ai-act/4", by="Ann"), "Ann (IT owner) has not signed compliance.yaml: signed by Bo"),
        (attest("ai-act/4", by="Ann", role="sponsor"), "Ann (sponsor) has not signed compliance.yaml: no signature"),
        (lambda content: content["requirements"].pop("ai-act/4"), "nobody attests it"),
    ],
)
def test_an_attestation_counts_only_by_who_signed_and_in_its_time(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], why: str
) -> None:
    assert standings(checked_pilot(tmp_path, checklist(change)))["ai-act/4"] == ("not evidenced", why)


def test_the_last_day_of_an_attestation_counts(tmp_path: Path) -> None:
    made = checked_pilot(tmp_path, checklist(attest("ai-act/4", until="2026-12-01")))
    assert standings(made, DAY)["ai-act/4"][0] == "attested"
    assert standings(made, DAY + timedelta(days=1))["ai-act/4"][0] == "not evidenced"


def test_another_name_in_a_role_of_the_charter_does_not_count(tmp_path: Path) -> None:
    made = checked_pilot(tmp_path, checklist(attest("ai-act/4", by="Eve")))
    made.sign(name="Eve")
    standing, said = standings(made)["ai-act/4"]
    assert (standing, said) == ("not evidenced", "Eve (IT owner) has not signed compliance.yaml: signed by Eve")


def test_a_second_person_attests_by_a_signature_of_her_own(tmp_path: Path) -> None:
    made = checked_pilot(tmp_path, checklist(attest("ai-act/4", by="Mia", role="trainer")))
    assert standings(made)["ai-act/4"][0] == "not evidenced"
    made.sign("Mia", "trainer", generated_key())
    assert standings(made)["ai-act/4"][0] == "attested"


def test_what_is_computed_cannot_be_attested(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        everything(content)
        content["requirements"]["ai-act/14"] = {"where": ["charter.yaml"], "attested": ATTESTED}

    made = checked_pilot(tmp_path, checklist(change))
    table = judged_requirements(ComplianceGround(made.pilot, {}, {}, NO_TRAIL, date(2028, 1, 1))).tables
    row = table["requirements"].set_index("requirement").loc["ai-act/14"]
    assert (row["standing"], row["faults"]) == ("not evidenced", "what is computed cannot be attested")


def test_each_count_is_of_the_requirements_that_apply() -> None:
    # by hand: 3 met, 2 attested, 1 not met, 2 not evidenced of 8; one more is not applicable
    standing = ["met"] * 3 + ["attested"] * 2 + ["not met"] + ["not evidenced"] * 2 + ["not applicable"]
    found = estimates_of_compliance(pd.DataFrame({"standing": standing}))
    assert {name: (one.value, one.n) for name, one in found.items()} == {
        "compliance_open": (3, 8), "compliance_met": (3, 8), "compliance_attested": (2, 8),
        "compliance_not_met": (1, 8), "compliance_not_evidenced": (2, 8),
    }  # fmt: skip
    assert found["compliance_open"].excluded == {"not applicable": 1}
    assert estimates_of_compliance(pd.DataFrame({"standing": []}))["compliance_open"].value is None


def test_a_gate_passes_where_everything_is_attested_or_ruled_out(tmp_path: Path) -> None:
    case = gated(checked_pilot(tmp_path))
    found = result_of(case)
    assert found.state is State.PASS
    assert found.reason.endswith("2 of 2 applicable requirements: 0 met, 2 attested")
    assert result_of(case, "open").state is State.PASS


def test_a_gate_stays_unproven_where_an_attestation_expired(tmp_path: Path) -> None:
    ended = (TODAY - timedelta(days=1)).isoformat()
    found = result_of(gated(checked_pilot(tmp_path, checklist(attest("ai-act/4", until=ended)))))
    assert found.state is State.UNPROVEN
    assert found.reason == "1 of 2 applicable requirements open: 0 not met, 1 not evidenced"
    assert found.details == (f"ai-act/4: not evidenced: the attestation of Bo (IT owner) ended on {ended}",)


def test_a_gate_fails_where_one_is_not_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(content: dict[str, Any]) -> None:
        content["regimes"]["gobd"] = {"applies": True, "reason": "postings"}

    never = dict.fromkeys(COMPUTATIONS, lambda _: Computed(Standing.NOT_MET, "0 of 3 decisions hold", (), ("=T1",)))
    monkeypatch.setattr("workbench.compliance.judging.COMPUTATIONS", never)
    found = result_of(gated(checked_pilot(tmp_path, checklist(change))))
    assert found.state is State.FAIL
    # by hand: 8 requirements of GoBD, 6 of them computed; 2 of the AI Act are attested
    assert found.reason == "8 of 10 applicable requirements open: 6 not met, 2 not evidenced"


def test_a_report_of_another_day_does_not_count(tmp_path: Path) -> None:
    day = TODAY - timedelta(days=1)
    found = result_of(gated(checked_pilot(tmp_path), day))
    assert (found.state, found.reason) == (State.UNPROVEN, f"it is as of {day}, and today is {TODAY}")


def test_a_report_whose_evidence_changed_since_does_not_count(tmp_path: Path) -> None:
    case = gated(checked_pilot(tmp_path))
    other = replace(case.facts.exhibits["evaluation"], notes=("something else",))
    facts = replace(case.facts, exhibits={**case.facts.exhibits, "evaluation": other})
    found = next(one for one in decide(facts, 2, {}).results if one.criterion.id == "compliance")
    assert (found.state, found.reason) == (State.UNPROVEN, "its evidence changed since: 'evaluation'")


def test_an_unsigned_checklist_is_unproven_whatever_it_says(tmp_path: Path) -> None:
    found = result_of(gated(checked_pilot(tmp_path, is_signed=False)))
    assert found.state is State.UNPROVEN
    assert found.reason == "compliance.yaml is not signed by the IT owner (no signature)"


def test_its_bundle_verifies_with_every_standing_derived_again(tmp_path: Path) -> None:
    made = gated(checked_pilot(tmp_path))
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    found = verify_bundle(bundle, pinned)
    assert found.ok, [one for one in found.checks if one.passed is False]
    assert (bundle / "compliance.yaml").is_file()
    assert (bundle / "signatures" / "compliance.yaml" / "it-owner.json").is_file()
    assert "the audit trail, as the journal gave it, and where personal data was found" in found.not_recomputed


def _exhibit(bundle: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((bundle / "exhibits/compliance/exhibit.json").read_text(encoding="utf-8"))
    return said


def test_a_standing_that_an_insider_improves_is_found(tmp_path: Path) -> None:
    ended = (TODAY - timedelta(days=1)).isoformat()
    made = gated(checked_pilot(tmp_path, checklist(attest("ai-act/4", until=ended))))
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    exhibit = made.facts.exhibits["compliance"]
    table = exhibit.tables["requirements"].copy()
    table["standing"] = "attested"
    better = replace(exhibit, tables={**exhibit.tables, "requirements": table})
    files = {f"exhibits/compliance/{name}": content for name, content in better.files().items()}
    assert "recomputed" in failed(resigned(bundle, made, files), pinned)


def test_a_checklist_that_an_insider_edits_in_the_bundle_is_found(tmp_path: Path) -> None:
    made = gated(checked_pilot(tmp_path))
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    text = (bundle / "compliance.yaml").read_text(encoding="utf-8").replace("2999-01-01", "3000-01-01")
    assert "recomputed" in failed(resigned(bundle, made, {"compliance.yaml": text.encode()}), pinned)


def test_an_older_day_that_an_insider_writes_is_found(tmp_path: Path) -> None:
    made = gated(checked_pilot(tmp_path))
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    said = _exhibit(bundle)
    said["facts"]["as_of"] = "2026-10-01"
    changed = {"exhibits/compliance/exhibit.json": json.dumps(said).encode()}
    assert "recomputed" in failed(resigned(bundle, made, changed), pinned)


def test_what_it_reads_back_is_what_it_wrote(tmp_path: Path) -> None:
    exhibit: Exhibit = gated(checked_pilot(tmp_path)).facts.exhibits["compliance"]  # type: ignore[assignment]
    exhibit.write(tmp_path / "left")
    again = read_exhibit(tmp_path / "left")
    assert again is not None
    assert again.files() == exhibit.files()


def test_a_checklist_that_does_not_fit_is_one_message(tmp_path: Path) -> None:
    made = checked_pilot(tmp_path, is_signed=False)
    path = made.pilot.suite / "compliance.yaml"
    path.write_text("risk_class: minimal\n", encoding="utf-8")
    with pytest.raises(InputError, match="unknown key 'risk_class'"):
        standings(made)
