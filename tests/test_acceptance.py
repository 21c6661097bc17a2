"""Acceptance by users: what was agreed, what happened at the desk, and what of it counts at Gate 3."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from acceptance_pilots import (
    PEOPLE,
    REVIEW,
    Clock,
    agreed_pilot,
    careful,
    decided,
    desk_of,
    facts_now,
    held,
    held_pilot,
    made,
    opened_pilot,
    plan,
    said,
    sign_plan,
    trusting,
)
from answering_pilots import write

from workbench.desk import Card, ReviewItem, desk_path
from workbench.evidence import Answer, Terms, exhibit_folder, read_exhibit
from workbench.metrics import State
from workbench.pilot import (
    AcceptanceSettings,
    Pilot,
    QueueName,
    Severity,
    TriageDecision,
    TriagedIssue,
    read_acceptance,
    read_triage,
    write_triage,
)
from workbench.pilot.pilot import open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.review import ACCEPTANCE
from workbench.review.acceptance import fill_session
from workbench.review.acceptance.seen import session_item_id
from workbench.words import InputError, SignatureError


@pytest.fixture(scope="session")
def opened(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Return the root of a pilot whose holdout was opened for two versions."""
    return once("acceptance", opened_pilot)


@pytest.fixture(scope="session")
def once_held(once: Callable[[str, Callable[[Path], object]], Path], opened: Path) -> Path:
    """Return the root of that pilot after both sessions were held on `good`."""
    return once("acceptance_held", lambda root: held_pilot(root, opened))


@pytest.fixture
def pilot(tmp_path: Path, opened: Path) -> Pilot:
    """Return the pilot before anything happened."""
    return agreed_pilot(tmp_path, opened)


@pytest.fixture
def tried(tmp_path: Path, once_held: Path) -> Pilot:
    """Return the pilot after both sessions were held on `good`, as agreed."""
    shutil.copytree(once_held, tmp_path, dirs_exist_ok=True)
    return open_pilot("small", tmp_path)


def answer(pilot: Pilot, agent: str = "good") -> Answer:
    """Return what the check says of the exhibit made now."""
    made(pilot, agent)
    return ACCEPTANCE.checks[0].answer(facts_now(pilot, agent), Terms({}))


def triaged(pilot: Pilot, issue: str, **entry: Any) -> None:
    """Put what was decided on an issue into triage.yaml."""
    known = {"severity": "critical", "owner": "Stahl", "decision": "fix", **entry}
    issues = {**read_triage(pilot.suite).issues, issue: TriagedIssue.model_validate(known)}
    write_triage(pilot.suite, read_triage(pilot.suite).model_copy(update={"issues": issues}))


def first_item(pilot: Pilot) -> str:
    with desk_of(pilot, Clock()) as desk:
        return str(desk.items()["item"].iloc[0])


def version(pilot: Pilot, agent: str) -> str:
    """Return the digest of an agent's version as the ledger has it."""
    from workbench.records.ledger import read_ledger
    from workbench.records.splits import ledger_path

    openings = read_ledger(ledger_path(pilot))
    return next(one.purpose.agent_digest for one in openings if one.purpose.agent == agent)


# What was agreed


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda one: one.update(least_sessions=3), "least_sessions is 3, and 2 are planned"),
        (lambda one: one.update(least_users=5), "least_users is 5, and 4 take part"),
        (lambda one: one["sessions"][0].update(participants=["ann", "zoe"]), "names 'zoe', who is no participant"),
        (lambda one: one["sessions"][0].update(participants=["ann", "ann"]), "session one has 'ann' twice"),
        (lambda one: one["sessions"][1].update(id="one"), "sessions has 'one' twice"),
        (lambda one: one["sessions"][0].pop("records"), "give `records`"),
        (lambda one: one["sessions"][0].update(which=["R0001"]), "give `records`"),
        (lambda one: one.pop("owner"), "owner"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], match: str
) -> None:
    (tmp_path / "acceptance.yaml").write_text(yaml.safe_dump(plan(change)), encoding="utf-8")
    with pytest.raises(InputError, match=match):
        read_acceptance(tmp_path)


def test_named_records_are_as_many_as_there_are() -> None:
    def named(one: dict[str, Any]) -> None:
        one["sessions"][0].pop("records")
        one["sessions"][0]["which"] = ["R0001", "R0002"]

    settings = AcceptanceSettings.model_validate(plan(named))
    assert [one.n_records for one in settings.sessions] == [2, 10]


