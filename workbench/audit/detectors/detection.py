"""The detection of wrong cells in any table: what the columns are, what holds between them, and what breaks it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.audit.cells import joined
from workbench.audit.detectors.detector import Detector, Sought, Votes, all_detectors
from workbench.audit.findings import Concerns
from workbench.audit.table.dependencies import Dependency
from workbench.audit.table.encoded import Encoded, value_table
from workbench.audit.table.entities import Described
from workbench.audit.table.inferred import Beside, Known, known_of, profiled
from workbench.audit.table.relations import Relation
from workbench.audit.table.rules import Rule, RuleKind, RuleResult, cells_of, hold
from workbench.pilot import TableContract
from workbench.records.tables import CodedColumn, ColumnProfile, Hints, Table

MAX_RULES = 600  # a table of thousands of columns has more, and nobody reads them


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
    roles : Described, optional
        The thing and the source, where several sources describe the same things.
    cells : DataFrame
        `row` (0-based), `column`, `kind` (the id of a CellKind) and `reason` of every flagged cell, by row and column.
    rules : tuple of RuleResult
        The rules the table should follow and how each held over all rows; at most 600, those declared first.
    checks : tuple of Checked
    """

    n_rows: int
    columns: tuple[ColumnProfile, ...]
    dependencies: tuple[Dependency, ...]
    relations: tuple[Relation, ...]
    roles: Described | None
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
    known = known_of(table, contract, beside, hints)
    if known.encoded.is_whole:
        results = hold(table, _limited(_rules(known)))
        votes = Votes(known.encoded.n)
        for detector in all_detectors():
            detector.vote(known, votes)
        cells = votes.flagged(known.encoded)
        checks = tuple(Checked(name, True, known.encoded.n) for name in _names(all_detectors()))
    else:
        results, cells, checks = _detected_in_large(known)
    inferred = (known.profiles, known.dependencies, known.relations, known.roles)
    return Detection(table.n_rows, *inferred, cells, results, checks)


def _rules(known: Known) -> list[Rule]:
    """Return what every detector says as rules: by column, and then those between columns."""
    return _by_column([rule for one in all_detectors() if one.rules is not None for rule in one.rules(known)])


def _by_column(rules: list[Rule]) -> list[Rule]:
    """Return rules over one column first, by column; each column's, and those over several, in the order they have."""
    return sorted(rules, key=lambda rule: (len(rule.positions) > 1, rule.positions if len(rule.positions) == 1 else ()))


def _limited(rules: list[Rule]) -> list[Rule]:
    """Return at most 600 rules, those declared first."""
    return rules if len(rules) <= MAX_RULES else sorted(rules, key=lambda rule: not rule.is_declared)[:MAX_RULES]


def _names(chosen: Iterable[Detector]) -> list[str]:
    return list(dict.fromkeys(one.check for one in chosen))


def _detected_in_large(known: Known) -> tuple[tuple[RuleResult, ...], pd.DataFrame, tuple[Checked, ...]]:
    """Return how the rules of a table too large to vote on held, the cells found, and what was checked how."""
    table = known.table
    seen = [(column, value_table(table, column), profile) for column, profile in known.each()]
    judged = [(whole, profiled(whole, table.n_rows, known.declared)) for _, whole, _ in seen if whole is not None]
    of_column = {column.position: (column, profile) for column, profile in judged}
    read = known.with_columns([of_column.get(column.position, (column, profile)) for column, _, profile in seen])
    by_value = [rule for column, profile in judged for rule in _value_rules(known, column, profile)]
    results = hold(table, _limited(_by_column([*_rules(read), *by_value])))
    sought = [(one, one.seek(known)) for one in all_detectors() if one.seek is not None]
    # What is wrong with a cell itself is said before what is wrong with its record.
    last = [found.cells for one, found in sought if any(kind.concerns is Concerns.RECORD for kind in one.kinds)]
    first = [found.cells for one, found in sought if all(kind.concerns is not Concerns.RECORD for kind in one.kinds)]
    cells = joined([*first, cells_of(results), *last], table.names)
    return results, cells, _checks_of_large(known.encoded, len(judged), sought)


def _value_rules(known: Known, column: CodedColumn, profile: ColumnProfile) -> list[Rule]:
    """Return one rule for each kind of wrong value that a column holds, judged by all its values and their counts."""
    each = CodedColumn(column.position, column.name, column.storage, column.values, column.counts, column.one_each())
    votes = Votes(len(column.values))
    for detector in all_detectors():
        if detector.is_by_value:
            detector.vote(known.with_columns([(each, profile)]), votes)
    return [
        Rule.of(profile, RuleKind.NOT_IN_SET, kind, kind.of_value, values=values)
        for kind, values in votes.values_by_kind(each).items()
    ]


def _checks_of_large(encoded: Encoded, n_judged: int, sought: Sequence[tuple[Detector, Sought]]) -> tuple[Checked, ...]:
    """Return what was checked by rules, by the values of columns and by search, and what a sample only told."""
    by_rule = _names(one for one in all_detectors() if one.rules is not None)
    by_value = [name for name in _names(one for one in all_detectors() if one.is_by_value) if name not in by_rule]
    return (
        Checked(", ".join(by_rule), True, encoded.n_rows),
        Checked(f"{', '.join(by_value)} in {n_judged} of {len(encoded.columns)} columns", True, encoded.n_rows),
        *(Checked(one.check, found.is_exact, encoded.n_rows) for one, found in sought),
        Checked("which rules there are: types, formats, dependencies, relations", False, encoded.n),
    )
