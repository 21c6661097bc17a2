"""What a pilot's sandbox is made of, and what the one of invoice_matching answers, under a clock that tests move."""

from __future__ import annotations

import csv
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sandbox_calls import CalledSandbox

from workbench.environment.sandbox import (
    KeyUsedError,
    SandboxClock,
    SandboxTable,
    StandIn,
    TokenBucket,
    WrittenOnce,
    filled_database,
)
from workbench.pilot import open_pilot
from workbench.pilot.integrations import SystemType, read_integrations
from workbench.records.splits import read_dataset
from workbench.words import InputError

ROOT = Path(__file__).parent.parent
DATA = ROOT / "datasets" / "invoice_matching"
DOCUMENT = {"invoice_number": "A 1", "vendor_id": "100200"}


@pytest.fixture(scope="module")
def documents() -> list[Mapping[str, Any]]:
    return read_dataset(open_pilot("invoice_matching", ROOT)).documents()


@pytest.fixture
def sandbox(documents: list[Mapping[str, Any]], tmp_path: Path) -> CalledSandbox:
    return CalledSandbox(open_pilot("invoice_matching", ROOT), documents[:1500], tmp_path)


def raw_rows(n: int) -> list[dict[str, str]]:
    """Return the first records as the csv module reads them, independently of the package's reader."""
    with (DATA / "records-2025h1.csv").open(encoding="utf-8", newline="") as file:
        return [row for _, row in zip(range(n), csv.DictReader(file), strict=False)]


def test_documents_hold_no_labels_and_come_in_order_of_time(documents: list[Mapping[str, Any]]) -> None:
    assert len(documents) == 6400
    assert not {"class", "decision", "reason_code"} & set(documents[0])
    times = [one["received_at"] for one in documents]
    assert times == sorted(times)


def test_a_token_bucket_takes_its_burst_then_its_rate_and_says_how_long_to_wait() -> None:
    clock = SandboxClock(lambda: 0.0)
    bucket = TokenBucket(4, 10, clock)
    assert [bucket.take("a") for _ in range(12)] == [0.0] * 10 + [0.25, 0.25]
    assert bucket.take("b") == 0.0, "each account has its own"
    clock.advance(0.24)
    assert bucket.take("a") == pytest.approx(0.01)
    clock.advance(0.01)
    assert bucket.take("a") == 0.0, "after the wait that was said it is taken"
    clock.advance(1)
    assert [bucket.take("a") for _ in range(5)] == [0, 0, 0, 0, pytest.approx(0.25)]
    clock.advance(1000)
    assert sum(bucket.take("a") == 0 for _ in range(50)) == 10, "no more than the burst is saved up"


def test_a_clock_that_stands_is_moved_by_nothing_but_what_it_is_put_forward() -> None:
    now = iter((10.0, 11.0, 15.0, 20.0, 21.0))
    clock = SandboxClock(lambda: next(now))
    clock.stand(stands=True)  # at 10
    clock.advance(2)
    assert (clock.stands, clock.seconds()) == (True, 12)
    clock.stand(stands=False)  # at 11, from 12 on
    assert (clock.stands, clock.seconds(), clock.seconds()) == (False, 16, 21)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_a_clock_goes_forward_only(seconds: float) -> None:
    with pytest.raises(ValueError, match="goes forward"):
        SandboxClock(lambda: 0.0).advance(seconds)


def test_a_key_writes_once_and_refuses_another_content() -> None:
    store, written = sqlite3.connect(":memory:"), []
    once = WrittenOnce(store, "posting")
    assert once("k", {"a": 1}, lambda: written.append(1)) == (None, True)
    assert once("k", {"a": 1}, lambda: written.append(2)) == (None, False)
    with pytest.raises(KeyUsedError, match="k"):
        once("k", {"a": 2}, lambda: written.append(3))
    assert WrittenOnce(store, "return")("k", {"a": 2}, lambda: 7) == (7, True), "each kind has keys of its own"
    assert written == [1]
    store.close()


def test_a_document_is_looked_up_as_of_a_record() -> None:
    rows = [{"id": f"r{n}", "order": order, "n": n} for n, order in enumerate("abab")]
    stand_in = StandIn(rows, "id", {}, Path())
    assert stand_in.as_of("r1", order="a") == rows[0]
    assert stand_in.as_of("r2", order="a") == rows[2], "the record's own is what it found"
    assert stand_in.as_of("r0", order="b") is None, "it came later"
    assert stand_in.as_of("", order="a") == stand_in.as_of("unknown", order="a") == rows[2], "the last without a record"
    assert stand_in.as_of("", order="c") is None
    assert stand_in.as_of("r3", order="b", n=1) == rows[1]


