"""How long a rendered prompt may be, held while it is made: no value of a template grows beyond it either."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_PROMPT = 1_000_000
JOINED = "joined_within_bounds"
MULTIPLYING = frozenset({"indent", "expandtabs"})
_WIDTH = re.compile(r"\d{7,}")


class TooLongError(ValueError):
    """A value that a template makes is longer than a prompt may be."""


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox in which no operator, call or block makes a longer text than a prompt may be."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def concat(self, parts: Iterable[str]) -> str:
        """Return parts as one text."""
        return bounded_text(parts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return an operator's result, or refuse it before it is made."""
        if operator == "**" and (_is_long(right, 1000) or _is_long(left, 10**30)):
            raise TooLongError
        if operator == "*" and (_length(left) * _number(right) + _length(right) * _number(left)) > MAX_PROMPT:
            raise TooLongError
        if operator == "+" and _length(left) + _length(right) > MAX_PROMPT:
            raise TooLongError
        if operator == "%" and isinstance(left, str):
            check_call("format", left, (right,))
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Return `str.format` of a text, held to the bound."""
        formatted = super().wrap_str_format(value)
        if formatted is None:
            return None

        def held(*arguments: Any, **named: Any) -> str:
            check_call("format", value.__self__, (*arguments, *named.values()))
            return formatted(*arguments, **named)

        return held

    def call(self, context: Context, called: Any, /, *arguments: Any, **named: Any) -> Any:
        """Return a call's result, or refuse it before it is made."""
        check_call(getattr(called, "__name__", ""), getattr(called, "__self__", ""), (*arguments, *named.values()))
        return super().call(context, called, *arguments, **named)


class BoundedJoins(NodeTransformer):
    """Turns `a ~ b` into a join that is held to the bound."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the name jinja2 looks up
        """Return the join."""
        self.generic_visit(node)
        return nodes.Filter(nodes.List(node.nodes), JOINED, [], [], None, None, lineno=node.lineno)


def bounded_text(parts: Iterable[Any]) -> str:
    """Return parts as one text, or refuse it as soon as it is too long."""
    texts, total = [], 0
    for part in parts:
        texts.append(str(part))
        total += len(texts[-1])
        if total > MAX_PROMPT:
            raise TooLongError
    return "".join(texts)


def bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that refuses what would be too long before it makes it."""
    n_before = 1 if hasattr(function, "jinja_pass_arg") else 0  # the environment or a context comes first

    @wraps(function)
    def held(*arguments: Any, **named: Any) -> Any:
        value, *others = arguments[n_before:]
        check_call(name, value, (*others, *named.values()))
        return function(*arguments, **named)

    return held


def check_call(name: str, value: Any, arguments: tuple[Any, ...]) -> None:
    """Refuse a method or filter whose result may be too long."""
    if any(_is_long(one, MAX_PROMPT) for one in arguments):
        raise TooLongError
    texts = [one for one in arguments if isinstance(one, str)]
    if name == "replace" and len(texts) > 1:
        n_found = str(value).count(texts[0])
        if _length(value) + n_found * len(texts[1]) > MAX_PROMPT:
            raise TooLongError
    if name == "join":
        apart = value if isinstance(value, str) else (texts or [""])[0]
        parts = arguments[0] if isinstance(value, str) and arguments else value
        bounded_text(f"{part}{apart}" for part in parts)
    if name in MULTIPLYING and _length(value) * max(map(_number, arguments), default=1) > MAX_PROMPT:
        raise TooLongError
    if name in ("format", "format_map") and (_WIDTH.search(str(value)) or sum(map(_length, arguments)) > MAX_PROMPT):
        raise TooLongError


def _is_long(value: Any, most: int) -> bool:
    return isinstance(value, int | float) and abs(value) > most


def _length(value: Any) -> int:
    if isinstance(value, list | tuple):
        return sum(1 + _length(one) for one in value)
    return len(value) if isinstance(value, str) else 0


def _number(value: Any) -> int:
    return abs(value) if isinstance(value, int) else 0
