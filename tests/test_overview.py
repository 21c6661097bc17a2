"""A pilot at a glance: what is there stands on the index page, and what is not there yet is said."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from answering_pilots import KPIS, judged_pilot, key_of, run, with_answers, with_store

from workbench.gates.held import GateRequest, hold_gate
from workbench.gates.overview import write_index
from workbench.gates.overview.glance import audit_findings, gates_held, versions_run
from workbench.pilot import Pilot


def text_of(path: Path) -> str:
    body = path.read_text(encoding="utf-8").split("<body>")[1]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def write_version(pilot: Pilot, agent: str, right: float, *, planned: int = 400) -> None:
    share = {"value": right, "lower": right - 0.1, "upper": right + 0.05, "n": planned, "method": "Wilson 95%"}
    none = {"value": None, "lower": None, "upper": None, "n": 0, "method": "none: no threshold"}
    said = {
        "agent": agent,
        "note": "<b>bold</b>",
        "split": "dev",
        "agent_digest": agent,
        "counts": {"planned": planned},
    }
    estimates = {"accuracy": share, "automation_rate": none, "selective_accuracy": none}
    path = pilot.runs / "results" / "02_prompt_iteration" / f"{agent}.dev.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    counted = {"counts": {"planned": planned}, "records_in_split": 400}
    path.write_text(json.dumps({**said, **counted, "estimates": estimates}), encoding="utf-8")


def write_findings(pilot: Pilot, run: str, *ids: str) -> None:
    facts = {"severity": "high", "n_records": 3, "of_records": 400, "owner": None}
    content = {
        "run": run,
        "sections": {},
        "findings": [{"id": one, "title": f"Title of {one}", **facts} for one in ids],
    }
    folder = pilot.runs / "audit" / run
    folder.mkdir(parents=True)
    (folder / "findings.json").write_text(json.dumps(content), encoding="utf-8")
    (folder.parent / "latest.json").write_text(json.dumps({"path": f"{run}/findings.json"}), encoding="utf-8")


def test_a_pilot_that_did_nothing_yet_has_a_page_that_says_so(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path / "root", KPIS)
    text = text_of(write_index(pilot))
    assert text.count("not held yet") == 3
    assert text.count("not measured yet") == len(pilot.charter.kpis)
    assert (pilot.runs / "charter.html").is_file()
    assert versions_run(pilot) == ()


def test_a_gate_stands_with_its_newest_verdict_and_kpis_with_what_it_found(
    tmp_path: Path, migrated_store: Path, answered: Path
) -> None:
    pilot = judged_pilot(tmp_path / "root", KPIS, notebooks=[])
    with_store(pilot, migrated_store)
    with_answers(pilot, answered)
    key_of(pilot)
    run(pilot)
    held = hold_gate(pilot, 2, GateRequest(key=pilot.root / "keys" / "key.pem"))
    gate = gates_held(pilot)[1]
    assert (gate.verdict, gate.earlier) == (held.decision.verdict.value, 0)
    assert (pilot.runs / gate.link).resolve() == (held.bundle / "report.html").resolve()
    text = text_of(write_index(pilot))
    assert "Gate 2 GO" in text
    assert text.count("✓ met") == 2


def test_versions_stand_in_the_order_they_were_written_with_their_intervals_and_trials_are_called_so(
    tmp_path: Path,
) -> None:
    pilot = judged_pilot(tmp_path / "root", KPIS)
    write_version(pilot, "a", 0.7)
    write_version(pilot, "b", 0.8, planned=50)
    (pilot.runs / "results" / "02_prompt_iteration" / "other.json").write_text("[]", encoding="utf-8")
    assert [(one.agent, one.is_trial) for one in versions_run(pilot)] == [("a", False), ("b", True)]
    page = write_index(pilot).read_text(encoding="utf-8")
    assert "a trial on 50 of 400" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    # all on one scale from .6 (a's lower bound) to .85 (b's upper one): 200 units for .25
    assert re.findall(r'<rect x="([\d.]+)" y="5" width="([\d.]+)"', page) == [("0.0", "120.0"), ("80.0", "120.0")]


def test_findings_of_earlier_audits_that_are_gone_are_mended(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path / "root", KPIS)
    assert audit_findings(pilot) is None
    write_findings(pilot, "20261101T000000Z-aa", "gaps", "typos")
    write_findings(pilot, "20261102T000000Z-bb", "typos", "leak")
    found = audit_findings(pilot)
    assert found is not None
    assert [one["id"] for one in found.open] == ["typos", "leak"]
    assert [one["id"] for one in found.mended] == ["gaps"]
    assert "2 open in the newest audit ; 1 of earlier audits are mended." in text_of(write_index(pilot))


def test_a_gates_file_that_does_not_fit_is_said_and_the_rest_is_shown(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path / "root", KPIS)
    (pilot.suite / "gates.yaml").write_text("gates: {1: {title: x}}", encoding="utf-8")
    write_version(pilot, "a", 0.7)
    text = text_of(write_index(pilot))
    assert "No gate can be held: gates.yaml does not fit:" in text
    assert "Versions on development records" in text


@pytest.mark.parametrize("content", ["{", '{"agent": 1}', "[]"])
def test_a_file_that_is_no_evaluation_is_passed_over(tmp_path: Path, content: str) -> None:
    pilot = judged_pilot(tmp_path / "root", KPIS)
    path = pilot.runs / "results" / "02_prompt_iteration" / "x.json"
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    assert versions_run(pilot) == ()