def test_an_order_is_what_the_record_has_letter_by_letter(sandbox: CalledSandbox) -> None:
    agent = sandbox.as_agent("ERP")
    checked = 0
    for row in raw_rows(300):
        sandbox.clock.advance(1)
        named = agent | {"x-correlation-id": row["record_id"]}
        order = sandbox.call(f"GET /erp/orders/{row['po_number']}", named).json
        (receipt,) = sandbox.call(f"GET /erp/orders/{row['po_number']}/receipts", named).json["receipts"]
        added = {"plant", "net_value", "changed_at", "entered_on"}
        for said in (order, receipt):
            assert {name: said[name] for name in said if name not in added} == {
                name: row[name] for name in said if name not in added
            }
        assert order["plant"] == row["plant"] or row["plant"] not in {"1010", "1020", "1030", "2010", "3010"}
        assert re.fullmatch(r"\d+\.\d\d", order["net_value"])
        assert order["changed_at"][:19] == row["received_at"]
        assert order["changed_at"][19:] in ("+01:00", "+02:00")
        assert receipt["entered_on"] == row["received_at"][:10]
        checked += 1
    assert checked == 300


def test_net_value_is_quantity_times_price_in_any_source(sandbox: CalledSandbox) -> None:
    agent = sandbox.as_agent("ERP")
    # IM00001: 26000 at 4.72 for 100; IM00004: 32.000 at 8,56 for 100 (German); IM00011: 7,500 at 4.94 for 100 (US)
    for number, value in (("4500713202", "1227.20"), ("4500713224", "2739.20"), ("4500713273", "370.50")):
        assert sandbox.call(f"GET /erp/orders/{number}", agent).json["net_value"] == value


def test_an_order_that_there_is_not_is_a_404(sandbox: CalledSandbox) -> None:
    agent = sandbox.as_agent("ERP")
    assert sandbox.call("GET /erp/orders/1", agent).status == 404
    assert sandbox.call("GET /erp/orders/1/receipts", agent).status == 404
    later = agent | {"x-correlation-id": "IM00001"}
    assert sandbox.call("GET /erp/orders/4500713224", later).status == 404, "it came later than the record"


@pytest.mark.parametrize("limit", [7, 50, 200])
def test_pages_are_complete_and_name_each_order_once(sandbox: CalledSandbox, limit: int) -> None:
    agent = sandbox.as_agent("ERP")
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        sandbox.clock.advance(1)
        page = sandbox.call("GET /erp/orders", agent, query={"limit": limit, "after": after}).json
        seen += [one["po_number"] for one in page["orders"]]
        after = page["next"]
    assert seen == sorted({row["po_number"] for row in raw_rows(1500)})
    assert page["total"] == len(seen)


@pytest.mark.parametrize("query", [{"limit": 201}, {"limit": 0}, {"limit": "many"}])
def test_an_argument_that_does_not_fit_is_a_422(sandbox: CalledSandbox, query: dict[str, Any]) -> None:
    assert sandbox.call("GET /erp/orders", sandbox.as_agent("ERP"), query=query).status == 422


