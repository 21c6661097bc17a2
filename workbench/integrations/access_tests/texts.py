"""What stands in an agent's outputs, traces and journal, and in what it is shown, that must not: canaries, people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.agents import Agent, Decision
from workbench.agents.guards import personal_data_said, personal_data_shown
from workbench.environment import Cited, Reasoning, SaidBy
from workbench.pilot import Contract, Pilot
from workbench.records import Record
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import JOURNAL_FILE, Journal, digest_of

COLUMNS = ("place", "record_id", "canaries", "personal", "status")
OUTPUT, TRACE, SHOWN, JOURNAL, LOG = "output", "trace", "prompt", "journal", "log"
PLACES = (OUTPUT, TRACE, SHOWN, JOURNAL, LOG)
MOST_STORED = 500  # decisions of the journal that are looked at
BETWEEN = "; "

TextRow = tuple[str, str, str, str, str]


def texts_table(rows: Iterable[TextRow]) -> pd.DataFrame:
    """Return what was looked at, a row for each text.

    Returns
    -------
    DataFrame
        `place`, `record_id`, `canaries` (which stand in it), `personal` (kinds and columns, never the data), `status`.
    """
    return pd.DataFrame(list(rows), columns=list(COLUMNS), dtype=object)


async def decided_texts(
    agent: Agent, contract: Contract, records: Sequence[Record], canaries: Sequence[str]
) -> list[TextRow]:
    """Return what stands in the outputs and traces of an agent that decides some records now."""
    by_id = {one.id: one for one in records}
    rows: list[TextRow] = []
    async for decision in agent.decide(_HandedOut(records)):
        rows += _of_decision(contract, by_id[decision.record_id], decision, canaries)
    return rows


class _HandedOut:
    """Records one after the other, also for several that wait at once."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = iter(records)

    def __aiter__(self) -> AsyncIterator[Record]:
        return self

    async def __anext__(self) -> Record:
        for record in self._records:
            return record
        raise StopAsyncIteration


def shown_to(contract: Contract, records: Iterable[Record]) -> list[TextRow]:
    """Return what stands in what an agent is shown of some records, in columns agreed to hold nothing personal."""
    return [(SHOWN, one.id, "", BETWEEN.join(personal_data_shown(contract, one.fields)), "") for one in records]


def stored_of(pilot: Pilot, dataset: Dataset, agent: Agent, canaries: Sequence[str]) -> list[TextRow]:
    """Return what stands in the journal of a version's decisions on development records; none without any."""
    path = pilot.runs / JOURNAL_FILE
    if not path.is_file():
        return []
    with Journal(path) as journal:
        run = journal.largest_finished(Split.DEV.value, digest_of(agent.identity), dataset.digest)
        if run is None:
            return []
        decided = journal.decisions(run).head(MOST_STORED)
        traces = journal.traces(run)
    fields = {one.id: one.fields for one in dataset.records(pd.Index(decided.index))}
    rows = []
    for record, row in decided.iterrows():
        trace = traces.get(str(record))
        said = [str(row[name]) for name in ("reason", "text", "detail") if isinstance(row[name], str)]
        said += [] if trace is None else [trace.as_json()]
        rows.append(_row(JOURNAL, str(record), pilot.contract, fields[str(record)], "\n".join(said), canaries))
    return rows


def logged(text: str, contract: Contract, canaries: Sequence[str]) -> TextRow:
    """Return what stands in a log."""
    return _row(LOG, "", contract, {}, text, canaries)


def _of_decision(contract: Contract, record: Record, decision: Decision, canaries: Sequence[str]) -> Iterator[TextRow]:
    said = [one for one in (decision.reason, decision.text, decision.detail) if one]
    trace = decision.trace
    if trace is not None:
        said += [str(one.value) for source in SaidBy for one in trace.of(Cited, source)]
        said += [one.text for source in SaidBy for one in trace.of(Reasoning, source) if one.text]
    yield (*_row(OUTPUT, record.id, contract, record.fields, "\n".join(said), canaries)[:-1], decision.status.value)
    if trace is not None:
        yield _row(TRACE, record.id, contract, record.fields, trace.as_json(), canaries)


def _row(
    place: str, record: str, contract: Contract, fields: Mapping[str, Any], text: str, canaries: Sequence[str]
) -> TextRow:
    found = BETWEEN.join(one for one in canaries if one in text)
    return place, record, found, BETWEEN.join(personal_data_said(contract, fields, text)), ""
