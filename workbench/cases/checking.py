"""Whether the cases of a pilot fit its records, its process and its environment, each fault named with file and case.

An expectation that nothing can meet is a fault of the case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from workbench.cases.coverage import check_tokens
from workbench.cases.relations import CHANGES
from workbench.cases.suite import Case, Expected, ExpectedTools
from workbench.cases.suites import Cases
from workbench.environment import ENVIRONMENT_FILE, read_environment
from workbench.pilot import Pilot, Process, ProcessRule, Role, decisions_by_reason, read_process
from workbench.records.splits import Dataset, Split
from workbench.words import InputError, did_you_mean, shown


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around an agent in a test: names of tools, tables, guards and memories; whether a tool has an amount."""

    tools: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    guards: frozenset[str] = frozenset()
    has_amounts: bool = False
    memories: frozenset[str] = frozenset()


def surroundings_of(pilot: Pilot) -> Surroundings:
    """Return what is around a pilot's agents. Raises InputError where its environment does not fit."""
    guards = frozenset(str(name) for name in pilot.settings.guards)
    if not (pilot.suite / ENVIRONMENT_FILE).is_file():
        return Surroundings(guards=guards)
    environment = read_environment(pilot)
    has_amounts = any(one.settings.amount is not None for one in environment.tools.values())
    memories = frozenset(one.memory for one in environment.memory.values() if one.memory is not None)
    return Surroundings(
        frozenset(environment.tools), frozenset(environment.image.columns), guards, has_amounts, memories
    )


@dataclass(frozen=True, slots=True)
class Against:
    """What a case is held against.

    Parameters
    ----------
    actions : tuple of str
        Every action that the pilot has.
    process : Process, optional
        None where the pilot has no specification.
    around : Surroundings
        Empty where the pilot has no environment.
    """

    dataset: Dataset
    actions: tuple[str, ...]
    process: Process | None
    around: Surroundings


class Misfit(NamedTuple):
    """One way in which a case does not fit."""

    problem: str
    got: str = ""
    expected: str = ""
    remedy: str | None = None


def check_cases(pilot: Pilot, dataset: Dataset, cases: Cases) -> None:
    """Refuse cases that do not fit; the first fault is named.

    Raises
    ------
    InputError
        A case does not fit the records, the process or the environment, or relations go in a circle.
    """
    escalate = pilot.settings.escalate_label
    actions = tuple(dict.fromkeys([*dataset.labels, *(() if escalate is None else (escalate,))]))
    known = Against(dataset, actions, read_process(pilot), surroundings_of(pilot))
    for file, case in cases.by_id.values():
        for one in _misfits(case, cases, known):
            raise InputError(
                one.problem,
                where=file.place(case),
                got=one.got or None,
                expected=one.expected or None,
                remedy=one.remedy,
            )
        if known.process is not None:
            check_tokens(case.covers, known.process, file.place(case))
    for file in cases.files if known.process is not None else ():
        assert known.process is not None
        check_tokens(file.suite.excluded, known.process, f"{file.path}, excluded")
    _check_circles(cases)


def _misfits(case: Case, cases: Cases, known: Against) -> Iterator[Misfit]:
    yield from _of_record(case, known)
    yield from _of_relation(case, cases)
    if case.faults:
        yield from _unknown("a fault is of a tool that the environment does not have", _tools(case), known.around.tools)
    if case.memory:
        what = "a case has something in a memory that the environment does not have"
        yield from _unknown(what, list(case.memory), known.around.memories)
    if case.expect is not None:
        yield from _of_expected(case.expect, known)


def _tools(case: Case) -> list[str]:
    return [fault.tool for fault in case.faults]


def _of_record(case: Case, known: Against) -> Iterator[Misfit]:
    dataset, contract = known.dataset, known.dataset.contract
    if case.base not in dataset.splits.index:
        yield Misfit("the base record is not there", repr(case.base), "a development record")
    elif dataset.splits[case.base] != Split.DEV.value:
        yield Misfit(
            "the base record is one of the holdout, which stays sealed", repr(case.base), "a development record"
        )
    for name in case.set:
        if name not in contract.columns:
            yield Misfit(
                "`set` names a column that is not there",
                repr(name),
                shown(contract.shown),
                did_you_mean(name, contract.shown),
            )
        elif name not in contract.shown or contract.columns[name].role is Role.ID:
            role = contract.columns[name].role
            yield Misfit(
                "`set` names a column that no agent sees, or the id", f"{name!r} ({role.value})", shown(contract.shown)
            )


