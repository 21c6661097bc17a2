"""The steps of a process as a graph: what follows what, what is reached, where it ends, and at which level each is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from workbench.pilot.process.schema import Process


def followers(process: Process) -> Mapping[str, tuple[str, ...]]:
    """Return for each step what follows it, steps and decisions alike; names that are neither are left out."""
    known = {step.id for step in process.steps} | set(process.decisions)
    return {
        step.id: tuple(dict.fromkeys(name for name in named if name in known))
        for step in process.steps
        for named in [(*step.next, *(branch.to for branch in step.branches))]
    }


def reached(process: Process) -> frozenset[str]:
    """Return the steps and decisions that a record can come to from the first step, itself among them."""
    return _reached_from([step.id for step in process.steps[:1]], followers(process))


def end_steps(process: Process) -> frozenset[str]:
    """Return the steps from which some way comes to a decision."""
    before: dict[str, list[str]] = {}
    for step, following in followers(process).items():
        for name in following:
            before.setdefault(name, []).append(step)
    ended = _reached_from(process.decisions, before)
    return ended & {step.id for step in process.steps}


def levels(process: Process) -> tuple[tuple[str, ...], ...]:
    """Return steps and the decisions that they come to, level by level: what follows another is below it.

    A way back to a step before counts for nothing here; steps that nothing leads to begin on the first level. All
    decisions share the last level.
    """
    following = followers(process)
    if not following:
        return ()
    order, ways_back = _ordered(following)
    level = dict.fromkeys(following, 0)
    for step in order:
        for name in following[step]:
            if name in level and (step, name) not in ways_back:
                level[name] = max(level[name], level[step] + 1)
    rows = [tuple(name for name in following if level[name] == number) for number in range(max(level.values()) + 1)]
    ends = tuple(name for name in process.decisions if any(name in named for named in following.values()))
    return (*rows, ends) if ends else tuple(rows)


def _ordered(following: Mapping[str, tuple[str, ...]]) -> tuple[list[str], set[tuple[str, str]]]:
    """Return the steps so that each stands before what follows it, and the ways back that this leaves out."""
    done, ways_back = dict[str, None](), set[tuple[str, str]]()
    for start in following:
        open_ones: dict[str, Iterator[str]] = {} if start in done else {start: iter(following[start])}
        while open_ones:
            step, others = next(reversed(open_ones.items()))
            name = next(others, None)
            if name is None:
                done[step] = None
                del open_ones[step]
            elif name in open_ones:
                ways_back.add((step, name))
            elif name in following and name not in done:
                open_ones[name] = iter(following[name])
    return list(reversed(done)), ways_back


def _reached_from(start: Iterable[str], following: Mapping[str, Iterable[str]]) -> frozenset[str]:
    found, waiting = set[str](), list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += following.get(name, ())
    return frozenset(found)
