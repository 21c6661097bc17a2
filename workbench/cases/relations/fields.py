"""Changes of what a record is made of: the name of its entity, the order of its fields."""

from __future__ import annotations

import numpy as np

from workbench.cases.relations.change import Fields, Ground, UnchangeableError
from workbench.pilot import Role

NAMES = ("Nordhaus", "Castellani", "Brightwater", "Lindqvist", "Oberholzer", "Marchetti", "Fairbairn", "Kowalczyk")
LEGAL_FORMS = 3  # words at the end of a name that say what kind of company it is, at most


def renamed_entity(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record whose entity has another name and the same number; what kind of company it is stays."""
    entity = ground.contract.column_with(Role.ENTITY)
    if entity is None:
        raise UnchangeableError("the contract has no column of role entity")
    stem = entity.rpartition("_")[0] or entity
    name = next(
        (one for one in (f"{stem}_name", f"{stem}_title", f"{entity}_name") if one in ground.contract.shown), None
    )
    if name is None:
        raise UnchangeableError(f"no column holds the name of {entity}, such as {stem}_name")
    words = str(fields[name] or "").split()
    if not words:
        raise UnchangeableError(f"{name} is empty")
    kept = [
        word for word in words[1:][-LEGAL_FORMS:] if "." in word or word.isupper() or word in ("GmbH", "Ltd", "Inc")
    ]
    given = [one for one in NAMES if one not in words]
    return {**fields, name: " ".join([given[int(rng.integers(len(given)))], *kept])}


def field_order(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record with its fields in another order."""
    names = list(fields)
    if len(names) < 2:
        raise UnchangeableError("a record of one field has one order")
    order = [names[place] for place in rng.permutation(len(names))]
    if order == names:
        order.reverse()
    return {name: fields[name] for name in order}
