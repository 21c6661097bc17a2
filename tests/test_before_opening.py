"""The holdout that stays closed for a version that development records speak against: ledger, journal, gate, bundle."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from answering_pilots import AGENTS, judged_pilot, key_of, records, sign, with_store, write
from gate_pilots import CHARTER, COLUMNS

from workbench.engines.choice import EngineChoice
from workbench.evaluation import (
    BEFORE_OPENING,
    MAKER,
    NotOpenedError,
    certificate_before_opening,
    development_evaluation,
    evaluate,
)
from workbench.evidence import Exhibit
from workbench.gates import Verdict, read_facts
from workbench.gates.held.hold import GateRequest, answer_gate, hold_gate
from workbench.gates.pipeline import EVALUATION, PilotRun, run_pilot
from workbench.gates.verified import verify_bundle
from workbench.metrics import State
from workbench.pilot.charter import charter_signatures
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split, ledger_path, read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.words import InputError, SignatureError

# `good` hands over four in ten and approves the rest, a sixth of it wrongly, where 90% must be proved right; `exact` is
# always right.
ASKED = "number % 10 == 0 or number % 50 == 7"
WEAK = AGENTS.replace(ASKED, "number % 10 in (2, 4, 6, 8)")
CRITERIA = [
    {"id": "right", "kpi": "right"},
    {"id": "sure", "kpi": "sure"},
    {"id": "certified", "check": "certified"},
]
LEARNT = """
def learnt(training):
    disputed = set(training.loc[training["answer"] == "escalate", "amount"])
    def answer(record):
        return {"action": "approve", "confidence": 0.9}
    return answer
