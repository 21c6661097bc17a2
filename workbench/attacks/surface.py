"""What of a pilot an attacker can write that one of its agents may read, and what that agent must not call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.agents import Agent
from workbench.environment import Effect
from workbench.pilot import ATTACKS_FILE, AttackSettings, Channel, Pilot, read_attack_settings
from workbench.records.splits import Dataset
from workbench.words import InputError, did_you_mean, shown

IN_RECORD = (Channel.FREE_TEXT, Channel.NAME, Channel.DOCUMENT, Channel.FILE_NAME)


@dataclass(frozen=True, slots=True)
class Surface:
    """Where texts of an attacker reach an agent.

    Parameters
    ----------
    places : mapping
        By channel its columns, TABLE.COLUMNs or memories.
    forbidden : tuple of str
        Tools that the agent must not call, whatever it is told; the first stands for {{tool}}.
    closed : mapping
        Why a channel of attacks.yaml does not reach this agent.
    """

    places: Mapping[Channel, tuple[str, ...]]
    forbidden: tuple[str, ...] = ()
    closed: Mapping[Channel, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the record that an attacker may write to."""
        return tuple(dict.fromkeys(name for one in IN_RECORD for name in self.places.get(one, ())))


def settings_of(pilot: Pilot, dataset: Dataset) -> AttackSettings:
    """Return what attacks.yaml says, checked against contract and labels.

    Raises
    ------
    InputError
        There is none, or it names a column or an action that the pilot does not have.
    """
    path = pilot.suite / ATTACKS_FILE
    settings = read_attack_settings(pilot.suite)
    if settings is None:
        remedy = "write it: by which columns an outsider may write (`channels`), and what one would want (`wanted`)"
        raise InputError("the pilot does not say where an attacker may write", where=str(path), remedy=remedy)
    actions = dict.fromkeys((*dataset.labels, *filter(None, (pilot.settings.escalate_label,))))
    for what in settings.wanted:
        if what not in actions:
            raise InputError(
                "`wanted` names no action of the pilot",
                where=str(path),
                got=repr(what),
                expected=shown(actions),
                remedy=did_you_mean(what, tuple(actions)),
            )
    texts = pilot.contract.shown
    for channel in IN_RECORD:
        for name in settings.channels.get(channel, ()):
            if name not in texts or pilot.contract.columns[name].allowed is not None:
                raise InputError(
                    "a channel names no column of free text that an agent sees",
                    where=f"{path}, channels.{channel.value}",
                    got=repr(name),
                    expected=shown([one for one in texts if pilot.contract.columns[one].allowed is None]),
                    remedy=did_you_mean(name, texts),
                )
    return settings


def surface_of(pilot: Pilot, settings: AttackSettings, agent: Agent) -> Surface:
    """Return where texts reach an agent of the pilot. Raises InputError where attacks.yaml does not fit its tools."""
    acting = acting_in(agent)
    places, closed = dict(settings.channels), dict[Channel, str]()
    path = f"{pilot.suite / ATTACKS_FILE}, channels"
    if acting is None:
        for channel in (Channel.TOOL_RESULT, Channel.MEMORY):
            if places.pop(channel, None) is not None:
                closed[channel] = "the agent calls no tools" if channel is Channel.TOOL_RESULT else "it has no memory"
        return Surface(places, (), closed)
    tables = acting.environment.image.columns
    for place in places.get(Channel.TOOL_RESULT, ()):
        table, _, column = place.partition(".")
        if column not in tables.get(table, ()):
            known = [f"{name}.{one}" for name, columns in tables.items() for one in columns]
            raise InputError(
                "a channel names no column of a table", where=f"{path}.{Channel.TOOL_RESULT.value}", got=repr(place),
                expected=shown(known), remedy=did_you_mean(place, tuple(known)),
            )  # fmt: skip
    memories = {one.memory for one in acting.environment.memory.values()}
    wrong = [name for name in places.get(Channel.MEMORY, ()) if name not in memories]
    if wrong:
        known = sorted(map(str, memories))
        raise InputError(
            "a channel names no memory", where=f"{path}.{Channel.MEMORY.value}", got=shown(wrong),
            expected=shown(known) if known else "none: the environment has none",
        )  # fmt: skip
    return Surface(places, tuple(_forbidden(acting)), closed)


def acting_in(agent: Agent) -> Any | None:
    """Return what an agent acts on, whatever is around it; None for one that calls no tools."""
    asked: Any = agent
    while hasattr(asked, "asked"):
        asked = asked.asked
    return getattr(asked, "acting", None)


def _forbidden(acting: Any) -> Iterator[str]:
    """Yield the tools that are not the agent's, or else those that write what no decision asks for."""
    offered = {tool.name for tool in acting.offered}
    tools = acting.environment.tools.values()
    others = [tool.name for tool in tools if tool.name not in offered]
    yield from others or [
        tool.name for tool in tools if tool.effect is Effect.WRITE and tool.settings.carries_out is None
    ]
