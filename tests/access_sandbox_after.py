"""The sandbox of invoice_matching with the holes of `access_holes_after.py`, put in place of its sandbox.py.

`sandbox_conforming` is the pilot's own sandbox.py under another name; which holes there are says deviations.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import JSONResponse

from workbench.environment.sandbox import (
    AccountOf,
    Gate,
    IssuedTokens,
    SandboxSystems,
    StandIn,
    user_and_password,
)

from . import sandbox_archive
from .sandbox_conforming import AGENT, MatchingSystems
from .sandbox_entries import Entries
from .sandbox_erp import Erp, PoNumber
from .sandbox_web import Correlation
from .sandbox_worklist import Worklist

PLANTED = frozenset(json.loads(Path(__file__).with_name("deviations.json").read_text(encoding="utf-8")))
EVERY_SCOPE, CLERK = "every scope", "jonas.adler@beispiel.example"
AGE = timedelta(days=91)


def sandbox(stand_in: StandIn) -> SandboxSystems:
    return LeakySystems(stand_in).made()


class ScopedTokens(IssuedTokens):
    """Knows which tokens were given without a scope."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.of_every_scope = set[str]()

    def account(self, headers: Mapping[str, str]) -> str | None:
        known, token = super().account(headers), headers.get("authorization", "").partition(" ")[2]
        return EVERY_SCOPE if known == AGENT and token in self.of_every_scope else known


class LeakyErp(Erp):
    """An ERP that lets in whom nobody granted it."""

    async def token(self, request: Request) -> JSONResponse:
        said = await super().token(request)
        form = parse_qs((await request.body()).decode("latin-1"))
        of = self.stand_in.secrets
        named = user_and_password({name.lower(): value for name, value in request.headers.items()})
        before = (of["ERP_CLIENT_ID"], of["ERP_CLIENT_SECRET_BEFORE"])
        if "erp_rotated_basic" in PLANTED and said.status_code == 401 and named == before:
            token = self.tokens.issue(of["ERP_CLIENT_ID"], of["ERP_CLIENT_SECRET"])
            return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": 3600})
        if "erp_default_scope" in PLANTED and said.status_code == 200 and "scope" not in form:
            self.tokens.of_every_scope.add(json.loads(said.body)["access_token"])
        return said

    async def read_receipts(self, po_number: PoNumber, correlation: Correlation = "") -> JSONResponse:
        said = await super().read_receipts(po_number, correlation)
        if "erp_header_canary" in PLANTED and said.status_code == 200:
            said.headers["X-Entered-By"] = f"an invented person, {sandbox_archive.CANARY}, 4200"
        return said

    def cancelled(self, entries: Entries, invoice_number: str, vendor_id: str, correlation: str) -> JSONResponse:
        if "erp_foreign_return" in PLANTED and entries is self.returns and self.is_refused(entries, vendor_id):
            n = entries.cancel(invoice_number, vendor_id, correlation)
            return JSONResponse({"detail": "there is nothing to take back"}, 404 if n else 403)
        return super().cancelled(entries, invoice_number, vendor_id, correlation)


class LeakyWorklist(Worklist):
    """A work list that closes by pattern, and tells who used a key."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(stand_in)
        if "worklist_close_wildcard" in PLANTED:
            self.tickets.cancel = self.closed_by_pattern

    def closed_by_pattern(self, invoice_number: str, vendor_id: str, correlation: str) -> int:
        gone = "DELETE FROM open_ticket WHERE invoice_number LIKE ? AND vendor_id = ?"
        n = self.stand_in.store.execute(gone, (invoice_number, vendor_id)).rowcount
        if n:
            content = {"invoice_number": invoice_number, "vendor_id": vendor_id}
            self.stand_in.written.add("WORKLIST", "close_ticket", content, correlation)
        return n

    def app(self) -> Any:
        app = super().app()
        if "worklist_conflict_tells" not in PLANTED:
            return app

        @app.middleware("http")
        async def telling(request: Request, call_next: Any) -> Any:
            said = await call_next(request)
            if said.status_code != 409:
                return said
            return JSONResponse({"detail": f"the key was used with another content, by {CLERK}"}, 409)

        return app


class LeakySystems(MatchingSystems):
    """The systems with their holes."""

    erp_type, worklist_type = LeakyErp, LeakyWorklist

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(stand_in)
        if "vendors_old_password" in PLANTED:
            told = stand_in.told_apart
            issued = (stand_in.clock.now() - AGE).isoformat()
            stand_in.told_apart = lambda: {**told(), "issued": told()["issued"] | {"VENDORS_PASSWORD": issued}}

    def issued_tokens(self, users: Mapping[tuple[str, str], str]) -> IssuedTokens:
        return ScopedTokens(users, 3600.0, self.stand_in.clock)

    def may(self, system: str, account: str, operation: str) -> bool:
        return account == EVERY_SCOPE or super().may(system, account, operation)

    def gate(self, system: str, app: object, account_of: AccountOf, **options: Any) -> Gate:
        if system != "erp" or "erp_slash_payment_run" not in PLANTED:
            return super().gate(system, app, account_of, **options)

        async def without_slash(scope: Any, receive: Any, send: Any) -> None:
            """Serve a path with a slash at its end as the path without: the gate has asked for the longer one."""
            await app({**scope, "path": str(scope["path"]).rstrip("/")}, receive, send)

        return super().gate(system, without_slash, account_of, **options)
