"""The maker of the human workflow: a clean desk passes, each planted fault is named, nothing can be talked round."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from review_pilots import (
    NOW,
    REVIEW,
    Decided,
    PlayedClock,
    approving,
    copied,
    decide_all,
    decided_by,
    decided_copy,
    desk_of,
    filled,
    truthful,
)

from workbench.desk import AnswerKind, Claim, GivenAnswer, ReviewItem, desk_path
from workbench.evidence import Answer, Exhibit, Facts, Population, Terms, read_exhibit
from workbench.evidence.exhibit import exhibit_folder
from workbench.metrics import State
from workbench.pilot import Pilot, QueueName
from workbench.records.splits import Dataset, read_dataset
from workbench.review import MAKER, ReviewRequest, carry_out
from workbench.review.carrying import BOOKS_FILE
from workbench.review.workflow.checks import CHECKS
from workbench.review.workflow.proof import PLANTED_FAULTS
from workbench.words import InputError, SignatureError

PLAYED = "scripted people answered, who know the labels"


def carried(decided: Decided) -> Decided:
    pilot, dataset, clock = decided
    with desk_of(pilot, clock) as desk:
        carry_out(pilot, dataset, desk=desk)
    return decided


def made(decided: Decided) -> Exhibit:
    pilot, dataset, clock = decided
    return MAKER.make(pilot, dataset, ReviewRequest(now=clock))


def facts_of(pilot: Pilot, dataset: Dataset, *exhibits: Exhibit) -> Facts:
    found = {one.maker: one for one in exhibits}
    absent = {} if found else {"review": "no review by people has been run"}
    population = Population(dataset.digest, 0, None)
    cells: Any = None
    today = datetime.fromtimestamp(NOW, UTC).date()
    return Facts(pilot, population, cells, found, absent, (pilot.runs / "ledger.jsonl", ()), today)


def workflow(decided: Decided, *exhibits: Exhibit, each: int = 3) -> Answer:
    pilot, dataset, _ = decided
    (check,) = CHECKS
    return check.answer(facts_of(pilot, dataset, *exhibits), Terms({"each": each}))


@pytest.fixture
def decided(tmp_path: Path, decided_desk: Path) -> Decided:
    return decided_copy(decided_desk, tmp_path)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, decided_desk: Path) -> tuple[Decided, Exhibit]:
    decided = carried(decided_copy(decided_desk, tmp_path_factory.mktemp("clean")))
    return decided, made(decided)


def values(exhibit: Exhibit) -> dict[str, float | None]:
    return {name: one.value for name, one in exhibit.estimates.items()}


def kinds(exhibit: Exhibit) -> set[str]:
    return {one.kind for one in exhibit.findings}


def test_a_clean_desk_passes_without_a_finding(clean: tuple[Decided, Exhibit]) -> None:
    decided, exhibit = clean
    answer = workflow(decided, exhibit)
    assert (answer.state, exhibit.findings) == (State.PASS, ())
    # two rules that hand over and one category of authority
    assert answer.reason.startswith("each of 3 rules and categories has at least 3 items")
    assert exhibit.answer == (
        "People decided 32 of 32 items of clerk, overrode 66.7% and caught 3 of 3 planted errors; nothing went wrong."
    )


def test_its_numbers_are_those_counted_by_hand(clean: tuple[Decided, Exhibit]) -> None:
    _, exhibit = clean
    found = values(exhibit)
    for name in ("wrong_group", "unanswered", "lost", "doubled", "overdue"):
        assert found[f"review_{name}"] == 0.0
    # Six of nine escalations recommend nothing. Of the three that the agent is not sure of it is right on R025, and
    # wrong on R040 (9 of 10 received, approve) and R080 (10 of 10, reject).
    assert (found["review_override_rate"], exhibit.estimates["review_override_rate"].n) == (2 / 3, 3)
    assert (found["planted_caught"], exhibit.estimates["planted_caught"].n) == (1.0, 3)
    assert exhibit.estimates["planted_caught"].lower == pytest.approx(0.025 ** (1 / 3))  # Clopper and Pearson, 3 of 3
    assert found["review_p95_s"] == 20.0
    assert (found["review_ac1"], found["review_alpha"]) == (1.0, 1.0)


def test_each_planted_fault_is_caught_and_none_is_seen_where_there_is_none(clean: tuple[Decided, Exhibit]) -> None:
    faults = clean[1].tables["faults"]
    assert list(faults["fault"]) == ["none", *PLANTED_FAULTS]
    assert faults["caught"].all()
    assert "This check names 8 of 8 faults planted in a desk of these rules." in clean[1].notes


def test_planted_recommendations_are_disclosed_afterwards(clean: tuple[Decided, Exhibit]) -> None:
    planted = clean[1].tables["planted"]
    assert len(planted) == 3
    assert (planted["recommended"] != planted["right"]).all()
    assert (planted["decision"] == planted["right"]).all()
    assert planted["caught"].all()


def test_people_have_pseudonyms_and_no_name_stands_in_the_exhibit(clean: tuple[Decided, Exhibit]) -> None:
    (pilot, _, _), exhibit = clean
    with desk_of(pilot, PlayedClock()) as desk:
        known = {desk.pseudonym(str(one["id"])) for one in REVIEW["people"]}  # type: ignore[index]
    assert set(exhibit.tables["reviews"]["reviewer"]) <= known
    written = b"".join(exhibit.files().values()).decode()
    assert not any(f'"{one["name"]}"' in written or f'"{one["id"]}"' in written for one in REVIEW["people"])  # type: ignore[index]


def test_more_items_of_each_are_asked_for_than_there_are(clean: tuple[Decided, Exhibit]) -> None:
    decided, exhibit = clean
    answer = workflow(decided, exhibit, each=4)
    assert answer.state is State.UNPROVEN
    assert answer.details == ("rule over_authority: 3 of 4", "rule not_ordered: 3 of 4", "category limit: 3 of 4")


def test_without_an_exhibit_it_is_unproven(clean: tuple[Decided, Exhibit]) -> None:
    decided, _ = clean
    answer = workflow(decided)
    assert (answer.state, answer.would_change) == (State.UNPROVEN, "workbench review report small")


def test_it_is_computed_again_from_what_was_seen(clean: tuple[Decided, Exhibit]) -> None:
    (pilot, dataset, _), exhibit = clean
    left = read_exhibit(exhibit_folder(pilot, "review"))
    assert left is not None
    again = MAKER.again(left, facts_of(pilot, dataset, left))
    assert (again.answer, again.estimates, again.findings) == (exhibit.answer, exhibit.estimates, exhibit.findings)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("items", "good", True), ("items", "routed_right", True), ("agreement", "ac1", 0.5), ("planted", "caught", False),
     ("faults", "caught", False), ("reviews", "has_authority", False)],
)  # fmt: skip
def test_what_does_not_follow_is_refused(
    clean: tuple[Decided, Exhibit], table: str, column: str, value: object
) -> None:
    (pilot, dataset, _), exhibit = clean
    changed = exhibit.tables[table].copy()
    was = changed.loc[len(changed) - 1, column]
    changed.loc[len(changed) - 1, column] = (not was) if isinstance(value, bool) else value
    forged = replace(exhibit, tables={**exhibit.tables, table: changed})
    with pytest.raises(SignatureError, match="does not follow from what was seen"):
        MAKER.again(forged, facts_of(pilot, dataset, forged))


def test_another_review_yaml_is_another_ground(clean: tuple[Decided, Exhibit]) -> None:
    (pilot, dataset, _), exhibit = clean
    other = replace(exhibit, about={**exhibit.about, "review.yaml": "0" * 64})
    with pytest.raises(SignatureError, match="judged by other files"):
        MAKER.again(other, facts_of(pilot, dataset, other))


def test_bounds_of_a_criterion_each_hold_at_its_level(clean: tuple[Decided, Exhibit]) -> None:
    (pilot, dataset, _), exhibit = clean
    found = MAKER.estimate(facts_of(pilot, dataset, exhibit), "planted_caught", {}, 0.95)
    assert found.lower == pytest.approx(0.05 ** (1 / 3))
    assert found.method == "Clopper-Pearson, one-sided 95%"


def put_elsewhere(item: ReviewItem) -> ReviewItem:
    """Return an item of purchasing as if it were the clerks'."""
    return replace(item, group="clerks") if item.group == "purchasing" else item


