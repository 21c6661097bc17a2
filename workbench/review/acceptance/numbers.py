"""Every number of acceptance by users, from the exhibit's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from workbench.metrics import DEFAULT_CONFIDENCE_LEVEL, Coefficient, Estimate, Unit, agreement_estimate
from workbench.review.acceptance.counting import counted_answers, is_override, left_out, n_open_critical, users_of

AC1, OVERRIDES, P95 = "acceptance_ac1", "acceptance_override_rate", "acceptance_review_p95_s"
HELD, USERS, OPEN = "acceptance_sessions", "acceptance_users", "acceptance_open_critical"
UNITS = MappingProxyType(
    {
        AC1: Unit.NUMBER,
        OVERRIDES: Unit.SHARE,
        P95: Unit.SECONDS,
        **dict.fromkeys((HELD, USERS, OPEN), Unit.NUMBER),
    }
)
COUNTED = "counted, nothing is estimated"
NOBODY = "nobody decided anything in a session"
NOTHING = "nothing is done"  # as an answer, where a person named no action


def estimates_of_acceptance(
    tables: Mapping[str, pd.DataFrame], judged: str | None, level: float = DEFAULT_CONFIDENCE_LEVEL
) -> dict[str, Estimate]:
    """Return every estimate with its two-sided interval; see `acceptance_estimate`."""
    return {metric: acceptance_estimate(metric, tables, judged, level) for metric in UNITS}


def acceptance_estimate(metric: str, tables: Mapping[str, pd.DataFrame], judged: str | None, level: float) -> Estimate:
    """Return an estimate with its two-sided interval.

    Returns
    -------
    Estimate
        Agreement (Gwet's AC1) of two people on one record, n the records that two decided; the share of answers that
        are another action than the recommended one, n the answers; seconds from opening a card to the answer, its
        95th percentile. In agreement and overrides planted recommendations are left out. Counts are of sessions that
        were held, of n planned; different people, of n who take part; open critical issues, of n issues.
    """
    answers, participants = tables["answers"], tables["participants"]
    if metric in (HELD, USERS, OPEN):
        return _count(metric, tables, judged)
    causes = left_out(answers, participants, judged)
    counted = answers[causes == ""]
    excluded = {str(cause): int(n) for cause, n in causes[causes != ""].value_counts().items()}
    if counted.empty:
        return Estimate.undefined(NOBODY, excluded)
    if metric == P95:
        return Estimate.quantile(counted["seconds"], 0.95, excluded=excluded, confidence_level=level)
    is_planted = counted["planted"].notna()
    shown, excluded = counted[~is_planted], {**excluded, "planted": int(is_planted.sum())}
    if metric == OVERRIDES:
        return Estimate.exact_share(int(is_override(shown).sum()), len(shown), level, excluded)
    return _agreement(shown, excluded, level)


def one_sided_estimate(metric: str, tables: Mapping[str, pd.DataFrame], judged: str | None, level: float) -> Estimate:
    """Return an estimate whose bounds each hold at a level."""
    found = acceptance_estimate(metric, tables, judged, 2.0 * level - 1.0)
    if found.value is None or found.method == COUNTED:
        return found
    title, _, _ = found.method.rpartition(" ")
    return replace(found, method=f"{title}, one-sided {100 * level:.10g}%")


def _agreement(shown: pd.DataFrame, excluded: Mapping[str, int], level: float) -> Estimate:
    given = shown.assign(decision=shown["decision"].fillna(NOTHING)).groupby("item", sort=True)["decision"]
    units = [part.tolist() for _, part in given]
    excluded = {**excluded, "decided by one person": sum(len(unit) < 2 for unit in units)}
    return agreement_estimate(Coefficient.AC1, units, excluded=excluded, confidence_level=level)


def _count(metric: str, tables: Mapping[str, pd.DataFrame], judged: str | None) -> Estimate:
    sessions, participants, triage = tables["sessions"], tables["participants"], tables["triage"]
    counted = counted_answers(tables["answers"], participants, judged)
    counts = {
        HELD: (int(sessions["held"].sum()), len(sessions)),
        USERS: (len(users_of(sessions, counted, participants)), participants["user"].nunique()),
        OPEN: (n_open_critical(triage), len(triage)),
    }
    k, n = counts[metric]
    if not n and metric != OPEN:
        return Estimate.undefined("no session is planned")
    return Estimate(float(k), float(k), float(k), n, COUNTED)
