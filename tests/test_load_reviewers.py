"""Reviewers at the desk under load: what their taps show, faulty desks that are found, and what a gate reads."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from desk_servers import FAULTS, server_of
from load_servers import AGENT, coded_pilot
from test_load import facts_of

from workbench.evidence import Exhibit, exhibit_of, require_same
from workbench.load_testing import MAKER, LoadRequest
from workbench.load_testing.analysis import causes_table, profiles_table
from workbench.load_testing.asking import PartRun
from workbench.load_testing.checks import CHECKS
from workbench.load_testing.findings import load_findings
from workbench.load_testing.numbers import load_estimate
from workbench.load_testing.reviewing import HIDDEN, ReviewedDesk, ReviewLoad, reviewed_desk
from workbench.load_testing.taps import ANSWERS, ITEMS, TAPS, reviewers_estimate, reviewers_table
from workbench.metrics import Estimate
from workbench.pilot import LoadProfile, LoadSettings, Pilot, QueueName
from workbench.records import Record
from workbench.records.splits import read_dataset
from workbench.runs import RunRequest

RECORDS = [Record(f"R{number}", {"amount": number * 25.0, "note": None}, "0" * 64) for number in range(40)]
ACTIONS = ("approve", "reject", "escalate")
PATIENT = LoadSettings(reviewers=2, reviewers_at_most_s=600, tap_p95_ms=60_000)  # no time decides what is found
NOTHING: dict[str, Any] = {"lost": 0, "doubled": 0, "peeks": 0, "errors": 0}


def tables(levels: dict[int, float], each: int = 100, **other: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what is seen where each tap of so many reviewers takes so many seconds, and nothing goes wrong."""
    rows = [(at, place, seconds) for at, seconds in levels.items() for place in range(each)]
    names = [f"load-{at}-{place}" for at, place, _ in rows]
    base = pd.DataFrame({"at_once": [at for at, _, _ in rows], "item": names})
    taps = base.assign(
        person="p", kind="approve", sent_s=0.0, done_s=[seconds for *_, seconds in rows], outcome="ok", peeked=False
    )
    return {TAPS: taps, ITEMS: base.assign(needs=1), ANSWERS: base.assign(reviewer="x", kind="approve"), **other}


def borne(found: Estimate) -> tuple[float | None, ...]:
    return found.lower, found.value, found.upper


def test_reviewers_are_borne_up_to_the_first_number_whose_taps_take_too_long() -> None:
    found = reviewers_estimate(tables({1: 0.01, 2: 0.02, 4: 0.2, 8: 0.05}), 0.1, 0.9)
    assert borne(found) == (2, 2, 2), "eight do not count, as four are not borne"
    assert (found.n, found.method) == (400, "order statistics, 1, 2, 4, 8 tried 90%")
    assert borne(reviewers_estimate(tables({1: 0.2, 2: 0.01}), 0.1, 0.9)) == (0, 0, 0)


def test_a_p95_that_may_be_above_the_limit_leaves_the_number_between_bounds() -> None:
    seen = tables({1: 0.01, 2: 0.01})
    # of 100 taps the p95 is the 95th; its 90% bounds are the 91st and the 99th (binomial: 4.2% and 3.7% outside)
    slow = seen[TAPS]["at_once"].eq(2) & seen[TAPS].groupby("at_once").cumcount().ge(96)
    found = reviewers_estimate({**seen, TAPS: seen[TAPS].assign(done_s=seen[TAPS]["done_s"].mask(slow, 0.5))}, 0.1, 0.9)
    assert borne(found) == (1, 2, 2)
    few = reviewers_estimate(tables({1: 0.01}, each=20), 0.1, 0.9)
    assert borne(few) == (0, 1, 1), "20 taps bound no p95 from above"


def test_an_answer_that_was_said_to_be_stored_and_is_not_is_lost() -> None:
    seen = tables({1: 0.01, 2: 0.01})
    gone = seen[ANSWERS].drop(index=[150])
    changed = gone.assign(kind=gone["kind"].mask(gone.index == 160, "reject"))
    table = reviewers_table({**seen, ANSWERS: changed}, 0.95)
    assert table["lost"].tolist() == [0, 2], "one has no row, one a row of another kind"
    assert borne(reviewers_estimate({**seen, ANSWERS: changed}, 0.1, 0.9)) == (1, 1, 1)
    refused = seen[TAPS].assign(outcome=seen[TAPS]["outcome"].mask(seen[TAPS].index == 150, "conflict"))
    table = reviewers_table({**seen, TAPS: refused, ANSWERS: gone}, 0.95)
    assert (table["lost"].tolist(), table["conflicts"].tolist()) == ([0, 0], [0, 1]), (
        "nobody was told that it is stored"
    )


