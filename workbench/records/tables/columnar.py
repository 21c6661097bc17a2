"""Parquet: typed columns as text that reads back as the same values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.words import InputError

if TYPE_CHECKING:
    import pyarrow

INDEX_NAME = "__index_level_"


def parquet_batches(path: Path) -> Iterator[pyarrow.Table]:
    """Yield a Parquet file's rows as text, by column; fields of structs are columns `outer.inner`.

    Whole numbers keep all digits, a moment is ISO text without empty fractions, a list is its JSON text. An index that
    pandas wrote without a name has none.

    Raises
    ------
    InputError
        The file is no Parquet.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                table = pyarrow.Table.from_batches([batch])
                while any(pyarrow.types.is_struct(one.type) for one in table.schema):
                    table = table.flatten()
                names = ["" if name.startswith(INDEX_NAME) else name for name in table.column_names]
                yield pyarrow.Table.from_arrays([_text(column) for column in table.columns], names)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InputError("the file is no readable Parquet", where=str(path), got=str(error)[:200]) from None


def is_flat(path: Path) -> bool:
    """Return whether every column of a Parquet file holds single values; not so where it cannot be read."""
    import pyarrow
    from pyarrow import parquet

    try:
        kinds = parquet.read_schema(path).types
    except (pyarrow.ArrowInvalid, OSError):
        return False
    types = pyarrow.types
    return not any(types.is_nested(one) or types.is_dictionary(one) or types.is_binary(one) for one in kinds)


def _text(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """Return a column as text, an empty text missing."""
    import pyarrow
    from pyarrow import compute

    types, kind = pyarrow.types, column.type
    if types.is_dictionary(kind):
        return _text(column.cast(kind.value_type))
    if types.is_timestamp(kind):
        text = compute.replace_substring_regex(column.cast(pyarrow.string()), r"(:\d\d)(\.\d*?)0+(Z|[+-]|$)", r"\1\2\3")
        return compute.replace_substring_regex(text, r"\.(Z|[+-]|$)", r"\1")
    if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        return pyarrow.chunked_array([pyarrow.array([_json(one) for one in column.to_pylist()], pyarrow.string())])
    text = column.cast(pyarrow.string())
    return compute.if_else(compute.equal(text, ""), None, text)


def _json(value: Any) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else json.dumps(value, default=str)
