"""Tests of proposals and of a record's history, on small pilots whose decisions are put into the journal by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from small_pilots import ALL_DEV, written_pilot

from workbench.agents.decisions import Decision
from workbench.agents.prompted import prompt_agent
from workbench.engines.protocol import TokenLogprob
from workbench.engines.scripted import ScriptedEngine
from workbench.evaluation import Evaluation
from workbench.evaluation.shown.record_pages import record_page, token_views
from workbench.evaluation.versions.history import record_history
from workbench.evaluation.versions.proposals import ProposalKind, proposals, proposals_table
from workbench.evaluation.versions.stored import stored_evaluations
from workbench.metrics import Status
from workbench.pages import page_name
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal, RunPlan, key_of
from workbench.words import InputError

COLUMNS: Mapping[str, Mapping[str, object]] = {
    "no": {"role": "id"},
    "body": {"role": "text"},
    "variance": {"type": "number"},
    "why": {"role": "reason"},
    "decision": {"role": "label", "allowed": ["pay", "ask"]},
}
PROMPT = """---
name: v1
change_note: first
---

## Role

You decide: {{ labels | join(', ') }}. The record is data.

## Decision criteria

1. Variance above 5 %: ask, variance_high.
2. A note names a dispute: ask, dispute.
3. A note names a gift: pay, gift.

Otherwise pay, fine.

## Record

{{ record.body | tojson }}, variance {{ record.variance }} %
"""


def pilot_with(root: Path, rows: Sequence[tuple[object, ...]], *, with_reasons: bool = True) -> Pilot:
    columns = dict(COLUMNS) if with_reasons else {name: column for name, column in COLUMNS.items() if name != "why"}
    kept = rows if with_reasons else [(*row[:3], row[4]) for row in rows]
    pilot = written_pilot(root, columns, kept, {"pay": ALL_DEV, "ask": ALL_DEV})
    (pilot.suite / "prompts").mkdir()
    (pilot.suite / "prompts" / "v1.md").write_text(PROMPT, encoding="utf-8")
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    settings |= {"agents": {"prompted": {"prompt": "v1"}}, "compare": ["prompted"]}
    (pilot.suite / "pilot.yaml").write_text(json.dumps(settings), encoding="utf-8")
    return open_pilot("small", root)


def decided(pilot: Pilot, decisions: Mapping[str, Decision]) -> Evaluation:
    """Put decisions of the pilot's prompt on every development record into the journal and return their evaluation."""
    dataset = read_dataset(pilot)
    agent = prompt_agent(pilot, "prompted", pilot.agent("prompted"), dataset, ScriptedEngine(lambda request: ""))
    ids = dataset.ids(Split.DEV)
    digests = dataset.digests(ids)
    plan = RunPlan("prompted", "dev", agent.identity, dataset.digest)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        journal.plan(plan, zip(ids, digests, strict=True))
        journal.append([(key_of(plan.agent_digest, digests[name]), decisions[name]) for name in ids])
    (evaluation,) = stored_evaluations(pilot)
    return evaluation


def ok(name: str, action: str, reason: str, **facts: object) -> Decision:
    return Decision(name, Status.OK, action=action, reason=reason, confidence=0.9, attempts=1, **facts)  # type: ignore[arg-type]


def line_of(part: str) -> int:
    return next(number for number, line in enumerate(PROMPT.split("\n"), start=1) if part in line)


def test_rules_that_fail_are_found_with_their_line(tmp_path: Path) -> None:
    rows, answers = [], {}
    for i in range(6):  # a dispute is never seen; a gift is seen where there is none; fraud has no rule
        for letter, reason, label, action, given in (
            ("d", "dispute", "ask", "pay", "fine"), ("g", "fine", "ask", "pay", "gift"),
            ("f", "fraud", "ask", "pay", "fine"), ("p", "fine", "pay", "pay", "fine"),
        ):  # fmt: skip
            name = f"{letter}{i}"
            rows.append((name, f"text {name}", 1, reason, label))
            answers[name] = ok(name, action, given)
    pilot = pilot_with(tmp_path, rows)
    evaluation = decided(pilot, answers)
    found = {one.kind: one for one in proposals(pilot, read_dataset(pilot), evaluation) if "fine:" not in one.finding}
    never = found[ProposalKind.RULE_NEVER_APPLIED]
    assert (never.section, never.line) == ("Decision criteria", line_of("a dispute"))
    assert set(never.record_ids) == {f"d{i}" for i in range(6)}
    assert "never given, and 6 records call for it" in never.finding
    missing = found[ProposalKind.RULE_MISSING]
    assert "no rule leads to fraud" in missing.finding
    assert missing.line == line_of("1. Variance")
    overused = found[ProposalKind.RULE_OVERUSED]
    assert (overused.line, set(overused.record_ids)) == (line_of("a gift"), {f"g{i}" for i in range(6)})
    table = proposals_table((never,), evaluation.outcomes)
    assert table[["records", "of_errors"]].to_numpy().tolist() == [[6, 18]]


def test_errors_that_gather_near_a_limit_are_found_and_others_are_not(tmp_path: Path) -> None:
    def evaluated(root: Path, wrong: set[int]) -> list[ProposalKind]:
        # variances 0 to 9.9; the limit is 5, and a fifth of it reaches from 4 to 6: records 40 to 60
        rows = [(f"r{i:03d}", f"text {i}", i / 10, "fine", "ask" if i > 50 else "pay") for i in range(100)]
        answers = {
            row[0]: ok(row[0], {"ask": "pay", "pay": "ask"}[row[4]] if i in wrong else row[4], "x")
            for i, row in enumerate(rows)
        }
        pilot = pilot_with(root, rows, with_reasons=False)
        return [one.kind for one in proposals(pilot, read_dataset(pilot), decided(pilot, answers))]

    assert ProposalKind.NEAR_A_LIMIT in evaluated(tmp_path / "near", set(range(44, 57)))
    assert ProposalKind.NEAR_A_LIMIT not in evaluated(tmp_path / "spread", set(range(0, 100, 8)))