@pytest.mark.parametrize(
    ("system", "write", "find", "content", "other"),
    [
        ("ERP", "/erp/postings", "postings", {"amount_eur": "1234.50"}, {"amount_eur": "1234.51"}),
        ("ERP", "/erp/returns", "returns", {"reason": "price_variance"}, {"reason": "no_delivery"}),
        (
            "WORKLIST", "/worklist/tickets", "tickets", {"assigned_to": "purchasing", "reason": "x"},
            {"assigned_to": "tax", "reason": "x"},
        ),
    ],
)  # fmt: skip
def test_a_write_happens_once_for_its_key_can_be_read_and_taken_back(
    sandbox: CalledSandbox, system: str, write: str, find: str, content: dict[str, str], other: dict[str, str]
) -> None:
    agent = sandbox.as_agent(system)
    keyed = agent | {"idempotency-key": "k1", "x-correlation-id": "IM00001"}
    first = sandbox.call(f"POST {write}", keyed, DOCUMENT | content)
    again = sandbox.call(f"POST {write}", keyed, DOCUMENT | content)
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    assert sandbox.call(f"POST {write}", keyed, DOCUMENT | other).status == 409
    assert sandbox.call(f"POST {write}", agent, DOCUMENT | content).status == 422, "it needs a key"
    assert sandbox.call(f"POST {write}", keyed, b"\xff{").status == 422
    (found,) = sandbox.call(f"GET {write}", agent, query=DOCUMENT).json[find]
    assert {name: found[name] for name in content} == content
    (effect,) = sandbox.call("GET /test/written").json["written"]
    assert (effect["system"], effect["correlation"], effect["key"]) == (system, "IM00001", "k1")
    assert effect["content"] == DOCUMENT | content
    assert sandbox.call(f"DELETE {write}", agent, query=DOCUMENT).status == 200
    assert sandbox.call(f"GET {write}", agent, query=DOCUMENT).json[find] == []
    assert sandbox.call(f"DELETE {write}", agent, query=DOCUMENT).status == 404
    assert len(sandbox.call("GET /test/written").json["written"]) == 2


def test_a_moment_is_the_clocks_with_its_offset(sandbox: CalledSandbox) -> None:
    erp, worklist = sandbox.as_agent("ERP"), sandbox.as_agent("WORKLIST")
    said = sandbox.call("POST /test/clock", body={"advance_s": 60.0}).json
    assert said == {"now": "2025-06-15T15:07:40+00:00", "stands": False}  # 1,750,000,060 s after 1970, by hand
    key = {"idempotency-key": "k"}
    sandbox.call("POST /erp/postings", erp | key, DOCUMENT | {"amount_eur": 7})
    sandbox.call("POST /worklist/tickets", worklist | key, DOCUMENT | {"assigned_to": "tax", "reason": "x"})
    (posting,) = sandbox.call("GET /erp/postings", erp, query=DOCUMENT).json["postings"]
    (ticket,) = sandbox.call("GET /worklist/tickets", worklist, query=DOCUMENT).json["tickets"]
    assert posting == {"amount_eur": "7.00", "posted_at": "2025-06-15T15:07:40+00:00"}
    assert ticket["opened_at"] == "2025-06-15T15:07:40+00:00"


def test_everything_written_can_be_taken_back_keys_and_messages_too(sandbox: CalledSandbox) -> None:
    keyed = sandbox.as_agent("ERP") | {"idempotency-key": "k"}
    sandbox.call("POST /erp/postings", keyed, DOCUMENT | {"amount_eur": "1"})
    sandbox.call("POST /edi/receive", sandbox.as_agent("EDI"))
    assert sandbox.call("DELETE /test/written").status == 200
    assert sandbox.call("GET /test/written").json == {"written": []}
    assert sandbox.call("GET /erp/postings", keyed, query=DOCUMENT).json == {"postings": []}
    assert sandbox.call("POST /erp/postings", keyed, DOCUMENT | {"amount_eur": "2"}).status == 201
    assert sandbox.call("POST /edi/receive", sandbox.as_agent("EDI")).json["message"] == 1


def test_a_token_is_refused_once_it_is_3600_seconds_old(sandbox: CalledSandbox) -> None:
    agent = sandbox.as_agent("ERP")
    assert sandbox.token().json["expires_in"] == 3600
    sandbox.clock.advance(3599.5)
    assert sandbox.call("GET /erp/orders", agent).status == 200
    sandbox.clock.advance(0.5)
    refused = sandbox.call("GET /erp/orders", agent)
    assert refused.status == 401
    assert "www-authenticate" in refused.headers


@pytest.mark.parametrize("secret", ["ERP_CLIENT_SECRET_BEFORE", "ERP_FOREIGN_SECRET", "NO_SUCH_SECRET"])
def test_no_token_is_given_for_another_secret(sandbox: CalledSandbox, secret: str) -> None:
    assert sandbox.token(secret=secret).status == 401
    assert sandbox.call("POST /erp/token", body=b"grant_type=password").status == 400


CALLS = {
    "ERP": "GET /erp/orders",
    "WORKLIST": "GET /worklist/tickets",
    "VENDORS": "POST /vendors/service",
    "EDI": "POST /edi/receive",
    "TAX_IDS": "POST /tax_ids/mcp",
}


