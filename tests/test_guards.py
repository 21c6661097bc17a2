"""Guards around agents: each on a planted fault and on what is in order, and what a trace keeps of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guarded_agents import ALL, Sayer, decisions, guarded, guarded_pilot, judged, record, said

from workbench.agents import GUARDS, REPEAT, Decision, agent_with, repeated
from workbench.agents.guards import GuardedAgent, guards_of, with_guards
from workbench.agents.guards.numbers import cited_numbers, readings
from workbench.environment import Cited, GuardEvent, GuardVerdict, Reasoning, SaidBy, Stage, ToolCall, Trace
from workbench.metrics import Status
from workbench.pilot import GuardName, Pilot, open_pilot
from workbench.pilot.contract import Column
from workbench.records.splits import read_dataset
from workbench.words import InputError

LABELS = ("approve", "reject", "escalate")
IBAN = "DE89370400440532013000"


@pytest.fixture(scope="module")
def pilots(tmp_path_factory: pytest.TempPathFactory) -> dict[GuardName, Pilot]:
    """Return a pilot for each guard, with that one alone."""
    return {name: guarded_pilot(tmp_path_factory.mktemp(name.value), [name]) for name in GuardName}


def event_of(decision: Decision) -> GuardEvent:
    """Return the one guard that stepped in."""
    assert decision.trace is not None
    (event,) = decision.trace.of(GuardEvent)
    return event


def test_a_decision_in_order_passes_all_guards_as_it_is(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path)
    for decision in (
        said(),
        said("reject", "price_variance"),
        said("reject", "price 1234.56 is 2.5% above"),
        said(reason=None),
    ):
        assert judged(pilot, decision) == replace(decision, record_id="r1")


@pytest.mark.parametrize(
    ("name", "fields", "rule"),
    [
        (GuardName.LENGTHS, {"note": "x " * 1000}, "note has 2,000 characters, at most 60 are agreed"),
        (GuardName.ALLOWED_VALUES, {"status": "aktiv"}, "status holds 'aktiv', which is not allowed"),
    ],
)
def test_an_agent_is_not_shown_what_the_contract_does_not_know(
    pilots: dict[GuardName, Pilot], name: GuardName, fields: dict[str, Any], rule: str
) -> None:
    asked = Sayer(lambda _: said())
    agent = with_guards(asked, pilots[name], LABELS, None)
    found = decisions(agent, record(1, **fields), record(2), record(3, **fields))
    assert asked.asked == ["r2"]
    assert found["r2"] == replace(said(), record_id="r2")
    denied = found["r1"]
    assert (denied.status, denied.action, denied.confidence) == (Status.OK, "escalate", None)
    assert (denied.attempts, denied.latency_s, denied.reason) == (0, 0.0, f"guard: {name.value}; {rule}")
    event = event_of(denied)
    assert (event.name, event.stage, event.verdict, event.rule) == (name, Stage.INPUT, GuardVerdict.DENY, rule)


def test_an_empty_cell_and_one_as_long_as_agreed_are_shown(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path, [GuardName.LENGTHS, GuardName.ALLOWED_VALUES])
    assert judged(pilot, said(), note="x" * 60, status=None).trace is None


def test_more_records_than_the_agent_takes_at_once_may_be_denied(pilots: dict[GuardName, Pilot]) -> None:
    asked = Sayer(lambda _: said())
    agent = with_guards(asked, pilots[GuardName.LENGTHS], LABELS, None)
    records = [record(number, note="x" * (100 if number % 3 else 10)) for number in range(60)]
    found = decisions(agent, *records)
    assert len(found) == 60
    assert sorted(asked.asked) == sorted(f"r{number}" for number in range(0, 60, 3))


@pytest.mark.parametrize(
    ("action", "reason", "steps_in"),
    [
        ("approve", "price_variance", True),
        ("approve", "Price_Variance: 3% above", True),
        ("approve", "dispute - the vendor objects", True),
        ("reject", "match", True),
        ("reject", "price_variance", False),
        ("approve", "match", False),
        ("approve", "no price_variance was found", False),  # models phrase freely
        ("approve", "something else", False),
        ("escalate", "match", False),  # a person decides anyway
        ("approve", None, False),
    ],
)
def test_a_reason_that_goes_with_other_actions_gives_the_decision_to_a_person(
    pilots: dict[GuardName, Pilot], action: str, reason: str | None, steps_in: bool
) -> None:
    found = judged(pilots[GuardName.REASON_IMPLIES_ACTION], said(action, reason))
    assert (found.trace is not None) is steps_in
    if steps_in:
        assert (found.action, found.confidence, found.logprob) == ("escalate", None, None)
        assert event_of(found).changed == {"action": action, "confidence": 0.97, "reason": reason}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"status": "blocked"}, "blocked"),
        ({"amount": 900.01}, "limit"),
        ({"note": "a dispute is open"}, "dispute"),  # only the written policy knows
        ({"note": "cannot be read"}, "the written policy could not decide"),
        ({"amount": 900.0}, None),
        ({"amount": None, "status": None, "note": None}, None),
    ],
)
def test_what_the_charter_gives_to_a_person_reaches_one(
    pilots: dict[GuardName, Pilot], fields: dict[str, Any], rule: str | None
) -> None:
    found = judged(pilots[GuardName.MUST_REACH_A_PERSON], said(), **fields)
    assert found.action == ("approve" if rule is None else "escalate")
    assert rule is None or str(event_of(found).rule).startswith(rule)


def test_a_category_that_the_agent_itself_names_reaches_a_person_without_a_policy(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path, [GuardName.MUST_REACH_A_PERSON])
    (pilot.suite / "process.yaml").unlink()
    assert judged(pilot, said("approve", "dispute"), note="a dispute is open").action == "escalate"
    assert judged(pilot, said("approve", "match"), note="a dispute is open").action == "approve"
    (guard,) = guards_of(pilot, LABELS)
    assert guard.identity["unrecognised"] == ["dispute", "insight"]


def test_with_a_policy_only_what_people_know_is_unrecognised(pilots: dict[GuardName, Pilot]) -> None:
    (guard,) = guards_of(pilots[GuardName.MUST_REACH_A_PERSON], LABELS)
    assert guard.identity["unrecognised"] == ["insight"]


@pytest.mark.parametrize(
    "text",
    [
        f"pay to {IBAN}",
        "card 4111 1111 1111 1111",
        "ask max.mustermann@firma.de",
        "call +49 30 1234567",
    ],
)
def test_personal_data_in_a_reason_a_reply_and_evidence_is_masked(pilots: dict[GuardName, Pilot], text: str) -> None:
    events = (Cited(field="note", value=text), Reasoning(source=SaidBy.REPORTED, text=text))
    decision = said("approve", text, text=f'{{"action": "approve", "reason": "{text}"}}', trace=Trace(events))
    found = judged(pilots[GuardName.SENSITIVE_DATA], decision, note=text)
    secret = text.split(maxsplit=2)[-1].split()[-1]
    assert (found.action, found.confidence, found.tokens) == ("approve", 0.97, None)
    assert found.trace is not None
    for told in (found.reason, found.text, found.trace.as_json()):
        assert told is not None
        assert secret not in told
        assert "[" in told
    event = event_of(found)
    assert (event.verdict, event.changed) == (GuardVerdict.MODIFY, None)


def test_what_a_business_column_holds_is_no_secret(pilots: dict[GuardName, Pilot]) -> None:
    pilot = pilots[GuardName.SENSITIVE_DATA]
    assert judged(pilot, said("approve", "order +49 30 1234567"), price="+49 30 1234567").trace is None
    assert judged(pilot, said("approve", "VAT id DE136695976")).trace is None  # a business's number


def test_masked_data_is_not_kept_by_a_later_guard(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path, [GuardName.MUST_REACH_A_PERSON, GuardName.SENSITIVE_DATA])
    found = judged(pilot, said("approve", f"pay to {IBAN}"), status="blocked")
    assert found.action == "escalate"
    assert found.trace is not None
    assert IBAN not in found.trace.as_json()


@pytest.mark.parametrize(
    ("reason", "is_grounded"),
    [
        ("the price is 1234.56", True),
        ("the price is 1,234.56 EUR", True),
        ("der Preis ist 1.234,56 EUR", True),
        ("about 1,235 euro", True),  # rounded as it is cited
        ("above the limit of 250 euro", True),  # the policy's own
        ("2 of 3 lines, 7.3% above, on 2026-01-31 at 10:45", True),
        ("order RE-2025-0012", True),
        ("the price is 1234.65", False),
        ("the price is 12.345,6 EUR", False),
        ("above the limit of 350 euro", False),
    ],
)
def test_an_amount_that_stands_nowhere_gives_the_decision_to_a_person(
    pilots: dict[GuardName, Pilot], reason: str, is_grounded: bool
) -> None:
    found = judged(pilots[GuardName.GROUNDING], said("approve", reason))
    assert (found.action == "approve") is is_grounded


def test_an_amount_may_come_from_a_tool_that_was_seen_but_not_from_one_that_is_only_told(
    pilots: dict[GuardName, Pilot],
) -> None:
    for source, action in ((SaidBy.OBSERVED, "approve"), (SaidBy.REPORTED, "escalate")):
        call = ToolCall(source=source, name="read_order", call="c1", result={"lines": [{"net": "4.321,00"}]})
        found = judged(pilots[GuardName.GROUNDING], said("approve", "ordered for 4321", trace=Trace((call,))))
        assert found.action == action


@pytest.mark.parametrize(
    ("cited", "is_grounded"),
    [
        (Cited(field="price", value=1234.56), True),
        (Cited(field="note", value="All in  order"), True),
        (Cited(tool_call="c1", value="77,50"), True),
        (Cited(field="price", value=1234.65), False),
        (Cited(field="prize", value=1234.56), False),
        (Cited(tool_call="c1", value=78), False),
        (Cited(tool_call="c2", value=77.5), False),
    ],
)
def test_evidence_names_what_was_given_and_what_stands_there(
    pilots: dict[GuardName, Pilot], cited: Cited, is_grounded: bool
) -> None:
    call = ToolCall(name="read_order", call="c1", result={"freight": 77.5})
    found = judged(pilots[GuardName.GROUNDING], said(trace=Trace((call, cited))))
    assert (found.action == "approve") is is_grounded


def test_numbers_are_read_in_every_writing() -> None:
    # by hand: the last of two signs is the decimal one; one sign before three digits may be either
    written = {"1.234,56": {1234.56}, "1,234,567": {1234567}, "12.5": {12.5}, "0.250": {0.25}, "1'234.5": {1234.5}}
    written |= {"1.234": {1.234, 1234}, "12.34.56": set(), "1.23,4": set(), "250": {250}}
    assert {text: {one.value for one in readings(text)} for text in written} == written
    assert [one.text for one in cited_numbers("12 345,60 at 3 %, 4.5% of 7.50; -80, x9, 9x, A-12, 12/3")] == [
        "12 345,60", "7.50", "80",
    ]  # fmt: skip


def test_without_a_label_for_a_person_a_guard_takes_the_confidence(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path, escalate_label=None)
    found = judged(pilot, said("approve", "price_variance"))
    assert (found.status, found.action, found.confidence) == (Status.OK, "approve", None)
    denied = judged(pilot, said(), note="x" * 100)
    assert (denied.status, denied.cause, denied.action, denied.attempts) == (Status.INVALID, "guard", None, 0)


def test_what_is_no_decision_passes_through(tmp_path: Path) -> None:
    failed = Decision("r1", Status.FAILED, cause="timeout", attempts=2)
    assert judged(guarded_pilot(tmp_path), failed, status="blocked") == failed


def test_one_guard_gives_a_decision_to_a_person_and_the_next_leaves_it(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path)
    found = judged(pilot, said("approve", "price_variance"), status="blocked", amount=5000.0)
    assert event_of(found).name == GuardName.REASON_IMPLIES_ACTION


def test_guards_make_another_version_whatever_their_order_and_none_makes_none(tmp_path: Path) -> None:
    def identity(folder: str, guards: tuple[GuardName, ...]) -> Any:
        pilot = guarded_pilot(tmp_path / folder, guards)
        return agent_with(pilot, "none", read_dataset(pilot), lambda: pytest.fail("no engine")).identity

    assert identity("none", ()) == {"http": "http://127.0.0.1:9"}
    forth, back = identity("forth", ALL), identity("back", ALL[::-1])
    assert forth == back
    assert [one["name"] for one in forth[GUARDS]] == [one.value for one in GuardName]
    assert identity("one", (GuardName.LENGTHS,))[GUARDS] == [{"name": "lengths", "max_length": {"note": 60}}]


def test_another_policy_is_another_version(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path, [GuardName.MUST_REACH_A_PERSON])
    before = guarded(pilot, said()).identity
    path = pilot.suite / "policy.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nMORE = 1\n", encoding="utf-8")
    assert guarded(pilot, said()).identity != before


def test_a_repeat_of_a_guarded_agent_is_guarded(tmp_path: Path) -> None:
    pilot = guarded_pilot(tmp_path)
    agent = agent_with(pilot, "none", read_dataset(pilot), lambda: pytest.fail("no engine"))
    again = repeated(agent, 2, 0.7)
    assert isinstance(again.asked, GuardedAgent)
    assert again.identity == {**agent.identity, REPEAT: {"number": 2, "temperature": None}}
    assert again.name == "none repeat 2"


@pytest.mark.parametrize(
    ("name", "file", "content", "wanted"),
    [
        (GuardName.LENGTHS, "contract", {"max_length": None}, "`max_length` of a column"),
        (GuardName.REASON_IMPLIES_ACTION, "process.yaml", "{}", "a rule in process.yaml whose decision is a label"),
        (GuardName.MUST_REACH_A_PERSON, "charter.yaml", '{"process": "x"}', "`high_risk` or `authority`"),
    ],
)
def test_a_guard_that_has_nothing_to_go_by_is_refused(
    tmp_path: Path, name: GuardName, file: str, content: Any, wanted: str
) -> None:
    pilot = guarded_pilot(tmp_path, [name])
    if file == "contract":
        columns = {one: Column(**{**column.model_dump(), **content}) for one, column in pilot.contract.columns.items()}
        pilot = replace(pilot, contract=pilot.contract.model_copy(update={"columns": columns}))
    else:
        (pilot.suite / file).write_text(content, encoding="utf-8")
        pilot = open_pilot("small", tmp_path)
    with pytest.raises(InputError, match="has nothing to go by") as refused:
        guarded(pilot, said())
    assert wanted in str(refused.value)


def test_a_guard_given_twice_and_an_unknown_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="guards are named once each"):
        guarded_pilot(tmp_path / "twice", [GuardName.LENGTHS, GuardName.LENGTHS])
    with pytest.raises(InputError, match="does not fit"):
        guarded_pilot(tmp_path / "unknown", ["length"])


def test_only_text_has_a_length() -> None:
    with pytest.raises(ValueError, match="max_length belongs to a column of type string, not number"):
        Column(type="number", max_length=4)
