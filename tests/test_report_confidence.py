"""Tests of the view of confidences: the sentence, the tables, the diagrams side by side, what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hand_evaluations import hand_evaluation
from over_confident import three_confidences
from stub_server import stub_process

from workbench.agents.decisions import ConfidenceSource
from workbench.engines.choice import EngineChoice
from workbench.evaluation import evaluate
from workbench.evaluation.confidences import Confidences
from workbench.evaluation.shown import confidence
from workbench.metrics import Recalibration, compare_sources, reliability_table
from workbench.pages.figures.reliability import Panel, reliability_panels
from workbench.pages.views import Page
from workbench.records.splits import Split, read_dataset
from workbench.runs import Again, RunRequest, ask_again

LOGPROB, STATED, AGREEMENT = ConfidenceSource
DECIDED = hand_evaluation("v1", [("r1", "ok", "a", 0.9, "a")])


def given(outcomes: pd.DataFrame, *sources: ConfidenceSource, recalibrated: bool = False) -> Confidences:
    """Return outcomes with sources that are all columns of it."""
    ways = {f"{source} {way}": (source, way) for source in sources for way in Recalibration} if recalibrated else {}
    made = outcomes.assign(confidence_source=LOGPROB, **{name: outcomes[source] for name, (source, _) in ways.items()})
    return Confidences(made, sources, ways, 5)


def three(n: int = 600) -> pd.DataFrame:
    return three_confidences(n, 2).rename(columns={"one": "logprob", "poor": "stated", "other": "agreement"})


def said(one: Confidences) -> str:
    compared = one.sources or ("confidence",)
    return confidence.sentence(one, compare_sources(one.outcomes, compared, tuple(one.recalibrated)), DECIDED)


def test_the_sentence_names_the_best_and_from_which_others_it_can_be_told_apart() -> None:
    text = said(given(three(), *ConfidenceSource))
    assert text.startswith("On the same 600 dev decisions logprob ranks best: AURC 0.1")
    assert "It can be told apart from stated, not from agreement (paired bootstrap, 95% for all 3 pairs" in text
    assert text.endswith("The threshold is held against logprob.")


def test_the_sentence_says_when_nothing_can_be_told_apart() -> None:
    text = said(given(three(60), LOGPROB, AGREEMENT))
    assert "It cannot be told apart from" in text
    assert "(paired bootstrap, 95%)" in text


def test_one_confidence_is_said_to_be_the_only_one() -> None:
    assert said(given(three(50), STATED)) == (
        "These 50 dev decisions have one confidence only, stated (the agent's own number): nothing to compare it with."
    )


def test_without_errors_and_without_confidences_the_sentence_says_so() -> None:
    right = three(50).assign(action="a")
    assert said(given(right, LOGPROB, STATED)) == (
        "All of the 50 dev decisions that have logprob and stated are right: no confidence can be better."
    )
    none = three(50).assign(confidence=np.nan)
    assert said(given(none)) == "None of the 1 dev decisions has a confidence."
    apart = three(50).assign(stated=lambda table: table["stated"].where(table.index >= 25))
    apart = apart.assign(logprob=lambda table: table["logprob"].where(table.index < 25))
    assert said(given(apart, LOGPROB, STATED)) == "None of the 1 dev decisions has logprob and stated."


def test_the_table_has_a_row_for_each_confidence_as_it_is_and_recalibrated() -> None:
    one = given(three(), LOGPROB, STATED, recalibrated=True)
    comparison = compare_sources(one.outcomes, one.sources, tuple(one.recalibrated))
    table = confidence.measures_table(one, comparison)
    assert table[["confidence", "recalibration"]].to_numpy().tolist() == [
        [source, way] for source in ("logprob", "stated") for way in ("as it is", "Platt", "Isotonic")
    ]
    assert table["n"].tolist() == [600] * 6
    brier = comparison.measures["logprob"]["brier"]
    assert table["Brier"][0] == f"{brier.value:.4f} ({brier.lower:.4f} to {brier.upper:.4f})"
    pairs = confidence.sources_table(comparison)
    assert pairs["ranks better"].tolist() == ["logprob"]
    alike = compare_sources(three(60), ["logprob", "agreement"])
    assert confidence.sources_table(alike)["ranks better"].tolist() == ["cannot tell apart"]


def test_values_without_an_interval_are_shown_as_such() -> None:
    one = given(three(100).assign(action=["b"] + ["a"] * 99), LOGPROB)
    table = confidence.measures_table(one, compare_sources(one.outcomes, one.sources))
    assert table["AURC"][0].endswith("(no interval)")
    right = given(three(100).assign(action="a"), LOGPROB)
    assert confidence.measures_table(right, compare_sources(right.outcomes, right.sources))["AUROC"][0] == "not known"


def test_panels_stand_side_by_side_on_the_same_axes_with_the_decisions_of_each_bin() -> None:
    outcomes = three()
    tables = {name: reliability_table(outcomes, name) for name in ("logprob", "stated", "agreement")}
    figure = reliability_panels([Panel(name, table, {"Platt": table}) for name, table in tables.items()])
    assert len(figure.axes) == 9
    assert [axes.get_title() for axes in figure.axes[:3]] == ["logprob", "stated", "agreement"]
    for axes, table in zip(figure.axes[6:], tables.values(), strict=True):
        assert [text.get_text() for text in axes.texts] == [f"{n:,}" for n in table["n"]]
    gap = 100 * (outcomes["logprob"].mean() - (outcomes["action"] == "a").mean())
    assert f"logprob is {gap:.1f} points too sure" in " ".join(figure.get_suptitle().split())
    assert "600 decisions" in figure.get_suptitle()


def test_a_single_confidence_is_one_narrow_column_and_nothing_is_an_empty_figure() -> None:
    table = reliability_table(three(), "logprob")
    figure = reliability_panels([Panel("logprob", table, {})])
    assert len(figure.axes) == 2, "without recalibrations: the diagram and the counts"
    assert figure.get_figwidth() < 6
    assert reliability_panels([Panel("logprob", table.iloc[:0], {})]).get_suptitle() == "No decision has a confidence"


def test_the_view_of_a_pilot_with_one_confidence_shows_and_keeps_it(
    tickets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = tickets(200)
    dataset = read_dataset(pilot)
    evaluate(pilot, "baseline", RunRequest(Split.DEV, show_progress=False), dataset)
    evaluation = evaluate(pilot, "baseline", RunRequest(Split.HOLDOUT, show_progress=False), dataset)
    comparison = confidence.show(Page(tmp_path / "out"), pilot, dataset, evaluation)
    assert "holdout decisions have one confidence only, stated" in capsys.readouterr().out
    assert comparison.pairs == ()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "calibration.csv", "reliability.csv", "reliability.png",
    }  # fmt: skip
    bins = pd.read_csv(tmp_path / "out" / "reliability.csv")
    assert bins["n"].sum() == len(evaluation.outcomes)
    listed = sorted(one for ids in bins["record_ids"] for one in evaluation.outcomes.index if one in ids)
    assert listed == sorted(evaluation.outcomes.index), "every decision can be found behind its bin"


def test_the_view_of_a_pilot_that_was_asked_again_compares_all_three(
    tickets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = tickets(120)
    dataset = read_dataset(pilot)
    with stub_process() as url:
        request = RunRequest(Split.HOLDOUT, None, EngineChoice("server", base_url=url, model="stub"), False)
        evaluation = evaluate(pilot, "prompt_v1", request, dataset)
        ask_again(pilot, "prompt_v1", request, Again(2, 0.7), dataset)
    comparison = confidence.show(Page(tmp_path / "out"), pilot, dataset, evaluation)
    n = len(dataset.ids(Split.HOLDOUT))
    assert f"On the same {n} holdout decisions" in capsys.readouterr().out
    assert len(comparison.pairs) == 3
    kept = pd.read_csv(tmp_path / "out" / "sources.csv")
    # the stub states the probability of its tokens, to three digits, and answers by content alone
    assert kept["ranks better"].tolist()[0] == "cannot tell apart"
    assert set(pd.read_csv(tmp_path / "out" / "reliability.csv")["group"]) == {
        "Bins of logprob", "Bins of stated", "Bins of agreement of 2 repeats",
    }  # fmt: skip
