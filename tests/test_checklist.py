"""compliance.yaml: strict, covered by the charter's signatures as far as it was decided before, mapped to documents."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.files.configuration import read_settings, settings_from
from workbench.pilot.charter import Charter
from workbench.pilot.charter.gaps import charter_gaps
from workbench.pilot.charter.schema import Compliance
from workbench.pilot.charter.signatures import charter_signatures, sign_charter
from workbench.pilot.checklist import checklist_of, compliance_documents
from workbench.pilot.compliance import ComplianceSettings, assessment_of, read_compliance
from workbench.pilot.pilot import open_pilot
from workbench.pilot.signing.documents import Signer
from workbench.pilot.signing.keys import generated_key
from workbench.words import InputError

ROOT = Path(__file__).parent.parent
SHIPPED = ["invoice_matching", "support_triage"]
OLDER = {
    "dpia": {"need": "not_needed", "reason": "nobody is profiled or evaluated here"},
    "ai_act": {"risk_class": "minimal", "role": "deployer", "reason": "no use case of Annex III at all"},
    "industry_rules": [],
    "audit_trail": {"need": "needed", "retention_years": 8, "reason": "decisions lead to postings"},
}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Give a copy of the shipped charter, compliance.yaml and documents without signatures."""
    folder = tmp_path / "eval_suites" / "invoice_matching"
    folder.mkdir(parents=True)
    for name in ("charter.yaml", "compliance.yaml", "process.yaml", "architecture.md"):
        shutil.copy(ROOT / "eval_suites" / "invoice_matching" / name, folder)
    return folder


def changed(suite: Path, change: Callable[[dict[str, Any]], object], file: str = "compliance.yaml") -> None:
    path = suite / file
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def charter_of(suite: Path) -> Charter:
    return read_settings(suite / "charter.yaml", Charter)


def gaps_of(suite: Path) -> list[tuple[str, str]]:
    contract = open_pilot("invoice_matching", ROOT).contract
    return [(gap.part, gap.problem) for gap in charter_gaps(charter_of(suite), contract, suite)]


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("day", [date(2026, 12, 1), date(2026, 12, 3)])
def test_the_shipped_checklists_settle_every_requirement_that_applies(name: str, day: date) -> None:
    suite = ROOT / "eval_suites" / name
    lines = checklist_of(suite, read_compliance(suite), day)
    assert [(one.dated.requirement.id, one.faults) for one in lines if one.faults] == []
    assert sum(one.dated.applies for one in lines) > 20


@pytest.mark.parametrize(
    ("change", "part", "problem"),
    [
        (lambda said: said["dpia"].update(need="undecided"), "compliance.dpia", "not decided"),
        (lambda said: said["ai_act"].update(risk_class="prohibited"), "compliance.ai_act", "practice is prohibited"),
        (lambda said: said["ai_act"].update(role=None), "compliance.ai_act", "no role"),
        (lambda said: said["ai_act"].pop("general_purpose_model"), "compliance.ai_act", "general-purpose model"),
        (lambda said: said["audit_trail"].pop("retention_years"), "compliance.audit_trail", "no retention period"),
        (lambda said: said.pop("industry_rules"), "compliance.industry_rules", "missing"),
        (lambda said: said.pop("personal_data"), "compliance.personal_data", "not decided"),
        (lambda said: said.pop("sector"), "compliance.sector", "missing"),
        (lambda said: said["regimes"].pop("dora"), "compliance.regimes", "1 without an answer: 'dora'"),
        (lambda said: said["regimes"]["gdpr"].update(applies=False), "compliance.regimes", "the GDPR is said not to"),
        (lambda said: said.update(risk="low"), "compliance", "cannot be read: unknown key 'risk'"),
    ],
)  # fmt: skip
def test_what_the_pre_assessment_lacks_is_a_gap_of_the_charter(
    suite: Path, change: Callable[[dict[str, Any]], object], part: str, problem: str
) -> None:
    assert gaps_of(suite) == []
    changed(suite, change)
    assert [one for one in gaps_of(suite) if one[0] == part and problem in one[1]], gaps_of(suite)


def test_without_a_file_every_part_of_the_pre_assessment_is_open(suite: Path) -> None:
    (suite / "compliance.yaml").unlink()
    assert {part for part, _ in gaps_of(suite)} == {
        "compliance.dpia", "compliance.ai_act", "compliance.industry_rules", "compliance.audit_trail",
    }  # fmt: skip


def test_an_older_charter_that_holds_it_itself_is_complete(suite: Path) -> None:
    (suite / "compliance.yaml").unlink()
    changed(suite, lambda said: said.update(compliance=OLDER), "charter.yaml")
    assert gaps_of(suite) == []
    assert assessment_of(charter_of(suite), suite) == Compliance(**OLDER)  # type: ignore[arg-type]


