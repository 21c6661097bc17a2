"""The work list of the sandbox: tickets of the people who decide what an agent must not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Security
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, Field

from workbench.environment.sandbox import KeyUsedError, StandIn

from .sandbox_entries import Entries
from .sandbox_web import (
    Cancelled,
    Correlation,
    InvoiceNumber,
    Key,
    OfDocument,
    VendorId,
    declared,
    of_others,
    problem,
    web_app,
)


class TicketAsked(OfDocument):
    assigned_to: str = Field(min_length=1, max_length=100)
    reason: str = Field(min_length=1, max_length=200)


class TicketMade(BaseModel):
    ticket: int


class Ticket(BaseModel):
    assigned_to: str
    reason: str
    opened_at: datetime


class Tickets(BaseModel):
    tickets: list[Ticket]


class Worklist:
    """The work list's operations."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.tickets = Entries(stand_in, "WORKLIST", "open_ticket", "close_ticket")

    def app(self) -> FastAPI:
        """Return the application with its description."""
        routes = APIRouter(dependencies=[Security(APIKeyHeader(name="X-API-Key", auto_error=False))])
        answers = declared(TicketMade, 409, status=201) | {
            200: {"model": TicketMade, "description": "it was there already"}
        }
        routes.post("/tickets", status_code=201, responses=answers)(self.open_ticket)
        routes.get("/tickets", responses=declared(Tickets))(self.find_tickets)
        routes.delete("/tickets", responses=declared(Cancelled, 404))(self.close_ticket)
        routes.delete("/queues/{name}", responses=declared(Cancelled))(self.empty_queue)
        app = web_app("Work list")
        app.include_router(routes)
        return app

    async def open_ticket(self, asked: TicketAsked, key: Key, correlation: Correlation = "") -> JSONResponse:
        if self.tickets.are_of_others(asked.vendor_id):
            return of_others()
        try:
            number, is_new = self.tickets.write(key, asked.model_dump(), correlation)
        except KeyUsedError:
            return problem(409, "the key was used with another content")
        return JSONResponse({"ticket": number}, 201 if is_new else 200)

    async def find_tickets(self, invoice_number: InvoiceNumber, vendor_id: VendorId) -> JSONResponse:
        if self.tickets.are_of_others(vendor_id):
            return of_others()
        found = self.tickets.found(invoice_number, vendor_id)
        return JSONResponse({"tickets": [self.ticket(one) for one in found]})

    def ticket(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return a ticket as the service desk writes it."""
        said = {name: entry[name] for name in ("assigned_to", "reason")}
        return {**said, "opened_at": entry["at"].isoformat(timespec="seconds")}

    async def close_ticket(
        self, invoice_number: InvoiceNumber, vendor_id: VendorId, correlation: Correlation = ""
    ) -> JSONResponse:
        if self.tickets.are_of_others(vendor_id):
            return of_others()
        n = self.tickets.cancel(invoice_number, vendor_id, correlation)
        return JSONResponse({"cancelled": n}) if n else problem(404, "there is no such ticket")

    async def empty_queue(
        self, name: Annotated[str, Path(min_length=1, max_length=100)], correlation: Correlation = ""
    ) -> JSONResponse:
        self.stand_in.written.add("WORKLIST", "empty_queue", {"name": name}, correlation)
        return JSONResponse({"cancelled": 0})
