"""Deviations written after the probe are there: a check by hand holds on the conforming sandbox, not on its copy."""

from __future__ import annotations

import asyncio
import csv
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from deviations import Deviation
from deviations_after import COPIES_AFTER, DEVIATIONS_AFTER, pilot_deviating_after
from sandbox_calls import CalledSandbox, Said

from workbench.pilot import open_pilot
from workbench.records.splits import read_dataset

ROOT = Path(__file__).parent.parent
ONE, OTHER = ({"invoice_number": number, "vendor_id": "100200"} for number in ("A 1", "A 2"))
TICKET = {"assigned_to": "tax", "reason": "price_variance"}
PLANT = "3010"


@pytest.fixture(scope="module")
def documents() -> list[Mapping[str, Any]]:
    return read_dataset(open_pilot("invoice_matching", ROOT)).documents()[:2500]  # from January into May


@pytest.fixture(scope="module")
def made(
    documents: list[Mapping[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], CalledSandbox]:
    """Make the conforming sandbox (0) or a copy with its deviations, anew each time."""
    pilots = {0: open_pilot("invoice_matching", ROOT)}

    def make(copy: int) -> CalledSandbox:
        if copy not in pilots:
            root = tmp_path_factory.mktemp(f"copy{copy}")
            pilots[copy] = pilot_deviating_after(root, [one.id for one in COPIES_AFTER[copy - 1]])
        return CalledSandbox(pilots[copy], documents, tmp_path_factory.mktemp("folder"))

    return make


def erp(sandbox: CalledSandbox, asked: str, query: Mapping[str, Any] | None = None) -> Said:
    return sandbox.call(asked, sandbox.as_agent("ERP"), query=query)


def written(
    sandbox: CalledSandbox, what: str, content: Mapping[str, str], key: str = "k", of: Mapping[str, str] = ONE
) -> int:
    """Write into a system, as in `ERP /erp/postings`, and return the status."""
    system, path = what.split()
    return sandbox.call(f"POST {path}", sandbox.as_agent(system) | {"idempotency-key": key}, {**of, **content}).status


def n_there(sandbox: CalledSandbox, what: str, of: Mapping[str, str] = ONE) -> int:
    system, path = what.split()
    said = sandbox.call(f"GET {path}", sandbox.as_agent(system), query=of).json
    return len(said[path.rpartition("/")[2]])


POST, RETURN, OPEN = "ERP /erp/postings", "ERP /erp/returns", "WORKLIST /worklist/tickets"


def n_at_once(asked: Callable[[], Said]) -> int:
    """Return how many of 120 calls are taken at once."""
    return sum(asked().status < 400 for _ in range(120))


def token(sandbox: CalledSandbox, scope: str) -> int:
    given = {"client_id": sandbox.secrets["ERP_CLIENT_ID"], "client_secret": sandbox.secrets["ERP_CLIENT_SECRET"]}
    form = urlencode(given | {"grant_type": "client_credentials", "scope": scope}).encode()
    return sandbox.call("POST /erp/token", {"content-type": "application/x-www-form-urlencoded"}, form).status


def are_prices_of_records(sandbox: CalledSandbox) -> bool:
    last = {one["po_number"]: one for one in sandbox.stand_in.documents}
    some = [one for one in last.values() if one["plant"] == PLANT][:20]
    assert len(some) == 20
    return all(erp(sandbox, f"GET /erp/orders/{one['po_number']}").json["po_price"] == one["po_price"] for one in some)


def statuses_of_receipts(sandbox: CalledSandbox) -> set[int]:
    number, agent = sandbox.stand_in.documents[0]["po_number"], sandbox.as_agent("ERP")
    return {sandbox.call(f"GET /erp/orders/{number}/receipts", agent).status for _ in range(60)}


def posts_after(sandbox: CalledSandbox, seconds: float) -> int:
    assert written(sandbox, POST, {"amount_eur": "1.00"}) == 201
    sandbox.clock.advance(seconds)
    written(sandbox, POST, {"amount_eur": "1.00"})
    return n_there(sandbox, POST)


def other_under_key(sandbox: CalledSandbox) -> int:
    assert written(sandbox, POST, {"amount_eur": "1.00"}) == 201
    return written(sandbox, POST, {"amount_eur": "1.00"}, of=OTHER)


def others_after_undo(sandbox: CalledSandbox) -> int:
    for number, of in enumerate((ONE, OTHER)):
        assert written(sandbox, POST, {"amount_eur": "1.00"}, f"k{number}", of) == 201
    assert erp(sandbox, "DELETE /erp/postings", ONE).json == {"cancelled": 1}
    return n_there(sandbox, POST, OTHER)


def reason_read(sandbox: CalledSandbox) -> str:
    written(sandbox, OPEN, TICKET)
    said = sandbox.call("GET /worklist/tickets", sandbox.as_agent("WORKLIST"), query=ONE).json
    return str(said["tickets"][0]["reason"])


def effects_of_refused(sandbox: CalledSandbox) -> list[Any]:
    assert sandbox.call("DELETE /worklist/queues/tax", sandbox.as_agent("WORKLIST")).status == 403
    return sandbox.stand_in.written.listed()


def is_blocked(sandbox: CalledSandbox) -> bool:
    last = {one["vendor_id"]: one for one in sandbox.stand_in.documents}
    vendor = next(one for one in last.values() if one["vendor_status"] == "blocked")
    return b"<v:vendor_status>blocked<" in sandbox.soap("GetVendor", vendor_id=vendor["vendor_id"]).body


def waits_of_vendors(sandbox: CalledSandbox) -> list[float]:
    """Return how long two calls make themselves wait, which they do not do here."""
    waits: list[float] = []

    async def noted(seconds: float) -> None:
        waits.append(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", noted)
        for _ in range(2):
            sandbox.soap("GetVendor", vendor_id="100200")
    return waits


def is_as_of_record(sandbox: CalledSandbox) -> bool:
    """Return whether a vendor is said as it was for its first document, where it has changed since."""
    documents = sandbox.stand_in.documents
    last = {one["vendor_id"]: one["vendor_status"] for one in documents}
    one = next(one for one in documents if last[one["vendor_id"]] != one["vendor_status"])
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v="urn:vendors"><e:Body><v:GetVendor>'
        f"<v:vendor_id>{one['vendor_id']}</v:vendor_id></v:GetVendor></e:Body></e:Envelope>"
    )
    headers = sandbox.as_agent("VENDORS") | {"x-correlation-id": one["record_id"]}
    said = sandbox.call("POST /vendors/service", headers, body.encode()).body
    return f"<v:vendor_status>{one['vendor_status']}<".encode() in said


def n_earlier(sandbox: CalledSandbox) -> int:
    archive = sqlite3.connect(str(sandbox.systems.database).removeprefix("sqlite:///"), uri=True)
    n = archive.execute("SELECT count(*) FROM earlier_documents").fetchone()[0]
    archive.close()
    return int(n)


def extracts(sandbox: CalledSandbox) -> list[list[list[str]]]:
    files = []
    for path in sorted((sandbox.folder / "sap_de").iterdir()):
        with path.open(encoding="iso-8859-15", newline="") as file:
            files.append(list(csv.reader(file, delimiter=";")))
    return files


def moments(sandbox: CalledSandbox) -> set[tuple[str, str]]:
    return {(row[0], row[1]) for file in extracts(sandbox) for row in file[1:-1]}


def received(sandbox: CalledSandbox) -> dict[str, str]:
    return {one["record_id"]: one["received_at"] for one in sandbox.stand_in.documents}


def ids(sandbox: CalledSandbox) -> list[str]:
    return [row[0] for file in extracts(sandbox) for row in file[1:-1]]


def message(sandbox: CalledSandbox) -> Mapping[str, Any]:
    said: Mapping[str, Any] = sandbox.call("POST /edi/receive", sandbox.as_agent("EDI")).json
    return said


def message_not_acknowledged(sandbox: CalledSandbox) -> int:
    assert message(sandbox)["message"] == 1
    sandbox.clock.advance(31)
    return int(message(sandbox)["message"])


def tax_id_said(sandbox: CalledSandbox, tax_id: str, headers: Mapping[str, str] | None = None) -> Any:
    """Return what the tool says of a tax id, or the status where it says nothing."""
    call = {"name": "tax_id_is_valid", "arguments": {"tax_id": tax_id}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    accepted = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    sent = accepted | dict(headers or sandbox.as_agent("TAX_IDS"))
    answered = sandbox.call("POST /tax_ids/mcp", sent, body, is_running=True)
    return answered.json["result"]["structuredContent"]["result"] if answered.status == 200 else answered.status


def n_reads_and_writes(sandbox: CalledSandbox) -> int:
    numbers = iter(range(1000))
    return n_at_once(lambda: _posted(sandbox, str(next(numbers))))


def _posted(sandbox: CalledSandbox, key: str) -> Said:
    agent = sandbox.as_agent("ERP") | {"idempotency-key": key}
    return sandbox.call("POST /erp/postings", agent, ONE | {"amount_eur": "1.00"})


def n_seen_at_once(sandbox: CalledSandbox) -> int:
    written(sandbox, POST, {"amount_eur": "1.00"})
    return n_there(sandbox, POST)


def n_returns_after_conflict(sandbox: CalledSandbox) -> int:
    written(sandbox, RETURN, {"reason": "x"})
    assert written(sandbox, RETURN, {"reason": "y"}) == 409
    return n_there(sandbox, RETURN)


def n_tickets_of_key(sandbox: CalledSandbox) -> int:
    for key, of in (("k", ONE), ("l", OTHER), ("k", ONE)):
        written(sandbox, OPEN, TICKET, key, of)
    return n_there(sandbox, OPEN)


def status_beyond_rate(sandbox: CalledSandbox) -> int:
    while (status := sandbox.call("POST /edi/receive", sandbox.as_agent("EDI")).status) == 200:
        pass
    return status


def of_invented_token(sandbox: CalledSandbox) -> int:
    return sandbox.call("GET /erp/orders", {"authorization": "Bearer invented"}).status


def described(sandbox: CalledSandbox, path: str) -> set[str]:
    return set(sandbox.call("GET /worklist/openapi.json").json["paths"][path])


def empty_queue_status(sandbox: CalledSandbox) -> int:
    return sandbox.call("DELETE /worklist/tickets", sandbox.as_agent("WORKLIST"), query=ONE).status


KEEPS_ITS_WORD: dict[str, Callable[[CalledSandbox], bool]] = {
    "erp_small_burst": lambda one: n_at_once(lambda: erp(one, "GET /erp/orders")) == 100,
    "erp_any_token": lambda one: of_invented_token(one) == 401,
    "erp_previous_secret": lambda one: one.token(secret="ERP_CLIENT_SECRET_BEFORE").status == 401,
    "erp_any_scope": lambda one: (token(one, "matching"), token(one, "payments")) == (200, 400),
    "erp_expires_in": lambda one: one.token().json["expires_in"] == 3600,
    "erp_missing_is_empty": lambda one: erp(one, "GET /erp/orders/none").status == 404,
    "erp_price_in_cents": are_prices_of_records,
    "erp_total_disagrees": lambda one: erp(one, "GET /erp/orders").json["total"] == len({
        document["po_number"] for document in one.stand_in.documents
    }),
    "erp_page_cut": lambda one: len(erp(one, "GET /erp/orders", {"limit": 200}).json["orders"]) == 200,
    "erp_502": lambda one: statuses_of_receipts(one) == {200},
    "erp_400": lambda one: erp(one, "GET /erp/postings").status == 422,
    "erp_key_forgotten": lambda one: posts_after(one, 601) == 1,
    "erp_conflict_by_amount": lambda one: other_under_key(one) == 409,
    "erp_undo_of_others": lambda one: others_after_undo(one) == 1,
    "erp_payment_run": lambda one: erp(one, "POST /erp/payment-runs").status == 403,
    "worklist_reason_cut": lambda one: reason_read(one) == "price_variance",
    "worklist_foreign_reads": lambda one: one.call(
        "GET /worklist/tickets", one.as_agent("WORKLIST", "WORKLIST_FOREIGN_KEY"), query=ONE
    ).status == 403,
    "worklist_undescribed": lambda one: described(one, "/tickets") == {"get", "post", "delete"},
    "worklist_refused_and_done": lambda one: effects_of_refused(one) == [],
    "worklist_closes_what_is_not": lambda one: empty_queue_status(one) == 404,
    "vendors_block": lambda one: one.soap("BlockVendor", vendor_id="100200").status == 500,
    "vendors_missing_is_empty": lambda one: one.soap("GetVendor", vendor_id="1").status == 500,
    "vendors_blocked_active": is_blocked,
    "vendors_slow_first": lambda one: waits_of_vendors(one) == [],
    "vendors_never_refused": lambda one: n_at_once(
        lambda: one.soap("GetVendor", vendor_id="100200")
    ) == 50,
    "archive_rows_missing": lambda one: n_earlier(one) == sum(
        bool(document["related_document"]) for document in one.stand_in.documents
    ),
    "sap_end_count": lambda one: all(file[-1] == ["END", str(len(file) - 2)] for file in extracts(one)),
    "sap_winter_time": lambda one: moments(one) <= set(received(one).items()),
    "sap_document_twice": lambda one: len(seen := ids(one)) == len(set(seen)),
    "edi_lost": lambda one: message_not_acknowledged(one) == 1,
    "edi_cents": lambda one: "." in message(one)["gross_amount"],
    "edi_foreign_receives": lambda one: one.call(
        "POST /edi/receive", one.as_agent("EDI", "EDI_FOREIGN_KEY")
    ).status == 403,
    "tax_ids_text": lambda one: tax_id_said(one, "DE136695976") is True,
    "tax_ids_any_key": lambda one: tax_id_said(one, "DE136695976", {"x-api-key": "invented"}) == 401,
    "erp_fewer_writes": lambda one: n_reads_and_writes(one) == 100,
    "erp_seen_later": lambda one: n_seen_at_once(one) == 1,
    "erp_refused_and_written": lambda one: n_returns_after_conflict(one) == 1,
    "worklist_last_key": lambda one: n_tickets_of_key(one) == 1,
    "vendors_as_of_now": is_as_of_record,
    "edi_503": lambda one: status_beyond_rate(one) == 429,
    "tax_ids_all_valid": lambda one: tax_id_said(one, "DE136695975") is False,
}  # fmt: skip


def test_each_deviation_breaks_one_line_of_a_copy_and_has_a_check() -> None:
    assert [len(copy) for copy in COPIES_AFTER] == [34, 7]
    assert len({one.id for one in DEVIATIONS_AFTER}) == len(DEVIATIONS_AFTER)
    assert len({(one.system, one.line, one.copy) for one in DEVIATIONS_AFTER}) == len(DEVIATIONS_AFTER)
    assert set(KEEPS_ITS_WORD) == {one.id for one in DEVIATIONS_AFTER}


@pytest.mark.parametrize("deviation", DEVIATIONS_AFTER, ids=lambda one: one.id)
def test_a_deviation_is_there_and_the_conforming_sandbox_is_without_it(
    made: Callable[[int], CalledSandbox], deviation: Deviation
) -> None:
    keeps_its_word = KEEPS_ITS_WORD[deviation.id]
    assert keeps_its_word(made(0))
    assert not keeps_its_word(made(deviation.copy))
