"""What a version is worth: a person's time, the cost of a record, and the money that is decided wrongly."""

from __future__ import annotations

import pandas as pd

from workbench import metrics
from workbench.evaluation import Evaluation
from workbench.evaluation.rules import amounts
from workbench.evaluation.shown.conclusion import (
    NO_THRESHOLD,
    UNPROVED_THRESHOLD,
    is_certified,
    threshold_in_use,
    traced,
    why_nothing_is_certified,
)
from workbench.metrics import Behind, CertificationSettings, certify_money
from workbench.pages import Conclusion
from workbench.pilot import Pilot
from workbench.pilot.charter import Authority
from workbench.records.splits import Dataset
from workbench.stats import AmountCertification
from workbench.words import UNDEFINED, counted, number, percent

PER_RECORDS = 1_000
DAYS_PER_MONTH = 365 / 12


def minutes_conclusion(pilot: Pilot, evaluation: Evaluation) -> Conclusion:
    """Return how much of a person's time is saved per 1,000 records and per month, from the charter's figures."""
    each, per_day = pilot.charter.costs.minutes_per_record, pilot.charter.volume.records_per_day
    if each is None:
        lacking = "costs.minutes_per_record" + ("" if per_day else " and volume.records_per_day")
        return Conclusion(
            "How much of a person's time is saved cannot be said: the charter does not say how many minutes a person "
            f"takes for a record; fill in {lacking} in charter.yaml."
        )
    threshold, outcomes, escalate = threshold_in_use(evaluation), evaluation.outcomes, pilot.settings.escalate_label
    if threshold is None:
        return Conclusion(f"{NO_THRESHOLD}, so no time is saved.")
    month = None if per_day is None else per_day * DAYS_PER_MONTH
    alone, asked = metrics.is_automated(outcomes, threshold, escalate), metrics.is_asked(outcomes)
    share = counted(int(alone.sum()), int(asked.sum()))
    rows = []
    for records in filter(None, (PER_RECORDS, month)):
        saved = metrics.minutes_saved(outcomes, threshold, each, escalate, records)
        span = [
            UNDEFINED if one is None else f"{number(one / 60)} h" for one in (saved.value, saved.lower, saved.upper)
        ]
        of = f"{records:,.0f} records" + (" (a month)" if records == month else "")
        rows.append((of, span[0], f"{span[1]} to {span[2]}", share, f"{number(each)} min", saved.method))
    table = pd.DataFrame(rows, columns=["in", "saved", "interval", "decided alone", "a record by hand", "method"])
    said = f"{rows[0][1]} of a person's time are saved in 1,000 records"
    if month is None:
        said += " (for a month fill in volume.records_per_day in charter.yaml)"
    else:
        said += f", {rows[1][1]} a month at {number(per_day or 0.0)} records a day"
    condition = "" if is_certified(evaluation) else f", at {UNPROVED_THRESHOLD}"
    behind = {"time saved": traced(outcomes, "time saved", alone, asked)}
    return Conclusion(f"{said}: {share} are decided alone{condition}.", table, behind)


def costs_conclusion(pilot: Pilot, evaluation: Evaluation) -> Conclusion:
    """Return what a record costs with everything handed to people, at the cheapest certified threshold, and at any."""
    money, escalate = pilot.charter.costs, pilot.settings.escalate_label
    if money.error is None or money.escalation is None:
        lacking = " and ".join(f"costs.{name}" for name in ("error", "escalation") if getattr(money, name) is None)
        return Conclusion(f"What a record costs cannot be said: fill in {lacking} in charter.yaml.")
    outcomes, unit = evaluation.outcomes, metrics.UnitCosts(money.error, money.escalation)
    by_threshold = metrics.costs_by_threshold(outcomes, unit, escalate, evaluation.certification)
    cheapest = metrics.cheapest_certified(by_threshold).iloc[0]
    lowest = by_threshold.loc[[by_threshold["cost_per_record"].idxmin()]].iloc[0]
    places = {"everything to people": by_threshold.iloc[0], "cheapest certified": cheapest}
    if not lowest["is_certified"]:
        places["cheapest on these records, not certified"] = lowest
    rows, behind = [], {}
    for choice, row in places.items():
        rows.append(_cost_row(pilot, evaluation, unit, (choice, row)))
        if row["automated"]:
            alone = metrics.is_automated(outcomes, float(row["threshold"]), escalate)
            behind[f"{choice}: wrong"] = traced(outcomes, f"{choice}: wrong", metrics.is_wrong(outcomes), alone)
    names = ["choice", "threshold", "decided alone", "wrong among them", "cost of a record", "interval", "records"]
    table = pd.DataFrame(rows, columns=names)
    by_hand = "" if money.manual is None else f", {number(money.manual)} {money.currency} without any agent"
    cost, automated = f"{number(float(cheapest['cost_per_record']))} {money.currency}", int(cheapest["automated"])
    what = (
        f"with {percent(float(cheapest['automation_rate']))} decided alone"
        if automated
        else "with all handed to people"
    )
    return Conclusion(f"The cheapest choice that is proved costs {cost} a record, {what}{by_hand}.", table, behind)


