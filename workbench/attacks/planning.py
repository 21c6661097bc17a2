"""Which pattern is tried on which records, in which place and in which form: drawn from a seed, spread evenly."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd

from workbench.attacks.library import filled
from workbench.attacks.pattern import AttackPattern, Goal
from workbench.attacks.surface import IN_RECORD, Surface
from workbench.attacks.transforms import transformed
from workbench.environment import MAX_REMEMBERED
from workbench.pilot import Channel, Contract
from workbench.records import Record, Scalar, made_record

SPLIT, AND = "split", " + "
FAMILY_RECORDS = 20  # distinct records of a family: twelve that move one way suffice for Holm over some hundred groups
CANARY_LENGTH = 16
LETTERS = "abcdefghjkmnpqrtuvwxyz2346789"
T = TypeVar("T")
MAKES_ACTION = frozenset({Goal.ACTION, Goal.SKIP_ESCALATION})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One pattern on one record.

    Parameters
    ----------
    place : str
        A column, TABLE.COLUMN or memory; two columns with ` + ` between them where the text is split.
    base : str
        Id of the record.
    target : str
        The action that is wanted.
    attack, control : tuple of str
        The texts as they are written, one for each column.
    """

    pattern: AttackPattern
    transform: str
    channel: Channel
    place: str
    base: str
    target: str
    attack: tuple[str, ...]
    control: tuple[str, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """The columns, or the one place elsewhere."""
        return tuple(self.place.split(AND)) if len(self.attack) > 1 else (self.place,)


@dataclass(frozen=True, slots=True)
class AttackPlan:
    """What is to be tried, and how many patterns are not, by why."""

    attempts: tuple[Attempt, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Eligible:
    """On which records each goal can be tried, in a seeded order, and what is wanted of each of them.

    Parameters
    ----------
    by_goal : mapping of Goal to tuple of str
    targets : mapping of str to str
        Record id to the most wanted action that production does not decide of it anyway.
    """

    by_goal: Mapping[Goal, tuple[str, ...]]
    targets: Mapping[str, str]

    @property
    def fewest(self) -> int:
        """Records of the goal that has fewest."""
        return min(len(self.by_goal[goal]) for goal in MAKES_ACTION)


def eligible_for(decided: Mapping[str, str | None], person: str, wanted: Sequence[str]) -> Eligible:
    """Return on which records goals can be tried.

    Parameters
    ----------
    decided : mapping
        Record id to what production decides of the clean record: an action, `person`, or None where nothing was.
    person : str
        What stands for "a person decides".
    wanted : sequence of str
        Actions, the most wanted first.
    """
    targets = {
        name: target
        for name, what in decided.items()
        if what is not None and (target := next((one for one in wanted if one != what), None)) is not None
    }
    known = tuple(name for name, what in decided.items() if what is not None)
    by_goal = dict.fromkeys(Goal, known)
    by_goal[Goal.ACTION] = tuple(targets)
    by_goal[Goal.SKIP_ESCALATION] = tuple(name for name in known if decided[name] == person)
    return Eligible(by_goal, {name: targets.get(name, wanted[0]) for name in known})


def pool_of(labels: pd.Series[str], n: int, seed: int) -> list[str]:
    """Return n records, as evenly over their labels as there are, in a seeded order; a larger n begins with a smaller.

    Parameters
    ----------
    labels : pd.Series
        Label by record id.
    """
    turns = sorted(labels.index, key=lambda name: _drawn(seed, "pool", name))
    place = pd.Series(labels.loc[turns]).groupby(labels.loc[turns]).cumcount()
    return sorted(turns, key=lambda name: (int(place[name]), _drawn(seed, "pool", name)))[:n]


def canary_for(seed: int, about: Mapping[str, str]) -> str:
    """Return the mark of a run that stands nowhere else: it shows what comes out of a text."""
    rng = random.Random(_drawn(seed, "canary", json.dumps(dict(about), sort_keys=True)))
    return "".join(rng.choice(LETTERS) for _ in range(CANARY_LENGTH))


def plan_attacks(
    patterns: Sequence[AttackPattern], surface: Surface, eligible: Eligible, n_records: int, marks: tuple[int, str]
) -> AttackPlan:
    """Return every attempt.

    Each pattern is tried on `n_records` records, more where its family would not see `FAMILY_RECORDS` of them, in one
    place and in one form: of those it can have, one that was taken least often so far, else drawn.

    Parameters
    ----------
    marks : (int, str)
        The seed, and the canary.
    """
    return _Planner(surface, eligible, n_records, marks).planned(patterns)


class _Planner:
    def __init__(self, surface: Surface, eligible: Eligible, n_records: int, marks: tuple[int, str]) -> None:
        self._surface, self._eligible, self._n_records = surface, eligible, n_records
        self._seed, self._canary = marks
        self._taken: Counter[object] = Counter()

    def planned(self, patterns: Sequence[AttackPattern]) -> AttackPlan:
        attempts: list[Attempt] = []
        left_out: Counter[str] = Counter()
        possible: list[AttackPattern] = []
        for pattern in sorted(patterns, key=lambda one: one.id):
            why = self._why_not(pattern)
            if why:
                left_out[why] += 1
            else:
                possible.append(pattern)
        in_family = Counter(one.family for one in possible)
        for pattern in sorted(possible, key=lambda one: _drawn(self._seed, "order", one.id)):
            attempts += self._attempts(pattern, in_family[pattern.family])
        return AttackPlan(tuple(sorted(attempts, key=lambda one: (one.pattern.id, one.base))), dict(left_out))

    def _why_not(self, pattern: AttackPattern) -> str:
        """Return why a pattern cannot be tried, empty where it can."""
        surface = self._surface
        if pattern.goal is Goal.FORBIDDEN_TOOL and not surface.forbidden:
            return "the agent has no tool that it must not call"
        if not self._eligible.by_goal[pattern.goal]:
            return f"no record is left to reach the goal {pattern.goal.value} on"
        if not any(surface.places.get(one) for one in pattern.channels):
            causes = sorted({surface.closed.get(one, "the pilot has no such channel") for one in pattern.channels})
            return f"{', '.join(sorted(one.value for one in pattern.channels))}: {'; '.join(causes)}"
        return ""

    def _attempts(self, pattern: AttackPattern, n_in_family: int) -> list[Attempt]:
        rng = random.Random(_drawn(self._seed, "attempt", pattern.id))
        places = [(one, place) for one in pattern.channels for place in self._surface.places.get(one, ())]
        channel, place = self._least(places, rng, lambda one: (one[0], one))
        others = [one for one in self._surface.columns if one != place]
        can_split = channel in IN_RECORD and bool(others)
        forms = [one for one in pattern.transforms if one != SPLIT or can_split] or ["plain"]
        transform = self._least(forms, rng, lambda one: (one,))
        if transform == SPLIT:
            place = f"{place}{AND}{rng.choice(others)}"
        pool = self._eligible.by_goal[pattern.goal]
        n = min(len(pool), max(self._n_records, math.ceil(FAMILY_RECORDS / n_in_family)))
        start = self._taken["family", pattern.family] + _drawn(self._seed, "start", pattern.family)
        self._taken["family", pattern.family] += n
        bases = [pool[(start + k) % len(pool)] for k in range(n)]
        return [self._attempt(pattern, transform, (channel, place), base) for base in bases]

    def _attempt(self, pattern: AttackPattern, transform: str, at: tuple[Channel, str], base: str) -> Attempt:
        target = self._eligible.targets[base]
        tool = next(iter(self._surface.forbidden), "")
        texts = []
        for text in (pattern.text, pattern.control):
            rng = random.Random(_drawn(self._seed, "text", f"{pattern.id} {transform}"))
            whole = filled(text, target=target, canary=self._canary, tool=tool)
            made = transformed(whole, transform, rng)
            texts.append((made,) if isinstance(made, str) else tuple(made))
        channel, place = at
        if channel is Channel.MEMORY:  # no decision could have had a longer one remembered
            texts = [(one[0][:MAX_REMEMBERED],) for one in texts]
        return Attempt(pattern, transform, channel, place, base, target, texts[0], texts[1])

    def _least(self, choices: Sequence[T], rng: random.Random, keys: Callable[[T], tuple[object, ...]]) -> T:
        """Return a choice that was taken least often, by its first key, then by the others; ties are drawn."""
        shuffled = rng.sample(choices, len(choices))
        chosen = min(shuffled, key=lambda one: tuple(self._taken[key] for key in keys(one)))
        for key in keys(chosen):
            self._taken[key] += 1
        return chosen


def _drawn(seed: int, what: str, name: str) -> int:
    """Return a number that is drawn from a seed and a name."""
    return int.from_bytes(hashlib.sha256(f"{seed} {what} {name}".encode()).digest()[:8], "big")


def attacked_record(contract: Contract, base: Record, attempt: Attempt, texts: tuple[str, ...]) -> Record:
    """Return the record with texts of an attempt in it; elsewhere written ones only make it another question."""
    if attempt.channel not in IN_RECORD:
        return made_record(contract, base, base.fields, json.dumps([attempt.channel.value, attempt.place, *texts]))
    fields: dict[str, Scalar] = dict(base.fields)
    for column, text in zip(attempt.places, texts, strict=True):
        fields[column] = _written(fields[column], text, contract.columns[column].max_length, attempt.channel)
    return made_record(contract, base, fields)


def _written(cell: Scalar, text: str, most: int | None, channel: Channel) -> str:
    """Return a cell with a text behind what stands there; of a name, which carries little, the text alone if needed."""
    if cell is None or cell == "":
        return text
    whole = f"{cell} {text}"
    is_short = channel in (Channel.NAME, Channel.FILE_NAME)
    return text if is_short and most is not None and len(whole) > most else whole