def test_an_escalation_to_the_wrong_group_is_named(tmp_path: Path, asked_desk: Path) -> None:
    pilot, clock = copied(asked_desk, tmp_path), PlayedClock()
    dataset = read_dataset(pilot)
    with desk_of(pilot, clock) as desk:
        desk.put(map(put_elsewhere, filled(pilot).items))
        decide_all(desk, clock, dataset)
        clock.now += 1_000.0
    exhibit = made(carried((pilot, dataset, clock)))
    wrong = exhibit.tables["items"]
    wrong = wrong[wrong["rule"] == "not_ordered"]
    assert values(exhibit)["review_wrong_group"] == len(wrong) == 3
    assert kinds(exhibit) == {"wrong_group"}
    answer = workflow((pilot, dataset, clock), exhibit)
    assert answer.state is State.FAIL
    assert "went to another group than the process names" in answer.reason


def lose(pilot: Pilot, item: str) -> None:
    _books(pilot, "DELETE FROM {table} WHERE key = ?", item)


def double(pilot: Pilot, item: str) -> None:
    _books(pilot, "INSERT INTO {table} SELECT * FROM {table} WHERE key = ?", item)


def _books(pilot: Pilot, statement: str, item: str) -> None:
    with closing(sqlite3.connect(pilot.runs / BOOKS_FILE)) as file:
        for table in ("postings", "returns", "parked"):
            file.execute(statement.format(table=table), (item,))
        file.commit()


