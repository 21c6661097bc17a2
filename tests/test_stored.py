"""Only runs over all records choose a version and open the holdout for one; a run without a decision does neither."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from commands import Command, command_in
from hand_evaluations import hand_evaluation
from small_pilots import with_settings
from stub_server import stub_process

from workbench.engines.choice import EngineChoice
from workbench.evaluation import evaluate, evaluate_all
from workbench.evaluation.versions.stored import agent_to_judge, chosen, leading, stored_evaluations, stored_runs
from workbench.pilot.charter.coverage import covered_digests
from workbench.pilot.pilot import Pilot
from workbench.records.ledger import read_ledger
from workbench.records.splits import Split, ledger_path, read_dataset
from workbench.runs import RunRequest
from workbench.words import InputError, RunError

DEV = RunRequest(show_progress=False)
FIVE = RunRequest(limit=5, show_progress=False)
# `lucky` is right on the five records that a limit takes first and wrong elsewhere; `sound` is right and sure on two of
# three.
AGENTS = """
import json
from pathlib import Path

LABELS = json.loads((Path(__file__).parent / "answers.json").read_text())

def lucky(record):
    return {"action": LABELS["first"].get(record["ticket"], "none of the labels"), "confidence": 0.9}

def sound(record):
    known = record["ticket"] in LABELS["most"]
    return {"action": LABELS["most"].get(record["ticket"], "refund"), "confidence": 0.9 if known else 0.1}
