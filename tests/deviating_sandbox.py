"""The sandbox of invoice_matching with planted deviations: put in place of its sandbox.py by `deviations.py`.

`sandbox_conforming` is the pilot's own sandbox.py under another name; which deviations there are says deviations.json.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import HTTPException
from fastapi.responses import JSONResponse

from workbench.environment.sandbox import (
    AccountOf,
    Gate,
    IssuedTokens,
    KeyUsedError,
    SandboxSystems,
    StandIn,
    TokenBucket,
)

from . import sandbox_archive, sandbox_feeds, sandbox_vendors
from .sandbox_conforming import AGENT, FOREIGN, TOKEN_S, MatchingSystems
from .sandbox_entries import Entries
from .sandbox_erp import MOST, Erp, PoNumber, ReturnAsked
from .sandbox_web import Correlation, Key
from .sandbox_worklist import Worklist

PLANTED = frozenset(json.loads(Path(__file__).with_name("deviations.json").read_text(encoding="utf-8")))
EVERY_SLOW, SLOW_S = 8, 0.4  # four times the 100 ms that are declared, of more than a twentieth of the calls
EVERY_PLANT, EVERY_FILE, PAGE_LOST = 5, 5, 3


def sandbox(stand_in: StandIn) -> SandboxSystems:
    return DeviatingSystems(stand_in).made()


class EverlastingTokens(IssuedTokens):
    def account(self, headers: Mapping[str, str]) -> str | None:
        return self._issued.get(headers.get("authorization", "").partition(" ")[2], (None, 0.0))[0]


class DeviatingErp(Erp):
    """An ERP that does not keep its word."""

    n_receipts = count()

    def page(self, limit: int, after: str) -> dict[str, Any]:
        if "erp_500_at_most" in PLANTED and limit == MOST:
            raise HTTPException(500, "internal server error")
        said = super().page(limit, after)
        rows = said["orders"]
        start = self.lines.index(rows[0]) if rows else 0
        if "erp_missing_page" in PLANTED and start == (PAGE_LOST - 2) * limit and said["next"]:
            said["next"] = self.lines[min(start + 2 * limit, len(self.lines) - 1) - 1]["po_number"]
        if "erp_row_twice" in PLANTED and said["next"] and len(rows) > 1:
            said["next"] = rows[-2]["po_number"]  # the last row begins the next page too
        return said

    def order(self, document: Mapping[str, Any]) -> dict[str, Any]:
        said = super().order(document)
        number = sum(int(sign) for sign in said["po_number"] if sign.isdigit())
        is_other = "erp_unknown_plant" in PLANTED and number % EVERY_PLANT == 0
        return said | ({"plant": "4010"} if is_other else {})

    async def read_receipts(self, po_number: PoNumber, correlation: Correlation = "") -> JSONResponse:
        if "erp_slow_receipts" in PLANTED and next(self.n_receipts) % EVERY_SLOW == 0:
            await asyncio.sleep(SLOW_S)
        return await super().read_receipts(po_number, correlation)

    def posting(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        said = super().posting(entry)
        if "erp_decimal_comma" in PLANTED:
            said["amount_eur"] = said["amount_eur"].replace(".", ",")
        if "erp_no_offset" in PLANTED:
            said["posted_at"] = said["posted_at"][:19]
        return said

    async def send_back(self, asked: ReturnAsked, key: Key, correlation: Correlation = "") -> JSONResponse:
        answered = await super().send_back(asked, key, correlation)
        if "erp_return_lost" in PLANTED:
            self.returns._entries.clear()
            listed = self.stand_in.written._entries
            listed[:] = [one for one in listed if one["operation"] != "send_back"]
        return answered

    def written(self, entries: Entries, name: str, content: dict[str, str], key: str, correlation: str) -> JSONResponse:
        answered = super().written(entries, name, content, key, correlation)
        if name != "posting":
            return answered
        if "erp_no_conflict" in PLANTED and answered.status_code == 409:
            answered = JSONResponse({name: entries._once._done[key][1]})
        if "erp_number_as_text" in PLANTED and answered.status_code < 300:
            said = {one: str(value) for one, value in json.loads(answered.body).items()}
            answered = JSONResponse(said, answered.status_code)
        return answered


class DeviatingWorklist(Worklist):
    """A work list that does not keep its word."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(stand_in)
        if "worklist_posts_twice" in PLANTED:
            self.tickets._once = WrittenEachTime()
        if "worklist_close_nothing" in PLANTED:
            self.tickets.cancel = lambda invoice, vendor, correlation: len(self.tickets.found(invoice, vendor))

    def ticket(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        said = super().ticket(entry)
        if "worklist_local_as_utc" in PLANTED:
            local = datetime.fromisoformat(said["opened_at"]).astimezone(ZoneInfo("Europe/Berlin"))
            said["opened_at"] = f"{local.replace(tzinfo=None).isoformat()}+00:00"
        return said


class WrittenEachTime:
    """Refuses another content for a key, and writes the same content again."""

    def __init__(self) -> None:
        self._contents: dict[str, Any] = {}

    def __call__(self, key: str, content: Any, write: Any) -> tuple[Any, bool]:
        if self._contents.setdefault(key, content) != content:
            raise KeyUsedError(key)
        return write(), True

    def forget(self) -> None:
        self._contents.clear()


class DeviatingVendors(sandbox_vendors.VendorService):
    """A vendor service that does not keep its word."""

    def vendor(self, document: Mapping[str, Any]) -> dict[str, str]:
        said = super().vendor(document)
        if "vendors_no_valid_from" in PLANTED:
            del said["valid_from"]
        return said

    async def call(self, name: str, given: Mapping[str, str], correlation: str) -> dict[str, str]:
        try:
            return await super().call(name, given, correlation)
        except sandbox_vendors.SoapFaultError as fault:
            code = "Client.Unknown" if "vendors_fault_code" in PLANTED else fault.code
            raise sandbox_vendors.SoapFaultError(code, fault.why) from None


class DeviatingHub(sandbox_feeds.EdiHub):
    """A hub that does not keep its word."""

    def acknowledge(self, number: int) -> None:
        if "edi_acknowledged_again" not in PLANTED:
            super().acknowledge(number)


class DeviatingSystems(MatchingSystems):
    """The systems with what deviates."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(stand_in)
        users = self.users("ERP", "CLIENT_ID", "CLIENT_SECRET", "ID", "SECRET")
        lasting = EverlastingTokens if "erp_expired_accepted" in PLANTED else IssuedTokens
        self.tokens = lasting(users, 300.0 if "erp_short_token" in PLANTED else TOKEN_S, stand_in.clock)
        self.erp = DeviatingErp(stand_in, self.tokens)
        self.worklist = DeviatingWorklist(stand_in)
        self.hub = DeviatingHub(stand_in)

    def keys(self, system: str) -> dict[str, str]:
        known = super().keys(system)
        if system == "WORKLIST" and "worklist_previous_key" in PLANTED:
            known[self.stand_in.secrets["WORKLIST_KEY_BEFORE"]] = AGENT
        return known

    def may(self, system: str, account: str, operation: str) -> bool:
        if system == "erp" and account == FOREIGN and "erp_foreign_allowed" in PLANTED:
            account = AGENT
        allowed = {"vendors_bank_account": "ChangeBankAccount", "tax_ids_register": "register_tax_id"}
        is_given = account == AGENT and operation in {name for one, name in allowed.items() if one in PLANTED}
        return is_given or super().may(system, account, operation)

    def rate(self, system: str) -> TokenBucket:
        is_half = system == "erp" and "erp_half_rate" in PLANTED
        return TokenBucket(50, 100, self.stand_in.clock) if is_half else super().rate(system)

    def gate(self, system: str, app: object, account_of: AccountOf, **options: Any) -> Gate:
        if system == "worklist" and "worklist_nobody_accepted" in PLANTED:
            known = account_of
            account_of = lambda headers: known(headers) if "x-api-key" in headers else AGENT  # noqa: E731
        made = super().gate(system, app, account_of, **options)
        if system == "edi" and "edi_no_retry_after" in PLANTED:
            made.wait_headers = lambda wait_s: {}
        if system == "worklist" and "worklist_short_wait" in PLANTED:
            made.wait_headers = lambda wait_s: {"Retry-After": "0"}
        return made

    def vendors(self) -> object:
        return DeviatingVendors(self.stand_in)

    def archive(self) -> Mapping[str, Any]:
        tables = sandbox_archive.tables(self.stand_in.documents)
        is_granted = "archive_salaries" in PLANTED
        return tables | {"salaries": replace(tables["salaries"], is_granted=is_granted)}

    def write_extracts(self) -> None:
        super().write_extracts()
        for number, path in enumerate(sorted((self.stand_in.folder / sandbox_feeds.FOLDER).glob("*.csv"))):
            lines = path.read_bytes().decode(sandbox_feeds.ENCODING).splitlines()
            if "sap_iso_dates" in PLANTED:
                lines[1:-1] = [with_iso_date(line) for line in lines[1:-1]]
            if "sap_no_end" in PLANTED and number % EVERY_FILE == 0:
                del lines[-1]
            written = "".join(f"{line}\n" for line in lines)
            path.write_bytes(written.encode("utf-8" if "sap_utf8" in PLANTED else sandbox_feeds.ENCODING))

    def made(self) -> SandboxSystems:
        systems = super().made()
        if "archive_writable" in PLANTED:
            systems = replace(systems, database=str(systems.database).replace("mode=ro", "mode=rw"))
        return systems


def with_iso_date(line: str) -> str:
    """Return a line with its first German date as ISO writes it."""
    cells = line.split(";")
    for place, cell in enumerate(cells):
        if len(cell) == 10 and cell[2] == cell[5] == ".":
            cells[place] = f"{cell[6:]}-{cell[3:5]}-{cell[:2]}"
            return ";".join(cells)
    return line
