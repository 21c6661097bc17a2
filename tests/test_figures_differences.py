"""Tests of the figures of differences and of certainty: what their titles say, and what is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hand_evaluations import NO_OTHERS, hand_evaluation

from workbench.evaluation.versions.categories import by_category
from workbench.evaluation.versions.pairs import paired_differences
from workbench.metrics import UnitCosts, costs_by_threshold
from workbench.pages import figures


def made(name: str, right: str):
    rows = [(f"r{i:03d}", "ok", "x" if sign == "1" else "y", 0.9, "x") for i, sign in enumerate(right)]
    return hand_evaluation(name, rows)


def title(figure) -> str:
    return " ".join(figure.get_suptitle().split())


def dots(figure) -> dict[float, str]:
    """Return difference in points to the face colour of each dot."""
    axes = figure.axes[0]
    drawn = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    return {round(float(line.get_xdata()[0]), 6): str(line.get_markerfacecolor()) for line in drawn}


def test_differences_are_turned_to_one_version_and_filled_where_they_hold() -> None:
    best, near, far = made("best", "1" * 40), made("near", "1" * 39 + "0"), made("far", "0" * 20 + "1" * 20)
    figure = figures.differences_from("best", paired_differences([far, near, best], NO_OTHERS))
    assert title(figure) == "best is better than 1 of 2 other versions, not to be told apart from near"
    found = dots(figure)
    assert set(found) == {50.0, 2.5}
    assert (found[50.0] == "white", found[2.5] == "white") == (False, True)
    counts = [text.get_text() for text in figure.axes[0].texts]
    assert counts == ["20 : 0", "1 : 0"]


def test_a_version_without_a_rival_says_so() -> None:
    assert "compared with no other version" in title(
        figures.differences_from("a", paired_differences([made("a", "1")], NO_OTHERS))
    )


def test_a_loss_is_drawn_on_the_left_with_its_margin() -> None:
    before, after = made("old", "1" * 60), made("new", "1" * 30 + "0" * 30)
    table = by_category(after, before, margin=0.1)
    figure = figures.categories_changed(table, ("new", "old"), 0.1)
    assert title(figure) == "new after old, of 1 categories: 1 worse"
    assert dots(figure).keys() == {-50.0}
    lines = [float(line.get_xdata()[0]) for line in figure.axes[0].lines if line.get_label().startswith("margin")]
    assert lines == [-10.0]


@pytest.mark.parametrize("error", [1.0, 100.0])
def test_the_cheapest_certified_choice_is_named(error: float) -> None:
    rows = [(f"r{i}", "ok", "x" if i else "y", 0.5 + i / 100, "x") for i in range(20)]
    by_threshold = costs_by_threshold(hand_evaluation("v", rows).outcomes, UnitCosts(error, 2.0))
    figure = figures.cost_curve(by_threshold, "EUR", manual=1.5)
    assert title(figure) == "Only handing everything to people is proved, at 2 EUR a record"
    proved = by_threshold.assign(is_certified=True)
    # automating all costs one error: 1/20 or 100/20; leaving out the least sure one, which is the wrong one: 2/20
    expected = "0.05 EUR a record, 100% automated" if error == 1.0 else "0.1 EUR a record, 95.0% automated"
    assert title(figures.cost_curve(proved, "EUR")).endswith(expected)


def test_figures_of_many_versions_keep_every_name() -> None:
    rng = np.random.default_rng(1)
    versions = [made(f"version_{i}", "".join(map(str, (rng.random(60) < 0.8).astype(int)))) for i in range(12)]
    figure = figures.differences_from("version_0", paired_differences(versions, NO_OTHERS))
    assert len(figure.axes[0].get_yticklabels()) == 11
    assert figures.png(figure).startswith(b"\x89PNG")


def test_a_band_that_holds_everywhere_is_named() -> None:
    curve = pd.DataFrame(
        {"threshold": [0.9, 0.5], "automated": [5, 10], "automation_rate": [0.5, 1.0], "right": [5, 9],
         "selective_accuracy": [1.0, 0.9], "lower": [0.6, 0.6], "upper": [1.0, 0.98]}
    )  # fmt: skip
    figure = figures.risk_coverage_curves({"v": curve}, band=curve)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "band that holds everywhere at once, 95%" in labels
