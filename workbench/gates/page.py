"""The report of a gate for its sponsor: one file, no script, no request, whatever records and replies say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from workbench.engines import answered_by
from workbench.evaluation import Judged, before_opening, judged_among
from workbench.evaluation.shown import escalation_sentence
from workbench.evaluation.versions import stratum_as_shown
from workbench.gates.facts import GateFacts
from workbench.gates.plots import CURVE_HEIGHT, WIDTH, curve_plot, interval_plot
from workbench.gates.verdict import GateDecision
from workbench.metrics import (
    ACCURACY,
    AUTOMATION_RATE,
    SELECTIVE_ACCURACY,
    EvaluationSettings,
    estimate_of,
    estimate_text,
    risk_coverage,
    unopened_records,
)
from workbench.pages import framed
from workbench.pilot import Role
from workbench.words import templates_in

SLICES = (Role.CLASS, Role.SOURCE)
MAX_SLICES = 12
TOP_FINDINGS = 10
EMPTY = "(empty)"
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class SliceRow:
    """How the judged version does on one value of a stratum."""

    column: str
    value: str
    n: int
    accuracy: str
    automation: str
    selective: str


def gate_page(facts: GateFacts, decision: GateDecision, files: Sequence[str]) -> str:
    """Return the report of a decision as one HTML page that links into its bundle.

    Parameters
    ----------
    facts : Facts
    decision : GateDecision
    files : sequence of str
        What the bundle holds, by path; the page lies beside them.
    """
    said = decision.as_json()
    asked = facts.asked_of(decision.gate)
    judged = judged_among(asked.values(), facts)
    plots = [(one, interval_plot(one)) for one in said["criteria"] if one["estimate"] is not None]
    body = templates_in(TEMPLATES).get_template("gate.html.j2").render(
        decision=said,
        answer=Markup(decision.brief.html()),
        pilot=facts.pilot,
        today=facts.today.isoformat(),
        wanted={one.criterion.id: one.criterion.wanted() for one in decision.results},
        waivers={waiver.criterion: waiver for waiver in decision.waivers if waiver.is_valid},
        plots=[(one, plot) for one, plot in plots if plot is not None],
        curve=None if judged is None else _curve(facts, judged),
        slices=() if judged is None else slices(facts, judged),
        findings={one.title: exhibit.findings[:TOP_FINDINGS] for one, exhibit in asked.items() if exhibit.findings},
        answered="" if judged is None else answered_by([judged.content["identity"]]),
        threshold="" if judged is None else judged.content["threshold_note"],
        before="" if judged is None else _before(facts, judged),
        escalation="" if judged is None else _escalation(facts, judged),
        left_out=_left_out(judged.content["counts"]) if judged is not None else "",
        files=sorted(files),
        size={"width": WIDTH, "height": CURVE_HEIGHT},
    )  # fmt: skip
    style = (TEMPLATES / "gate.css").read_text(encoding="utf-8")
    return framed(f"{decision.verdict.value}: gate {decision.gate} of {decision.pilot}", body, style=style)


def slices(facts: GateFacts, judged: Judged) -> tuple[SliceRow, ...]:
    """Return how the judged version does by class and by source, the most frequent values of each.

    Who has the bundle has the values; who has the page alone sees those of a column with personal data masked.
    """
    outcomes, threshold = judged.outcomes, judged.threshold
    rows: list[SliceRow] = []
    for column in (name for name in SLICES if name in outcomes.columns):
        values = outcomes[column].fillna(EMPTY).astype(str)
        frequent = values.value_counts().index[:MAX_SLICES]
        mask = stratum_as_shown(facts.pilot.contract, column, outcomes.set_index("record_id")[column])
        for value in map(str, frequent):
            shown = value if value == EMPTY else mask(value)
            rows.append(_slice(column, shown, outcomes[values == value], facts, threshold))
    return tuple(rows)


def _slice(column: str, value: str, part: pd.DataFrame, facts: GateFacts, threshold: float | None) -> SliceRow:
    settings = EvaluationSettings(threshold, facts.pilot.settings.escalate_label)
    named = (ACCURACY, AUTOMATION_RATE, SELECTIVE_ACCURACY)
    return SliceRow(
        column, value, len(part), *(estimate_text(name, estimate_of(name, part, settings)) for name in named)
    )


def _curve(facts: GateFacts, judged: Judged) -> Any:
    curve = risk_coverage(judged.outcomes, facts.pilot.settings.escalate_label)
    charter, metric = facts.pilot.charter, SELECTIVE_ACCURACY
    plot = curve_plot(curve, charter.target(metric), judged.threshold)
    return None if plot is None else replace(plot, target_text=f"{plot.target_text}{charter.mark(metric)}")


def _before(facts: GateFacts, judged: Judged) -> str:
    """Return what development records said of the certificate before this opening, empty where they say nothing."""
    if judged.development is None:
        return ""
    agreed = facts.pilot.charter, facts.pilot.contract, facts.pilot.settings.escalate_label
    outcomes = judged.outcomes
    unopened = unopened_records(len(outcomes), outcomes.get(Role.ENTITY.value))
    found = before_opening(agreed, judged.development[1], unopened, judged.share)
    return "" if found is None else f"Before the holdout was opened: {found}"


def _escalation(facts: GateFacts, judged: Judged) -> str:
    escalate = facts.pilot.settings.escalate_label
    return escalation_sentence(judged.outcomes, judged.threshold, escalate, facts.population.labels)


def _left_out(counts: Mapping[str, int]) -> str:
    ended = ", ".join(f"{counts[name]:,} {name}" for name in ("ok", "invalid", "failed", "skipped"))
    return f"{counts['planned']:,} holdout decisions were planned: {ended}."
