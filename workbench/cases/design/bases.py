"""Base records: development records to make cases from, so chosen that every rule, limit and category has some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.cases.mutants import NumericLimit, extremes, numeric_limits
from workbench.cases.policy import Decider, Fields, PolicyProcess, Ruling
from workbench.pilot import Contract, Process, Role, cell_text
from workbench.records.splits import Dataset, Split

PER_LIMIT, PER_RULE, PER_CATEGORY = 2, 2, 1
MOST_ALIKE = 250
FEW_VALUES = 12
NOT_CATEGORIES = {Role.ID, Role.ENTITY, Role.TEXT, Role.TIMESTAMP}


@dataclass(frozen=True, slots=True)
class Base:
    """A development record, or one with cells of it set, and what is decided of it."""

    id: str
    fields: Fields
    ruling: Ruling


def development_records(contract: Contract, dataset: Dataset, decider: Decider) -> list[Base]:
    """Return development records in hash order, those that are decided as their label says.

    A record that is decided otherwise may be damaged or wrongly labelled: no case is built on it. Where fewer than half
    are decided as their label says, as an agent's own decisions may be, all are kept. Nor is a case built on a record
    with a cell that the contract does not allow: a guard hands it over, whatever is set in it.
    """
    ids = dataset.ids(Split.DEV)
    allowed = {name: set(map(cell_text, of)) for name in contract.shown if (of := contract.columns[name].allowed)}
    shown = ((record.id, dict(record.fields)) for record in dataset.records(ids))
    records = [(name, fields) for name, fields in shown if _is_allowed(fields, allowed)]
    rulings = decider.tried([fields for _, fields in records])
    bases = [Base(name, fields, one) for (name, fields), one in zip(records, rulings, strict=True) if one is not None]
    labels = dataset.dev_labels()["label"].to_dict()
    agreeing = [base for base in bases if base.ruling.action == labels[base.id]]
    return agreeing if 2 * len(agreeing) >= len(bases) else bases


def _is_allowed(fields: Fields, allowed: Mapping[str, Collection[str]]) -> bool:
    return all(fields[name] is None or cell_text(fields[name]) in values for name, values in allowed.items())


def categories_of(contract: Contract, records: Sequence[Fields]) -> dict[str, list[Any]]:
    """Return the categorical columns of records with their values: those with few values, or listed in the contract."""
    found: dict[str, list[Any]] = {}
    for name in contract.shown:
        if contract.columns[name].role in NOT_CATEGORIES:
            continue
        counts = Counter(record[name] for record in records if record[name] is not None)
        is_few = 2 <= len(counts) <= FEW_VALUES and 4 * len(counts) <= sum(counts.values())
        allowed = contract.columns[name].allowed
        if is_few or allowed is not None:
            known = [value for value in counts if allowed is None or str(value) in allowed]
            if len(known) >= 2:
                found[name] = sorted(known, key=str)
    return found


def choose_bases(found: Sequence[Base], contract: Contract, reach: Mapping[str, Sequence[int]]) -> list[Base]:
    """Return the records to make cases from.

    Parameters
    ----------
    found : sequence of Base
        Development records in their order.
    reach : mapping
        For each limit the places of records whose decision depends on it; see `reached_limits`.
    """
    source = contract.column_with(Role.SOURCE)
    chosen: dict[int, None] = {}
    for places in reach.values():
        chosen |= dict.fromkeys(_apart(places, found, source, PER_LIMIT))
    by_rule: dict[tuple[str | None, ...], list[int]] = {}
    for place, base in enumerate(found):
        by_rule.setdefault((base.ruling.rule, base.ruling.action, base.ruling.reason), []).append(place)
    for places in by_rule.values():
        chosen |= dict.fromkeys(_apart(places, found, source, PER_RULE))
    usual = [place for place, base in enumerate(found) if base.ruling.rule is None]
    for name, values in categories_of(contract, [base.fields for base in found]).items():
        for value in values:
            fitting = [place for place in usual if found[place].fields[name] == value][:PER_CATEGORY]
            chosen |= dict.fromkeys(fitting)
    return [found[place] for place in chosen]


def reached_limits(policy: PolicyProcess, process: Process, found: Sequence[Base]) -> dict[str, list[int]]:
    """Return for each numeric limit the places of records whose action changes when the limit is moved very far.

    The first records of each ruling are tried; for a limit that none of them reaches, all others as well. Records that
    no rule decides come first: from them every way leads outwards.
    """
    limits = numeric_limits(process)
    reach: dict[str, list[int]] = {limit.name: [] for limit in limits}
    places = _first_of_each(found)
    _reach(policy, found, places, limits, reach)
    _reach(
        policy, found, sorted({*range(len(found))} - {*places}), [one for one in limits if not reach[one.name]], reach
    )
    return {
        name: sorted(places, key=lambda place: found[place].ruling.rule is not None) for name, places in reach.items()
    }


def _reach(
    policy: PolicyProcess,
    found: Sequence[Base],
    places: Sequence[int],
    limits: Sequence[NumericLimit],
    reach: Mapping[str, list[int]],
) -> None:
    """Add the places among some of records whose action changes when one of some limits is moved very far."""
    far = [mutant for limit in limits for mutant in extremes(limit)]
    if not far or not places:
        return
    for place, others in zip(places, policy.under([found[place].fields for place in places], far), strict=True):
        for n in {number // 2 for number, other in others.items() if other.action != found[place].ruling.action}:
            reach[limits[n].name].append(place)


def _first_of_each(found: Sequence[Base]) -> list[int]:
    """Return the places of the first records of each ruling."""
    n_of: Counter[Ruling] = Counter()
    places = []
    for place, base in enumerate(found):
        n_of[base.ruling] += 1
        if n_of[base.ruling] <= MOST_ALIKE:
            places.append(place)
    return places


def _apart(places: Sequence[int], found: Sequence[Base], source: str | None, most: int) -> Iterator[int]:
    """Yield the first places, of different sources as far as there are several."""
    rest = list(places)
    given: Counter[Any] = Counter()
    for _ in range(min(most, len(rest))):
        place = min(rest, key=lambda one: given[found[one].fields[source] if source else None])
        rest.remove(place)
        given[found[place].fields[source] if source else None] += 1
        yield place
