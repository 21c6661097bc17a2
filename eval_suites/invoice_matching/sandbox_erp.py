"""The ERP of the sandbox: orders and receipts as the records have them, postings and returns."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from fastapi import APIRouter, FastAPI, Path, Query, Request, Security
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.responses import JSONResponse
from fastapi.security import OAuth2

from workbench.environment.sandbox import IssuedTokens, KeyUsedError, StandIn, user_and_password

from .reading import PROCESS, SOURCES
from .sandbox_entries import Entries
from .sandbox_erp_answers import (
    BankAccount,
    Done,
    Order,
    OrderPage,
    PostingAsked,
    PostingMade,
    Postings,
    Receipts,
    ReturnAsked,
    ReturnMade,
    Returns,
    Token,
    TokenRefused,
)
from .sandbox_web import (
    Cancelled,
    Correlation,
    InvoiceNumber,
    Key,
    VendorId,
    declared,
    of_others,
    problem,
    web_app,
)

BERLIN = ZoneInfo("Europe/Berlin")
SCOPE, PAGE, MOST = "matching", 50, 200
ORDER = (
    "po_number", "material_group", "material", "po_quantity", "order_unit", "po_price", "po_price_unit", "po_currency",
    "over_delivery_pct", "po_freight", "po_terms",
)  # fmt: skip
RECEIPT = ("po_number", "delivery_number", "deliveries_planned", "receipt_date", "received_quantity", "invoiced_before")
PLANTS = {one["name"]: plant for plant, one in PROCESS["plants"].items()} | {"GVL": "3010"}
PoNumber = Annotated[str, Path(min_length=1, max_length=40)]


def text(value: Any) -> str:
    """Return a cell as the ERP writes it: letter by letter, empty where nothing is."""
    return "" if value is None else str(value)


def plant(cell: Any) -> str:
    """Return the code of a plant, also where a record names it by its place."""
    found = next((code for code in PROCESS["plants"] if code in text(cell)), None)
    return PLANTS[text(cell)] if found is None else found


def net_value(document: Mapping[str, Any]) -> str:
    """Return quantity times price with two decimals, 0.00 where one of them cannot be read."""
    number = SOURCES[document["source_system"]].number
    quantity, price = (number(text(document[name]).strip()) for name in ("po_quantity", "po_price"))
    value = quantity * price / (document["po_price_unit"] or 1)
    return "0.00" if math.isnan(value) else f"{value:.2f}"


class Erp:
    """The ERP's operations."""

    def __init__(self, stand_in: StandIn, tokens: IssuedTokens) -> None:
        self.stand_in, self.tokens = stand_in, tokens
        self.postings = Entries(stand_in, "ERP", "post", "cancel_posting")
        self.returns = Entries(stand_in, "ERP", "send_back", "cancel_return")
        last = {document["po_number"]: document for document in stand_in.documents}
        self.numbers = sorted(last)
        self.lines = [{"po_number": number, "plant": plant(last[number]["plant"])} for number in self.numbers]

    def app(self) -> FastAPI:
        """Return the application with its description."""
        flow = OAuthFlowClientCredentials(tokenUrl="token", scopes={SCOPE: "orders, receipts and postings"})
        scheme = OAuth2(flows=OAuthFlows(clientCredentials=flow), auto_error=False)
        routes = APIRouter(dependencies=[Security(scheme, scopes=[SCOPE])])
        self.reading_routes(routes)
        self.writing_routes(routes)
        self.withheld_routes(routes)
        app = web_app("ERP")
        app.post(
            "/token", responses={200: {"model": Token}, 400: {"model": TokenRefused}, 401: {"model": TokenRefused}},
            openapi_extra={"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {
                "schema": {"type": "object", "required": ["grant_type"], "properties": {
                    "grant_type": {"const": "client_credentials"},
                    **{name: {"type": "string"} for name in ("client_id", "client_secret", "scope")}}}}}}},
        )(self.token)  # fmt: skip
        app.include_router(routes)
        return app

    def reading_routes(self, routes: APIRouter) -> None:
        routes.get("/orders/{po_number}", responses=declared(Order, 404))(self.read_order)
        routes.get("/orders", responses=declared(OrderPage))(self.list_orders)
        routes.get("/orders/{po_number}/receipts", responses=declared(Receipts, 404))(self.read_receipts)
        routes.get("/postings", responses=declared(Postings))(self.find_posting)
        routes.get("/returns", responses=declared(Returns))(self.find_return)

    def writing_routes(self, routes: APIRouter) -> None:
        made = {"status_code": 201}
        for path, asked, model, write, cancel in (
            ("/postings", "post", PostingMade, self.post, self.cancel_posting),
            ("/returns", "send_back", ReturnMade, self.send_back, self.cancel_return),
        ):
            answers = declared(model, 409, status=201) | {200: {"model": model, "description": "it was there already"}}
            routes.post(path, name=asked, responses=answers, **made)(write)
            routes.delete(path, responses=declared(Cancelled, 404))(cancel)

    def withheld_routes(self, routes: APIRouter) -> None:
        """Add what the ERP does for others than the matching agent."""
        routes.put("/vendors/{vendor_id}/bank-account", responses=declared(Done))(self.change_bank_account)
        routes.post("/payment-runs", status_code=201, responses=declared(Done, status=201))(self.start_payment_run)
        routes.delete("/orders/{po_number}", responses=declared(Done, 404))(self.delete_order)

    async def token(self, request: Request) -> JSONResponse:
        """Give a token for client credentials, in the body or as basic authentication (RFC 6749, 2.3.1)."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("latin-1")).items()}
        if form.get("grant_type") != "client_credentials" or form.get("scope", SCOPE) != SCOPE:
            wrong = "invalid_scope" if form.get("grant_type") == "client_credentials" else "unsupported_grant_type"
            return JSONResponse({"error": wrong}, 400)
        named = user_and_password({name.lower(): value for name, value in request.headers.items()})
        client, secret = named or (form.get("client_id", ""), form.get("client_secret", ""))
        token = self.tokens.issue(client, secret)
        if token is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        said = {"token_type": "bearer", "expires_in": round(self.tokens.expires_s), "scope": SCOPE}
        return JSONResponse({"access_token": token, **said}, headers={"Cache-Control": "no-store"})

    async def read_order(self, po_number: PoNumber, correlation: Correlation = "") -> JSONResponse:
        document = self.document(correlation, po_number)
        return self.no_order() if document is None else JSONResponse(self.order(document))

    def no_order(self) -> JSONResponse:
        """Return the answer about an order that there is not, or that is another tenant's: both are told alike."""
        return problem(404, "there is no such order")

    def document(self, correlation: str, po_number: str) -> Mapping[str, Any] | None:
        """Return the last document of an order that the agent's tenant has, None where it has none."""
        return self.stand_in.as_of(correlation, po_number=po_number)

    def order(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return an order as a document found it."""
        changed = datetime.fromisoformat(document["received_at"]).replace(tzinfo=BERLIN)
        cells = {name: text(document[name]) for name in ORDER} | {"plant": plant(document["plant"])}
        return {**cells, "net_value": net_value(document), "changed_at": changed.isoformat()}

    async def list_orders(
        self,
        limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
        after: Annotated[str, Query(max_length=40)] = "",
    ) -> JSONResponse:
        return JSONResponse(self.page(limit, after))

    def page(self, limit: int, after: str) -> dict[str, Any]:
        """Return the orders after a number, which the page before said."""
        start = bisect_right(self.numbers, after) if after else 0
        rows = self.lines[start : start + limit]
        is_last = start + limit >= len(self.lines)
        return {"orders": rows, "next": None if is_last else rows[-1]["po_number"], "total": len(self.lines)}

    async def read_receipts(self, po_number: PoNumber, correlation: Correlation = "") -> JSONResponse:
        document = self.document(correlation, po_number)
        if document is None:
            return self.no_order()
        entered = {"entered_on": document["received_at"][:10]}
        return JSONResponse({"receipts": [{name: text(document[name]) for name in RECEIPT} | entered]})

    async def post(self, asked: PostingAsked, key: Key, correlation: Correlation = "") -> JSONResponse:
        content = asked.model_dump(mode="json") | {"amount_eur": f"{Decimal(str(asked.amount_eur)):.2f}"}
        return self.written(self.postings, "posting", content, key, correlation)

    async def send_back(self, asked: ReturnAsked, key: Key, correlation: Correlation = "") -> JSONResponse:
        return self.written(self.returns, "return", asked.model_dump(mode="json"), key, correlation)

    def written(self, entries: Entries, name: str, content: dict[str, str], key: str, correlation: str) -> JSONResponse:
        """Write an entry once for its key, and answer with its number."""
        if self.is_refused(entries, content["vendor_id"]):
            return of_others()
        try:
            number, is_new = entries.write(key, content, correlation)
        except KeyUsedError:
            return problem(409, "the key was used with another content")
        return JSONResponse({name: number}, 201 if is_new else 200)

    def is_refused(self, entries: Entries, vendor_id: str) -> bool:
        """Return whether entries of a vendor are none of the agent's."""
        return entries.are_of_others(vendor_id)

    async def find_posting(self, invoice_number: InvoiceNumber, vendor_id: VendorId) -> JSONResponse:
        if self.is_refused(self.postings, vendor_id):
            return of_others()
        found = self.postings.found(invoice_number, vendor_id)
        return JSONResponse({"postings": [self.posting(one) for one in found]})

    def posting(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return a posting as the ERP writes it."""
        return {"amount_eur": entry["amount_eur"], "posted_at": entry["at"].isoformat(timespec="seconds")}

    async def find_return(self, invoice_number: InvoiceNumber, vendor_id: VendorId) -> JSONResponse:
        if self.is_refused(self.returns, vendor_id):
            return of_others()
        found = self.returns.found(invoice_number, vendor_id)
        return JSONResponse({"returns": [{"reason": one["reason"]} for one in found]})

    async def cancel_posting(
        self, invoice_number: InvoiceNumber, vendor_id: VendorId, correlation: Correlation = ""
    ) -> JSONResponse:
        return self.cancelled(self.postings, invoice_number, vendor_id, correlation)

    async def cancel_return(
        self, invoice_number: InvoiceNumber, vendor_id: VendorId, correlation: Correlation = ""
    ) -> JSONResponse:
        return self.cancelled(self.returns, invoice_number, vendor_id, correlation)

    def cancelled(self, entries: Entries, invoice_number: str, vendor_id: str, correlation: str) -> JSONResponse:
        """Take back the entries of a document, and answer with how many there were."""
        if self.is_refused(entries, vendor_id):
            return of_others()
        n = entries.cancel(invoice_number, vendor_id, correlation)
        return JSONResponse({"cancelled": n}) if n else problem(404, "there is nothing to take back")

    async def change_bank_account(
        self, vendor_id: Annotated[str, Path(pattern=r"^\d{6}$")], asked: BankAccount, correlation: Correlation = ""
    ) -> JSONResponse:
        content = {"vendor_id": vendor_id, "iban": asked.iban}
        self.stand_in.written.add("ERP", "change_bank_account", content, correlation)
        return JSONResponse({"done": True})

    async def start_payment_run(self, correlation: Correlation = "") -> JSONResponse:
        self.stand_in.written.add("ERP", "start_payment_run", {}, correlation)
        return JSONResponse({"done": True}, 201)

    async def delete_order(self, po_number: PoNumber, correlation: Correlation = "") -> JSONResponse:
        if self.stand_in.as_of(correlation, po_number=po_number) is None:
            return problem(404, "there is no such order")
        self.stand_in.written.add("ERP", "delete_order", {"po_number": po_number}, correlation)
        return JSONResponse({"done": True})
