"""Everything that needs a person, from end to end: put, decided on the page, written back, accepted, and two gates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from answering_pilots import write
from people_pilots import ISSUES, PLAYED, REVIEW, command, copy_of, opened_people, story

from workbench.desk import desk_path, open_desk
from workbench.evidence import exhibit_folder, read_exhibit
from workbench.gates import GateDecision, Verdict, decide, read_facts
from workbench.pilot import NOT_PEOPLE, Pilot, open_pilot
from workbench.review.carrying import observed_writes

pytestmark = pytest.mark.slow
Once = Callable[[str, Callable[[Path], object]], Path]
TODAY = date(2026, 12, 10)


@pytest.fixture(scope="session")
def opened(once: Once) -> Path:
    """Return the root of a signed pilot whose holdout was opened."""
    return once("people_opened", opened_people)


@pytest.fixture(scope="session")
def decided(once: Once, opened: Path, migrated_store: Path) -> Path:
    """Return the place of the pilot's story, told once by scripted people."""
    return once("people_story", lambda place: story(place, opened, migrated_store))


@pytest.fixture(scope="session")
def played(once: Once, opened: Path, migrated_store: Path) -> Path:
    """Return the place of the same story where review.yaml says that it was played."""
    return once("people_played", lambda place: story(place, opened, migrated_store, PLAYED))


@pytest.fixture(scope="session")
def told(decided: Path) -> dict[str, Any]:
    """Return what commands and people said in the story."""
    found: dict[str, Any] = json.loads((decided / "told.json").read_text(encoding="utf-8"))
    return found


def held(pilot: Pilot, number: int) -> dict[str, Any]:
    """Hold a gate by its command, and verify its bundle by the other one."""
    code, out = command(pilot.root, "gate", str(number), "small", "--key", "keys/key.pem", "--json")
    found: dict[str, Any] = json.loads(out)
    assert code == (found["verdict"] != "GO")
    code, out = command(pilot.root, "verify", found["bundle"], "--key", "keys/key.pub.pem", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True), out
    return found


def judged(pilot: Pilot, number: int) -> GateDecision:
    """Return what a gate decides of the evidence as it is; nothing is run."""
    return decide(read_facts(pilot, TODAY, "clerk", number=number), number, {})


def reasons(decision: GateDecision) -> dict[str, str]:
    """Return why each criterion that does not pass does not."""
    return {one.criterion.id: one.reason for one in decision.results if one.state.value != "pass"}


def test_people_decide_on_the_page_and_each_decision_is_written_back_once(decided: Path, told: dict[str, Any]) -> None:
    pilot = open_pilot("small", decided / "end")
    with open_desk(pilot) as desk:
        desk.check()
        items, answers = desk.items().set_index("item"), desk.answers()
    items = items[items["queue"] == "escalations"]
    answers = answers[answers["queue"] == "escalations"]
    standing = answers[answers["in_force"]]
    counted = [told[name] for name in ("ann", "ben", "cem", "dee", "eve", "fay", "gus", "late")]
    assert (len(items), sum(counted)) == (told["fill"]["new"], len(standing))
    # ann took one back; the documents of two invoices are incomplete, so that nothing is due
    assert answers["kind"].value_counts()["undo"] == 1
    assert {"approve", "modify", "decide", "reject"} == set(standing["kind"])
    nothing = set(standing.loc[standing["kind"] == "reject", "item"])
    assert {str(one) for one in items.loc[list(nothing), "record_id"]} == {"R025", "R125"}
    due = set(items.index[items["planted"].isna()]) - nothing
    assert set(told["carried"]["written"]) == due
    assert told["carried"]["nothing"] == 2
    assert observed_writes(pilot, list(items.index)) == dict.fromkeys(due, 1)


def test_two_decide_where_two_must_and_a_third_where_they_differ(decided: Path) -> None:
    with open_desk(open_pilot("small", decided / "end")) as desk:
        items, answers = desk.items().set_index("item"), desk.answers()
    items = items[items["queue"] == "escalations"]
    standing = answers[answers["in_force"] & (answers["queue"] == "escalations")]
    is_beyond = items["four_eyes"].astype(bool)
    assert set(items.loc[~is_beyond, "needs"]) == {1, 2}, "a share is decided twice"
    (differing,) = standing.loc[standing["adjudicates"].astype(bool), "item"]
    assert len(standing[standing["item"] == differing]) == 3
    by_action = standing.groupby(["item", "action"], dropna=False)["reviewer"].nunique()
    assert by_action[differing].to_dict() == {"approve": 2, "reject": 1}
    four = by_action[by_action.index.get_level_values("item").isin(items.index[is_beyond])]
    assert is_beyond.sum() > 3
    assert (four.groupby("item").max() == 2).all()


def test_the_reports_count_what_people_did(told: dict[str, Any]) -> None:
    review, users = told["review"], told["acceptance"]
    assert any("of the holdout" in one for one in told["fill"]["told"])
    assert review["findings"] == []
    found = review["estimates"]
    assert [found[f"review_{name}"]["value"] for name in ("wrong_group", "unanswered", "lost", "doubled")] == [0] * 4
    assert found["planted_caught"]["value"] == 1.0
    assert 0.0 < found["review_override_rate"]["value"] < 1.0
    assert 0.8 < found["review_ac1"]["value"] < 1.0, "one disagreement"
    # ten cards for two people, of which a fifth was planted
    assert (users["estimates"]["acceptance_override_rate"]["n"], told["session"]["planted"]) == (16, 2)
    assert [one["severity"] for one in told["board"]] == [*ISSUES, "low"]
    assert [one["text"] for one in told["board"]][:4] == list(ISSUES.values())


