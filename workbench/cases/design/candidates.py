"""Candidates: records from which the cases of a design are chosen, with what each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.cases.design.bases import Base
from workbench.cases.policy import Fields

PER_FACT = 2
PER_PAIR = 2


@dataclass(frozen=True, slots=True, eq=False)
class CaseCandidate:
    """A record that may become a case: a base record and the cells that are set in it.

    Parameters
    ----------
    why : str
        How it came about, for a reader.
    covers : frozenset of str
        What is known of it from how it came about; the rest is found in what is decided of it.
    is_second_choice : bool
        Whether one cell alone was moved where others follow from it, so that the record is less like a real one.
    """

    base: str
    fields: Fields
    set: Mapping[str, Any]
    why: str
    covers: frozenset[str] = field(default_factory=frozenset)
    is_second_choice: bool = False


def candidate_of(base: Base, original: Fields, fields: Fields, why: str, covers: Iterable[str] = ()) -> CaseCandidate:
    """Return a candidate from a changed record; `original` is the development record that its base names."""
    changed = {name: cell for name, cell in fields.items() if cell != original.get(name)}
    return CaseCandidate(base.id, fields, changed, why, frozenset(covers))


def with_text(base: Base, column: str, text: str | None) -> Fields:
    """Return a base record with another text in a column."""
    return {**base.fields, column: text}


def triggers_combined(
    recipes: Mapping[str, Sequence[CaseCandidate]],
) -> Iterator[tuple[str, str, Fields, CaseCandidate]]:
    """Yield records in which the triggers of two rules are set together, at most `PER_PAIR` for each two rules.

    Parameters
    ----------
    recipes : mapping
        For each rule candidates that it decides, made from records that it does not.
    """
    rules = list(recipes)
    for n, one in enumerate(rules):
        for other in rules[n + 1 :]:
            n_made = 0
            by_base = {recipe.base: recipe for recipe in reversed(recipes[other])}
            for recipe in recipes[one]:
                beside = by_base.get(recipe.base)
                if n_made < PER_PAIR and beside is not None and not set(recipe.set) & set(beside.set):
                    n_made += 1
                    yield one, other, {**recipe.fields, **beside.set}, recipe
