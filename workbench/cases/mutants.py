"""Mutants of a process specification: each has one thing changed that a good suite of test cases notices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.pilot import Process, content_of
from workbench.words import InputError

Place = tuple[str | int, ...]
MOVED = 0.1
FAR = 1_000.0
NUDGE = 1e-8  # above what floating point leaves behind, below any step in which something is written


class _Gone:
    """What stands for "not there any more"."""


GONE = _Gone()


class MutantKind(StrEnum):
    """What was changed of the specification."""

    LIMIT_UP = "limit up"
    LIMIT_DOWN = "limit down"
    RULE_DROPPED = "rule dropped"
    DECISION = "decision changed"
    FACT_DEAF = "fact deaf"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A specification with one thing changed.

    Parameters
    ----------
    id : str
        What was changed and how, such as `limit:price_variance.cap_eur@+10%`.
    about : str
        What was changed, such as `limit:price_variance.cap_eur`.
    words : str
        The change for a reader.
    path : tuple
        Where it stands in the content of process.yaml.
    value : object
        What stands there now; `GONE` where it is taken out.
    """

    id: str
    kind: MutantKind
    about: str
    words: str
    path: Place
    value: Any


@dataclass(frozen=True, slots=True)
class NumericLimit:
    """One number of the specification, where it stands and what it is called."""

    name: str
    path: Place
    value: float

    @property
    def about(self) -> str:
        """What mutants and cases call it."""
        return f"limit:{self.name}"


def mutants_of(process: Process) -> tuple[Mutant, ...]:
    """Return all mutants of a specification.

    Each numeric limit - of rules, of their exceptions, in the tables that `limits` names - is moved up and down by a
    tenth of itself (by one where it is zero); each rule is dropped, and has another decision, the next of `decisions`;
    each fact that a text may state is taken out, so that nothing states it.

    Raises
    ------
    InputError
        `limits` names a table that is not there or holds something else than numbers, or there are rules and only one
        decision.
    """
    return (*_moved(process), *_of_rules(process), *_deaf(process))


def numeric_limits(process: Process) -> tuple[NumericLimit, ...]:
    """Return every numeric limit of a specification: of rules in their order, then of the tables in `limits`."""
    return (*_rule_limits(process), *_table_limits(process))


def extremes(limit: NumericLimit) -> tuple[Mutant, Mutant]:
    """Return two mutants that move a limit as far as makes sense: whoever notices neither is not held to it."""
    low, high = (0.0, FAR * limit.value) if limit.value else (-FAR, FAR)
    return _limit_mutant(limit, MutantKind.LIMIT_DOWN, low, "far down"), _limit_mutant(
        limit, MutantKind.LIMIT_UP, high, "far up"
    )


def nudged(limit: NumericLimit) -> tuple[Mutant, Mutant]:
    """Return two mutants that move a limit by next to nothing: whoever notices one of them stands at the limit."""
    step = NUDGE * max(abs(limit.value), 1.0)
    return _limit_mutant(limit, MutantKind.LIMIT_DOWN, limit.value - step, "nudged down"), _limit_mutant(
        limit, MutantKind.LIMIT_UP, limit.value + step, "nudged up"
    )


def exceptions_dropped(process: Process) -> tuple[Mutant, ...]:
    """Return for each exception of each rule a mutant without it; who notices that one uses the exception."""
    dropped = []
    for n, rule in enumerate(process.rules):
        for k, exception in enumerate(rule.exceptions):
            about, place = f"exception:{rule.id}/{exception.id}", ("rules", n, "exceptions", k)
            words = f"rule {rule.id} has no exception {exception.id}"
            dropped.append(Mutant(f"{about}@dropped", MutantKind.RULE_DROPPED, about, words, place, GONE))
    return tuple(dropped)


