"""Whether a threshold is certified for the charter's selective accuracy, as the evaluation on the holdout says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.evaluation.judged import judged_of, not_judged
from workbench.evidence import BETTER_VERSION, Answer, Facts, Missing, arrival_days
from workbench.metrics import SELECTIVE_ACCURACY, State, target_text, threshold_text
from workbench.pilot import Contract
from workbench.stats import Prospect
from workbench.words import percent


def certified(facts: Facts) -> Answer:
    """Return whether the judged version has a certified threshold, and if not how many records would be needed."""
    target = facts.pilot.charter.target(SELECTIVE_ACCURACY)
    if target is None:
        why = "the charter has no KPI on selective_accuracy, so there is nothing to certify"
        return Answer(State.UNPROVEN, why, "agree on one in charter.yaml")
    judged = judged_of(facts)
    if judged is None:
        return not_judged(facts)
    block = judged.content.get("certification")
    if block is None:
        return Answer(State.UNPROVEN, "the evaluation on the holdout certified no threshold", "evaluate it again")
    outlook = judged.content.get("outlook") or {}
    one_sided = unproven_labels(facts.pilot.contract, judged.labels)
    if one_sided:
        change = f"look at agreements too: workbench labels disputed {facts.pilot.name}, adjudicate, apply"
        return Answer(State.UNPROVEN, one_sided, change)
    level, of = percent(block["confidence_level"], 2), f"{block['n']:,} holdout records"
    assumed = tuple(filter(None, (f"at {level} confidence", outlook.get("warns"), outlook.get("assumes"))))
    if block["threshold"] is not None:
        reason = f"at least {percent(block['accuracy_lower'], 2)} right is proved for {block['n_automated']:,} of {of}"
        return Answer(
            State.PASS,
            reason,
            details=(
                f"threshold {threshold_text(block['threshold'])}; {block['n_wrong']:,} of them are wrong",
                *assumed,
            ),
        )
    reason = f"nothing decided alone is proved to be right to {target_text(SELECTIVE_ACCURACY, target)} on {of}"
    more, says = block["records_needed"], outlook.get("says", "at this quality no number of records would do")
    clustering = block.get("clustering") or {}
    if not more:
        if outlook.get("prospect") == Prospect.OPEN:
            return Answer(State.UNPROVEN, reason, f"a better version, or more records: {says}", details=assumed)
        if outlook.get("prospect") == Prospect.LOST or clustering.get("contradicted") is not None:
            return Answer(State.UNPROVEN, reason, says, details=assumed)
        return Answer(State.UNPROVEN, reason, BETTER_VERSION, Missing(version=True), (says, *assumed))
    change = f"about {more:,} more labelled holdout records for an 80% chance, or a better version"
    if clustering:
        change = f"{says}, or a better version"
    return Answer(State.UNPROVEN, reason, change, Missing(records=more, days=arrival_days(facts, more)), assumed)


def unproven_labels(contract: Contract, said: Mapping[str, Any] | None) -> str:
    """Return why labels prove nothing, empty where they do; `said` is what an exhibit says of them."""
    if contract.label_set is None:
        return ""
    if said is None or said["label_set"] != contract.label_set:
        return f"the evaluation does not say how label set {contract.label_set} came about"
    return f"the correction is one-sided: {said['one_sided']}" if said["one_sided"] else ""
