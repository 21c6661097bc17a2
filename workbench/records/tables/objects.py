"""JSON lines and JSON arrays: one object a record, nested objects flattened, every value as it is written."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from workbench.words import MAX_SHOWN, InputError, whole_text

if TYPE_CHECKING:
    import pyarrow

BATCH = 50_000


def object_batches(path: Path, named: Path) -> Iterator[pyarrow.Table]:
    """Yield a UTF-8 file's records as text, by column; a key that a record does not have is missing.

    Numbers keep their digits as written, true and false are text, an object in an object is flattened to `outer.inner`,
    a list is its JSON text. A file is JSON lines, or one array of objects, alone or the only list in an object.

    Raises
    ------
    InputError
        Lines or members are no JSON objects: all counted, the first five named.
    """
    import pyarrow

    columns: dict[str, list[str | None]] = {}
    n = 0
    for row in _rows(path, named):
        for name, value in row.items():
            cells = columns.get(name)
            if cells is None:
                cells = columns[name] = [None] * n
            cells.append(value)
        n += 1
        if len(row) < len(columns):
            for cells in columns.values():
                if len(cells) < n:
                    cells.append(None)
        if n == BATCH:
            yield _table(columns)
            columns, n = {name: [] for name in columns}, 0
    if n or not columns:
        yield pyarrow.table({}) if not columns else _table(columns)


def _table(columns: Mapping[str, list[str | None]]) -> pyarrow.Table:
    import pyarrow

    return pyarrow.table({name: pyarrow.array(cells, pyarrow.string()) for name, cells in columns.items()})


def _rows(path: Path, named: Path) -> Iterator[dict[str, str | None]]:
    """Yield flattened records, then raise when there were parts that are none."""
    bad: list[str] = []
    n_bad = 0
    for where, record in _members(path, named):
        if isinstance(record, dict):
            yield dict(_flat(record, ""))
            continue
        n_bad += 1
        if len(bad) < MAX_SHOWN:
            bad.append(f"{where}: {record if isinstance(record, str) else json.dumps(record)[:80]}")
    if n_bad:
        rest = f"\n    - ... {n_bad:,} in all" if n_bad > len(bad) else ""
        raise InputError(
            f"{n_bad:,} record{'s are' if n_bad > 1 else ' is'} no JSON object",
            where=str(named),
            got="".join(f"\n    - {one}" for one in bad) + rest,
            expected='one object for each record, such as {"id": 1, "label": "yes"}',
            remedy="correct these places where the file is exported",
        )


def _members(path: Path, named: Path) -> Iterator[tuple[str, Any]]:
    """Yield the place and the value of each record; a line that is no JSON is given as text."""
    with path.open(encoding="utf-8-sig") as file:
        lines = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
        first, second = next(lines, None), next(lines, None)
        if first is None or second is None or not isinstance(_line(first[1]), dict):
            file.seek(0)
            text = file.read()
            if text.lstrip()[:1] in ("[", "{"):
                yield from ((f"record {number}", one) for number, one in enumerate(_listed(text, named)))
                return
            file.seek(0)
            first = second = None
            lines = ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
        for number, line in itertools.chain((one for one in (first, second) if one is not None), lines):
            yield f"line {number}", _line(line)


def _listed(text: str, named: Path) -> Sequence[Any]:
    """Return the records of a text that is one JSON value: a list, the one list of objects in an object, an object."""
    try:
        whole = _parsed(text)
    except (ValueError, RecursionError) as error:
        raise InputError("the file is no JSON", where=str(named), got=str(error)[:200]) from None
    if isinstance(whole, dict):
        lists = [one for one in whole.values() if isinstance(one, list) and one and isinstance(one[0], dict)]
        return lists[0] if len(lists) == 1 else [whole]
    return whole if isinstance(whole, list) else [whole]


def _line(line: str) -> Any:
    try:
        return _parsed(line)
    except (ValueError, RecursionError) as error:
        return f"no JSON ({error})"


class _Written(float):
    """A number with the text that it was written as."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _parsed(text: str) -> Any:
    return json.loads(text, parse_float=_Written, parse_constant=_Written)


def _flat(record: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    """Yield a record's cells by name."""
    for name, value in record.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: Any) -> str | None:
    if value is None or value == "" or value == {}:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Written):
        return value.text
    return whole_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