def edited(content: Any, path: Sequence[str | int], value: Any) -> Any:
    """Return content with another value at a path, or with nothing there (`GONE`); all else is shared with `content`.

    Examples
    --------
    >>> edited({"a": [1, 2], "b": 3}, ("a", 0), GONE)
    {'a': [2], 'b': 3}
    """
    if not path:
        return value
    first, rest = path[0], path[1:]
    below = GONE if value is GONE and not rest else edited(content[first], rest, value)
    if isinstance(content, Mapping):
        kept = {key: below if key == first else one for key, one in content.items()}
        return {key: one for key, one in kept.items() if one is not GONE}
    return [below if n == first else one for n, one in enumerate(content) if n != first or below is not GONE]


def _rule_limits(process: Process) -> Iterator[NumericLimit]:
    for n, rule in enumerate(process.rules):
        for name, value in rule.parameters.items():
            yield NumericLimit(f"{rule.id}.{name}", ("rules", n, "parameters", name), value)
        for k, exception in enumerate(rule.exceptions):
            for name, value in exception.parameters.items():
                path = ("rules", n, "exceptions", k, "parameters", name)
                yield NumericLimit(f"{rule.id}.{exception.id}.{name}", path, value)


def _table_limits(process: Process) -> Iterator[NumericLimit]:
    content = content_of(process)
    for name in process.limits:
        if name not in content:
            raise InputError("a table of limits is not there", where="process.yaml, limits", got=name)
        yield from _numbers(content[name], (name,))


def _numbers(content: Any, path: Place) -> Iterator[NumericLimit]:
    if isinstance(content, int | float) and not isinstance(content, bool):
        yield NumericLimit(".".join(map(str, path)), path, float(content))
    elif isinstance(content, Mapping):
        for key, one in content.items():
            yield from _numbers(one, (*path, key))
    elif isinstance(content, Sequence) and not isinstance(content, str):
        for n, one in enumerate(content):
            yield from _numbers(one, (*path, n))
    else:
        where = f"process.yaml, {'.'.join(map(str, path))}"
        raise InputError("a table of limits holds something else than a number", where=where, got=repr(content))


def _limit_mutant(limit: NumericLimit, kind: MutantKind, value: float, how: str) -> Mutant:
    words = f"{limit.name} is {value:g} instead of {limit.value:g}"
    return Mutant(f"{limit.about}@{how}", kind, limit.about, words, limit.path, value)


def _moved(process: Process) -> Iterator[Mutant]:
    for limit in numeric_limits(process):
        step = abs(limit.value) * MOVED or 1.0
        for kind, sign in ((MutantKind.LIMIT_UP, 1), (MutantKind.LIMIT_DOWN, -1)):
            value = float(f"{limit.value + sign * step:.12g}")  # without what floating point leaves behind
            yield _limit_mutant(limit, kind, value, f"{'+' if sign > 0 else '-'}{'10%' if limit.value else '1'}")


def _of_rules(process: Process) -> Iterator[Mutant]:
    decisions = tuple(process.decisions) or tuple(dict.fromkeys(rule.decision for rule in process.rules))
    if process.rules and len(decisions) < 2:
        raise InputError("a specification with rules has two decisions at least", where="process.yaml, decisions")
    for n, rule in enumerate(process.rules):
        about = f"rule:{rule.id}"
        yield Mutant(
            f"{about}@dropped", MutantKind.RULE_DROPPED, about, f"rule {rule.id} is not there", ("rules", n), GONE
        )
        place = decisions.index(rule.decision) if rule.decision in decisions else -1
        other = decisions[(place + 1) % len(decisions)]
        words = f"rule {rule.id} decides {other} instead of {rule.decision}"
        yield Mutant(f"{about}@decision", MutantKind.DECISION, about, words, ("rules", n, "decision"), other)


def _deaf(process: Process) -> Iterator[Mutant]:
    for name in process.facts:
        words = f"no text states {name}"
        yield Mutant(f"fact:{name}@deaf", MutantKind.FACT_DEAF, f"fact:{name}", words, ("facts", name), GONE)