def test_both_gates_are_go_and_their_bundles_verify(tmp_path: Path, decided: Path) -> None:
    pilot = copy_of(decided, "end", tmp_path)
    for number in (2, 3):
        said = held(pilot, number)
        assert said["verdict"] == "GO", said["criteria"]
        report = (Path(said["bundle"]) / "report.html").read_text(encoding="utf-8")
        assert NOT_PEOPLE not in report.lower()


def test_one_answer_that_nobody_gave_is_no_go(tmp_path: Path, decided: Path) -> None:
    pilot = copy_of(decided, "unanswered", tmp_path)
    code, out = command(tmp_path, "review", "carry-out", "small", "--final", "--json")
    assert (code, json.loads(out)["left"]) == (0, [])
    assert command(tmp_path, "review", "report", "small")[0] == 0
    said = held(pilot, 2)
    assert said["verdict"] == "NO-GO"
    states = {one["id"]: one["state"] for one in said["criteria"]}
    assert [name for name, state in states.items() if state != "pass"] == ["review-unanswered"]


def no_desk(pilot: Pilot) -> None:
    for path in pilot.runs.glob(f"{desk_path(pilot.runs).name}*"):
        path.unlink()


def other_review(pilot: Pilot) -> None:
    people = [{**one, "at_most": 5000} if one["id"] == "gus" else one for one in REVIEW["people"]]
    write(pilot, "review.yaml", {**REVIEW, "people": people})


def no_signature(pilot: Pilot) -> None:
    shutil.rmtree(pilot.suite / "signatures" / "acceptance.yaml")


def no_review(pilot: Pilot) -> None:
    shutil.rmtree(exhibit_folder(pilot, "review"))


def no_acceptance(pilot: Pilot) -> None:
    shutil.rmtree(exhibit_folder(pilot, "acceptance"))


@pytest.mark.parametrize(
    ("number", "withhold", "why"),
    [
        (2, no_desk, "the desk whose answers it counts is gone"),
        (3, no_desk, "the desk that it counts is gone"),
        (2, other_review, "'review.yaml' changed since the last review by people"),
        (3, other_review, "review.yaml changed since the last acceptance by users"),
        (3, no_signature, "acceptance.yaml is not signed by the IT owner (no signature)"),
        (2, no_review, "no review by people has been run"),
        (3, no_acceptance, "no acceptance by users has been run"),
    ],
)
def test_what_is_withheld_is_no_go_and_named(
    tmp_path: Path, decided: Path, number: int, withhold: Callable[[Pilot], None], why: str
) -> None:
    pilot = copy_of(decided, "end", tmp_path)
    assert judged(pilot, number).verdict is Verdict.GO
    withhold(pilot)
    decision = judged(pilot, number)
    assert decision.verdict is Verdict.NO_GO
    assert reasons(decision)["human-workflow" if number == 2 else "acceptance"].startswith(why)


def test_a_critical_issue_that_nobody_decided_on_is_no_go_and_named(tmp_path: Path, decided: Path) -> None:
    pilot = copy_of(decided, "untriaged", tmp_path)
    decision = judged(pilot, 3)
    found = reasons(decision)
    assert decision.verdict is Verdict.NO_GO
    assert set(found) == {"acceptance", "acceptance-open-critical"}
    assert found["acceptance"].startswith("1 critical issue is open: ")
    assert judged(pilot, 2).verdict is Verdict.GO


def test_what_was_played_says_so_on_every_page_and_in_every_bundle(tmp_path: Path, played: Path) -> None:
    pilot = copy_of(played, "end", tmp_path)
    pages = list((tmp_path / "bodies").glob("*.html"))
    assert len(pages) > 100
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert f"<strong>{NOT_PEOPLE.capitalize()}.</strong> <bdi>{PLAYED}</bdi>" in text, page.name
    for name in ("review", "acceptance"):
        exhibit = read_exhibit(exhibit_folder(pilot, name))
        assert exhibit is not None
        assert f"{NOT_PEOPLE}: {PLAYED}" in exhibit.notes[0]
    for number in (2, 3):
        said = held(pilot, number)
        assert said["verdict"] == "GO"
        bundle = Path(said["bundle"])
        verdict = json.loads((bundle / "verdict.json").read_text(encoding="utf-8"))
        assert f"{NOT_PEOPLE}: {PLAYED}" in verdict["remarks"][0]
        for page in (bundle / "report.html", bundle / "notebooks" / f"gate_{number}.html"):
            assert f"{NOT_PEOPLE}: {PLAYED}" in page.read_text(encoding="utf-8"), page.name
    index = (pilot.root / "mlruns" / "small" / "index.html").read_text(encoding="utf-8")
    assert index.count(f"{NOT_PEOPLE}: {PLAYED}") == 2, "once a gate that was held"
    # also where a gate asks nothing of people: they own findings, correct labels, confirm cases
    assert judged(pilot, 1).remarks[0] == f"What people decide in this pilot was {NOT_PEOPLE}: {PLAYED}"
