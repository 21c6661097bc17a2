"""Expected states by policy and by replay: they agree on clean pilots, and planted disagreements stop a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from acting_pilots import acting_pilot
from case_pilots import CHARTER, case, quietly, write_suite
from commands import command_in
from loan_pilots import loan_pilot

from workbench.cases import MAKER, read_case_suite, read_cases
from workbench.cases.design import with_states
from workbench.cases.made import case_records, ground_of
from workbench.cases.states import expected_states
from workbench.cases.suite import Case
from workbench.environment import read_environment
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import read_dataset
from workbench.runs.journal import JOURNAL_FILE
from workbench.words import InputError

ROOT = Path(__file__).parent.parent
ENVIRONMENT = """
tables:
  orders: {from_record: [po_number, ordered]}
  postings: {columns: [po_number, amount, key]}
  returns: {columns: [po_number, reason]}
  worklist: {columns: [po_number, reason]}
tools:
  post:
    description: Post an order for payment.
    sql: INSERT INTO postings VALUES (:po_number, :amount, :idempotency_key)
    arguments: {po_number: string, amount: number}
    effect: write
    amount: amount
    carries_out: approve
    allowed_for: [clerk]
  send_back:
    description: Send an order back.
    sql: INSERT INTO returns VALUES (:po_number, :reason)
    arguments: {po_number: string, reason: string}
    effect: write
    carries_out: reject
    allowed_for: [clerk]
  hand_over:
    description: Put an order on a work list.
    sql: INSERT INTO worklist VALUES (:po_number, :reason)
    arguments: {po_number: string, reason: string}
    effect: write
    carries_out: escalate
    allowed_for: [manager, clerk]
limits: {calls: 8, writes: 2, euro: 20000}
"""
TOOLS = """
import sqlite3


def post(state: sqlite3.Connection, po_number: str) -> int:
    \"\"\"Post an order for payment.\"\"\"
    for key in ("net", "tax"):
        state.execute("INSERT INTO postings VALUES (?, 1, ?)", (po_number, key))
    return 2
"""
BY_FUNCTION = """  post:
    python: tools.py:post
    effect: write
    carries_out: approve
"""
POST = ENVIRONMENT[ENVIRONMENT.index("  post:") : ENVIRONMENT.index("  send_back:")]
# Decides by amount and by what was received; each agent carries it out in its own way.
DECIDES = """
def decide(record, tools):
    number = {"po_number": record["po_number"]}
    action = "reject" if record["received"] < record["ordered"] else "approve"
    action = "escalate" if record["amount"] > 10000 else action
    %s
    return {"action": action, "confidence": 0.9}
