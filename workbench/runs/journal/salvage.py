"""A damaged journal made whole again: every intact answer in a new file, the damaged one kept beside it.

What is taken proves itself: a decision by its row's checksum, a run by the digest of its agent, its plan by the run's
name, which is a digest of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.runs.journal.journal import Journal
from workbench.runs.journal.lock import nobody_runs
from workbench.runs.journal.pages import Row, rows_in_file
from workbench.runs.journal.plans import digest_of, run_name
from workbench.runs.journal.rows import MEMORY, STORED, checksum
from workbench.runs.journal.storage import RUN_COLUMNS
from workbench.runs.journal.trail import TrailLine, TrailSeal
from workbench.words import InputError

KEY_LENGTH, RUN_LENGTH = 64, 16
BESIDE = ("-wal", "-shm")
KEY_MARK = b"\x81\x0d"  # a text of 64 bytes: the key of a decision


@dataclass(frozen=True, slots=True)
class Salvage:
    """What was kept of a damaged journal.

    Parameters
    ----------
    answers, runs : int
        Intact decisions, and runs whose plan is whole.
    unplanned : tuple of str
        Agents of runs whose plan is damaged: the same command plans them again, and asks nothing that was answered.
    damaged : Path
        Where the damaged file is now.
    """

    answers: int
    runs: int
    unplanned: tuple[str, ...]
    damaged: Path


@dataclass(slots=True)
class _Found:
    """Rows by what they are."""

    decisions: dict[str, tuple[int, tuple[Any, ...]]] = field(default_factory=dict)
    tokens: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    runs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    planned: dict[str, dict[int, tuple[str, str]]] = field(default_factory=lambda: defaultdict(dict))
    origins: dict[str, tuple[str, str | None, str | None]] = field(default_factory=dict)
    traces: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    memories: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    lines: set[tuple[Any, ...]] = field(default_factory=set)
    seals: set[tuple[Any, ...]] = field(default_factory=set)


def salvaged(path: Path) -> Salvage:
    """Write every intact answer of a damaged journal to a new one in its place.

    Raises
    ------
    InputError
        There is no journal.
    RunError
        A run is at work on it.
    """
    if not path.is_file():
        raise InputError("there is no journal", where=str(path))
    with nobody_runs(path.parent):
        found = _found(rows_in_file(path, KEY_MARK))
        whole = {run: plan for run, plan in found.planned.items() if _is_whole(run, plan, found)}
        draft = path.with_name(f".{path.name}.salvaged")
        for suffix in ("", *BESIDE):
            draft.with_name(f"{draft.name}{suffix}").unlink(missing_ok=True)
        with Journal(draft) as journal:
            journal.restore(_content(found, whole))
        damaged = _set_aside(path)
        draft.replace(path)
    lost = sorted(str(row["agent"]) for run, row in found.runs.items() if run not in whole)
    return Salvage(len(found.decisions), len(whole), tuple(lost), damaged)


def _found(rows: Iterable[Row]) -> _Found:
    found = _Found()
    for row in rows:
        values = row.values
        if len(values) == len(STORED) + 2 and row.number is not None:
            _take_decision(found, row.number, values)
        elif len(values) == len(RUN_COLUMNS) and row.number is not None:
            _take_run(found, values)
        elif len(values) == 4 and _is_digest(values[0], RUN_LENGTH) and isinstance(values[1], int):
            run, position, record_id, key = values
            if isinstance(record_id, str) and _is_digest(key, KEY_LENGTH):
                found.planned[run][position] = record_id, key
        elif len(values) == len(TrailLine._fields) and isinstance(values[0], int) and _is_digest(values[1], KEY_LENGTH):
            found.lines.add(values)
        elif len(values) == len(TrailSeal._fields) and isinstance(values[0], int) and isinstance(values[1], int):
            found.seals.add(values)
        elif len(values) == 2 and _is_digest(values[0], KEY_LENGTH) and isinstance(values[1], str):
            found.tokens[values[0]].append(values[1])
        elif len(values) == 3 and _is_digest(values[0], KEY_LENGTH):
            _take_beside(found, *values)
    return found


def _take_beside(found: _Found, key: str, content: Any, last: Any) -> None:
    """Take what is kept beside a decision: its trace, what is remembered after it, what the server said of itself."""
    if isinstance(content, str) and checksum(key, (content,)) == last:
        found.traces[key] = key, content, last
    elif isinstance(content, str) and checksum(key, (MEMORY, content)) == last:
        found.memories[key] = key, content, last
    elif isinstance(content, str | None) and isinstance(last, str | None):
        found.origins[key] = key, content, last


def _take_decision(found: _Found, number: int, values: tuple[Any, ...]) -> None:
    key, *stored, written = values
    if isinstance(key, str) and checksum(key, tuple(stored)) == written:
        known = found.decisions.get(key)
        if known is None or known[0] < number:
            found.decisions[key] = number, values


def _take_run(found: _Found, values: tuple[Any, ...]) -> None:
    row = dict(zip(RUN_COLUMNS, values, strict=True))
    try:
        is_intact = digest_of(json.loads(row["identity"])) == row["agent_digest"]
    except (TypeError, ValueError):
        return
    known = found.runs.get(row["run"])
    if is_intact and (known is None or known["touched"] < row["touched"]):
        found.runs[row["run"]] = row


def _is_whole(run: str, plan: Mapping[int, tuple[str, str]], found: _Found) -> bool:
    """Whether a run's plan is the one that its name is the digest of."""
    if run not in found.runs or sorted(plan) != list(range(len(plan))):
        return False
    row = found.runs[run]
    about = (row["agent"], row["split"], row["agent_digest"], row["dataset_digest"])
    return run_name(about, (plan[position][1] for position in range(len(plan)))) == run