"""


def made(root: Path, chance: float | None, **further: Any) -> Pilot:
    """Return a signed pilot that opens its holdout at a chance, and compares the weak agent alone."""
    pilot = judged_pilot(root, CRITERIA, agents=WEAK, notebooks=[EVALUATION], **further)
    return with_terms(pilot, chance, compare=["good"])


def with_terms(pilot: Pilot, chance: float | None, **more: Any) -> Pilot:
    """Put a least chance into pilot.yaml and sign again."""
    settings = {**yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8")), **more}
    settings.pop("evaluation", None)
    terms = {} if chance is None else {"evaluation": {"open_at_chance": chance}}
    write(pilot, "pilot.yaml", {**settings, **terms})
    return sign(open_pilot(pilot.name, pilot.root))


def developed(pilot: Pilot, agent: str = "good") -> str:
    """Let an agent answer development records and return its version."""
    return evaluate(pilot, agent, RunRequest(Split.DEV, show_progress=False)).info.agent_digest


def opening(pilot: Pilot) -> RunRequest:
    return RunRequest(Split.HOLDOUT, show_progress=False, key=key_of(pilot))


def asked_of_the_holdout(pilot: Pilot) -> int:
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        return len(list(journal.entries(Split.HOLDOUT.value)))


def ledger_of(pilot: Pilot) -> bytes:
    path = ledger_path(pilot)
    return path.read_bytes() if path.is_file() else b""


def chance_of(pilot: Pilot, version: str) -> float:
    dataset = read_dataset(pilot)
    development = development_evaluation(pilot, dataset, version)
    assert development is not None
    found = certificate_before_opening(pilot, dataset, development.outcomes)
    assert found is not None
    return found.ahead.chance


def test_a_version_with_too_small_a_chance_asks_and_opens_nothing(tmp_path: Path) -> None:
    pilot = made(tmp_path, 0.2)
    developed(pilot)
    with pytest.raises(NotOpenedError, match=r"^not opened: development makes \d+ errors likely where \d+ are allowed"):
        evaluate(pilot, "good", opening(pilot))
    assert (ledger_of(pilot), asked_of_the_holdout(pilot)) == (b"", 0)
    assert NotOpenedError.exit_code == 1


def test_without_the_key_and_for_a_likely_certificate_the_holdout_is_opened(tmp_path: Path) -> None:
    pilot = made(tmp_path, 0.2)
    developed(pilot, "exact")
    assert evaluate(pilot, "exact", opening(pilot)).opening is not None
    as_ever = with_terms(pilot, None)
    developed(as_ever)
    assert evaluate(as_ever, "good", opening(as_ever)).opening is not None


def test_a_chance_exactly_at_the_limit_opens(tmp_path: Path) -> None:
    weaker = AGENTS.replace(ASKED, "number % 40 == 0")  # wrong on 7.5%
    pilot = with_terms(judged_pilot(tmp_path, CRITERIA, agents=weaker), None)
    chance = chance_of(pilot, developed(pilot))
    assert 0.0 < chance < 0.9
    above = with_terms(pilot, min(chance * (1 + 1e-6), 0.999))
    with pytest.raises(NotOpenedError, match="not opened"):
        evaluate(above, "good", opening(above))
    at = with_terms(pilot, chance)
    assert evaluate(at, "good", opening(at)).opening is not None


def test_a_version_that_nothing_is_known_of_is_not_opened(tmp_path: Path) -> None:
    pilot = made(tmp_path, 0.2)
    with pytest.raises(NotOpenedError, match="no run over all development records says how likely"):
        evaluate(pilot, "exact", opening(pilot))
    evaluate(pilot, "exact", RunRequest(Split.DEV, 50, show_progress=False))
    with pytest.raises(NotOpenedError, match="no run over all development records"):
        evaluate(pilot, "exact", opening(pilot))
    assert (ledger_of(pilot), asked_of_the_holdout(pilot)) == (b"", 0)


def test_a_version_that_was_opened_before_is_read_again(tmp_path: Path) -> None:
    pilot = made(tmp_path, None)
    developed(pilot)
    first = evaluate(pilot, "good", opening(pilot))
    before = ledger_of(pilot)
    strict = with_terms(pilot, 0.9)
    again = evaluate(strict, "good", opening(strict))
    assert first.opening is not None
    assert again.opening == first.opening
    assert ledger_of(strict) == before
    assert isinstance(MAKER.present(strict, read_dataset(strict), "good"), Exhibit)
    assert isinstance(BEFORE_OPENING.present(strict, read_dataset(strict), "good"), str)


def test_an_agent_that_learns_is_held_to_what_the_other_folds_taught_it(tmp_path: Path) -> None:
    pilot = made(tmp_path, 0.2)
    (pilot.suite / "agents.py").write_text(LEARNT, encoding="utf-8")
    learnt = {"learnt": {"python": "eval_suites/small/agents.py:learnt", "trained": True}}
    pilot = with_terms(pilot, 0.95, agents=learnt, compare=["learnt"])
    developed(pilot, "learnt")
    with pytest.raises(NotOpenedError, match="not opened: development makes"):
        evaluate(pilot, "learnt", opening(pilot))
    assert ledger_of(pilot) == b""


def test_entities_that_may_be_wholly_wrong_leave_no_chance(tmp_path: Path) -> None:
    columns = {**COLUMNS, "vendor": {"role": "entity", "required": True}}
    table = [[row[0], f"V{i // 60}", *row[2:]] for i, row in enumerate(records(600))]
    for bound, opens in ((1.0, False), (0.01, True)):
        charter = {
            **CHARTER,
            "dependence": {"entity": "vendor", "correlation_at_most": bound, "why": "seen in the years before"},
        }
        pilot = judged_pilot(tmp_path / str(bound), CRITERIA, columns=columns, table=table, charter=charter)
        pilot = with_terms(pilot, 0.5)
        developed(pilot, "exact")
        if opens:
            assert evaluate(pilot, "exact", opening(pilot)).opening is not None
        else:
            with pytest.raises(NotOpenedError, match="not opened"):
                evaluate(pilot, "exact", opening(pilot))


def test_the_key_needs_something_to_certify(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path, [{"id": "right", "kpi": "right"}])
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    write(pilot, "charter.yaml", {**CHARTER, "kpis": CHARTER["kpis"][:1]})
    write(pilot, "pilot.yaml", {**settings, "evaluation": {"open_at_chance": 0.2}})
    with pytest.raises(InputError, match="no certificate to be likely"):
        open_pilot(pilot.name, pilot.root)
    for wrong in (0, 1, -0.1):
        write(pilot, "pilot.yaml", {**settings, "evaluation": {"open_at_chance": wrong}})
        with pytest.raises(InputError, match="open_at_chance"):
            open_pilot(pilot.name, pilot.root)


def test_signatures_cover_the_least_chance(tmp_path: Path) -> None:
    pilot = made(tmp_path, 0.2)
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    assert not charter_signatures(pilot.suite, pilot.charter, pilot.name).missing
    write(pilot, "pilot.yaml", {**settings, "evaluation": {"open_at_chance": 0.01}})
    found = charter_signatures(pilot.suite, pilot.charter, pilot.name)
    assert found.missing or found.invalid


def test_a_run_says_that_the_holdout_is_as_it_was(tmp_path: Path, migrated_store: Path) -> None:
    pilot = made(tmp_path, 0.2)
    with_store(pilot, migrated_store)
    developed(pilot)
    result = run_pilot(pilot, PilotRun(("good",), key=key_of(pilot)), (EVALUATION,))
    assert result.not_opened.startswith("good: not opened: development makes ")
    assert (dict(result.answers), ledger_of(pilot), asked_of_the_holdout(pilot)) == ({}, b"", 0)


def test_a_gate_stops_on_development_records_and_its_bundle_verifies(tmp_path: Path, migrated_store: Path) -> None:
    pilot = made(tmp_path, 0.2)
    with_store(pilot, migrated_store)
    version = developed(pilot)
    held = hold_gate(pilot, 2, GateRequest(key=pilot.root / "keys" / "key.pem"))
    assert (ledger_of(pilot), asked_of_the_holdout(pilot)) == (b"", 0)
    assert held.decision.verdict is Verdict.NO_GO
    results = {one.criterion.id: one for one in held.decision.results}
    for name in ("certified", "sure", "right", "all-records"):
        assert results[name].state is State.UNPROVEN
        assert results[name].reason.startswith("not opened: development makes ")
        assert results[name].would_change == "a better version is needed; records alone cannot pass"
    assert "at least 20.0%" in results["certified"].details[-1]
    assert held.decision.subject["agent_digest"] == version
    assert EVALUATION not in (*held.worked.ran, *held.worked.kept)
    verification = verify_bundle(held.bundle, held.key.public_key)
    assert verification.ok, verification.checks
    assert any("of a holdout that was not opened" in one for one in verification.not_recomputed)
    inside = {str(path.relative_to(held.bundle)) for path in held.bundle.rglob("*") if path.is_file()}
    assert "exhibits/before_opening/development.csv" in inside
    assert not any(name.startswith("exhibits/evaluation") for name in inside)
    assert "not opened: development makes" in (held.bundle / "report.html").read_text(encoding="utf-8")
    # nothing unchanged is written again, and an answer elsewhere comes to the same
    answer_gate(pilot, 2, EngineChoice())
    again = hold_gate(pilot, 2, GateRequest(key=pilot.root / "keys" / "key.pem", is_answered=True))
    assert (again.is_new, again.bundle) == (False, held.bundle)
    assert (ledger_of(pilot), asked_of_the_holdout(pilot)) == (b"", 0)


def test_a_stop_that_does_not_follow_from_its_rows_is_found(tmp_path: Path) -> None:
    pilot = made(tmp_path, 0.2)
    developed(pilot)
    dataset = read_dataset(pilot)
    facts = read_facts(pilot, date(2026, 12, 1), "good", dataset=dataset, number=2)
    exhibit = facts.exhibits["before_opening"]
    assert BEFORE_OPENING.again(exhibit, facts).as_json() == exhibit.as_json()
    rows = exhibit.tables["development"]
    mended = replace(exhibit, tables={"development": rows.assign(action=rows["label"])})
    with pytest.raises(SignatureError, match=r"threshold|estimates on development"):
        BEFORE_OPENING.again(mended, facts)
    counted = exhibit.facts["counted"]
    for change in ({"n": 3}, {"share": 0.9}, {"outlook": {**counted["outlook"], "chance": 0.5}}):
        altered = replace(exhibit, facts={**exhibit.facts, "counted": {**counted, **change}})
        with pytest.raises(SignatureError, match=r"holdout records|no ledger leaves|do not keep"):
            BEFORE_OPENING.again(altered, facts)
    worded = replace(facts, absent={**facts.absent, "evaluation": "not opened: no wish"})
    with pytest.raises(SignatureError, match="why the holdout was not opened"):
        BEFORE_OPENING.again(exhibit, worded)
