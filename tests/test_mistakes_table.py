"""Tests of the table of all mistakes, on decisions small enough to count by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hand_evaluations import hand_evaluation

from workbench.evaluation.shown.mistakes import flips_table, mistakes_table, pairs_behind
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Split, read_dataset


@pytest.fixture
def pilot(tickets: Callable[[int], Pilot]) -> Pilot:
    return tickets(60)


def test_every_mistake_stands_once_for_each_version_with_its_outcome(pilot: Pilot) -> None:
    dataset = read_dataset(pilot)
    one, two, three, four = map(str, dataset.ids(Split.DEV, 4))
    new = hand_evaluation(
        "new",
        [
            (one, "ok", "login", 0.95, "refund"),  # wrong, taken alone; right before
            (two, "ok", "login", 0.50, "refund"),  # wrong, goes to a person; the same before
            (three, "failed", None, None, "login"),  # right before
            (four, "ok", "login", 0.99, "login"),  # right; wrong before
        ],
        threshold=0.9,
    )
    old = hand_evaluation(
        "old",
        [
            (one, "ok", "refund", 0.9, "refund"),
            (two, "ok", "login", 0.6, "refund"),
            (three, "ok", "login", 0.8, "login"),
            (four, "ok", "refund", 0.7, "login"),
        ],
    )
    table = mistakes_table([new, old], dataset, old)
    assert list(table["record"]) == [one, two, three, four, two]
    assert list(table["version"]) == ["new", "new", "new", "old", "old"]
    assert list(table["outcome"]) == [
        "wrong, and no person would see it", "wrong, but a person would see it", "no valid answer: failed", "wrong",
        "wrong",
    ]  # fmt: skip
    assert list(table["change"][:3]) == ["broken", "wrong before, the same way", "broken"]
    assert table["decided"].isna().tolist() == [False, False, True, False, False]
    assert all(isinstance(text, str) and text for text in table["says"])
    flipped = flips_table(new, old, dataset)
    assert dict(zip(flipped["record"], flipped["change"], strict=True)) == {
        one: "broken", three: "broken", four: "mended"
    }  # fmt: skip
    behind = pairs_behind(new, [old])
    assert set(behind["new and old: only new right"].counted) == {four}
    assert set(behind["new and old: only old right"].counted) == {one, three}
    assert len(behind["new and old: only old right"].of) == 4


def test_no_versions_make_an_empty_table(pilot: Pilot) -> None:
    assert mistakes_table([], read_dataset(pilot)).empty