# What counts


def test_sessions_as_agreed_pass_and_their_numbers_are_counted_by_hand(tried: Pilot) -> None:
    found = answer(tried)
    assert (found.state, found.reason) == (State.PASS, "2 sessions held by 4 users; 5 issues, no critical one open")
    exhibit = facts_now(tried).exhibits["acceptance"]
    answers = exhibit.tables["answers"]
    # 10 records a session, each decided by both participants; a fifth of the records has a planted mistake
    assert len(answers) == 2 * 10 * 2
    planted = answers[answers["planted"].notna()]
    assert len(planted) == 2 * 2 * 2
    wrong = {one for one in answers["record_id"] if int(one.lstrip("R")) % 50 == 7} - set(planted["record_id"])
    overrides = exhibit.estimates["acceptance_override_rate"]
    assert overrides.n == 32
    assert overrides.value == pytest.approx(2 * len(wrong) / 32)
    assert exhibit.estimates["acceptance_ac1"].value == 1.0
    assert exhibit.estimates["acceptance_ac1"].n == 16
    assert exhibit.estimates["acceptance_review_p95_s"].value == 10.0
    assert [exhibit.estimates[f"acceptance_{one}"].value for one in ("sessions", "users", "open_critical")] == [2, 4, 0]
    assert exhibit.notes == ("Of 8 answers to planted wrong recommendations 8 noticed it (100%).",)
    assert [one.severity for one in exhibit.findings] == [Severity.LOW] * 5
    assert set(answers["split"]) == {"holdout"}


def test_bounds_are_one_sided_at_the_level_of_the_criterion(tried: Pilot) -> None:
    made(tried)
    facts = facts_now(tried)
    rate = ACCEPTANCE.estimate(facts, "acceptance_override_rate", {}, 0.95)
    assert rate.method == "Clopper-Pearson, one-sided 95%"
    agreed = ACCEPTANCE.estimate(facts, "acceptance_ac1", {}, 0.95)
    assert agreed.method == "bootstrap over records, one-sided 95%"
    assert agreed.lower is not None
    assert 0.0 < agreed.lower < 1.0, "16 records in agreement do not prove that all are"


def test_before_anything_happened_nothing_is_proved(pilot: Pilot) -> None:
    found = answer(pilot)
    assert (found.state, found.reason) == (State.UNPROVEN, "0 of 2 sessions held; one: 0 of 10 records decided")
    exhibit = facts_now(pilot).exhibits["acceptance"]
    assert exhibit.estimates["acceptance_override_rate"].value is None
    assert exhibit.estimates["acceptance_sessions"].value == 0
    assert not desk_path(pilot.runs).exists(), "to look makes no desk"


def test_without_a_plan_it_is_unproven(tmp_path: Path, opened: Path) -> None:
    found = answer(agreed_pilot(tmp_path, opened, None))
    assert (found.state, found.reason) == (State.UNPROVEN, "there is no acceptance.yaml")


def test_before_the_holdout_was_opened_no_record_is_unseen(tmp_path: Path, opened: Path) -> None:
    pilot = agreed_pilot(tmp_path, opened)
    (pilot.data / "ledger.jsonl").unlink()
    with pytest.raises(InputError, match="needs a version that was judged on the holdout"):
        fill_session(pilot, read_dataset(pilot), "one", "good")
    exhibit = made(pilot)
    assert "agent" not in exhibit.about
    assert exhibit.notes[0].startswith("No version is judged")


def test_filling_again_puts_nothing_twice_and_sessions_share_no_record(pilot: Pilot) -> None:
    dataset = read_dataset(pilot)
    first = fill_session(pilot, dataset, "one", "good")
    assert (first.records, first.new, first.planted) == (10, 10, 2)
    again = fill_session(pilot, dataset, "one", "good")
    assert (again.records, again.new, again.planted) == (10, 0, 2)
    fill_session(pilot, dataset, "two", "good")
    with desk_of(pilot, Clock()) as desk:
        records = desk.items()["record_id"]
    assert records.is_unique
    assert set(dataset.splits[records]) == {Split.HOLDOUT.value}