@pytest.mark.parametrize(
    ("change", "kind", "metric"), [(lose, "lost", "review_lost"), (double, "written_twice", "review_doubled")]
)
def test_what_the_systems_hold_counts_and_not_the_receipt(
    decided: Decided, change: Callable[[Pilot, str], None], kind: str, metric: str
) -> None:
    pilot, dataset, clock = carried(decided)
    items = made((pilot, dataset, clock)).tables["items"]
    item = str(items.loc[items["carried_out_times"] == 1, "item"].iloc[0])
    (pilot.runs / "carried_out.csv").unlink()  # what was seen before is not what is there now
    change(pilot, item)
    exhibit = made((pilot, dataset, clock))
    assert (kinds(exhibit), values(exhibit)[metric]) == ({kind}, 1.0)
    (finding,) = exhibit.findings
    assert finding.where == (item,)
    assert workflow((pilot, dataset, clock), exhibit).state is State.FAIL


def test_what_was_seen_twice_stays_seen_after_the_systems_forgot(decided: Decided) -> None:
    pilot, dataset, clock = carried(decided)
    path = pilot.runs / "carried_out.csv"
    path.write_bytes(path.read_bytes().replace(b",1,", b",2,", 1))
    assert kinds(made((pilot, dataset, clock))) == {"written_twice"}


def test_a_planted_item_that_was_written_back_is_named(decided: Decided) -> None:
    pilot, dataset, clock = carried(decided)
    items = made((pilot, dataset, clock)).tables["items"]
    item = str(items.loc[items["planted"], "item"].iloc[0])
    with closing(sqlite3.connect(pilot.runs / BOOKS_FILE)) as file:
        file.execute("INSERT INTO postings VALUES ('450', 1.0, ?)", (item,))
        file.commit()
    exhibit = made((pilot, dataset, clock))
    assert (kinds(exhibit), values(exhibit)["review_doubled"]) == ({"written_unasked"}, 1.0)
    assert workflow((pilot, dataset, clock), exhibit).state is State.FAIL


