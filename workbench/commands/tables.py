"""Tables of text: names stay whole, what is the same in every row is said once, a narrow terminal drops columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.cells import cell_len

from workbench.commands.screen import chopped, columns, folded, heading, say
from workbench.commands.streams import escaped
from workbench.words import several

NAME_WIDTH = 40  # names up to it stand in one line, longer ones in several
TEXT_WIDTH = 16  # sentences are not squeezed below it, while there is another way
LEAST_WIDTH = 8
MOST_ROWS = 20
GAP = "  "


class Content(StrEnum):
    """What stands in a column."""

    NAME = "name"  # never cut
    TEXT = "text"  # folded between words where room is short
    NUMBER = "number"  # stands right, never cut


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column; where room is short the one with the highest `rank` is left out first, 0 never is."""

    heading: str
    content: Content = Content.TEXT
    rank: int = 0


def of_names(heading: str, rank: int = 0) -> TextColumn:
    """Return a column of names."""
    return TextColumn(heading, Content.NAME, rank)


def of_numbers(heading: str, rank: int = 0) -> TextColumn:
    """Return a column of numbers."""
    return TextColumn(heading, Content.NUMBER, rank)


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table: rows of text, a cell for each column."""

    columns: tuple[TextColumn, ...]
    rows: tuple[tuple[str, ...], ...]

    def only(self, places: Sequence[int]) -> TextTable:
        """Return the table with these of its columns."""
        return TextTable(
            tuple(self.columns[place] for place in places),
            tuple(tuple(row[place] for place in places) for row in self.rows),
        )


def show_table(title: str, table: TextTable, *, details: bool = False) -> None:
    """Print a table: the first rows and the columns that there is room for, all of them with `details`."""
    whole = TextTable(table.columns, tuple(tuple(map(escaped, row)) for row in table.rows))
    width, n_rows = columns(), len(whole.rows)
    varied, same = without_constants(whole)
    shown = varied if details else TextTable(varied.columns, varied.rows[:MOST_ROWS])
    parts, dropped = parted(shown, width, details=details)
    heading(title)
    for part in parts:
        head, *body = laid_out(part, width)
        for line in head:
            heading(line)
        for row in body:
            print("\n".join(row))
    if same:
        say(same)
    if len(shown.rows) < n_rows:
        say(f"{several(n_rows - len(shown.rows), 'more row')} with --details")
    if dropped:
        say(f"More with --details: {', '.join(reversed(dropped))}")


def without_constants(table: TextTable) -> tuple[TextTable, str]:
    """Return a table without the columns that say the same in every row, and those in words; the first column stays.

    Examples
    --------
    >>> columns = of_names("version"), of_numbers("records")
    >>> shown, said = without_constants(TextTable(columns, (("a", "4,480"), ("b", "4,480"))))
    >>> shown.columns == (of_names("version"),), said
    (True, 'records: 4,480 in every row')
    """
    if len(table.rows) < 2:
        return table, ""
    same = [place for place in range(1, len(table.columns)) if len({row[place] for row in table.rows}) == 1]
    said = [f"{table.columns[place].heading}: {table.rows[0][place]}" for place in same if table.rows[0][place]]
    varied = table.only([place for place in range(len(table.columns)) if place not in same])
    return varied, f"{'; '.join(said)} in every row" if said else ""


def parted(table: TextTable, width: int | None, *, details: bool) -> tuple[list[TextTable], list[str]]:
    """Return the tables to show one below the other, and the headings of columns that are left out for want of room.

    With `details` no column is left out: those without room stand in further tables that begin with the first column.
    """
    places = list(range(len(table.columns)))
    least = [_least(table, place) for place in places]
    if width is None or _total(least) <= width:
        return [table], []
    if details:
        parts, begun = [], [0]
        for place in places[1:]:
            if len(begun) > 1 and _total([least[one] for one in (*begun, place)]) > width:
                parts.append(begun)
                begun = [0]
            begun.append(place)
        return [table.only(part) for part in (*parts, begun)], []
    dropped = []
    for place in sorted(places, key=lambda place: -table.columns[place].rank):
        if table.columns[place].rank and _total([least[one] for one in places]) > width:
            places.remove(place)
            dropped.append(table.columns[place].heading)
    return [table.only(places)], dropped


def laid_out(table: TextTable, width: int | None) -> list[list[str]]:
    """Return the head and each row as lines; sentences share what room the other columns leave."""
    places = range(len(table.columns))
    widths = [_natural(table, place) if width is None else _least(table, place) for place in places]
    if width is not None:
        for place in sorted(places, key=lambda place: -widths[place]):
            if table.columns[place].content is not Content.NUMBER:  # rather in several lines than beyond the edge
                widths[place] -= max(0, min(_total(widths) - width, widths[place] - LEAST_WIDTH))
        for place in places:
            spare = max(0, width - _total(widths))
            widths[place] += min(spare, max(0, _natural(table, place) - widths[place]))
    heads = [folded(column.heading, widths[place]) for place, column in enumerate(table.columns)]
    deepest = max(map(len, heads))
    rows = [[[""] * (deepest - len(head)) + head for head in heads]]
    rows += [[_cell(table.columns[place], row[place], widths[place]) for place in places] for row in table.rows]
    return [_laid(table, cells, widths) for cells in rows]


def _laid(table: TextTable, cells: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """Return one row of folded cells as lines."""
    laid = []
    for level in range(max(map(len, cells))):
        texts = [cell[level] if level < len(cell) else "" for cell in cells]
        pads = [" " * (width - cell_len(text)) for width, text in zip(widths, texts, strict=True)]
        is_right = [column.content is Content.NUMBER for column in table.columns]
        line = [pad + text if right else text + pad for text, pad, right in zip(texts, pads, is_right, strict=True)]
        laid.append(GAP.join(line).rstrip())
    return laid


def _cell(column: TextColumn, text: str, width: int) -> list[str]:
    if column.content is Content.NAME:
        return chopped(text, width)
    return [part for line in folded(text, width) for part in chopped(line, width)]


def _natural(table: TextTable, place: int) -> int:
    """Return how wide a column would like to be; a heading is folded between words."""
    words = table.columns[place].heading.split()
    return max(map(cell_len, (*words, *(row[place] for row in table.rows))), default=1)


def _least(table: TextTable, place: int) -> int:
    """Return how wide a column has to be."""
    natural = _natural(table, place)
    if table.columns[place].content is Content.NUMBER:
        return natural
    return min(natural, NAME_WIDTH if table.columns[place].content is Content.NAME else TEXT_WIDTH)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)
