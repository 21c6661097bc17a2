"""Lint of a prompt's frame: its size, its sections, its columns, its answers, and where record text stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from workbench.agents.prompts.document import estimated_tokens, response_schema
from workbench.agents.prompts.findings import Linted, LintFinding, LintLevel
from workbench.agents.prompts.sections import RECORD_SECTION, SECTIONS
from workbench.agents.prompts.template import bare_columns, columns_shown_by, fill, placeholder_name
from workbench.pilot import Role
from workbench.words import InputError, shown

FEWEST_TOKENS, MOST_TOKENS = 2_000, 4_000
NEARLY_EMPTY = 0.01
_CODE = re.compile(r"(?<![\w*`])[a-z]+(?:_[a-z0-9]+)+(?![\w*?])")
_IS_DATA = re.compile(
    r"\b(?:is|are)\s+data\b|\b(?:never|not)\b[^.]{0,60}\b(?:follow|obey)|\b(?:follow|obey)[^.]{0,60}\b(?:never|not)\b"
    r"|\bignore\b[^.]{0,40}\binstruction|\binstruction[^.]{0,80}\b(?:never|not|ignore)",
    re.IGNORECASE,
)


def size(linted: Linted) -> Iterator[LintFinding]:
    """Find production prompts that are shorter or longer than is good: 2,000 to 4,000 tokens before the record."""
    prompt = linted.prompt
    tokens = estimated_tokens(fill(prompt.system_source, str(prompt.path), linted.labels))
    if not linted.is_production or FEWEST_TOKENS <= tokens <= MOST_TOKENS:
        return
    long = "cut what no rule needs" if tokens > MOST_TOKENS else "write out criteria, triggers and examples"
    problem = f"about {tokens:,} tokens before the record; {FEWEST_TOKENS:,} to {MOST_TOKENS:,} are good for production"
    yield linted.finding(LintLevel.WARNING, "size", prompt.sections[0].line, (problem, long))


def missing_sections(linted: Linted) -> Iterator[LintFinding]:
    """Find the sections that a production prompt should have; for the small model's prompts it is a note."""
    titles = {section.title for section in linted.prompt.sections}
    missing = [title for title in SECTIONS if title not in titles]
    if missing:
        level = LintLevel.WARNING if linted.is_production else LintLevel.NOTE
        problem = f"without {', '.join(missing)}"
        remedy = "add each section, or see that none of what belongs there is needed"
        yield linted.finding(level, "sections", linted.prompt.sections[0].line, (problem, remedy))


def hardly_filled_columns(linted: Linted) -> Iterator[LintFinding]:
    """Find placeholders of columns that no record fills, or hardly any."""
    record = linted.section(RECORD_SECTION)
    assert record is not None  # a document without one cannot be read
    frame = linted.dataset.shown()
    for column in sorted(columns_shown_by(record.text) & set(frame.columns)):
        filled = int(frame[column].notna().sum())
        if filled > NEARLY_EMPTY * len(frame):
            continue
        level = LintLevel.WARNING if filled else LintLevel.ERROR
        problem = f"{placeholder_name(column)} is filled in {filled:,} of {len(frame):,} records"
        line = linted.line_of(column, record)
        yield linted.finding(level, "empty-column", line, (problem, "take it out, or mend the records"))


def answers(linted: Linted) -> Iterator[LintFinding]:
    """Find labels that the prompt never names or its schema never allows, and codes that its schema does not know."""
    first = linted.prompt.sections[0].line
    try:
        schema = response_schema(linted.prompt, linted.labels)
    except InputError as error:
        texts = (f"{error.problem}: {error.got}", f"allow the contract's labels only: {error.expected}")
        yield linted.finding(LintLevel.ERROR, "labels", 1, texts)
        return
    allowed = schema["properties"]["action"]["enum"]
    missing = [label for label in linted.labels if label not in allowed]
    if missing:
        problem = f"the response schema can never answer {shown(missing)}"
        yield linted.finding(
            LintLevel.ERROR, "labels", 1, (problem, "add them to the enum of action, or leave it open")
        )
    said = fill(linted.prompt.system_source, str(linted.prompt.path), linted.labels)
    unnamed = [label for label in linted.labels if label.casefold() not in said.casefold()]
    if unnamed:
        problem = f"the prompt never names {shown(unnamed)}"
        remedy = 'list the labels: {{ labels | join(", ") }}'
        yield linted.finding(LintLevel.WARNING, "labels", first, (problem, remedy))
    yield from _reasons(linted, schema["properties"].get("reason"))


def placement(linted: Linted) -> Iterator[LintFinding]:
    """Find text from outside that stands bare in the prompt, and prompts that do not say that it is data."""
    record = linted.section(RECORD_SECTION)
    assert record is not None  # a document without one cannot be read
    for line, shown_columns in bare_columns(record.text):
        yield from _bare(linted, shown_columns, record.line + line - 1)
    shows_text = bool(linted.free_text) and bool(
        columns_shown_by(record.text) & {*linted.free_text, *linted.prepared} or "record |" in record.text
    )
    if shows_text and not _IS_DATA.search(linted.prompt.system_source):
        level = LintLevel.WARNING if linted.is_production else LintLevel.NOTE
        problem = f"free text of the record ({', '.join(linted.free_text)}) is shown, and no rule says that it is data"
        remedy = "say that instructions inside the record are never followed"
        yield linted.finding(level, "injection", linted.prompt.sections[0].line, (problem, remedy))


def _bare(linted: Linted, columns: frozenset[str], line: int) -> Iterator[LintFinding]:
    """Find the columns of one placeholder of free text that is not quoted."""
    for column in sorted(columns & set(linted.free_text)):
        problem = f"free text stands bare: a line of {placeholder_name(column)} reads like a line of the prompt"
        texts = (problem, f"quote it: {{{{ {placeholder_name(column)} | tojson }}}}")
        yield linted.finding(LintLevel.WARNING, "injection", line, texts)
    for column in sorted(columns & set(linted.prepared)):
        if linted.free_text:
            name, free = placeholder_name(column), linted.free_text[0]
            problem = f"{name} is prepared by a function, which may copy free text ({free}) bare"
            texts = (problem, "see that the function keeps such text on one marked line")
            yield linted.finding(LintLevel.NOTE, "injection", line, texts)


def _reasons(linted: Linted, reason: Mapping[str, object] | None) -> Iterator[LintFinding]:
    """Hold the reason codes of the schema against the rules and against the development records' reasons."""
    allowed = reason.get("enum") if isinstance(reason, Mapping) else None
    if not isinstance(allowed, list):
        return
    columns = {*linted.contract.columns, *linted.prepared}
    values = {value for column in linted.contract.columns.values() for value in column.allowed or ()}
    known = {*map(str, allowed), *linted.labels, *columns, *values}
    for section in linted.prompt.sections[:-1]:
        for number, line in enumerate(section.text.split("\n"), start=section.line):
            for code in dict.fromkeys(_CODE.findall(line)):
                if code not in known:
                    texts = (f"the rules name {code}, which the response schema does not allow", "add it to the enum")
                    yield linted.finding(LintLevel.ERROR, "reasons", number, texts)
    if linted.contract.column_with(Role.REASON) is not None:
        labelled = set(linted.dataset.dev_labels()["label_reason"].dropna().astype(str))
        absent = sorted(labelled - set(map(str, allowed)))
        if absent:
            texts = (
                f"records have the reasons {shown(absent)}, which the schema does not allow",
                "add them to the enum",
            )
            yield linted.finding(LintLevel.WARNING, "reasons", 1, texts)
