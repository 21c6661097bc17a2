"""Records: one reader of tables, the sealed split, its ledger, where records come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.records.cells import STRATA, NamedCells, RuleRecords, cells_in, named_cells
    from workbench.records.made import base_id, cell_from, made_record, repeated_record
    from workbench.records.records import Record, RecordTable, Scalar, Turns, labelled_rows, read_raw, records_of
    from workbench.records.sources import obtain
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