def test_a_row_beyond_what_an_item_needs_or_of_the_same_person_again_is_doubled() -> None:
    seen = tables({1: 0.01})
    twice = pd.concat([seen[ANSWERS], seen[ANSWERS].iloc[:1].assign(reviewer="y"), seen[ANSWERS].iloc[5:6]])
    assert reviewers_table({**seen, ANSWERS: twice}, 0.95)["doubled"].tolist() == [2]
    needs_two = seen[ITEMS].assign(needs=2)
    assert reviewers_table({**seen, ITEMS: needs_two, ANSWERS: twice}, 0.95)["doubled"].tolist() == [1]
    undone = seen[ANSWERS].iloc[:1].assign(kind="undo")
    assert reviewers_table({**seen, ANSWERS: pd.concat([seen[ANSWERS], undone])}, 0.95)["doubled"].tolist() == [0]


@pytest.mark.parametrize(("column", "value", "name"), [("peeked", True, "peeks"), ("outcome", "error", "errors")])
def test_a_peek_or_an_error_ends_what_is_borne(column: str, value: Any, name: str) -> None:
    seen = tables({1: 0.01, 2: 0.01})
    wrong = seen[TAPS].assign(**{column: seen[TAPS][column].mask(seen[TAPS].index == 199, value)})
    answers = seen[ANSWERS].drop(index=[199]) if name == "errors" else seen[ANSWERS]
    assert reviewers_table({**seen, TAPS: wrong, ANSWERS: answers}, 0.95)[name].tolist() == [0, 1]
    assert borne(reviewers_estimate({**seen, TAPS: wrong, ANSWERS: answers}, 0.1, 0.9)) == (1, 1, 1)


def test_without_the_profile_the_number_is_not_known() -> None:
    facts = {"settings": LoadSettings().model_dump(mode="json"), "seed": 1, "windows": {}}
    for none in ({}, {name: table.iloc[:0] for name, table in tables({1: 0.01}).items()}):
        found = load_estimate("load_reviewers", none, facts, 0.9)
        assert (found.value, found.method) == (None, "none: the profile reviewers was not run")


def test_more_and_more_are_tried_up_to_what_load_yaml_says() -> None:
    levels = {n: ReviewLoad((), ACTIONS, 1, LoadSettings(reviewers=n)).levels for n in (1, 2, 6, 8, 9)}
    assert levels == {1: (1,), 2: (1, 2), 6: (1, 2, 4, 6), 8: (1, 2, 4, 8), 9: (1, 2, 4, 8, 9)}


def test_half_of_the_cards_are_decided_blind_and_show_nothing_that_is_hidden() -> None:
    load = ReviewLoad(RECORDS, ACTIONS, 100, PATIENT)
    items = list(load.items_of(2))
    assert [one.queue for one in items[:2]] == [QueueName.ESCALATIONS, QueueName.AUDIT]
    blind = [one.shown for one in items if one.is_blind]
    assert len(blind) == 50
    assert not any(HIDDEN in repr(one) or one.recommended for one in blind)
    assert items[40].card.title == "Record R0", "records come again"
    assert len({one.id for one in items} | {one.id for one in load.items_of(1)}) == 200
    assert load.review().played is not None


def seen_of(fault: str, settings: LoadSettings = PATIENT) -> dict[str, pd.DataFrame]:
    """Return what reviewers without a pause see of a desk with a fault: 60 items at each number of them."""
    load = ReviewLoad(RECORDS, ACTIONS, 60, settings, pause_s=0.0)
    seen: ReviewedDesk = reviewed_desk(load, server_of(fault), show_progress=False)
    return {TAPS: seen.taps, ITEMS: seen.items, ANSWERS: seen.answers}