def test_a_planted_recommendation_is_wrong_and_nothing_on_the_card_tells_it(pilot: Pilot) -> None:
    fill_session(pilot, read_dataset(pilot), "one", "good")
    cards: dict[str, Card] = {}

    def looking(card: Card) -> Any:
        cards[card.title.removeprefix("Record ")] = card
        return careful(card)

    decided(pilot, {"ann": looking}, Clock())
    with desk_of(pilot, Clock()) as desk:
        planted = desk.items().set_index("record_id")["planted"].dropna()
    assert len(planted) == 2
    for record, right in planted.items():
        card = cards[str(record)]
        assert card.recommended not in (None, right)
        assert card.assessment == f"The agent would choose {card.recommended}."
    assert len({tuple(one.name for one in card.evidence) for card in cards.values()}) == 1


def test_answers_on_another_version_do_not_count(tried: Pilot) -> None:
    found = answer(tried, "exact")
    assert (found.state, found.reason) == (State.UNPROVEN, "0 of 2 sessions held; one: 0 of 10 records decided")
    exhibit = facts_now(tried, "exact").exhibits["acceptance"]
    assert exhibit.estimates["acceptance_override_rate"].excluded == {"of another version": 40}


# Planted faults: each is named


def test_a_session_of_records_that_were_developed_on_is_refused(tmp_path: Path, opened: Path) -> None:
    dataset = read_dataset(open_pilot("small", opened))
    developed = [str(one) for one in dataset.ids(Split.DEV, 2)]

    def change(one: dict[str, Any]) -> None:
        one["sessions"][0].pop("records")
        one["sessions"][0]["which"] = developed

    pilot = agreed_pilot(tmp_path, opened, plan(change))
    with pytest.raises(InputError, match="may not have records that were developed on"):
        fill_session(pilot, read_dataset(pilot), "one", "good")
    assert not desk_path(pilot.runs).exists() or made(pilot).tables["items"].empty


def test_records_that_were_developed_on_do_not_count_past_the_command_either(tried: Pilot) -> None:
    record = str(read_dataset(tried).ids(Split.DEV)[0])
    item = session_item_id("one", version(tried, "good"), record)
    card = Card("Record " + record, "", ("approve", "escalate"), "approve")
    with desk_of(tried, Clock()) as desk:
        desk.put([ReviewItem(item, QueueName.ACCEPTANCE, record, "clerks", card)])
    decided(tried, dict.fromkeys(PEOPLE, careful), Clock(Clock().at + 10_000))
    found = answer(tried)
    assert (found.state, found.reason) == (State.UNPROVEN, "1 of 2 sessions held; one: 1 record was developed on")
    exhibit = facts_now(tried).exhibits["acceptance"]
    assert exhibit.estimates["acceptance_override_rate"].excluded["on records that were developed on"] == 2


def test_an_answer_of_somebody_who_is_no_participant_is_named(pilot: Pilot) -> None:
    fill_session(pilot, read_dataset(pilot), "one", "good")
    people = [{**one, "groups": [*one["groups"], "clerks"]} if one["id"] == "eve" else one for one in REVIEW["people"]]
    write(pilot, "review.yaml", {**REVIEW, "people": people})
    with pytest.raises(InputError, match="the group of session one is not its participants"):
        fill_session(pilot, read_dataset(pilot), "one", "good")
    decided(pilot, {"eve": careful}, Clock(), most=1)
    write(pilot, "review.yaml", REVIEW)
    held(pilot)
    found = answer(pilot)
    why = "1 of 2 sessions held; one: 1 answer by somebody who is no participant"
    assert (found.state, found.reason[: len(why)]) == (State.UNPROVEN, why)


def test_one_person_under_two_ids_is_one_user(tmp_path: Path, opened: Path) -> None:
    people = [{**one, "name": "ANN  person"} if one["id"] == "ben" else one for one in REVIEW["people"]]
    pilot = agreed_pilot(tmp_path, opened, review={**REVIEW, "people": people})
    held(pilot)
    found = answer(pilot)
    assert (found.state, found.reason) == (State.UNPROVEN, "3 of 4 users decided in sessions")
    exhibit = facts_now(pilot).exhibits["acceptance"]
    assert "One person takes part under several ids, and counts once" in [one.title for one in exhibit.findings]