"""
CARRIED_OUT = """if action == "approve":
        tools.post(**number, amount=record["amount"])
    elif action == "reject":
        tools.send_back(**number, reason="short")
    else:
        tools.hand_over(**number, reason="much")"""
AGENTS = {
    "acts": DECIDES % CARRIED_OUT,
    "does_nothing": DECIDES % "pass",
    "hands_over": DECIDES % 'action = "escalate"; tools.hand_over(**number, reason="unsure")',
    "pays_in_parts": DECIDES % CARRIED_OUT.replace(
        'amount=record["amount"])', 'amount=1.0); tools.post(**number, amount=record["amount"] - 1)'
    ),
}  # fmt: skip
APPROVED = case("approved", "R000")
REJECTED = case("rejected", "R001", expect={"action": "reject"})
ESCALATED = case("escalated", "R000", set={"amount": 10_000.5}, expect={"action": "escalate"})
PLAIN = [APPROVED, REJECTED, ESCALATED]


def acted(root: Path, cases: Sequence[dict[str, Any]], environment: str = ENVIRONMENT) -> Pilot:
    """Return a pilot whose agents act, with cases; `does_not_act` is one that only decides."""
    pilot = acting_pilot(root, AGENTS, n=6, environment=environment)
    (pilot.suite / "tools.py").write_text(TOOLS, encoding="utf-8")
    (pilot.suite / "charter.yaml").write_text(yaml.safe_dump(CHARTER), encoding="utf-8")
    (pilot.suite / "plain.py").write_text((AGENTS["does_nothing"]).replace(", tools", ""), encoding="utf-8")
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    settings["agents"]["does_not_act"] = {"python": "eval_suites/small/plain.py:decide"}
    (pilot.suite / "pilot.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    write_suite(pilot, cases)
    return open_pilot(pilot.name, root)


def derived(pilot: Pilot) -> dict[str, dict[str, int]]:
    dataset, cases = read_dataset(pilot), read_cases(pilot)
    found = expected_states(pilot, cases, case_records(cases, dataset, ground_of(pilot, dataset)))
    return {name: dict(rows) for name, rows in found.items()}


def refusal(pilot: Pilot) -> str:
    """Return what is said where a run stops, and see that nobody was asked."""
    with pytest.raises(InputError, match=r"state|reference call") as caught:
        MAKER.make(pilot, read_dataset(pilot), quietly("acts"))
    assert not (pilot.runs / JOURNAL_FILE).exists(), "an agent was asked"
    return str(caught.value)


@pytest.mark.parametrize(
    ("sql", "adds"),
    [
        ("INSERT INTO returns VALUES (:po_number, :reason)", {"returns": 1}),
        ("INSERT OR REPLACE INTO returns VALUES (:po_number, :reason)", {"returns": 1}),
        ("INSERT INTO returns VALUES (:po_number, :reason) RETURNING *", {"returns": 1}),
        ("INSERT INTO returns VALUES (:po_number, 'a'), (:po_number, :reason)", None),
        ("INSERT INTO returns SELECT po_number, :reason FROM orders WHERE po_number = :po_number", None),
        ("UPDATE returns SET reason = :reason WHERE po_number = :po_number", None),
        ("DELETE FROM returns WHERE po_number = :po_number AND reason = :reason", None),
    ],
)
def test_a_statement_says_which_rows_it_adds_as_far_as_it_does(
    tmp_path: Path, sql: str, adds: dict[str, int] | None
) -> None:
    pilot = acted(tmp_path, PLAIN, ENVIRONMENT.replace("INSERT INTO returns VALUES (:po_number, :reason)", sql))
    assert read_environment(pilot).tools["send_back"].adds == adds


def test_both_derivations_of_a_clean_pilot_agree(tmp_path: Path) -> None:
    by_hand = {**APPROVED, "id": "by-hand", "expect": {"action": "approve", "state": {"postings": 1, "returns": 0}}}
    pilot = acted(tmp_path, [*PLAIN, by_hand, case("a-person", expect={"person": False}, base="R000")])
    assert derived(pilot) == {
        "approved": {"postings": 1},
        "rejected": {"returns": 1},
        "escalated": {"worklist": 1},
        "by-hand": {"postings": 1},
    }


def test_the_shipped_pilot_has_no_disagreement() -> None:
    found = derived(open_pilot("invoice_matching", ROOT))
    assert len(found) >= 200
    assert {json.dumps(one) for one in found.values()} == {'{"postings": 1}', '{"returns": 1}', '{"worklist": 1}'}


def test_a_tool_that_carries_out_the_wrong_action_is_found_by_the_calls_that_a_case_names(tmp_path: Path) -> None:
    swapped = ENVIRONMENT.replace("carries_out: approve", "carries_out: #").replace(
        "carries_out: reject", "carries_out: approve"
    )
    named = case("posts", "R000", expect={"action": "approve", "tools": {"must": ["post"]}})
    said = refusal(acted(tmp_path, [named], swapped.replace("carries_out: #", "carries_out: reject")))
    assert "derivations of an expected state disagree" in said
    assert "hand.yaml, case posts" in said
    assert "table postings: the policy's approve by send_back adds 0, a replay of post adds 1" in said
    assert "table returns: the policy's approve by send_back adds 1, a replay of post adds 0" in said
    assert "correct the case, `carries_out` in environment.yaml, or the tool" in said


def test_a_tool_that_carries_out_the_wrong_action_is_found_by_a_state_by_hand(tmp_path: Path) -> None:
    swapped = ENVIRONMENT.replace("carries_out: approve", "carries_out: #").replace(
        "carries_out: reject", "carries_out: approve"
    )
    stated = case("posts", "R000", expect={"action": "approve", "state": {"postings": 1}})
    said = refusal(acted(tmp_path, [stated], swapped.replace("carries_out: #", "carries_out: reject")))
    assert "a case states another state than it comes to" in said
    assert (
        "table postings: the policy's approve by send_back adds 0, the case states 1, a replay of send_back adds 0"
        in said
    )


def test_a_state_by_hand_that_is_wrong_stops_the_run(tmp_path: Path) -> None:
    for n, (state, table) in enumerate([({"postings": 2}, "postings"), ({"postings": 1, "worklist": 1}, "worklist")]):
        said = refusal(acted(tmp_path / str(n), [case("odd", "R000", expect={"action": "approve", "state": state})]))
        assert f"table {table}: " in said
        assert f"the case states {state[table]}" in said


def test_a_function_that_writes_twice_is_found_by_the_replay_alone(tmp_path: Path) -> None:
    environment = ENVIRONMENT.replace(POST, BY_FUNCTION).replace(", euro: 20000", "")
    assert derived(acted(tmp_path / "clean", PLAIN, environment))["approved"] == {"postings": 2}
    stated = case("odd", "R000", expect={"action": "approve", "state": {"postings": 1}})
    said = refusal(acted(tmp_path / "odd", [stated], environment))
    assert "table postings: the case states 1, a replay of post adds 2" in said
    assert "of approve by post only a replay says what it adds" in said


def test_a_row_that_is_there_already_is_one_less_than_the_statement_says(tmp_path: Path) -> None:
    environment = ENVIRONMENT.replace(
        "postings: {columns: [po_number, amount, key]}",
        "postings: {from_record: [po_number, amount], columns: [key], unique: [po_number]}",
    )
    ignored = environment.replace("INSERT INTO postings", "INSERT OR IGNORE INTO postings")
    said = refusal(acted(tmp_path / "ignored", [APPROVED], ignored))
    assert "table postings: the policy's approve by post adds 1, a replay of post adds 0" in said
    said = refusal(acted(tmp_path / "refused", [APPROVED], environment))
    assert "a reference call of a case cannot be made" in said
    assert "post with {'po_number': '4500000', 'amount': 500.0}: UNIQUE constraint failed: postings.po_number" in said


def test_a_case_that_expects_what_a_limit_forbids_is_refused(tmp_path: Path) -> None:
    said = refusal(acted(tmp_path, [case("dear", "R000", set={"amount": 20_000.5})]))
    assert "the limit of 20,000 euro a decision is reached" in said


def test_two_ways_to_carry_an_action_out_are_both_right(tmp_path: Path) -> None:
    other = POST.replace("  post:", "  pay_out:").replace("INSERT INTO postings VALUES (:po_number, :amount", (
        "INSERT INTO worklist VALUES (:po_number || :amount"
    ))  # fmt: skip
    environment = ENVIRONMENT.replace("limits:", f"{other}limits:".removeprefix("\n"))
    assert derived(acted(tmp_path / "plain", PLAIN, environment)).keys() == {"rejected", "escalated"}
    for n, state in enumerate([{"postings": 1}, {"worklist": 1}]):
        stated = case("one-way", "R000", expect={"action": "approve", "state": state})
        assert derived(acted(tmp_path / str(n), [stated], environment)) == {}
    both = case("both", "R000", expect={"action": "approve", "state": {"postings": 1, "worklist": 1}})
    assert "table worklist" in refusal(acted(tmp_path / "both", [both], environment))


def test_writing_that_carries_nothing_out_counts_where_a_case_names_it(tmp_path: Path) -> None:
    mail = POST.replace("  post:", "  mail:").replace("    carries_out: approve\n", "").replace("postings", "mails")
    environment = ENVIRONMENT.replace("limits:", f"{mail}limits:").replace(
        "  returns:", "  mails: {columns: [po_number, amount, key]}\n  returns:"
    )
    state = {"postings": 1, "mails": 1}
    named = case("mailed", "R000", expect={"action": "approve", "tools": {"must": ["mail"]}, "state": state})
    free = case("free", "R000", expect={"action": "approve", "state": {"mails": 3}})
    found = derived(acted(tmp_path / "named", [named, free], environment))
    assert found == {"mailed": state, "free": {"postings": 1}}
    twice = case("odd", "R000", expect={"action": "approve", "tools": {"must": ["mail"]}, "state": {"mails": 2}})
    assert "table mails: " in refusal(acted(tmp_path / "twice", [twice], environment))


# --- the policy as a function ----------------------------------------------------------------------------------------

LOANS = """
tables:
  payments: {columns: [id, amount]}
  letters: {columns: [id]}
