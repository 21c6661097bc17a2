"""What of the process specification the cases cover: each rule on both sides of its limits, exceptions, targets, facts.

A case says in `covers` what it is about, by tokens: `rule:ID@below`, `@at` and `@above` of a rule with limits and
`rule:ID@holds` of one without (`@above` says that too); where a rule has several limits, and of limits in tables,
`limit:NAME@below`, `@at` and `@above`; `exception:RULE/ID@used` and `@claimed` (claimed where it does not apply),
`target:NAME` of an escalation, `fact:ID` of a text and `fact:ID@denied` of one that only seems to state it,
`approval:REASON`, and `precedence:A>B` where two rules hold at once. Which pairs of rules can hold at once no
specification says, so that no pair is asked for; nor is `@at` of one limit among several, which some cannot be met at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.cases.mutants import NumericLimit, numeric_limits
from workbench.cases.suite import Case
from workbench.pilot import Process, ProcessRule
from workbench.words import InputError, did_you_mean

SIDES = ("below", "at", "above")
HOLDS, USED, CLAIMED = "holds", "used", "claimed"
PRECEDENCE = re.compile(r"precedence:(?P<first>[^>]+)>(?P<second>[^>]+)")
COLUMNS = ("token", "group", "item", "aspect", "cases", "excluded")


@dataclass(frozen=True, slots=True)
class Needed:
    """One thing that a case is needed for: its token, and where it stands in the matrix."""

    token: str
    group: str
    item: str
    aspect: str


def needed_tokens(process: Process) -> tuple[Needed, ...]:
    """Return everything of a specification that a case is needed for, in the specification's order."""
    rules = [one for rule in process.rules for one in _of_rule(rule)]
    single = Counter(limit.name.partition(".")[0] for limit in numeric_limits(process))
    several = [
        one for one in numeric_limits(process) if _is_of_table(one, process) or single[one.name.partition(".")[0]] > 1
    ]
    rules += [Needed(f"{one.about}@{side}", "limit", one.name, side) for one in several for side in ("below", "above")]
    targets = dict.fromkeys(rule.to for rule in process.rules if rule.to is not None)
    others = [Needed(f"target:{name}", "target", name, HOLDS) for name in targets]
    others += [Needed(f"fact:{name}", "fact", name, HOLDS) for name in process.facts]
    return (*rules, *others)


def check_tokens(covers: Iterable[str], process: Process, where: str) -> None:
    """Refuse what the specification does not have. Raises InputError."""
    known = {one.token for one in needed_tokens(process)}
    known |= {f"rule:{rule.id}@{side}" for rule in process.rules for side in _sides(rule, process)}
    known |= {f"{limit.about}@{side}" for limit in numeric_limits(process) for side in SIDES}
    known |= {f"fact:{name}@denied" for name in process.facts} | {f"approval:{one.reason}" for one in process.approvals}
    for token in covers:
        if token not in known and not _is_precedence(token, process):
            raise InputError(
                "`covers` names what the process specification does not have",
                where=where,
                got=repr(token),
                expected="rule:ID@below|at|above|holds, limit:NAME@below|at|above, exception:RULE/ID@used|claimed, "
                "target:NAME, precedence:A>B with A before B, fact:ID, approval:REASON",
                remedy=did_you_mean(token, sorted(known)),
            )


def coverage_table(process: Process, cases: Sequence[Case], excluded: Mapping[str, str]) -> pd.DataFrame:
    """Return what is needed and what covers it.

    Parameters
    ----------
    process : Process
    cases : sequence of Case
        Those that count.
    excluded : mapping
        Token to the reason why no case is needed.

    Returns
    -------
    DataFrame
        `token`, `group` (rule, exception, target, fact or precedence), `item`, `aspect`, `cases` (how many) and
        `excluded` (the reason, None where a case is needed). Pairs of rules are there as far as a case covers them.
    """
    counts = Counter(token for case in cases for token in covered_by(case))
    rows = [_row(one, counts, excluded) for one in needed_tokens(process)]
    pairs = [Needed(token, "precedence", token.partition(":")[2], HOLDS) for token in counts if ">" in token]
    rows += [_row(one, counts, {}) for one in sorted(pairs, key=lambda one: one.token)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def missing_tokens(table: pd.DataFrame) -> list[str]:
    """Return what of a coverage table no case covers and nobody excluded."""
    return [str(token) for token in table.loc[(table["cases"] == 0) & table["excluded"].isna(), "token"]]


def matrix_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the coverage as a matrix: a row for each rule, exception, target and fact, a column for each aspect.

    Cells are numbers of cases; missing where nothing of the kind is needed, or is excluded.
    """
    table = table[table["excluded"].isna()]
    named = table.assign(row=table["group"] + " " + table["item"])
    matrix = named.pivot_table(index="row", columns="aspect", values="cases", aggfunc="sum", sort=False)
    return matrix.reindex(columns=[name for name in (*SIDES, HOLDS, USED, CLAIMED) if name in matrix.columns])


def covered_by(case: Case) -> set[str]:
    """Return what a case covers: on a side of a limit is on that side of its rule, and above it the rule holds."""
    of_limits = {f"rule:{name.partition('.')[0]}@{side}" for name, side in map(_limit_side, case.covers) if side}
    holds = {f"{token.removesuffix('@above')}@{HOLDS}" for token in case.covers if token.endswith("@above")}
    return {*case.covers, *of_limits, *holds}


def _is_of_table(limit: NumericLimit, process: Process) -> bool:
    return limit.name.partition(".")[0] in process.limits


def _limit_side(token: str) -> tuple[str, str]:
    """Return name and side of a token on a limit, the side empty for any other."""
    name, _, side = token.removeprefix("limit:").rpartition("@")
    return (name, side) if token.startswith("limit:") else ("", "")


def _of_rule(rule: ProcessRule) -> Iterator[Needed]:
    for side in SIDES if rule.parameters else (HOLDS,):
        yield Needed(f"rule:{rule.id}@{side}", "rule", rule.id, side)
    for one in rule.exceptions:
        for aspect in (USED, CLAIMED):
            yield Needed(f"exception:{rule.id}/{one.id}@{aspect}", "exception", f"{rule.id}/{one.id}", aspect)


def _sides(rule: ProcessRule, process: Process) -> tuple[str, ...]:
    """Return what a case may say of a rule; its limits may also stand in a table that the specification names."""
    return (*SIDES, HOLDS) if rule.parameters or process.limits else (HOLDS,)


def _is_precedence(token: str, process: Process) -> bool:
    """Return whether a token names two rules, the one that is tried first in front."""
    match = PRECEDENCE.fullmatch(token)
    order = [rule.id for rule in process.rules]
    if match is None or not {match["first"], match["second"]} <= set(order):
        return False
    return order.index(match["first"]) < order.index(match["second"])


def _row(one: Needed, counts: Counter[str], excluded: Mapping[str, str]) -> tuple[object, ...]:
    return one.token, one.group, one.item, one.aspect, counts[one.token], excluded.get(one.token)
