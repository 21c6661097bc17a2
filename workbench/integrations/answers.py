"""Real answers held against their declared fields: there, of their type and form, and what the record has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from workbench.integrations.lines import LineKind, LineVerdict, ProbeSheet
from workbench.pilot import Contract
from workbench.pilot.integrations import AnswerField, FieldType, Operation, System, SystemType
from workbench.words import readable

WITH_TYPES = (SystemType.REST, SystemType.QUEUE, SystemType.MCP)  # JSON
MOST_ROWS = 2_000  # rows of an operation that are looked at
MOST_GARBLED = 0.5  # of the texts beyond ASCII: a wrong encoding garbles them all, damaged records some
TELLING = 20  # values that are all true, or all false, of which nobody knows whether they can be otherwise
LONGEST = 60  # characters of an example
# UTF-8 read as an eight-bit code: a letter of its first bytes, then a sign of the second half.
GARBLED = re.compile("[\u00c2-\u00c5\u00e2][\u0080-\u00bf\u20ac\u0160\u0161\u017d\u017e\u0152\u0153\u0178]|\ufffd")


@dataclass(frozen=True, slots=True)
class RowsSeen:
    """What one call answered: its rows, and the record that it was for, None where it was for none."""

    rows: Sequence[Mapping[str, Any]]
    record: Mapping[str, str] | None = None


@dataclass(slots=True)
class AnswersSeen:
    """Every answer of a system that a probe saw, by operation."""

    by_operation: dict[str, list[RowsSeen]] = field(default_factory=dict)

    def add(self, operation: str, content: Any, declared: Operation, record: Mapping[str, str] | None = None) -> None:
        """Keep an answer."""
        self.by_operation.setdefault(operation, []).append(RowsSeen(as_rows(content, declared), record))


def as_rows(content: Any, declared: Operation) -> list[Mapping[str, Any]]:
    """Return the rows of an answer; a plain value is a row with the one declared field."""
    if content is None:
        return []
    if isinstance(content, Mapping):
        return [content]
    if isinstance(content, list | tuple):
        return [row for one in content for row in as_rows(one, declared)]
    return [dict.fromkeys(list(declared.answer)[:1], content)]


def type_problem(declared: AnswerField, value: Any, *, has_types: bool = False) -> str | None:
    """Return what is wrong with a value of an answer, None where it is as declared.

    Parameters
    ----------
    has_types : bool
        Whether the system writes whole numbers and truth as such and not as text, as JSON can.

    Examples
    --------
    >>> type_problem(AnswerField(type=FieldType.DATE, format="%d.%m.%Y"), "2025-03-01")
    "'2025-03-01' is no %d.%m.%Y"
    """
    text = said_as(value)
    if has_types and isinstance(value, str) and declared.type in (FieldType.INTEGER, FieldType.BOOLEAN):
        return f"the text {_short(text)} where {declared.type.value} is declared"
    if declared.values and text not in declared.values:
        return f"{_short(text)} is none of the {len(declared.values)} values"
    return TYPE_PROBLEMS[declared.type](declared, value, text)


def said_as(value: Any) -> str:
    """Return a value as text; what is missing as none."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(_declared: AnswerField, value: Any, _text: str) -> str | None:
    is_plain = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    return None if is_plain else f"{type(value).__name__} where a text is declared"


def _integer(_declared: AnswerField, value: Any, text: str) -> str | None:
    is_so = not isinstance(value, bool | float | Decimal) and re.fullmatch(r"[+-]?\d+", text) is not None
    return None if is_so else f"{_short(text)} is no whole number"


def _decimal(declared: AnswerField, _value: Any, text: str) -> str | None:
    """Decimals have the declared sign; thousands may be grouped by the other one."""
    other = "." if declared.decimal == "," else ","
    sign, group = re.escape(declared.decimal), re.escape(other)
    form = rf"[+-]?(\d+|\d{{1,3}}({group}\d{{3}})+)({sign}\d+)?([eE][+-]?\d+)?"
    is_so = re.fullmatch(form, text) is not None
    return None if is_so else f"{_short(text)} is no number with decimal {declared.decimal!r}"


def _moment(declared: AnswerField, _value: Any, text: str) -> str | None:
    if declared.format is None:
        return None
    try:
        found = datetime.strptime(text, declared.format)
    except ValueError:
        return f"{_short(text)} is no {declared.format}"
    if declared.zone is not None and found.tzinfo is not None:
        wanted = found.astimezone(ZoneInfo(declared.zone)).utcoffset() or timedelta()
        if found.utcoffset() != wanted:
            return f"{_short(text)} is not in {declared.zone}"
    return None


def _boolean(_declared: AnswerField, _value: Any, text: str) -> str | None:
    return None if text in ("true", "false") else f"{_short(text)} is neither true nor false"


