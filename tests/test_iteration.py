"""Tests of what a change did and what goes wrong: categories, mistakes, and the way back from a number to records."""

from __future__ import annotations

import pytest
from hand_evaluations import hand_evaluation
from scipy import stats as scipy_stats

from workbench.evaluation.versions.categories import by_category
from workbench.evaluation.versions.mistakes import confusion_clusters, error_filters, flips, surest_errors
from workbench.evaluation.versions.tracing import PAIRED, records_behind
from workbench.metrics import CATALOGUE
from workbench.stats import tango_bounds
from workbench.words import InputError

OLD = (
    ("r1", "ok", "x", 0.9, "x"),
    ("r2", "ok", "x", 0.8, "x"),
    ("r3", "ok", "y", 0.7, "x"),
    ("r4", "ok", "x", 0.95, "y"),
    ("r5", "failed", None, None, "y"),
    ("r6", "ok", "y", 0.6, "y"),
    ("r7", "skipped", None, None, "y"),
)
NEW = (
    ("r1", "ok", "x", 0.9, "x"),  # right both times
    ("r2", "ok", "y", 0.85, "x"),  # broken
    ("r3", "ok", "x", 0.7, "x"),  # mended
    ("r4", "ok", "z", 0.5, "y"),  # wrong otherwise
    ("r5", "ok", "y", 0.4, "y"),  # mended
    ("r6", "invalid", None, None, "y"),  # broken
    ("r7", "ok", "y", 0.9, "y"),  # not asked before
)


@pytest.fixture
def new():
    return hand_evaluation("new", NEW, threshold=0.8)


@pytest.fixture
def old():
    return hand_evaluation("old", OLD)


def many(name: str, right: dict[str, str]):
    """Return an evaluation with one record for each letter: 1 is right, 0 wrong; by label."""
    rows = []
    for label, letters in right.items():
        rows += [(f"{label}{i:03d}", "ok", label if sign == "1" else "?", 0.9, label) for i, sign in enumerate(letters)]
    return hand_evaluation(name, rows)


def test_categories_count_what_was_mended_and_broken_on_records_both_were_asked(new, old) -> None:
    table = by_category(new, old).set_index("category")
    assert table.loc["x", ["n", "right", "right_before", "mended", "broken"]].tolist() == [3, 2, 2, 1, 1]
    assert table.loc["y", ["n", "right", "right_before", "mended", "broken"]].tolist() == [3, 1, 1, 1, 1]


def test_intervals_of_categories_hold_together() -> None:
    before, after = many("a", {"x": "0" * 30 + "1" * 70, "y": "1" * 50}), many("b", {"x": "1" * 100, "y": "1" * 50})
    table = by_category(after, before).set_index("category")
    # two categories: each interval at 1 - .05 / 2
    assert tuple(table.loc["x", ["lower", "upper"]]) == pytest.approx(
        tuple(map(float, tango_bounds(30, 0, 100, 0.975)))
    )
    assert table.loc["x", "answer"] == "better"


def test_a_category_is_worse_no_worse_or_not_to_be_told() -> None:
    letters = {"worse": "1" * 40, "same": "1" * 200, "few": "1" * 6}
    before = many("a", letters)
    after = many("b", {**letters, "worse": "1" * 20 + "0" * 20, "few": "1" * 5 + "0"})
    table = by_category(after, before, margin=0.05).set_index("category")
    assert table["answer"].to_dict() == {"worse": "worse", "same": "no worse", "few": "cannot tell"}
    assert by_category(after, before).iloc[0]["category"] == "worse", "the largest loss comes first"


def test_categories_need_a_column_and_a_margin(new, old) -> None:
    with pytest.raises(InputError, match="no column 'colour'"):
        by_category(new, old, "colour")
    with pytest.raises(InputError, match="between 0 and 1"):
        by_category(new, old, margin=0.0)


def test_flips_say_what_became_of_each_record(new, old) -> None:
    table = flips(new, old)
    assert table["change"].to_dict() == {
        "r2": "broken", "r3": "mended", "r4": "wrong otherwise", "r5": "mended", "r6": "broken",
    }  # fmt: skip
    assert table.loc["r6", ["before", "after"]].tolist() == ["y", "(invalid: not_json)"]
    assert table.index[0] == "r6", "broken first, the largest change of confidence first"
    assert flips(new, new).empty