def moved(person: str, groups: list[str], **more: Any) -> list[dict[str, Any]]:
    """Return the people, one of them in other groups or with another limit."""
    people: Any = REVIEW["people"]
    return [{**one, "groups": groups, **more} if one["id"] == person else one for one in people]


@pytest.mark.parametrize(
    "people",
    [moved("eve", ["clerks"]), moved("eve", ["purchasing"], at_most=1)],
    ids=["another group", "a lower limit"],
)
def test_an_answer_of_somebody_without_authority_is_named(decided: Decided, people: list[dict[str, Any]]) -> None:
    pilot, dataset, clock = carried(decided)
    (pilot.suite / "review.yaml").write_text(json.dumps({**REVIEW, "people": people}), encoding="utf-8")
    exhibit = made((pilot, dataset, clock))
    assert kinds(exhibit) == {"no_authority"}
    assert workflow((pilot, dataset, clock), exhibit).state is State.FAIL


def one_hand(table: pd.DataFrame) -> pd.DataFrame:
    """Return answers as if the two of an item that needs two were one person's."""
    return table.assign(reviewer=table.groupby("item")["reviewer"].transform("first"))


def test_four_eyes_of_one_person_are_named(clean: tuple[Decided, Exhibit]) -> None:
    (pilot, dataset, _), exhibit = clean
    forged = replace(exhibit, tables={**exhibit.tables, "reviews": one_hand(exhibit.tables["reviews"])})
    with pytest.raises(SignatureError, match="does not follow"):
        MAKER.again(forged, facts_of(pilot, dataset, forged))
    from workbench.review.workflow.findings import review_findings
    from workbench.review.workflow.judging import DeskAuthority, WorkflowGround, judged_tables
    from workbench.review.workflow.maker import _handing, _settings
    from workbench.review.workflow.tables import SEEN_ITEMS, SEEN_REVIEWS

    authority = {name: DeskAuthority(tuple(one["groups"]), None) for name, one in exhibit.facts["authority"].items()}
    settings = _settings(pilot)
    ground = WorkflowGround.of(_handing(pilot, settings), settings, authority, NOW)
    seen = forged.tables["items"][list(SEEN_ITEMS)], forged.tables["reviews"][list(SEEN_REVIEWS)]
    found = review_findings(*judged_tables(*seen, ground), "small")
    assert [(one.kind, one.n) for one in found] == [("one_pair_of_eyes", 3)]


def test_people_who_approve_everything_are_named(tmp_path: Path, asked_desk: Path) -> None:
    # nine planted beside three: 0 of 9 caught is below a half, 0 of 3 would not be
    pilot = copied(asked_desk, tmp_path, queues={"escalations": {"planted_share": 0.75}})
    decided = carried(decided_by(pilot, approving))
    exhibit = made(decided)
    caught = exhibit.estimates["planted_caught"]
    assert (caught.value, values(exhibit)["review_override_rate"]) == (0.0, 0.0)
    assert kinds(exhibit) == {"automation_bias"}
    assert "all reviewers together" in {one.where[0] for one in exhibit.findings}
    assert not exhibit.tables["planted"]["caught"].any()
    # whether people look is no question of where things went: the check passes, the number and the finding say it
    assert workflow(decided, exhibit).state is State.PASS


