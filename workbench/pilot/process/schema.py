"""What process.yaml says: rules in their order with exceptions and limits, and how the work is done today."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from workbench.files import Settings

StepId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
Said = Annotated[str, Field(min_length=3, max_length=600)]


class RuleException(Settings):
    """What lets a record pass one rule; `parameters` are its numeric limits."""

    id: str
    condition: str = ""
    parameters: dict[str, float] = Field(default_factory=dict)


class ProcessRule(Settings):
    """One rule: where its condition holds, `decision` for `reason`, handed `to` somebody where it is escalated."""

    id: str
    condition: str = ""
    decision: str
    reason: str | None = None
    to: str | None = None
    parameters: dict[str, float] = Field(default_factory=dict)
    exceptions: tuple[RuleException, ...] = ()
    fault: bool = False


class Approval(Settings):
    """A reason that is given where no rule holds."""

    reason: str
    condition: str = ""


class StatedFact(Settings):
    """What a text may state as fact: the column that it stands in, and an example of a text that states it.

    `counterexample` is a text that only seems to state it: it denies, requests or announces it.
    Further keys, such as the words by which the policy knows it, are the policy's own.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    column: str
    example: str
    counterexample: str | None = None


class Branch(Settings):
    """One way on from a decision in the process: when it is taken, and the step or decision that follows."""

    when: Said
    to: str


class ProcessStep(Settings):
    """One step of the work as it is done today; the first one of the file is where a record begins.

    Parameters
    ----------
    who, system : str
        Who does it, and in which system; empty is a gap.
    minutes : float, optional
        Minutes that it takes a person, as observed.
    next : tuple of str
        The steps or decisions that follow; several are all done.
    branches : tuple of Branch
        Of a step that decides: one way on for each condition, instead of `next`.
    rules : tuple of str
        The rules that are tried at this step.
    """

    id: StepId
    title: Annotated[str, Field(min_length=3, max_length=120)]
    who: str = ""
    system: str = ""
    minutes: float | None = Field(default=None, gt=0)
    next: tuple[str, ...] = ()
    branches: tuple[Branch, ...] = ()
    rules: tuple[str, ...] = ()


class ExceptionPath(Settings):
    """A way out of the ordinary that people take: at which step, by which rule, what they do then, and how often.

    Parameters
    ----------
    rule : str, optional
        The rule by which a record leaves; None where no rule knows it, and `to` may then say who gets it.
    share : float, optional
        Share of all records that take it, in [0, 1]; None where nobody counted.
    cases : tuple of str
        Test cases, by id, where no rule's cases are about it.
    no_case : str, optional
        Why there is no test case.
    """

    id: StepId
    step: str
    rule: str | None = None
    to: str | None = None
    happens: Said
    share: float | None = Field(default=None, ge=0, le=1)
    cases: tuple[str, ...] = ()
    no_case: Said | None = None


class Workaround(Settings):
    """What people do that stands in no manual: where, what, why, and what the agent must do about it.

    `rule` names the rule that keeps the agent to that, `cases` test cases by id, `no_case` why there is none.
    """

    id: StepId
    step: str
    what: Said
    why: str = ""
    agent: str = ""
    rule: str | None = None
    cases: tuple[str, ...] = ()
    no_case: Said | None = None


class Observation(Settings):
    """Who watched whom at work, when, where, at which steps, and how many documents they handled meanwhile."""

    day: date
    observer: Said
    observed: Said
    where: Said
    documents: int = Field(ge=1)
    steps: tuple[str, ...] = Field(min_length=1)


class Process(Settings):
    """What process.yaml says, as far as the workbench reads it; the rest of the file is the pilot's own.

    `python` is the policy as a function, `FILE.py:NAME` beside process.yaml: it takes a record (a mapping of the
    columns an agent may see) and the content of process.yaml but for how the work is done today, and returns
    `{"action", "reason", "to", "rule"}`.
    `limits` names tables of numeric limits in the file besides the rules' own `parameters`.
    `handed_over` names the decisions by which a person gets the record; a rule that makes one says `to` whom.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    decisions: dict[str, str] = Field(default_factory=dict)
    rules: tuple[ProcessRule, ...] = ()
    approvals: tuple[Approval, ...] = ()
    python: str | None = Field(default=None, pattern=r"^[\w.-]+\.py:[A-Za-z_]\w*$")
    limits: tuple[str, ...] = ()
    facts: dict[str, StatedFact] = Field(default_factory=dict)
    handed_over: tuple[str, ...] = ()
    steps: tuple[ProcessStep, ...] = ()
    exception_paths: tuple[ExceptionPath, ...] = ()
    workarounds: tuple[Workaround, ...] = ()
    observations: tuple[Observation, ...] = ()
