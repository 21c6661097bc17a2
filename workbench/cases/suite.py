"""Test cases as files: a base record, what is changed in it, what is expected, and what the case covers."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from workbench.environment import MAX_REMEMBERED, ToolFault
from workbench.files import Settings, read_settings
from workbench.words import shown

CaseId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.@+-]*$", max_length=120)]


class CaseClass(StrEnum):
    """The paths that test cases must cover."""

    COMMON = "common"
    EDGE = "edge"
    ERROR = "error"


class CaseRelation(StrEnum):
    """What must hold between the decisions on a changed record and on the record as it was; no label is needed."""

    SAME = "same"
    REASON_SAME = "reason_same"
    MAY_ONLY_ESCALATE = "may_only_escalate"


class ExpectedTools(Settings):
    """Tools that must be called, that must never be called, and an order in which some are called first."""

    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


class Expected(Settings):
    """What is expected of a decision; what is not given is not looked at.

    `to` is whom an escalation goes to, `person` whether a person must see it, `state` how many rows the decision adds
    to each table of the environment and `amount` the euro that it writes, to a cent (both held against agents that
    act only), `guards` those that must step in.
    """

    action: str | None = None
    reason: str | None = None
    to: str | None = None
    person: bool | None = None
    tools: ExpectedTools | None = None
    state: dict[str, int] | None = None
    amount: float | None = None
    guards: tuple[str, ...] | None = None


class Case(Settings):
    """One test case: record `base` with the values of `set` in it, and what is expected.

    A case has `expect`, or a `relation` to the case named `of`, without it to the record as it was; with `of` it starts
    from that case's record. `change` names a change of `workbench.cases.relations`, which is made after `set`, the same
    each time. `covers` names what of the specification it is about, such as `rule:price_variance@above`. `faults` are
    those that its tools have, `memory` is what is remembered before, by the name of the memory.
    """

    id: CaseId
    case_class: CaseClass = Field(alias="class")
    base: str
    set: dict[str, Any] = Field(default_factory=dict)
    expect: Expected | None = None
    relation: CaseRelation | None = None
    of: str | None = None
    change: str | None = None
    covers: tuple[str, ...] = ()
    faults: tuple[ToolFault, ...] = ()
    memory: dict[str, Annotated[str, Field(max_length=MAX_REMEMBERED)]] = Field(default_factory=dict)
    why: str = ""
    author: str = ""

    @model_validator(mode="after")
    def _one_expectation(self) -> Self:
        if (self.expect is None) == (self.relation is None):
            raise ValueError("a case has either expect or relation")
        return self


class CaseSuite(Settings):
    """One file of eval_suites/PILOT/suites/.

    `excluded` names what of the specification no case is needed for, each with the reason; it counts once the file is
    signed. `smoke` names the few cases that are run first. `equivalent` says of mutants of the specification why no
    case can notice them.
    """

    title: str = Field(min_length=3)
    smoke: tuple[CaseId, ...] = ()
    equivalent: dict[str, str] = Field(default_factory=dict)
    cases: tuple[Case, ...] = Field(min_length=1)
    excluded: dict[str, Annotated[str, Field(min_length=3)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        counts = Counter(case.id for case in self.cases)
        repeated = [name for name, count in counts.items() if count > 1]
        if repeated:
            raise ValueError(f"cases with one id: {shown(repeated)}")
        unknown = [name for name in self.smoke if name not in counts]
        if unknown:
            raise ValueError(f"smoke names cases that are not there: {shown(unknown)}")
        return self


def read_case_suite(path: Path) -> CaseSuite:
    """Return a suite of test cases from its file."""
    return read_settings(path, CaseSuite)
