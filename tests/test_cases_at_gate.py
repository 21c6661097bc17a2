"""Test cases from end to end: by the command, by the notebook, and at a gate whose bundle is verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from answering_pilots import KPIS, judged_pilot, key_of, run, with_store
from case_pilots import case, order_pilot, sign_suite, write_suite
from commands import command_in
from executing import execute

from workbench.cases import MAKER
from workbench.evidence import exhibit_folder, read_exhibit
from workbench.gates.held.hold import GateRequest, hold_gate
from workbench.gates.verified import verify_bundle
from workbench.pilot.pilot import Pilot
from workbench.pilot.signing import Signer, sign_document
from workbench.records.splits import Split, read_dataset

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "04_test_cases.ipynb"
ASKED = [
    {"id": "cases", "check": "test_cases", "at_least": 40, "each": 10},
    {"id": "passed", "metric": "cases_passed", "operator": ">=", "target": 0.9},
]


@pytest.fixture
def orders(tmp_path: Path) -> Pilot:
    pilot = order_pilot(tmp_path)
    write_suite(
        pilot,
        [
            case("good", covers=["rule:heavy@below"]),
            case("bad", "O001", covers=["rule:heavy@above"], **{"class": "edge"}),
            case("louder", "O000", relation="same", change="case", **{"class": "error"}),
        ],
    )
    sign_suite(pilot)
    write_suite(pilot, [case("proposed", covers=["rule:late@holds"])], "later")
    return pilot


@pytest.mark.usefixtures("with_store")
def test_the_commands_say_what_is_not_passed_and_what_no_case_covers(
    orders: Pilot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = command_in(orders.root, monkeypatch, capsys)
    code, out, err = command("cases", "run", "small", "--agent", "exact")
    assert code == 0, err
    assert out.startswith("exact passes 2 of 3 confirmed test cases; ")
    assert "bad (edge): expected approve, got escalate" in out
    code, out, _ = command("cases", "run", "small", "--agent", "exact", "--json")
    said = json.loads(out)
    assert said["failed"] == [
        {"case": "bad", "class": "edge", "confirmed": True, "why": "expected approve, got escalate"}
    ]
    assert Path(said["junit"]).read_text(encoding="utf-8").count("<testcase") == 4
    exhibit = read_exhibit(exhibit_folder(orders, "cases"))
    assert exhibit is not None
    assert said["estimates"] == {name: one.as_json() for name, one in exhibit.estimates.items()}
    code, out, _ = command("cases", "coverage", "small")
    assert out.splitlines()[0] == "3 confirmed test cases, 1 proposed."
    assert "Without any case (9):" in out.replace("\n", " ")
    assert "Covered by proposed cases only (1): rule:late@holds" in out
    code, out, _ = command("cases", "coverage", "small", "--json")
    assert json.loads(out)["only_proposed"] == ["rule:late@holds"]


def test_a_mistake_in_a_suite_ends_with_2_and_one_message(
    orders: Pilot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_suite(orders, [case("x", "O999")], "later")
    code, _, err = command_in(orders.root, monkeypatch, capsys)("cases", "coverage", "small")
    assert (code, "the base record is not there" in err, "later.yaml, case x" in err) == (2, True, True)
    (orders.suite / "process.yaml").unlink()
    code, _, err = command_in(orders.root, monkeypatch, capsys)("cases", "coverage", "small")
    assert (code, "the pilot has no process specification" in err) == (2, True)


def test_the_notebook_shows_pictures_first_and_ends_in_the_answer(orders: Pilot) -> None:
    results = orders.runs / "results" / "04_test_cases"
    given = {"pilot": "small", "root": str(orders.root), "agent": "exact"}
    found = execute(NOTEBOOK, orders.runs / "notebooks" / "04_test_cases.ipynb", given)
    exhibit = MAKER.present(orders, read_dataset(orders), None)
    assert not isinstance(exhibit, str)
    assert found.answer == exhibit.answer
    assert {"cases_by_class.png", "coverage.png", "failed.csv", "relations.csv"} <= {
        one.name for one in results.iterdir()
    }


@pytest.mark.slow
def test_a_gate_counts_them_and_its_bundle_verifies(tmp_path: Path, migrated_store: Path) -> None:
    pilot = judged_pilot(tmp_path / "root", [*KPIS, *ASKED], notebooks=["04_test_cases"])
    with_store(pilot, migrated_store)
    ids = read_dataset(pilot).ids(Split.DEV, 60)
    cases = []
    for place, name in enumerate(ids):
        kind = ("common", "edge", "error")[place % 3]
        action = "escalate" if int(str(name).lstrip("R")) % 10 == 0 else "approve"
        cases.append({"id": f"c{place}", "class": kind, "base": str(name), "expect": {"action": action}})
    write_suite(pilot, cases)
    sponsor = Signer("Ann", "sponsor")
    sign_document(pilot.suite, "suites/hand.yaml", sponsor, key_of(pilot, "sponsor"))
    run(pilot, "exact")
    request = GateRequest(key=pilot.root / "keys" / "key.pem")
    held = hold_gate(pilot, 2, request)
    found = {one.criterion.id: one for one in held.decision.results}
    assert {name: found[name].state.value for name in ("cases", "passed")} == {"cases": "pass", "passed": "pass"}
    assert found["cases"].reason == "60 confirmed test cases were judged: common 20, edge 20, error 20"
    pinned = tmp_path / "key.pub.pem"
    pinned.write_bytes(key_of(pilot).public.pem)
    verified = verify_bundle(held.bundle, pinned)
    assert verified.ok, [(one.name, one.detail) for one in verified.checks]
    inside = {path.relative_to(held.bundle).as_posix() for path in held.bundle.rglob("*")}
    signature = "signatures/suites__hand.yaml/sponsor.json"
    assert {"suites/hand.yaml", signature, "exhibits/cases/answers.csv"} <= inside
    again = hold_gate(pilot, 2, request)
    assert (again.worked.ran, again.is_new) == ((), False)
