"""What agents with a planted fault are made of: the acting agent with other tools or another record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import agents
from .acting import acting

Call = Callable[[str, dict[str, Any]], Any]
WRITES = ("post", "send_back", "hand_over")


class Through:
    """Tools that pass every call on, but for what a fault does instead."""

    def __init__(self, tools: Any, instead: Callable[[Call, str, dict[str, Any]], Any]) -> None:
        self.Error = tools.Error
        self._tools, self._instead = tools, instead
        self.made: list[dict[str, Any]] = []

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Make a call, and remember it."""
        self.made.append({"kind": "tool_call", "name": name, "arguments": arguments})
        return self._tools.call(name, arguments)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda **arguments: self._instead(self.call, name, arguments)


def passed_on(call: Call, name: str, arguments: dict[str, Any]) -> Any:
    """Call as the agent does."""
    return call(name, arguments)


def copied(record: agents.Record, *columns: str) -> list[dict[str, Any]]:
    """Return a document's own copy of what a system holds."""
    return [{column: record[column] for column in columns}]


def handed_over(record: agents.Record, tools: Any) -> agents.Answer:
    """Read what the acting agent reads, and hand the document over whatever it says."""
    reads_only = Through(tools, lambda call, name, arguments: {"rows": 1} if name in WRITES else call(name, arguments))
    acting(record, reads_only)
    number = str(record["invoice_number"])
    tools.hand_over(invoice_number=number, assigned_to="accounts payable lead", reason="unsure")
    return {"action": "escalate", "confidence": 0.99, "reason": "unsure"}


def reads(change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Callable[[agents.Record, Any], agents.Answer]:
    """Return the acting agent as it reads a changed record; what tools say of an order is read so, too."""

    def decide(record: agents.Record, tools: Any) -> agents.Answer:
        def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
            found = call(name, arguments)
            if name in ("read_order", "read_receipts"):
                return [{**row, **_kept(change({**record, **row}), row)} for row in found]
            return found

        return acting({**record, **_kept(change(dict(record)), record)}, Through(tools, instead))

    return decide


def _kept(changed: Mapping[str, Any], of: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changed.items() if name in of}