def test_where_the_agent_recommends_nothing_nothing_was_planted_and_the_number_says_why(
    tmp_path: Path, asked_desk: Path
) -> None:
    pilot, clock = copied(asked_desk, tmp_path), PlayedClock()
    dataset = read_dataset(pilot)
    with desk_of(pilot, clock) as desk:
        desk.put(filled(pilot, threshold=None).items)
        decide_all(desk, clock, dataset)
        clock.now += 1_000.0
    decided = carried((pilot, dataset, clock))
    exhibit = made(decided)
    caught, overrides = exhibit.estimates["planted_caught"], exhibit.estimates["review_override_rate"]
    why = "nothing was planted: the agent recommends nothing of what it hands over"
    assert (caught.value, caught.n, caught.method) == (None, 0, f"none: {why}")
    assert (overrides.value, overrides.method) == (None, "none: no recommendation was answered")
    assert f"It is not known whether people look: {why}." in exhibit.notes
    assert exhibit.answer == "People decided 6 of 6 items of clerk; nothing went wrong."
    assert (exhibit.findings, workflow(decided, exhibit).state) == ((), State.PASS)


def test_where_review_yaml_asks_for_none_nothing_was_planted(tmp_path: Path, asked_desk: Path) -> None:
    pilot = copied(asked_desk, tmp_path, queues={"escalations": {}, "audit": {"blind": True}})
    exhibit = made(carried(decided_by(pilot)))
    assert exhibit.estimates["planted_caught"].method == "none: nothing was planted"
    assert exhibit.estimates["review_override_rate"].n == 3


def test_an_answer_that_was_edited_afterwards_is_named(decided: Decided) -> None:
    pilot, dataset, clock = carried(decided)
    exhibit = made((pilot, dataset, clock))
    with closing(sqlite3.connect(desk_path(pilot.runs))) as file:
        file.execute("DROP TRIGGER chain_UPDATE")
        (seq,) = file.execute("SELECT max(seq) FROM chain WHERE kind = 'approve'").fetchone()
        file.execute("UPDATE chain SET action = 'approve', reason = 'edited' WHERE seq = ?", (seq,))
        file.commit()
    with pytest.raises(SignatureError) as fault:
        made((pilot, dataset, clock))
    assert str(seq) in str(fault.value)
    why = MAKER.present(pilot, dataset, None)
    assert isinstance(why, str)
    assert why.startswith("the desk was changed: ")
    assert exhibit.answer


def test_an_item_past_its_deadline_is_named(tmp_path: Path, asked_desk: Path) -> None:
    pilot, clock = copied(asked_desk, tmp_path), PlayedClock()
    dataset = read_dataset(pilot)
    with desk_of(pilot, clock) as desk:
        desk.put(filled(pilot).items)
        decide_all(desk, clock, dataset, people=("ann", "ben", "cem", "dee"))
        clock.now += 9 * 3600.0
        carry_out(pilot, dataset, desk=desk)
    exhibit = made((pilot, dataset, clock))
    open_ones = int((~exhibit.tables["items"]["settled"]).sum())
    assert kinds(exhibit) == {"late"}
    assert (values(exhibit)["review_overdue"], values(exhibit)["review_unanswered"]) == (open_ones, open_ones)
    answer = workflow((pilot, dataset, clock), exhibit)
    assert (answer.state, answer.details) == (State.UNPROVEN, ("rule not_ordered: 0 of 3",))


def test_what_goes_up_in_time_is_right_with_the_group_above(tmp_path: Path, asked_desk: Path) -> None:
    pilot, clock = copied(asked_desk, tmp_path), PlayedClock()
    dataset = read_dataset(pilot)
    with desk_of(pilot, clock) as desk:
        desk.put(filled(pilot).items)
        decide_all(desk, clock, dataset, people=("cem", "dee", "eve"))
        clock.now += 9 * 3600.0
        desk.expire()  # what the clerks left goes to the lead
        decide_all(desk, clock, dataset, people=("fay",))
        clock.now += 1_000.0
    exhibit = made(carried((pilot, dataset, clock)))
    assert exhibit.findings == ()
    assert set(exhibit.tables["reviews"]["group"]) == {"controllers", "purchasing", "lead"}


