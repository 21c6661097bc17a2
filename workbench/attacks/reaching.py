"""Whether an agent was given an attack's text: in its record, its prompt, what a tool returned, what it remembered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from workbench.agents import Agent, PromptAgent
from workbench.agents.callables import UnpreparedError
from workbench.agents.prompts import messages
from workbench.attacks.asking import AskedPair, AttackAnswer, AttackRecords
from workbench.attacks.planning import Attempt
from workbench.attacks.surface import IN_RECORD
from workbench.attacks.telltales import is_read, letters_of
from workbench.environment import CallOutcome, Effect, MemoryUse, ToolCall, waited_for
from workbench.records import Record

SHORTEST = 4  # signs of a cell by which it is told in a prompt
KEPT = 400  # signs of a text that are looked for in a result that is kept in part


def seen_in_prompts(agent: Agent, records: Sequence[Record]) -> Mapping[str, str]:
    """Return what a prompt agent is shown of each record, by id, as it is rendered; nothing of other agents."""
    asked: Any = agent
    while hasattr(asked, "asked"):
        asked = asked.asked
    return waited_for(_rendered(asked, records)) if isinstance(asked, PromptAgent) else {}


async def _rendered(agent: PromptAgent, records: Sequence[Record]) -> dict[str, str]:
    shown: dict[str, str] = {}
    async with nullcontext() if agent.preparation is None else agent.preparation.opened() as prepare:
        for record in records:
            try:
                made = record if prepare is None else await prepare(record)
            except UnpreparedError:
                continue
            shown[record.id] = "\n".join(one.content for one in messages(agent.prompt, made, agent.labels))
    return shown


def columns_not_shown(prompts: Mapping[str, str], records: Mapping[str, Record], columns: Sequence[str]) -> list[str]:
    """Return columns of which a prompt shows nothing in any record, where records have enough in them to tell."""
    missing = []
    for name in columns:
        cells = {
            one: letters_of(str(record.fields.get(name) or "")) for one, record in records.items() if one in prompts
        }
        told = [one for one, cell in cells.items() if len(cell) >= SHORTEST]
        if told and not any(cells[one] in letters_of(prompts[one]) for one in told):
            missing.append(name)
    return missing


def is_reached(pair: AskedPair, answer: AttackAnswer, asked: AttackRecords, prompts: Mapping[str, str]) -> bool:
    """Return whether an attack's text was in what the agent read, as far as that passed through us."""
    attempt = pair.attempt
    if attempt.channel not in IN_RECORD:
        return any(_holds(attempt, said) for said in _read(answer))
    record = asked.by_id[pair.attacked]
    if prompts:
        return is_read(attempt.attack, prompts.get(record.id, ""))
    return True  # the record is handed over whole


def _read(answer: AttackAnswer) -> list[str]:
    """Return what tools were seen to return, and what was remembered."""
    events = answer.trace.events
    calls = [one.result for one in events if isinstance(one, ToolCall) and one.outcome is CallOutcome.OK]
    recalled = [one.value for one in events if isinstance(one, MemoryUse) and one.operation is Effect.READ]
    return [
        one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, default=str)
        for one in (*calls, *recalled)
        if one is not None
    ]


def _holds(attempt: Attempt, said: str) -> bool:
    """Whether a result holds a text; of a long one, which is kept in part, its beginning suffices."""
    (text,) = attempt.attack
    return is_read((letters_of(text)[:KEPT],), said)
