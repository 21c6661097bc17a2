"""A table that a reader filters by clicks, in JupyterLab and on the page, without a network.

What is shown is data: names, kinds and values as JSON. One constant script of this package shows them as text, inside a
frame without origin, under a policy that lets no other script run; whatever a record says, it stays text.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from pydantic import Field, ValidationError, model_validator

from workbench.files import Settings
from workbench.pages.views import Page, template
from workbench.words import InputError, several, visible

MIME = "application/vnd.workbench.filters+json"
MOST_ROWS = 2_000
MOST_WHOLE = 10_000
MAX_LETTERS = 400
MOST_LETTERS = 4_000_000
DIGITS = 4
HEIGHT = 560
Cell = str | float | None


class FilterKind(StrEnum):
    """How a column is filtered."""

    CHOICE = "choice"  # by one of its values
    NUMBER = "number"  # by a range
    TEXT = "text"  # by words, as every column is
    NOTE = "note"  # by words, and shown below its row, over the whole width
    FOLDED = "folded"  # by words, and shown below its row once a click unfolds it


@dataclass(frozen=True, slots=True)
class RowGroups:
    """What a table with too many rows keeps of each value of a column.

    Values in `whole` keep all their rows (at most 10,000 each); the others share 2,000, the small ones whole.
    """

    column: str
    whole: tuple[str, ...] = ()


class ColumnData(Settings):
    """The head of a column; `values` are those that a choice has."""

    name: str
    kind: FilterKind
    values: tuple[str | None, ...] = ()


class TableData(Settings):
    """A table to filter: what stands in a notebook's output and on a page.

    A cell of a folded column is the place of its text in `texts`, where every text stands once.
    """

    caption: str
    columns: tuple[ColumnData, ...] = Field(min_length=1)
    rows: tuple[tuple[str | float | None, ...], ...]
    texts: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_rectangular(self) -> TableData:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("rows and columns do not fit")
        folded = [place for place, column in enumerate(self.columns) if column.kind is FilterKind.FOLDED]
        known = {None, *range(len(self.texts))}
        if any(row[place] not in known for place in folded for row in self.rows):
            raise ValueError("a folded cell names no text")
        return self


def filtered(
    page: Page, name: str, frame: pd.DataFrame, kinds: Mapping[str, FilterKind], caption: str, groups: RowGroups
) -> None:
    """Show a table that a reader filters, and keep all of it as NAME.csv; `kinds` and `groups` as for `table_data`."""
    table = table_data(frame, kinds, caption, groups)
    shown = {MIME: table.model_dump(mode="json"), "text/html": frame_html(table), "text/plain": caption}
    page.content(name, frame, shown)


def table_data(frame: pd.DataFrame, kinds: Mapping[str, FilterKind], caption: str, groups: RowGroups) -> TableData:
    """Return a frame as a table to filter; where it has very many rows, the first ones of each group.

    Parameters
    ----------
    kinds : mapping
        Column to how it is filtered; every other column is text.
    groups : Groups
        What is kept of more than 2,000 rows; the caption names each group that is cut, and by how much. Of folded texts
        the first 4 million letters are kept, row by row, and the caption says how many rows have lost any.
    """
    shown, left_out = _cut(frame, groups)
    folded, texts, shortened = _folded(
        shown, [str(name) for name in shown.columns if kinds.get(name) is FilterKind.FOLDED]
    )
    columns, cells = [], []
    for name in map(str, shown.columns):
        kind = kinds.get(name, FilterKind.TEXT)
        values = folded[name] if name in folded else [_cell(value, kind) for value in shown[name]]
        choices = tuple(sorted({str(value) for value in values if value is not None}))
        missing = (None,) if None in values else ()
        columns.append(
            ColumnData(name=visible(name), kind=kind, values=(*choices, *missing) if kind is FilterKind.CHOICE else ())
        )
        cells.append(values)
    said = visible(caption + left_out + shortened)
    return TableData(caption=said, columns=tuple(columns), rows=tuple(zip(*cells, strict=True)), texts=texts)


def _folded(frame: pd.DataFrame, names: Sequence[str]) -> tuple[dict[str, list[Cell]], tuple[str, ...], str]:
    """Return the cells of folded columns as places of their texts, these texts, and in words what is left out."""
    places: dict[str, int] = {}
    cells: dict[str, list[Cell]] = {name: [] for name in names}
    room, n_cut = MOST_LETTERS, 0
    for row in frame[list(names)].itertuples(index=False, name=None):
        said = [_cell(value, FilterKind.FOLDED) for value in row]
        room -= sum(len(text) for text in {str(text) for text in said if text is not None} if text not in places)
        n_cut += room < 0
        for name, text in zip(names, said, strict=True):
            is_kept = text is not None and (room >= 0 or text in places)
            cells[name].append(places.setdefault(str(text), len(places)) if is_kept else None)
    return cells, tuple(places), f" (texts of {several(n_cut, 'row')} are left out)" if n_cut else ""


def _cut(frame: pd.DataFrame, groups: RowGroups) -> tuple[pd.DataFrame, str]:
    """Return the rows to show, and in words which groups are cut."""
    if len(frame) <= MOST_ROWS:
        return frame, ""
    values = frame[groups.column].fillna("").astype(str)
    counts = {str(value): int(n) for value, n in values.value_counts(sort=False).items()}
    quotas = {value: min(counts.get(value, 0), MOST_WHOLE) for value in groups.whole}
    room, rest = MOST_ROWS, sorted((n, value) for value, n in counts.items() if value not in quotas)
    for n_left, (n, value) in zip(range(len(rest), 0, -1), rest, strict=True):
        quotas[value] = min(n, room // n_left)
        room -= quotas[value]
    cut = [f"{value} {quotas[value]:,} of {n:,}" for value, n in counts.items() if quotas[value] < n]
    shown = frame[values.groupby(values).cumcount() < values.map(quotas)]
    return shown, f" (cut to the first rows: {', '.join(cut)})" if cut else ""


def read_filter_table(content: object) -> TableData:
    """Return the table that a notebook's output holds. Raises InputError where it is none."""
    try:
        return TableData.model_validate(content)
    except ValidationError as error:
        raise InputError("an output is no table to filter", got=str(error).splitlines()[-1][:200]) from None


def table_page(table: TableData) -> str:
    """Return the whole page of a table, a document that runs its one script and loads nothing."""
    data = json.dumps(table.model_dump(mode="json"), ensure_ascii=True, separators=(",", ":"))
    for sign in "<>&":
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    return template("filter").render(
        caption=table.caption, data=Markup(data), script=Markup(script()), script_source=Markup(script_source())
    )


def frame_html(table: TableData) -> str:
    """Return the frame that shows a table: its page is inside the markup, and has no origin."""
    markup = '<iframe sandbox="allow-scripts" title="{}" width="100%" height="{}" srcdoc="{}"></iframe>'
    return str(Markup(markup).format(table.caption, HEIGHT, table_page(table)))


def script_source() -> str:
    """Return the policy's name of the one script: its digest."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script().encode()).digest()).decode('ascii')}'"


@functools.cache
def script() -> str:
    """Return the script."""
    return (Path(__file__).parent / "templates" / "filter.js").read_text(encoding="utf-8")


def _cell(value: Any, kind: FilterKind) -> Cell:
    if value is None or value is pd.NA or value != value:
        return None
    if kind is FilterKind.NUMBER:
        return round(float(value), DIGITS) if np.isfinite(float(value)) else None
    text = visible(str(value))
    return text if len(text) <= MAX_LETTERS else f"{text[:MAX_LETTERS]}…"