@pytest.mark.parametrize("system", CALLS)
def test_nobody_and_the_secret_before_are_401_and_a_foreign_account_is_403(sandbox: CalledSandbox, system: str) -> None:
    assert sandbox.call(CALLS[system]).status == 401
    word = {"ERP": "SECRET", "VENDORS": "PASSWORD"}.get(system, "KEY")
    foreign = sandbox.as_agent(system, f"{system}_FOREIGN_{word}")
    assert sandbox.call(CALLS[system], foreign).status == 403
    if system != "ERP":  # where the secret before gives no token, as above
        assert sandbox.call(CALLS[system], sandbox.as_agent(system, f"{system}_{word}_BEFORE")).status == 401


@pytest.mark.parametrize(("system", "per_s"), [("ERP", 100), ("WORKLIST", 20), ("EDI", 50)])
def test_calls_beyond_the_rate_are_429_until_retry_after(sandbox: CalledSandbox, system: str, per_s: int) -> None:
    agent = sandbox.as_agent(system)
    said = [sandbox.call(CALLS[system], agent) for _ in range(per_s + 5)]
    assert [one.status == 429 for one in said] == [False] * per_s + [True] * 5
    assert said[-1].headers["retry-after"] == "1"
    sandbox.clock.advance(1)
    statuses = [sandbox.call(CALLS[system], agent).status for _ in range(per_s + 1)]
    assert [one == 429 for one in statuses] == [False] * per_s + [True]


def test_openapi_declares_security_and_every_error_of_the_specification(sandbox: CalledSandbox) -> None:
    inventory = read_integrations(open_pilot("invoice_matching", ROOT).suite)
    for system in inventory.settings.systems:
        if system.type is not SystemType.REST:
            continue
        described = sandbox.call(f"GET /{system.id.lower()}/openapi.json").json
        for operation in system.operations.values():
            method, _, path = operation.call.partition(" ")
            found = described["paths"][path][method.lower()]
            assert found["security"], operation.call
            assert set(operation.errors) - {"500"} <= set(found["responses"]), operation.call


def test_what_is_described_and_not_granted_is_refused(sandbox: CalledSandbox) -> None:
    inventory = read_integrations(open_pilot("invoice_matching", ROOT).suite)
    for system in inventory.settings.systems:
        if system.type is SystemType.REST:
            described = sandbox.call(f"GET /{system.id.lower()}/openapi.json").json["paths"]
            listed = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
            granted = {one.call for one in system.operations.values()} | {"POST /token"}
            assert listed - granted
            for method, _, path in (one.partition(" ") for one in listed - granted):
                address = re.sub(r"\{\w+\}", "100200", path)
                asked = sandbox.call(f"{method} /{system.id.lower()}{address}", sandbox.as_agent(system.id))
                assert asked.status == 403, (method, path)
    assert sandbox.soap("ChangeBankAccount", vendor_id="100200", iban="X").status == 403
    assert sandbox.soap("DeleteVendor", vendor_id="100200").status == 403
    assert sandbox.call("GET /test/written").json == {"written": []}


def test_a_method_that_there_is_not_is_405_and_names_those_that_there_are(sandbox: CalledSandbox) -> None:
    said = sandbox.call("PATCH /erp/postings", sandbox.as_agent("ERP"))
    assert (said.status, said.headers["allow"]) == (405, "DELETE, GET, POST")


def test_a_vendor_is_what_the_record_has_and_an_unknown_one_a_fault(sandbox: CalledSandbox) -> None:
    said = sandbox.soap("GetVendor", vendor_id="100858").body.decode()
    fields = dict(re.findall(r"<v:(\w+)>([^<]*)</v:\w+>", said))
    assert fields.pop("valid_from").startswith("2025-")
    assert fields == {
        "vendor_id": "100858", "vendor_name": "Thackray &amp; Sons Ltd", "vendor_country": "GB",
        "vendor_status": "active", "master_tax_id": "GB089813068",
    }  # fmt: skip
    fault = sandbox.soap("GetVendor", vendor_id="1")
    assert fault.status == 500
    assert b"<faultcode>soapenv:Client.NotFound</faultcode>" in fault.body
    assert b"<faultcode>soapenv:Client</faultcode>" in sandbox.soap("GetVendor").body
    harmful = sandbox.call("POST /vendors/service", sandbox.as_agent("VENDORS"), b"<!DOCTYPE a><a/>")
    assert harmful.status == 500


