"""The template language of prompts: sandboxed, strict, checked against the columns before any call."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.visitor import NodeTransformer

from workbench.agents.prompts.bounds import (
    JOINED,
    MAX_PROMPT,
    BoundedEnvironment,
    BoundedJoins,
    TooLongError,
    bounded,
    bounded_text,
)
from workbench.words import InputError

RECORD, LABELS = "record", "labels"
EMPTY_CELL = "(empty)"
WHOLE_RECORD_FILTERS = frozenset({"tojson", "items", "dictsort"})
QUOTING = frozenset({"tojson", "quoted"})
LOADING_NODES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a template text stands: a file, and the line of the text's first line in it."""

    path: Path
    line: int

    def at(self, template_line: int) -> str:
        """Return file and line of a line of the template."""
        return f"{self.path}, line {self.line + template_line - 1}"


class _RecordByKey(NodeTransformer):
    """Turns `record.name` into `record["name"]`, so that a column called `items` or `keys` means the column."""

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802 - the name jinja2 looks up
        self.generic_visit(node)
        if not _is_record(node.node):
            return node
        return nodes.Getitem(node.node, nodes.Const(node.attr), node.ctx, lineno=node.lineno)


def _is_record(node: nodes.Node) -> bool:
    """Whether a node is the name `record`."""
    return isinstance(node, nodes.Name) and node.name == RECORD


def _plain_json(value: object) -> str:
    """Return JSON as it is read in a prompt; jinja2's own filter escapes quotes and brackets for HTML pages."""
    return json.dumps(value, ensure_ascii=False)


def _environment() -> BoundedEnvironment:
    """Return the one environment prompts are compiled in: no loader, no globals, nothing random."""
    environment = BoundedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        finalize=lambda value: EMPTY_CELL if value is None else value,
    )
    environment.globals.clear()
    environment.filters.pop("random")
    environment.filters["tojson"] = _plain_json
    environment.filters = {name: bounded(name, one) for name, one in environment.filters.items()}
    environment.filters[JOINED] = bounded_text
    return environment


_ENVIRONMENT = _environment()


@lru_cache(maxsize=256)
def compiled(text: str) -> Template:
    """Return a template's code, compiled once; the text must have passed `check_template`."""
    tree = BoundedJoins().visit(_RecordByKey().visit(_ENVIRONMENT.parse(text)))
    code = _ENVIRONMENT.compile(tree)
    return Template.from_code(_ENVIRONMENT, code, _ENVIRONMENT.globals)


def fill(text: str, where: str, labels: Sequence[str], record: Mapping[str, object] | None = None) -> str:
    """Return a checked template's text with the values filled in.

    Values reach the template as variables only: template syntax inside a value is text like any other.

    Raises
    ------
    InputError
        A value does not fit what the template does with it, such as arithmetic on an empty cell; or the text is longer
        than a prompt may be.
    """
    try:
        filled = bounded_text(compiled(text).generate({RECORD: record, LABELS: labels}))
        if len(filled.encode("utf-8", "replace")) > MAX_PROMPT:
            raise TooLongError
        return filled
    except (TooLongError, MemoryError, RecursionError):
        raise InputError(
            "a rendered prompt is too long",
            where=where,
            expected=f"at most {MAX_PROMPT:,} bytes, each value that the template makes included",
            remedy="show less of the record, or repeat less",
        ) from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise InputError(
            "a prompt cannot be filled in with the values it is given",
            where=where,
            got=f"{type(error).__name__}: {error}"[:300],
            remedy="make the section cope with such a value, for instance {% if record.amount is not none %}",
        ) from None


def columns_shown_by(text: str) -> frozenset[str]:
    """Return the columns that a checked template names; `record | tojson` and its like name none."""
    return frozenset(column for _, column in _named_columns(_ENVIRONMENT.parse(text)))