def test_whoever_approves_everything_is_told_with_the_share_that_was_noticed(pilot: Pilot) -> None:
    held(pilot, decides={"ann": trusting})
    assert answer(pilot).state is State.PASS, "it is told, and people judge it"
    facts = facts_now(pilot)
    (remark,) = ACCEPTANCE.remarks(facts)
    assert remark.startswith("1 participant approved everything, planted mistakes included: ")
    exhibit = facts.exhibits["acceptance"]
    assert "Of 8 answers to planted wrong recommendations 6 noticed it (75.0%)." in exhibit.notes
    (finding,) = (one for one in exhibit.findings if one.kind == "automation bias")
    assert (finding.severity, finding.n, finding.of) == (Severity.HIGH, 0, 2)


def test_too_few_issues_are_a_remark_and_no_fail(tried: Pilot) -> None:
    made(tried)
    assert ACCEPTANCE.remarks(facts_now(tried)) == ()
    facts = facts_now(tried)
    exhibit = facts.exhibits["acceptance"]
    fewer = replace(exhibit, tables={**exhibit.tables, "triage": exhibit.tables["triage"].iloc[:4]})
    few = replace(facts, exhibits={**facts.exhibits, "acceptance": fewer})
    assert ACCEPTANCE.remarks(few) == ("Too little was tried: acceptance raised 4 issues, 5 are usual",)
    assert ACCEPTANCE.checks[0].answer(few, Terms({})).state is State.PASS


def test_an_edited_desk_is_named_by_its_row(tried: Pilot) -> None:
    with sqlite3.connect(desk_path(tried.runs)) as connection:
        connection.execute("DROP TRIGGER chain_UPDATE")
        row = connection.execute("SELECT seq FROM chain WHERE kind = 'modify' LIMIT 1").fetchone()[0]
        connection.execute("UPDATE chain SET kind = 'approve' WHERE seq = ?", (row,))
    connection.close()
    with pytest.raises(SignatureError, match=f"row {row}"):
        made(tried)


def test_a_question_that_nobody_answered_is_named_with_its_session(pilot: Pilot) -> None:
    dataset = read_dataset(pilot)
    for session in ("one", "two"):
        fill_session(pilot, dataset, session, "good")
    decided(pilot, dict.fromkeys(PEOPLE, careful), Clock())
    item = first_item(pilot)
    for kind in ("common", "escalates", "intuitive"):
        said(pilot, "ann", item, kind)
    said(pilot, "eve", item, "missing")  # she is no participant
    found = answer(pilot)
    assert found.state is State.UNPROVEN
    assert found.reason == ("a question was not answered in session one: Which cases are missing from the tests?")
    assert found.details[1].startswith("two: Are the common cases right?; ")


def test_a_session_that_is_not_finished_is_not_held(pilot: Pilot) -> None:
    fill_session(pilot, read_dataset(pilot), "one", "good")
    decided(pilot, {"ann": careful}, Clock())
    found = answer(pilot)
    assert found.details == ("one: 0 of 10 records decided", "two: 0 of 10 records decided")
    exhibit = facts_now(pilot).exhibits["acceptance"]
    assert "Session one does not count: 0 of 10 records decided" in [one.title for one in exhibit.findings]


@pytest.mark.parametrize("signed_by", [None, "Eve", "edited"])
def test_a_plan_that_its_owner_did_not_sign_as_it_is_counts_for_nothing(
    tmp_path: Path, opened: Path, signed_by: str | None
) -> None:
    pilot = agreed_pilot(tmp_path, opened, is_signed=False)
    if signed_by is not None:
        sign_plan(pilot, "Bo" if signed_by == "edited" else signed_by)
    held(pilot)
    if signed_by == "edited":
        write(pilot, "acceptance.yaml", plan(lambda one: one.update(least_users=1)))
    found = answer(pilot)
    whys = {
        None: "is not signed by the IT owner (no signature)",
        "Eve": "is signed by Eve, not by Bo",
        "edited": "is not signed by the IT owner (the document was edited after Bo signed it on ",
    }
    assert found.state is State.UNPROVEN
    assert found.reason.startswith(f"acceptance.yaml {whys[signed_by]}")