def _content(found: _Found, whole: Mapping[str, Mapping[int, tuple[str, str]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the journal's tables by their names."""
    runs = [tuple(row[name] for name in RUN_COLUMNS) for row in found.runs.values()]
    planned = [(run, position, *plan[position]) for run, plan in whole.items() for position in sorted(plan)]
    decisions = [values for _, values in sorted(found.decisions.values(), key=lambda known: known[0])]
    text = STORED.index("text") + 1
    tokens = []
    for values in decisions:
        spelling = next((one for one in found.tokens.get(values[0], ()) if _spells(one, values[text])), None)
        tokens += [(values[0], spelling)] if spelling is not None else []
    origins: list[tuple[Any, ...]] = [found.origins[row[0]] for row in decisions if row[0] in found.origins]
    traces = [found.traces[row[0]] for row in decisions if row[0] in found.traces]
    memories = [found.memories[row[0]] for row in decisions if row[0] in found.memories]
    return {
        "runs": runs,
        "planned": planned,
        "decisions": decisions,
        "tokens": tokens,
        "origins": origins,
        "traces": traces,
        "memories": memories,
        "trail": sorted(found.lines, key=lambda line: line[0]),
        "seals": sorted(found.seals, key=lambda seal: seal[0]),
    }


def _spells(tokens: str, text: object) -> bool:
    try:
        return "".join(token for token, _ in json.loads(tokens)) == text
    except (TypeError, ValueError):
        return False


def _is_digest(value: object, length: int) -> bool:
    return isinstance(value, str) and len(value) == length and not value.strip("0123456789abcdef")


def _set_aside(path: Path) -> Path:
    """Move a damaged journal, with the log beside it, to a name that is free."""
    number = 1
    while (damaged := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.replace(damaged)
    for suffix in BESIDE:
        beside = path.with_name(f"{path.name}{suffix}")
        if beside.exists():
            beside.replace(damaged.with_name(f"{damaged.name}{suffix}"))
    return damaged
