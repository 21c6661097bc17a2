"""What a team that wants its GO may try, through the real commands: none goes without the answer saying so."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from answering_pilots import AGENTS, KPIS, judged_pilot, key_of, records, run, sign, with_answers, with_store, write
from commands import command_in
from gate_pilots import CHARTER, COLUMNS

from workbench.gates.held.hold import GateRequest, hold_gate
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import ledger_path
from workbench.runs.journal.rows import STORED, checksum
from workbench.words import Brief

Command = Callable[..., tuple[int, str, str]]
HISTORY = "the pilot is in no git repository"
SECOND = {0.9889}  # two thirds of 5% went with the first opening; two thirds of the rest are the second's
ON_HOLDOUT_ONLY = AGENTS.replace("number % 50 == 7", "number % 4 == 1")


Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def honest(once: Once, answered: Path) -> Path:
    """Give the root of a pilot whose agent `good` has answered, opened once."""

    def make(root: Path) -> None:
        pilot = judged_pilot(root)
        with_answers(pilot, answered)
        run(pilot)

    return once("honest", make)


@pytest.fixture(scope="session")
def judged(once: Once, honest: Path, migrated_store: Path) -> Path:
    """Give that root after gate 2 was held there; the copies log to an MLflow store of their own."""

    def make(root: Path) -> None:
        shutil.copytree(honest, root, dirs_exist_ok=True)
        pilot = open_pilot("small", root)
        with_store(pilot, migrated_store)
        hold_gate(pilot, 2, GateRequest(key=root / "keys" / "key.pem"))
        shutil.rmtree(root / "mlruns" / "artifacts")
        for path in (*(root / "mlruns").glob("mlflow.db*"), pilot.runs / "tracked.json"):
            path.unlink()

    return once("judged", make)


def copied(root: Path, place: Path, migrated_store: Path) -> Pilot:
    """Return a copy of a pilot to do something to."""
    shutil.copytree(root, place)
    pilot = open_pilot("small", place)
    with_store(pilot, migrated_store)
    return pilot


@pytest.fixture
def pilot(honest: Path, tmp_path: Path, migrated_store: Path) -> Pilot:
    return copied(honest, tmp_path / "root", migrated_store)


@pytest.fixture
def judged_once(judged: Path, tmp_path: Path, migrated_store: Path) -> Pilot:
    return copied(judged, tmp_path / "root", migrated_store)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    (tmp_path / "root").mkdir(exist_ok=True)
    return command_in(tmp_path / "root", monkeypatch, capsys)


def held(command: Command, pilot: str = "small") -> dict[str, Any]:
    """Hold gate 2 by the command, verify its evidence by the command, and return the decision."""
    code, out, said = command("gate", "2", pilot, "--key", "keys/key.pem", "--json")
    assert code in (0, 1), said
    decision: dict[str, Any] = json.loads(out)
    assert (code == 0) == (decision["verdict"] == "GO")
    code, out, _ = command("verify", decision["bundle"], "--key", "keys/key.pub.pem")
    assert code == 0, out
    assert "not recomputed, believed as signed: " in out
    page = (Path(decision["bundle"]) / "report.html").read_text(encoding="utf-8")
    for remark in decision["remarks"]:
        assert remark in dict(Brief.read(decision["answer"]).groups)["Mind"]
        assert remark in html.unescape(re.sub("</?abbr[^>]*>", "", page))
    return decision


def refused(command: Command, why: str) -> None:
    """Hold the gate where it does not even start."""
    code, out, said = command("gate", "2", "small", "--key", "keys/key.pem", "--json")
    assert (code, out, why in said) == (1, "", True), said


def is_not_continued(command: Command, why: str) -> None:
    """Neither open nor hold anything where the ledger is not the one that was seen before."""
    for arguments in (("evaluate", "small", "--agent", "exact", "--split", "holdout"), ("gate", "2", "small")):
        code, out, said = command(*arguments, *(("--key", "keys/key.pem") if arguments[0] == "gate" else ()))
        assert (code, out) == (4, "")
        assert "error: the holdout ledger is not the one that was seen before" in said
        assert why in said


def charges(decision: dict[str, Any]) -> set[float]:
    """Return the levels to which criteria on labels are held."""
    return {round(one["charged_level"], 4) for one in decision["criteria"] if one["charged_level"] is not None}


def states(decision: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["state"] for one in decision["criteria"]}


def remarks(decision: dict[str, Any]) -> list[str]:
    """Return the remarks but the one on the missing history, which every pilot here has."""
    assert decision["remarks"][0].startswith(HISTORY)
    return decision["remarks"][1:]


def in_git(root: Path) -> None:
    """Commit what is under a root, as a team does with its pilot."""
    for arguments in (["init", "-q"], ["add", "datasets", "eval_suites"], ["commit", "-qm", "pilot"]):
        subprocess.run(["git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True)


def edited(pilot: Pilot, file: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = pilot.suite / file if (pilot.suite / file).is_file() else pilot.data / file
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def rewritten(path: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = change(list(csv.reader(file)))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_an_honest_pilot_goes_and_nothing_but_its_missing_history_is_said(pilot: Pilot, command: Command) -> None:
    decision = held(command)
    assert (decision["verdict"], remarks(decision)) == ("GO", [])
    assert "6 of 6 criteria pass.\n\nMind:\n- " + HISTORY in decision["answer"]
    assert held(command)["is_new"] is False


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        pytest.param(KPIS[:1], "criterion sure of gates.yaml is gone", marks=pytest.mark.slow),
        (
            [KPIS[0], {"id": "sure", "metric": "accuracy", "operator": ">=", "target": 0.01}],
            "criterion sure of gates.yaml was changed",
        ),
        pytest.param(
            [KPIS[0], {**KPIS[1], "slice": {"class": "edge"}}],
            "criterion sure of gates.yaml was changed",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_kpi_without_its_criterion_is_no_go_and_the_change_is_said(
    judged_once: Pilot, command: Command, criteria: list[dict[str, Any]], said: str
) -> None:
    edited(judged_once, "gates.yaml", lambda gates: gates["gates"][2].update(criteria=criteria))
    refused(command, "No signature, no start")
    sign(judged_once)
    refused(command, "signed after this version's results on the holdout could be seen")
    run(judged_once, "exact")  # another version
    decision = held(command)
    assert (decision["verdict"], states(decision)["every-kpi"]) == ("NO-GO", "fail")
    assert remarks(decision)[0].startswith(said)
    again = held(command)  # holding it again does not make the change old
    assert remarks(again) == remarks(decision)


@pytest.mark.parametrize("how", ["deleted", pytest.param("cut", marks=pytest.mark.slow)])
def test_a_ledger_that_lacks_what_evidence_saw_holds_no_gate(judged_once: Pilot, command: Command, how: str) -> None:
    if how == "cut":
        run(judged_once, "exact")
        held(command)
    ledger = ledger_path(judged_once)
    kept = "" if how == "deleted" else ledger.read_text(encoding="utf-8").splitlines(keepends=True)[0]
    ledger.write_text(kept, encoding="utf-8")
    is_not_continued(command, "entries of the evidence in ")


def test_a_ledger_deleted_with_its_evidence_is_missed_where_a_commit_holds_it(
    judged_once: Pilot, command: Command
) -> None:
    in_git(judged_once.root)
    shutil.rmtree(judged_once.root / "mlruns" / "evidence")
    ledger_path(judged_once).unlink()
    is_not_continued(command, "to begin with the 1 entries of commit ")


@pytest.mark.slow
def test_a_ledger_deleted_with_its_evidence_is_said_where_nothing_was_committed(
    judged_once: Pilot, command: Command
) -> None:
    shutil.rmtree(judged_once.root / "mlruns" / "evidence")
    ledger_path(judged_once).unlink()
    run(judged_once, "exact")
    assert "6 of 6 criteria pass.\n\nMind:\n- " + HISTORY in held(command)["answer"]


def test_another_key_brings_no_fresh_budget(judged_once: Pilot, command: Command) -> None:
    (judged_once.root / "keys" / "key.pem").unlink()
    run(judged_once, "exact")  # opened with a new key
    assert charges(held(command)) == SECOND


@pytest.mark.slow
@pytest.mark.parametrize("lists", ["kept", "deleted"])
def test_a_copy_under_another_name_brings_no_fresh_budget(judged_once: Pilot, command: Command, lists: str) -> None:
    root = judged_once.root
    for folder in ("datasets", "eval_suites"):
        shutil.copytree(root / folder / "small", root / folder / "fresh")
    settings = root / "eval_suites" / "fresh" / "pilot.yaml"
    settings.write_text(settings.read_text("utf-8").replace("eval_suites/small/", "eval_suites/fresh/"), "utf-8")
    ledger_path(open_pilot("fresh", root)).unlink()
    if lists == "deleted":
        shutil.rmtree(ledger_path(judged_once).with_name("opened"))
    run(sign(open_pilot("fresh", root)))
    decision = held(command, pilot="fresh")
    assert charges(decision) == SECOND


@pytest.mark.slow
def test_other_ids_bring_no_fresh_budget(judged_once: Pilot, command: Command) -> None:
    rewritten(
        judged_once.data / "records.csv",
        lambda rows: [rows[0], *([f"R{int(name[1:]) + 600:04d}", *row] for name, *row in rows[1:])],
    )
    run(judged_once, "exact")
    decision = held(command)
    assert charges(decision) == SECOND
    assert any("of 320 records opened before are gone" in one for one in remarks(decision))


def test_results_that_were_rewritten_by_hand_change_nothing(judged_once: Pilot, command: Command) -> None:
    before = held(command)
    folder = judged_once.runs / "results" / "03_evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "good.holdout.json").write_text('{"agent": "good", "estimates": {}}', encoding="utf-8")
    (folder / "good.holdout.csv").write_text("record_id,status,action,label\nR0001,ok,approve,approve\n", "utf-8")
    after = held(command)
    assert (after["criteria"], after["is_new"]) == (before["criteria"], False)


def test_a_journal_edited_with_fresh_checksums_is_not_what_the_ledger_was_opened_for(
    pilot: Pilot, command: Command
) -> None:
    path = pilot.runs / "journal.sqlite"
    with sqlite3.connect(path) as journal:
        journal.row_factory = sqlite3.Row
        rows = journal.execute(f"SELECT key, {', '.join(STORED)} FROM decisions").fetchall()
        for row in rows:
            values = tuple(1.0 if name == "confidence" else row[name] for name in STORED)
            digest = checksum(row["key"], values)
            journal.execute("UPDATE decisions SET confidence = 1.0, checksum = ? WHERE key = ?", (digest, row["key"]))
    code, _, said = command("gate", "2", "small", "--key", "keys/key.pem", "--json")
    assert (code, "not those that the ledger was opened for" in said) == (4, True)
    assert not list((pilot.root / "mlruns" / "evidence").glob("small/gate-2/[!.]*"))


@pytest.mark.slow
def test_a_target_that_was_lowered_and_signed_again_is_said_with_its_old_value(
    judged_once: Pilot, command: Command
) -> None:
    lower = {**CHARTER, "kpis": [{**CHARTER["kpis"][0], "target": 0.8}, CHARTER["kpis"][1]]}
    write(judged_once, "charter.yaml", lower)
    run(sign(judged_once), "exact")
    decision = held(command)
    said = remarks(decision)
    assert said[0].startswith("target of KPI right is 0.8, it was 0.9")
    assert any("the charter's targets, high-risk categories or limits changed since opening 1" in one for one in said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            lambda p: edited(p, "contract.yaml", lambda c: c["columns"]["vendor"].update(role="entity")),
            "roles of columns",
            marks=pytest.mark.slow,
        ),
        (lambda p: edited(p, "pilot.yaml", lambda c: c.update(escalate_label=None)), "stands for a person"),
        pytest.param(
            lambda p: edited(p, "splits.yaml", lambda c: c.update(key="1" * 32)),
            "split into development and holdout",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_an_opening_is_of_cannot_change_in_silence(
    judged_once: Pilot, command: Command, change: Callable[[Pilot], None], said: str
) -> None:
    change(judged_once)
    run(sign(judged_once), "exact")
    assert any(said in one for one in held(command)["remarks"])


def test_labels_that_became_the_agents_answers_are_counted(pilot: Pilot, command: Command) -> None:
    rewritten(
        pilot.data / "records.csv",
        lambda rows: [
            [*row[:4], "escalate", "dispute"] if row[0][1:].isdigit() and int(row[0][1:]) % 50 == 7 else row
            for row in rows
        ],
    )
    run(pilot)
    decision = held(command)
    said = remarks(decision)
    assert any("records opened before have another label" in one for one in said)
    assert any("right on all" in one for one in said)
    assert all(one["charged_level"] > 0.98 for one in decision["criteria"] if one["charged_level"])  # a second look


@pytest.mark.slow
def test_easy_records_that_were_added_are_told_from_those_opened_before(
    tmp_path: Path, command: Command, migrated_store: Path
) -> None:
    hard = AGENTS.replace("number % 50 == 7", "number % 10 == 7 and number < 600")  # wrong on a tenth of the old ones
    pilot = judged_pilot(tmp_path / "root", agents=hard)
    with_store(pilot, migrated_store)
    run(pilot)
    rewritten(pilot.data / "records.csv", lambda rows: [rows[0], *([str(c) for c in row] for row in records(3000))])
    run(pilot)
    decision = held(command)
    assert any("new ones: the added records are easier" in one for one in remarks(decision))
    assert decision["verdict"] == "NO-GO" or "easier" in decision["answer"]


def test_a_version_that_is_right_on_the_holdout_only_is_no_go(
    tmp_path: Path, command: Command, migrated_store: Path
) -> None:
    pilot = judged_pilot(tmp_path / "root")
    holdout = set(holdout_ids(pilot))
    code = f"KNOWN = {sorted(holdout)!r}\n" + ON_HOLDOUT_ONLY.replace(
        "    number = int", '    if record["id"] in KNOWN:\n        return exact(record)\n    number = int'
    )
    (pilot.suite / "agents.py").write_text(code, encoding="utf-8")
    with_store(pilot, migrated_store)
    run(pilot)
    decision = held(command)
    assert (decision["verdict"], states(decision)["development"]) == ("NO-GO", "fail")
    (found,) = [one["reason"] for one in decision["criteria"] if one["id"] == "development"]
    assert found.endswith("100% of 320 holdout records: cannot be chance")


def holdout_ids(pilot: Pilot) -> list[str]:
    from workbench.records.splits import Split, read_dataset

    return list(read_dataset(pilot).ids(Split.HOLDOUT))


def test_an_exact_rule_goes_and_its_hundred_percent_is_said(pilot: Pilot, command: Command) -> None:
    run(pilot, "exact")
    decision = held(command)
    assert decision["verdict"] == "GO"
    assert any(one.startswith("right on all 320 holdout records") for one in remarks(decision))


def test_without_all_development_records_nothing_is_proved(pilot: Pilot, command: Command) -> None:
    run(pilot, "exact", development=False)
    decision = held(command)
    assert (decision["verdict"], states(decision)["development"]) == ("NO-GO", "unproven")


@pytest.mark.parametrize("keys", ["distinct", "shared"])
def test_one_key_for_two_roles_is_no_go_or_agreed_on_and_said(
    tmp_path: Path, command: Command, migrated_store: Path, answered: Path, keys: str
) -> None:
    pilot = judged_pilot(tmp_path / "root", charter={**CHARTER, "keys": keys})
    shutil.rmtree(pilot.suite / "signatures")
    for half in (".pem", ".pub.pem"):
        shutil.copyfile(pilot.root / "keys" / f"sponsor{half}", pilot.root / "keys" / f"IT-owner{half}")
    sign(pilot)
    with_store(pilot, migrated_store)
    with_answers(pilot, answered)
    run(pilot)
    decision = held(command)
    said = ["All 2 signatures were given with 1 key, as the charter allows"]
    wanted = ("NO-GO", "unproven", []) if keys == "distinct" else ("GO", "pass", said)
    assert (decision["verdict"], states(decision)["distinct-keys"], remarks(decision)) == wanted


def test_ids_that_a_spreadsheet_would_run_are_judged_by_every_rule(
    tmp_path: Path, command: Command, migrated_store: Path
) -> None:
    rules = {"id": "rules", "check": "escalation_rules"}
    columns = {**COLUMNS, "why": {"role": "reason"}}
    limit = {"id": "limit", "description": "amount", "at_most": 105, "column": "amount"}
    charter = {**CHARTER, "authority": [limit], "high_risk": CHARTER["high_risk"]}
    table = [[*row[:2], 106 if i % 10 == 0 else 100, *row[3:]] for i, row in enumerate(records(600, "="))]
    pilot = judged_pilot(tmp_path / "root", [*KPIS, rules], table=table, charter=charter, columns=columns)
    with_store(pilot, migrated_store)
    run(pilot)
    decision = held(command)
    assert (decision["verdict"], states(decision)["rules"]) == ("GO", "pass")
    assert key_of(pilot)