"""
SERVER = "server: {deadline_s: 2, max_attempts: 1, concurrency: 8}"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command_in(tmp_path, monkeypatch, capsys)


@pytest.fixture
def pilot(tickets: Callable[[int], Pilot]) -> Pilot:
    """A pilot of 60 tickets, 42 of them development records, whose `compare` names `lucky` and `sound`."""
    made = tickets(60)
    labels = read_dataset(made).dev_labels()["label"]
    most = {name: label for number, (name, label) in enumerate(labels.items()) if number % 3}
    answers = {"first": dict(labels.head(5).items()), "most": most}
    (made.suite / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    (made.suite / "mine.py").write_text(AGENTS, encoding="utf-8")
    path = made.suite / "pilot.yaml"
    lines = "".join(
        f"  {name}: {{python: 'eval_suites/tickets/mine.py:{name}', reads: [eval_suites/tickets/answers.json]}}\n"
        for name in ("lucky", "sound")
    )
    path.write_text(path.read_text(encoding="utf-8").replace("agents:\n", "agents:\n" + lines, 1), encoding="utf-8")
    return with_settings(made, "compare: [lucky, sound]")


def openings(pilot: Pilot) -> list[str]:
    return [opening.purpose.agent for opening in read_ledger(ledger_path(pilot))]


def test_five_records_replace_no_run_over_all_of_them(pilot: Pilot, command: Command) -> None:
    dataset = read_dataset(pilot)
    before = chosen(evaluate_all(pilot, (), DEV, dataset))
    assert before.agent == "sound"
    partial = evaluate(pilot, "lucky", FIVE, dataset)
    assert (partial.is_partial, before.is_partial) == (True, False)
    assert partial.estimates["accuracy"].value == 1.0, "on five records it is the better one"
    assert leading([before, partial]) is partial
    assert chosen([before, partial]) is before
    stored = {one.agent: one for one in stored_evaluations(pilot)}
    assert {name: one.info.planned for name, one in stored.items()} == {"lucky": 42, "sound": 42}
    assert chosen(tuple(stored.values())).agent == agent_to_judge(pilot, dataset, EngineChoice()) == "sound"
    assert [str(one) for one in stored_runs(pilot, dataset)[1]] == ["lucky (5 of 42 records)"]
    code, out, _ = command("compare", "tickets")
    assert code == 0
    assert "Left out, as only runs over all development records count: lucky (5 of 42 records)." in out
    content = json.loads(command("compare", "tickets", "--json")[1])
    assert [version["counts"]["planned"] for version in content["versions"]] == [42, 42]
    assert content["left_out"] == [{"agent": "lucky", "n_records": 5, "n_split": 42, "n_ok": 5, "n_failed": 0}]


def test_a_trial_before_the_whole_run_is_not_listed(pilot: Pilot) -> None:
    evaluate(pilot, "lucky", FIVE)
    with pytest.raises(InputError, match="left out: lucky"):
        stored_runs(pilot, read_dataset(pilot))
    evaluate_all(pilot, (), DEV)
    assert stored_runs(pilot, read_dataset(pilot))[1] == ()


def test_partial_runs_alone_choose_nothing(pilot: Pilot) -> None:
    trials = evaluate_all(pilot, (), FIVE)
    with pytest.raises(InputError, match=r"no version can be chosen by a part(.|\n)*lucky: 5 of 42"):
        chosen(trials)
    with pytest.raises(InputError, match=r"all its present records(.|\n)*left out: lucky \(5 of 42 records\), sound"):
        stored_evaluations(pilot)


def test_a_limit_that_takes_all_records_is_no_part(pilot: Pilot) -> None:
    whole = evaluate(pilot, "sound", replace(DEV, limit=42))
    assert not whole.is_partial
    assert [one.agent for one in stored_evaluations(pilot)] == ["sound"]


def test_the_holdout_is_not_opened_for_another_version_than_the_one_that_was_chosen(pilot: Pilot) -> None:
    evaluate_all(pilot, (), DEV)
    path = pilot.suite / "mine.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nCHANGED = True\n", encoding="utf-8")
    evaluate(pilot, "sound", FIVE)  # the changed version, on five records
    with pytest.raises(InputError, match="sound is another version now"):
        agent_to_judge(pilot, read_dataset(pilot), EngineChoice())


@pytest.mark.slow
@pytest.mark.usefixtures("with_store")
def test_a_run_with_a_limit_stays_on_development_records(pilot: Pilot, command: Command) -> None:
    code, out, err = command("run", "tickets", "--limit", "5")
    assert code == 0, err
    assert "A trial with --limit 5 stays on development records: the holdout was not opened." in out
    assert "A trial on 5 of 42 development records, so no version goes on. Ahead of 2 is lucky" in " ".join(out.split())
    assert "trials, left out of comparisons: lucky on dev (5 of 42 records), sound on dev" in " ".join(out.split())
    assert "workbench ui" not in out
    assert "03_evaluation" not in out
    assert openings(pilot) == []
    code, _, err = command("run", "tickets", "--notebook", "03_evaluation")  # by the trial it would be `lucky`
    assert code == 2
    assert "no finished run on dev with all its present records" in err
    assert openings(pilot) == []
    code, out, err = command("run", "tickets", "--limit", "5", "--holdout", "--agent", "sound")
    assert code == 0, err
    assert "stays on development" not in out
    assert openings(pilot) == ["sound"]


def test_a_limited_run_opens_the_holdout_for_no_version_that_nobody_named(pilot: Pilot, command: Command) -> None:
    code, _, err = command("run", "tickets", "--limit", "5", "--holdout")
    assert code == 2
    assert "a part of the development records chooses no version" in err
    code, _, err = command("run", "tickets", "--limit", "5", "--notebook", "03_evaluation")
    assert code == 2
    assert "add --holdout" in err
    assert not pilot.runs.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("with_store")
@pytest.mark.parametrize(
    "faults", [pytest.param(None, id="a dead port"), pytest.param("bad_request=1.0", id="HTTP 400 to every call")]
)
def test_where_nothing_answers_nothing_goes_on(pilot: Pilot, command: Command, faults: str | None) -> None:
    pilot = with_settings(pilot, f"compare: [prompt_v1]\n{SERVER}")
    with stub_process("--latency-ms", "1", "--faults", faults or "none") as stub:
        url = "http://127.0.0.1:9" if faults is None else stub
        server = ("--engine", "server", "--base-url", url, "--model", "m")
        for asked, n in (
            (("run", "tickets"), 42),
            (("evaluate", "tickets", "--agent", "prompt_v1"), 42),
            (("evaluate", "tickets", "--agent", "prompt_v1", "--split", "holdout"), 18),
        ):
            code, out, err = command(*asked, *server)
            assert code == 4, err
            said = "unreachable" if faults is None else "it refuses every call"
            assert f"{said}: 8 calls in a row failed, and no further one was made, so nothing goes on" in err
            counted = re.search(r"([\d,]+) calls failed, ([\d,]+) records were skipped", err)
            assert counted is not None
            assert int(counted[1]) + int(counted[2]) == n
            assert f"got: {'connection' if faults is None else 'rejected'}: " in err
            assert "do: mend what answers" in err
            assert "goes on:" not in out
    assert openings(pilot) == []
    with pytest.raises(InputError, match=r"left out: prompt_v1 \(not one decision on 42 records\)"):
        stored_evaluations(pilot)


def test_an_agent_whose_every_reply_is_invalid_ends_the_run_and_one_that_answers_once_does_not(pilot: Pilot) -> None:
    path = pilot.suite / "mine.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('record["ticket"], "none of the labels"', "None, 17"), encoding="utf-8")
    with pytest.raises(RunError, match=r"not one of 42 records(.|\n)*42 invalid: (.|\n)*mend the prompt"):
        evaluate(pilot, "lucky", DEV)
    with pytest.raises(RunError, match="not one of 18 records"):
        evaluate(pilot, "lucky", replace(DEV, split=Split.HOLDOUT))
    assert openings(pilot) == []
    path.write_text(text.replace("def lucky", "def unlucky").replace("def sound", "def lucky"), encoding="utf-8")
    evaluate(pilot, "lucky", replace(DEV, split=Split.HOLDOUT))
    assert openings(pilot) == ["lucky"]


def test_a_hand_made_evaluation_is_whole() -> None:
    one = hand_evaluation("A", [("r1", "ok", "x", 0.9, "x")])
    assert chosen([one]) is one


FLAKY = """
def decide(record):
    if int(record["ticket"][-2:]) % 10 == 0:
        raise RuntimeError("flaky")
    return {"action": "login", "confidence": 0.9}
