"""Agent and guards judged together: asked through the runner, kept in the journal, told by the evaluation."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from answering_pilots import judged_pilot, records, run, write
from gate_pilots import COLUMNS
from guarded_agents import PROCESS

from workbench.agents import GUARDS
from workbench.environment import GuardEvent, GuardVerdict, Stage, Trace
from workbench.evaluation.guarding import guard_results, unseen, without_guards
from workbench.evaluation.remarks import remarks_of
from workbench.evaluation.shown.ceiling import Ceiling
from workbench.evaluation.shown.concluded import conclusions
from workbench.metrics import Estimate, Status
from workbench.pilot import Pilot, open_pilot
from workbench.records.splits import read_dataset

GUARDED_COLUMNS = {**COLUMNS, "vendor": {"required": True, "allowed": [f"V{i}" for i in range(4)]}}  # not V4
# Every tenth invoice is disputed; this agent pays every other one of them, with its reason beside it.
AGENTS = """
def good(record):
    number = int(record["id"].lstrip("=R"))
    if number % 20 == 0:
        return {"action": "approve", "confidence": 0.99, "reason": "dispute"}
    if number % 10 == 0:
        return {"action": "escalate", "confidence": 0.9, "reason": "dispute"}
    return {"action": "approve", "confidence": 0.9, "reason": "dispute" if number % 50 == 7 else "match"}

exact = good
"""


POLICY = """
def decide(record, process):
    if int(record["id"].lstrip("=R")) % 10:
        return {"action": "approve", "reason": "match"}
    return {"action": "escalate", "reason": process["rules"][0]["reason"]}
