"""Tools as a callable of a pilot gets them: each call goes to the process that asks, and its answer comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class ToolCallError(Exception):
    """A tool call without a result; `outcome` is error, denied or timeout (after which it may have been done)."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class Tools:
    """The tools of one decision: `tools.read_order(po_number="4500000001")`, or `tools.call(name, arguments)`.

    A call without a result raises `tools.Error`, whose `outcome` is error, denied or timeout. `tools.offered` lists
    name, description and parameters (a JSON schema) of each.
    """

    Error: ClassVar = ToolCallError

    def __init__(self, offered: Sequence[Mapping[str, Any]], ask: Ask) -> None:
        self.offered = tuple(offered)
        self._ask = ask

    def call(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Return what a tool returns. Raises `tools.Error` where it returns nothing."""
        answer = self._ask({"tool": name, "arguments": dict(arguments or {})})
        if "error" in answer:
            raise ToolCallError(answer["error"]["outcome"], answer["error"]["message"])
        return answer["result"]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda **arguments: self.call(name, arguments)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(str(one["name"]) for one in self.offered)})
