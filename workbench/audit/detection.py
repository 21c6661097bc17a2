"""The detection of wrong cells in any table: what the columns are, what holds between them, and what breaks it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from workbench.audit.cells import CellKind, joined
from workbench.audit.declared import Declared, declare
from workbench.audit.dependencies import Dependency, discover, measure
from workbench.audit.detect_formats import styles_of
from workbench.audit.detect_near_repeats import near_repeats_in_large
from workbench.audit.encoded import Encoded, encode, value_table
from workbench.audit.entities import Roles, find_roles
from workbench.audit.inference import column_rules, table_rules
from workbench.audit.judging import Known, judge, source_formats, vote_on_column
from workbench.audit.quantities import with_same_numbers
from workbench.audit.references import Beside, orphans, references_of, vote_on_orphans
from workbench.audit.relations import Relation, find_relations, quantities
from workbench.audit.rules import Rule, RuleKind
from workbench.audit.scan import RuleResult, cells_of, hold
from workbench.audit.votes import Votes
from workbench.pilot import TableContract
from workbench.records.tables import CodedColumn, ColumnProfile, Hints, Table, profile, settled_profiles

MAX_RULES = 600
VALUE_REASONS = {
    CellKind.TYPO: "a rare value, a slip away from a frequent one",
    CellKind.FORMAT: "written unlike the rest of the column",
    CellKind.TYPE: "not what the rest of the column is",
    CellKind.PLACEHOLDER: "stands for a missing value",
    CellKind.WHITESPACE: "white space at an end, or more than one space inside",
    CellKind.ENCODING: "damaged text: wrong encoding, or invisible characters",
    CellKind.CHECKSUM: "the check digits do not fit",
    CellKind.NOT_ALLOWED: "not one of the values that the contract allows",
    CellKind.OUT_OF_RANGE: "a sign or a date that hardly any other cell has",
    CellKind.OUTLIER: "far outside the other numbers",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked.

    Parameters
    ----------
    name : str
    is_exact : bool
        Whether every row was looked at; otherwise a sample.
    n_rows : int
        Rows looked at.
    """

    name: str
    is_exact: bool
    n_rows: int


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found in a table.

    Parameters
    ----------
    n_rows : int
    columns : tuple of ColumnProfile
    dependencies : tuple of Dependency
    relations : tuple of Relation
    roles : Roles, optional
        The thing and the source, where several sources describe the same things.
    cells : DataFrame
        `row` (0-based), `column`, `kind` (a CellKind) and `reason` of every flagged cell, by row and column.
    rules : tuple of RuleResult
        The rules the table should follow and how each held over all rows; at most 600, those declared first.
    checks : tuple of Checked
    """

    n_rows: int
    columns: tuple[ColumnProfile, ...]
    dependencies: tuple[Dependency, ...]
    relations: tuple[Relation, ...]
    roles: Roles | None
    cells: pd.DataFrame
    rules: tuple[RuleResult, ...]
    checks: tuple[Checked, ...]


def detect(
    table: Table,
    contract: TableContract | None = None,
    beside: Beside | None = None,
    hints: Hints | None = None,
) -> Detection:
    """Return what is probably wrong in a table; what the contract does not say is inferred.

    Up to 250,000 rows every detector sees every row and they vote on each cell. Beyond that, columns with few different
    values are judged by all their values, the rest is inferred from a sample, and the rules that follow are held
    against every row (`checks` says which). References are looked up beside the table.

    Raises
    ------
    InputError
        The contract names a column that the table does not have, or a file that is not there.
    """
    known = _known(encode(table), declare(contract, table.names) if contract is not None else None, hints)
    encoded = known.encoded
    references = references_of(table, encoded, known.profiles, contract, beside)
    lost = orphans(table, references)
    if encoded.is_whole:
        rules = [
            rule
            for column, found in zip(encoded.columns, known.profiles, strict=True)
            for rule in _rules(column, found, known)
        ]
        results = hold(table, _limited([*rules, *_rules_across(known)]))
        votes = judge(known)
        vote_on_orphans(lost, references, table, votes)
        cells, checks = votes.flagged(encoded), _checks(encoded)
    else:
        rules, n_judged = _rules_of_large(table, known)
        results = hold(table, _limited([*rules, *_rules_across(known)]))
        repeats, is_exact = near_repeats_in_large(table, encoded, known.profiles, known.keys, known.source)
        cells = joined([lost, cells_of(results), repeats], table.names)
        checks = _checks_of_large(encoded, n_judged, is_exact)
    inferred = (known.profiles, known.dependencies, known.relations, known.roles)
    return Detection(table.n_rows, *inferred, cells, results, checks)


def _known(encoded: Encoded, declared: Declared | None, hints: Hints | None) -> Known:
    """Return what a table is, inferred and declared."""
    profiles = settled_profiles(
        encoded.columns, [_profiled(column, encoded.n, declared) for column in encoded.columns], hints
    )
    encoded = with_same_numbers(encoded, [found.position for found in profiles if found.is_numeric])
    numbers = quantities(encoded, profiles, declared.relations if declared else ())
    relations = find_relations(encoded, profiles, numbers)
    entity, source = (declared.entity, declared.source) if declared else ((), None)
    if declared is not None:
        agreed = {relation.positions for relation in declared.relations}
        relations = (*declared.relations, *(one for one in relations if one.positions not in agreed))
    roles = find_roles(encoded, profiles, entity, source)
    if roles is not None and declared is not None:
        roles = replace(roles, described=tuple(one for one in roles.described if one != declared.time))
    dependencies = _dependencies(encoded, profiles, declared)
    by_source = source_formats(encoded, profiles, roles)
    return Known(encoded, profiles, dependencies, relations, roles, numbers, by_source, declared)


def _profiled(column: CodedColumn, n: int, declared: Declared | None) -> ColumnProfile:
    if declared is None:
        return profile(column, n)
    name = column.name
    return profile(column, n, declared.semantic(name), declared.is_text(name), declared.missing(name))


def _dependencies(
    encoded: Encoded, profiles: tuple[ColumnProfile, ...], declared: Declared | None
) -> tuple[Dependency, ...]:
    """Return the dependencies found and those declared."""
    found = discover(encoded, profiles)
    if declared is None:
        return found
    known = {one.positions for one in found}
    agreed = (measure(encoded, positions) for positions in declared.dependencies if positions not in known)
    return (*found, *(one for one in agreed if one is not None))


def _rules(column: CodedColumn, found: ColumnProfile, known: Known) -> list[Rule]:
    rules = column_rules(column, found, styles_of(column, found, is_sketch=True), known.declared)
    return [rule for rule in rules if rule.kind is not RuleKind.MATCHES or column.position not in known.by_source]


def _rules_across(known: Known) -> list[Rule]:
    return list(table_rules(known.profiles, known.dependencies, known.relations, known.declared))


def _limited(rules: list[Rule]) -> list[Rule]:
    """Return at most 600 rules, those declared first; a table of thousands of columns has more."""
    return rules if len(rules) <= MAX_RULES else sorted(rules, key=lambda rule: not rule.is_declared)[:MAX_RULES]


def _rules_of_large(table: Table, known: Known) -> tuple[list[Rule], int]:
    """Return the rules for the columns of a table too large to vote on, and for how many all values were seen."""
    rules: list[Rule] = []
    n_judged = 0
    for sampled, found in zip(known.encoded.columns, known.profiles, strict=True):
        column = value_table(table, sampled)
        if column is None:
            rules += _rules(sampled, found, known)
            continue
        n_judged += 1
        whole = _profiled(column, table.n_rows, known.declared)
        rules += [*_rules(column, whole, known), *_value_rules(column, whole, known)]
    return rules, n_judged


def _value_rules(column: CodedColumn, found: ColumnProfile, known: Known) -> list[Rule]:
    """Return one rule for each kind of wrong value that a column holds, judged by all its values and their counts."""
    each = CodedColumn(column.position, column.name, column.storage, column.values, column.counts, column.one_each())
    votes = Votes(len(column.values))
    vote_on_column(each, found, known.declared, votes, by_source=column.position in known.by_source)
    place, name = (column.position,), (column.name,)
    return [
        Rule(RuleKind.NOT_IN_SET, place, name, kind, VALUE_REASONS.get(kind, "unlike the rest"), values=values)
        for kind, values in votes.values_by_kind(each).items()
    ]


def _checks(encoded: Encoded) -> tuple[Checked, ...]:
    by_value = ("missing", "placeholders", "text damage", "formats", "typos", "check digits", "quantities")
    across = ("dependencies", "entity conflicts", "relations", "repeats", "near duplicates", "orphans")
    return tuple(Checked(name, True, encoded.n) for name in (*by_value, *across))


def _checks_of_large(encoded: Encoded, n_judged: int, has_all_repeats: bool) -> tuple[Checked, ...]:
    n_columns = len(encoded.columns)
    return (
        Checked(
            "missing, placeholders, formats, ranges, keys, references, dependencies and relations", True, encoded.n_rows
        ),
        Checked(f"typos, text damage and check digits in {n_judged} of {n_columns} columns", True, encoded.n_rows),
        Checked("near duplicates", has_all_repeats, encoded.n_rows),
        Checked("which rules there are: types, formats, dependencies, relations", False, encoded.n),
    )
