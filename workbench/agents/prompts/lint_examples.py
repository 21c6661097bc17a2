"""Lint of a prompt's examples: taken from records it is judged on, one-sided, or not as the answer must be."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from workbench.agents.prompts.document import response_schema
from workbench.agents.prompts.findings import Linted, LintFinding, LintLevel
from workbench.agents.prompts.sections import RECORD_SECTION, PromptSection
from workbench.pilot import PiiClass, Role
from workbench.records.splits import Split
from workbench.words import InputError, shown

EXAMPLES = "Examples"
FEWEST_WORDS = 4
FEWEST_LETTERS = 6
NEARLY_SAME = 0.8
MOSTLY_DISTINCT = 0.9
MOST_OF_ONE_LABEL = 0.6
FEWEST_FOR_BALANCE = 4
MOST_LABELS_TO_COVER = 10
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"[\"“]([^\"“”\n]+)[\"”]")
_OBJECT = re.compile(r"\{[^{}]*\}")
_SIDES = {Split.HOLDOUT: (LintLevel.ERROR, "sealed holdout"), Split.DEV: (LintLevel.WARNING, "development")}


def leaks(linted: Linted) -> Iterator[LintFinding]:
    """Find texts and identifiers of records in the prompt: an error for the holdout, a warning for development.

    A text of four words or more counts when it stands in the prompt word for word, letters' case, spaces and marks
    aside; a quoted example of the prompt also when four fifths of its words are a record's. Labels are not looked at.
    """
    for split, (level, side) in _SIDES.items():
        for column, values in linted.texts(split).items():
            if column in linted.free_text:
                found = {**_copied(linted, values), **_resembling(linted, values)}
            elif _identifies(linted, column, values):
                found = _cited(linted, values)
            else:
                continue
            for (line, text), record_id in found.items():
                is_personal = linted.contract.columns[column].pii is not PiiClass.NONE
                said = "what stands here" if is_personal else repr(text)
                problem = f"{said} is {column} of record {record_id} of the {side} records"
                remedy = "write another example: this one is known beforehand"
                yield linted.finding(level, "leak", line, (problem, remedy))


def balance(linted: Linted) -> Iterator[LintFinding]:
    """Find examples that lean to one label, and labels without one where labels are few."""
    section = linted.section(EXAMPLES)
    found = [answer["action"] for _, answer in _answers(section) if isinstance(answer.get("action"), str)]
    counts = Counter(action for action in found if action in linted.labels)
    if section is None or not counts:
        return
    total = sum(counts.values())
    listed = ", ".join(f"{label} {n}" for label, n in counts.most_common(5))
    label, most = counts.most_common(1)[0]
    if total >= FEWEST_FOR_BALANCE and most > MOST_OF_ONE_LABEL * total:
        texts = (f"{most} of {total} examples are {label} ({listed})", "give the other labels as many")
        yield linted.finding(LintLevel.WARNING, "balance", section.line, texts)
    missing = [name for name in linted.labels if name not in counts]
    if missing and len(linted.labels) <= MOST_LABELS_TO_COVER:
        texts = (f"no example of {shown(missing)} among {total} ({listed})", "add one for each")
        yield linted.finding(LintLevel.WARNING, "balance", section.line, texts)


def examples_fit(linted: Linted) -> Iterator[LintFinding]:
    """Find example answers that the response schema would refuse."""
    section = linted.section(EXAMPLES)
    try:
        schema = response_schema(linted.prompt, linted.labels)
    except InputError:
        return  # `answers` says so
    for line, answer in _answers(section):
        problem = _refused(answer, schema)
        if problem:
            texts = (f"an example answers {problem}", "let examples answer as the output must be")
            yield linted.finding(LintLevel.ERROR, "examples", line, texts)


def _refused(answer: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """Return what of an example answer a schema's keys and enums do not allow."""
    properties = schema["properties"]
    missing = [key for key in schema.get("required", ()) if key not in answer]
    if missing:
        return f"without {', '.join(missing)}"
    for key, value in answer.items():
        if key not in properties and schema.get("additionalProperties") is False:
            return f"with {key}, which the schema does not know"
        allowed = properties.get(key, {}).get("enum")
        if allowed is not None and value not in allowed:
            return f"{key} {value!r}, which the schema does not allow"
    return None


def _answers(section: PromptSection | None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the JSON objects of a section with their lines."""
    if section is None:
        return
    for match in _OBJECT.finditer(section.text):
        try:
            content = json.loads(match[0])
        except ValueError:
            continue
        yield section.line + section.text[: match.start()].count("\n"), content


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _copied(linted: Linted, values: pd.Series[str]) -> dict[tuple[int, str], str]:
    """Return which records' texts stand in the prompt word for word, by line and text."""
    found = {}
    for section in linted.prompt.sections:
        if section.title == RECORD_SECTION:
            continue
        lines = [_words(line) for line in section.text.split("\n")]
        said = f" {' '.join(word for line in lines for word in line)} "
        for record_id, value in values.items():
            words = _words(value)
            if len(words) >= FEWEST_WORDS and f" {' '.join(words)} " in said:
                number = next((n for n, line in enumerate(lines) if " ".join(words[:3]) in " ".join(line)), 0)
                found[(section.line + number, value)] = str(record_id)
    return found


def _resembling(linted: Linted, values: pd.Series[str]) -> dict[tuple[int, str], str]:
    """Return which records' texts are nearly what an example quotes, by line and the record's text."""
    section = linted.section(EXAMPLES)
    quoted = [] if section is None else [(m, frozenset(_words(m[1]))) for m in _QUOTED.finditer(section.text)]
    quoted = [(match, words) for match, words in quoted if len(words) >= FEWEST_WORDS]
    found: dict[tuple[int, str], str] = {}
    if section is None or not quoted:
        return found
    for record_id, value in values.items():
        own = frozenset(_words(value))
        for match, words in quoted:
            if len(own) >= FEWEST_WORDS and len(own & words) >= NEARLY_SAME * len(own | words):
                found[(section.line + section.text[: match.start()].count("\n"), value)] = str(record_id)
    return found


def _identifies(linted: Linted, column: str, values: pd.Series[str]) -> bool:
    """Whether nearly every record has its own value in a column."""
    if linted.contract.columns[column].role in (Role.TIMESTAMP, Role.CLASS):
        return False
    return values.nunique() > MOSTLY_DISTINCT * len(values) > 0


def _cited(linted: Linted, values: pd.Series[str]) -> dict[tuple[int, str], str]:
    """Return which records' identifiers, six letters or more with a digit among them, the prompt cites."""
    holders = {str(value): str(record_id) for record_id, value in values.items()}
    found = {}
    for section in linted.prompt.sections:
        if section.title == RECORD_SECTION:
            continue
        for number, line in enumerate(section.text.split("\n"), start=section.line):
            for word in re.findall(r"\w(?:[\w./-]*\w)?", line):
                if len(word) >= FEWEST_LETTERS and re.search(r"\d", word) and word in holders:
                    found[(number, word)] = holders[word]
    return found
