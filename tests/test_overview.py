"""Tests of workbench.audit: every expected number is counted by hand in the records beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from small_pilots import ALL_DEV, ALL_HOLDOUT, written_pilot

from workbench.audit.overview import (
    Ceiling,
    ceiling,
    columns_found,
    contradictions,
    normalised,
    repeats,
    text_lengths,
    values_outside,
    volume_by_month,
)
from workbench.audit.readiness import Audited, readiness
from workbench.splits import Dataset, read_dataset

COLUMNS = {
    "no": {"role": "id", "required": True},
    "at": {"type": "string", "role": "timestamp"},
    "from": {"role": "source"},
    "text": {"role": "text", "required": True},
    "country": {"allowed": ["DE", "AT"], "pii": "personal"},
    "kind": {"role": "class"},
    "hidden": {"role": "ignore"},
    "amount": {"type": "number"},
    "why": {"role": "reason"},
    "queue": {"role": "label", "allowed": ["a", "b", "c"]},
}
ROWS = (
    ("1", "2025-01-05", "web", "Card lost", "DE", "common", "x", 1.5, "w1", "a"),
    ("2", "2025-01-05", "web", "Card lost", "DE", "common", "x", 1.5, "w2", "a"),  # repeats 1
    ("3", "2025-02-01T10:00:00", "web", "card LOST!", "DE", "edge", None, 1.5, None, "b"),  # says the same as 1 and 2
    ("4", "soon", None, "Where is it", "France", None, None, 20, "w3", "b"),
    ("5", None, "mail", None, "DEU", "edge", None, None, "w3", "a"),
    ("6", "2025-01-31", "mail", "Where is it", "France", "edge", "x", 20, "w1", "b"),
)
DEV = {"a": ALL_DEV, "b": ALL_DEV}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return read_dataset(written_pilot(tmp_path, COLUMNS, ROWS, DEV))


def small(root: Path, columns: Sequence[str], rows: Sequence[Sequence[object]], sides: Mapping[str, float]) -> Dataset:
    """Return a dataset of plain columns of which the last is the label."""
    declared = {name: {"role": "label"} if name == columns[-1] else {} for name in columns}
    return read_dataset(written_pilot(root, declared, rows, sides))


def test_columns_are_held_against_their_contract(dataset: Dataset):
    found = columns_found(dataset).set_index("column")
    assert list(found.index) == list(COLUMNS)
    assert found.loc["text", ["role", "type", "required"]].tolist() == ["text", "string", True]
    counts = found[["n", "filled", "distinct", "not_allowed"]]
    assert counts.loc["text"].tolist() == [6, 5, 3, 0]
    assert counts.loc["country"].tolist() == [6, 6, 3, 3]
    assert counts.loc["amount"].tolist() == [6, 5, 2, 0]
    assert counts.loc["why"].tolist() == [6, 5, 3, 0]
    assert counts.loc["queue"].tolist() == [6, 6, 2, 0]
    assert counts.loc["hidden"].tolist() == [0, 0, 0, 0]
    assert math.isclose(found.loc["text", "share_filled"], 5 / 6)
    assert math.isnan(found.loc["hidden", "share_filled"])


def test_what_a_column_holds_is_said_in_words(dataset: Dataset):
    found = columns_found(dataset).set_index("column")["found"]
    assert found["amount"] == "1.5 to 20"
    assert found["queue"] == "a 3, b 3"
    assert found["hidden"] == "not looked at"
    assert found["country"] == "3 different texts of 2 to 6 characters", "values of personal data are not listed"


def test_values_outside_the_contract_come_with_their_records(dataset: Dataset):
    outside = values_outside(dataset)
    assert outside.to_numpy().tolist() == [["country", "France", 2, ("4", "6")], ["country", "DEU", 1, ("5",)]]


def test_allowed_values_are_compared_as_they_are_spelled(tmp_path: Path):
    columns = {
        "paid": {"type": "boolean", "allowed": ["true"]},
        "rate": {"type": "number", "allowed": ["19", "7.5"]},
        "y": {"role": "label"},
    }
    rows = [("true", "19.0", "a"), ("FALSE", "7.5", "a"), ("true", "7", "b"), (None, None, "b")]
    outside = values_outside(read_dataset(written_pilot(tmp_path, columns, rows, DEV)))
    assert outside[["column", "value"]].to_numpy().tolist() == [["paid", "false"], ["rate", "7"]]


def test_volume_counts_months_sources_and_unreadable_times(dataset: Dataset):
    volume = volume_by_month(dataset)
    assert volume is not None
    assert volume.columns.tolist() == ["month", "records", "from (empty)", "from mail", "from web"]
    assert volume.to_numpy().tolist() == [
        ["2025-01", 3, 0, 1, 2],
        ["2025-02", 1, 0, 0, 1],
        ["(no readable time)", 2, 1, 1, 0],
    ]


def test_volume_needs_a_timestamp(tmp_path: Path):
    assert volume_by_month(small(tmp_path, ["x", "y"], [(1, "a"), (2, "a"), (3, "b"), (4, "b")], DEV)) is None


def test_texts_are_measured_in_characters(dataset: Dataset):
    assert {name: sorted(lengths) for name, lengths in text_lengths(dataset).items()} == {"text": [9, 9, 10, 11, 11]}


def test_repeats_agree_in_all_that_an_agent_sees_but_the_id(dataset: Dataset):
    # 1 and 2 differ in id and reason only; 4 and 6 in their time
    assert repeats(dataset).reset_index().to_numpy().tolist() == [["1", 1, "dev"], ["2", 1, "dev"]]


def test_repeats_see_records_across_the_split(tmp_path: Path):
    rows = [("p", "a"), ("p", "b"), ("q", "a"), ("p", "b"), ("r", "a"), ("r", "a")]
    dataset = small(tmp_path, ["x", "y"], rows, {"a": ALL_DEV, "b": ALL_HOLDOUT})
    repeated = repeats(dataset)
    assert repeated.groupby("group")["split"].apply(lambda part: sorted(part)).tolist() == [
        ["dev", "holdout", "holdout"],
        ["dev", "dev"],
    ]


def test_contradictions_ignore_case_punctuation_id_and_time(dataset: Dataset):
    found = contradictions(dataset)
    assert found.index.name == "record_id"
    assert found.reset_index().to_numpy().tolist() == [["1", 1, "a"], ["2", 1, "a"], ["3", 1, "b"]]
    assert ceiling(dataset, found) == Ceiling(n=6, contradicting=3, lost=1)
    assert math.isclose(ceiling(dataset, found).share, 5 / 6)


def test_contradictions_never_see_a_holdout_label(tmp_path: Path):
    rows = [("p", "a"), ("p", "b"), ("q", "a"), ("q", "b")]
    dataset = small(tmp_path, ["x", "y"], rows, {"a": ALL_DEV, "b": ALL_HOLDOUT})
    assert contradictions(dataset).empty


def test_a_clean_dataset_has_no_repeats_contradictions_or_values_outside(tmp_path: Path):
    dataset = small(tmp_path, ["x", "y"], [(1, "a"), (2, "a"), (3, "b"), (4, "b")], DEV)
    assert repeats(dataset).empty
    assert contradictions(dataset).empty
    assert values_outside(dataset).empty
    assert ceiling(dataset, contradictions(dataset)).share == 1.0
    assert text_lengths(dataset) == {}


def test_columns_may_be_named_like_those_of_the_overview(tmp_path: Path):
    names = ["record_id", "group", "split", "label", "month", "records", "<b>", "y"]
    rows = [(*"aabcdef", "k"), (*"aabcdef", "l"), (*"xyzuvwt", "k"), (*"abcdefg", "l")]
    dataset = small(tmp_path, names, rows, {"k": ALL_DEV, "l": ALL_DEV})
    assert columns_found(dataset)["column"].tolist() == names
    assert len(repeats(dataset)) == 2
    assert contradictions(dataset)["label"].tolist() == ["k", "l"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Has my top-up gone through?", "has my top up gone THROUGH"),
        ("Straße  9", "STRASSE 9"),  # case folding, as Unicode defines it
        ("\uff23ard", "card"),  # a full-width C is compatible with C
    ],
)
def test_texts_that_say_the_same_are_normalised_to_the_same(text: str, same: str):
    assert normalised(text) == normalised(same)


def test_readiness_holds_what_was_found_against_what_is_wanted(dataset: Dataset):
    audited = Audited(columns_found(dataset), repeats(dataset), contradictions(dataset))
    checks = {check.check: check for check in readiness(dataset, audited, target=0.9)}
    assert [(check.found, check.holds) for check in checks.values()] == [
        ("6", False),
        ("0", False),
        ("1 of 12", False),  # required: no and text, 6 cells each; one text is empty
        ("3 of 12", False),  # filled cells of the two columns with a list, country and queue
        ("1 of 3", False),  # label c
        ("0 of 6", True),
        ("3 of 6; no agent can be right on more than 5", False),
    ]
    assert [check.is_blocking for check in checks.values()] == [True, True, False, False, False, False, False]


def test_the_ceiling_is_no_reservation_without_a_target(dataset: Dataset):
    audited = Audited(columns_found(dataset), repeats(dataset), contradictions(dataset))
    assert readiness(dataset, audited)[-1].holds


def test_repeats_across_the_split_are_a_reservation(tmp_path: Path):
    columns = {"no": {"role": "id"}, "x": {}, "y": {"role": "label"}}
    rows = [("1", "p", "a"), ("2", "p", "b"), ("3", "q", "a"), ("4", "r", "b")]
    dataset = read_dataset(written_pilot(tmp_path, columns, rows, {"a": ALL_DEV, "b": ALL_HOLDOUT}))
    audited = Audited(columns_found(dataset), repeats(dataset), contradictions(dataset))
    check = next(check for check in readiness(dataset, audited) if check.check == "records repeated across the split")
    assert (check.found, check.holds) == ("2 of 4", False)


def test_nothing_is_written_into_the_records(dataset: Dataset):
    before = dataset.shown().copy()
    columns_found(dataset)
    contradictions(dataset)
    pd.testing.assert_frame_equal(dataset.shown(), before)
