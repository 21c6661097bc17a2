"""One record through all versions: what was asked, what was answered, how sure each token was, what was right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from workbench.agents import preparation_for
from workbench.agents.callables import UnpreparedError
from workbench.agents.prompts import Prompt, messages, read_prompts
from workbench.audit import Masking
from workbench.engines import Message, TokenLogprob
from workbench.environment import Trace, told_events
from workbench.evaluation.versions.masked import masking_of_pilot
from workbench.metrics import Status
from workbench.pilot import Pilot, Role
from workbench.records import Record
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import JOURNAL_FILE, Journal, RunEntry
from workbench.words import InputError


@dataclass(frozen=True, slots=True)
class VersionSaid:
    """What one version decided on a record.

    Parameters
    ----------
    prompt : str, optional
        Name of the prompt document that was asked, where it is still as it was then.
    decision : mapping
        The decision's fields as the journal has them.
    tokens : tuple of TokenLogprob, optional
        The reply token by token, where the engine gave log probabilities.
    is_right : bool, optional
        None where the label is not known here.
    events : tuple of mapping
        What happened on the way, as `told_events` tells it.
    """

    agent: str
    run: str
    engine: str
    prompt: str | None
    decision: Mapping[str, Any]
    tokens: tuple[TokenLogprob, ...] | None
    is_right: bool | None
    events: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RecordHistory:
    """A record, its label and every version's decision on it, the earliest first.

    Parameters
    ----------
    label : str, optional
        None for a holdout record whose label was not handed over: it stays sealed.
    shown : mapping
        What an agent sees of the record, without what is empty.
    prompts : mapping
        Per name of a prompt document that was asked, the messages this record makes of it.
    """

    record_id: str
    split: Split
    label: str | None
    shown: Mapping[str, object]
    answered: tuple[VersionSaid, ...]
    prompts: Mapping[str, tuple[Message, ...]]


def record_history(
    pilot: Pilot, dataset: Dataset, record_id: str, label: str | None = None, *, show_personal: bool = False
) -> RecordHistory:
    """Return what every version ever decided on a record, personal data masked.

    Parameters
    ----------
    pilot : Pilot
    dataset : Dataset
        The records as they are.
    record_id : str
    label : str, optional
        Of a holdout record, from an evaluation that opened the holdout; a development record's label is looked up.
    show_personal : bool
        Mask nothing: for the eyes of somebody who may read the records.

    Raises
    ------
    InputError
        There is no such record.
    """
    labels = {} if label is None else {record_id: label}
    (found,) = record_histories(pilot, dataset, [record_id], labels, show_personal=show_personal)
    return found


def record_histories(
    pilot: Pilot,
    dataset: Dataset,
    record_ids: Iterable[str],
    labels: Mapping[str, str] = {},
    *,
    show_personal: bool = False,
) -> Iterator[RecordHistory]:
    """Yield the histories of several records, as `record_history` returns one.

    Parameters
    ----------
    labels : mapping
        Labels of holdout records, from an evaluation that opened the holdout.

    Raises
    ------
    InputError
        There is no such record.
    """
    documents = read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    known = _Known(
        pilot,
        dataset,
        {prompt.hash: prompt for prompt in documents.values()},
        {name: preparation_for(pilot, prompt) for name, prompt in documents.items()},
        None if show_personal else masking_of_pilot(pilot, dataset),
        {str(name): str(label) for name, label in dataset.dev_labels()["label"].items()} | dict(labels),
        dataset.shown(),
    )
    path = pilot.runs / JOURNAL_FILE
    if not path.is_file():
        yield from (_history(known, record_id, ()) for record_id in record_ids)
        return
    with Journal(path) as journal:
        entries = sorted(journal.entries(), key=lambda entry: entry.started)
        for record_id in record_ids:
            yield _history(known, record_id, _answered(journal, entries, known, record_id))


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What the histories of all records share: prompts by their hash, what prepares each, masks and labels."""

    pilot: Pilot
    dataset: Dataset
    prompts: Mapping[str, Prompt]
    prepares: Mapping[str, Callable[[Record], Record] | None]
    masking: Masking | None
    labels: Mapping[str, str]
    shown: pd.DataFrame


