"""Every planted deviation is there: a check by hand holds on the conforming sandbox and fails on its copy."""

from __future__ import annotations

import asyncio
import csv
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from deviations import COPIES, DEVIATIONS, Deviation, deviating_pilot
from sandbox_calls import CalledSandbox

from workbench.pilot import open_pilot
from workbench.records.splits import read_dataset

ROOT = Path(__file__).parent.parent
OF_DOCUMENT = {"invoice_number": "A 1", "vendor_id": "100200"}
KEYED = {"idempotency-key": "k"}
CALLED = ("tax_ids_register",)  # seen on a server that runs: tests/test_sandbox_running.py


@pytest.fixture(scope="module")
def documents() -> list[Mapping[str, Any]]:
    return read_dataset(open_pilot("invoice_matching", ROOT)).documents()[:1500]


@pytest.fixture(scope="module")
def made(
    documents: list[Mapping[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], CalledSandbox]:
    """Make the conforming sandbox (0) or a copy with its deviations, anew each time."""
    pilots = {0: open_pilot("invoice_matching", ROOT)}

    def make(copy: int) -> CalledSandbox:
        if copy not in pilots:
            root = tmp_path_factory.mktemp(f"copy{copy}")
            pilots[copy] = deviating_pilot(root, [one.id for one in COPIES[copy - 1]])
        return CalledSandbox(pilots[copy], documents, tmp_path_factory.mktemp("folder"))

    return make


def posted(sandbox: CalledSandbox) -> Mapping[str, Any]:
    agent = sandbox.as_agent("ERP")
    sandbox.call("POST /erp/postings", agent | KEYED, OF_DOCUMENT | {"amount_eur": "12.50"})
    return sandbox.call("GET /erp/postings", agent, query=OF_DOCUMENT).json["postings"][0]


def tickets_after(sandbox: CalledSandbox, *asked: str) -> list[Mapping[str, Any]]:
    agent = sandbox.as_agent("WORKLIST")
    for one in asked:
        body = OF_DOCUMENT | {"assigned_to": "tax", "reason": "x"} if one.startswith("POST") else None
        sandbox.call(one, agent | KEYED, body, OF_DOCUMENT if body is None else None)
    return sandbox.call("GET /worklist/tickets", agent, query=OF_DOCUMENT).json["tickets"]


def pages(sandbox: CalledSandbox, limit: int) -> list[str]:
    seen, after = [], ""
    while after is not None:
        sandbox.clock.advance(1)
        said = sandbox.call("GET /erp/orders", sandbox.as_agent("ERP"), query={"limit": limit, "after": after}).json
        seen += [one["po_number"] for one in said["orders"]]
        after = said["next"]
    assert said["total"] > 1000
    return seen


def n_orders(sandbox: CalledSandbox) -> int:
    return len({one["po_number"] for one in sandbox.stand_in.documents})


def n_taken(sandbox: CalledSandbox, system: str, asked: str) -> int:
    """Use up what is taken at once, wait a second, and return how many calls are taken then."""
    agent = sandbox.as_agent(system)
    for _ in range(2):
        n = 0
        while sandbox.call(asked, agent).status != 429:
            n += 1
        sandbox.clock.advance(1)
    return n


def wait_said(sandbox: CalledSandbox, system: str, asked: str) -> str | None:
    agent = sandbox.as_agent(system)
    while (said := sandbox.call(asked, agent)).status != 429:
        pass
    return said.headers.get("retry-after")


def status_after(sandbox: CalledSandbox, seconds: float) -> int:
    agent = sandbox.as_agent("ERP")
    sandbox.clock.advance(seconds)
    return sandbox.call("GET /erp/orders", agent).status


def second_post(sandbox: CalledSandbox) -> int:
    posted(sandbox)
    return sandbox.call("POST /erp/postings", sandbox.as_agent("ERP") | KEYED, OF_DOCUMENT | {"amount_eur": "9"}).status


def number_of_posting(sandbox: CalledSandbox) -> Any:
    agent = sandbox.as_agent("ERP") | KEYED
    return sandbox.call("POST /erp/postings", agent, OF_DOCUMENT | {"amount_eur": "1"}).json["posting"]


def returns(sandbox: CalledSandbox) -> list[Any]:
    agent = sandbox.as_agent("ERP")
    assert sandbox.call("POST /erp/returns", agent | KEYED, OF_DOCUMENT | {"reason": "x"}).status == 201
    return sandbox.call("GET /erp/returns", agent, query=OF_DOCUMENT).json["returns"]


def plants(sandbox: CalledSandbox) -> set[str]:
    agent, found = sandbox.as_agent("ERP"), set()
    for one in sandbox.stand_in.documents[:50]:
        found.add(sandbox.call(f"GET /erp/orders/{one['po_number']}", agent).json["plant"])
    return found


def waits_of_receipts(sandbox: CalledSandbox) -> list[float]:
    """Return how long ten calls make themselves wait, which they do not do here."""
    waits: list[float] = []

    async def noted(seconds: float) -> None:
        waits.append(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", noted)
        for _ in range(10):
            sandbox.call("GET /erp/orders/4500713202/receipts", sandbox.as_agent("ERP"))
    return waits


def extracts(sandbox: CalledSandbox) -> list[list[list[str]]]:
    files = []
    for path in sorted((sandbox.folder / "sap_de").iterdir()):
        with path.open(encoding="iso-8859-15", newline="") as file:
            files.append(list(csv.reader(file, delimiter=";")))
    return files


def is_read(sandbox: CalledSandbox, statement: str) -> bool:
    archive = sqlite3.connect(str(sandbox.systems.database).removeprefix("sqlite:///"), uri=True)
    try:
        archive.execute(statement)
    except sqlite3.Error:
        return False
    finally:
        archive.close()
    return True


def message_after_acknowledging(sandbox: CalledSandbox) -> int:
    agent = sandbox.as_agent("EDI")
    number = sandbox.call("POST /edi/receive", agent).json["message"]
    sandbox.call("POST /edi/ack", agent, {"message": number})
    sandbox.clock.advance(31)
    return sandbox.call("POST /edi/receive", agent).json["message"]


IBAN = {"vendor_id": "100200", "iban": "DE1"}
KEEPS_ITS_WORD: dict[str, Callable[[CalledSandbox], bool]] = {
    "erp_half_rate": lambda one: n_taken(one, "ERP", "GET /erp/orders") == 100,
    "erp_short_token": lambda one: status_after(one, 3599) == 200,
    "erp_foreign_allowed": lambda one: one.call("GET /erp/orders", one.as_agent("ERP", "FOREIGN")).status == 403,
    "erp_missing_page": lambda one: len(set(pages(one, 50))) == n_orders(one),
    "erp_unknown_plant": lambda one: plants(one) <= {"1010", "1020", "1030", "2010", "3010"},
    "erp_slow_receipts": lambda one: waits_of_receipts(one) == [],
    "erp_decimal_comma": lambda one: posted(one)["amount_eur"] == "12.50",
    "erp_no_offset": lambda one: posted(one)["posted_at"].endswith("+00:00"),
    "erp_no_conflict": lambda one: second_post(one) == 409,
    "erp_number_as_text": lambda one: number_of_posting(one) == 1,
    "erp_return_lost": lambda one: returns(one) == [{"reason": "x"}],
    "worklist_previous_key": lambda one: one.call(
        "GET /worklist/tickets", one.as_agent("WORKLIST", "WORKLIST_KEY_BEFORE")
    ).status == 401,
    "worklist_short_wait": lambda one: wait_said(one, "WORKLIST", "GET /worklist/tickets") == "1",
    "worklist_local_as_utc": lambda one: tickets_after(one, "POST /worklist/tickets")[0]["opened_at"].startswith(
        "2025-06-15T15:06:40"
    ),
    "worklist_posts_twice": lambda one: len(tickets_after(one, *["POST /worklist/tickets"] * 2)) == 1,
    "vendors_bank_account": lambda one: one.soap("ChangeBankAccount", **IBAN).status == 403,
    "vendors_no_valid_from": lambda one: b"valid_from" in one.soap("GetVendor", vendor_id="100200").body,
    "vendors_fault_code": lambda one: b"Client.NotFound<" in one.soap("GetVendor", vendor_id="1").body,
    "archive_salaries": lambda one: not is_read(one, "SELECT * FROM salaries"),
    "sap_iso_dates": lambda one: all(row[3][2] == "." for file in extracts(one) for row in file[1:-1]),
    "sap_utf8": lambda one: not any("Ã" in cell for file in extracts(one) for row in file[1:-1] for cell in row[:6]),
    "edi_no_retry_after": lambda one: wait_said(one, "EDI", "POST /edi/receive") == "1",
    "edi_acknowledged_again": lambda one: message_after_acknowledging(one) == 2,
    "erp_expired_accepted": lambda one: status_after(one, 3601) == 401,
    "erp_row_twice": lambda one: len(seen := pages(one, 50)) == len(set(seen)),
    "worklist_close_nothing": lambda one: not tickets_after(one, "POST /worklist/tickets", "DELETE /worklist/tickets"),
    "worklist_nobody_accepted": lambda one: one.call("GET /worklist/tickets").status == 401,
    "archive_writable": lambda one: not is_read(one, "UPDATE earlier_documents SET gross_eur = 0"),
    "sap_no_end": lambda one: all(file[-1][0] == "END" for file in extracts(one)),
    "erp_500_at_most": lambda one: one.call("GET /erp/orders", one.as_agent("ERP"), query={"limit": 200}).status == 200,
}  # fmt: skip


def test_the_first_copy_has_24_deviations_and_each_breaks_one_line() -> None:
    assert [len(copy) for copy in COPIES] == [24, 6, 1]
    assert len({one.id for one in DEVIATIONS}) == len(DEVIATIONS)
    assert len({(one.system, one.line, one.copy) for one in DEVIATIONS}) == len(DEVIATIONS)
    assert set(KEEPS_ITS_WORD) | set(CALLED) == {one.id for one in DEVIATIONS}


@pytest.mark.parametrize("deviation", [one for one in DEVIATIONS if one.id not in CALLED], ids=lambda one: one.id)
def test_a_planted_deviation_is_there_and_the_conforming_sandbox_is_without_it(
    made: Callable[[int], CalledSandbox], deviation: Deviation
) -> None:
    keeps_its_word = KEEPS_ITS_WORD[deviation.id]
    assert keeps_its_word(made(0))
    assert not keeps_its_word(made(deviation.copy))
