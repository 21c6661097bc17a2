"""What the confidences of a version are worth, side by side on the same decisions, for a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from workbench.agents import ConfidenceSource
from workbench.evaluation import Evaluation
from workbench.evaluation.confidences import Confidences, confidences_of
from workbench.metrics import Comparison, Estimate, compare_sources, reliability_table
from workbench.pages import Page
from workbench.pages.figures import Panel, reliability_panels
from workbench.pilot import Pilot
from workbench.records.splits import Dataset
from workbench.words import UNDEFINED

TITLES = {"ece": "ECE", "brier": "Brier", "log_loss": "log loss", "auroc": "AUROC", "aurc": "AURC"}
AS_IT_IS = "as it is"
MEANING = {
    ConfidenceSource.LOGPROB: "probability of the action's tokens",
    ConfidenceSource.STATED: "the agent's own number",
    ConfidenceSource.AGREEMENT: "repeats that decide the same",
}


def show(page: Page, pilot: Pilot, dataset: Dataset, evaluation: Evaluation) -> Comparison:
    """Show what each confidence of an evaluation's decisions is worth, and return the comparison.

    One sentence, reliability diagrams side by side, a table of measures for each confidence as it is and recalibrated,
    the pairs where there are several, and the bins with their record ids. Nothing is asked and no label is read that
    the evaluation does not have.
    """
    given = confidences_of(pilot, dataset, evaluation)
    comparison = compare_sources(given.outcomes, given.sources or ("confidence",), tuple(given.recalibrated))
    page.note(sentence(given, comparison, evaluation))
    panels = panels_of(given, comparison)
    page.figure("reliability", reliability_panels(panels))
    page.table("calibration", measures_table(given, comparison), "Calibration and ranking, with intervals")
    if comparison.pairs:
        page.table("sources", sources_table(comparison), "Which confidence ranks better")
    page.folded("reliability", {f"Bins of {panel.name}": panel.table for panel in panels if len(panel.table)})
    return comparison


def sentence(given: Confidences, comparison: Comparison, evaluation: Evaluation) -> str:
    """Return which confidence ranks best, on how many decisions, and whether that can be told."""
    n, of = len(comparison.record_ids), f"{evaluation.split.value} decisions"
    if not n:
        wanted = "a confidence" if len(given.sources) < 2 else _listed(given.sources)
        return f"None of the {len(evaluation.outcomes):,} {of} has {wanted}."
    if len(given.sources) < 2:
        (source,) = given.sources
        return f"These {n:,} {of} have one confidence only, {source} ({MEANING[source]}): nothing to compare it with."
    best = comparison.best
    if best is None:
        return f"All of the {n:,} {of} that have {_listed(given.sources)} are right: no confidence can be better."
    values = {source.value: comparison.measures[source]["aurc"].value for source in given.sources}
    others = [f"{source} {value:.4f}" for source, value in values.items() if source != best]
    told = f"On the same {n:,} {of} {best} ranks best: AURC {values[best]:.4f}, {_listed(others)}."
    return f"{told} {_told_apart(comparison, best)} {_used(given)}"


def measures_table(given: Confidences, comparison: Comparison) -> pd.DataFrame:
    """Return a row for each confidence and each of its recalibrations, all on the same decisions."""
    rows: list[dict[str, object]] = []
    for name, measures in comparison.measures.items():
        source, way = given.recalibrated.get(name, (name, AS_IT_IS))
        texts = {TITLES[measure]: _text(estimate) for measure, estimate in measures.items()}
        rows.append(
            {
                "confidence": str(source),
                "recalibration": way if way is AS_IT_IS else way.capitalize(),
                "n": measures["ece"].n,
                **texts,
            }
        )
    order = {source.value: place for place, source in enumerate(given.sources)}
    rows.sort(key=lambda row: order.get(str(row["confidence"]), 0))
    return pd.DataFrame(rows)


def sources_table(comparison: Comparison) -> pd.DataFrame:
    """Return a row for each pair of confidences; below 1 the first ranks better."""
    rows = [
        (
            pair.first,
            pair.second,
            pair.ratio.n,
            _text(pair.ratio, 2),
            "cannot tell apart" if pair.better is None else pair.better,
        )
        for pair in comparison.pairs
    ]
    return pd.DataFrame(rows, columns=["first", "second", "n", "AURC of the first over the second", "ranks better"])


def panels_of(given: Confidences, comparison: Comparison) -> list[Panel]:
    """Return what the diagrams show, on the decisions that were compared."""
    rows = given.outcomes[given.outcomes["record_id"].isin(comparison.record_ids)]
    ways: Mapping[str, dict[str, pd.DataFrame]] = {source: {} for source in given.sources}
    for column, (source, way) in given.recalibrated.items():
        ways[source][way.value.capitalize()] = reliability_table(rows, column)
    return [
        Panel(_panel_name(given, source), reliability_table(rows, source), ways[source]) for source in given.sources
    ]


def _panel_name(given: Confidences, source: ConfidenceSource) -> str:
    return f"{source} of {given.times} repeats" if source is ConfidenceSource.AGREEMENT else source.value


def _told_apart(comparison: Comparison, best: str) -> str:
    """Return from which others the best one can be told apart."""
    apart: dict[bool, list[str]] = {True: [], False: []}
    for pair in comparison.pairs:
        if best in (pair.first, pair.second):
            apart[pair.better == best].append(pair.second if pair.first == best else pair.first)
    n_pairs = len(comparison.pairs)
    by = f"paired bootstrap, 95%{f' for all {n_pairs} pairs together' if n_pairs > 1 else ''}"
    if not apart[True]:
        return f"It cannot be told apart from {_listed(apart[False])} ({by})."
    told = f"It can be told apart from {_listed(apart[True])}"
    return f"{told}{f', not from {_listed(apart[False])}' if apart[False] else ''} ({by})."


def _used(given: Confidences) -> str:
    used = sorted(str(source) for source in given.outcomes["confidence_source"].dropna().unique())
    made = "" if given.used_way is None else f", recalibrated ({given.used_way.capitalize()})"
    return f"The threshold is held against {_listed(used)}{made}."


def _listed(names: Sequence[str]) -> str:
    """Return names as they are read out."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _text(estimate: Estimate, decimals: int = 4) -> str:
    """Return a value with its interval."""
    if estimate.value is None:
        return UNDEFINED
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:.{decimals}f} (no interval)"
    return f"{estimate.value:.{decimals}f} ({estimate.lower:.{decimals}f} to {estimate.upper:.{decimals}f})"