def test_two_places_that_say_different_things_are_a_gap(suite: Path) -> None:
    older = {**OLDER, "ai_act": {**OLDER["ai_act"], "risk_class": "transparency"}}  # type: ignore[dict-item]
    older["audit_trail"] = {**OLDER["audit_trail"], "retention_years": 5}  # type: ignore[dict-item]
    changed(suite, lambda said: said.update(compliance={**older, "industry_rules": None}), "charter.yaml")
    found = dict(gaps_of(suite))
    assert found["compliance.ai_act.risk_class"] == "the charter says transparency, compliance.yaml minimal"
    assert found["compliance.audit_trail.retention_years"] == "the charter says 5.0, compliance.yaml 8.0"
    assert "compliance.dpia" not in found


def signed(suite: Path) -> None:
    charter = charter_of(suite)
    for person in charter.stakeholders:
        if person.signs:
            sign_charter(suite, charter, Signer(person.name, person.role), generated_key())


def test_the_charters_signatures_cover_the_pre_assessment_and_let_the_checklist_grow(suite: Path) -> None:
    signed(suite)
    changed(suite, lambda said: said["requirements"].pop("gdpr/6"))
    assert charter_signatures(suite, charter_of(suite)).is_complete
    changed(suite, lambda said: said["ai_act"].update(risk_class="transparency"))
    reasons = charter_signatures(suite, charter_of(suite)).invalid.values()
    assert all("compliance.yaml was edited after" in why for why in reasons)
    assert len(reasons) == 4


def test_signatures_of_an_older_charter_do_not_cover_the_file(suite: Path) -> None:
    changed(suite, lambda said: said.update(compliance=OLDER), "charter.yaml")
    signed(suite)
    changed(suite, lambda said: said["ai_act"].update(reason="another reason than before"))
    assert charter_signatures(suite, charter_of(suite)).is_complete


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "give where, attested or not_applicable"),
        ({"where": ["process.yaml"], "not_applicable": "x"}, "is neither attested nor decided anywhere"),
        ({"where": ["../charter.yaml"]}, "a document of the pilot's folder"),
        ({"where": ["/etc/passwd"]}, "a document of the pilot's folder"),
        (
            {"attested": {"by": "A", "role": "r", "since": "2026-01-02", "until": "2026-01-02", "statement": "s"}},
            "after",
        ),
        ({"attested": {"by": "A", "role": "r", "since": "2026-01-02", "statement": "s"}}, "until' is missing"),
    ],
)
def test_an_answer_that_says_nothing_is_refused(answer: dict[str, Any], message: str) -> None:
    said = {"owner": {"name": "A", "role": "r"}, "requirements": {"gdpr/6": answer}}
    with pytest.raises(InputError, match=message):
        settings_from(said, ComplianceSettings, "compliance.yaml")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"requirements": {"gdpr/7": {"not_applicable": "x"}}}, "did you mean gdpr/"),
        ({"regimes": {"gdrp": {"applies": True, "reason": "x"}}}, "did you mean gdpr"),
        ({"regimes": {"gdpr": {"applies": True, "reason": ""}}}, "at least 1 character"),
        ({"retention": {"journal": {"at_least_years": 8, "at_most_years": 5}}}, "must not be less"),
    ],
)
def test_what_the_catalogue_does_not_have_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings_from({"owner": {"name": "A", "role": "r"}, **said}, ComplianceSettings, "compliance.yaml")


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("process.yaml#rules", ()),
        ("architecture.md#security", ()),
        ("process.yaml", ()),
        ("process.yaml#treasure", ("process.yaml has no section 'treasure'",)),
        ("architecture.md#treasure", ("architecture.md has no section 'treasure'",)),
        ("nothing.md#security", ("there is no nothing.md",)),
    ],
)
def test_a_requirement_is_settled_in_a_document_that_is_there(suite: Path, where: str, fault: tuple[str, ...]) -> None:
    changed(suite, lambda said: said["requirements"].update({"gdpr/5-1-b": {"where": [where]}}))
    lines = checklist_of(suite, read_compliance(suite), date(2026, 12, 1))
    assert next(one for one in lines if one.dated.requirement.id == "gdpr/5-1-b").faults == fault
    assert where.partition("#")[0] in compliance_documents(suite)


def test_what_applies_and_stands_nowhere_is_named(suite: Path) -> None:
    changed(suite, lambda said: said["requirements"].pop("gdpr/6"))
    lines = checklist_of(suite, read_compliance(suite), date(2026, 12, 1))
    assert [(one.dated.requirement.id, one.faults) for one in lines if one.faults] == [
        ("gdpr/6", ("the checklist says nothing of it",))
    ]
