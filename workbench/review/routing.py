"""Whom a decision goes to: the rule by its reason, else a category of the charter, else the first group of the desk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.pilot import Contract, Process, ProcessRule, ReviewSettings, Role, cell_text
from workbench.pilot.charter import Authority, Charter, HighRisk, Match


class CameBy(StrEnum):
    """By what a decision came to a person."""

    RULE = "rule"  # of process.yaml, by the reason that the agent gives
    CATEGORY = "category"  # of the charter
    UNSURE = "unsure"  # nothing but that the agent was not sure enough, or gave no valid answer
    SAMPLE = "sample"  # drawn from what the agent decides alone


@dataclass(frozen=True, slots=True)
class HandedTo:
    """Whom a decision goes to, and why; `rule` is empty where none of process.yaml says so."""

    group: str
    by: CameBy
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Handing:
    """What says who decides what.

    Parameters
    ----------
    rules : mapping of str to ProcessRule
        Those that hand over to somebody, by the reason that goes with them.
    categories : tuple
        High-risk and authority categories of the charter that go to somebody.
    escalate_label : str, optional
        The action by which an agent escalates.
    default : str
        The group that gets what nothing else says.
    """

    rules: Mapping[str, ProcessRule]
    categories: tuple[HighRisk | Authority, ...]
    escalate_label: str | None
    default: str

    def to(self, action: str | None, reason: str | None, categories: Sequence[str]) -> HandedTo:
        """Return whom a decision goes to that is in some categories, by their ids."""
        rule = self.rules.get(reason or "") if action is not None and action == self.escalate_label else None
        if rule is not None and rule.to is not None:
            return HandedTo(rule.to, CameBy.RULE, rule.id)
        named = next((one.to for one in self.categories if one.id in categories), None)
        if named is not None:
            return HandedTo(named, CameBy.CATEGORY)
        return HandedTo(self.default, CameBy.UNSURE)

    def needs_two(self, categories: Iterable[str]) -> bool:
        """Return whether one of some categories is beyond what one person decides: a limit of authority."""
        return any(isinstance(one, Authority) and one.id in set(categories) for one in self.categories)

    def escalation_rules(self) -> tuple[ProcessRule, ...]:
        """Return the rules that hand over, in their order."""
        return tuple(self.rules.values())


def handing_of(
    process: Process | None, charter: Charter, settings: ReviewSettings, escalate_label: str | None
) -> Handing:
    """Return what says who decides what: process.yaml, the charter, and review.yaml for all else."""
    rules = () if process is None else process.rules
    handing = [one for one in rules if one.to is not None and one.decision == escalate_label]
    by_reason: dict[str, ProcessRule] = {}
    for one in handing:
        by_reason.setdefault(one.reason or one.id, one)
    named: tuple[HighRisk | Authority, ...] = (*charter.high_risk, *charter.authority)
    categories = tuple(one for one in named if one.to)
    return Handing(by_reason, categories, escalate_label, settings.groups[0].id)


def categories_in(
    handing: Handing, contract: Contract, cells: Mapping[str, Any], reason: str | None
) -> tuple[str, ...]:
    """Return the categories of the charter that a decision is in, by what an agent may see and by its own reason.

    One that the charter knows from the label's reason is known here by the agent's reason; no label is looked at.
    """
    return tuple(
        one.id for one in handing.categories if one.when is not None and _is_in(one.when, contract, cells, reason)
    )


def _is_in(when: Match, contract: Contract, cells: Mapping[str, Any], reason: str | None) -> bool:
    if when.column in contract.columns_with(Role.REASON):
        return reason is not None and reason in when.values
    return when.column in cells and cell_text(cells[when.column]) in when.values
