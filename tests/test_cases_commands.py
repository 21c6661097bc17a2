"""workbench cases design and prove, from the command line to what is found."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml
from acting_pilots import CLEAN, ENVIRONMENT, acting_pilot
from commands import command_in
from loan_pilots import loan_pilot

from workbench.agents.python import PYTHON_PATIENCE
from workbench.cases import read_case_suite, read_cases
from workbench.cases.checking import check_cases
from workbench.files import write_atomically
from workbench.pilot import open_pilot
from workbench.records.splits import read_dataset


def test_a_suite_is_designed_from_the_policy_and_can_be_read_checked_and_covers_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = loan_pilot(tmp_path)
    run = command_in(tmp_path, monkeypatch, capsys)
    code, out, told = run("cases", "design", pilot.name, "--json")
    assert code == 0, told
    said = json.loads(out)
    assert (said["mutants"], said["noticed"], said["equivalent"], said["unnoticed"]) == (48, 47, 1, {})
    suite = read_case_suite(Path(said["file"]))
    check_cases(pilot, read_dataset(pilot), read_cases(pilot))
    held = Counter(case.change for case in suite.cases if case.relation is not None)
    assert said["relations"] == held.total() > 0
    assert set(held) <= {"typo", "case", "whitespace", "irrelevant_sentence", "field_order"}
    code, out, _ = run("cases", "coverage", pilot.name, "--json")
    assert code == 0
    assert json.loads(out)["uncovered"] == []


def test_cases_of_a_pilot_without_a_policy_stand_where_its_own_agent_changes_its_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = loan_pilot(tmp_path)
    (pilot.suite / "process.yaml").unlink()
    code = "def decide(record):\n    return {'action': 'refer' if record['amount'] > 12345 else 'approve'}\n"
    (pilot.suite / "mine.py").write_text(code, encoding="utf-8")
    path = pilot.suite / "pilot.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["agents"]["mine"] = {"python": f"eval_suites/{pilot.name}/mine.py:decide"}
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    run = command_in(tmp_path, monkeypatch, capsys)
    done, out, told = run("cases", "design", pilot.name, "--agent", "mine", "--json")
    assert done == 0, told
    suite = read_case_suite(Path(json.loads(out)["file"]))
    tokens = {token for case in suite.cases for token in case.covers}
    assert "boundary:column amount: approve to refer@before" in tokens
    done, out, _ = run("cases", "run", pilot.name, "--agent", "mine", "--json")
    assert done == 0
    assert json.loads(out)["failed"] == [], "what it decides now is what is expected of it"


PLANTED = (
    CLEAN
    + """

def idle(record, tools):
    class Idle:
        Error = tools.Error
        def __getattr__(self, name):
            return (lambda **given: {"rows": 1}) if name == "post" else getattr(tools, name)
    return decide(record, Idle())


def skips(record, tools):
    class Skips:
        Error = tools.Error
        def __getattr__(self, name):
            own = [{"received": record["received"]}]
            return (lambda **given: own) if name == "read_receipt" else getattr(tools, name)
    return decide(record, Skips())


ASKED = []


def warms_up(record, tools):
    ASKED.append(record["id"])
    return {"action": "escalate"} if len(ASKED) == 1 else decide(record, tools)


def loops(record, tools):
    answer = decide(record, tools)
    if answer["action"] == "approve":
        raise RuntimeError("no call is left to go on with")
    return answer


def harmless(record, tools):
    tools.read_order(po_number=record["po_number"])
    return decide(record, tools)
"""
)


def test_planted_faults_are_proved_to_be_found_and_a_miss_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = ENVIRONMENT.replace("    amount: amount\n", "    amount: amount\n    carries_out: approve\n")
    environment = environment.replace("    sql: SELECT received", "    required: true\n    sql: SELECT received")
    pilot = acting_pilot(tmp_path, {"clean": CLEAN}, n=6, environment=environment)
    (pilot.suite / "planted.py").write_text(PLANTED, encoding="utf-8")
    (pilot.suite / "suites").mkdir()
    cases = [  # more than an agent that is not planted may fail in a row before anything was decided
        {"id": f"a{n}", "class": "common", "base": "R000", "set": {"amount": 500 + n}, "expect": {"action": "approve"}}
        for n in range(PYTHON_PATIENCE)
    ] + [
        {"id": f"c{n}", "class": "common", "base": f"R00{n}", "expect": {"action": action}}
        for n, action in ((0, "approve"), (1, "reject"), (2, "approve"))
    ]
    write_atomically(pilot.suite / "suites" / "hand.yaml", json.dumps({"title": "By hand", "cases": cases}))
    found = {"idle": "not_carried_out", "skips": "skipped_tool", "warms_up": "order_dependent"}
    found |= {"loops": "no_decision"}
    planted = {"clean": "clean", "python": "planted.py", "found": found}
    write_atomically(pilot.suite / "planted.yaml", json.dumps(planted))
    run = command_in(tmp_path, monkeypatch, capsys)
    code, out, told = run("cases", "prove", pilot.name, "--json")
    assert code == 0, told
    said = json.loads(out)
    assert said["answer"] == "caught 4 of 4 planted faults, no false alarm on the clean agent"
    _, out, _ = run("cases", "run", pilot.name, "--agent", "clean")
    assert "These cases caught 4 of 4 planted faults" in out.replace("\n", " ").replace("  ", " ")
    planted["found"] = {**found, "harmless": "double_write"}
    write_atomically(pilot.suite / "planted.yaml", json.dumps(planted))
    _, out, _ = run("cases", "prove", pilot.name, "--json")
    assert json.loads(out)["answer"] == (
        "caught 4 of 5 planted faults, no false alarm on the clean agent; missed: 'harmless'"
    )
    write_atomically(pilot.suite / "tools.py", f"{(pilot.suite / 'tools.py').read_text(encoding='utf-8')}\n# other\n")
    _, out, _ = run("cases", "run", pilot.name, "--agent", "clean")
    assert "planted faults" not in out, "what was proved of another environment does not count"
    assert open_pilot(pilot.name, pilot.root).settings.agents.keys() >= {"clean"}
