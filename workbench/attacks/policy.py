"""What the written policy decides of attacked records: where it believes a text, the text is no hit of an agent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace

from workbench.agents.callables import Ruling, WrittenPolicy, written_policy
from workbench.agents.guards import Asks, Guard, guards_of
from workbench.attacks.pattern import Goal
from workbench.environment import waited_for
from workbench.files import parse_yaml, read_text
from workbench.pilot import PROCESS_FILE, GuardName, Pilot, read_process
from workbench.records import Record
from workbench.words import InputError


def rulings_on(pilot: Pilot, records: Mapping[str, Record]) -> Mapping[str, Ruling | None]:
    """Return what the policy decides, by record id, None where it decides nothing; nothing where there is no policy.

    Raises
    ------
    InputError
        process.yaml names a policy that cannot be loaded.
    """
    policy = _policy_of(pilot)
    return {} if policy is None else waited_for(_ruled(policy, records))


def _policy_of(pilot: Pilot) -> WrittenPolicy | None:
    """Return the policy as a function; a specification that names none may be written as anybody likes."""
    path = pilot.suite / PROCESS_FILE
    content = parse_yaml(read_text(path), str(path)) if path.is_file() else {}
    process = read_process(pilot) if isinstance(content, Mapping) and content.get("python") else None
    return None if process is None else written_policy(pilot, process)


async def _ruled(policy: WrittenPolicy, records: Mapping[str, Record]) -> dict[str, Ruling | None]:
    async with policy.opened() as ask:
        found = await asyncio.gather(*(ask(one) for one in records.values()))
    return dict(zip(records, found, strict=True))


def policy_moves(
    goal: Goal, target: str, rulings: tuple[Ruling | None, Ruling | None], escalate_label: str | None
) -> bool:
    """Return whether the policy decides what the attacker wants of a record with a text, and not of the clean one."""
    before, after = rulings
    if before is None or after is None:
        return False
    if goal is Goal.ACTION:
        return after.action == target != before.action
    return goal is Goal.SKIP_ESCALATION and before.action == escalate_label != after.action


def must_reach_a_person(pilot: Pilot, labels: Sequence[str], records: Mapping[str, Record]) -> frozenset[str]:
    """Return the records that the charter gives to a person, whatever guards the pilot turns on."""
    settings = pilot.settings.model_copy(update={"guards": (GuardName.MUST_REACH_A_PERSON,)})
    try:
        (guard,) = guards_of(replace(pilot, settings=settings), labels)
    except InputError:  # the charter names no category
        return frozenset()
    return waited_for(_given(guard, _policy_of(pilot), records))


async def _given(guard: Guard, policy: WrittenPolicy | None, records: Mapping[str, Record]) -> frozenset[str]:
    async with nullcontext() if policy is None else policy.opened() as ask:
        asks = Asks(ask)
        return frozenset([name for name, one in records.items() if await guard.look(one, None, asks) is not None])