def _history(known: _Known, record_id: str, answered: tuple[VersionSaid, ...]) -> RecordHistory:
    dataset, masking = known.dataset, known.masking
    if record_id not in dataset.splits.index:
        raise InputError(f"there is no record {record_id!r}", where=str(known.pilot.data))
    split = Split(dataset.splits.loc[record_id])
    named = {one.prompt for one in answered if one.prompt is not None}
    (record,) = dataset.records(pd.Index([record_id], dtype=object))
    asked = [prompt for prompt in known.prompts.values() if prompt.name in named]
    rendered = {prompt.name: _rendered(known, prompt, record) for prompt in asked}
    ids = {name for name, column in dataset.contract.columns.items() if column.role is Role.ID}
    row = known.shown.loc[record_id]
    cells = {
        str(name): value for name, value in row.items() if value is not None and value == value and name not in ids
    }
    if masking is not None:
        marked = masking.marked_in(cells)
        answered = tuple(_masked(one, masking, marked) for one in answered)
        cells = {name: masking.cell(name, value) for name, value in cells.items()}
    return RecordHistory(record_id, split, known.labels.get(record_id), cells, answered, rendered)


def _answered(journal: Journal, entries: Iterable[RunEntry], known: _Known, record_id: str) -> tuple[VersionSaid, ...]:
    """Return each version's decision once, whichever runs it was part of."""
    decisions, found = journal.of_record(record_id), dict[str, VersionSaid]()
    for entry in entries:
        if entry.run in decisions:
            decision, prompt = decisions[entry.run], known.prompts.get(str(entry.identity.get("prompt")))
            found[entry.agent_digest] = VersionSaid(
                entry.agent,
                entry.run,
                _engine(entry),
                None if prompt is None else prompt.name,
                decision,
                journal.tokens(entry.run, record_id),
                _is_right(decision, known.labels.get(record_id)),
                tuple(told_events(journal.traces(entry.run, record_id).get(record_id, Trace()))),
            )
    return tuple(found.values())


def _engine(entry: RunEntry) -> str:
    engine = entry.identity.get("engine", {})
    place = engine.get("version") or engine.get("address") or str(engine.get("digest", ""))[:8]
    return f"{engine.get('kind', '')} {engine.get('model', '')} {place}".strip()


def _is_right(decision: Mapping[str, Any], label: str | None) -> bool | None:
    if label is None or decision["status"] == Status.SKIPPED:
        return None
    return bool(decision["status"] == Status.OK and decision["action"] == label)


def _masked(answered: VersionSaid, masking: Masking, marked: Sequence[object]) -> VersionSaid:
    """Return a decision in whose words and tokens personal data is masked."""
    decision = dict(answered.decision)
    for name in ("reason", "detail", "text"):
        if isinstance(decision[name], str):
            decision[name] = masking.said(decision[name], marked)
    tokens = answered.tokens
    if tokens is not None:
        whole, at, shown = "".join(token.token for token in tokens), 0, []
        spans = masking.spans(whole, marked)
        for token in tokens:
            end = at + len(token.token)
            hides = any(at < last and first < end for first, last, _ in spans)
            shown.append(replace(token, token="[masked]") if hides else token)
            at = end
        tokens = tuple(shown)
    events = tuple({name: masking.said(text, marked) for name, text in one.items()} for one in answered.events)
    return replace(answered, decision=decision, tokens=tokens, events=events)


def _rendered(known: _Known, prompt: Prompt, record: Record) -> tuple[Message, ...]:
    """Return the messages that a record makes of a prompt; none where the record cannot be prepared.

    What is masked is masked in the record and in its prepared fields, so that the prompt's own words stay.
    """
    masking, prepare = known.masking, known.prepares[prompt.name]
    try:
        asked = record if prepare is None else prepare(record)
        return messages(prompt, asked if masking is None else _with_masks(asked, record, masking), known.dataset.labels)
    except UnpreparedError:
        return ()


def _with_masks(asked: Record, record: Record, masking: Masking) -> Record:
    """Return a prepared record as it is shown: its own cells by their columns, prepared fields by what they repeat."""
    marked = masking.marked_in(record.fields)
    fields = {
        name: masking.cell(name, value) if name in record.fields else masking.said(str(value), marked)
        for name, value in asked.fields.items()
    }
    return replace(asked, fields=fields)
