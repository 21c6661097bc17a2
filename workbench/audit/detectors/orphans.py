"""References: cells that name a record of another table, or of the same one, and are orphans where it is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.audit.cells import flagged, no_cells
from workbench.audit.detectors.detector import Detector, Sought, Votes
from workbench.audit.findings import CellKind, Concerns, Effort, Severity, until_gone
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.inferred import Beside, Known
from workbench.pilot import Reference
from workbench.records.tables import (
    CODE_NAME,
    CodedColumn,
    ColumnProfile,
    Semantic,
    Table,
    is_placeholder,
    open_table,
    runs_of,
    shape_of,
)
from workbench.words import InputError, shown

MAX_TABLES, MAX_TABLE_BYTES = 10, 256 << 20  # looked into for keys: bounds the time
MIN_KEYS = 5  # of fewer, values are among them by chance
MIN_FOUND = 0.9  # of a column's cells: lower, and it names something else; higher, and a tenth of orphans hides it
SHORTEST_CODE = 4  # signs: shorter ones are found in any column of codes
TRIED = 50  # values whose shapes are compared
SURE, LIKELY = 0.95, 0.75  # whether the contract declares the reference
CODES = frozenset({Semantic.ID, Semantic.CODE, Semantic.INTEGER, Semantic.ZIP})

ORPHAN = CellKind(
    "orphan",
    "references to records that are not there",
    Severity.HIGH,
    "the agent cannot look up what the record refers to",
    until_gone("load the missing records, or mark the reference as closed", Effort.DAYS, "open reference"),
    Concerns.FIELDS,
)


@dataclass(frozen=True, slots=True)
class Referred:
    """A column whose cells name records.

    Parameters
    ----------
    position : int
        Of the column.
    where : str
        The key column and its table, in words.
    keys : DataFrame
        The keys that are there, in the one column `key`.
    is_declared : bool
        Whether the contract says so; otherwise nearly all cells are found there.
    """

    position: int
    where: str
    keys: pd.DataFrame
    is_declared: bool


def references_of(known: Known) -> tuple[Referred, ...]:
    """Return the references that the contract declares, and those that can be inferred for other columns.

    A column is held to refer to another when it has codes, at least 90% of its different values are among the other's,
    and the other has each value once: a column of a table beside this one with the same name (or `id` in
    `vendors.csv` for `vendor_id`), or a key of this table with codes of the same shape.

    Raises
    ------
    InputError
        The contract names a file or column that is not there.
    """
    table, encoded, profiles, beside = known.table, known.encoded, known.profiles, known.beside
    references = known.declared.contract.references if known.declared is not None else ()
    found = [_declared(table, one, beside) for one in references]
    taken = {one.position for one in found}
    free = [one for one in profiles if one.position not in taken and not one.is_key and _holds_codes(one)]
    inferred = [] if beside is None or not free else list(_in_other_tables(encoded, free, beside))
    taken |= {one.position for one in inferred}
    own = _in_this_table(encoded, profiles, [one for one in free if one.position not in taken])
    return (*found, *inferred, *own)


def orphans(known: Known) -> Sought:
    """Return the cells that name a record which is not there; every row is looked at."""
    parts = [_orphans(known.table, reference) for reference in references_of(known)]
    return Sought(pd.concat(parts, ignore_index=True) if parts else no_cells())


def vote_on_orphans(known: Known, votes: Votes) -> None:
    """Vote on orphans; sure where the contract declares the reference."""
    for reference in references_of(known):
        for reason, rows in _orphans(known.table, reference).groupby("reason")["row"]:
            strength = SURE if reference.is_declared else LIKELY
            votes.cells(reference.position, rows.to_numpy(dtype=np.intp), strength, ORPHAN, str(reason))


def _orphans(table: Table, reference: Referred) -> pd.DataFrame:
    cell = f"trim({table.text(reference.position)})"
    table.connection.register("keys_there", reference.keys)
    found = table.connection.execute(
        f"SELECT row, {cell} AS value FROM data WHERE {cell} IS NOT NULL "
        f"AND {cell} NOT IN (SELECT key FROM keys_there) ORDER BY row"
    ).df()
    table.connection.unregister("keys_there")
    found = found[np.array([not is_placeholder(value) for value in found["value"]], dtype=bool)]
    reasons = [f"{value[:40]!r} is not among {reference.where}" for value in found["value"]]
    return flagged(found["row"].to_numpy(dtype=np.int64), table.names[reference.position], ORPHAN.id, reasons)


def _declared(table: Table, reference: Reference, beside: Beside | None) -> Referred:
    position = _place(table, reference.column)
    if reference.file is None:
        keys = _keys(table, _place(table, reference.key))
        return Referred(position, f"the {len(keys):,} values of {reference.key}", keys, True)
    if beside is None:
        raise InputError("a reference names a file, and the table lies in no folder", where=reference.file)
    with open_table(beside.folder / reference.file) as other:
        keys = _keys(other, _place(other, reference.key, reference.file))
    return Referred(position, f"the {len(keys):,} values of {reference.key} in {reference.file}", keys, True)


def _place(table: Table, name: str, where: str = "references of the contract") -> int:
    if name not in table.names:
        raise InputError(
            "a reference names a column that is not there", where=where, got=name, expected=shown(table.names)
        )
    return table.names.index(name)


def _keys(table: Table, position: int) -> pd.DataFrame:
    cell = f"trim({table.text(position)})"
    return table.connection.execute(f"SELECT DISTINCT {cell} AS key FROM data WHERE {cell} IS NOT NULL").df()


def _holds_codes(profile: ColumnProfile) -> bool:
    if profile.n_distinct < MIN_KEYS or profile.semantic not in CODES:
        return False
    return profile.semantic is not Semantic.INTEGER or CODE_NAME.search(profile.name) is not None


def _in_other_tables(encoded: Encoded, free: Sequence[ColumnProfile], beside: Beside) -> Iterator[Referred]:
    small = [path for path in beside.tables if path.stat().st_size <= MAX_TABLE_BYTES]
    taken: set[int] = set()
    for path in small[:MAX_TABLES]:
        with open_table(path) as other:
            for place, name in enumerate(other.names):
                meant = [one for one in free if one.position not in taken and _is_named(one.name, name, path.stem)]
                if not meant or not _is_unique(other, place):
                    continue
                keys = _keys(other, place)
                for one in meant:
                    if len(keys) >= MIN_KEYS and _found_share(encoded.columns[one.position], keys) >= MIN_FOUND:
                        taken.add(one.position)
                        where = f"the {len(keys):,} values of {name} in {path.name}"
                        yield Referred(one.position, where, keys, False)


def _is_named(column: str, key: str, table: str) -> bool:
    """Whether a column's name says that it refers to a key: it is the key's, or the table's name and the key's."""
    plain = [re.sub(r"[^a-z0-9]", "", text.casefold()) for text in (column, key, table)]
    return plain[0] in {plain[1], plain[2] + plain[1], plain[2].removesuffix("s") + plain[1]}


def _is_unique(table: Table, position: int) -> bool:
    cell = table.text(position)
    counts = table.connection.execute(f"SELECT count({cell}), count(DISTINCT {cell}) FROM data").fetchall()[0]
    return bool(counts[0] == counts[1] and counts[0] >= MIN_KEYS)


def _found_share(column: CodedColumn, keys: pd.DataFrame) -> float:
    """Return the share of a column's filled cells, placeholders left out, whose value is a key."""
    there = set(keys["key"])
    known = [(value.strip() in there, int(n)) for value, n in zip(column.values, column.counts, strict=True)
             if not is_placeholder(value)]  # fmt: skip
    return sum(n for is_there, n in known if is_there) / max(1, sum(n for _, n in known))


def _in_this_table(
    encoded: Encoded, profiles: Sequence[ColumnProfile], free: Sequence[ColumnProfile]
) -> Iterator[Referred]:
    """Yield columns that name other rows of a table that is looked at as a whole."""
    keys = [one for one in profiles if one.is_key and one.semantic in CODES] if encoded.is_whole else []
    for key in keys:
        column = encoded.columns[key.position]
        there = pd.DataFrame({"key": [value.strip() for value in column.values]})
        shapes = {runs_of(shape_of(value)) for value in column.values}
        for one in free:
            cells = encoded.columns[one.position]
            is_alike = len(shapes) == 1 and {runs_of(shape_of(value)) for value in cells.values[:TRIED]} <= shapes
            if (
                is_alike
                and len(max(cells.values, key=len)) >= SHORTEST_CODE
                and _found_share(cells, there) >= MIN_FOUND
            ):
                yield Referred(one.position, f"the {len(there):,} values of {key.name}", there, False)


OF_ORPHANS = Detector("orphans", 200, vote_on_orphans, (ORPHAN,), seek=orphans)
