"""A guard on decisions: what the charter says a person must see, as far as it can be told when it is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.agents.callables import WrittenPolicy
from workbench.agents.decisions import Decision
from workbench.agents.guards.guard import Asks, StepIn
from workbench.environment import Stage
from workbench.pilot import Contract, GuardName, Role, cell_text
from workbench.pilot.charter import Authority, Charter, HighRisk
from workbench.records import STRATA, Record

_BY_THE_POLICY = {Role.REASON: "reason", Role.LABEL: "action"}


@dataclass(frozen=True, slots=True)
class Category:
    """A high-risk category or a limit of authority, and how a record is known to belong to it.

    Parameters
    ----------
    shown : str, optional
        A column that an agent may see, whose cell is then one of `values`.
    said : str, optional
        "reason" or "action": what the written policy, or the agent itself, says is then one of `values`.
    amount, at_most : optional
        A column that an agent may see, whose number is then above the limit.
    """

    id: str
    values: frozenset[str] = frozenset()
    shown: str | None = None
    said: str | None = None
    amount: str | None = None
    at_most: float = 0.0

    def told_by_cells(self, record: Record) -> bool:
        """Whether the record's own cells say that it belongs here."""
        if self.shown is not None and cell_text(record.fields.get(self.shown)) in self.values:
            return True
        return self.amount is not None and _above(record.fields.get(self.amount), self.at_most)

    def told_by(self, what: object) -> bool:
        """Whether what the policy or the agent says means that the record belongs here."""
        return self.said is not None and getattr(what, self.said) in self.values


@dataclass(frozen=True, slots=True)
class MustReachAPerson:
    """A record of a high-risk category, or above a limit of authority, goes to a person whatever the agent says."""

    categories: tuple[Category, ...]
    policy: WrittenPolicy | None = None

    name: ClassVar[GuardName] = GuardName.MUST_REACH_A_PERSON
    stage: ClassVar[Stage] = Stage.OUTPUT

    @classmethod
    def of(cls, charter: Charter, contract: Contract, policy: WrittenPolicy | None) -> MustReachAPerson:
        """Return the guard of a charter; without a policy, categories that it alone can tell are unrecognised."""
        rules: tuple[HighRisk | Authority, ...] = (*charter.high_risk, *charter.authority)
        found = tuple(_category(one, contract) for one in rules)
        return cls(found, policy)

    @property
    def needs_policy(self) -> bool:
        """Whether a category is told by what the written policy says."""
        return any(one.said is not None for one in self.categories)

    @property
    def unrecognised(self) -> tuple[str, ...]:
        """Categories that cannot be told when it is decided, unless the agent itself names them."""
        known = self.policy is not None
        return tuple(
            one.id
            for one in self.categories
            if one.shown is None and one.amount is None and not (known and one.said is not None)
        )

    @property
    def identity(self) -> Mapping[str, Any]:
        """How each category is told, which ones cannot be, and the policy that is asked."""
        told = [
            {"id": one.id, "values": sorted(one.values), "column": one.shown, "said": one.said}
            | ({} if one.amount is None else {"amount": one.amount, "at_most": one.at_most})
            for one in self.categories
        ]
        policy = {} if self.policy is None else {"policy": dict(self.policy.identity)}
        return {"categories": told, "unrecognised": list(self.unrecognised), **policy}

    async def look(self, record: Record, decision: Decision | None, asks: Asks) -> StepIn | None:
        """Step in where the record belongs to a category, or the policy that would tell it could not decide."""
        for one in self.categories:
            if one.told_by_cells(record) or (decision is not None and one.told_by(decision)):
                return StepIn(f"{one.id}: the charter gives it to a person", target=one.shown or one.amount)
        if self.policy is None or asks.policy is None:
            return None
        said = await asks.policy(record)
        if said is None:
            return StepIn("the written policy could not decide this record, so that no category is excluded")
        one_told = next((one for one in self.categories if one.told_by(said)), None)
        return None if one_told is None else StepIn(f"{one_told.id}: the charter gives it to a person")


def _category(rule: HighRisk | Authority, contract: Contract) -> Category:
    values = frozenset() if rule.when is None else frozenset(rule.when.values)
    column = None if rule.when is None else _column(rule.when.column, contract)
    shown = column if column in contract.shown else None
    said = None if column is None or shown else _BY_THE_POLICY.get(contract.columns[column].role)
    if not isinstance(rule, Authority) or rule.column not in contract.shown:
        return Category(rule.id, values, shown, said)
    return Category(rule.id, values, shown, said, rule.column, rule.at_most)


def _column(name: str, contract: Contract) -> str | None:
    """Return the contract's column that a condition names: itself, or the one with a role that is a stratum."""
    if name in contract.columns:
        return name
    return contract.column_with(Role(name)) if name in STRATA else None


def _above(cell: object, limit: float) -> bool:
    try:
        return cell is not None and float(str(cell)) > limit
    except ValueError:
        return False
