"""A small help desk over HTTP that does what its specification says, or has flaws; it knows its own test clock."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from small_pilots import ALL_DEV, written_pilot

from workbench.pilot import Pilot
from workbench.pilot.integrations import IntegrationSettings

OWN, BEFORE, FOREIGN = "key-of-now", "key-of-before", "key-of-another"
SECRETS = {"DESK_KEY": OWN, "DESK_KEY_BEFORE": BEFORE, "DESK_FOREIGN_KEY": FOREIGN}
FOREIGN_TICKETS, CANARY = ("X20001", "X20002"), "canary-of-the-desk"
PER_S, MOST = 50, 10
GONE_AFTER = 30
COLUMNS = {
    "id": {"role": "id"},
    "ticket": {},
    "topic": {},
    "raised": {},
    "amount": {},
    "label": {"role": "label"},
}
ROWS = [
    (
        f"R{n:03d}",
        f"T{1000 + n}",
        ("card", "Überweisung", "login")[n % 3],
        f"{n % 28 + 1:02d}.03.2026",
        f"{n},50",
        "ab"[n % 2],
    )
    for n in range(60)
]
ERRORS = {
    "401": {"meaning": "the key is missing or wrong", "retry": False},
    "429": {"meaning": "too many calls", "retry": True},
}


def small_pilot(root: Path) -> Pilot:
    """Return a pilot whose sixty records are the desk's tickets."""
    return written_pilot(root, COLUMNS, ROWS, {"a": ALL_DEV, "b": ALL_DEV})


