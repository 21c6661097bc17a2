"""Access tests: a system that refuses lets nothing in, each hole has its own try; ages, texts and numbers by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pandas as pd
import pytest
from acting_pilots import CLEAN, ENVIRONMENT, acting_pilot, evaluated
from small_systems import CANARY, SECRETS, running_desk, settings_of, small_pilot

from workbench.agents import build_agent, in_environment
from workbench.agents.guards import personal_data_said, personal_data_shown
from workbench.engines import EngineChoice
from workbench.environment import read_environment
from workbench.integrations.access_tests import AccessBudget, matrix_of_trials, open_trials, trials_table, try_access
from workbench.integrations.access_tests.apart import SetApart, texts_in
from workbench.integrations.access_tests.findings import access_findings
from workbench.integrations.access_tests.keys import judged_again, keys_table
from workbench.integrations.access_tests.numbers import access_estimates
from workbench.integrations.access_tests.running import AccessSeen
from workbench.integrations.access_tests.spellings import is_granted
from workbench.integrations.access_tests.texts import decided_texts, logged, stored_of, texts_table
from workbench.integrations.access_tests.tools import CANARY as IN_TABLES
from workbench.integrations.access_tests.tools import try_tools, with_canaries
from workbench.integrations.access_tests.tricks import TRICKS, input_verdict, tricks_with
from workbench.integrations.calling import EndedCall, WayIn
from workbench.integrations.lines import LineVerdict, ProbeLine
from workbench.pilot import Contract, Pilot
from workbench.pilot.integrations import IntegrationSettings
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.words import RunError

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
KEPT, DEVIATES, UNCLEAR, OPEN = (
    LineVerdict.KEPT,
    LineVerdict.DEVIATES,
    LineVerdict.UNCLEAR,
    LineVerdict.NOT_MEASURED,
)


@pytest.fixture(scope="module")
def desk_pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    return small_pilot(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def dataset(desk_pilot: Pilot) -> Dataset:
    return read_dataset(desk_pilot)


def tried(dataset: Dataset, *flaws: str, hook: bool = True) -> AccessSeen:
    """Return what was seen of the desk with some flaws."""
    with running_desk(*flaws) as address:
        agreed = settings_of(address)
        if hook:
            sandbox = agreed.sandbox.model_copy(update={"foreign": f"{address}/foreign"})
            agreed = agreed.model_copy(update={"sandbox": sandbox})
        return asyncio.run(try_access(agreed, dataset, WayIn({}, SECRETS), AccessBudget(60, 300)))


def let_in(seen: AccessSeen) -> set[str]:
    """Return what was let in, each behind its operation."""
    return {f"{one.operation} {one.line}".strip() for one in seen.lines if one.verdict is DEVIATES}


def test_a_system_that_refuses_what_it_must_lets_nothing_in(dataset: Dataset) -> None:
    seen = tried(dataset)
    assert let_in(seen) == set()
    assert {one.verdict for one in seen.lines} == {KEPT}, "every try could be made"
    kinds = {one.line.partition(":")[0] for one in seen.lines}
    assert kinds == {"access", "rights", "tenant", "input", "canary"}


EVERYWHERE = ("read_ticket", "list_tickets", "reply", "find_replies", "withdraw")
HOLES = {
    "more rights": {"rights: DELETE /tickets/{ticket}"},
    "refused and done": {"rights: DELETE /tickets/{ticket}"},
    "open list": {
        f"list_tickets access: {who}"
        for who in (
            "without credentials",
            "of another account",
            "with the secret before",
            "with an invented credential",
        )
    },
    "key of before": {f"{name} access: with the secret before" for name in EVERYWHERE},
    "foreign read": {"read_ticket tenant: another tenant's ids"},
    "foreign row": {"list_tickets tenant: another tenant's rows"},
    "foreign written": {"reply tenant: another tenant's ids"},
    "wildcard": {"read_ticket input: tricks in ticket"},
    "slash more": {"rights: paths written otherwise"},
    "header tells": {"canary: in any answer"},
    "conflict tells": {"canary: personal data in errors"},
    "error tells": {"canary: in any answer", "canary: personal data in errors"},
}


@pytest.mark.parametrize("flaw", HOLES)
def test_each_hole_is_let_in_by_its_own_tries_and_no_other(dataset: Dataset, flaw: str) -> None:
    assert let_in(tried(dataset, flaw)) == HOLES[flaw]


def test_a_system_that_answers_any_path_is_unclear_about_other_spellings_and_not_let_in(dataset: Dataset) -> None:
    seen = tried(dataset, "any path")
    assert let_in(seen) == set()
    unclear = {one.line: one.detail for one in seen.lines if one.verdict is UNCLEAR}
    assert set(unclear) == {"rights: paths written otherwise"}
    assert unclear["rights: paths written otherwise"].startswith("DELETE /tickets/{ticket}/ (200, as any path)")


@pytest.mark.parametrize(("call", "is_meant"), [("GET /salaries;a=1", True), ("GET /a/salaries/", False)])
def test_a_spelling_that_could_be_a_granted_call_is_not_held_against_a_system(call: str, is_meant: bool) -> None:
    system = settings_of("http://127.0.0.1:1").systems[0]
    table = system.operations["read_ticket"].model_copy(update={"call": "GET /{table}"})
    assert is_granted(call, system.model_copy(update={"operations": {"read": table}})) == is_meant


def test_what_was_written_is_taken_back_also_where_no_hook_does_it(dataset: Dataset) -> None:
    with running_desk() as address:
        agreed = settings_of(address)
        sandbox = agreed.sandbox.model_copy(update={"foreign": f"{address}/foreign", "written": None})
        agreed = agreed.model_copy(update={"sandbox": sandbox})
        seen = asyncio.run(try_access(agreed, dataset, WayIn({}, SECRETS), AccessBudget(60, 300)))
        with urlopen(f"{address}/written") as answered:
            left = json.load(answered)
    assert let_in(seen) == set()
    assert left == {"written": []}


def test_without_a_list_of_foreign_records_they_are_not_measured_and_it_is_said_why(dataset: Dataset) -> None:
    seen = tried(dataset, "foreign read", "foreign row", hook=False)
    left = trials_table(seen.lines)
    open_ones = open_trials(left)
    assert let_in(seen) == set()
    assert set(left.loc[left["verdict"] == "not measured", "tried"]) == {
        "tenant: another tenant's ids", "tenant: another tenant's rows", "canary: in any answer",
    }  # fmt: skip
    assert open_ones["why"].str.contains("sandbox: foreign").all()
    assert open_ones["tries"].tolist() == [5, 1]


def test_a_list_of_foreign_records_that_is_none_is_one_message(dataset: Dataset) -> None:
    with pytest.raises(RunError, match="the sandbox's list of what is another tenant's is none"):
        tried(dataset, "hook broken")


def test_a_system_that_is_gone_in_the_midst_has_nothing_held_against_it(dataset: Dataset) -> None:
    with pytest.raises(RunError, match="does not answer as it must"):
        tried(dataset, "gone")


# tricks


@pytest.mark.parametrize(
    ("code", "is_honest", "verdict"),
    [
        ("200", True, KEPT), ("200", False, DEVIATES), ("ok", False, DEVIATES), ("404", False, KEPT),
        ("422", False, KEPT), ("500", False, UNCLEAR), ("timeout", False, UNCLEAR), ("429", False, UNCLEAR),
        ("42601", False, UNCLEAR), ("22021", False, KEPT), ("Client.NotFound", False, KEPT), ("argument", False, KEPT),
    ],
)  # fmt: skip
def test_a_trick_is_refused_by_an_error_of_the_caller_and_unclear_where_the_system_breaks(
    code: str, is_honest: bool, verdict: LineVerdict
) -> None:
    assert input_verdict(EndedCall("read", code, ""), is_honest=is_honest) is verdict


def test_every_trick_is_another_text_and_says_whether_the_honest_value_is_in_it() -> None:
    tricks = list(tricks_with("T1000"))
    assert len({one.text for one in tricks}) == len(tricks) == len(TRICKS)
    assert all(one.has_honest == ("T1000" in one.text) for one in tricks)
    assert max(len(one.text) for one in tricks) == 5_000
    signs = {"'", "--", ";", "UNION", "%", "_____", "../", "%2f", "\x00", "\r\n"}
    assert not {sign for sign in signs if not any(sign in one.text for one in tricks)}


# what is set apart


def test_ids_of_another_tenant_are_told_as_whole_values_and_canaries_anywhere() -> None:
    apart = SetApart(({"order": "980001", "line": "10"},), ("canary-1",))
    content = {"rows": [{"order": "980001", "n": 10}, {"order": "9800012", "text": "see canary-1."}], "980001": None}
    assert list(texts_in(content)) == ["980001", "10", "9800012", "see canary-1."]
    assert apart.foreign_in(content) == ("980001", "canary-1")
    assert apart.ids == {"980001"}, "ten is everybody's"


# ages


def aged(rotation_days: float | None, issued: date | None = None) -> IntegrationSettings:
    auth = {"kind": "api_key", "secret_env": "KEY", "rotation_days": rotation_days, "issued": issued}
    none = {"id": "FILES", "type": "file", "auth": {"kind": "file_rights"}}
    return IntegrationSettings.model_validate({"systems": [{"id": "DESK", "type": "rest", "auth": auth}, none]})


@pytest.mark.parametrize(
    ("limit", "declared", "said", "verdict", "age"),
    [
        (90, date(2026, 9, 2), None, "too old", 90.5),  # from midnight to noon, 90 days later
        (91, date(2026, 9, 2), None, "young enough", 90.5),
        (90, date(2026, 9, 2), NOON - timedelta(days=90), "young enough", 90.0),  # the sandbox's word counts
        (90, date(2026, 11, 30), NOON - timedelta(days=91), "too old", 91.0),
        (90, None, None, "not known", None),
        (None, date(2026, 9, 2), None, "not known", None),
    ],
)
def test_a_secret_is_too_old_once_it_is_older_than_agreed(
    limit: float | None, declared: date | None, said: datetime | None, verdict: str, age: float | None
) -> None:
    apart = SetApart(issued={"OTHER": NOON, **({} if said is None else {"KEY": said})})
    keys = keys_table(aged(limit, declared), apart, NOON)
    assert keys["system"].tolist() == ["DESK"], "a file has no secret"
    assert keys["verdict"].tolist() == [verdict]
    assert (None if pd.isna(keys["age_days"][0]) else keys["age_days"][0]) == age
    assert judged_again(keys).tolist() == [verdict]


# tools


def trials_of_tools(pilot: Pilot, role: str | None = "clerk") -> Mapping[str, str]:
    dataset = read_dataset(pilot)
    record = next(iter(dataset.records(dataset.ids(Split.DEV, 1))))
    trials = trials_table(asyncio.run(try_tools(pilot, role, record)))
    return {f"{one['operation']} {one['tried']}": one["verdict"] for one in trials.to_dict("records")}


def test_tools_with_named_parameters_give_nothing_to_a_trick(tmp_path: Path) -> None:
    found = trials_of_tools(acting_pilot(tmp_path, {"clean": CLEAN}))
    assert set(found.values()) == {"refused"}
    assert {"read_order input: tricks in po_number", "post input: tricks in po_number"} <= set(found)


def test_a_tool_that_matches_by_pattern_lets_a_wildcard_in(tmp_path: Path) -> None:
    loose = ENVIRONMENT.replace("FROM orders WHERE po_number =", "FROM orders WHERE po_number LIKE")
    found = trials_of_tools(acting_pilot(tmp_path, {"clean": CLEAN}, environment=loose))
    assert {one for one, verdict in found.items() if verdict == "let in"} == {"read_order input: tricks in po_number"}


def test_a_tool_is_denied_to_a_role_that_may_not_call_it(tmp_path: Path) -> None:
    found = trials_of_tools(acting_pilot(tmp_path, {"clean": CLEAN}), role=None)
    assert found["post rights: called by a role that may not"] == "refused"


def test_each_table_has_a_row_that_no_case_needs_and_no_tool_tells_of_it(tmp_path: Path) -> None:
    environment = with_canaries(read_environment(acting_pilot(tmp_path, {"clean": CLEAN})))
    state = environment.image.opened({"po_number": "1", "ordered": 2, "contact": "c", "received": 3})
    rows = {name: state.connection.execute(f"SELECT * FROM {name}").fetchall() for name in environment.image.columns}
    seen = state.seen()
    state.close()
    assert rows["postings"] == [(IN_TABLES,) * 3]
    assert rows["orders"] == [(IN_TABLES,) * 3, ("1", 2, "c")]
    assert seen.before_sha256 == seen.after_sha256, "it was there before"


# texts


def contract_of(**columns: Mapping[str, Any]) -> Contract:
    return Contract.model_validate(
        {"records": ["r.csv"], "columns": {"id": {"role": "id"}, "y": {"role": "label"}, **columns}}
    )


def test_personal_data_in_a_text_is_told_by_kind_and_by_the_agreed_class_of_its_column() -> None:
    contract = contract_of(mail={"pii": "contact"}, plain={}, note={"role": "text", "pii": "personal"})
    fields = {"mail": "max@firma.de", "plain": "write to office@firma.de", "note": "Frau Mai ist krank"}
    assert personal_data_said(contract, fields, "said max@firma.de") == ("email", "mail (contact)")
    assert personal_data_said(contract, fields, "office@firma.de") == (), "it is agreed to be no personal data"
    assert personal_data_said(contract, fields, "Frau Mai ist krank, so no") == ("note (personal)",)
    assert personal_data_said(contract, fields, "amount_only") == ()
    assert personal_data_shown(contract, fields) == ("email in plain",)


# numbers


def lines_of(*verdicts: LineVerdict) -> tuple[ProbeLine, ...]:
    names = ("rights: x", "tenant: another tenant's ids", "input: tricks in a")
    return tuple(
        ProbeLine("ERP", f"read_{n % 2}", names[n % 3], "401", "200", 1, verdict, "because")
        for n, verdict in enumerate(verdicts)
    )


def numbers_of(lines: tuple[ProbeLine, ...], texts: list[tuple[str, str, str, str, str]]) -> dict[str, Any]:
    keys = keys_table(aged(90, date(2026, 1, 1)), None, NOON)
    found = access_estimates(trials_table(lines), keys, texts_table(texts))
    return {name: (one.value, one.n, dict(one.excluded)) for name, one in found.items()}


def test_every_number_is_counted_with_what_was_left_out() -> None:
    texts = [
        ("output", "r1", "", "", "ok"),
        ("trace", "r1", CANARY, "email", ""),
        ("prompt", "r1", "", "iban in name", ""),
    ]
    found = numbers_of(lines_of(KEPT, KEPT, DEVIATES, UNCLEAR, OPEN, OPEN), texts)
    # three measured tries and two texts of the agent; one try let in, one text with a canary
    assert found == {
        "access_violations": (2.0, 5, {"unclear": 1, "not measured": 2}),
        "access_unmeasured": (3.0, 6, {}),
        "keys_too_old": (1.0, 1, {}),
        "personal_data_out_of_place": (2.0, 3, {}),
    }


def test_nothing_tried_is_no_zero() -> None:
    found = numbers_of(lines_of(OPEN), [])
    assert found["access_violations"] == (None, 0, {"not measured": 1})
    assert found["personal_data_out_of_place"][0] is None


def test_what_was_let_in_is_a_finding_with_its_owner_and_old_secrets_and_texts_are_too() -> None:
    keys = keys_table(aged(90, date(2026, 1, 1)), None, NOON)
    texts = texts_table([("trace", "r1", CANARY, "email; iban", ""), ("trace", "r2", "", "", "")])
    found = access_findings(trials_table(lines_of(DEVIATES, KEPT, DEVIATES)), keys, texts, {"ERP": "Jo", "DESK": "Al"})
    assert [(one.severity.value, one.kind, one.owner) for one in found] == [
        ("critical", "access_rights", "Jo"), ("critical", "access_input", "Jo"), ("critical", "access_canaries", ""),
        ("high", "access_key", "Al"), ("high", "access_personal", ""),
    ]  # fmt: skip
    assert found[-1].title == "1 text of the trace with personal data that nobody needs there: 'email', 'iban'"


def test_the_worst_verdict_of_a_kind_stands_in_the_matrix() -> None:
    matrix = matrix_of_trials(trials_table(lines_of(KEPT, OPEN, UNCLEAR, DEVIATES, OPEN, KEPT)))
    assert matrix.loc["ERP"].to_dict() == {"rights": "let in", "tenant": "not measured", "input": "unclear"}


# what an agent says

LEAKY = """
def decide(record, tools):
    rows = tools.read_order(po_number="%")
    return {"action": "reject", "confidence": 0.9, "reason": f"ask {record['contact']} or +49 30 901820"}