def bare_columns(text: str) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield for each placeholder of a checked template that quotes nothing its line and the columns it names."""
    for output in _ENVIRONMENT.parse(text).find_all(nodes.Output):
        for shown in output.nodes:
            filters = {shown.name} if isinstance(shown, nodes.Filter) else set()
            filters |= {one.name for one in shown.find_all(nodes.Filter)}
            if not filters & QUOTING and not isinstance(shown, nodes.TemplateData):
                held = nodes.Output([shown])
                yield shown.lineno, frozenset(column for _, column in _named_columns(held))


def check_template(text: str, place: Place, columns: Sequence[str], is_record: bool) -> frozenset[str]:
    """Return which of `record` and `labels` a template uses, or say what is wrong with it and on which line.

    Parameters
    ----------
    columns : sequence of str
        The columns an agent is shown, and the prepared fields.
    is_record : bool
        Whether this is the Record section, the only one that may use `record`.

    Raises
    ------
    InputError
        The syntax is wrong, or a placeholder names nothing that an agent is shown.
    """
    try:
        tree = _ENVIRONMENT.parse(text)
        _ENVIRONMENT.compile(tree)
    except TemplateSyntaxError as error:
        raise InputError(
            "a prompt's template syntax is wrong",
            where=place.at(error.lineno),
            got=error.message,
            remedy="write a literal {{ or {% as {{ '{{' }} or {{ '{%' }}",
        ) from None
    for node in tree.find_all(LOADING_NODES):
        raise InputError("a prompt cannot load other templates", where=place.at(node.lineno), remedy="write it out")
    _check_names(tree, place, columns)
    uses = [node for node in tree.find_all(nodes.Name) if _is_record(node)]
    if uses and not is_record:
        raise InputError(
            "a record placeholder stands outside the Record section",
            where=place.at(uses[0].lineno),
            expected="record placeholders in ## Record only: the sections before it are sent unchanged with every "
            "record, which is what lets an engine cache them",
            remedy="move it to the Record section",
        )
    _check_record_uses(tree, place, columns)
    return frozenset(meta.find_undeclared_variables(tree))


def _check_names(tree: nodes.Template, place: Place, columns: Sequence[str]) -> None:
    """Refuse names that stand for nothing, and names that hide `record` or `labels`."""
    unknown = (meta.find_undeclared_variables(tree) | {"self"}) - {RECORD, LABELS}
    for name in tree.find_all(nodes.Name):
        if name.ctx != "load" and name.name in (RECORD, LABELS):
            raise InputError(f"the name {name.name!r} is taken", where=place.at(name.lineno), remedy="use another name")
        if name.name in unknown:
            known = {RECORD: RECORD, LABELS: LABELS} | {column: placeholder_name(column) for column in columns}
            raise InputError(
                f"unknown placeholder {name.name!r}",
                where=place.at(name.lineno),
                expected=", ".join([LABELS, *(placeholder_name(column) for column in columns)]),
                remedy=_nearest(name.name, known),
            )


def _check_record_uses(tree: nodes.Template, place: Place, columns: Sequence[str]) -> None:
    """Refuse every use of `record` that does not name a column an agent is shown."""
    named = list(_named_columns(tree))
    for use, column in named:
        if column not in columns:
            raise _unknown_column(column, place.at(use.lineno), columns)
    held = {id(use.node) for use, _ in named}
    whole = (node.node for node in tree.find_all(nodes.Filter) if node.name in WHOLE_RECORD_FILTERS)
    held.update(id(node) for node in whole)
    for node in tree.find_all(nodes.Name):
        if _is_record(node) and id(node) not in held:
            raise InputError(
                "a placeholder does not say which column of the record it shows",
                where=place.at(node.lineno),
                expected=", ".join(placeholder_name(column) for column in columns),
                remedy="name a column, or show the whole record with {{ record | tojson }}",
            )


def _named_columns(tree: nodes.Node) -> Iterator[tuple[nodes.Getattr | nodes.Getitem, str]]:
    """Yield each `record.column` and `record["column"]` with the column."""
    for attribute in tree.find_all(nodes.Getattr):
        if _is_record(attribute.node):
            yield attribute, attribute.attr
    for item in tree.find_all(nodes.Getitem):
        if _is_record(item.node) and isinstance(item.arg, nodes.Const) and isinstance(item.arg.value, str):
            yield item, item.arg.value


def _unknown_column(column: str, where: str, columns: Sequence[str]) -> InputError:
    """Return the error for a placeholder that names no column an agent is shown."""
    return InputError(
        f"unknown placeholder {placeholder_name(column)!r}",
        where=where,
        expected=", ".join(placeholder_name(name) for name in columns),
        remedy=_nearest(column, {name: placeholder_name(name) for name in columns}),
    )


def placeholder_name(column: str) -> str:
    """Return how a template names a column."""
    return f"record.{column}" if column.isidentifier() else f"record[{column!r}]"


def _nearest(name: str, known: Mapping[str, str]) -> str:
    """Return a remedy that names the nearest of the known placeholders."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {known[near[0]]!r}?" if near else "use one of the expected placeholders"