TYPE_PROBLEMS: dict[FieldType, Callable[[AnswerField, Any, str], str | None]] = {
    FieldType.TEXT: _text,
    FieldType.INTEGER: _integer,
    FieldType.DECIMAL: _decimal,
    FieldType.DATE: _moment,
    FieldType.DATETIME: _moment,
    FieldType.BOOLEAN: _boolean,
}


def judge_answers(
    sheet: ProbeSheet, system: System, seen: AnswersSeen, contract: Contract, *, holds_records: bool
) -> None:
    """Put down for each declared field whether the answers that were seen have it as declared.

    Parameters
    ----------
    holds_records : bool
        Whether the sandbox is known to hold the pilot's records; else that is taken from what it answers.
    """
    for name, operation in system.operations.items():
        answers = seen.by_operation.get(name, [])
        of_records = answers if holds_records or _holds_records(operation, answers) else ()
        for field_name, declared in operation.answer.items():
            column = contract.columns.get(declared.becomes or "")
            may_miss = column is not None and not column.required
            problems = [_other_than_record(field_name, declared, one) for one in of_records]
            values = []
            for one in answers:
                is_empty = declared.becomes is not None and _is_empty(declared.becomes, one.record, bool(of_records))
                for row in one.rows[:MOST_ROWS]:
                    may_be_none = declared.optional or (field_name in row and (may_miss or is_empty))
                    problems.append(_value_problem(declared, row.get(field_name), system, may_miss=may_be_none))
                    values.append(row.get(field_name))
            _judge_field(sheet, name, (field_name, declared), (values, [one for one in problems if one is not None]))
    _judge_encoding(sheet, seen)


def _is_empty(column: str, record: Mapping[str, str] | None, holds_records: bool) -> bool:
    """Return whether a record has nothing in a column; of one that is not at hand that may be."""
    return record.get(column, "") == "" if record is not None else holds_records


def _value_problem(declared: AnswerField, value: Any, system: System, *, may_miss: bool) -> str | None:
    if value is None or value == "":
        return None if may_miss else "it is missing"
    return type_problem(declared, value, has_types=system.type in WITH_TYPES)


def _judge_field(
    sheet: ProbeSheet, operation: str, field: tuple[str, AnswerField], found: tuple[list[Any], list[str]]
) -> None:
    line, (values, problems) = f"{LineKind.ANSWER}: {field[0]}", found
    there = [value for value in values if value not in (None, "")]
    if problems:
        said = f"{len(problems):,} problems in {len(values):,} values"
        sheet.put(operation, line, LineVerdict.DEVIATES, said, len(values), problems[0])
    elif field[1].type is FieldType.BOOLEAN and len(there) >= TELLING and len({*map(said_as, there)}) == 1:
        said = f"{len(there):,} values, all of them {said_as(there[0])}"
        sheet.put(operation, line, LineVerdict.UNCLEAR, said, len(values), "nothing that was asked told it apart")
    elif there:
        sheet.put(operation, line, LineVerdict.KEPT, f"{len(there):,} values", len(values))
    else:
        why = f"none of {len(values):,} rows has a value" if values else "no row was answered"
        sheet.put(operation, line, LineVerdict.NOT_MEASURED, "", len(values), why)


def _other_than_record(name: str, declared: AnswerField, answer: RowsSeen) -> str | None:
    """Return how a field differs from the column that it becomes, None where it does not."""
    if declared.becomes is None or answer.record is None:
        return None
    cell, values = answer.record.get(declared.becomes, ""), [said_as(row.get(name)) for row in answer.rows]
    if not cell or cell in values:
        return None
    got = _short(values[0]) if values else "no row"
    return f"{got} where the record has {_short(cell)} ({declared.becomes})"


def _holds_records(operation: Operation, answers: Sequence[RowsSeen]) -> bool:
    """Return whether any field always is what the record has: then the sandbox holds the pilot's records."""
    of_records = [one for one in answers if one.record is not None and one.rows]
    arguments = set(operation.arguments.values())
    named = [(name, one) for name, one in operation.answer.items() if one.becomes and one.becomes not in arguments]
    return bool(of_records) and any(
        all(_other_than_record(name, one, answer) is None for answer in of_records) for name, one in named
    )


def _judge_encoding(sheet: ProbeSheet, seen: AnswersSeen) -> None:
    from workbench.integrations.declared import ENCODING

    if not sheet.has("", ENCODING):
        return
    texts = [
        value
        for answers in seen.by_operation.values()
        for answer in answers
        for row in answer.rows[:MOST_ROWS]
        for value in row.values()
        if isinstance(value, str) and not value.isascii()
    ]
    garbled = [text for text in texts if GARBLED.search(text)]
    if texts:
        said = f"{len(garbled):,} of {len(texts):,} texts beyond ASCII are garbled"
        is_other = len(garbled) > MOST_GARBLED * len(texts)
        sheet.holds("", ENCODING, not is_other, said, len(texts), _short(garbled[0]) if garbled else "")
    else:
        sheet.leave("no text beyond ASCII was answered", "", LineKind.ANSWER)


def _short(text: str) -> str:
    return repr(readable(text, LONGEST))