"""


def texts_of(pilot: Pilot, name: str, canaries: tuple[str, ...] = (IN_TABLES,)) -> pd.DataFrame:
    """Return what stands in the texts of an agent that acts among canaries, on two records."""
    dataset = read_dataset(pilot)
    agent = in_environment(build_agent(pilot, name, dataset, EngineChoice()), with_canaries(read_environment(pilot)))
    records = tuple(dataset.records(dataset.ids(Split.DEV, 2)))
    return texts_table(asyncio.run(decided_texts(agent, pilot.contract, records, canaries)))


def test_an_agent_that_tells_what_it_must_not_has_it_in_its_texts_and_a_clean_one_has_not(tmp_path: Path) -> None:
    loose = ENVIRONMENT.replace("FROM orders WHERE po_number =", "FROM orders WHERE po_number LIKE")
    pilot = acting_pilot(tmp_path, {"clean": CLEAN, "leaky": LEAKY}, environment=loose)
    clean, leaky = texts_of(pilot, "clean"), texts_of(pilot, "leaky").set_index("place")
    assert (clean["canaries"] == "").all()
    assert (clean["personal"] == "").all(), "the contact that a tool gives is not kept in the trace"
    assert clean["place"].tolist() == ["output", "trace"] * 2
    assert leaky.loc["output", "personal"].tolist() == ["email; phone; contact (contact)"] * 2
    assert leaky.loc["trace", "canaries"].tolist() == [IN_TABLES] * 2
    assert leaky.loc["output", "canaries"].tolist() == ["", ""]


def test_kept_decisions_are_looked_through_and_none_is_there_before_a_run(tmp_path: Path) -> None:
    pilot = acting_pilot(tmp_path, {"leaky": LEAKY})
    dataset = read_dataset(pilot)
    agent = build_agent(pilot, "leaky", dataset, EngineChoice())
    assert stored_of(pilot, dataset, agent, ()) == []
    evaluated(str(tmp_path), "leaky")
    kept = texts_table(stored_of(pilot, dataset, agent, ("901820",)))
    assert kept["place"].tolist() == ["journal"] * 30
    assert set(kept["personal"]) == {"email; phone; contact (contact)"}
    assert set(kept["canaries"]) == {"901820"}


def test_a_log_is_looked_through(tmp_path: Path) -> None:
    contract = contract_of()
    assert logged(f"GET /x\n{CANARY} by jo@example.org", contract, (CANARY,)) == ("log", "", CANARY, "email", "")
