"""What a system says itself that it can do: OpenAPI paths, operations of a WSDL, tools of an MCP server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from workbench.environment.connections import Asked, CallError, McpConnection, SoapConnection
from workbench.integrations.asking import NO_SUCH
from workbench.integrations.calling import with_operation
from workbench.integrations.declared import LISTED, is_described
from workbench.integrations.drawing import drawing_settings
from workbench.integrations.lines import LineKind
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import System, SystemType

METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 6  # of an example's nesting


@dataclass(frozen=True, slots=True)
class ListedCall:
    """One call that a system lists: how it is called, and arguments that belong to nothing."""

    call: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a system lists; `openapi` is the whole description where it is one."""

    calls: Mapping[str, ListedCall]
    openapi: Mapping[str, Any] | None = None


async def read_listing(probed: Probed) -> Listing | None:
    """Return what a system lists and put down which operations are in it; None where it lists nothing."""
    if not is_described(probed.system):
        return None
    try:
        listing = await listing_of(probed)
    except CallError as error:
        probed.sheet.leave(f"its description cannot be read: {error}"[:120], None, LineKind.DESCRIPTION)
        return None
    listed = {same_call(one.call) for one in listing.calls.values()}
    for name, operation in probed.system.operations.items():
        is_there = same_call(operation.call) in listed
        probed.sheet.holds(name, LISTED, is_there, "listed" if is_there else "not listed", 1)
    return listing


def not_granted(system: System, listing: Listing | None) -> dict[str, ListedCall]:
    """Return every call that an agent's account must be refused: all that is listed and not granted, and what is named.

    Where tokens are given anyone may ask.
    """
    granted = {same_call(one.call) for one in system.operations.values()}
    granted |= {same_call(system.auth.token)} if system.auth is not None and system.auth.token else set()
    granted |= {same_call(f"GET {system.described_by}")}
    listed = {} if listing is None else dict(listing.calls)
    others = {name: one for name, one in listed.items() if same_call(one.call) not in granted}
    named = {name: ListedCall(call) for name, call in system.not_granted.items()}
    known = {same_call(one.call) for one in named.values()}
    return {**named, **{name: one for name, one in others.items() if same_call(one.call) not in known}}


def same_call(call: str) -> str:
    """Return a call without the names of the places in its path.

    Examples
    --------
    >>> same_call("GET /orders/{po_number}") == same_call("GET /orders/{id}")
    True
    """
    return re.sub(r"\{[^}]*\}", "{}", call).rstrip("/")


async def listing_of(probed: Probed) -> Listing:
    """Return what a system lists. Raises CallError where that cannot be read."""
    connection, system = probed.caller.connection(), probed.system
    await probed.caller.room()
    if isinstance(connection, McpConnection):
        tools = await connection.tools()
        return Listing({name: ListedCall(name, example_of(schema, schema)) for name, schema in tools.items()})
    if isinstance(connection, SoapConnection):
        described = await connection.described()
        return Listing({name: ListedCall(name, dict.fromkeys(names, NO_SUCH)) for name, names in described.items()})
    assert system.type is SystemType.REST
    described_by = probed.caller.reach.connection(with_operation(system, "describe", call=f"GET {system.described_by}"))
    try:
        content = (await described_by.call(Asked("describe"))).content
    finally:
        await described_by.close()
    if not isinstance(content, Mapping) or not isinstance(content.get("paths"), Mapping):
        raise CallError("answer", "it is no OpenAPI description", 0.0)
    return Listing(await asyncio.to_thread(openapi_calls, content), content)


def openapi_calls(openapi: Mapping[str, Any]) -> dict[str, ListedCall]:
    """Return every call of an OpenAPI description with arguments that fit and belong to nothing."""
    found = {}
    for path, methods in openapi["paths"].items():
        for method in METHODS:
            if method in methods:
                call = f"{method.upper()} {path}"
                found[call] = ListedCall(call, _arguments(methods[method], methods.get("parameters", ()), openapi))
    return found


def _arguments(operation: Mapping[str, Any], shared: Sequence[Any], openapi: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in (*shared, *operation.get("parameters", ())):
        parameter = _resolved(one, openapi)
        if parameter.get("in") == "path" or (parameter.get("in") == "query" and parameter.get("required")):
            found[parameter["name"]] = example_of(parameter.get("schema", {}), openapi)
    content = _resolved(operation.get("requestBody", {}), openapi).get("content", {})
    body = example_of(content.get("application/json", {}).get("schema", {}), openapi) if content else {}
    return {**found, **(body if isinstance(body, dict) else {})}


def example_of(schema: Mapping[str, Any], whole: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a value that fits a JSON schema as far as its types, choices and bounds go, and belongs to nothing.

    Examples
    --------
    >>> example_of({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}, {})
    {'n': 0}
    """
    one = _resolved(schema, whole)
    if depth > DEEPEST:
        return None
    for key in ("const", "default"):
        if one.get(key) is not None:
            return one[key]
    if one.get("enum"):
        return one["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if one.get(key):
            return example_of(one[key][0], whole, depth + 1)
    kind = one.get("type", "object" if "properties" in one else "string")
    if kind == "object":
        named = one.get("properties", {})
        return {name: example_of(named.get(name, {}), whole, depth + 1) for name in one.get("required", ())}
    if kind == "array":
        return [example_of(one.get("items", {}), whole, depth + 1)] * int(one.get("minItems", 0))
    if kind in ("integer", "number"):
        return one.get("minimum", one.get("exclusiveMinimum", -1) + 1)
    return False if kind == "boolean" else _text(one)


def _text(schema: Mapping[str, Any]) -> str:
    by_format = {"date": "2000-01-01", "date-time": "2000-01-01T00:00:00+00:00"}
    if schema.get("pattern"):
        return _text_like(schema["pattern"])
    text = by_format.get(schema.get("format", ""), NO_SUCH)
    return text.ljust(int(schema.get("minLength", 0)), "0")[: int(schema.get("maxLength", 10_000))]


@cache
def _text_like(pattern: str) -> str:
    """Return the simplest text of a form, or one that has it not where the form cannot be read."""
    import hypothesis

    try:
        of_form = hypothesis.strategies.from_regex(pattern).map(lambda text: text.removesuffix("\n"))
        return hypothesis.find(of_form, bool, settings=drawing_settings())
    except (re.error, hypothesis.errors.HypothesisException):
        return NO_SUCH


def _resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference inside the description refers to."""
    for _ in range(DEEPEST):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        found: Any = whole
        for part in reference[2:].split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, Mapping) else {}
        schema = found
    return {}
