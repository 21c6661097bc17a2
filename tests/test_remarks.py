from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from loopback import AGENT, NAME, make_pilot
from stub_server import stub_process

from workbench.agents.decisions import Decision
from workbench.commands.reports import print_evaluation
from workbench.engines.choice import EngineChoice
from workbench.engines.protocol import Origin
from workbench.evaluation import evaluate
from workbench.evaluation.remarks import remarks_of
from workbench.metrics import Status
from workbench.pilot.pilot import open_pilot
from workbench.records.splits import Split
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal, RunPlan, key_of

COLUMNS = ["record_id", "status", "cause", "detail", "text"]


def decided(*rows: tuple[str, str, str | None, str | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def test_where_nothing_is_odd_nothing_is_said() -> None:
    assert remarks_of(decided(("r1", "ok", None, None, "{}")), {}, {Origin("m", "fp_1"): 1}) == ()


def test_an_invalid_reply_of_the_commonest_cause_is_shown_on_one_line_without_what_controls_a_terminal() -> None:
    fenced = ("r2", "invalid", "not_json", "why", "\x1b[2J```json\n{'action'}\u202e" + "x" * 500)
    rows = decided(("r1", "invalid", "empty", "no text", ""), fenced, ("r3\x07", "invalid", "not_json", "why", "y"))
    (said,) = remarks_of(rows, {"engine": {"served": {}}}, {})
    assert said.startswith("2 of 3 replies are invalid (not_json), such as that to record r2: [2J```json {'action'}xxx")
    assert said.isprintable()
    assert len(said) < 250


def test_an_empty_reply_is_shown_by_what_is_known_of_it() -> None:
    rows = decided(("r1", "invalid", "empty", "the reply has no text and ended by stop", ""))
    (said,) = remarks_of(rows, {}, {})
    assert said.endswith("(empty), such as that to record r1: the reply has no text and ended by stop")


def test_a_server_that_could_not_be_asked_and_one_that_changed_are_said() -> None:
    origins = {Origin("m", f"fp_{number}"): 9 - number for number in range(7)}
    unknown, changed = remarks_of(decided(), {"engine": {"served": "unknown"}}, origins)
    assert unknown.startswith("What the server serves could not be asked")
    assert "name 7 states of it, m fp_0 (9), m fp_1 (8), m fp_2 (7), m fp_3 (6), m fp_4 (5) and 2 more" in changed


def test_the_journal_counts_what_servers_said_of_themselves_over_all_splits_of_a_version(tmp_path: Path) -> None:
    identity: dict[str, Any] = {"engine": "e"}
    with Journal(tmp_path / JOURNAL_FILE) as journal:
        for split, ids in (("dev", "abc"), ("holdout", "cd")):
            plan = RunPlan("a", split, identity, "records")
            journal.plan(plan, [(name, name) for name in ids])
        key = {name: key_of(plan.agent_digest, name) for name in "abcd"}
        said = {"a": Origin("m", "one"), "b": Origin("m", "one"), "c": Origin("m", "two"), "d": None}
        journal.append([(key[name], Decision(name, Status.OK, "yes", origin=said[name])) for name in "abcd"])
        other = key_of("another version", "a")
        journal.append([(other, Decision("a", Status.OK, "yes", origin=Origin("m", "three")))])
        assert journal.origins(plan.agent_digest) == {Origin("m", "one"): 2, Origin("m", "two"): 1}
        assert journal.origins("none") == {}


def test_a_server_whose_fingerprint_changes_is_said_by_the_evaluation_and_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = make_pilot(tmp_path / "root", n_dev=30, prompt_tokens=50, concurrency=4)
    path = pilot.suite / "pilot.yaml"
    path.write_text(path.read_text("utf-8").replace("server: {", "server: {version: v, "), encoding="utf-8")
    remarks = []
    for fingerprint, limit in (("fp_a", 6), ("fp_b", 10)):
        with stub_process("--latency-ms", "1", "--fingerprint", fingerprint) as url:
            request = RunRequest(Split.DEV, limit, EngineChoice(base_url=url, model="m"), show_progress=False)
            evaluation = evaluate(open_pilot(NAME, pilot.root), AGENT, request)
            remarks.append(evaluation.remarks)
    assert remarks[0] == ()
    (said,) = remarks[1]
    assert "its replies name 2 states of it, m fp_a (6), m fp_b (4)" in said
    assert evaluation.as_json()["remarks"] == [said]
    print_evaluation(evaluation)
    assert "m fp_a (6), m fp_b (4)" in " ".join(capsys.readouterr().out.split())
