"""Systems with a REST interface: arguments in path, query or JSON body; lists read to their end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from workbench.environment.connections.connection import Answered, Asked, CallError
from workbench.environment.connections.http import Received, Sent, SystemHttp
from workbench.environment.connections.operations import arguments_of, json_body, operation_of, rows_in
from workbench.pilot.integrations import Operation

MOST_PAGES = 100
WITH_BODY = ("POST", "PUT", "PATCH")
JSON_TYPE = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class ListRead:
    """A list that was read page by page.

    Parameters
    ----------
    rows : tuple of mapping
    n_pages : int
    totals : tuple of int
        How many rows there are, as each page said it.
    is_whole : bool
        Whether the last page said that there is none after it; False where pages were left, or came again.
    """

    rows: tuple[Mapping[str, Any], ...]
    n_pages: int
    totals: tuple[int, ...]
    is_whole: bool


class RestConnection:
    """A REST interface under one account."""

    def __init__(self, http: SystemHttp) -> None:
        self._http = http

    async def call(self, asked: Asked) -> Answered:
        """Call an operation once. Raises CallError where it does not end well."""
        operation = operation_of(self._http.system, asked.operation)
        received, said = await self._said(asked, operation)
        rows = operation.paging.rows if operation.paging is not None else operation.rows
        content = rows_in(said, rows, received.latency_s)
        return Answered(content, str(received.status), received.latency_s, received.headers)

    async def pages(self, asked: Asked, most: int = MOST_PAGES) -> ListRead:
        """Return a list read to its end, or so many pages of it; every page has the deadline of the call.

        Raises
        ------
        CallError
            A page does not end well.
        """
        operation = operation_of(self._http.system, asked.operation)
        paging = operation.paging
        if paging is None:
            raise ValueError(f"{asked.operation} has no pages")
        rows: list[Mapping[str, Any]] = []
        totals: list[int] = []
        seen: set[str] = set()
        arguments = dict(asked.arguments)
        for number in range(1, most + 1):
            received, said = await self._said(replace(asked, arguments=arguments), operation)
            rows += rows_in(said, paging.rows, received.latency_s)
            if paging.total is not None and isinstance(said.get(paging.total), int):
                totals.append(said[paging.total])
            after = said.get(paging.next)
            if after in (None, "") or str(after) in seen:
                return ListRead(tuple(rows), number, tuple(totals), is_whole=after in (None, ""))
            seen.add(str(after))
            arguments[paging.after] = after
        return ListRead(tuple(rows), most, tuple(totals), is_whole=False)

    async def close(self) -> None:
        """Leave the system."""
        await self._http.close()

    async def _said(self, asked: Asked, operation: Operation) -> tuple[Received, Any]:
        received = await self._http.send(_sent(asked, operation, self._http.correlated(asked)), asked.deadline_s)
        return received, self._http.json_of(received)


def _sent(asked: Asked, operation: Operation, headers: dict[str, str]) -> Sent:
    """Return the request of a call: named places of the path filled, the other arguments in query or body."""
    method, _, path = operation.call.partition(" ")
    if operation.idempotency_key is not None and asked.key is not None:
        headers[operation.idempotency_key] = asked.key
    arguments = arguments_of(asked)
    for name in [one for one in arguments if "{" + one + "}" in path]:
        path = path.replace("{" + name + "}", _path_part(name, arguments.pop(name)))
    if "{" in path:
        raise CallError("argument", f"{path} has a place that no argument fills", 0.0)
    if method in WITH_BODY:
        body = json_body(arguments)
        return Sent(method, path, {**headers, **JSON_TYPE}, body)
    query = urlencode({name: _text(value) for name, value in arguments.items()})
    return Sent(method, f"{path}?{query}" if query else path, headers)


def _path_part(name: str, value: Any) -> str:
    """Return a value as one part of a path. Raises CallError where it would be another path."""
    text = _text(value)
    if text.strip(".") == "":
        raise CallError("argument", f"{name} is {text!r}, which would be another path", 0.0)
    return quote(text, safe="")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
