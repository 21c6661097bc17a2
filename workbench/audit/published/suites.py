"""Suites: the audit's rules as great-expectations keeps them, and those that a user keeps; JSON, read without it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from workbench.audit.published.patterns import portable
from workbench.audit.table.rules import Rule, RuleKind
from workbench.files import Settings, read_text, settings_from
from workbench.words import InputError, shown

KEPT_FOLDER = "expectations"
HOLDS, BROKEN = "holds", "broken"
STAMPS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"})
FRACTION = ".%f"
_AWKWARD = re.compile(r"[.`]|^\s*$")


class Made(StrEnum):
    """What a column that a suite looks at is made of."""

    TEXT = "text"
    NUMBER = "number"
    PRODUCT = RuleKind.PRODUCT.value
    SUM = RuleKind.SUM.value
    ORDER = RuleKind.ORDER.value
    DEPENDENCY = RuleKind.DEPENDENCY.value


_LEAST = {Made.TEXT: 1, Made.NUMBER: 1, Made.PRODUCT: 3, Made.SUM: 3, Made.ORDER: 2, Made.DEPENDENCY: 2}


class Added(Settings):
    """A column that a suite looks at and the file does not have.

    Text is another column under a name that every engine can read; number its cells as numbers; the others read
    "holds" or "broken", and are empty where a cell is missing or cannot be read.
    """

    name: str = Field(min_length=1)
    made: Made
    of: tuple[str, ...]
    layout: str | None = Field(default=None, pattern=r"^[-/. :]*%[dmY]([-/. :]|%[dmYHMSf])*$")

    @model_validator(mode="after")
    def _check(self) -> Self:
        least = _LEAST[self.made]
        if len(self.of) < least or (len(self.of) > least and self.made is not Made.DEPENDENCY):
            raise ValueError(f"{self.made.value!r} is made of {least} columns, not of {len(self.of)}")
        if self.layout is not None and self.made is not Made.ORDER:
            raise ValueError(f"a layout belongs to {Made.ORDER.value!r}")
        return self


class _Prepared(Settings):
    columns: tuple[Added, ...] = ()


class _Meta(Settings, extra="allow"):
    workbench: _Prepared = _Prepared()


class Expectation(Settings):
    """One expectation, as great-expectations writes it."""

    type: str
    kwargs: dict[str, Any]
    meta: dict[str, Any] | None = None
    severity: Literal["critical", "warning", "info"] = "critical"
    id: str | None = None
    notes: str | list[str] | None = None
    description: str | None = None
    expectation_context: dict[str, Any] | None = None
    rendered_content: list[Any] | None = None


class Suite(Settings):
    """A suite, as great-expectations writes it, and the columns that it needs besides the file's."""

    name: str = Field(min_length=1)
    expectations: tuple[Expectation, ...]
    meta: _Meta = _Meta()
    notes: str | list[str] | None = None
    suite_parameters: dict[str, Any] | None = None
    id: str | None = None

    @property
    def added(self) -> tuple[Added, ...]:
        """The columns it needs besides the file's."""
        return self.meta.workbench.columns

    def as_json(self) -> str:
        """Return the suite as JSON text."""
        content = self.model_dump(mode="json", exclude_none=True)
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def suite_of(rules: Sequence[Rule], name: str, columns: Mapping[str, str]) -> Suite:
    """Return rules as a suite.

    Parameters
    ----------
    rules : sequence of Rule
    name : str
    columns : mapping
        DuckDB's type of each of the table's columns, by name.
    """
    names = _readable(list(columns))
    added = {given: Added(name=read, made=Made.TEXT, of=(given,)) for given, read in names.items() if read != given}
    taken = {*(one.casefold() for one in columns), *(one.name.casefold() for one in added.values())}
    made: dict[tuple[Made, tuple[str, ...]], Added] = {}
    expectations = []
    for rule in rules:
        kind, kwargs = _expectation(rule, names)
        column = _added(rule, columns)
        if column is not None:
            key = (column.made, column.of)
            made.setdefault(key, column.model_copy(update={"name": _free(column.name, taken)}))
            taken.add(made[key].name.casefold())
            kwargs = {"column": made[key].name, **kwargs}
        meta = {"reason": rule.reason, "flags": rule.cell_kind.id, "declared": rule.is_declared}
        severity: Literal["critical", "warning"] = "critical" if rule.is_declared else "warning"
        expectations.append(Expectation(type=kind, kwargs=kwargs, meta={"workbench": meta}, severity=severity))
    needed = tuple(added[one] for one in dict.fromkeys(name for rule in rules for name in rule.names) if one in added)
    prepared = _Prepared(columns=(*needed, *made.values()))
    return Suite(name=name, expectations=tuple(expectations), meta=_Meta(workbench=prepared))


