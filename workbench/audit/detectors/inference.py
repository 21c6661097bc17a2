"""The rules that a table's cells follow, from what was inferred about it and what its contract says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from workbench.audit.cells import CellKind
from workbench.audit.detectors.detect_formats import LAYOUTS, Styles, is_agreed, usual_number
from workbench.audit.detectors.detect_numbers import fences
from workbench.audit.detectors.detect_values import FEW_MISSING
from workbench.audit.table.declared import Declared
from workbench.audit.table.dependencies import Dependency
from workbench.audit.table.quantities import Numbers, numbers_of, per_row
from workbench.audit.table.relations import Relation, RelationKind
from workbench.audit.table.rules import Rule, RuleKind
from workbench.records.tables import (
    FORMAT_NAMED,
    CodedColumn,
    ColumnProfile,
    Semantic,
    is_weak_placeholder,
    number_pattern,
)

MAX_DEPENDENCIES = 12
MIN_PUBLISHED = 0.95
PLAIN_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SIGNS = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}
_LAYOUTS = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "DD.MM.YYYY": "%d.%m.%Y",
    "YYYY/MM/DD": "%Y/%m/%d",
    "YYYY-MM-DD HH:MM": "%Y-%m-%d %H:%M:%S",
}
_KINDS = {RelationKind.PRODUCT: RuleKind.PRODUCT, RelationKind.SUM: RuleKind.SUM, RelationKind.ORDER: RuleKind.ORDER}


def column_rules(
    column: CodedColumn, profile: ColumnProfile, styles: Styles, declared: Declared | None
) -> Iterator[Rule]:
    """Return the rules for one column: filled, no placeholder, allowed, in its format, within reach, unique."""
    made = partial(_rule, profile)
    share = profile.n_missing / max(1, profile.n)
    required = declared.is_required(profile.name) if declared else None
    if required or (required is None and share <= FEW_MISSING and not column.n_marked):
        why = "the field is required" if required else f"{1 - share:.1%} of the column is filled"
        yield made(RuleKind.NOT_NULL, CellKind.MISSING, f"empty, but {why}", is_declared=bool(required))
    standing = _standing(column, profile)
    if standing:
        yield made(RuleKind.NOT_IN_SET, CellKind.PLACEHOLDER, "stands for a missing value", values=standing)
    agreed = declared.column(profile.name) if declared else None
    if agreed is not None and agreed.allowed is not None:
        yield made(RuleKind.IN_SET, CellKind.NOT_ALLOWED, "not allowed", values=agreed.allowed, is_declared=True)
    pattern, reason, kind = _pattern(profile, styles, declared)
    if pattern is not None and profile.storage == "VARCHAR":
        yield made(RuleKind.MATCHES, kind, reason, pattern=pattern)
    bounds = _bounds(column, profile)
    if bounds is not None:
        text = f"beyond the limits of {bounds[0]:,.6g} and {bounds[1]:,.6g}, many times the usual spread away"
        yield made(RuleKind.BETWEEN, CellKind.OUTLIER, text, low=bounds[0], high=bounds[1])
    if profile.is_key:
        yield made(RuleKind.UNIQUE, CellKind.DUPLICATE, f"an earlier row has the same {profile.name}")


def _rule(profile: ColumnProfile, kind: RuleKind, cell_kind: CellKind, reason: str, **more: Any) -> Rule:
    return Rule(kind, (profile.position,), (profile.name,), cell_kind, reason, **more)


def _standing(column: CodedColumn, profile: ColumnProfile) -> tuple[str, ...]:
    """Return the values that stand for a missing one."""
    shares = column.counts / max(1, column.n_filled)
    return tuple(
        value
        for value, share in zip(column.values, shares, strict=True)
        if share <= 0.95
        and (
            not value.strip()
            or value.strip() in profile.missing
            or is_weak_placeholder(value, float(share), profile.semantic)
        )
    )


def _pattern(profile: ColumnProfile, styles: Styles, declared: Declared | None) -> tuple[str | None, str, CellKind]:
    """Return the regular expression for a column's cells, None when they follow none."""
    agreed = declared.pattern(profile.name) if declared else None
    if agreed is not None:
        return _portable(agreed), "not written as the contract says", CellKind.FORMAT
    top, share = next(iter(styles.shares.items()), ("", 0.0))
    if profile.is_numeric:
        usual = usual_number(styles)
        if is_agreed(profile):
            return _portable(number_pattern(profile.written.decimal)), "no number", CellKind.TYPE
        return (
            (PLAIN_NUMBER, "no plain number", CellKind.TYPE) if usual == "plain number" else (None, "", CellKind.TYPE)
        )
    if (profile.is_moment or profile.semantic in LAYOUTS) and share >= 0.6 and top in FORMAT_NAMED:
        return _portable(FORMAT_NAMED[top].pattern), f"not written as {top}", CellKind.FORMAT
    if profile.semantic in {Semantic.ID, Semantic.CODE, Semantic.ZIP} and share >= 0.9:
        pattern = "".join(_SIGNS.get(sign, re.escape(sign)) for sign in top)
        return pattern, f"not shaped {top[:40]}", CellKind.FORMAT
    return None, "", CellKind.FORMAT


