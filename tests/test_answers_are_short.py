"""What a sponsor reads first has at most forty words, names the judged version, and no word of the trade."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from gate_pilots import TODAY, facts_of, finding, gate, gate_pilot, outcomes_of, signed, write_audit, write_evaluation
from hand_evaluations import hand_evaluation
from judged_pilots import certified_version, judged_version

from workbench.evaluation.shown.comparisons import choice_brief
from workbench.evaluation.shown.judgement import judged_brief
from workbench.gates import decide
from workbench.gates.judging import asked_criteria
from workbench.gates.waivers import WaiverSettings, waive
from workbench.metrics import Status
from workbench.pilot import Pilot, open_pilot
from workbench.pilot.signing.keys import SigningKey
from workbench.words import Brief

ROOT = Path(__file__).parent.parent
MOST_WORDS = 40
TRADE = ("charge", "mid-p", "undefined", "selective", "automation rate")
RIGHT = {"id": "right", "kpi": "right"}
SURE = {"id": "sure", "kpi": "sure"}
LIMITS = {"id": "limits", "check": "audit_limits"}
KEYS: dict[str, SigningKey] = {}  # of who signed last
ALL = [RIGHT, SURE, {"id": "certified", "check": "certified"}, {"id": "rules", "check": "escalation_rules"}]


def is_short(brief: Brief, *named: str) -> None:
    assert len(brief.lead.split()) <= MOST_WORDS, brief.lead
    assert all(name in brief.lead for name in named), brief.lead
    assert not [word for word in TRADE if word in brief.lead.lower()], brief.lead
    assert brief.lead.count(". ") <= 1, "two sentences"


def failed(pilot: Pilot) -> None:
    n = len(outcomes_of(pilot))
    nothing = {"status": [Status.FAILED.value] * n, "action": [None] * n, "confidence": [np.nan] * n}
    write_evaluation(pilot, outcomes_of(pilot, **nothing))


def waived(pilot: Pilot) -> None:
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(60)))
    asked = next(one for one in asked_criteria(facts_of(pilot), 2) if one.id == "right")
    said = WaiverSettings(pilot="small", gate=2, criterion="right", why="a pilot of two weeks, watched by two people",
                          until=TODAY + timedelta(days=3), name="Ann", role="sponsor")  # fmt: skip
    waive(pilot, said, asked, KEYS["sponsor"], TODAY)


ODD: dict[str, Callable[[Pilot], None]] = {
    "nothing judged": lambda pilot: None,
    "no confidence": lambda pilot: write_evaluation(pilot, outcomes_of(pilot, confidence=[np.nan] * 400)),
    "one label": lambda pilot: write_evaluation(pilot, outcomes_of(pilot, label=["approve"] * 400)),
    "one version, all right": lambda pilot: write_evaluation(pilot, outcomes_of(pilot)),
    "all failed": failed,
    "all escalated": lambda pilot: write_evaluation(pilot, outcomes_of(pilot, action=["escalate"] * 400)),
    "nothing certified": lambda pilot: write_evaluation(pilot, outcomes_of(pilot, wrong=range(80))),
    "partial run": lambda pilot: write_evaluation(pilot, outcomes_of(pilot).head(300)),
    "few errors": lambda pilot: write_evaluation(pilot, outcomes_of(pilot, wrong=range(36))),
    "waiver": waived,
}


@pytest.mark.parametrize("how", ODD)
def test_the_verdict_of_an_odd_pilot_is_short_and_names_the_version(tmp_path: Path, how: str) -> None:
    pilot = gate_pilot(tmp_path, gate(ALL))
    KEYS.update(signed(pilot))
    ODD[how](pilot)
    found = decide(facts_of(pilot), 2, {"agent": "A"})
    is_short(found.brief, found.verdict.value, "small" if how == "nothing judged" else "A (")
    assert all(len(line.split()) <= MOST_WORDS for _, lines in found.brief.groups for line in lines)


def test_a_dirty_tree_is_minded_after_the_verdict(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(ALL))
    signed(pilot)
    write_evaluation(pilot, outcomes_of(pilot))
    told = ("the tree has changes in agents.py that no commit holds",)
    brief = decide(replace(facts_of(pilot), told=told), 2, {"agent": "A"}).brief
    is_short(brief, "A (")
    assert dict(brief.groups)["Mind"][:1] == told


def test_where_something_fails_no_line_counts_missing_records(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([*ALL, LIMITS]))
    signed(pilot)
    write_audit(pilot, [finding("critical")])
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(36)))  # 91% right: too few records to prove 90%
    text = str(decide(facts_of(pilot), 2, {"agent": "A"}).brief)
    assert "Failed:" in text
    assert "more labelled" not in text
    assert "days" not in text


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("name", ["invoice_matching", "support_triage"])
def test_the_verdicts_of_the_shipped_pilots_are_short(tmp_path: Path, name: str, number: int) -> None:
    for folder in ("datasets", "eval_suites"):
        shutil.copytree(ROOT / folder / name, tmp_path / folder / name)
    pilot = open_pilot(name, tmp_path)
    if not all((pilot.data / one).is_file() for one in pilot.contract.records):
        pytest.skip(f"the records of {name} are not on this machine")
    is_short(decide(facts_of(pilot), number, {}).brief, name)


def test_a_choice_among_twelve_versions_is_short_and_names_every_rival() -> None:
    rows = [(f"r{i}", "ok", "x", 0.9, "x") for i in range(9)]
    rivals = [f"prompt_v{i}_with_a_name_of_nearly_forty_letter" for i in range(2, 13)]
    brief = choice_brief(hand_evaluation(f"{rivals[0]}s", rows, threshold=0.5), 12, rivals)
    is_short(brief, f"{rivals[0]}s")
    assert all(name in str(brief) for name in rivals)


@pytest.mark.parametrize("make", [judged_version, certified_version, lambda: certified_version(target=0.999)])
def test_what_the_holdout_says_of_a_version_is_short(make: Callable[[], object]) -> None:
    is_short(judged_brief(make(), (), ("a long remark " * 20,)), "payer")


def test_a_version_that_takes_no_decision_alone_is_said_so_in_words() -> None:
    silent = hand_evaluation("silent", [(f"r{i}", "ok", "x", None, "x") for i in range(9)])
    brief = choice_brief(silent, 1, ())
    is_short(brief, "silent")
    assert "not known" not in str(brief)
