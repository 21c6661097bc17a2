"""Expected states from two derivations, which must agree before an agent is asked.

By policy: the action that the policy decides, the tools that carry it out, and the rows that their statements add. By
replay: those tools are called over a fresh desk of the case's record, and the rows that are there then are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from workbench.agents.acting import Acting, acting_of
from workbench.cases.conduct import rows_added
from workbench.cases.made import CaseRecords
from workbench.cases.policy import PolicyProcess
from workbench.cases.suites import Cases
from workbench.environment import ENVIRONMENT_FILE, Effect, Tool, ToolDesk, Trace, waited_for
from workbench.pilot import Pilot, read_process
from workbench.records import Record
from workbench.words import InputError

Rows: TypeAlias = Mapping[str, int]  # new rows by table
Way: TypeAlias = tuple[Tool, ...]  # the writing tools of one way to carry an action out


@dataclass(frozen=True, slots=True)
class Replay:
    """What the reference calls of a case come to.

    Parameters
    ----------
    decided : str
        The action that the policy decides, or that is expected where it is not asked.
    by_policy : tuple of (Way, Rows)
        For each way to carry that action out the rows that its statements add, None where only a call shows it.
    calls : tuple of Way
        The reference calls, one or several ways to make them.
    """

    made: CaseRecords
    decided: str
    by_policy: tuple[tuple[Way, Rows | None], ...]
    calls: tuple[Way, ...]

    @property
    def stated(self) -> Rows:
        """The rows that the case itself states."""
        expect = self.made.case.expect
        return {} if expect is None or expect.state is None else expect.state


def expected_states(pilot: Pilot, cases: Cases, made: Sequence[CaseRecords]) -> dict[str, Rows]:
    """Return the rows that the decision of each case adds, by case, as both derivations and the case itself say.

    Cases that expect no action have none, nor have those that may be carried out in ways that add other rows. Where the
    policy is a function, it says which action it is; a case with faults of tools or with guards goes by the action that
    it expects, because the policy knows of neither. Which rows a tool adds that is a function, or a statement that
    selects or changes rows, only the replay says.

    Parameters
    ----------
    cases : Cases
        The cases with the files that they stand in.
    made : sequence of CaseRecords
        Their records.

    Raises
    ------
    InputError
        The derivations of a case disagree, or it states something else; or a reference call cannot be made.
    RunError
        As `PolicyProcess`.
    """
    if not (pilot.suite / ENVIRONMENT_FILE).is_file():
        return {}
    acting = acting_of(pilot, None)
    tools = tuple(one for one in acting.environment.tools.values() if one.effect is Effect.WRITE)
    with_action = [one for one in made if one.asked and one.case.expect and one.case.expect.action]
    if not with_action or all(one.settings.carries_out is None for one in tools):
        return {}
    replays = [
        _replay(one, action, tools) for one, action in zip(with_action, _actions(pilot, with_action), strict=True)
    ]
    counted = waited_for(_counted(acting, replays))
    found, written = {}, _written(tools)
    for one, rows in zip(replays, counted, strict=True):
        case = one.made.case
        known = _agreed(one, rows, written, cases.by_id[case.id][0].place(case))
        if len(known) == 1:
            found[case.id] = known[0]
    return found


def _written(tools: Sequence[Tool]) -> frozenset[str]:
    """Return the tables that tools write which carry an action out; a function those that no other statement writes."""
    of = {True: set[str](), False: set[str]()}
    for one in tools:
        if one.settings.sql is not None:
            of[one.settings.carries_out is not None].update(one.writes)
    functions = {name for one in tools if one.settings.python and one.settings.carries_out for name in one.writes}
    return frozenset(of[True] | (functions - of[False]))


def _actions(pilot: Pilot, made: Sequence[CaseRecords]) -> list[str]:
    """Return the action of each case: what the policy decides, where it is a function and can know it."""
    process = read_process(pilot)
    expected = [str(one.case.expect.action) for one in made if one.case.expect is not None]
    if process is None or process.python is None:
        return expected
    with PolicyProcess(pilot, process) as policy:
        rulings = policy.tried([one.asked.fields for one in made if one.asked is not None])
    return [
        action if ruling is None or one.case.faults or (one.case.expect and one.case.expect.guards) else ruling.action
        for one, action, ruling in zip(made, expected, rulings, strict=True)
    ]


def _replay(made: CaseRecords, decided: str, tools: Sequence[Tool]) -> Replay:
    expect = made.case.expect
    assert expect is not None
    must = () if expect.tools is None else expect.tools.must
    named = tuple(one for one in tools if one.name in must)
    fitting = tuple(one for one in named if one.settings.carries_out in (None, decided))
    by_policy = tuple((way, _said(way)) for way in _ways(decided, fitting, tools))
    return Replay(made, decided, by_policy, _ways(str(expect.action), named, tools))


def _ways(action: str, named: Way, tools: Sequence[Tool]) -> tuple[Way, ...]:
    """Return the ways to carry an action out: the tools that are named, and one that carries it out unless one does."""
    if any(one.settings.carries_out is not None for one in named):
        return (named,)
    return tuple((one, *named) for one in tools if one.settings.carries_out == action) or (named,)


def _said(way: Way) -> Rows | None:
    """Return the rows that statements add, None where one does not say it."""
    total: Counter[str] = Counter()
    for one in way:
        if one.adds is None:
            return None
        total.update(one.adds)
    return total


async def _counted(acting: Acting, replays: Sequence[Replay]) -> list[list[Rows | str]]:
    """Return for each replay the rows of each of its ways, or why a call of it cannot be made."""
    environment, used = acting.environment, {tool.name for one in replays for way in one.calls for tool in way}
    anybody = {  # who may call a tool is not the question here
        name: replace(one, settings=one.settings.model_copy(update={"allowed_for": ()}))
        for name, one in environment.tools.items()
    }
    functions = {name: one for name, one in acting.functions.items() if name in used}
    whole = replace(acting, environment=replace(environment, tools=anybody), functions=functions)
    async with whole.opened() as desk_of:
        counted = []
        for one in replays:
            assert one.made.asked is not None
            counted.append([await _called(way, desk_of, one.made.asked) for way in one.calls])
        return counted


async def _called(way: Way, desk_of: Callable[[Record], ToolDesk], record: Record) -> Rows | str:
    """Return the rows that calling tools adds over a fresh desk, or why one cannot be called."""
    desk = desk_of(record)
    fault = None
    for tool in way:
        arguments = tool.filled_from(record.fields)
        answer = await desk.call(tool.name, arguments)
        if "error" in answer and fault is None:
            fault = f"{tool.name} with {arguments}: {answer['error']['message']}"
    added = rows_added(Trace(desk.end())) or {}
    return fault or {name: n for name, n in added.items() if n}


def _agreed(one: Replay, counted: Sequence[Rows | str], written: frozenset[str], place: str) -> list[Rows]:
    """Return the rows of each way, all different. Raises InputError where the derivations or the case disagree."""
    refused = next((each for each in counted if isinstance(each, str)), None)
    if refused is not None:
        raise InputError(
            "a reference call of a case cannot be made",
            where=place,
            got=refused,
            expected="calls that carry the expected action out over the case's own record",
            remedy="name the tool's arguments as columns of the record, or mend environment.yaml or the case",
        )
    rows: list[Rows] = [each for n, each in enumerate(counted) if not isinstance(each, str) and each not in counted[:n]]
    policy = [said for _, said in one.by_policy]
    stated = {name: n for name, n in one.stated.items() if name in written or any(name in each for each in rows)}
    wrong = [each for each in rows if None not in policy and each not in policy]
    if not wrong and any(stated.items() <= {name: each.get(name, 0) for name in stated}.items() for each in rows):
        return rows
    problem = "derivations of an expected state disagree" if wrong else "a case states another state than it comes to"
    raise InputError(
        problem,
        where=place,
        got=_said_of_each(one, (wrong or rows)[0], stated),
        expected="the same new rows by every way to derive them",
        remedy="correct the case, `carries_out` in environment.yaml, or the tool, whichever is wrong",
    )


def _said_of_each(one: Replay, replayed: Rows, stated: Rows) -> str:
    """Return what each derivation says of the tables on which they differ."""
    way, policy = one.by_policy[0]
    is_by = f"{one.decided} by {_named(way)}"
    parts = []
    for table in sorted({*stated, *replayed, *(policy or ())}):
        said = {
            "the case states": stated.get(table),
            f"a replay of {_named(one.calls[0])} adds": replayed.get(table, 0),
        }
        if policy is not None:
            said = {f"the policy's {is_by} adds": policy.get(table, 0), **said}
        known = {who: n for who, n in said.items() if n is not None}
        if len(set(known.values())) > 1:
            parts.append(f"table {table}: " + ", ".join(f"{who} {n}" for who, n in known.items()))
    unknown = f"; of {is_by} only a replay says what it adds" if policy is None else ""
    return "; ".join(parts) + unknown


def _named(way: Way) -> str:
    return " and ".join(one.name for one in way) or "no tool"
