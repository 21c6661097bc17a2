"""Memory across decisions: the tools that read and replace it, and what is not remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.environment.settings import Argument, ArgumentType, ToolSettings
from workbench.environment.tools import Tool
from workbench.environment.trace import SHORTEST_PRIVATE, Effect, MemoryUse, ToolCall, cut

RECALL, REMEMBER = "recall_", "remember_"
VALUE = "value"
MAX_REMEMBERED = 4_000  # characters of what one memory holds


def memory_tools(names: Iterable[str], by: str) -> dict[str, Tool]:
    """Return the tools by which agents use memories that records with the same value in column `by` share."""
    tools = [tool for name in names for tool in (_recalling(name, by), _remembering(name, by))]
    return {tool.name: tool for tool in tools}


def private_in(value: str, private: Mapping[str, str]) -> str | None:
    """Return the first column whose value stands in a text, None where none does.

    Parameters
    ----------
    private : mapping of str to str
        Values that are personal data, by column; those of fewer than three characters are anybody's.
    """
    text = value.casefold()
    found = (one for one, known in private.items() if len(known) >= SHORTEST_PRIVATE and known.casefold() in text)
    return next(found, None)


def called_as(event: MemoryUse) -> ToolCall:
    """Return the use of a memory as the tool call by which it was made."""
    is_read, name = event.operation is Effect.READ, event.key.partition("/")[0]
    arguments: dict[str, Any] = {} if is_read else {VALUE: event.value}
    call = cut(ToolCall(name=f"{RECALL if is_read else REMEMBER}{name}", arguments=arguments))
    assert isinstance(call, ToolCall)
    return call


def _recalling(name: str, by: str) -> Tool:
    told = f"Return what was last remembered as {name} on a record with the same {by}, or null."
    return Tool(f"{RECALL}{name}", told, ToolSettings.model_construct(effect=Effect.READ), {}, (), memory=name)


def _remembering(name: str, by: str) -> Tool:
    told = (
        f"Remember a text as {name} for later records with the same {by}, in place of what was remembered before: "
        f"at most {MAX_REMEMBERED:,} characters, no personal data."
    )
    settings = ToolSettings.model_construct(effect=Effect.WRITE)
    return Tool(f"{REMEMBER}{name}", told, settings, {VALUE: Argument(type=ArgumentType.STRING)}, (), memory=name)