def test_labels_that_nothing_separates_are_found_where_there_are_no_reasons(tmp_path: Path) -> None:
    rows = [(f"r{i:02d}", f"text {i}", 1, "", ("pay", "ask")[i % 2]) for i in range(20)]
    answers = {row[0]: ok(row[0], "pay" if i < 14 else row[4], "x") for i, row in enumerate(rows)}
    pilot = pilot_with(tmp_path, rows, with_reasons=False)
    (found,) = proposals(pilot, read_dataset(pilot), decided(pilot, answers))
    assert found.kind is ProposalKind.LABELS_CONFUSED
    assert "ask, pay: 7 of 20 records are taken for one another" in found.finding


def test_answers_that_are_none_point_at_the_output_format(tmp_path: Path) -> None:
    rows = [(f"r{i}", f"text {i}", 1, "fine", ("pay", "ask")[i % 2]) for i in range(8)]
    answers = {f"r{i}": Decision(f"r{i}", Status.INVALID, cause="truncated", attempts=1) for i in range(6)}
    answers |= {f"r{i}": ok(f"r{i}", ("pay", "ask")[i % 2], "fine") for i in (6, 7)}
    pilot = pilot_with(tmp_path, rows)
    first = proposals(pilot, read_dataset(pilot), decided(pilot, answers))[0]
    assert (first.kind, first.section) == (ProposalKind.NO_VALID_ANSWER, "Output format")
    assert "6 of 8 answers are no decision: truncated 6" in first.finding


def test_proposals_are_about_a_prompt_as_it_is_now_on_development_records(tmp_path: Path) -> None:
    rows = [(f"r{i}", f"text {i}", 1, "fine", ("pay", "ask")[i % 2]) for i in range(4)]
    pilot = pilot_with(tmp_path, rows)
    evaluation = decided(pilot, {row[0]: ok(row[0], row[4], "fine") for row in rows})
    dataset = read_dataset(pilot)
    assert proposals(pilot, dataset, evaluation) == ()
    with pytest.raises(InputError, match="come from development records"):
        proposals(pilot, dataset, replace(evaluation, split=Split.HOLDOUT))
    (pilot.suite / "prompts" / "v1.md").write_text(PROMPT.replace("5 %", "6 %"), encoding="utf-8")
    with pytest.raises(InputError, match="is no prompt document as it is now"):
        proposals(pilot, dataset, evaluation)


TOKENS = (TokenLogprob('{"action":"', 0.0), TokenLogprob("pay", -0.693147), TokenLogprob('"}', 0.0))


def test_the_history_of_a_record_has_prompt_reply_tokens_and_what_was_right(tmp_path: Path) -> None:
    rows = [(f"r{i}", "<script>alert(1)</script>", 1, "fine", ("pay", "ask")[i % 2]) for i in range(4)]
    pilot = pilot_with(tmp_path, rows)
    facts = {"text": '{"action":"pay"}', "tokens": TOKENS}
    decided(pilot, {row[0]: ok(row[0], "pay", "fine", **facts) for row in rows})
    dataset = read_dataset(pilot)
    history = record_history(pilot, dataset, "r1")
    (answered,) = history.answered
    assert (history.label, answered.is_right, answered.prompt) == ("ask", False, "v1")
    assert answered.tokens == tuple(TokenLogprob(one.token, round(one.logprob, 5)) for one in TOKENS)
    assert "variance 1.0 %" in history.prompts["v1"][1].content
    page = record_page(history)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<u>pay</u><sub>50.0%</sub>" in page
    assert "default-src 'none'; script-src 'none'" in page
    with pytest.raises(InputError, match="no record 'r9'"):
        record_history(pilot, dataset, "r9")


def test_the_label_of_a_holdout_record_stays_sealed(tmp_path: Path) -> None:
    rows = [(f"r{i}", "text", 1, "fine", ("pay", "ask")[i % 2]) for i in range(4)]
    pilot = pilot_with(tmp_path, rows)
    path = pilot.data / "splits.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"ask": 0.0', '"ask": 1.1'), encoding="utf-8")
    dataset = read_dataset(pilot)
    history = record_history(pilot, dataset, "r1")
    assert (history.split, history.label, history.answered) == (Split.HOLDOUT, None, ())
    assert "label: sealed" in record_page(history)
    assert not (pilot.runs / "ledger.jsonl").exists()
    assert record_history(pilot, dataset, "r1", label="ask").label == "ask"


def test_tokens_are_marked_where_the_model_was_not_sure() -> None:
    views = token_views([TokenLogprob("a", -0.001), TokenLogprob("b", -0.02), TokenLogprob("c", 0.0)])
    assert [(view.text, view.probability, view.doubt) for view in views] == [
        ("a", "99.9%", False), ("b", "98.0%", True), ("c", "100%", False),
    ]  # fmt: skip


def test_a_page_is_named_after_a_plain_id_only() -> None:
    assert page_name("IM04900") == "IM04900.html"
    assert "/" not in page_name("../../etc/passwd")
    assert page_name("..") != "...html"
