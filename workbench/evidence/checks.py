"""What a gate can ask a maker besides an estimate: a yes or no, with its reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.evidence.facts import Facts
from workbench.metrics import State
from workbench.pilot import Severity

BETTER_VERSION = "a better version is needed; records alone cannot pass"


@dataclass(frozen=True, slots=True)
class Missing:
    """How much evidence would decide: labelled records, days until they arrive, signatures; None where not known.

    `version` says that no evidence would: a better version is what is missing.
    """

    records: int | None = None
    days: int | None = None
    signatures: int = 0
    version: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the amounts as JSON values."""
        amounts = {"records": self.records, "days": self.days, "signatures": self.signatures}
        return {**amounts, "version": self.version}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a look at the facts came to: state, reason, what would change it, what is missing, details to act on."""

    state: State
    reason: str
    would_change: str = ""
    missing: Missing = field(default_factory=Missing)
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a gate asks of a check.

    Parameters
    ----------
    counts : mapping
        `at_least` and `each`, as far as the check takes them.
    blocking : tuple of Severity
        Which findings block the gate.
    kpis : frozenset of str
        KPIs of the charter that have a criterion of their own in the gate, on all records.
    """

    counts: Mapping[str, int]
    blocking: tuple[Severity, ...] = ()
    kpis: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    """One check that gates.yaml may name.

    Parameters
    ----------
    answer : callable
        From the facts and what is asked to the answer.
    counts : mapping
        The counts that a criterion may give, with what they are where it gives none.
    gates : tuple of int
        The gates that ask for it whatever their file says; nobody can leave it out, rename or waive it there.
    needs : str
        The maker whose exhibit it looks at; empty where it looks at what was agreed.
    on_targets : frozenset of str
        Metrics whose targets in the charter it holds the evidence against.
    place : int
        Where it stands among what is built in.
    stops_counting : bool
        Whether, while it does not pass, it says nothing how many records others would pass on.
    is_at_this_rate : bool
        Whether the records it asks for would do only if the rate stayed what it is.
    """

    id: str
    title: str
    answer: Callable[[Facts, Terms], Answer]
    counts: Mapping[str, int] = field(default_factory=dict)
    gates: tuple[int, ...] = ()
    needs: str = ""
    on_targets: frozenset[str] = frozenset()
    place: int = 0
    stops_counting: bool = False
    is_at_this_rate: bool = False


def unproven(reason: str, would_change: str, records: int | None = None) -> Answer:
    """Return the answer that the evidence does not decide."""
    return Answer(State.UNPROVEN, reason, would_change, Missing(records=records))


def arrival_days(facts: Facts, n_records: int | None) -> int | None:
    """Return in how many days so many records arrive; None when nothing says how fast they do.

    The charter's volume counts first; without one, the pace of the present records.
    """
    if n_records is None:
        return None
    per_day = facts.pilot.charter.volume.records_per_day or facts.population.per_day
    return None if per_day is None else math.ceil(n_records / per_day)
