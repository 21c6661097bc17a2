"""The charter's high-risk categories: how decisions on them ended, and whether any may be decided alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench import metrics
from workbench.evaluation import Evaluation
from workbench.evaluation.rules import rule_members
from workbench.evaluation.shown.conclusion import threshold_in_use, traced, why_nothing_is_certified
from workbench.metrics import (
    ACCURACY,
    Behind,
    CertificationSettings,
    certify_members,
    estimate_of,
    estimate_text,
    what_would_do,
)
from workbench.pages import Conclusion
from workbench.pilot import Pilot
from workbench.records.splits import Dataset
from workbench.stats import Certification
from workbench.words import UNDEFINED, counted, percent

Members = Mapping[str, "pd.Series[bool]"]
NONE_NAMED = "The charter names no high-risk category that records can be told to belong to (high_risk, `when`)"


def high_risk_members(pilot: Pilot, dataset: Dataset, outcomes: pd.DataFrame) -> dict[str, pd.Series[bool]]:
    """Return for each category that the charter ties to a column which outcomes belong to it."""
    named = {one.id for one in pilot.charter.high_risk}
    found = rule_members(pilot.charter, dataset, outcomes)
    return {name: members for name, members in found.items() if name in named and members is not None}


def high_risk_measures(pilot: Pilot, evaluation: Evaluation, members: Members) -> Conclusion:
    """Return accuracy, missed and over-escalation of each high-risk category, with intervals and denominators.

    Parameters
    ----------
    members : mapping
        As `high_risk_members` gives them.
    """
    if not members:
        return Conclusion(f"{NONE_NAMED}.")
    outcomes, rows = evaluation.outcomes, []
    behind: dict[str, Behind] = {}
    for name, inside in members.items():
        chosen = outcomes[inside.to_numpy()]
        asked = int(metrics.is_asked(chosen).sum())
        right = estimate_text(ACCURACY, estimate_of(ACCURACY, chosen, evaluation.settings))
        rows.append((name, asked, right, *_escalations(evaluation, chosen)))
        behind |= _behind(pilot, evaluation, name, inside)
    names = ["category", "records", "right", "wrong and decided alone, of the wrong"]
    table = pd.DataFrame(rows, columns=[*names, "escalated needlessly, of the escalated"])
    return Conclusion(_measured_sentence(pilot, evaluation, members), table, behind)


def high_risk_proofs(pilot: Pilot, evaluation: Evaluation, members: Members) -> Conclusion:
    """Return for each high-risk category whether a threshold of its own is certified; all of them hold together."""
    overall = evaluation.certification
    if not members or overall is None:
        return Conclusion(f"{why_nothing_is_certified(evaluation) if overall is None else NONE_NAMED}.")
    level, escalate = overall.confidence_level, pilot.settings.escalate_label
    settings = CertificationSettings(overall.target, level, None, escalate)
    if overall.clustering is not None:
        settings = replace(settings, entity=overall.clustering.entity, bound=overall.clustering.bound)
    found = certify_members(evaluation.outcomes, settings, members)
    rows = [_proof_row(name, found.get(name)) for name in members]
    proved = [name for name, one in found.items() if one.threshold is not None]
    claim = f"to be right to {percent(overall.target)}, at {percent(level, 2)} confidence for all {len(found)} together"
    said = f"is proved {claim} ({percent(1 - (1 - level) / max(len(found), 1), 2)} for each)"
    which = f"Deciding alone in {', '.join(proved)}" if proved else "In no high-risk category deciding alone"
    names = ["category", "decisions", "certified threshold", "decided alone above it", "what is missing"]
    behind = _proof_behind(pilot, evaluation, members, found)
    return Conclusion(
        f"{which} {said}. The charter sends them to people anyway.", pd.DataFrame(rows, columns=names), behind
    )


def _escalations(evaluation: Evaluation, chosen: pd.DataFrame) -> tuple[str, ...]:
    if threshold_in_use(evaluation) is None:
        return UNDEFINED, UNDEFINED
    named = {"missed_escalation": "none is wrong", "over_escalation": "none is escalated"}
    found = {name: estimate_of(name, chosen, evaluation.settings) for name in named}
    return tuple(estimate_text(name, one) if one.n else named[name] for name, one in found.items())


def _measured_sentence(pilot: Pilot, evaluation: Evaluation, members: Members) -> str:
    outcomes, threshold = evaluation.outcomes, threshold_in_use(evaluation)
    inside = np.any([flags.to_numpy() for flags in members.values()], axis=0) & metrics.is_asked(outcomes).to_numpy()
    right = counted(int((metrics.is_right(outcomes).to_numpy() & inside).sum()), int(inside.sum()))
    said = f"Of the high-risk records {right} are decided right"
    if threshold is None:
        return f"{said}; without a threshold a person sees all of them."
    alone = metrics.is_automated(outcomes, threshold, pilot.settings.escalate_label).to_numpy() & inside
    wrong = int((alone & metrics.is_wrong(outcomes).to_numpy()).sum())
    return f"{said}; {int(alone.sum()):,} would be decided without a person, {wrong:,} of them wrongly."


def _behind(pilot: Pilot, evaluation: Evaluation, name: str, inside: pd.Series[bool]) -> dict[str, Behind]:
    outcomes, threshold = evaluation.outcomes, threshold_in_use(evaluation)
    asked, wrong = metrics.is_asked(outcomes) & inside, metrics.is_wrong(outcomes) & inside
    found = {f"{name}: right": traced(outcomes, f"{name}: right", metrics.is_right(outcomes), asked)}
    if threshold is not None:
        at = (outcomes, threshold, pilot.settings.escalate_label)
        alone, needless = metrics.is_automated(*at), metrics.is_needless_escalation(*at)
        for number, flags, of in (
            (f"{name}: wrong and decided alone", alone, wrong),
            (f"{name}: escalated needlessly", needless, asked & ~alone),
        ):
            found[number] = traced(outcomes, number, flags, of)
    return found


def _proof_row(name: str, found: Certification | None) -> tuple[object, ...]:
    if found is None:
        return name, 0, UNDEFINED, UNDEFINED, "records of this category"
    if found.threshold is None:
        return name, found.n, "none", "0%", what_would_do(found)
    return (
        name,
        found.n,
        metrics.threshold_text(found.threshold),
        counted(found.n_automated, found.n),
        "nothing is missing",
    )


def _proof_behind(
    pilot: Pilot, evaluation: Evaluation, members: Members, found: Mapping[str, Certification]
) -> dict[str, Behind]:
    outcomes, behind = evaluation.outcomes, {}
    for name, one in found.items():
        if one.threshold is not None:
            alone = metrics.is_automated(outcomes, one.threshold, pilot.settings.escalate_label)
            number = f"{name}: decided alone above its own threshold"
            behind[number] = traced(outcomes, number, alone, metrics.is_asked(outcomes) & members[name])
    return behind