def amounts_conclusion(pilot: Pilot, dataset: Dataset, evaluation: Evaluation) -> Conclusion:
    """Return which share of the money that is decided alone is decided right, and whether that is proved."""
    known = amounts(pilot.charter, dataset, evaluation.outcomes)
    if known is None:
        return Conclusion(
            "Nothing can be weighted by money: no limit of authority in charter.yaml names a numeric column of the "
            "contract that holds the amount (authority: column, at_most)."
        )
    overall = evaluation.certification
    if overall is None:
        return Conclusion(f"{why_nothing_is_certified(evaluation)}.")
    money, limit = known
    wanted = (overall.target, overall.confidence_level, overall.automation_target, pilot.settings.escalate_label)
    found = certify_money(evaluation.outcomes, CertificationSettings(*wanted), money, limit.at_most)
    claim = f"{percent(found.target)} of the money is decided right, at {percent(found.confidence_level, 2)} confidence"
    if found.threshold is None:
        said = f"It is not proved for any threshold that {claim}"
    else:
        alone = f"{_money(found.automated_amount, limit)} ({percent(found.amount_rate)} of all)"
        wrong = f"{_money(found.wrong_amount, limit)} of it wrong"
        above = metrics.threshold_text(found.threshold)
        said = f"It is proved that {claim}: above {above} the version decides {alone}, {wrong}"
    table, behind = _amount_rows(pilot, evaluation, (money, limit), found)
    return Conclusion(f"{said}.", table, behind)


def _cost_row(
    pilot: Pilot, evaluation: Evaluation, unit: metrics.UnitCosts, chosen: tuple[str, pd.Series[float]]
) -> tuple[object, ...]:
    """Return one choice of a threshold with its cost and the interval of that."""
    (choice, row), currency = chosen, pilot.charter.costs.currency
    n = int(metrics.is_asked(evaluation.outcomes).sum())
    automated, cost = int(row["automated"]), f"{number(float(row['cost_per_record']))} {currency}"
    if not automated:
        return choice, "none", counted(0, n), 0, cost, "none: the same for every record", n
    estimate = metrics.cost_per_record(
        evaluation.outcomes, float(row["threshold"]), unit, pilot.settings.escalate_label
    )
    span = (
        "undefined"
        if estimate.lower is None
        else f"{number(estimate.lower)} to {number(estimate.upper or 0.0)} {currency}"
    )
    return (
        choice,
        metrics.threshold_text(row["threshold"]),
        counted(automated, n),
        int(row["wrong"]),
        cost,
        span,
        estimate.n,
    )


def _amount_rows(
    pilot: Pilot, evaluation: Evaluation, known: tuple[pd.Series[float], Authority], found: AmountCertification
) -> tuple[pd.DataFrame, dict[str, Behind]]:
    """Return the money decided alone and wrongly at the certified threshold and at the one in use."""
    (money, limit), outcomes, rows, behind = known, evaluation.outcomes, [], {}
    asked, held = metrics.is_asked(outcomes), money.fillna(0.0)
    places = {"certified by amount": found.threshold, "in use": threshold_in_use(evaluation)}
    for name, threshold in places.items():
        if threshold is None:
            rows.append((name, "none", UNDEFINED, UNDEFINED, UNDEFINED))
            continue
        alone = metrics.is_automated(outcomes, threshold, pilot.settings.escalate_label) & (money <= limit.at_most)
        wrong, total = held[alone & metrics.is_wrong(outcomes)].sum(), held[alone].sum()
        share = f"{_money(wrong, limit)}, {percent(wrong / total)}" if total else UNDEFINED
        of = f"{_money(total, limit)} of {_money(held[asked].sum(), limit)}"
        rows.append((name, metrics.threshold_text(threshold), counted(int(alone.sum()), int(asked.sum())), of, share))
        behind[f"{name}: wrong"] = traced(outcomes, f"{name}: wrong", metrics.is_wrong(outcomes), alone)
    names = ["threshold", "from confidence", "decided alone", "money in them", "of that decided wrongly"]
    return pd.DataFrame(rows, columns=names), behind


def _money(amount: float, limit: Authority) -> str:
    return f"{amount:,.0f} {limit.unit}"