def test_what_was_played_is_said_first(tmp_path: Path, opened: Path) -> None:
    review = {**REVIEW, "played": "scripts decided"}
    pilot = agreed_pilot(tmp_path, opened, review=review)
    held(pilot)
    made(pilot)
    facts = facts_now(pilot)
    assert ACCEPTANCE.remarks(facts)[0] == "Acceptance was played, not decided by people: scripts decided"
    assert facts.exhibits["acceptance"].notes[0] == "Acceptance was played, not decided by people: scripts decided."
    assert facts.exhibits["acceptance"].facts["played"] == "scripts decided"


def test_who_decided_cannot_be_said_otherwise_than_review_yaml_says_it(tmp_path: Path, opened: Path) -> None:
    pilot = agreed_pilot(tmp_path, opened, review={**REVIEW, "played": "scripts decided"})
    held(pilot)
    exhibit = made(pilot)
    facts = facts_now(pilot)
    assert ACCEPTANCE.again(exhibit, facts).facts["played"] == "scripts decided"
    silent = replace(exhibit, facts={**exhibit.facts, "played": None})
    with pytest.raises(SignatureError, match=r"otherwise than review\.yaml whether people decided"):
        ACCEPTANCE.again(silent, facts)


# Triage


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (None, "nobody decided on it"),
        ({}, "to be fixed, in no version yet"),
        (
            {"fixed_in": "nobody"},
            "fixed in nobody, which names no version, or several, that were judged on the holdout",
        ),
        ({"fixed_in": "good"}, "fixed in good, an older version than the one that it was raised on"),
        ({"fixed_in": "exact"}, "fixed in exact, the version that it was raised on"),
        ({"decision": "accept", "reason": "rare"}, "accepted, and nothing goes live with a known critical issue"),
        ({"decision": "later", "reason": "rare"}, "put off, and nothing goes live with a known critical issue"),
        ({"severity": "low"}, "graded low, reported as critical, without a reason"),
    ],
)
def test_a_critical_issue_that_is_not_mended_fails(pilot: Pilot, entry: dict[str, Any] | None, why: str) -> None:
    held(pilot, "exact")
    issue = said(pilot, "ann", first_item(pilot), "issue", "critical", "it paid twice")
    if entry is not None:
        triaged(pilot, issue, **entry)
    found = answer(pilot, "exact")
    assert (found.state, found.reason) == (State.FAIL, f"1 critical issue is open: {issue} ({why})")
    assert found.missing.version
    exhibit = facts_now(pilot, "exact").exhibits["acceptance"]
    assert (exhibit.findings[0].severity, exhibit.findings[0].evidence) == (Severity.CRITICAL, "it paid twice")


def test_a_later_version_than_the_judged_one_mends_nothing_in_it(tried: Pilot) -> None:
    issue = said(tried, "ann", first_item(tried), "issue", "critical")
    triaged(tried, issue, fixed_in="exact")
    found = answer(tried, "good")
    assert found.reason.endswith(f"{issue} (fixed in exact, a later version than the one that is judged)")


@pytest.mark.parametrize("named", ["exact", "digest"])
def test_what_the_next_version_mends_is_closed_there_once_its_own_sessions_were_held(tried: Pilot, named: str) -> None:
    issue = said(tried, "ann", first_item(tried), "issue", "critical")
    triaged(tried, issue, fixed_in="exact" if named == "exact" else version(tried, "exact")[:16])
    found = answer(tried, "exact")
    assert found.reason.startswith("0 of 2 sessions held"), "what was tried is another version"
    held(tried, "exact")
    found = answer(tried, "exact")
    assert (found.state, found.reason) == (State.PASS, "2 sessions held by 4 users; 11 issues, no critical one open")


@pytest.mark.parametrize(
    "entry",
    [
        {"decision": "reject", "reason": "the invoice was paid once"},
        {"severity": "high", "decision": "accept", "reason": "one case in a year, and a person sees it"},
    ],
)
def test_a_rejected_or_graded_down_issue_is_closed_with_its_reason(tried: Pilot, entry: dict[str, Any]) -> None:
    issue = said(tried, "ann", first_item(tried), "issue", "critical")
    triaged(tried, issue, **entry)
    assert answer(tried).state is State.PASS
    remarks = ACCEPTANCE.remarks(facts_now(tried))
    is_lower = "severity" in entry
    assert [one.startswith("1 issue reported as critical was graded down") for one in remarks] == [True] * is_lower


