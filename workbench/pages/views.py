"""What every notebook does: open its pilot, show figures and tables, keep a copy of each in its results folder."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
from jinja2 import Template
from markupsafe import Markup

from workbench.files import write_atomically
from workbench.pages.conclusion import Conclusion
from workbench.pilot import Pilot, nearest_root, open_pilot
from workbench.records.tables import safe_for_spreadsheets
from workbench.words import Brief, number, templates_in, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = "."
MAX_ROWS = 30
FOLDED_ROWS = 8
MAX_LETTERS = 500
MAX_PARTS = 25
NOTHING = "–"  # noqa: RUF001 - an en dash, as printed tables have it
# Signs that a reader cannot see, or that turn the order of the others around.


def open_notebook(notebook: str, pilot: str, root: str, results: str) -> tuple[Pilot, Page]:
    """Return the pilot of a notebook's parameters, and what shows and keeps its figures and tables.

    Parameters
    ----------
    notebook, pilot : str
        Their names.
    root : str
        Folder with datasets/ and eval_suites/; for "." the nearest one from here upwards that has pilots: a notebook
        opened by hand stands in a folder under it.
    results : str
        Folder for copies; empty for mlruns/PILOT/results/NOTEBOOK under the root.

    Raises
    ------
    InputError
        There is no such pilot, or one of its files does not fit.
    """
    opened = open_pilot(pilot, nearest_root(Path.cwd()) if root == HERE else root)
    return opened, Page(Path(results) if results else opened.runs / "results" / notebook)


@dataclass(frozen=True, slots=True)
class Page:
    """Shows figures and tables in a notebook and keeps a copy of each in a folder."""

    folder: Path

    def figure(self, name: str, figure: Figure) -> None:
        """Show a figure and keep it as NAME.png."""
        from workbench.pages.figures import png  # matplotlib takes a third of a second

        image = png(figure)
        write_atomically(self.folder / f"{name}.png", image)
        title = " ".join(figure.get_suptitle().split())
        _display({"image/png": base64.b64encode(image).decode("ascii"), "text/plain": title})

    def table(self, name: str, frame: pd.DataFrame, caption: str = "", rows: int = MAX_ROWS) -> None:
        """Show the first rows of a table and keep all of it as NAME.csv.

        A cell that holds a mapping is shown as names and values. A named index becomes the first column.
        """
        frame = _with_index(frame)
        write_atomically(self.folder / f"{name}.csv", safe_for_spreadsheets(_plain(frame)).to_csv(index=False))
        left_out = _left_out(frame, rows, name)
        _display({"text/html": table_html(frame.head(rows), caption, left_out), "text/plain": caption or name})

    def conclude(self, name: str, conclusion: Conclusion, caption: str) -> None:
        """Show a conclusion's sentence, and the table it rests on where there is one."""
        self.note(conclusion.sentence)
        if not conclusion.table.empty:
            self.table(name, conclusion.table, caption)

    def folded(self, name: str, groups: Mapping[str, pd.DataFrame], rows: int = FOLDED_ROWS) -> None:
        """Show one line for each group, which a click unfolds to its first rows; keep all rows as NAME.csv.

        Works in JupyterLab and on the page without any script.
        """
        tables = {title: _with_index(frame) for title, frame in groups.items()}
        kept = pd.concat([frame.assign(group=title) for title, frame in tables.items()]) if tables else pd.DataFrame()
        write_atomically(self.folder / f"{name}.csv", safe_for_spreadsheets(_plain(kept)).to_csv(index=False))
        parts = [
            (visible(title), f"{len(frame):,}", Markup(table_html(frame.head(rows), "", _left_out(frame, rows, name))))
            for title, frame in tables.items()
        ]
        _display({"text/html": template("folded").render(parts=parts), "text/plain": ", ".join(tables)})

    def content(self, name: str, frame: pd.DataFrame, content: Mapping[str, object]) -> None:
        """Show something in the kinds it has, and keep the table behind it as NAME.csv."""
        write_atomically(self.folder / f"{name}.csv", safe_for_spreadsheets(_plain(frame)).to_csv(index=False))
        _display(content)

    def markup(self, name: str, html: str) -> None:
        """Show markup that a page of this package made, and keep it as NAME.html."""
        write_atomically(self.folder / f"{name}.html", html)
        _display({"text/html": html, "text/plain": name})

    def note(self, text: str) -> None:
        """Show one paragraph of text."""
        _display({"text/html": template("note").render(text=visible(text)), "text/plain": text})

    def answer(self, text: str) -> None:
        """Show an answer (see `workbench.words.Brief`)."""
        _display({"text/html": Brief.read(text).html(), "text/plain": text})

    def text(self, name: str, text: str) -> None:
        """Show text as it stands, line by line, and keep it as NAME.txt."""
        write_atomically(self.folder / f"{name}.txt", text)
        _display({"text/html": template("text").render(text=visible(text)), "text/plain": text})


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose named index is its first column."""
    return frame if frame.index.name is None else frame.reset_index()


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose mappings are JSON and whose lists are their parts, all of them."""

    def plain(cell: object) -> object:
        if isinstance(cell, tuple | list):
            return ", ".join(map(str, cell))
        return json.dumps(cell, ensure_ascii=False) if isinstance(cell, Mapping) else cell

    return frame.map(plain)


