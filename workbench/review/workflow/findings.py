"""What is wrong with the human workflow, the gravest first: each fault by its kind, with the items it is about."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from workbench.evidence import Finding
from workbench.metrics import Estimate
from workbench.pilot import Severity
from workbench.review.workflow.judging import times_due
from workbench.review.workflow.numbers import reviewer_table
from workbench.words import shown

HALF, LEVEL = 0.5, 0.90  # two-sided, so 95% for the one bound that is looked at
WRONG, ALONE, NO_AUTHORITY = "wrong_group", "one_pair_of_eyes", "no_authority"
LOST, NOT_YET, TWICE, UNASKED = "lost", "not_carried_out", "written_twice", "written_unasked"
LATE, BIAS = "late", "automation_bias"
# By kind: how grave, what is so, what follows, what to do.
_SAID = {
    UNASKED: (Severity.CRITICAL, "were written back although nobody decided so, planted ones among them",
              "what nobody wanted is done", "find what wrote them, and take it back in the systems"),
    TWICE: (Severity.CRITICAL, "were written back more than once",
            "a document is paid, returned or handed over twice", "use the item's id as idempotency key"),
    LOST: (Severity.CRITICAL, "have a receipt and are not in the systems",
           "they count as done and nobody does it", "find what became of them, and carry them out by hand"),
    ALONE: (Severity.CRITICAL, "need two different people and have one", "one person alone goes beyond the limit",
            "let a second person decide"),
    NO_AUTHORITY: (Severity.CRITICAL, "were answered by somebody without the authority",
                   "the decision is not one", "mend review.yaml, and let somebody with the authority decide"),
    WRONG: (Severity.HIGH, "went to another group than the process names", "whoever decides does not know the matter",
            "name the group in `to` of process.yaml or the charter, and fill the queue again"),
    LATE: (Severity.HIGH, "are past their deadline without a decision", "records are parked that nobody looks at",
           "decide them, or give review.yaml a group that they go up to"),
    NOT_YET: (Severity.MEDIUM, "are decided and not written back", "nothing comes of the decision",
              "workbench review carry-out PILOT"),
}  # fmt: skip


def review_findings(items: pd.DataFrame, reviews: pd.DataFrame, pilot: str) -> tuple[Finding, ...]:
    """Return the findings of judged items and reviews.

    Parameters
    ----------
    items, reviews : DataFrame
        As `workbench.review.workflow.judging.judged_tables` gives them.
    """
    due = pd.Series(
        [
            times_due(decided, planted=planted, queue=queue)
            for decided, planted, queue in zip(items["decided"], items["planted"], items["queue"], strict=True)
        ],
        index=items.index,
        dtype="int64",
    )
    held = items["carried_out_times"]
    without = set(reviews.loc[~reviews["has_authority"], "item"])
    lacks = (due == 1) & (held == 0)
    alone = items["settled"] & items["four_eyes"] & (items["people"] < 2)
    which = {
        UNASKED: (due == 0) & (held > 0),
        TWICE: (due == 1) & (held > 1),
        LOST: lacks & items["receipt"],
        ALONE: alone,
        NO_AUTHORITY: items["item"].isin(without),
        WRONG: ~items["routed_right"],
        LATE: items["late"],
        NOT_YET: lacks & ~items["receipt"],
    }
    found = [
        _finding(kind, items.loc[chosen, "item"], len(items), pilot) for kind, chosen in which.items() if chosen.any()
    ]
    return tuple(sorted([*found, *_biased(items, reviews)], key=lambda one: list(Severity).index(one.severity)))


def _finding(kind: str, named: Iterable[str], of: int, pilot: str) -> Finding:
    severity, what, consequence, remedy = _SAID[kind]
    names = list(named)
    return Finding(
        id=kind.replace("_", "-"),
        kind=kind,
        severity=severity,
        title=f"Items {what}",
        where=tuple(names[:20]),
        n=len(names),
        of=of,
        evidence=shown(names),
        consequence=consequence,
        remedy=remedy.replace("PILOT", pilot),
    )


def _biased(items: pd.DataFrame, reviews: pd.DataFrame) -> list[Finding]:
    """Return a finding for each reviewer who takes planted wrong recommendations over, and for all of them together."""
    table = reviewer_table(items, reviews)
    said = [(str(row["reviewer"]), row["caught"], row["planted"]) for row in table.to_dict("records")]
    said.append(("all reviewers together", int(table["caught"].sum()), int(table["planted"].sum())))
    found = []
    for who, k, n in said:
        upper = Estimate.exact_share(int(k), int(n), LEVEL).upper
        if upper is None or upper >= HALF:
            continue
        found.append(
            Finding(
                id=f"automation-bias-{who.replace(' ', '-')}",
                kind=BIAS,
                severity=Severity.HIGH,
                title="Planted wrong recommendations are taken over",
                where=(who,),
                n=int(n - k),
                of=int(n),
                evidence=f"{who}: {k:,} of {n:,} planted wrong recommendations caught",
                consequence="what the agent gets wrong is approved by people as well",
                remedy="hide the recommendation (`blind: true` of the queue), or decide fewer items a day",
            )
        )
    return found
