"""Every estimate of the human workflow, counted from judged items and reviews."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from workbench.metrics import DEFAULT_CONFIDENCE_LEVEL, Coefficient, Estimate, Unit, agreement_estimate
from workbench.pilot import QueueName
from workbench.review.planting import RECOMMENDS_NOTHING
from workbench.review.workflow.judging import times_due

WRONG_GROUP, UNANSWERED, OVERDUE = "review_wrong_group", "review_unanswered", "review_overdue"
LOST, DOUBLED = "review_lost", "review_doubled"
OVERRIDES, CAUGHT, SECONDS = "review_override_rate", "planted_caught", "review_p95_s"
AC1, ALPHA = "review_ac1", "review_alpha"
UNITS = MappingProxyType(
    {
        WRONG_GROUP: Unit.NUMBER,
        UNANSWERED: Unit.NUMBER,
        OVERDUE: Unit.NUMBER,
        LOST: Unit.NUMBER,
        DOUBLED: Unit.NUMBER,
        OVERRIDES: Unit.SHARE,
        CAUGHT: Unit.SHARE,
        SECONDS: Unit.SECONDS,
        AC1: Unit.NUMBER,
        ALPHA: Unit.NUMBER,
    }
)
COUNTED, P95 = "counted, nothing is estimated", 0.95
ALL_QUEUES = "all"


def estimates_of_review(
    items: pd.DataFrame, reviews: pd.DataFrame, level: float = DEFAULT_CONFIDENCE_LEVEL
) -> dict[str, Estimate]:
    """Return every estimate, with two-sided intervals where something is estimated.

    Parameters
    ----------
    items, reviews : DataFrame
        As `workbench.review.workflow.judging.judged_tables` gives them.

    Returns
    -------
    dict
        Of all items: `review_wrong_group`, those that went to another group than the process and the charter say, or
        were answered without the authority or by one person where two must; `review_unanswered`, not settled;
        `review_overdue`, of these past their deadline; `review_lost`, settled with something to be done that the
        systems do not hold; `review_doubled`, held more often than was decided, planted ones among them.
        `review_override_rate`, the share of first answers to a recommendation in sight that are another action, planted
        items left out; `planted_caught`, the share of first answers to planted wrong recommendations that do not take
        them over; `review_p95_s`, the 95% quantile of seconds from card to answer, of all answers; `review_ac1` and
        `review_alpha`, agreement of the first answers to items that two or more answered, planted ones left out.
    """
    n = len(items)
    due = [times_due(one, planted=planted, queue=queue) for one, planted, queue in _decided(items)]
    held = [int(times) - one for times, one in zip(items["carried_out_times"], due, strict=True)]
    wrong = ~(items["routed_right"] & items["answered_right"])
    counts = {
        WRONG_GROUP: int(wrong.sum()),
        UNANSWERED: int((~items["settled"]).sum()),
        OVERDUE: int(items["late"].sum()),
        LOST: sum(one < 0 for one in held),
        DOUBLED: sum(one > 0 for one in held),
    }
    found = {name: _count(k, n) for name, k in counts.items()}
    return {
        **found,
        OVERRIDES: _share(overrides(items, reviews), level, "no recommendation was answered"),
        CAUGHT: _share(caught(items, reviews), level, _why_none_caught(items)),
        SECONDS: _seconds(reviews["seconds"], level),
        AC1: _agreement(Coefficient.AC1, items, reviews, level),
        ALPHA: _agreement(Coefficient.ALPHA, items, reviews, level),
    }


def overrides(items: pd.DataFrame, reviews: pd.DataFrame) -> pd.Series[bool]:
    """Return of first answers to a recommendation in sight whether each is another action; planted items left out."""
    first = _first(items, reviews)
    first = first[~first["planted"] & ~first["is_blind"] & first["recommended"].notna()]
    return first["decision"] != first["recommended"]


def caught(items: pd.DataFrame, reviews: pd.DataFrame) -> pd.Series[bool]:
    """Return of first answers to planted wrong recommendations whether each does not take it over."""
    first = _first(items, reviews)
    first = first[first["planted"]]
    return first["decision"] != first["recommended"]


def _why_none_caught(items: pd.DataFrame) -> str:
    """Return why there is no answer to a planted recommendation."""
    if items["planted"].any():
        return "no planted recommendation was answered"
    handed = items[is_escalation(items)]
    is_nothing = len(handed) > 0 and not handed["recommended"].notna().any()
    return f"nothing was planted: {RECOMMENDS_NOTHING}" if is_nothing else "nothing was planted"


def agreement_table(items: pd.DataFrame, reviews: pd.DataFrame) -> pd.DataFrame:
    """Return how far people agree, by queue and over all, the items that two or more answered.

    Returns
    -------
    DataFrame
        `queue`, `n` items, `raw` with bounds, `alpha` with bounds and `ac1` with bounds, 95%; NaN where undefined.
    """
    rows = []
    for queue in (ALL_QUEUES, *sorted(items["queue"].unique())):
        part = items if queue == ALL_QUEUES else items[items["queue"] == queue]
        found = {one.value: _agreement(one, part, reviews) for one in Coefficient}
        numbers = {
            f"{name}{end}": value
            for name, one in found.items()
            for end, value in (("", one.value), ("_lower", one.lower), ("_upper", one.upper))
        }
        rows.append({"queue": queue, "n": found[Coefficient.RAW].n, **numbers})
    kinds = dict.fromkeys((f"{name}{end}" for name in Coefficient for end in ("", "_lower", "_upper")), float)
    return pd.DataFrame(rows, columns=["queue", "n", *kinds]).astype({"n": "int64", **kinds})


def disclosed_table(items: pd.DataFrame, reviews: pd.DataFrame) -> pd.DataFrame:
    """Return what was planted, disclosed: a row an answer, what was recommended, what is right, and what was said."""
    first = _first(items, reviews)
    first = first[first["planted"]]
    table = first[["item", "record_id", "reviewer", "recommended", "right", "decision"]].reset_index(drop=True)
    return table.assign(caught=(table["decision"] != table["recommended"]).astype(bool))


def reviewer_table(items: pd.DataFrame, reviews: pd.DataFrame) -> pd.DataFrame:
    """Return by pseudonym how many answers, overrides, and planted recommendations seen and caught."""
    first = _first(items, reviews)
    shown = first[~first["is_blind"] & first["recommended"].notna()]
    rows = [
        {
            "reviewer": name,
            "answers": len(part),
            "overrides": int((part["decision"] != part["recommended"])[~part["planted"]].sum()),
            "planted": int(part["planted"].sum()),
            "caught": int((part["decision"] != part["recommended"])[part["planted"]].sum()),
        }
        for name, part in shown.groupby("reviewer", sort=True)
    ]
    columns = ["reviewer", "answers", "overrides", "planted", "caught"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], "int64"))


def _decided(items: pd.DataFrame) -> zip[tuple[str | None, bool, str]]:
    return zip(items["decided"], items["planted"], items["queue"], strict=True)


def _first(items: pd.DataFrame, reviews: pd.DataFrame) -> pd.DataFrame:
    """Return the answers that are no adjudication, with what their item recommended and whether that was in sight."""
    first = reviews.loc[~reviews["adjudicates"], ["item", "record_id", "reviewer", "decision", "planted"]]
    of_item = items.set_index("item")[["recommended", "is_blind", "right"]]
    return first.join(of_item, on="item")


def _agreement(
    coefficient: Coefficient, items: pd.DataFrame, reviews: pd.DataFrame, level: float = DEFAULT_CONFIDENCE_LEVEL
) -> Estimate:
    first = reviews[~reviews["adjudicates"] & ~reviews["planted"] & reviews["item"].isin(items["item"])]
    given = [tuple(part) for _, part in first.groupby("item", sort=True)["decision"]]
    return agreement_estimate(coefficient, given, thing="item", confidence_level=level)


def _share(hits: pd.Series[bool], level: float, nothing: str) -> Estimate:
    if not len(hits):
        return Estimate.undefined(nothing)
    return Estimate.exact_share(int(hits.sum()), len(hits), level)


def _seconds(seconds: pd.Series[float], level: float) -> Estimate:
    if not len(seconds):
        return Estimate.undefined("nothing was answered")
    return Estimate.quantile(seconds, P95, confidence_level=level)


def _count(k: int, n: int) -> Estimate:
    return Estimate(float(k), float(k), float(k), n, COUNTED) if n else Estimate.undefined("no item was put to people")


def held_one_sided(estimate: Estimate, level: float) -> Estimate:
    """Return an estimate whose two-sided interval at twice the error says that each bound holds at a level."""
    if estimate.value is None or not estimate.method.endswith("%"):
        return estimate
    title, _, _ = estimate.method.rpartition(" ")
    return replace(estimate, method=f"{title}, one-sided {100 * level:.10g}%")


def is_escalation(items: pd.DataFrame) -> pd.Series[bool]:
    """Return which items were handed over by the agent, a guard or a rule, planted ones aside."""
    return (items["queue"] == QueueName.ESCALATIONS.value) & ~items["planted"]
