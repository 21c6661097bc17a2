"""Every estimate of test cases, counted from their tables; only cases that a person confirmed count."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from workbench.cases.coverage import missing_tokens
from workbench.metrics import DEFAULT_CONFIDENCE_LEVEL, Estimate, Unit, chance_of_excess, excess_over_twins

PASSED, DESIGNED, VIOLATED = "cases_passed", "cases_designed", "relations_violated"
FORBIDDEN, DOUBLE, UNOBSERVED = "forbidden_writes", "double_writes", "unobserved_claims"
COVERED, SCORE = "rule_coverage", "mutation_score"
UNITS = MappingProxyType(
    {
        PASSED: Unit.SHARE,
        DESIGNED: Unit.NUMBER,
        VIOLATED: Unit.SHARE,
        FORBIDDEN: Unit.NUMBER,
        DOUBLE: Unit.NUMBER,
        UNOBSERVED: Unit.NUMBER,
        COVERED: Unit.SHARE,
        SCORE: Unit.SHARE,
    }
)
EQUIVALENT = "equivalent"
NO_CASES, NO_RELATIONS = "no confirmed case was judged", "no confirmed relation was judged"
BY_HAND = "by hand"  # relations whose change is written in the case, and which have no twin
TELLS_OF_NONE = "it tells of no call, so that there is nothing to hold against what was seen"
NOT_SEEN = "it does not act over tools, so what it writes is not seen"
COUNTED = "counted, nothing is estimated"
FRAGILE = 0.05  # mid-p of a change against its twins, below which the change itself moves decisions


def estimates_of_cases(
    cases: pd.DataFrame,
    coverage: pd.DataFrame | None,
    mutants: pd.DataFrame | None,
    level: float = DEFAULT_CONFIDENCE_LEVEL,
) -> dict[str, Estimate]:
    """Return every estimate with its two-sided interval.

    Parameters
    ----------
    cases : DataFrame
        As `workbench.cases.results.cases_table` gives them.
    coverage : DataFrame, optional
        As `workbench.cases.coverage.coverage_table` gives it, of the confirmed cases.
    mutants : DataFrame, optional
        `mutant`, `kind`, `noticed_by` (a case; missing where none notices it) and `state`; one whose state is
        `equivalent` no case could notice, and it does not count.

    Returns
    -------
    dict
        `cases_designed`, judged confirmed cases; `cases_passed` of them; `relations_violated`, of the relations among
        them those that a change breaks less those that its harmless twin breaks; `forbidden_writes` of cases that
        forbid one, and `double_writes` of all in which the state was observed, as counts; `unobserved_claims`, calls
        that only the agent tells of; `rule_coverage` of what the specification needs cases for; `mutation_score` of the
        mutants.
    """
    confirmed = cases[cases["confirmed"]]
    judged, acted = confirmed[confirmed["judged"]], confirmed[confirmed["acted"]]
    forbidding, held = acted[acted["forbids"]], judged[judged["relation"].notna()]
    left_out = {"not judged": len(confirmed) - len(judged), "only proposed": int((~cases["confirmed"]).sum())}
    return {
        DESIGNED: _counted(len(judged), left_out),
        PASSED: _share(int(judged["passed"].sum()), len(judged), level, left_out),
        VIOLATED: excess_over_twins(held["broken"], held["twin_moved"], level, NO_RELATIONS),
        FORBIDDEN: _count(int((forbidding["forbidden_write"] > 0).sum()), len(forbidding), level),
        DOUBLE: _count(int((acted["double_write"] > 0).sum()), len(acted), level),
        UNOBSERVED: _claims(judged),
        COVERED: _coverage(coverage),
        SCORE: _score(mutants),
    }


def relations_table(cases: pd.DataFrame) -> pd.DataFrame:
    """Return for each kind of change how many relations it breaks, beside its harmless twins.

    Returns
    -------
    DataFrame
        `change`, `cases` (judged), `broken`, `twin_moved`, `p` (McNemar's mid-p of the two) and `is_fragile`: it breaks
        more than its twins do, beyond chance. Where one kind has few cases nothing but chance can be said.
    """
    held = cases[cases["judged"] & cases["relation"].notna()]
    rows = []
    for change, part in held.groupby(held["change"].fillna(BY_HAND), sort=True):
        is_more, p = chance_of_excess(part["broken"], part["twin_moved"])
        told = len(part), int(part["broken"].sum()), int(part["twin_moved"].sum())
        rows.append((str(change), *told, p, is_more and p < FRAGILE))
    table = pd.DataFrame(rows, columns=["change", "cases", "broken", "twin_moved", "p", "is_fragile"])
    return table.astype({"cases": int, "broken": int, "twin_moved": int, "p": float, "is_fragile": bool})


def _share(k: int, n: int, level: float, excluded: dict[str, int]) -> Estimate:
    return Estimate.exact_share(k, n, level, excluded) if n else Estimate.undefined(NO_CASES, excluded)


def _count(k: int, n: int, level: float) -> Estimate:
    """Return a count of n with its bounds: how many there would be in the long run of as many."""
    if not n:
        return Estimate.undefined(NOT_SEEN)
    share = _share(k, n, level, {})
    assert share.lower is not None
    assert share.upper is not None
    return replace(share, value=float(k), lower=n * share.lower, upper=n * share.upper)


def _counted(k: int, excluded: dict[str, int] | None = None) -> Estimate:
    left_out = {cause: n for cause, n in (excluded or {}).items() if n}
    return Estimate(float(k), float(k), float(k), k, COUNTED, left_out)


def _claims(judged: pd.DataFrame) -> Estimate:
    """Return how many calls only the agent tells of, over the cases in which it tells of any; 0 where in none."""
    told = judged[judged["tells"]]
    if not len(judged):
        return Estimate.undefined(NO_CASES)
    k = float(told["unobserved_claim"].sum())
    return Estimate(k, k, k, len(told), COUNTED if len(told) else TELLS_OF_NONE)


def _coverage(coverage: pd.DataFrame | None) -> Estimate:
    if coverage is None:
        return Estimate.undefined("there is no process specification")
    needed = coverage[coverage["group"] != "precedence"]
    asked = needed[needed["excluded"].isna()]
    return _census(len(asked) - len(missing_tokens(asked)), len(asked), {"excluded": len(needed) - len(asked)})


def _score(mutants: pd.DataFrame | None) -> Estimate:
    if mutants is None:
        return Estimate.undefined("the specification was not mutated")
    counting = mutants[mutants["state"] != EQUIVALENT]
    noticed = int(counting["noticed_by"].fillna("").astype(bool).sum())
    return _census(noticed, len(counting), {EQUIVALENT: len(mutants) - len(counting)})


def _census(k: int, n: int, excluded: dict[str, int]) -> Estimate:
    """Return a share of all there is, which has no interval."""
    left_out = {cause: count for cause, count in excluded.items() if count}
    share = k / n if n else None
    return Estimate(share, share, share, n, COUNTED if n else "none: nothing is needed", left_out)
