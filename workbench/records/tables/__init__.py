"""Tables in files: one reader, one reading of what their columns are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.records.tables.columns import LONGEST_CELL, MISSING, CodedColumn, Codes, Counts, coded_columns
    from workbench.records.tables.database import Table, open_table, table_from
    from workbench.records.tables.formats import (
        FORMAT_NAMED,
        PLAIN_NUMBERS,
        Semantic,
        format_of,
        number_in,
        runs_of,
        shape_of,
    )
    from workbench.records.tables.inference import Hints
    from workbench.records.tables.moments import known_format, moments_of, read_times
    from workbench.records.tables.numbers import number_of, number_pattern
    from workbench.records.tables.placeholders import SENTINEL_DATES, SENTINELS, is_placeholder
    from workbench.records.tables.profiles import (
        CODE_NAME,
        KEY_NAME,
        MOMENTS,
        NUMERIC,
        ColumnProfile,
        is_weak_placeholder,
        looked_at,
        profile,
        settled_profiles,
    )
    from workbench.records.tables.reading import KINDS, RawTable, read_raw_table
    from workbench.records.tables.roles import (
        MAX_SOURCES,
        SOURCE_NAME,
        empty_columns,
        entity_column,
        id_column,
        row_count_columns,
        source_column,
        text_columns,
        time_column,
    )
    from workbench.records.tables.spreadsheets import MARK, marked, safe_for_spreadsheets, unmarked
    from workbench.records.tables.values import missing_texts, typed
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