def _portable(pattern: re.Pattern[str]) -> str:
    return f"(?i){pattern.pattern}" if pattern.flags & re.IGNORECASE else pattern.pattern


def _bounds(column: CodedColumn, profile: ColumnProfile) -> tuple[float, float] | None:
    """Return the bounds that numbers of a column keep, None when they are no quantities or too few."""
    if not profile.is_numeric or profile.semantic is Semantic.MEASURE:
        return None
    cells: Numbers = (
        per_row(column, numbers_of(column)) if len(column.codes) > len(column.values) else numbers_of(column)
    )
    known = cells[~np.isnan(cells)]
    if len(known) < 30:
        return None
    is_positive = float((known < 0).mean()) < 0.02
    found = fences(known[known >= 0] if is_positive else known)
    if found is None:
        return None
    low, high = max(0.0, found[0]) if is_positive else found[0], found[1]
    outside = float(((known < low) | (known > high)).mean())
    return (low, high) if outside < 0.03 else None


def table_rules(
    profiles: Sequence[ColumnProfile],
    dependencies: Sequence[Dependency],
    relations: Sequence[Relation],
    declared: Declared | None,
) -> Iterator[Rule]:
    """Return the rules between columns: the strongest dependency of each dependent, sums, products, dates in order."""
    agreed = set(declared.dependencies) if declared else set()
    chosen: dict[int, Dependency] = {}
    for dependency in sorted(dependencies, key=lambda one: (one.positions not in agreed, -one.strength)):
        if dependency.positions in agreed or dependency.strength >= MIN_PUBLISHED:
            chosen.setdefault(dependency.positions[-1], dependency)
    for dependency in list(chosen.values())[:MAX_DEPENDENCIES]:
        names = tuple(profiles[position].name for position in dependency.positions)
        reason = f"other rows with the same {dependency.determinant} agree on another value"
        yield Rule(
            RuleKind.DEPENDENCY, dependency.positions, names, CellKind.DEPENDENCY, reason,
            is_declared=dependency.positions in agreed,
        )  # fmt: skip
    for relation in relations:
        rule = _relation_rule(profiles, relation, declared)
        if rule is not None:
            yield rule
    if declared is not None and len(declared.key) > 1 and not declared.entity:
        names = tuple(profiles[position].name for position in declared.key)
        reason = f"an earlier row has the same {', '.join(names)}"
        yield Rule(RuleKind.UNIQUE, declared.key, names, CellKind.DUPLICATE, reason, is_declared=True)


def _relation_rule(profiles: Sequence[ColumnProfile], relation: Relation, declared: Declared | None) -> Rule | None:
    names = tuple(profiles[position].name for position in relation.positions)
    layout = None
    if relation.kind is RelationKind.ORDER and profiles[relation.positions[0]].is_moment:
        formats = {profiles[position].dominant_format for position in relation.positions}
        layout = _LAYOUTS.get(formats.pop() or "") if len(formats) == 1 else None
        if layout is None:
            return None
    filled = dict(zip("abc", names, strict=False))
    text = "".join(filled.get(sign, sign) for sign in relation.kind.value)
    kind = CellKind.DATE_ORDER if layout else CellKind.CROSS_FIELD
    is_declared = declared is not None and relation in declared.relations
    reason = f"{text} does not hold; it does in {relation.holds:.1%} of rows"
    return Rule(_KINDS[relation.kind], relation.positions, names, kind, reason, layout=layout, is_declared=is_declared)
