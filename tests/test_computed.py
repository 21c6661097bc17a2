"""What is computed of requirements: met on clean evidence, not met on a planted fault, not evidenced without any."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import gate_pilots
import pandas as pd
import pytest
from gate_pilots import CHARTER, MADE, facts_of, finding, gate, gate_pilot, outcomes_of, signed, write_audit

from workbench.compliance import ComplianceGround, Computed, KeptFor, Standing
from workbench.compliance.computed import COMPUTATIONS, privacy
from workbench.compliance.computed.oversight import human_oversight
from workbench.compliance.trail import COLUMNS
from workbench.evidence import Exhibit
from workbench.metrics import Estimate
from workbench.pilot.charter import charter_signatures
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.review.workflow.tables import NOTHING, SEEN_REVIEWS, typed_table
from workbench.runs.journal import FIELDS

Change = Callable[[ComplianceGround], ComplianceGround]
NAMES = (
    "audit_trail", "unbroken_order", "one_outcome_for_each_input", "high_risk_escalated", "escalations_fire",
    "thresholds_signed_before", "retention", "personal_data_kept_out", "accuracy", "robustness",
    "resistance_to_attacks", "access_as_granted", "human_oversight", "technical_documentation", "risk_management",
    "data_governance", "minimisation", "purpose", "storage_limits", "tested_before_use",
)  # fmt: skip
WHOLE_CHARTER: Mapping[str, Any] = {
    **CHARTER,
    "scope": {"included": ["invoices"]},
    "risks": [
        {"id": "wrong", "risk": "a wrong payment", "likelihood": "low", "impact": "high", "mitigation": "a threshold",
         "owner": "Bo", "tested_by": ["evaluation/accuracy", "audit"]},
    ],
    "compliance": {"audit_trail": {"need": "needed", "retention_years": 8, "reason": "vouchers"}},
}  # fmt: skip
MIDNIGHT = "T00:00:00+00:00"
ZERO = Estimate(0.0, 0.0, 0.1, 20, "counted")
ONE = Estimate(1.0, 1.0, 1.0, 20, "counted")


def counted(maker: str, *metrics: str, **tables: pd.DataFrame) -> Exhibit:
    return Exhibit(maker, "small", {"records": "d"}, MADE, "by hand", dict.fromkeys(metrics, ZERO), tables=tables)


def trail_of(n: int = 4, **columns: Any) -> pd.DataFrame:
    """Return a trail of n decisions in order, a day old each; columns replace what is written."""
    texts = dict.fromkeys((*FIELDS, "seal", "order", "stored"), "")
    rows = [
        {**dict.fromkeys(COLUMNS), **texts, "record_id": f"R{i:04d}", "number": i + 1, "status": "ok",
         "at": f"2026-11-{10 + i}{MIDNIGHT}", "decided": "approve", "outcomes": 1}
        for i in range(n)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)).assign(**columns)


def cases(**columns: Any) -> pd.DataFrame:
    rows = {"case": ["c1", "c2"], "confirmed": True, "judged": True,
            "expected": ["action escalate; reason x", "action approve"], "action": ["escalate", "approve"]}  # fmt: skip
    return pd.DataFrame(rows).assign(**columns)


def columns_of(**changes: Any) -> pd.DataFrame:
    rows = {"column": ["vendor", "amount"], "pii": ["personal", "none"], "described": True, "shown": True,
            "named_by": ["prompts/v1.md", ""]}  # fmt: skip
    return pd.DataFrame(rows).assign(**changes)


def places_of(found: int) -> pd.DataFrame:
    rows = [("prompts", 1, 0, "", ""), ("outputs", 4, found, "email" if found else "", "R0001" if found else "")]
    return pd.DataFrame(rows, columns=["place", "texts", "found", "kinds", "records"])


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    """Give a signed pilot with an evaluation and an audit, one column of which is personal and described."""
    made = gate_pilot(tmp_path_factory.mktemp("pilot"), gate([{"id": "a", "check": "audit_limits"}]), WHOLE_CHARTER)
    text = (made.data / "contract.yaml").read_text(encoding="utf-8")
    said = text.replace(
        '"vendor": {"required": true}', '"vendor": {"required": true, "pii": "personal", "description": "whom to pay"}'
    )
    assert said != text
    (made.data / "contract.yaml").write_text(said, encoding="utf-8")
    made = open_pilot("small", made.root)
    signed(made)
    write_audit(made, [finding("low")])
    gate_pilots.write_evaluation(made, outcomes_of(made))
    return made


@pytest.fixture
def clean(pilot: Pilot) -> ComplianceGround:
    """Give the evidence of everything, nothing of it bad."""
    facts = facts_of(pilot)
    reviews = pd.DataFrame(
        {"record_id": [f"R{i:04d}" for i in range(0, 400, 10)], "reviewer": "Ann", "decision": "approve"}
    )
    attacks = ("attack_hits_severe", "attack_not_reached", "attack_errors", "attack_not_run")
    access = ("access_violations", "access_unmeasured", "keys_too_old")
    exhibits = {
        **{name: facts.exhibits[name] for name in ("evaluation", "audit")},
        "cases": counted("cases", "relations_violated", cases=cases()),
        "attacks": counted("attacks", *attacks),
        "access": counted("access", *access),
        "review": counted("review", reviews=reviews),
    }
    audit = exhibits["audit"]
    looked = {**audit.estimates, privacy.LOOKED_FOR: ZERO}
    exhibits["audit"] = replace(audit, estimates=looked, facts={"n_records": 400})
    signed_at = charter_signatures(pilot.suite, pilot.charter).last_signed_at
    assert signed_at is not None
    opening = replace(facts.ledger[1][0], time=(signed_at + timedelta(hours=1)).isoformat(), signature="s", key="k")
    kept = tuple(KeptFor(what, 8, 10) for what in ("journal", "evidence"))
    return ComplianceGround(
        pilot,
        exhibits,
        {},
        trail_of(),
        date(2026, 12, 1),
        (opening,),
        facts.cells,
        kept,
        columns_of(),
        places_of(0),
        (),
    )


def with_exhibit(name: str, **changes: Any) -> Change:
    """Return what changes an exhibit: estimates are replaced one by one, tables too."""

    def change(ground: ComplianceGround) -> ComplianceGround:
        one = ground.exhibits[name]
        new = replace(
            one,
            estimates={**one.estimates, **changes.get("estimates", {})},
            tables={**one.tables, **changes.get("tables", {})},
            findings=changes.get("findings", one.findings),
            made=changes.get("made", one.made),
        )
        return replace(ground, exhibits={**ground.exhibits, name: new})

    return change


def without_audit(ground: ComplianceGround) -> ComplianceGround:
    return replace(ground, exhibits={name: one for name, one in ground.exhibits.items() if name != "audit"})


def earlier_opening(ground: ComplianceGround) -> ComplianceGround:
    opening = ground.openings[0]
    before = datetime.fromisoformat(opening.time) - timedelta(hours=2)
    return replace(ground, openings=(replace(opening, time=before.isoformat()),))


def disputed_alone(ground: ComplianceGround) -> ComplianceGround:
    holdout = ground.exhibits["evaluation"].tables["holdout"].copy()
    holdout.loc[holdout["record_id"].isin(["R0000", "R0010"]), "action"] = "approve"
    return with_exhibit("evaluation", tables={"holdout": holdout})(ground)


def without_reviewer(ground: ComplianceGround) -> ComplianceGround:
    reviews = ground.exhibits["review"].tables["reviews"].copy()
    reviews.loc[3, "reviewer"] = None
    return with_exhibit("review", tables={"reviews": reviews})(ground)


def with_charter(**changes: Any) -> Change:
    def change(ground: ComplianceGround) -> ComplianceGround:
        charter = ground.pilot.charter.model_copy(update=changes)
        return replace(ground, pilot=replace(ground.pilot, charter=charter))

    return change


def risk_without_owner(ground: ComplianceGround) -> ComplianceGround:
    risks = tuple(one.model_copy(update={"owner": ""}) for one in ground.pilot.charter.risks)
    return with_charter(risks=risks)(ground)


def undescribed(ground: ComplianceGround) -> ComplianceGround:
    contract = ground.pilot.contract
    vendor = contract.columns["vendor"].model_copy(update={"description": ""})
    changed = contract.model_copy(update={"columns": {**contract.columns, "vendor": vendor}})
    return replace(ground, pilot=replace(ground.pilot, contract=changed))


# By computation: what is planted, what its sentence says then, and the records that it fails on.
FAULTS: tuple[tuple[str, Change, str, tuple[str, ...]], ...] = (
    ("audit_trail", lambda g: replace(g, trail=trail_of(action=["", "altered", "", ""])),
     "1 of 4 decisions lack one of the five fields, or are not as they were sealed: action altered in 1", ("R0001",)),
    ("audit_trail", lambda g: replace(g, trail=trail_of(seal=["", "", "does not hold", ""])),
     "their signature does not hold", ("R0002",)),
    ("unbroken_order", lambda g: replace(g, trail=trail_of(order=["", "", "line 2 is missing", ""])),
     "broken at 1 of 4 lines: .line 2 is missing", ("R0002",)),
    ("one_outcome_for_each_input", lambda g: replace(g, trail=trail_of(outcomes=[1, 2, 0, 1])),
     "2 of 4 inputs have not exactly one outcome: 1 none, 1 several", ("R0001", "R0002")),
    ("high_risk_escalated", disputed_alone, "2 of 40 records of high-risk categories", ("R0000", "R0010")),
    ("escalations_fire", with_exhibit("cases", tables={"cases": cases(action=["approve", "approve"])}),
     "0 of 1 confirmed test cases", ("c1",)),
    ("human_oversight", without_reviewer, "39 of 40 escalated decisions", ("R0030",)),
    ("thresholds_signed_before", earlier_opening, "after opening 1", ()),
    ("tested_before_use", lambda g: replace(g, today=date(2026, 11, 1)), "0 of 2 tests are on the record", ()),
    ("technical_documentation", lambda g: replace(g, gaps=("part 3 is missing",)), "^1 gap in .*part 3 is missing", ()),
    ("risk_management", risk_without_owner, "1 of 1 risks have no mitigation or no owner", ()),
    ("accuracy", with_exhibit("evaluation", estimates={"accuracy": Estimate.proportion(200, 400)}),
     "1 of 2 targets are reached", ()),
    ("robustness", with_exhibit("cases", estimates={"relations_violated": ONE}), "relations violated 1 of 20", ()),
    ("resistance_to_attacks", with_exhibit("attacks", estimates={"attack_hits_severe": ONE}), "severe 1 of 20", ()),
    ("access_as_granted", with_exhibit("access", estimates={"keys_too_old": ONE}), "keys too old 1 of 20", ()),
    ("personal_data_kept_out", lambda g: replace(g, personal=places_of(2)),
     r"2 of 5 texts hold personal data: outputs 2 of 4 \(email\)", ("R0001",)),
    ("minimisation", lambda g: replace(g, columns=columns_of(named_by=["", ""])), "1 of 1 personal .*vendor", ()),
    ("purpose", undescribed, "0 of 1 personal columns say", ()),
    ("storage_limits", lambda g: replace(g, trail=trail_of(at=[f"20{y}-11-01{MIDNIGHT}" for y in (10, 26, 26, 26)])),
     "1 of 4 decisions are older than the 10 years", ("R0000",)),
    ("retention", lambda g: replace(g, kept_for=(KeptFor("journal", 2), KeptFor("evidence", 8))),
     "1 of 2 are kept for less than 8 years", ()),
)  # fmt: skip
# Evidence that is there and proves nothing, for or against.
UNPROVED: tuple[tuple[str, Change, str], ...] = (
    ("audit_trail", lambda g: replace(g, trail=trail_of(seal=["no line", "", "", ""])), "1 of 4 .*no moment was kept"),
    ("audit_trail", lambda g: replace(g, trail=trail_of(seal="unknown key")), "a key that is not known here"),
    ("unbroken_order", lambda g: replace(g, trail=trail_of(seal=["no line", "", "", ""])), "1 of 4 decisions"),
    ("one_outcome_for_each_input", lambda g: replace(g, trail=trail_of(seal=["no line", "", "", ""])), "1 of 4"),
    ("accuracy", with_exhibit("evaluation", estimates={"accuracy": Estimate.proportion(18, 20)}), "more labelled"),
    ("robustness", with_exhibit("cases", estimates={"relations_violated": Estimate.undefined("none")}), "not known"),
    ("resistance_to_attacks", with_exhibit("attacks", estimates={"attack_not_run": ONE}), "attack not run 1 of 20"),
    ("access_as_granted", with_exhibit("access", estimates={"access_unmeasured": ONE}), "must be measured again"),
    ("risk_management", without_audit, "1 of 2 tests"),
    ("retention", lambda g: replace(g, kept_for=()), "2 of 2 have no time in compliance.yaml"),
    ("storage_limits", lambda g: replace(g, kept_for=(KeptFor("journal", 8),)), "no end is set for the journal"),
    ("storage_limits", lambda g: replace(g, trail=trail_of(seal=["no line", "", "", ""])), "1 of 4 .*no moment"),
    ("tested_before_use", lambda g: replace(g, openings=(replace(g.openings[0], key=None),)), "1 of 1 openings"),
    ("high_risk_escalated", lambda g: replace(g, cells=None), "1 of 1 high-risk categories have no judged record"),
)  # fmt: skip


def test_every_name_of_the_catalogue_has_its_computation() -> None:
    assert set(COMPUTATIONS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_clean_evidence_meets_the_requirement_and_says_on_what(clean: ComplianceGround, name: str) -> None:
    found = COMPUTATIONS[name](clean)
    assert found.standing is Standing.MET, found.said
    assert found.evidence
    assert not found.records
    assert any(letter.isdigit() for letter in found.said), "the deciding number"


@pytest.mark.parametrize("name", NAMES)
def test_without_any_evidence_nothing_is_met(tmp_path: Path, name: str) -> None:
    bare = {"process": "none"}
    pilot = gate_pilot(tmp_path, gate([{"id": "a", "check": "audit_limits"}]), bare)
    nothing = ComplianceGround(pilot, {}, {}, pd.DataFrame(columns=list(COLUMNS)), date(2026, 12, 1))
    found = COMPUTATIONS[name](nothing)
    assert found.standing is Standing.NOT_EVIDENCED, found.said
    assert found.said


@pytest.mark.parametrize("name", NAMES)
def test_agreed_in_full_and_without_anything_measured_only_the_purpose_is_met(
    clean: ComplianceGround, name: str
) -> None:
    unmeasured = ComplianceGround(clean.pilot, {}, {}, pd.DataFrame(columns=list(COLUMNS)), clean.today)
    found = COMPUTATIONS[name](unmeasured)
    assert (found.standing is Standing.MET) is (name == "purpose"), found.said


@pytest.mark.parametrize(("name", "plant", "said", "records"), FAULTS)
def test_a_planted_fault_is_not_met_and_named(
    clean: ComplianceGround, name: str, plant: Change, said: str, records: tuple[str, ...]
) -> None:
    found = COMPUTATIONS[name](plant(clean))
    assert found.standing is Standing.NOT_MET, found.said
    check_said(found, said)
    assert found.records == records


@pytest.mark.parametrize(("name", "change", "said"), UNPROVED)
def test_evidence_that_proves_nothing_is_neither_met_nor_not_met(
    clean: ComplianceGround, name: str, change: Change, said: str
) -> None:
    found = COMPUTATIONS[name](change(clean))
    assert found.standing is Standing.NOT_EVIDENCED, found.said
    check_said(found, said)


def test_every_computation_has_a_planted_fault() -> None:
    assert {name for name, *_ in FAULTS} | {"data_governance"} == set(NAMES)


def test_a_grave_finding_of_the_audit_is_no_data_governance(clean: ComplianceGround) -> None:
    audit = clean.exhibits["audit"].findings[0]
    grave = with_exhibit("audit", findings=(audit.model_copy(update={"severity": "high"}),))(clean)
    found = COMPUTATIONS["data_governance"](grave)
    assert found.standing is Standing.NOT_MET
    check_said(found, "1 of 1 finding in 400 records are critical or high")


def check_said(found: Computed, words: str) -> None:
    assert re.search(words, found.said), found.said


def reviewed(rows: list[dict[str, Any]], played: str | None = None) -> Change:
    """Return what puts the desk's own table of answers in place of the reviews."""
    table = typed_table(rows, SEEN_REVIEWS)

    def change(ground: ComplianceGround) -> ComplianceGround:
        changed = with_exhibit("review", tables={"reviews": table})(ground)
        review = replace(changed.exhibits["review"], facts={"played": played})
        return replace(changed, exhibits={**changed.exhibits, "review": review})

    return change


def test_oversight_is_read_from_the_answers_that_the_desk_has(clean: ComplianceGround) -> None:
    said = {
        "reviewer": "8a5fe5315837", "queue": "escalations", "kind": "approve", "reason": "", "group": "clerks",
        "adjudicates": False, "seconds": 9.0, "planted": False,
    }  # fmt: skip
    rows = [
        {**said, "record_id": f"R{i:04d}", "item": f"i{i}", "decision": "approve" if i % 20 else NOTHING}
        for i in range(0, 400, 10)
    ]
    whole = human_oversight(reviewed(rows)(clean))
    assert (whole.standing, whole.records) == (Standing.MET, ())
    assert whole.said == "40 of 40 escalated decisions were decided by a named reviewer."
    short = human_oversight(reviewed(rows[1:])(clean))
    assert (short.standing, short.records) == (Standing.NOT_MET, ("R0000",))
    played = human_oversight(reviewed(rows, "by a script")(clean))
    assert played.said.endswith("This was played, not decided by people.")
