"""Rows that describe one thing several times: which column names the thing, and which the source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.audit.table.dependencies import combined, grouped
from workbench.audit.table.encoded import Encoded
from workbench.records.tables import Codes, ColumnProfile, Semantic

MIN_AGREEMENT = 0.3  # of the pairs of rows: sources that disagree more describe different things
MAX_CHANCE = 0.25  # a column that agrees so often by chance tells nothing
MAX_SOURCES = 200  # more values name things
MAX_SETTLED = 0.93  # above, it is a dependency, whose votes are better
MIN_THINGS = 5  # described: fewer are categories
GROUP = (3, 500)  # rows on average that describe one thing: fewer are no group, more are a category
NEARLY_FULL = 0.9  # of the rows name their thing and source, or the column is neither
ONCE_EACH = 0.95  # of a thing's sources report it once: the others are repeats
MIN_PAIRS = 50  # of rows: of fewer, agreement is chance
FAR_DECLARED, FAR_INFERRED = 1.5, 3  # times chance: less is asked where the contract names the thing
MAX_COLUMNS = 50  # each is tried as the thing, with every source


@dataclass(frozen=True, slots=True)
class Described:
    """Which columns play which part.

    Parameters
    ----------
    entity : tuple of int
        Positions of the columns that name the thing described.
    source : int or None
        Position of the column that names who described it; each source describes a thing once.
    described : tuple of int
        Positions of the columns that should agree within a thing.
    """

    entity: tuple[int, ...]
    source: int | None
    described: tuple[int, ...]


def find_roles(
    encoded: Encoded, profiles: tuple[ColumnProfile, ...], entity: tuple[int, ...] = (), source: int | None = None
) -> Described | None:
    """Return the entity and source columns whose rows describe the same things, None when there are none.

    Without a declaration, an entity column has groups of three rows and more on average, a source column names each
    entity at most once, and at least two other columns agree within an entity far more than by chance, yet not
    always (those that always agree are dependencies). The first 50 columns are searched.
    """
    codes = dict(enumerate(encoded.filled))
    if entity:
        described = tuple(
            p.position for p in profiles if p.position not in {*entity, source} and not p.is_key and p.n_distinct > 1
        )
        things = combined([codes[position] for position in entity])
        agreeing = tuple(one for one in described if _agreement(things, codes[one], is_declared=True) is not None)
        return Described(entity, source, agreeing) if agreeing else None
    best: tuple[float, Described] | None = None
    profiles = profiles[:MAX_COLUMNS]
    for e in [p.position for p in profiles if _may_be_entity(p)]:
        sources = [source] if source is not None else _sources(codes, profiles, e)
        if not sources:
            continue
        scored = [
            (p.position, agreement)
            for p in profiles
            if p.position not in {e, *sources}
            and not p.is_key
            and (agreement := _agreement(codes[e], codes[p.position])) is not None
        ]
        score = sum(agreement for _, agreement in scored)
        if len(scored) >= 2 and (best is None or score > best[0]):
            best = (score, Described((e,), sources[0], tuple(position for position, _ in scored)))
    return best[1] if best else None


def _may_be_entity(profile: ColumnProfile) -> bool:
    if profile.is_key or profile.is_numeric or profile.semantic in {Semantic.EMPTY, Semantic.BOOLEAN, Semantic.TEXT}:
        return False
    filled = profile.n - profile.n_missing
    if profile.n_distinct < MIN_THINGS or filled <= NEARLY_FULL * profile.n:
        return False
    return GROUP[0] <= filled / profile.n_distinct <= GROUP[1]


def _sources(codes: dict[int, Codes], profiles: tuple[ColumnProfile, ...], entity: int) -> list[int]:
    found: list[tuple[int, int]] = []
    for p in profiles:
        filled = p.n - p.n_missing
        if p.position == entity or not 2 <= p.n_distinct <= MAX_SOURCES or filled < NEARLY_FULL * p.n or p.is_moment:
            continue
        groups = grouped(codes[entity], codes[p.position])
        if groups.n.sum() and float((groups.n == 1).sum()) >= ONCE_EACH * float(groups.n.sum()):
            found.append((p.n_distinct, p.position))
    return [position for _, position in sorted(found)]


def _agreement(entity: Codes, described: Codes, is_declared: bool = False) -> float | None:
    """Return how often two rows of one entity agree, None when they always or hardly do, or would by chance."""
    groups = grouped(entity, described)
    several = groups.size >= 2
    pairs = float((groups.size[several] - 1).astype(float) @ groups.n[several].astype(float))
    if pairs < MIN_PAIRS:
        return None
    same = float((groups.n[several] * (groups.n[several] - 1)).sum()) / pairs
    counts = np.bincount(described[described >= 0]).astype(float)
    chance = float((counts**2).sum() / counts.sum() ** 2)
    is_top = groups.right == groups.top
    settled = float(groups.n[several & is_top].sum() / groups.n[several].sum())
    if is_declared:
        return same if same >= max(MIN_AGREEMENT / 2, FAR_DECLARED * chance) else None
    if chance > MAX_CHANCE or same < max(MIN_AGREEMENT, FAR_INFERRED * chance) or settled > MAX_SETTLED:
        return None
    return same