def found_in(seen: dict[str, pd.DataFrame], settings: LoadSettings = PATIENT) -> set[str]:
    """Return the findings of a load test in which no record arrived."""
    none = PartRun.nothing()
    arrivals, calls = none.arrivals.assign(profile=""), none.calls.assign(profile="", system=None)
    measured = {"arrivals": arrivals, "calls": calls, "samples": none.samples.assign(profile=""), **seen}
    facts = {"settings": settings.model_dump(mode="json"), "unloaded": {"p95_s": 1.0}, "seed": 1}
    return {one.id for one in load_findings(measured, profiles_table(arrivals, {}), causes_table(arrivals), facts)}


def test_a_clean_desk_bears_its_reviewers_and_has_no_finding() -> None:
    seen = seen_of("clean")
    table = reviewers_table(seen, 0.95)
    assert table[list(NOTHING)].to_dict("records") == [NOTHING, NOTHING]
    assert (seen[ANSWERS].groupby("at_once").size() == seen[ITEMS].groupby("at_once")["needs"].sum()).all()
    assert found_in(seen) == set()
    assert borne(reviewers_estimate(seen, 60.0, 0.9)) == (2, 2, 2)


def test_reviewers_tap_also_where_an_event_loop_runs_as_in_a_notebook() -> None:
    load = ReviewLoad(RECORDS, ACTIONS, 4, LoadSettings(reviewers=1), pause_s=0.0)

    async def in_a_loop() -> ReviewedDesk:
        return reviewed_desk(load, server_of("clean"), show_progress=False)

    assert len(asyncio.run(in_a_loop()).taps) >= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        ("loses", "reviewers-lost"),
        ("doubles", "reviewers-doubled"),
        ("peeks", "reviewers-peeks"),
        ("breaks", "reviewers-errors"),
    ],
)
def test_a_faulty_desk_is_found_and_does_not_bear_its_reviewers(fault: str, finding: str) -> None:
    seen = seen_of(fault)
    assert found_in(seen) == {finding}
    assert (reviewers_estimate(seen, 60.0, 0.9).upper or 0) < 2, "the hundredth answer is given by two at once"


@pytest.mark.slow
def test_a_slow_desk_is_found_by_its_p95() -> None:
    settings = PATIENT.model_copy(update={"tap_p95_ms": 100.0})
    seen = seen_of("slow", settings)
    assert found_in(seen, settings) == {"reviewers-slow"}
    assert borne(reviewers_estimate(seen, 0.1, 0.9)) == (0, 0, 0)


def test_every_fault_is_planted() -> None:
    assert set(FAULTS) == {"clean", "loses", "doubles", "peeks", "breaks", "slow"}


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    return coded_pilot(tmp_path_factory.mktemp("reviewers"))


@pytest.fixture(scope="module")
def exhibit(pilot: Pilot) -> Exhibit:
    request = LoadRequest(AGENT, RunRequest(show_progress=False), (LoadProfile.REVIEWERS,))
    return MAKER.make(pilot, read_dataset(pilot), request)


def test_the_profile_alone_leaves_an_exhibit_that_is_computed_again(pilot: Pilot, exhibit: Exhibit) -> None:
    read = exhibit_of(exhibit.files(), "here")
    require_same(MAKER.again(read, facts_of(pilot, read)).as_json(), read.as_json(), "load")
    assert exhibit.answer.endswith(" at once is borne.") or exhibit.answer.endswith(" at once are borne.")
    assert exhibit.facts["reviewed_items"] == 200
    assert [one.partition(":")[0] for one in exhibit.notes] == [
        "Each scripted reviewer paused for 0.2 s on average before a tap"
    ]
    assert exhibit.tables["reviewers"]["at_once"].tolist() == [1]
    lost = read.tables[ANSWERS].iloc[:-1]
    other = MAKER.again(replace(read, tables={**read.tables, ANSWERS: lost}), facts_of(pilot, read))
    assert other.estimates["load_reviewers"].value == 0
    assert "reviewers-lost" in {one.id for one in other.findings}
    assert CHECKS[0].answer(facts_of(pilot, read), {}).reason == "not run: day, peak, soak"  # type: ignore[arg-type]


def test_a_criterion_on_reviewers_has_bounds_of_its_level(pilot: Pilot, exhibit: Exhibit) -> None:
    found = MAKER.estimate(facts_of(pilot, exhibit), "load_reviewers", {}, 0.95)
    assert found.method == "order statistics, 1 tried, one-sided 95%"