@pytest.mark.parametrize("decision", [one for one in TriageDecision if one is not TriageDecision.FIX])
def test_to_leave_an_issue_needs_a_reason(decision: TriageDecision) -> None:
    with pytest.raises(ValueError, match=f"to {decision.value} an issue needs a reason"):
        TriagedIssue.model_validate({"severity": "low", "owner": "Bo", "decision": decision.value})


# What makes it stale, and what an insider writes into it


def test_a_report_is_stale_when_plan_triage_or_desk_changed(tried: Pilot) -> None:
    made(tried)
    dataset = read_dataset(tried)
    assert not isinstance(ACCEPTANCE.present(tried, dataset, "good"), str)
    issue = said(tried, "ann", first_item(tried), "issue", "low")
    assert "people decided more since the last acceptance by users" in str(ACCEPTANCE.present(tried, dataset, None))
    made(tried)
    triaged(tried, issue, severity="low")
    assert str(ACCEPTANCE.present(tried, dataset, None)).startswith("triage.yaml changed since")
    made(tried)
    write(tried, "acceptance.yaml", plan(lambda one: one.update(least_users=1)))
    assert str(ACCEPTANCE.present(tried, dataset, None)).startswith("acceptance.yaml changed since")
    made(tried)
    write(tried, "review.yaml", {**REVIEW, "lease_s": 60})
    assert str(ACCEPTANCE.present(tried, dataset, None)).startswith("review.yaml changed since")
    write(tried, "review.yaml", REVIEW)
    said_of_other = str(ACCEPTANCE.present(tried, dataset, "exact"))
    assert said_of_other.startswith("the last acceptance by users was of good")


def _decision(exhibit: Any) -> dict[str, Any]:
    answers = exhibit.tables["answers"].copy()
    answers.loc[answers["kind"] == "modify", ["kind", "decision"]] = ["approve", "approve"]
    return {"answers": answers}


def _recommended(exhibit: Any) -> dict[str, Any]:
    answers = exhibit.tables["answers"].copy()
    of_agent = answers["planted"].isna() & (answers["recommended"] == "approve")
    answers.loc[answers.index[of_agent][:1], ["recommended", "decision"]] = "escalate"
    return {"answers": answers}


def _held(exhibit: Any) -> dict[str, Any]:
    return {"sessions": exhibit.tables["sessions"].assign(decided=40)}


def _closed(exhibit: Any) -> dict[str, Any]:
    return {"triage": exhibit.tables["triage"].assign(state="fixed", why=None)}


@pytest.mark.parametrize(
    ("edited", "match"),
    [
        (_decision, "a table of the acceptance report does not follow|another action than|judged version decided"),
        (_recommended, "what people were shown is not what the judged version decided"),
        (_held, "a table of the acceptance report does not follow"),
        (_closed, "a table of the acceptance report does not follow"),
    ],
)
def test_what_an_insider_writes_into_the_exhibit_is_found(
    pilot: Pilot, edited: Callable[[Any], dict[str, Any]], match: str
) -> None:
    held(pilot)
    exhibit = made(pilot)
    facts = facts_now(pilot)
    assert ACCEPTANCE.again(exhibit, facts).as_json() == exhibit.as_json()
    with pytest.raises(SignatureError, match=match):
        ACCEPTANCE.again(replace(exhibit, tables={**exhibit.tables, **edited(exhibit)}), facts)


def test_another_plan_than_the_report_was_made_of_is_found(tried: Pilot) -> None:
    exhibit = made(tried)
    lower = replace(exhibit, facts={**exhibit.facts, "asked": {"sessions": 1, "users": 1}})
    with pytest.raises(SignatureError, match=r"asks for something else than acceptance\.yaml"):
        ACCEPTANCE.again(lower, facts_now(tried))
    write(tried, "acceptance.yaml", plan(lambda one: one.update(least_users=1)))
    with pytest.raises(SignatureError, match="of another file"):
        ACCEPTANCE.again(exhibit, facts_now(tried))


def test_the_exhibit_reads_back_as_it_was(tried: Pilot) -> None:
    exhibit = made(tried)
    again = read_exhibit(exhibit_folder(tried, "acceptance"))
    assert again is not None
    assert again.as_json() == exhibit.as_json()
    assert ACCEPTANCE.again(again, facts_now(tried)).as_json() == exhibit.as_json()