def test_a_message_is_delivered_until_it_is_acknowledged(sandbox: CalledSandbox) -> None:
    agent = sandbox.as_agent("EDI")

    def receive() -> int | None:
        said = sandbox.call("POST /edi/receive", agent)
        return said.json["message"] if said.status == 200 else None

    assert [receive(), receive(), receive()] == [1, 2, 3]
    assert sandbox.call("POST /edi/ack", agent, {"message": 2}).status == 200
    assert sandbox.call("POST /edi/ack", agent, {"message": 2}).status == 200, "twice changes nothing"
    sandbox.clock.advance(29.9)
    assert receive() == 4
    sandbox.clock.advance(0.1)
    assert [receive(), receive(), receive()] == [1, 3, 5], "what is not acknowledged comes again, in order"
    assert sandbox.call("POST /edi/ack", agent, {"message": 10**6}).status == 404
    assert sandbox.call("POST /edi/ack", agent, {}).status == 422


def test_every_message_comes_once_and_then_none(sandbox: CalledSandbox) -> None:
    agent, received = sandbox.as_agent("EDI"), []
    while (said := sandbox.call("POST /edi/receive", agent)).status == 200:
        received.append(said.json["record_id"])
        sandbox.call("POST /edi/ack", agent, {"message": said.json["message"]})
        sandbox.clock.advance(0.1)
    due = [row["record_id"] for row in raw_rows(1500) if row["source_system"] == "EDI_HUB"]
    assert said.status == 204
    assert received == [one for one in due if one in set(received)]
    assert len(due) - len(received) < len(due) / 100, "only damaged ones are left out"


def test_files_are_whole_in_their_encoding_and_say_what_the_records_say(sandbox: CalledSandbox) -> None:
    rows = {row["record_id"]: row for row in raw_rows(1500) if row["source_system"] == "SAP_DE"}
    seen = []
    for path in sorted((sandbox.folder / "sap_de").iterdir()):
        with path.open(encoding="iso-8859-15", newline="") as file:
            header, *lines, end = csv.reader(file, delimiter=";")
        assert end == ["END", str(len(lines))]
        for cells in lines:
            said = dict(zip(header, cells, strict=True))
            assert said == {name: rows[said["record_id"]][name] for name in header}
            assert path.name == f"documents-{said['received_at'][:13].replace('-', '')}.csv"
            seen.append(said["record_id"])
    assert len(seen) == len(set(seen))
    left_out = [row for one, row in rows.items() if one not in set(seen)]
    damaged = [row for row in left_out if str.isascii("".join(row[name] for name in header))]
    assert len(damaged) < len(rows) / 100, "only damaged ones, and letters that the encoding has not, are left out"
    assert {"ń", "Ż"} <= set("".join(row["vendor_name"] for row in left_out))


def test_the_archive_on_sqlite_can_be_read_only_and_has_no_salaries(sandbox: CalledSandbox) -> None:
    address = str(sandbox.systems.database).removeprefix("sqlite:///")
    archive = sqlite3.connect(address, uri=True)
    linked = [row for row in raw_rows(1500) if row["related_document"]]
    asked = "SELECT linked_by, document, gross_amount FROM earlier_documents ORDER BY linked_by"
    assert archive.execute(asked).fetchall() == [
        (row["record_id"], row["related_document"], row["related_gross"]) for row in linked
    ]
    for statement in ("UPDATE earlier_documents SET gross_eur = 0", "DELETE FROM earlier_documents"):
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            archive.execute(statement)
    with pytest.raises(sqlite3.OperationalError, match="no such table: salaries"):
        archive.execute("SELECT * FROM salaries")
    archive.close()


def test_a_database_of_another_kind_is_refused(tmp_path: Path) -> None:
    stand_in = StandIn([], "id", {}, tmp_path, "mysql://root@localhost/x")
    with pytest.raises(InputError, match="SQLite or PostgreSQL"):
        filled_database(stand_in, {"t": SandboxTable({"a": "integer"}, [])}, "user", "password")


def test_paths_that_there_are_not_are_404(sandbox: CalledSandbox) -> None:
    assert sandbox.call("GET /crm/customers").status == 404
    assert sandbox.call("GET /test/other").status == 404
    assert sandbox.call("POST /test/clock", body={"advance_s": -1}).status == 422
    assert sandbox.call("POST /test/clock", body=b"no JSON").status == 422
