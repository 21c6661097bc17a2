"""What stands before every page of the desk: whose name it was asked by, which site asks, what a browser may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders

from workbench.desk.places import DeskPlace

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Refuse = Callable[[int, str, str], Callable[[Scope, Receive, Send], Awaitable[None]]]

LARGEST_BODY = 64 * 1024  # bytes; a form with a note of 4,000 letters needs a third of it
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
ALWAYS = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class DeskGuard:
    """Refuses what does not come from the desk's own pages, and says to browsers what they may do with a page.

    Parameters
    ----------
    app : ASGI application
    place : DeskPlace
    refuse : callable
        Makes the page that says why: status, problem, what to do.
    """

    def __init__(self, app: Any, place: DeskPlace, refuse: Refuse) -> None:
        self._app, self._place, self._refuse = app, place, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it before the application sees it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def headed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(ALWAYS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, headed)

    def _refusal(self, scope: Scope) -> Any:
        headers = Headers(scope=scope)
        if not self._place.knows(headers.get("host", "")):
            return self._refuse(421, "This is not an address of the desk.", "Open the link that you were given.")
        if scope["method"] in ("GET", "HEAD"):
            return None
        if self._place.distrusts(headers) is not None:
            return self._refuse(403, "This did not come from a page of the desk.", "Nothing was stored.")
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= LARGEST_BODY):
            return self._refuse(413, "That is more than the desk takes at once.", "Nothing was stored. Write less.")
        return None