def _left_out(frame: pd.DataFrame, rows: int, name: str) -> str:
    """Return how many rows are not shown, and where they are."""
    return f"{len(frame) - rows:,} more rows are in {name}.csv" if len(frame) > rows else ""


class Heading(NamedTuple):
    """The head of a column."""

    name: str
    is_number: bool


def table_html(frame: pd.DataFrame, caption: str = "", left_out: str = "") -> str:
    """Return a table as HTML in which every name and cell is text, whatever it holds.

    Numbers stand right; what is missing reads as a dash; long text is cut, with the number of letters left out. A
    column of mappings has no place of its own: names and values go below each row, over the whole width.
    """
    if frame.empty:
        return str(template("note").render(text=f"{caption}: none" if caption else "None"))
    numeric = [pd.api.types.is_numeric_dtype(of) and not pd.api.types.is_bool_dtype(of) for of in frame.dtypes]
    columns = [Heading(visible(str(name)), is_number) for name, is_number in zip(frame.columns, numeric, strict=True)]
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    is_wide = [any(isinstance(row[place], Mapping) for row in rows) for place in range(len(columns))]
    places = {"narrow": [place for place, wide in enumerate(is_wide) if not wide]}
    places["wide"] = [place for place, wide in enumerate(is_wide) if wide]
    facts = {"caption": visible(caption), "left_out": left_out, **places}
    return str(template("table").render(columns=columns, rows=rows, **facts))


def _cell(value: object) -> object:
    """Return a cell as text, or as names and texts."""
    if isinstance(value, Mapping):
        return {visible(str(name)): _cell(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        more = f"and {len(value) - MAX_PARTS:,} more" if len(value) > MAX_PARTS else None
        return ", ".join(str(_cell(part)) for part in (*value[:MAX_PARTS], *filter(None, (more,))))
    if value is None or value is pd.NA or value != value:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Integral):
        return f"{int(value):,}"
    text = visible(str(value))
    return text if len(text) <= MAX_LETTERS else f"{text[:MAX_LETTERS]}… ({len(text) - MAX_LETTERS:,} letters more)"


@functools.cache
def template(name: str) -> Template:
    """Return a template of this room, by its name without the endings."""
    return templates_in(Path(__file__).parent / "templates").get_template(f"{name}.html.j2")


def _display(content: Mapping[str, object]) -> None:
    from IPython.display import display

    display(dict(content), raw=True)  # type: ignore[no-untyped-call]