tools:
  pay: {description: Pay it out., sql: "INSERT INTO payments VALUES (:id, :amount)", effect: write,
        arguments: {id: string, amount: number}, carries_out: approve}
  decline: {description: Decline., sql: "INSERT INTO letters VALUES (:id)", effect: write,
            arguments: {id: string}, carries_out: reject}
"""
GRANTED = {
    "amount": 1000, "term_months": 12, "income": 5000, "debts": 0, "age": 40, "score": 700, "employed_months": 60,
}  # fmt: skip


def lending(root: Path, cases: Sequence[dict[str, Any]]) -> Pilot:
    pilot = loan_pilot(root, n=40)
    (pilot.suite / "environment.yaml").write_text(LOANS, encoding="utf-8")
    write_suite(pilot, cases)
    return pilot


def test_a_case_that_expects_another_action_than_the_policy_decides_stops_the_run(tmp_path: Path) -> None:
    pilot = lending(tmp_path, [case("minor", "L000", set={**GRANTED, "age": 17})])
    with pytest.raises(InputError, match="derivations of an expected state disagree") as caught:
        derived(pilot)
    assert "table payments: the policy's reject by decline adds 0, a replay of pay adds 1" in str(caught.value)


def test_of_faults_and_guards_the_policy_knows_nothing(tmp_path: Path) -> None:
    declined = {"action": "reject"}
    fault = [{"tool": "pay", "outcome": "error"}]
    cases = [
        case("fault", "L000", set=GRANTED, expect=declined, faults=fault),
        case("guard", "L000", set=GRANTED, expect={**declined, "guards": ["lengths"]}),
        case(
            "referred", "L000", set={**GRANTED, "term_months": 90}, expect={"action": "refer", "state": {"letters": 0}}
        ),
    ]
    assert derived(lending(tmp_path, cases)) == {"fault": {"letters": 1}, "guard": {"letters": 1}, "referred": {}}


def test_designed_cases_state_what_carrying_them_out_adds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = lending(tmp_path, [case("granted", "L000", set=GRANTED)])
    code, out, told = command_in(tmp_path, monkeypatch, capsys)("cases", "design", pilot.name, "--json")
    assert code == 0, told
    expected = [one.expect for one in read_case_suite(Path(json.loads(out)["file"])).cases if one.expect is not None]
    assert {(one.action, json.dumps(one.state)) for one in expected} == {
        ("approve", '{"letters": 0, "payments": 1}'),
        ("reject", '{"letters": 1, "payments": 0}'),
        ("refer", '{"letters": 0, "payments": 0}'),
    }  # fmt: skip


def test_a_design_stops_where_the_tools_of_the_environment_disagree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = lending(tmp_path, [case("granted", "L000", set=GRANTED)])
    environment = LOANS.replace("letters: {columns: [id]}", "letters: {from_record: [id], unique: [id]}")
    environment = environment.replace("INSERT INTO letters", "INSERT OR IGNORE INTO letters")
    (pilot.suite / "environment.yaml").write_text(environment, encoding="utf-8")
    code, _, told = command_in(tmp_path, monkeypatch, capsys)("cases", "design", pilot.name)
    assert code == 2
    assert "derivations of an expected state disagree" in told
    assert not (pilot.suite / "suites" / "designed.yaml").exists()


# --- what the states find of agents ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stated(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    pilot = acted(tmp_path_factory.mktemp("stated"), PLAIN)
    path = pilot.suite / "suites" / "hand.yaml"
    cases = with_states(pilot, read_dataset(pilot), [Case.model_validate(one) for one in PLAIN], path)
    write_suite(pilot, [one.model_dump(mode="json", by_alias=True, exclude_defaults=True) for one in cases])
    return pilot


def failures(pilot: Pilot, agent: str) -> dict[str, str]:
    cases = MAKER.make(pilot, read_dataset(pilot), quietly(agent)).tables["cases"]
    return {str(one): str(text) for one, text in zip(cases["case"], cases["failures"], strict=True) if text is not None}


def test_an_agent_that_acts_as_it_decides_passes_and_so_does_one_that_does_not_act(stated: Pilot) -> None:
    assert failures(stated, "acts") == {}
    assert failures(stated, "does_not_act") == {}


def test_an_agent_that_does_nothing_fails_every_state(stated: Pilot) -> None:
    found = failures(stated, "does_nothing")
    assert {name: text.partition(";")[0] for name, text in found.items()} == {
        "approved": "expected 1 new in postings, got 0",
        "rejected": "expected 1 new in returns, got 0",
        "escalated": "expected 1 new in worklist, got 0",
    }


def test_an_agent_that_always_escalates_fails_every_state_but_that_of_escalations(stated: Pilot) -> None:
    found = failures(stated, "hands_over")
    assert found.keys() == {"approved", "rejected"}
    assert all("expected 1 new in" in text for text in found.values())


def test_an_agent_that_carries_a_decision_out_in_two_parts_is_found_by_the_rows(stated: Pilot) -> None:
    found = failures(stated, "pays_in_parts")
    assert found == {"approved": "expected 1 new in postings, got 2; writes the same twice"}