"""


def flaky(pilot: Pilot) -> Pilot:
    (pilot.suite / "flaky.py").write_text(FLAKY, encoding="utf-8")
    path = pilot.suite / "pilot.yaml"
    line = "  flaky: {python: 'eval_suites/tickets/flaky.py:decide'}\n"
    path.write_text(path.read_text(encoding="utf-8").replace("agents:\n", "agents:\n" + line, 1), encoding="utf-8")
    return with_settings(pilot, "compare: [flaky, sound]")


def test_a_run_that_lost_too_many_calls_is_not_chosen_and_opens_nothing(pilot: Pilot, command: Command) -> None:
    pilot = flaky(pilot)
    for split in ("dev", "holdout"):
        code, _, err = command("evaluate", "tickets", "--agent", "flaky", "--split", split)
        assert code == 4
        assert "of the calls failed, so nothing goes on and the holdout stays sealed" in err
        assert "expected: at most 5.0% (max_failed_share in pilot.yaml, signed with the charter)" in err
        assert "exception, such as: RuntimeError: flaky" in err
    assert openings(pilot) == []
    evaluate(pilot, "sound", DEV)
    assert [one.agent for one in stored_evaluations(pilot)] == ["sound"]
    assert "Left out, as only runs over all development records count: flaky (" in command("compare", "tickets")[1]


def test_how_many_calls_may_fail_is_a_setting_of_the_pilot_that_the_charter_covers(pilot: Pilot) -> None:
    without = covered_digests(pilot.suite)
    pilot = with_settings(flaky(pilot), "max_failed_share: 0.3")
    assert covered_digests(pilot.suite) != without, "a signature from before does not cover it"
    assert evaluate(pilot, "flaky", DEV).info.failed > 1
    assert {one.agent for one in stored_evaluations(pilot)} == {"flaky"}
    stricter = with_settings(pilot, "max_failed_share: 0.0")
    with pytest.raises(InputError, match=r"left out: flaky \(\d of 42 calls failed\)"):
        stored_evaluations(stricter)


def test_evaluations_that_lost_too_many_calls_choose_nothing() -> None:
    rows = [("a", "ok", "x", 0.9, "x"), ("b", "failed", None, None, "x")]
    with pytest.raises(RunError, match=r"too many calls failed(.|\n)*short: 50\.0%"):
        chosen([hand_evaluation("short", rows)])
    whole = hand_evaluation("whole", [("a", "ok", "y", 0.9, "x"), ("b", "ok", "y", 0.9, "x")])
    assert chosen([hand_evaluation("short", rows), whole]) is whole