def settings_of(address: str) -> IntegrationSettings:
    """Return what was agreed of the desk."""
    not_there = {"404": {"meaning": "there is no such ticket", "retry": False}}
    not_fitting = {"422": {"meaning": "an argument does not fit", "retry": False}}
    desk = {
        "id": "DESK",
        "type": "rest",
        "owner": "Jo",
        "team": "desk",
        "sandbox": f"{address}/desk",
        "described_by": "/openapi.json",
        "auth": {
            "kind": "api_key",
            "secret_env": "DESK_KEY",
            "previous_secret_env": "DESK_KEY_BEFORE",
            "foreign_secret_env": "DESK_FOREIGN_KEY",
            "rotation_days": 90,
        },
        "rate": {"per_s": PER_S, "burst": PER_S, "on_exceed": "refuses", "retry_after": True},
        "operations": {
            "read_ticket": {
                "effect": "read",
                "call": "GET /tickets/{ticket}",
                "arguments": {"ticket": "ticket"},
                "latency_p95_ms": 150,
                "errors": {**ERRORS, **not_there},
                "answer": {
                    "ticket": {"becomes": "ticket"},
                    "topic": {"becomes": "topic"},
                    "raised": {"becomes": "raised", "type": "date", "format": "%d.%m.%Y"},
                    "amount": {"becomes": "amount", "type": "decimal", "decimal": ","},
                },
            },
            "list_tickets": {
                "effect": "read",
                "call": "GET /tickets",
                "latency_p95_ms": 150,
                "errors": {**ERRORS, **not_fitting},
                "paging": {
                    "rows": "tickets",
                    "after": "after",
                    "next": "next",
                    "size": "n",
                    "most": MOST,
                    "total": "all",
                },
                "answer": {"ticket": {"becomes": "ticket"}},
            },
            "reply": {
                "effect": "write",
                "call": "POST /replies",
                "arguments": {"ticket": "ticket"},
                "said": {"text": "done"},
                "idempotency_key": "Idempotency-Key",
                "conflict": "409",
                "read_back": "find_replies",
                "undo": "withdraw",
                "latency_p95_ms": 150,
                "errors": {**ERRORS, **not_fitting, "409": {"meaning": "the key was used otherwise", "retry": False}},
                "answer": {"reply": {"type": "integer"}},
            },
            "find_replies": {
                "effect": "read",
                "call": "GET /replies",
                "arguments": {"ticket": "ticket"},
                "rows": "replies",
                "latency_p95_ms": 150,
                "errors": {**ERRORS, **not_fitting},
                "answer": {"text": {}, "at": {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"}},
            },
            "withdraw": {
                "effect": "write",
                "call": "DELETE /replies",
                "arguments": {"ticket": "ticket"},
                "latency_p95_ms": 150,
                "errors": {**ERRORS, **not_there},
            },
        },
    }
    sandbox = {"clock": f"{address}/clock", "written": f"{address}/written"}
    return IntegrationSettings.model_validate({"engineers": "IT owner", "sandbox": sandbox, "systems": [desk]})


class Desk:
    """The desk's state: replies, keys, and how many calls it takes.

    Parameters
    ----------
    flaws : str
        What it does otherwise than was agreed.
    """

    def __init__(self, *flaws: str) -> None:
        self.flaws, self.ahead_s = frozenset(flaws), 0.0
        self.stood_at: float | None = None
        self.done: list[str] = []
        self.writes: dict[int, int] = {}
        self.tickets = {row[1]: dict(zip(COLUMNS, row, strict=True)) for row in ROWS}
        self.replies: list[dict[str, Any]] = []
        self.keys: dict[str, tuple[dict[str, Any], int]] = {}
        self.per_s = PER_S / 2 if "half the rate" in flaws else PER_S
        self.left, self.since = float(PER_S), self.now_s()
        self.calls = 0
        self.end: Callable[[], None] | None = None  # ends the server

    def wrong_with(self, asked: dict[str, str]) -> JSONResponse | None:
        """Return the error of a reply that does not fit, or to a ticket of another desk; None for one that is taken."""
        if set(asked) != {"ticket", "text"}:
            wrong = [{"loc": ["body"], "msg": "ticket and text", "type": "value_error"}]
            return JSONResponse({"detail": "ticket and text" if "other errors" in self.flaws else wrong}, 422)
        is_refused = asked["ticket"] in FOREIGN_TICKETS and "foreign written" not in self.flaws
        return JSONResponse({"detail": "no right"}, 403) if is_refused else None

    @property
    def told_by(self) -> tuple[str, ...]:
        """What a ticket is told by that is not its number."""
        foreign = FOREIGN_TICKETS if "foreign read" in self.flaws else ()
        return (*foreign, *(("%",) if "wildcard" in self.flaws else ()))

    def unknown(self) -> JSONResponse:
        """Return the error of a ticket that there is not."""
        if "unknown is empty" in self.flaws:
            return JSONResponse({})
        told = f"; ask {CANARY} or jo.doe@example.org" if "error tells" in self.flaws else ""
        return JSONResponse({"detail": f"none{told}"}, 404)

    def shown_at(self, start: int) -> tuple[str, ...]:
        """Return tickets of another desk on the page that begins at a place."""
        return FOREIGN_TICKETS[:1] if "foreign row" in self.flaws and start == MOST else ()

    def count(self) -> None:
        """Count a call; with the flaw "gone" the server ends in the midst of them."""
        self.calls += 1
        if "gone" in self.flaws and self.calls == GONE_AFTER and self.end is not None:
            self.end()

    def now_s(self) -> float:
        """Return the seconds of its clock."""
        return self.ahead_s + (time.monotonic() if self.stood_at is None else self.stood_at)

    def stand(self, *, stands: bool) -> None:
        """Let its clock stand, or go on."""
        self.ahead_s = self.now_s() - time.monotonic()
        self.stood_at = time.monotonic() if stands else None

    def moment(self) -> datetime:
        """Return the moment by its clock."""
        return datetime.now(UTC) + timedelta(seconds=self.now_s() - time.monotonic())

    def takes(self) -> bool:
        """Take a call, unless there were too many."""
        now = self.now_s()
        self.left, self.since = min(PER_S, self.left + (now - self.since) * self.per_s), now
        if self.left < 1 and "no limit" not in self.flaws:
            return False
        self.left -= 1
        return True

    def takes_write(self) -> bool:
        """Take a write, unless there were many in this second of its clock and it is to take fewer of them."""
        second = int(self.now_s())
        self.writes = {second: self.writes.get(second, 0) + 1}
        return self.writes[second] <= 10 or "fewer writes" not in self.flaws

    def knows(self, key: str | None, path: str) -> bool:
        """Return whether a key lets a caller in."""
        known = {OWN, BEFORE} if "key of before" in self.flaws else {OWN}
        known |= {key} if "any key" in self.flaws and key not in (None, FOREIGN, BEFORE) else set()
        known |= {FOREIGN} if "foreign key" in self.flaws and path == "/desk/replies" else set()
        return key in known or ("open list" in self.flaws and path == "/desk/tickets")


def application(desk: Desk) -> FastAPI:
    """Return the desk and its test clock as one application."""
    app, inner = FastAPI(), FastAPI(title="Desk")

    @app.post("/clock")
    async def clock(asked: dict[str, float]) -> dict[str, Any]:
        desk.ahead_s += asked["advance_s"]
        if "stands" in asked:
            desk.stand(stands=bool(asked["stands"]))
        return {"now": desk.moment().isoformat(), "stands": desk.stood_at is not None}

    @app.delete("/written", status_code=204)
    async def written() -> None:
        desk.replies.clear()
        desk.keys.clear()

    @app.get("/foreign")
    async def foreign() -> Any:
        records = [{"ticket": ticket} for ticket in FOREIGN_TICKETS]
        said = {"records": records, "canaries": [CANARY], "issued": {"DESK_KEY": desk.moment().isoformat()}}
        return ["nothing"] if "hook broken" in desk.flaws else said

    @app.get("/written")
    async def listed() -> dict[str, Any]:
        return {"written": [{"system": "DESK"} for _ in (*desk.replies, *desk.done)]}

    async def let_in(request: Request, x_api_key: str | None = Header(default=None)) -> None:
        desk.count()
        if not desk.knows(x_api_key, request.url.path):
            raise HTTPException(401, "not known")
        if not desk.takes() or (request.method == "POST" and not desk.takes_write()):
            raise HTTPException(429, "too many", {} if "no Retry-After" in desk.flaws else {"Retry-After": "1"})

    routes = APIRouter(dependencies=[Depends(let_in)])
    _reading(routes, desk)
    _writing(routes, desk)
    _elsewhere(routes, desk)
    inner.include_router(routes, responses={401: {}, 403: {}, 404: {}, 409: {}, 429: {}})
    app.mount("/desk", inner)
    return app


def _shown(desk: Desk, ticket: dict[str, str]) -> dict[str, str]:
    """Return a ticket as the desk writes it."""
    said = {name: ticket[name] for name in ("ticket", "topic", "raised", "amount")}
    if "other dates" in desk.flaws:
        said["raised"] = "-".join(reversed(said["raised"].split(".")))
    if "other signs" in desk.flaws:
        said["amount"] = said["amount"].replace(",", ".")
    if "garbled" in desk.flaws:
        said["topic"] = said["topic"].encode().decode("iso-8859-15")
    return {name: text for name, text in said.items() if name != "topic" or "field gone" not in desk.flaws}


def _reading(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/tickets/{ticket}")
    async def read_ticket(ticket: str) -> Response:
        if "slow" in desk.flaws:
            await asyncio.sleep(0.2)
        if "redirect" in desk.flaws:
            return RedirectResponse("http://169.254.169.254/latest")
        found = desk.tickets.get(ticket)
        if ticket in desk.told_by:
            found = desk.tickets["T1000"]
        headers = {"X-Clerk": CANARY} if "header tells" in desk.flaws else {}
        return desk.unknown() if found is None else JSONResponse(_shown(desk, found), headers=headers)

    @routes.get("/tickets")
    async def list_tickets(n: int = Query(default=5, ge=1, le=MOST), after: str = "") -> dict[str, Any]:
        names = sorted(desk.tickets)
        start = next((place for place, one in enumerate(names) if one > after), len(names))
        if n == MOST and "fails at most" in desk.flaws:
            raise HTTPException(500, "internal server error")
        n = min(n, 4) if "page cut" in desk.flaws else n
        page = names[start : start + n]
        is_last = start + n >= len(names)
        if "row lost" in desk.flaws and start == 20:
            page = page[:-1] or page
        rows = [{"ticket": one} for one in page]
        rows += [{"ticket": one} for one in desk.shown_at(start)]
        total = len(names) - (2 if "other total" in desk.flaws else 0)
        return {"tickets": rows, "next": None if is_last else names[start + n - 1], "all": total}

    @routes.delete("/tickets/{ticket}")
    async def delete_ticket(ticket: str) -> Response:
        if "more rights" in desk.flaws:
            return JSONResponse({"detail": "none"}, 404)
        desk.done += [ticket] if "refused and done" in desk.flaws else []
        return JSONResponse({"detail": "no right"}, 403)


def _writing(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/replies", status_code=201)
    async def reply(asked: dict[str, str], idempotency_key: str = Header()) -> Response:
        if (wrong := desk.wrong_with(asked)) is not None:
            return wrong
        known = desk.keys.get(idempotency_key)
        if known is not None and "key ignored" not in desk.flaws:
            is_other = known[0] != asked and "no conflict" not in desk.flaws
            is_other = is_other and ("conflict by text" not in desk.flaws or known[0]["text"] != asked["text"])
            if is_other and "refused and written" in desk.flaws:
                desk.replies.append({**asked, "at": datetime.now(UTC)})
            used = "used by jo.doe@example.org" if "conflict tells" in desk.flaws else "used"
            return JSONResponse({"detail": used}, 409) if is_other else JSONResponse({"reply": known[1]})
        if "last key" in desk.flaws:
            desk.keys.clear()
        moment = desk.moment()
        number = len(desk.keys) + len(desk.replies) + 1
        desk.replies.append({**asked, "at": moment})
        desk.keys[idempotency_key] = (asked, number)
        return JSONResponse({"reply": number}, 201)

    @routes.get("/replies")
    async def find_replies(ticket: str) -> dict[str, Any]:
        hours = timedelta(hours=2 if "other zone" in desk.flaws else 0)
        form = "%Y-%m-%dT%H:%M:%S" + ("" if "no zone" in desk.flaws else "+00:00")
        rows = [one for one in desk.replies if one["ticket"] == ticket]
        return {"replies": [{"text": one["text"], "at": (one["at"] + hours).strftime(form)} for one in rows]}

    @routes.delete("/replies")
    async def withdraw(ticket: str) -> Response:
        kept = [one for one in desk.replies if one["ticket"] != ticket]
        gone = len(desk.replies) - len(kept)
        if "all taken back" in desk.flaws:
            desk.replies.clear()
        elif "nothing taken back" not in desk.flaws:
            desk.replies[:] = kept
        return JSONResponse({"gone": gone}) if gone else JSONResponse({"detail": "none"}, 404)


def _elsewhere(routes: APIRouter, desk: Desk) -> None:
    """Answer paths that the desk does not describe, where it has a flaw for that."""
    if desk.flaws.isdisjoint(("any path", "slash more")):
        return

    @routes.api_route("/{path:path}", include_in_schema=False, methods=["GET", "DELETE"])
    async def any_path(path: str, request: Request) -> Response:
        is_slash = path.startswith("tickets/") and path.endswith("/") and request.method == "DELETE"
        is_done = "any path" in desk.flaws or is_slash
        return JSONResponse({} if is_done else {"detail": "none"}, 200 if is_done else 404)


@contextmanager
def running_desk(*flaws: str) -> Iterator[str]:
    """Run the desk on a free port of this machine and give its address."""
    desk = Desk(*flaws)
    server = uvicorn.Server(uvicorn.Config(application(desk), port=0, log_level="critical"))
    desk.end = lambda: setattr(server, "should_exit", True)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
