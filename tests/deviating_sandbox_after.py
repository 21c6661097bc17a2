"""The sandbox of invoice_matching with the deviations of `deviations_after.py`, put in place of its sandbox.py.

`sandbox_conforming` is the pilot's own sandbox.py under another name; which deviations there are says deviations.json.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from workbench.environment.sandbox import (
    AccountOf,
    IssuedTokens,
    SandboxClock,
    SandboxSystems,
    StandIn,
    TokenBucket,
    WrittenOnce,
    refuse_call,
)

from . import sandbox_archive, sandbox_feeds, sandbox_tax_ids, sandbox_vendors
from .sandbox_conforming import AGENT, FOREIGN, TOKEN_S, MatchingSystems
from .sandbox_entries import Entries
from .sandbox_erp import Erp, PoNumber
from .sandbox_web import Correlation, InvoiceNumber, VendorId
from .sandbox_worklist import Worklist

PLANTED = frozenset(json.loads(Path(__file__).with_name("deviations.json").read_text(encoding="utf-8")))
BURST, WRITES_PER_S, MORE, CUT, EVERY_502 = 60, 20, 7, 100, 30
FORGOTTEN_S, SEEN_S, SLOW_S = 600.0, 5.0, 0.3
EVERY_ROW, EVERY_FILE = 10, 5

if "vendors_block" in PLANTED:
    sandbox_vendors.OPERATIONS["BlockVendor"] = (("vendor_id",), ("done",))
if "tax_ids_text" in PLANTED:
    sandbox_tax_ids.ANSWER["properties"] = {"result": {"type": "string"}}


def sandbox(stand_in: StandIn) -> SandboxSystems:
    sandbox_tax_ids.said = said_otherwise
    return DeviatingSystems(stand_in).made()


said_by_tool = sandbox_tax_ids.said


def said_otherwise(content: Any, *, is_error: bool = False) -> Any:
    if not is_error and "tax_ids_text" in PLANTED:
        content = {"result": str(content["result"]).lower()}
    if not is_error and "tax_ids_all_valid" in PLANTED:
        content = {"result": True}
    return said_by_tool(content, is_error=is_error)


class AnyTokens(IssuedTokens):
    def account(self, headers: Mapping[str, str]) -> str | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        is_new = scheme.lower() == "bearer" and token and token not in self._issued
        return AGENT if is_new else super().account(headers)


class LaxKeys(WrittenOnce):
    """Keys that are not kept as they should be."""

    def __init__(self, store: sqlite3.Connection, kind: str, clock: SandboxClock) -> None:
        super().__init__(store, kind)
        self.clock, self.since = clock, dict[str, float]()

    def __call__(self, key: str, content: Any, write: Any) -> tuple[Any, bool]:
        now = self.clock.seconds()
        if "erp_key_forgotten" in PLANTED and now - self.since.setdefault(key, now) > FORGOTTEN_S:
            self._store.execute("DELETE FROM once WHERE kind = ? AND key = ?", (self._kind, key))
            self.since[key] = now
        if "erp_conflict_by_amount" in PLANTED:
            content = {"amount_eur": content["amount_eur"]}
        return super().__call__(key, content, write)


class LastKey(WrittenOnce):
    """Knows the last key only."""

    def __call__(self, key: str, content: Any, write: Any) -> tuple[Any, bool]:
        self._store.execute("DELETE FROM once WHERE kind = ? AND key <> ?", (self._kind, key))
        return super().__call__(key, content, write)


class DeviatingErp(Erp):
    """An ERP that does not keep its word."""

    def __init__(self, stand_in: StandIn, tokens: IssuedTokens) -> None:
        super().__init__(stand_in, tokens)
        self.n_receipts = count(1)
        self.postings.once = LaxKeys(stand_in.store, "post", stand_in.clock)

    def app(self) -> FastAPI:
        app = super().app()
        unfit: Any = app.exception_handlers[RequestValidationError]

        async def unfit_as_400(request: Request, error: Any) -> JSONResponse:
            answered: JSONResponse = await unfit(request, error)
            if "erp_400" in PLANTED and request.method == "GET" and request.url.path.endswith("/postings"):
                answered.status_code = 400
            return answered

        app.add_exception_handler(RequestValidationError, unfit_as_400)
        return app

    async def token(self, request: Request) -> JSONResponse:
        if "erp_any_scope" in PLANTED:
            request._body = re.sub(rb"\bscope=[^&]*", b"scope=matching", await request.body())
        answered = await super().token(request)
        if "erp_expires_in" in PLANTED and answered.status_code == 200:
            said = json.loads(bytes(answered.body))
            answered = JSONResponse(said | {"expires_in": 10 * said["expires_in"]})
        return answered

    async def read_order(self, po_number: PoNumber, correlation: Correlation = "") -> JSONResponse:
        answered = await super().read_order(po_number, correlation)
        return JSONResponse({}) if "erp_missing_is_empty" in PLANTED and answered.status_code == 404 else answered

    def order(self, document: Mapping[str, Any]) -> dict[str, Any]:
        said = super().order(document)
        if "erp_price_in_cents" in PLANTED and said["plant"] == "3010":
            said["po_price"] = said["po_price"].replace(".", "").replace(",", "")
        return said

    def page(self, limit: int, after: str) -> dict[str, Any]:
        said = super().page(min(limit, CUT) if "erp_page_cut" in PLANTED else limit, after)
        return said | ({"total": said["total"] + MORE} if "erp_total_disagrees" in PLANTED else {})

    async def read_receipts(self, po_number: PoNumber, correlation: Correlation = "") -> JSONResponse:
        if "erp_502" in PLANTED and next(self.n_receipts) % EVERY_502 == 0:
            raise HTTPException(502, "bad gateway")
        return await super().read_receipts(po_number, correlation)

    async def find_posting(self, invoice_number: InvoiceNumber, vendor_id: VendorId) -> JSONResponse:
        found = self.postings.found(invoice_number, vendor_id)
        if "erp_seen_later" in PLANTED:
            now = self.stand_in.clock.now()
            found = [one for one in found if (now - one["at"]).total_seconds() > SEEN_S]
        return JSONResponse({"postings": [self.posting(one) for one in found]})

    async def cancel_posting(
        self, invoice_number: InvoiceNumber, vendor_id: VendorId, correlation: Correlation = ""
    ) -> JSONResponse:
        answered = await super().cancel_posting(invoice_number, vendor_id, correlation)
        if "erp_undo_of_others" in PLANTED and answered.status_code == 200:
            self.stand_in.store.execute("DELETE FROM post WHERE vendor_id = ?", (vendor_id,))
        return answered

    def written(self, entries: Entries, name: str, content: dict[str, str], key: str, correlation: str) -> JSONResponse:
        answered = super().written(entries, name, content, key, correlation)
        if "erp_refused_and_written" in PLANTED and name == "return" and answered.status_code == 409:
            entries.written(key, content, correlation)
        return answered


class DeviatingWorklist(Worklist):
    """A work list that does not keep its word."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(stand_in)
        if "worklist_last_key" in PLANTED:
            self.tickets.once = LastKey(stand_in.store, "open_ticket")

    def app(self) -> FastAPI:
        app = super().app()
        if "worklist_undescribed" in PLANTED:
            described = app.openapi()
            del described["paths"]["/tickets"]["delete"]
        return app

    def ticket(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        said = super().ticket(entry)
        return said | ({"reason": said["reason"][:10]} if "worklist_reason_cut" in PLANTED else {})

    async def close_ticket(
        self, invoice_number: InvoiceNumber, vendor_id: VendorId, correlation: Correlation = ""
    ) -> JSONResponse:
        answered = await super().close_ticket(invoice_number, vendor_id, correlation)
        is_hidden = "worklist_closes_what_is_not" in PLANTED and answered.status_code == 404
        return JSONResponse({"cancelled": 0}) if is_hidden else answered


class DeviatingVendors(sandbox_vendors.VendorService):
    """A vendor service that does not keep its word."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(stand_in)
        self.known: set[str] = set()

    async def call(self, name: str, given: Mapping[str, str], correlation: str) -> dict[str, str]:
        if "vendors_slow_first" in PLANTED and given["vendor_id"] not in self.known:
            self.known.add(given["vendor_id"])
            await asyncio.sleep(SLOW_S)
        try:
            return await super().call(name, given, "" if "vendors_as_of_now" in PLANTED else correlation)
        except sandbox_vendors.SoapFaultError:
            if "vendors_missing_is_empty" not in PLANTED or name != "GetVendor":
                raise
            return dict.fromkeys(sandbox_vendors.OPERATIONS[name][1], "")

    def vendor(self, document: Mapping[str, Any]) -> dict[str, str]:
        said = super().vendor(document)
        is_hidden = "vendors_blocked_active" in PLANTED and said["vendor_status"] == "blocked"
        return said | ({"vendor_status": "active"} if is_hidden else {})


class DeviatingHub(sandbox_feeds.EdiHub):
    """A hub that does not keep its word."""

    def next_message(self) -> dict[str, Any] | None:
        message = super().next_message()
        if message is None:
            return None
        if "edi_lost" in PLANTED:
            del self.delivered[message["message"]]
        cents = {"gross_amount": message["gross_amount"].replace(".", "")} if "edi_cents" in PLANTED else {}
        return message | cents


class Boundless(TokenBucket):
    def take(self, account: str) -> float:
        return 0.0


class DeviatingSystems(MatchingSystems):
    """The systems with what deviates."""

    erp_type, worklist_type, hub_type = DeviatingErp, DeviatingWorklist, DeviatingHub

    def issued_tokens(self, users: Mapping[tuple[str, str], str]) -> IssuedTokens:
        kind = AnyTokens if "erp_any_token" in PLANTED else IssuedTokens
        return kind(users, TOKEN_S, self.stand_in.clock)

    def users(
        self, system: str, user: str, secret: str, foreign: str, foreign_secret: str
    ) -> dict[tuple[str, str], str]:
        known = super().users(system, user, secret, foreign, foreign_secret)
        if system == "ERP" and "erp_previous_secret" in PLANTED:
            of = self.stand_in.secrets
            known[of["ERP_CLIENT_ID"], of["ERP_CLIENT_SECRET_BEFORE"]] = AGENT
        return known

    def may(self, system: str, account: str, operation: str) -> bool:
        if system == "erp" and account == AGENT and operation == "POST /payment-runs":
            return "erp_payment_run" in PLANTED
        if account == FOREIGN and system == "worklist" and operation.startswith("GET "):
            return "worklist_foreign_reads" in PLANTED
        if account == FOREIGN and system == "edi" and operation == "POST /receive":
            return "edi_foreign_receives" in PLANTED
        if operation.startswith("DELETE /queues/") and "worklist_refused_and_done" in PLANTED:
            name = operation.rpartition("/")[2]
            self.stand_in.written.add("WORKLIST", "empty_queue", {"name": name})
        return super().may(system, account, operation)

    def rate(self, system: str) -> TokenBucket:
        taken = super().rate(system)
        if system == "erp" and "erp_small_burst" in PLANTED:
            return TokenBucket(taken.per_s, BURST, self.stand_in.clock)
        if system == "vendors" and "vendors_never_refused" in PLANTED:
            return Boundless(taken.per_s, taken.burst, self.stand_in.clock)
        return taken

    def gate(self, system: str, app: Any, account_of: AccountOf, **options: Any) -> Any:
        if system == "tax_ids" and "tax_ids_any_key" in PLANTED:
            known = account_of
            account_of = lambda headers: known(headers) or (AGENT if "x-api-key" in headers else None)  # noqa: E731
        if system == "erp" and "erp_fewer_writes" in PLANTED:
            app = with_fewer_writes(app, TokenBucket(WRITES_PER_S, WRITES_PER_S, self.stand_in.clock))
        made = super().gate(system, app, account_of, **options)
        return with_503(made) if system == "edi" and "edi_503" in PLANTED else made

    def vendors(self) -> object:
        return DeviatingVendors(self.stand_in)

    def archive(self) -> Mapping[str, Any]:
        tables = sandbox_archive.tables(self.stand_in.documents)
        rows = tables["earlier_documents"].rows
        if "archive_rows_missing" in PLANTED:
            rows = [row for number, row in enumerate(rows) if number % EVERY_ROW]
        return tables | {"earlier_documents": replace(tables["earlier_documents"], rows=rows)}

    def write_extracts(self) -> None:
        super().write_extracts()
        before: list[str] = []
        for number, path in enumerate(sorted((self.stand_in.folder / sandbox_feeds.FOLDER).glob("*.csv"))):
            with path.open(encoding=sandbox_feeds.ENCODING, newline="") as file:
                header, *rows, _ = csv.reader(file, delimiter=";")
            if "sap_winter_time" in PLANTED:
                rows = [[cells[0], in_winter_time(cells[1]), *cells[2:]] for cells in rows]
            if "sap_document_twice" in PLANTED and number % EVERY_FILE == 2:
                rows = [before, *rows]
            before = rows[-1]
            is_more = "sap_end_count" in PLANTED and number % EVERY_FILE == 0
            written = io.StringIO()
            lines = csv.writer(written, delimiter=";", lineterminator="\n")
            lines.writerows([header, *rows, ["END", len(rows) + is_more]])
            path.write_bytes(written.getvalue().encode(sandbox_feeds.ENCODING))


def in_winter_time(moment: str) -> str:
    """Return a moment in Berlin as a clock shows it that is not put forward in spring."""
    local = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    return (local.replace(tzinfo=None) - (local.dst() or timedelta())).isoformat()


def with_fewer_writes(app: Any, rate: TokenBucket) -> Any:
    """Return an application that takes fewer writes than other calls."""

    async def limited(scope: Any, receive: Any, send: Any) -> None:
        is_write = scope["method"] == "POST" and not str(scope["path"]).endswith("/token")
        if is_write and rate.take(AGENT) > 0:
            await refuse_call(send, 429, "too many writes", {"Retry-After": "1"})
        else:
            await app(scope, receive, send)

    return limited


def with_503(app: Any) -> Any:
    """Return an application that answers 503 where 429 is due."""

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            await send({**message, "status": 503} if message.get("status") == 429 else message)

        await app(scope, receive, sent)

    return answered
