"""The choice of cases: few candidates that keep all noticed that any candidate notices, and each class enough."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence, Set

from workbench.cases.design.candidates import CaseCandidate
from workbench.cases.design.covering import greedy_cover
from workbench.cases.design.noticing import Assessed
from workbench.cases.suite import Case, CaseClass, Expected
from workbench.pilot import Process, decisions_by_reason

SMOKE = 20
EACH_CLASS = 20
PROPOSED = "proposed"
OPTIONAL = ("precedence:", "values:")
EDGES = ("limit:", "exception:", "fact:", "boundary:")
WRONGLY_CLAIMED = {"beyond_limit": "claimed", "without_fact": "claimed"}
NAMED_BY = ("limit:", "boundary:", "exception:", "fact:", "precedence:", "approval:", "rule:", "target:")


def chosen_cases(judged: Sequence[Assessed], process: Process | None, n_cases: int) -> list[tuple[Case, Assessed]]:
    """Return about `n_cases` cases, more only where fewer would lose something that candidates notice or cover.

    First come those that keep every mutant noticed and everything covered but pairs; then each class has its share; the
    rest sets two rules at odds and lets categorical values meet. What the specification says nothing of, such as cells
    that cannot be read, is no case.
    """
    reasons = None if process is None else frozenset(decisions_by_reason(process))
    judged = [one for one in judged if reasons is None or one.ruling.reason in reasons]
    faults = frozenset[str]() if process is None else frozenset(rule.id for rule in process.rules if rule.fault)
    order = sorted(range(len(judged)), key=lambda n: _simplicity(judged[n].candidate))  # of two alike the simpler one
    ranked = [judged[n] for n in order]
    must: list[Set[Hashable]] = [_must(one, process) for one in ranked]
    chosen = dict.fromkeys(greedy_cover(must, len(ranked)))
    classes = [class_of(one, faults) for one in ranked]
    chosen |= dict.fromkeys(_of_each_class(ranked, classes, list(chosen)))
    given = frozenset[str]().union(*(ranked[n].covers for n in chosen))
    may: list[Set[Hashable]] = [frozenset(name for name in one.covers if name.startswith(OPTIONAL)) for one in ranked]
    for prefix in OPTIONAL:
        part: list[Set[Hashable]] = [frozenset(name for name in one if str(name).startswith(prefix)) for one in may]
        room = (n_cases - len(chosen) + 1) // 2 if prefix == OPTIONAL[0] else n_cases - len(chosen)
        chosen |= dict.fromkeys(greedy_cover(part, max(room, 0), given))
    ids: Counter[str] = Counter()
    places = sorted(chosen, key=lambda n: _place(ranked[n], n))
    return [(case_of(ranked[n], classes[n], ids), ranked[n]) for n in places]


def class_of(one: Assessed, faults: frozenset[str]) -> CaseClass:
    """Return the class of a case: a fault in what is decided about, next to a limit or something claimed, all else."""
    if one.ruling.rule in faults:
        return CaseClass.ERROR
    return CaseClass.EDGE if any(name.startswith(EDGES) for name in one.covers) else CaseClass.COMMON


def case_of(one: Assessed, case_class: CaseClass, ids: Counter[str]) -> Case:
    """Return a candidate as a case; `ids` counts the names that were given."""
    covers = sorted(
        {_claimed(name) for name in one.covers if not name.startswith("values:")},
        key=lambda name: (next((n for n, kind in enumerate(NAMED_BY) if name.startswith(kind)), len(NAMED_BY)), name),
    )
    first = covers[0] if covers else one.ruling.action
    name = re.sub(r"[^\w.@+-]+", "_", first.replace(":", ".").replace(">", "@"))
    ids[name] += 1
    return Case.model_validate(
        {
            "id": name[:100] if ids[name] == 1 else f"{name[:100]}+{ids[name]}",
            "class": case_class,
            "base": one.candidate.base,
            "set": dict(one.candidate.set),
            "expect": Expected(action=one.ruling.action, reason=one.ruling.reason, to=one.ruling.to),
            "covers": tuple(covers),
            "why": one.candidate.why,
            "author": PROPOSED,
        }
    )


def _claimed(name: str) -> str:
    head, at, how = name.rpartition("@")
    return f"{head}{at}{WRONGLY_CLAIMED.get(how, how)}"


def _must(one: Assessed, process: Process | None) -> frozenset[str]:
    """Return what of a candidate may not be lost: what it notices, and what it covers without pairs."""
    covers = frozenset(name for name in one.covers if not name.startswith(OPTIONAL))
    return one.noticed | (_kind(one) if process is None and not covers else covers)


def _kind(one: Assessed) -> frozenset[str]:
    """Return what stands for a candidate of which nothing is known but what was decided, and how it came about."""
    return frozenset({f"{one.ruling.action}, {one.ruling.reason}, {one.candidate.why}"})


def _of_each_class(ranked: Sequence[Assessed], classes: Sequence[CaseClass], chosen: Sequence[int]) -> list[int]:
    """Return further places so that each class has enough, of different rulings first."""
    more: list[int] = []
    for case_class in CaseClass:
        n_have = sum(classes[n] is case_class for n in chosen)
        of_class = [n for n, one in enumerate(classes) if one is case_class and n not in set(chosen)]
        seen: Counter[str | None] = Counter()
        turn = []
        for n in of_class:
            seen[ranked[n].ruling.reason] += 1
            turn.append((seen[ranked[n].ruling.reason], n))
        more += [n for _, n in sorted(turn)[: max(EACH_CLASS - n_have, 0)]]
    return more


def _simplicity(candidate: CaseCandidate) -> tuple[bool, int]:
    return (candidate.is_second_choice, len(candidate.set))


def _place(one: Assessed, n: int) -> tuple[str, str, int]:
    return (one.ruling.action, one.ruling.rule or "", n)
