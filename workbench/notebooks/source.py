"""Notebooks before they run: which parameters they take, whether they are fit to be run."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from workbench.files import Settings, read_text, settings_from
from workbench.words import InputError, did_you_mean, shown

ParameterValue = bool | int | float | str | list[bool | int | float | str] | list[str] | None

SCALARS: Mapping[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
FORM = "NAME: TYPE = LITERAL  # what it is, with a TYPE of bool, int, float, str, list[...] or one of them `| None`"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of a parameters cell: a name, its annotation as written, and the types that fit."""

    name: str
    annotation: str
    scalars: frozenset[type]
    items: frozenset[type] | None
    optional: bool

    def accepts(self, value: object) -> bool:
        """Return whether a value fits the annotation; an int fits a float, a bool fits neither."""
        if value is None:
            return self.optional
        if isinstance(value, list):
            return self.items is not None and all(_is_one_of(item, self.items) for item in value)
        return _is_one_of(value, self.scalars)


class Cell(Settings):
    """One cell of a notebook file, as far as the runner looks at it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    cell_type: Literal["code", "markdown", "raw"]
    source: str | list[str]
    metadata: dict[str, object]

    @property
    def text(self) -> str:
        """The source as one text; on disk it may be a list of lines."""
        return "".join(self.source)

    def has_tag(self, tag: str) -> bool:
        """Return whether the cell carries a tag."""
        tags = self.metadata.get("tags")
        return isinstance(tags, list) and tag in tags


class NotebookText(Settings):
    """A notebook file in format 4, as far as the runner looks at it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    nbformat: Literal[4]
    nbformat_minor: int
    metadata: dict[str, object]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A notebook that is fit to be run: its cells and the parameters it takes."""

    path: Path
    cells: tuple[Cell, ...]
    parameters: Mapping[str, Parameter]

    def check(self, values: Mapping[str, object]) -> None:
        """Refuse a value for a parameter that is unknown or has another type.

        Raises
        ------
        InputError
            With the nearest parameter, or the type that was expected.
        """
        for name, value in values.items():
            if name not in self.parameters:
                raise InputError(
                    f"the notebook has no parameter {name!r}",
                    where=str(self.path),
                    expected=", ".join(self.parameters) or "no parameters",
                    remedy=did_you_mean(name, self.parameters),
                )
            if not self.parameters[name].accepts(value):
                raise InputError(
                    f"the value of parameter {name!r} does not fit",
                    where=str(self.path),
                    got=f"{value!r} ({type(value).__name__})"[:200],
                    expected=self.parameters[name].annotation,
                )


def read_source(path: Path) -> Source:
    """Return a notebook's cells and parameters.

    Raises
    ------
    InputError
        The file is no notebook, was executed before, has not exactly one parameters cell of typed literals, or does
        not end with a call of `finish`.
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(
            "the notebook is not valid JSON", where=f"{path}, line {error.lineno}", got=error.msg
        ) from None
    if not isinstance(content, dict):
        raise InputError("the file is no notebook", where=str(path), got=type(content).__name__)
    cells = settings_from(content, NotebookText, str(path)).cells
    if any(cell.has_tag("injected-parameters") for cell in cells):
        raise InputError(
            "the notebook was executed before, with its parameters inside", where=str(path), remedy="run its source"
        )
    _check_end(path, cells)
    return Source(path, cells, _parameters(path, cells))


def _check_end(path: Path, cells: tuple[Cell, ...]) -> None:
    """Refuse a notebook whose last code cell does not end with `finish(...)`; nothing could tell that it ended."""
    code = [number for number, cell in enumerate(cells, start=1) if cell.cell_type == "code" and cell.text.strip()]
    where = f"{path}, cell {code[-1]}" if code else str(path)
    statements = _parsed(cells[code[-1] - 1].text, where).body if code else []
    if not (statements and isinstance(last := statements[-1], ast.Expr) and _is_finish(last.value)):
        raise InputError(
            "the notebook's last code cell does not end with finish(...)",
            where=where,
            expected="finish(answer, values) of workbench.notebooks as the last statement",
        )


def _is_finish(call: ast.expr) -> bool:
    """Return whether an expression is a call of `finish` or `something.finish`."""
    if not isinstance(call, ast.Call):
        return False
    return "finish" in (getattr(call.func, "id", None), getattr(call.func, "attr", None))


def _parameters(path: Path, cells: tuple[Cell, ...]) -> dict[str, Parameter]:
    """Return the parameters of the one cell tagged so."""
    tagged = [number for number, cell in enumerate(cells, start=1) if cell.has_tag("parameters")]
    if len(tagged) != 1 or cells[tagged[0] - 1].cell_type != "code":
        raise InputError(
            "the notebook must have exactly one code cell tagged parameters",
            where=str(path),
            got=f"cells {shown(tagged)}" if tagged else "none",
        )
    where = f"{path}, cell {tagged[0]}"
    found: dict[str, Parameter] = {}
    for statement in _parsed(cells[tagged[0] - 1].text, where).body:
        parameter = _parameter(statement, where)
        if parameter.name in found:
            raise InputError(f"the parameter {parameter.name!r} is given twice", where=where)
        found[parameter.name] = parameter
    return found


def _parameter(statement: ast.stmt, where: str) -> Parameter:
    """Return the parameter that one statement declares."""
    where = f"{where}, line {statement.lineno}"
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as default):
            parameter = _annotated(name, annotation, where)
        case _:
            raise _unfit(statement, where)
    try:
        value = ast.literal_eval(default)
    except ValueError:
        raise _unfit(statement, where) from None
    if not parameter.accepts(value):
        raise InputError(
            f"the default of parameter {name!r} does not fit",
            where=where,
            got=repr(value),
            expected=parameter.annotation,
        )
    return parameter


def _annotated(name: str, annotation: ast.expr, where: str) -> Parameter:
    """Return a parameter whose annotation is a union of scalars, lists of scalars and None."""
    scalars: set[type] = set()
    items: frozenset[type] | None = None
    optional = False
    for member in _members(annotation):
        match member:
            case ast.Constant(value=None):
                optional = True
            case ast.Name(id=scalar) if scalar in SCALARS:
                scalars.add(SCALARS[scalar])
            case ast.Subscript(value=ast.Name(id="list"), slice=ast.Name(id=item)) if item in SCALARS:
                items = frozenset({SCALARS[item]})
            case _:
                raise _unfit(annotation, where)
    return Parameter(name, ast.unparse(annotation), frozenset(scalars), items, optional)


def _members(annotation: ast.expr) -> list[ast.expr]:
    """Return the members of a union written with `|`."""
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return [*_members(annotation.left), *_members(annotation.right)]
    return [annotation]


def _unfit(node: ast.AST, where: str) -> InputError:
    """Return the error for something in a parameters cell that is no typed literal."""
    return InputError(
        "a line of the parameters cell is no typed literal", where=where, got=ast.unparse(node)[:200], expected=FORM
    )


def _parsed(text: str, where: str) -> ast.Module:
    """Return a cell's syntax tree; the first and last cells that the runner looks into hold plain Python."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise InputError("a cell is not plain Python", where=f"{where}, line {error.lineno}", got=error.msg) from None


def _is_one_of(value: object, types: frozenset[type]) -> bool:
    """Return whether a scalar has one of the types; only a finite float is a number."""
    if isinstance(value, bool):
        return bool in types
    if isinstance(value, int):
        return int in types or float in types
    if isinstance(value, float):
        return float in types and math.isfinite(value)
    return isinstance(value, str) and str in types
