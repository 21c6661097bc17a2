"""Combinations of categorical values: each two values of two columns together in one record, in few records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from workbench.cases.design.bases import Base, categories_of
from workbench.cases.design.candidates import CaseCandidate, candidate_of
from workbench.pilot import Contract, Role


def pairwise_candidates(contract: Contract, found: Sequence[Base]) -> Iterator[CaseCandidate]:
    """Yield records in which all values of categorical columns meet in pairs, for each source those that it writes.

    Each is a development record that no rule decides, with its categories set. Source: pairwise (2-way) covering
    arrays, as the package allpairspy makes them.
    """
    from allpairspy import AllPairs

    source = contract.column_with(Role.SOURCE)
    parts: dict[Any, list[Base]] = {}
    for base in found:
        parts.setdefault(base.fields[source] if source else None, []).append(base)
    for part in parts.values():
        columns = categories_of(contract, [base.fields for base in part])
        columns.pop(source or "", None)
        usual = [base for base in part if base.ruling.rule is None] or part
        if len(columns) < 2:
            continue
        for n, row in enumerate(AllPairs(list(columns.values()))):
            base = usual[n % len(usual)]
            cells = dict(zip(columns, row, strict=True))
            covers = (f"values:{one}" for one in _pairs(cells))
            yield candidate_of(base, base.fields, {**base.fields, **cells}, "categorical values met in pairs", covers)


def _pairs(cells: Mapping[str, Any]) -> Iterator[str]:
    for (one, left), (other, right) in combinations(cells.items(), 2):
        yield f"{one}={left}, {other}={right}"