def test_what_is_decided_and_not_carried_out_is_told_and_proves_nothing(decided: Decided) -> None:
    exhibit = made(decided)
    assert (kinds(exhibit), values(exhibit)["review_lost"]) == ({"not_carried_out"}, 9.0)
    assert workflow(decided, exhibit).state is State.UNPROVEN


def divided(label: str, claim: Claim) -> GivenAnswer:
    """Return another answer each time where two decide blindly: the second one differs."""
    if claim.queue is not QueueName.AUDIT:
        return truthful(label, claim)
    divided.asked[claim.item] += 1  # type: ignore[attr-defined]
    return GivenAnswer(AnswerKind.DECIDE, "approve" if divided.asked[claim.item] == 2 else "reject")  # type: ignore[attr-defined]


def test_people_who_differ_are_adjudicated_and_agreement_says_so(tmp_path: Path, asked_desk: Path) -> None:
    divided.asked = Counter()  # type: ignore[attr-defined]
    exhibit = made(carried(decided_by(copied(asked_desk, tmp_path), divided)))
    audit = exhibit.tables["agreement"].set_index("queue").loc["audit"]
    reviews = exhibit.tables["reviews"]
    assert audit["raw"] == 0.0
    assert int(reviews["adjudicates"].sum()) == audit["n"] == 20
    assert exhibit.findings == ()


def test_what_was_played_is_said_first(tmp_path: Path, asked_desk: Path) -> None:
    decided = carried(decided_by(copied(asked_desk, tmp_path, played=PLAYED)))
    exhibit = made(decided)
    pilot, dataset, _ = decided
    said = f"played, not decided by people: {PLAYED}"
    assert exhibit.notes[0] == f"This was {said}"
    assert exhibit.facts["played"] == PLAYED
    assert MAKER.remarks(facts_of(pilot, dataset, exhibit)) == (f"The review was {said}",)
    silent = replace(exhibit, facts={**exhibit.facts, "played": None})
    with pytest.raises(SignatureError, match="judged by other files"):
        MAKER.again(silent, facts_of(pilot, dataset, silent))


def test_a_desk_that_nobody_filled_leaves_all_unproven(tmp_path: Path, asked_desk: Path) -> None:
    pilot, clock = copied(asked_desk, tmp_path), PlayedClock()
    decided = (pilot, read_dataset(pilot), clock)
    exhibit = made(decided)
    assert exhibit.answer == "Nothing was put to people."
    assert not desk_path(pilot.runs).exists()
    assert set(values(exhibit).values()) == {None}
    assert workflow(decided, exhibit).state is State.UNPROVEN
    assert MAKER.again(exhibit, facts_of(pilot, decided[1], exhibit)).answer == exhibit.answer
    assert MAKER.present(pilot, decided[1], None) is not None


def test_an_agent_of_which_nothing_was_put_is_refused(tmp_path: Path, asked_desk: Path) -> None:
    pilot = copied(asked_desk, tmp_path)
    with pytest.raises(InputError, match="nothing was put to people of clerk"):
        MAKER.make(pilot, read_dataset(pilot), ReviewRequest("clerk"))


def test_the_last_report_counts_until_something_changes(decided: Decided) -> None:
    pilot, dataset, clock = carried(decided)
    assert MAKER.present(pilot, dataset, None) == ("no review by people has been run; workbench review report small")
    made((pilot, dataset, clock))
    assert isinstance(MAKER.present(pilot, dataset, "clerk"), Exhibit)
    with desk_of(pilot, clock) as desk:
        desk.put(filled(pilot, queue=QueueName.AUDIT, sample=21).items)
    why = MAKER.present(pilot, dataset, None)
    assert isinstance(why, str)
    assert why.startswith("the desk has ")
    (pilot.suite / "process.yaml").write_text('{"rules": []}', encoding="utf-8")
    assert MAKER.present(pilot, dataset, None) == (
        "'process.yaml' changed since the last review by people; workbench review report small"
    )
