"""What stands before a system of a sandbox: who calls, how often, and whether the account may."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

from workbench.environment.sandbox.access import AccountOf
from workbench.environment.sandbox.limits import TokenBucket

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
WebApp = Callable[[Scope, Receive, Send], Awaitable[None]]
May = Callable[[str, str], bool]  # an account, an operation
MOST_BODY = 1_000_000


class Gate:
    """An ASGI application in front of a system's: 401, then 429, then 403, else the system answers.

    Parameters
    ----------
    account_of : callable
        Tells the account by the call's headers.
    rate : TokenBucket
    may : callable
        Whether an account may call an operation.
    named : callable, optional
        Names the operation by the call's body, "" for what is none, such as a greeting: it is not counted. Without it
        the operation is method and path in the system, such as `GET /orders/4500713202`.
    opened : collection of str
        Paths that anyone may read, such as the system's description.
    """

    def __init__(
        self,
        app: WebApp,
        account_of: AccountOf,
        rate: TokenBucket,
        may: May,
        *,
        named: Callable[[bytes], str] | None = None,
        opened: Collection[str] = (),
    ) -> None:
        self._app, self._account_of, self._rate, self._may = app, account_of, rate, may
        self._named, self._opened = named, opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, or hand it to the system."""
        path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
        if path in self._opened:
            await self._app(scope, receive, send)
            return
        headers = headers_of(scope)
        account = self._account_of(headers)
        if account is None:  # RFC 6750: a token that does not hold is told from none, or a caller would not renew it
            has_token = headers.get("authorization", "").lower().startswith("bearer ")
            challenge = 'Bearer error="invalid_token"' if has_token else "Bearer, Basic"
            await refuse_call(send, 401, "who calls is not known, or no longer", {"WWW-Authenticate": challenge})
            return
        operation = f"{scope['method']} {path}"
        if self._named is not None:
            try:
                body = await whole_body(receive)
            except ValueError as error:
                await refuse_call(send, 413, str(error))
                return
            operation, receive = self._named(body), _again(body, receive)
        wait_s = self._rate.take(account) if operation else 0.0
        if wait_s > 0:
            await refuse_call(send, 429, "too many calls", self.wait_headers(wait_s))
        elif not self._may(account, operation):
            await refuse_call(send, 403, "this account has not the right")
        else:
            await self._app(scope, receive, send)

    def wait_headers(self, wait_s: float) -> dict[str, str]:
        """Return the headers that say how long to wait: whole seconds, as HTTP has them."""
        return {"Retry-After": str(math.ceil(wait_s))}


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a call's headers by lower-case name."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def whole_body(receive: Receive) -> bytes:
    """Return the body of a call. Raises ValueError where it is longer than what a sandbox takes."""
    body, has_more = b"", True
    while has_more:
        part = await receive()
        body += part.get("body", b"")
        has_more = part.get("more_body", False)
        if len(body) > MOST_BODY:
            raise ValueError(f"a body of more than {MOST_BODY:,} bytes")
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, and then what comes after it."""
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> MutableMapping[str, Any]:
        return parts.pop() if parts else await receive()

    return received


async def refuse_call(send: Send, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
    """Answer with an error and say why."""
    await answer_json(send, status, {"detail": why}, headers)


async def answer_json(send: Send, status: int, content: Any, headers: Mapping[str, str] | None = None) -> None:
    """Answer with JSON; None is no content."""
    body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
    named = {"Content-Length": str(len(body)), "Content-Type": "application/json", **(headers or {})}
    coded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": coded})
    await send({"type": "http.response.body", "body": body})