def test_labels_that_change_places_form_a_group() -> None:
    # 20 records each: a and b are mixed up 8 times of 40, c and d 2 of 40 (the limit), e stands alone
    rows = []
    wrong = {("a", "b"): 5, ("b", "a"): 3, ("c", "d"): 2, ("e", "a"): 0}
    for label in "abcde":
        errors = [action for (of, action), n in wrong.items() if of == label for _ in range(n)]
        actions = [*errors, *[label] * (20 - len(errors))]
        rows += [(f"{label}{i}", "ok", action, 0.9, label) for i, action in enumerate(actions)]
    table = confusion_clusters(hand_evaluation("v", rows).outcomes)
    assert table["labels"].tolist() == [("a", "b"), ("c", "d")]
    assert table["errors"].tolist() == [8, 2]
    assert table["records"].tolist() == [40, 40]
    assert table["share_of_errors"].tolist() == [0.8, 0.2]
    assert table["main"].tolist() == ["a taken for b (5)", "c taken for d (2)"]
    assert set(table["record_ids"][1]) == {"c0", "c1"}


def test_a_version_without_mistakes_has_no_group_and_no_filter() -> None:
    perfect = many("p", {"x": "111"})
    assert confusion_clusters(perfect.outcomes).empty
    assert error_filters(perfect) == ()


def test_filters_hold_the_records_their_title_says(new, old) -> None:
    filters = {one.name: one for one in error_filters(new, old)}
    assert filters["all"].record_ids == ("r2", "r4", "r6"), "the surest first"
    assert filters["automated"].record_ids == ("r2",)
    assert filters["no-answer"].record_ids == ("r6",)
    assert set(filters["broken"].record_ids) == {"r2", "r6"}
    assert set(filters["mended"].record_ids) == {"r3", "r5"}
    assert filters["pair-1"].title == "x taken for y"
    assert filters["pair-1"].record_ids == ("r2",)
    assert surest_errors(new.outcomes, 2).tolist() == ["r2", "r4"]


SHARES = [one.id for one in CATALOGUE.values() if (one.at_threshold or one.id == "accuracy") and one.column is None]


@pytest.mark.parametrize("number", SHARES)
def test_the_records_behind_a_share_make_up_the_estimate(new, number: str) -> None:
    behind, estimate = records_behind(new, number), new.estimates[number]
    assert (len(behind.of), behind.share) == (estimate.n, pytest.approx(estimate.value))
    assert set(behind.counted) <= set(behind.of)


def test_records_behind_can_be_narrowed(new) -> None:
    behind = records_behind(new, "accuracy", where={"label": "y"})
    assert (behind.counted.tolist(), behind.of.tolist()) == (["r5", "r7"], ["r4", "r5", "r6", "r7"])
    assert records_behind(new, "accuracy", where={"label": "y", "action": None}).of.tolist() == ["r6"]
    assert records_behind(new, "accuracy", where={"label": "unheard of"}).share is None


def test_records_behind_a_pair(new, old) -> None:
    found = {number: records_behind(new, number, against=old).counted.tolist() for number in PAIRED}
    assert found == {"both_right": ["r1"], "only_first": ["r3", "r5"], "only_second": ["r2", "r6"], "neither": ["r4"]}
    assert records_behind(new, "neither", against=old, where={"label": "x"}).of.tolist() == ["r1", "r2", "r3"]


def test_what_cannot_be_traced_is_said(new, old) -> None:
    with pytest.raises(InputError, match="no number 'beauty'"):
        records_behind(new, "beauty")
    with pytest.raises(InputError, match="undefined without a threshold"):
        records_behind(old, "automation_rate")
    with pytest.raises(InputError, match="about two versions"):
        records_behind(new, "only_first")
    with pytest.raises(InputError, match="no column 'colour'"):
        records_behind(new, "accuracy", where={"colour": "red"})


def test_tango_of_categories_agrees_with_a_second_method() -> None:
    # Wilson-score logic: at a bound the score statistic equals the normal quantile (Tango 1998, equation 4)
    lower, _ = tango_bounds(30, 0, 100, 0.975)
    b, c, n, delta = 30, 0, 100, lower
    a = 2 * n
    bb = -b - c + (2 * n - b + c) * delta
    cc = -c * delta * (1 - delta)
    p01 = (-bb + (bb**2 - 4 * a * cc) ** 0.5) / (2 * a)
    statistic = (b - c - n * delta) / (n * (2 * p01 + delta * (1 - delta))) ** 0.5
    assert statistic == pytest.approx(scipy_stats.norm.ppf(1 - 0.025 / 2), abs=1e-6)