def _of_relation(case: Case, cases: Cases) -> Iterator[Misfit]:
    if case.change is not None and case.change not in CHANGES:
        yield Misfit("there is no such change", repr(case.change), ", ".join(sorted(CHANGES)))
    if case.relation is None:
        if case.of is not None:
            yield Misfit(
                "`of` belongs to a relation", repr(case.of), "relation: same, reason_same or may_only_escalate"
            )
        return
    if not case.set and case.change is None:
        yield Misfit("a relation without a change", "", "`change`, or `set` with what is changed")
    if case.of is None:
        return
    if case.of not in cases.by_id:
        yield Misfit(
            "`of` names a case that is not there",
            repr(case.of),
            "another case",
            did_you_mean(case.of, tuple(cases.by_id)),
        )
    elif cases.by_id[case.of][1].base != case.base:
        yield Misfit(
            "a case and the one that it is held against have two base records", repr(case.of), "one base record"
        )


def _check_circles(cases: Cases) -> None:
    order = TopologicalSorter({name: {case.of} for name, (_, case) in cases.by_id.items() if case.of is not None})
    try:
        order.prepare()
    except CycleError as error:
        names = [str(name) for name in error.args[1]]
        file, case = cases.by_id[names[0]]
        raise InputError(
            "relations go in a circle", where=file.place(case), got=" of ".join(names), expected="a case to start from"
        ) from None


def _of_expected(expect: Expected, known: Against) -> Iterator[Misfit]:
    if expect.action is not None and expect.action not in known.actions:
        yield Misfit("the pilot has no such action", repr(expect.action), shown(known.actions))
    if known.process is not None:
        yield from _of_process(expect, known.process)
    if expect.tools is not None:
        yield from _of_tools(expect.tools, known.around)
    if expect.state is not None:
        what = "an expectation nothing can meet: the environment has no such table"
        yield from _unknown(what, list(expect.state), known.around.tables)
    if expect.amount is not None and not known.around.has_amounts:
        what = "an expectation nothing can meet: no tool of the environment has an amount"
        yield Misfit(what, f"amount {expect.amount:g}", "`amount: ARGUMENT` of a tool in environment.yaml")
    if expect.guards is not None:
        what = "an expectation nothing can meet: there is no such guard"
        yield from _unknown(what, expect.guards, known.around.guards)
    if not expect.model_dump(exclude_none=True):
        yield Misfit("a case expects nothing", "", "an action, a reason, a person, tools, a state or guards")


def _of_process(expect: Expected, process: Process) -> Iterator[Misfit]:
    reasons = decisions_by_reason(process)
    if expect.reason is not None and reasons and expect.reason not in reasons:
        yield Misfit(
            "the process gives no such reason",
            repr(expect.reason),
            shown(reasons),
            did_you_mean(expect.reason, reasons),
        )
    elif None not in (expect.reason, expect.action) and reasons:
        assert expect.reason is not None
        if expect.action not in reasons[expect.reason]:
            got = f"action {expect.action!r} with reason {expect.reason!r}"
            meant = f"{expect.reason!r} with {shown(sorted(reasons[expect.reason]))}"
            yield Misfit(
                "an expectation nothing can meet: the process never gives that reason with that action", got, meant
            )
    if expect.to is not None and not any(_hands_over(rule, expect) for rule in process.rules):
        targets = dict.fromkeys(rule.to for rule in process.rules if rule.to is not None)
        yield Misfit("an expectation nothing can meet: no such rule hands it to them", repr(expect.to), shown(targets))


def _hands_over(rule: ProcessRule, expect: Expected) -> bool:
    """Return whether a rule can make what is expected, and hands it to whom it is expected to go."""
    is_reason = expect.reason in (None, rule.reason or rule.id)
    return rule.to == expect.to and is_reason and expect.action in (None, rule.decision)


def _of_tools(tools: ExpectedTools, around: Surroundings) -> Iterator[Misfit]:
    both = [name for name in tools.must if name in tools.never]
    if both:
        yield Misfit("an expectation nothing can meet: a tool must and must never be called", shown(both), "")
    never = [name for name in tools.order if name in tools.never]
    if never:
        yield Misfit(
            "an expectation nothing can meet: the order names a tool that must never be called", shown(never), ""
        )
    twice = [name for place, name in enumerate(tools.order) if name in tools.order[:place]]
    if twice:
        yield Misfit("the order names a tool twice", shown(twice), "the first calls of tools, each once")
    what = "an expectation nothing can meet: the environment has no such tool"
    yield from _unknown(what, (*tools.must, *tools.never, *tools.order), around.tools)


def _unknown(problem: str, names: Sequence[str], known: frozenset[str]) -> Iterator[Misfit]:
    absent = [name for name in names if name not in known]
    if absent:
        yield Misfit(problem, shown(absent), shown(sorted(known)) if known else "none: the pilot has none")
