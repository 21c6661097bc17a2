"""All detectors' votes on the cells of a table whose rows are all looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.audit.detectors.detect_checksums import vote_on_checksums
from workbench.audit.detectors.detect_declared import vote_on_declared
from workbench.audit.detectors.detect_defaults import vote_on_defaults
from workbench.audit.detectors.detect_dependencies import vote_on_dependencies
from workbench.audit.detectors.detect_entities import vote_on_conflicts
from workbench.audit.detectors.detect_flags import vote_on_flags
from workbench.audit.detectors.detect_formats import styles_of, vote_on_formats
from workbench.audit.detectors.detect_group_formats import SourceFormat, source_format, vote_on_group_formats
from workbench.audit.detectors.detect_near_repeats import marked_column, vote_on_near_repeats
from workbench.audit.detectors.detect_numbers import vote_on_quantities
from workbench.audit.detectors.detect_relations import vote_on_relations
from workbench.audit.detectors.detect_repeats import vote_on_repeats
from workbench.audit.detectors.detect_times import vote_on_order_in_time
from workbench.audit.detectors.detect_told_slips import vote_on_told_slips
from workbench.audit.detectors.detect_typos import vote_on_typos
from workbench.audit.detectors.detect_units import vote_on_units
from workbench.audit.detectors.detect_values import vote_on_missing, vote_on_placeholders, vote_on_text_damage
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.declared import Declared
from workbench.audit.table.dependencies import Dependency
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.entities import Roles
from workbench.audit.table.near_repeats import near_repeats
from workbench.audit.table.quantities import Numbers
from workbench.audit.table.relations import Relation
from workbench.pilot import Role
from workbench.records.tables import CodedColumn, ColumnProfile, Semantic


@dataclass(frozen=True, slots=True)
class Known:
    """What was inferred about a table, or is declared.

    Parameters
    ----------
    encoded : Encoded
    profiles : tuple of ColumnProfile
    dependencies : tuple of Dependency
    relations : tuple of Relation
    roles : Roles or None
        Which columns name a thing and who describes it, where several sources do.
    numbers : mapping of int to array
        Numeric columns and dates as numbers for each row, by position.
    by_source : mapping of int to SourceFormat
        Columns whose way of writing depends on another column.
    declared : Declared or None
    """

    encoded: Encoded
    profiles: tuple[ColumnProfile, ...]
    dependencies: tuple[Dependency, ...]
    relations: tuple[Relation, ...]
    roles: Roles | None
    numbers: Mapping[int, Numbers]
    by_source: Mapping[int, SourceFormat]
    declared: Declared | None

    @property
    def keys(self) -> tuple[int, ...]:
        """Positions of the declared key, empty where rows with the same key describe one thing several times."""
        return self.declared.key if self.declared is not None and not self.declared.entity else ()

    @property
    def time(self) -> int | None:
        """Position of the column that the contract declares as the time of a row."""
        return self.declared.time if self.declared is not None else None

    @property
    def source(self) -> tuple[int, ...]:
        """Position of the column that says who described a thing, empty where there is none."""
        return (self.roles.source,) if self.roles is not None and self.roles.source is not None else ()


def source_formats(
    encoded: Encoded, profiles: tuple[ColumnProfile, ...], roles: Roles | None
) -> dict[int, SourceFormat]:
    """Return the columns whose way of writing depends on another; not those on which all sources should agree."""
    described = roles.described if roles is not None else ()
    found = {}
    for column, one in zip(encoded.columns, profiles, strict=True):
        if column.position not in described and not one.is_declared and (one.is_numeric or one.is_moment):
            source = source_format(encoded, profiles, column, styles_of(column, one))
            if source is not None:
                found[column.position] = source
    return found


def judge(known: Known) -> Votes:
    """Return every detector's votes on the cells of a table."""
    encoded, profiles = known.encoded, known.profiles
    votes = Votes(encoded.n)
    for column, found in zip(encoded.columns, profiles, strict=True):
        vote_on_column(column, found, known.declared, votes, by_source=column.position in known.by_source)
        if column.position in known.by_source:
            styles = styles_of(column, found)
            vote_on_group_formats(encoded, column, known.by_source[column.position], styles, votes)
    vote_on_told_slips(encoded, [found for found in profiles if not _is_prose(known.declared, found.name)], votes)
    vote_on_dependencies(encoded, known.dependencies, votes)
    if known.roles is not None:
        vote_on_conflicts(
            encoded, known.roles, votes, known.numbers.get(known.time) if known.time is not None else None
        )
    vote_on_defaults(encoded, profiles, votes)
    vote_on_relations(encoded, known.relations, known.numbers, votes)
    vote_on_flags(encoded, profiles, known.numbers, votes)
    for column, found in zip(encoded.columns, profiles, strict=True):
        if found.semantic in {Semantic.DATE, Semantic.DATETIME}:
            vote_on_order_in_time(column, known.numbers[column.position], column.position == known.time, votes)
    keys = known.keys
    vote_on_repeats(encoded, profiles, keys, votes)
    vote_on_near_repeats(
        encoded, near_repeats(encoded, profiles, keys, known.source), marked_column(profiles, keys), votes
    )
    return votes


def vote_on_column(
    column: CodedColumn, found: ColumnProfile, declared: Declared | None, votes: Votes, by_source: bool = False
) -> None:
    """Vote on the cells of one column by what they are, without regard to other columns.

    Formats are left out where the contract says how cells are written, or where that depends on another column, and
    with slips of letters where it says that the cells are free text: prose has rare words and signs of its own.
    """
    vote_on_missing(column, found, votes, declared.is_required(column.name) if declared else None)
    vote_on_placeholders(column, found, votes)
    vote_on_text_damage(column, votes)
    if declared is not None:
        vote_on_declared(column, declared, votes)
        if (unit := declared.unit(column.name)) is not None:
            vote_on_units(column, unit, votes)
    is_prose = _is_prose(declared, column.name)
    if not by_source and not is_prose and (declared is None or declared.pattern(column.name) is None):
        vote_on_formats(column, found, styles_of(column, found), votes)
    if not is_prose:
        vote_on_typos(column, found, votes)
    vote_on_checksums(column, found, votes)
    vote_on_quantities(column, found, votes)


def _is_prose(declared: Declared | None, name: str) -> bool:
    """Whether the contract says that a column's cells are free text."""
    agreed = declared.column(name) if declared is not None else None
    return agreed is not None and agreed.role is Role.TEXT