"""


def guarded_pilot(root: Path, *guards: str) -> Pilot:
    pilot = judged_pilot(root, columns=GUARDED_COLUMNS, agents=AGENTS)
    settings = {name: one.model_dump(exclude_defaults=True) for name, one in pilot.settings.agents.items()}
    common = {"title": "Small", "question": "Which?", "agents": settings, "compare": list(settings)}
    write(pilot, "pilot.yaml", {**common, "escalate_label": "escalate", "guards": list(guards)})
    rules = [rule for rule in PROCESS["rules"] if rule["decision"] == "escalate"]
    decisions = {name: name for name in ("approve", "escalate")}
    content = {"decisions": decisions, "rules": rules, "approvals": PROCESS["approvals"], "python": "policy.py:decide"}
    write(pilot, "process.yaml", content)
    (pilot.suite / "policy.py").write_text(POLICY, encoding="utf-8")
    return open_pilot("small", root)


def test_a_holdout_is_answered_and_judged_with_the_guards_around_the_agent(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path, "allowed_values", "reason_implies_action")
    evaluation = run(pilot)
    outcomes, numbers = evaluation.outcomes, evaluation.outcomes.index.str.lstrip("R").astype(int)
    # by hand from AGENTS and the table: V4 is not allowed; of the others every 20th is a dispute that would be paid,
    # and every 50th from 7 on is in order with a dispute for its reason
    denied = numbers % 5 == 4
    caught, needless = ~denied & (numbers % 20 == 0), ~denied & (numbers % 50 == 7)
    assert (outcomes["action"][denied | caught | needless] == "escalate").all()
    assert outcomes["confidence"][denied | caught | needless].isna().all()
    assert (outcomes["attempts"][denied] == 0).all()
    first, second = guard_results(outcomes, evaluation.traces, ["allowed_values", "reason_implies_action"])
    assert (len(first.records), first.unseen, first.wrong, first.right) == (denied.sum(), denied.sum(), 0, 0)
    assert (len(second.records), second.wrong, second.right) == (
        (caught | needless).sum(),
        caught.sum(),
        needless.sum(),
    )
    assert first.n == second.n == len(outcomes)

    found = conclusions(pilot, read_dataset(pilot), evaluation, Ceiling(Estimate.undefined("none"), "none"))["guards"]
    disputed = numbers % 10 == 0
    assert found.sentence.startswith(
        f"Guards stepped in on {(denied | caught | needless).sum():,} of {len(outcomes):,}"
    )
    assert f"right on {needless.sum():,} (needless), and was not shown {denied.sum():,}" in found.sentence
    assert f"0 of {disputed.sum()} (0%) high-risk records are decided alone" in found.sentence
    assert found.sentence.endswith(f"with them, {caught.sum()} without.")
    assert list(found.behind["reason_implies_action: stepped in"].counted) == list(outcomes.index[caught | needless])


def test_the_written_policy_is_asked_where_the_holdout_is_answered_too(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path, "must_reach_a_person")
    evaluation = run(pilot, development=False, limit=120)
    numbers = evaluation.outcomes.index.str.lstrip("R").astype(int)
    # the agent names the disputes that it pays, and one in fifty besides; the others it gives to a person itself
    assert set(evaluation.traces) == set(evaluation.outcomes.index[(numbers % 20 == 0) | (numbers % 50 == 7)])
    silent = AGENTS.replace('"dispute"', '"match"').replace('"escalate", "confidence"', '"approve", "confidence"')
    (pilot.suite / "agents.py").write_text(silent, encoding="utf-8")
    told = run(open_pilot("small", tmp_path), development=False, limit=120)
    assert set(told.traces) == set(told.outcomes.index[numbers % 10 == 0])


def test_an_evaluation_without_guards_says_nothing_of_any(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path)
    evaluation = run(pilot, development=False, limit=40)
    assert (dict(evaluation.traces), GUARDS in evaluation.identity) == ({}, False)
    found = conclusions(pilot, read_dataset(pilot), evaluation, Ceiling(Estimate.undefined("none"), "none"))
    assert "guards" not in found


def event(name: str, verdict: GuardVerdict, **own: object) -> GuardEvent:
    stage = Stage.INPUT if verdict is GuardVerdict.DENY else Stage.OUTPUT
    return GuardEvent(name=name, stage=stage, verdict=verdict, changed=own or None)


def test_what_a_guard_did_is_counted_against_the_agent_alone() -> None:
    rows = {"a": ("escalate", "escalate"), "b": ("escalate", "pay"), "c": ("escalate", "pay"), "d": ("pay", "pay")}
    outcomes = pd.DataFrame.from_dict(rows, orient="index", columns=["action", "label"]).assign(
        status=Status.OK.value, confidence=[None, None, None, 0.8], reason=None
    )
    pays = {"action": "pay", "confidence": 0.7, "reason": "match"}
    traces = {
        "a": Trace((event("one", GuardVerdict.ESCALATE, **pays),)),
        "b": Trace((event("text", GuardVerdict.MODIFY), event("one", GuardVerdict.ESCALATE, **pays))),
        "c": Trace((event("length", GuardVerdict.DENY),)),
    }
    alone = without_guards(outcomes, traces)
    assert alone["action"].tolist() == ["pay", "pay", "escalate", "pay"]
    assert alone["confidence"].astype(float).tolist() == pytest.approx([0.7, 0.7, float("nan"), 0.8], nan_ok=True)
    assert unseen(outcomes, traces).tolist() == [False, False, True, False]
    found = {one.guard: one for one in guard_results(outcomes, traces, ["length", "text", "one", "idle"])}
    assert [(one.wrong, one.right, one.unseen, one.texts) for one in found.values()] == [
        (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 0, 0), (0, 0, 0, 0),
    ]  # fmt: skip
    assert found["one"].records == ("a", "b")
    assert {one.n for one in found.values()} == {4}


def test_categories_that_no_record_tells_are_named_once() -> None:
    decisions = pd.DataFrame({"status": ["ok"], "cause": [None], "record_id": ["r"]})
    guards = [{"name": "lengths"}, {"name": "must_reach_a_person", "unrecognised": ["dispute", "insight"]}]
    assert remarks_of(decisions, {GUARDS: guards}, {}) == (
        "The guard must_reach_a_person cannot tell from a record: dispute, insight",
    )


def test_the_records_of_this_page_are_as_they_are_told() -> None:
    assert {row[1] for row in records(10)} == {f"V{i}" for i in range(5)}
