"""Which ways through the process specification no test case takes: rules, exceptions, approvals, what people do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from workbench.cases.coverage import HOLDS, USED, covered_by
from workbench.cases.suite import Case
from workbench.pilot import Process
from workbench.pilot.charter import Gap
from workbench.words import did_you_mean


def path_cases(process: Process, cases: Sequence[Case]) -> Mapping[str, int]:
    """Return how many test cases take each way: `rule:ID`, `exception:RULE/ID` and `approval:REASON`, in order.

    A case takes the way of a rule where the rule holds for it, that of an exception where it is used, and that of an
    approval where its reason is expected or covered.
    """
    taken = Counter(token for case in cases for token in _ways(case))
    expected = Counter(
        case.expect.reason
        for case in cases
        if case.expect is not None and case.expect.reason and f"approval:{case.expect.reason}" not in case.covers
    )
    found: dict[str, int] = {}
    for rule in process.rules:
        found[f"rule:{rule.id}"] = taken[f"rule:{rule.id}@{HOLDS}"]
        for one in rule.exceptions:
            found[f"exception:{rule.id}/{one.id}"] = taken[f"exception:{rule.id}/{one.id}@{USED}"]
    for approval in process.approvals:
        found[f"approval:{approval.reason}"] = taken[f"approval:{approval.reason}"] + expected[approval.reason]
    return found


def path_gaps(process: Process, cases: Sequence[Case], excluded: Mapping[str, str]) -> tuple[Gap, ...]:
    """Return the ways through a specification that no case takes and nobody gave a reason for, in its order.

    Parameters
    ----------
    process : Process
    cases : sequence of Case
        Those of all suites, confirmed or only proposed.
    excluded : mapping
        Token to the reason why no case is needed, as signed suites say.
    """
    return (*_untaken(process, cases, excluded), *_named(process, {case.id for case in cases}))


def _ways(case: Case) -> set[str]:
    """Return what a case covers, where a rule holds above its limits said as holding too."""
    covers = covered_by(case)
    return covers | {f"{token.removesuffix('@above')}@{HOLDS}" for token in covers if token.endswith("@above")}


def _untaken(process: Process, cases: Sequence[Case], excluded: Mapping[str, str]) -> Iterator[Gap]:
    for way, count in path_cases(process, cases).items():
        group, _, name = way.partition(":")
        token = way if group == "approval" else f"{way}@{HOLDS if group == 'rule' else USED}"
        if count == 0 and not {token, f"{way}@above"} & excluded.keys():
            remedy = f"write one with `covers: [{token}]`, or say why not under `excluded` of a signed suite"
            yield Gap(f"{group}s.{name}", "no test case", remedy)


def _named(process: Process, ids: set[str]) -> Iterator[Gap]:
    """Yield the test cases that exception paths and workarounds name and that are in no suite."""
    parts = [(f"exception_paths.{one.id}", one.cases) for one in process.exception_paths]
    parts += [(f"workarounds.{one.id}", one.cases) for one in process.workarounds]
    for part, named in parts:
        for name in named:
            if name not in ids:
                remedy = did_you_mean(name, sorted(ids)) or "name a case of a suite"
                yield Gap(f"{part}, cases", f"{name!r} is in no suite", remedy)
