"""Where personal data stands: prompts, outputs, traces, memories, journal, held against the contract's classes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pandas as pd

from workbench.files import read_text
from workbench.personal import find_personal_data, may_hold
from workbench.pilot import PiiClass, Pilot
from workbench.records import RuleRecords, base_id
from workbench.runs.journal import JOURNAL_FILE, Journal

COLUMNS = ("place", "texts", "found", "kinds", "records")
PROMPTS, OUTPUTS, TRACES, MEMORIES, JOURNAL = "prompts", "outputs", "traces", "memories", "journal"
PLACES = (PROMPTS, OUTPUTS, TRACES, MEMORIES, JOURNAL)
SHORTEST = 4  # letters of a value that is looked for: shorter ones stand anywhere
MOST_RECORDS = 20
DIGEST = re.compile(r"[0-9a-f]{32,64}")
KNOWN_TEXTS = 200_000  # how many texts are remembered with what was recognised in them


@dataclass(slots=True)
class _Place:
    texts: int = 0
    found: int = 0
    kinds: set[str] = field(default_factory=set)
    records: list[str] = field(default_factory=list)


def personal_places(pilot: Pilot, records: RuleRecords, of: str | None = None) -> pd.DataFrame:
    """Return for each place how many texts it has and in how many of them personal data stands.

    Personal is what a column that the contract declares so holds of the record, word for word, and what is recognised
    by its pattern, unless it is a value of a column that the contract declares as not personal. Of a record that was
    made for a test only what stands in the record that it was made from is anybody's. Names in free text are not
    recognised.

    Parameters
    ----------
    of : str, optional
        A run, an agent's digest or its name; all of the journal without it.

    Returns
    -------
    DataFrame
        Columns: place (prompts, outputs: reply and reason, traces, memories, journal: details of failures), texts,
        found, kinds (columns and kinds, with semicolons between) and records (at most twenty, likewise).
    """
    places = {name: _Place() for name in PLACES}
    cells = records.shown()
    known = [name for name in pilot.contract.columns if name in cells.columns]
    personal = [name for name in known if pilot.contract.columns[name].pii is not PiiClass.NONE]
    harmless = [name for name in known if name not in personal]
    values = dict(zip(cells.index.astype(str), cells[known].astype(object).to_dict("records"), strict=True))
    for place, record_id, text in _texts(pilot, of):
        one, base = places[place], base_id(record_id)
        row = values.get(base, {})
        one.texts += 1
        kinds = {name for name in personal if _stands(row.get(name), text)}
        found = {piece for part in (_leaves(text) if place == TRACES else (text,)) for piece in _patterned(part)}
        kinds |= _anybodys(found, row, harmless, is_made=base != record_id)
        if kinds:
            one.found += 1
            one.kinds |= kinds
            one.records += [record_id]
    rows = [
        (name, one.texts, one.found, ";".join(sorted(one.kinds)), ";".join(dict.fromkeys(one.records[:MOST_RECORDS])))
        for name, one in places.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _texts(pilot: Pilot, of: str | None) -> Iterator[tuple[str, str, str]]:
    """Yield place, record id (of a prompt its file) and text."""
    for path in sorted((pilot.suite / "prompts").glob("*.md")):
        yield PROMPTS, path.name, read_text(path)
    if not (pilot.runs / JOURNAL_FILE).is_file():
        return
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        stored = journal.as_stored(of)
        for row in stored:
            reason, detail, text, trace = row[10], row[12], row[13], row[14]
            for place, said in ((OUTPUTS, "\n".join(filter(None, (reason, text)))), (TRACES, trace), (JOURNAL, detail)):
                if said:
                    yield place, str(row[4]), said
        for run in dict.fromkeys(row[0] for row in stored):
            for record_id, memory in journal.remembered(run).items():
                yield MEMORIES, record_id, "\n".join(memory.values())


def _stands(value: object, text: str) -> bool:
    return value is not None and value == value and len(str(value)) >= SHORTEST and str(value) in text


def _anybodys(
    found: set[tuple[str, str]], row: Mapping[str, object], harmless: list[str], *, is_made: bool
) -> set[str]:
    """Return the kinds of what was recognised, but for what is nobody's: declared so, or made for a test."""
    if not found:
        return set()
    said = {name: str(value) for name, value in row.items() if value is not None}
    left = {one for one in found if not any(one[1] in said.get(name, "") for name in harmless)}
    return {kind for kind, piece in left if not is_made or any(piece in value for value in said.values())}


@lru_cache(maxsize=KNOWN_TEXTS)
def _patterned(text: str) -> tuple[tuple[str, str], ...]:
    """Return what is recognised in a text by its pattern: kind and piece."""
    if not may_hold(text):
        return ()
    return tuple((one.kind.value, text[one.start : one.end]) for one in find_personal_data(text))


def _leaves(trace: str) -> Iterator[str]:
    """Yield the values of a trace but digests, each behind its name: most of them stand in many traces."""
    waiting: list[tuple[str, Any]] = [("", json.loads(trace))]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, one) for one in value]
        elif value is not None and not DIGEST.fullmatch(str(value)):
            yield f"{name}: {value}"