def read_suite(path: Path) -> Suite:
    """Return the suite in a JSON file, as the audit publishes it or as great-expectations writes it.

    Raises
    ------
    InputError
        The file is not there, is no JSON, or a key or value does not fit.
    """
    text = read_text(path)
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise InputError("the suite is not valid JSON", where=f"{path}, line {error.lineno}", got=error.msg) from None
    except ValueError as error:
        raise InputError("the suite cannot be read", where=str(path), got=str(error)) from None
    if not isinstance(content, dict):
        raise InputError("the suite is no JSON object", where=str(path), got=type(content).__name__)
    return settings_from(content, Suite, str(path))


def kept_suites(folder: Path) -> dict[Path, Suite]:
    """Return the suites that a user keeps in a pilot's folder, by file; none where there is no folder.

    Raises
    ------
    InputError
        One of them is broken.
    """
    return {path: read_suite(path) for path in sorted((folder / KEPT_FOLDER).glob("*.json"))}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose keys are given once."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{shown(sorted({name for name in names if names.count(name) > 1}))} is given twice")
    return content


def _readable(names: Sequence[str]) -> dict[str, str]:
    """Return under which name every engine can read a column.

    great-expectations tells columns apart without regard to case and reads none without a name; dots and backticks are
    syntax to Spark.
    """
    folded = [name.casefold() for name in names]
    return {
        name: f"{_AWKWARD.sub('_', name)} (column {place + 1})"
        if _AWKWARD.search(name) or folded.count(folded[place]) > 1
        else name
        for place, name in enumerate(names)
    }


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no column has yet."""
    number = 1
    free = name
    while free.casefold() in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def _expectation(rule: Rule, names: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Return the type and the arguments of the expectation that says what a rule says; without an added column."""
    column = {"column": names[rule.names[0]]}
    match rule.kind:
        case RuleKind.NOT_NULL:
            return "expect_column_values_to_not_be_null", column
        case RuleKind.IN_SET:
            return "expect_column_values_to_be_in_set", {**column, "value_set": list(rule.values)}
        case RuleKind.NOT_IN_SET:
            return "expect_column_values_to_not_be_in_set", {**column, "value_set": list(rule.values)}
        case RuleKind.MATCHES:
            return "expect_column_values_to_match_regex", {**column, "regex": portable(rule.pattern or "")}
        case RuleKind.BETWEEN:
            return "expect_column_values_to_be_between", {"min_value": rule.low, "max_value": rule.high}
        case RuleKind.UNIQUE if len(rule.names) == 1:
            return "expect_column_values_to_be_unique", column
        case RuleKind.UNIQUE:
            several = {"column_list": [names[name] for name in rule.names], "ignore_row_if": "any_value_is_missing"}
            return "expect_compound_columns_to_be_unique", several
        case RuleKind.PRODUCT | RuleKind.SUM | RuleKind.ORDER | RuleKind.DEPENDENCY:
            return "expect_column_values_to_be_in_set", {"value_set": [HOLDS]}


def _added(rule: Rule, columns: Mapping[str, str]) -> Added | None:
    """Return the column that a rule's expectation looks at, None when it looks at the file's."""
    *left, right = (_AWKWARD.sub("_", name) for name in rule.names)
    match rule.kind:
        case RuleKind.BETWEEN:
            return Added(name=f"{right} (as number)", made=Made.NUMBER, of=rule.names)
        case RuleKind.PRODUCT:
            return Added(name=f"{left[0]} * {left[1]} = {right}", made=Made.PRODUCT, of=rule.names)
        case RuleKind.SUM:
            return Added(name=f"{left[0]} + {left[1]} = {right}", made=Made.SUM, of=rule.names)
        case RuleKind.ORDER:
            is_stamp = any(columns.get(name) in STAMPS for name in rule.names)
            layout = rule.layout + FRACTION if rule.layout and is_stamp else rule.layout
            return Added(name=f"{left[0]} <= {right}", made=Made.ORDER, of=rule.names, layout=layout)
        case RuleKind.DEPENDENCY:
            return Added(name=f"{', '.join(left)} -> {right}", made=Made.DEPENDENCY, of=rule.names)
        case _:
            return None
