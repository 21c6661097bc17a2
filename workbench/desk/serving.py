"""The desk as a web application: who comes by which link, and every tap one request that gives the next card."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from workbench.desk.guarding import DeskGuard
from workbench.desk.links import LinkExpiredError, Links
from workbench.desk.places import DeskPlace
from workbench.desk.showing import ASSETS, Shell, asset, asset_addresses
from workbench.desk.store import Desk
from workbench.desk.taps import DeskPages, GivenPage, Visitor, queue_named
from workbench.pilot import ReviewSettings
from workbench.words import InputError, RunError

EXPIRE_EVERY_S = 60.0
MOST_FIELDS, THREADS = 20, 16
CODED = ("action", "reason", "item")  # fields whose values `showing.sent` wrote
WHO_TO_ASK = "Ask whoever opened this desk for a new link: it is one command for them."
KEPT_BY_BROWSERS = {"cache-control": "public, max-age=31536000, immutable"}
T = TypeVar("T")


def desk_app(
    desk: Desk,
    settings: ReviewSettings,
    links: Links,
    title: str,
    place: DeskPlace | None = None,
    now: Callable[[], float] = time.time,
) -> Starlette:
    """Return the desk's web application.

    Parameters
    ----------
    title : str
        What the desk is for, on every page.
    place : DeskPlace, optional
        Where it is served; without it on this machine.
    now : callable
        Seconds since the epoch.
    """
    where = place or DeskPlace()
    shell = Shell(title, settings.played, settings.reasons)
    site = DeskSite(DeskPages(desk, settings, shell, now), links, where)
    return Starlette(
        routes=site.routes(),
        middleware=[Middleware(DeskGuard, place=where, refuse=site.refused)],
        exception_handlers={HTTPException: site.not_there, InputError: site.mistaken, RunError: site.not_done},
        lifespan=site.lifespan,
    )


@dataclass(slots=True)
class DeskSite:
    """The addresses of one desk; what touches its file is done in threads: answers of many at once share the disk."""

    pages: DeskPages
    links: Links
    place: DeskPlace
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "desk"))

    def routes(self) -> list[Route]:
        """Return every address with what answers there."""
        posts = ((self.answer, "/answer"), (self.undo, "/undo"), (self.feedback, "/feedback"))
        return [
            Route("/", self.card),
            Route("/queue/{queue}", self.card),
            Route("/in/{ticket}", self.come_in),
            Route("/state", self.state),
            Route("/static/{digest}/{name}", self.static),
            *(Route(path, endpoint, methods=["POST"]) for endpoint, path in posts),
            *(Route(path, self.start, methods=["GET"]) for _, path in posts),
        ]

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Look each minute for items past their deadline while the desk is served."""
        looking = asyncio.create_task(self._look())
        yield
        looking.cancel()
        self._threads.shutdown()

    async def come_in(self, request: Request) -> Response:
        """Let a person in by the own link: a cookie that only this desk reads, and on to the first card."""
        ticket = request.path_params["ticket"]
        await self._visitor(ticket)
        answer = RedirectResponse("/", status_code=303)
        lasts = int(3600 * self.pages.settings.link_hours)
        answer.set_cookie(
            self.cookie, ticket, max_age=lasts, secure=self.place.is_secure, httponly=True, samesite="lax"
        )
        return answer

    async def card(self, request: Request) -> Response:
        """Give a person the next card, of one queue or of all."""
        queue = queue_named(request.path_params.get("queue", ""))
        visitor = await self._visitor(request.cookies.get(self.cookie))
        return _page(await self._in_thread(self.pages.card, visitor, queue))

    async def start(self, request: Request) -> Response:
        """Lead whoever opens the address of a form to the next card."""
        return RedirectResponse("/", status_code=303)

    async def answer(self, request: Request) -> Response:
        """Store an answer, and give the next card."""
        return await self._posted(request, self.pages.answer)

    async def undo(self, request: Request) -> Response:
        """Take an answer back, and give its card."""
        return await self._posted(request, self.pages.undo)

    async def feedback(self, request: Request) -> Response:
        """Keep what a person says of a card, and give the card."""
        return await self._posted(request, self.pages.feedback)

    async def state(self, request: Request) -> Response:
        """Give a person's progress as JSON."""
        visitor = await self._visitor(request.cookies.get(self.cookie))
        return JSONResponse(await self._in_thread(self.pages.state, visitor))

    async def static(self, request: Request) -> Response:
        """Give the style sheet or the script; an address with another digest is none."""
        name = request.path_params["name"]
        if request.url.path not in asset_addresses().values():
            raise HTTPException(404)
        return Response(asset(name), media_type=ASSETS[name], headers=KEPT_BY_BROWSERS)

    @property
    def cookie(self) -> str:
        """The name of the cookie; desks for other things on this machine have others."""
        name = f"desk-{sha256(self.pages.shell.title.encode()).hexdigest()[:8]}"
        return f"__Host-{name}" if self.place.is_secure else name

    def refused(self, status: int, heading: str, *lines: str) -> HTMLResponse:
        """Return a page that says what is wrong and what to do."""
        return HTMLResponse(self.pages.shell.page(heading=heading, lines=lines, way=("/", "To your desk")), status)

    async def not_there(self, request: Request, error: Exception) -> Response:
        """Say that an address or a method is none."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self.refused(
            status, "There is nothing at this address." if status == 404 else "That cannot be done here."
        )

    async def mistaken(self, request: Request, error: Exception) -> Response:
        """Say what a person sent that the desk cannot take, or that a link is over."""
        if isinstance(error, LinkExpiredError):
            return self.refused(403, "Your link has expired.", WHO_TO_ASK)
        if isinstance(error, _UnknownVisitorError):
            return self.refused(403, error.problem, WHO_TO_ASK)
        facts = error.facts() if isinstance(error, InputError) else {}
        lines = [f"{name}: {text}" for name, text in facts.items()]
        said = f"{getattr(error, 'problem', error)}."
        return self.refused(400, f"Not stored: {said}" if request.method == "POST" else said.capitalize(), *lines)

    async def not_done(self, request: Request, error: Exception) -> Response:
        """Say that the desk could not do its part."""
        return self.refused(503, "The desk cannot store anything just now.", "Press it again: nothing is stored twice.")

    async def _posted(self, request: Request, done: Callable[[Visitor, Mapping[str, str]], GivenPage]) -> Response:
        visitor = await self._visitor(request.cookies.get(self.cookie))
        form = _form(await request.body())
        if not visitor.sent(form):
            return self.refused(403, "This form is not from your desk's page.", "Nothing was stored.")
        return _page(await self._in_thread(done, visitor, form))

    async def _visitor(self, ticket: str | None) -> Visitor:
        """Return who a ticket is for. Raises InputError where nobody is let in by it."""
        if ticket is None:
            raise _UnknownVisitorError("Open the desk by your own link first.")
        try:
            name = self.links.person_of(ticket, self.pages.now())
            return Visitor.of(self.pages.settings.person(name), ticket)
        except LinkExpiredError:
            raise
        except InputError:
            raise _UnknownVisitorError("This link is not one of this desk.") from None

    async def _in_thread(self, done: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, done, *given)

    async def _look(self) -> None:
        while True:
            await self._in_thread(self.pages.desk.expire)
            await asyncio.sleep(EXPIRE_EVERY_S)


class _UnknownVisitorError(InputError):
    """A request by nobody whom the desk knows."""


def _page(given: GivenPage) -> HTMLResponse:
    return HTMLResponse(given.html, given.status)


def _form(body: bytes) -> dict[str, str]:
    """Return the fields of a form, the last of each name. Raises InputError where it is none."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise InputError("what was sent is no form of the desk") from None
    fields = dict(pairs)
    coded = {name: unquote(fields[name], errors="surrogatepass") for name in CODED if name in fields}
    said = {"reason": fields["said"]} if "said" in fields else {}
    return fields | coded | said
