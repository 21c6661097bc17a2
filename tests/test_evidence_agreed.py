"""A verdict keeps to gates.yaml, charter, signed documents and signed waivers, or verifying says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from evidence_cases import CHARTER, GATES, criterion, outcomes, signed_suite, verdict

from workbench.charter import Charter
from workbench.errors import SignatureError
from workbench.evidence.agreed import check_gate, check_waivers
from workbench.signing.documents import Signer, sign_document
from workbench.signing.keys import SigningKey, generated_key

READ = Charter.model_validate(CHARTER)
FILE = "waivers/gate-2.load.yaml"
WAIVER = {
    "pilot": "tickets", "gate": 2, "criterion": "load", "why": "measured next week", "until": "2027-01-01",
    "name": "Ann", "role": "sponsor",
}  # fmt: skip
SIGNED = {"pilot": "tickets", "gate": 2, "created": "2026-11-23T10:00:00+00:00"}
LOAD = {"id": "load", "kind": "check", "name": "load", "state": "unproven", "no_waiver": False, "waived": True}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return signed_suite(tmp_path)


def waived(suite: Path, said: dict[str, Any] = WAIVER, key: SigningKey | None = None) -> dict[str, Any]:
    """Write a waiver, signed with a key of the sponsor's, and return a verdict that counts it."""
    (suite / "waivers").mkdir(exist_ok=True)
    (suite / FILE).write_text(yaml.safe_dump(said), encoding="utf-8")
    if key is not None:
        (suite / "signatures" / "keys" / "sponsor.pem").unlink(missing_ok=True)
        sign_document(suite, FILE, Signer("Ann", "sponsor"), key)
    one = {name: WAIVER[name] for name in ("criterion", "name", "role", "why", "until")}
    return {**verdict([LOAD], "GO"), "waivers": [{**one, "file": FILE, "is_valid": True, "fault": None}]}


def test_a_signed_waiver_counts(suite: Path) -> None:
    assert check_waivers(suite, waived(suite, key=generated_key()), READ, SIGNED) == 1


def test_a_waiver_of_a_criterion_that_passes_is_not_looked_at(suite: Path) -> None:
    said = waived(suite)
    said["criteria"] = [{**LOAD, "state": "pass", "waived": False}]
    assert check_waivers(suite, said, READ, SIGNED) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until": "2026-11-22"}, "had expired"),
        ({"criterion": "security"}, "not what the verdict says"),
        ({"gate": 3}, "not what the verdict says"),
        ({"pilot": "other"}, "not what the verdict says"),
        ({"name": "Bo"}, "not what the verdict says"),
        ({"role": "IT owner"}, "not what the verdict says"),
    ],
)
def test_a_waiver_that_says_something_else_is_found(suite: Path, changes: dict[str, Any], message: str) -> None:
    said = waived(suite, {**WAIVER, **changes}, generated_key())
    with pytest.raises(SignatureError, match=message):
        check_waivers(suite, said, READ, SIGNED)


def test_a_waiver_without_a_signature_or_edited_after_it_is_found(suite: Path) -> None:
    with pytest.raises(SignatureError, match="not signed by whom it names"):
        check_waivers(suite, waived(suite), READ, SIGNED)
    said = waived(suite, key=generated_key())
    (suite / FILE).write_text(yaml.safe_dump({**WAIVER, "until": "2028-01-01"}), encoding="utf-8")
    with pytest.raises(SignatureError, match="not signed by whom it names"):
        check_waivers(suite, said, READ, SIGNED)


def test_only_a_role_that_signs_the_charter_waives(suite: Path) -> None:
    said = waived(suite, key=generated_key())
    nobody = READ.model_copy(update={"stakeholders": READ.stakeholders[1:]})
    with pytest.raises(SignatureError, match="not what the verdict says"):
        check_waivers(suite, said, nobody, SIGNED)


def gate(suite: Path, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Change the gate in gates.yaml and return a verdict on its criterion alone."""
    content: dict[str, Any] = yaml.safe_load(yaml.safe_dump(GATES))
    change(content["gates"][2])
    (suite / "gates.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return verdict([criterion(outcomes())], "GO")


def test_the_criteria_of_gates_yaml_are_all_there(suite: Path) -> None:
    assert check_gate(suite, gate(suite, lambda g: None), READ) == 0
    more = gate(suite, lambda g: g["criteria"].append({"id": "load", "check": "load"}))
    with pytest.raises(SignatureError, match=r"not those of gates.yaml(.|\n)*load"):
        check_gate(suite, more, READ)
    document = {"id": "process", "title": "Process", "file": "process.yaml", "signed_by": ["sponsor"]}
    with pytest.raises(SignatureError, match="document-process"):
        check_gate(suite, gate(suite, lambda g: g.update(documents=[document])), READ)


def test_a_criterion_given_twice_is_found(suite: Path) -> None:
    said = gate(suite, lambda g: None)
    said["criteria"] *= 2
    with pytest.raises(SignatureError, match=r"not those of gates\.yaml"):
        check_gate(suite, said, READ)


@pytest.mark.parametrize("state", ["pass", "unproven"])
def test_a_document_passes_only_with_its_signatures(suite: Path, state: str) -> None:
    document = {"id": "process", "title": "Process", "file": "process.yaml", "signed_by": ["sponsor"]}
    said = gate(suite, lambda g: g.update(documents=[document]))
    said["criteria"].append({"id": "document-process", "kind": "document", "name": "process.yaml", "state": state})
    (suite / "process.yaml").write_text("title: Tickets\n", encoding="utf-8")
    if state != "pass":
        assert check_gate(suite, said, READ) == 0
        return
    with pytest.raises(SignatureError, match=r"without its signatures(.|\n)*process.yaml"):
        check_gate(suite, said, READ)
    (suite / "signatures" / "keys" / "sponsor.pem").unlink()
    sign_document(suite, "process.yaml", Signer("Ann", "sponsor"), generated_key())
    assert check_gate(suite, said, READ) == 1


def test_a_metric_is_held_against_the_target_that_gates_yaml_states(suite: Path) -> None:
    stated = {"id": "kpi-right", "metric": "accuracy", "operator": ">=", "target": 0.45, "confidence_level": 0.9}
    gate(suite, lambda g: g.update(criteria=[{**stated, "no_waiver": True}]))
    right = criterion(outcomes(), kind="metric")
    assert check_gate(suite, verdict([right], "GO"), READ) == 0
    for changes in ({"target": 0.4}, {"operator": "<="}, {"confidence_level": 0.8}, {"name": "macro_f1"}):
        with pytest.raises(SignatureError, match=r"not what gates\.yaml and the charter say"):
            check_gate(suite, verdict([{**right, **changes}], "GO"), READ)


@pytest.mark.parametrize("is_agreed", [True, False])
def test_a_placeholder_is_what_the_charter_says_it_is(suite: Path, is_agreed: bool) -> None:
    said = verdict([criterion(outcomes(), is_placeholder=is_agreed)], "NO-GO")
    kpis = tuple(kpi.model_copy(update={"placeholder": not is_agreed}) for kpi in READ.kpis)
    with pytest.raises(SignatureError, match=r"a criterion is not what gates\.yaml and the charter say"):
        check_gate(suite, said, READ.model_copy(update={"kpis": kpis}))
