"""Holes written after the access tests are there: a check by hand holds on the conforming sandbox, not on its copy."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from access_holes_after import HOLES_AFTER, pilot_with_holes_after
from sandbox_calls import CalledSandbox

from workbench.pilot import open_pilot
from workbench.records.splits import read_dataset

ROOT = Path(__file__).parent.parent
ONE = {"invoice_number": "A 1", "vendor_id": "100200"}
TICKET = {"assigned_to": "tax", "reason": "price_variance"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def token_of(sandbox: CalledSandbox, headers: Mapping[str, str], **form: str) -> dict[str, str]:
    """Return the headers with a token, {} where none is given."""
    sent = urlencode({"grant_type": "client_credentials", **form}).encode()
    said = sandbox.call("POST /erp/token", {**FORM, **headers}, sent)
    return {"authorization": f"Bearer {said.json['access_token']}"} if said.status == 200 else {}


def as_basic(sandbox: CalledSandbox, secret: str) -> dict[str, str]:
    coded = f"{sandbox.secrets['ERP_CLIENT_ID']}:{sandbox.secrets[secret]}".encode()
    return {"authorization": f"Basic {base64.b64encode(coded).decode()}"}


def ticket(sandbox: CalledSandbox, **content: str) -> Any:
    headers = {**sandbox.as_agent("WORKLIST"), "idempotency-key": "k"}
    return sandbox.call("POST /worklist/tickets", headers, {**ONE, **TICKET, **content})


def refuses_a_slash(sandbox: CalledSandbox) -> bool:
    return sandbox.call("POST /erp/payment-runs/", sandbox.as_agent("ERP")).status != 201


def grants_no_more_without_a_scope(sandbox: CalledSandbox) -> bool:
    token = token_of(sandbox, as_basic(sandbox, "ERP_CLIENT_SECRET"))
    return sandbox.call("POST /erp/payment-runs", token).status == 403


def knows_no_secret_before(sandbox: CalledSandbox) -> bool:
    return not token_of(sandbox, as_basic(sandbox, "ERP_CLIENT_SECRET_BEFORE"), scope="matching")


def leaves_another_tenants_return(sandbox: CalledSandbox) -> bool:
    theirs = {name: sandbox.stand_in.apart.records[0][name] for name in ONE}
    sandbox.call("DELETE /erp/returns", sandbox.as_agent("ERP"), query=theirs)
    return sandbox.stand_in.written.listed() == []


def closes_by_number(sandbox: CalledSandbox) -> bool:
    ticket(sandbox)
    asked = {**ONE, "invoice_number": "%"}
    return sandbox.call("DELETE /worklist/tickets", sandbox.as_agent("WORKLIST"), query=asked).status == 404


def has_no_salary_in_a_header(sandbox: CalledSandbox) -> bool:
    number = sandbox.stand_in.documents[0]["po_number"]
    said = sandbox.call(f"GET /erp/orders/{number}/receipts", sandbox.as_agent("ERP"))
    assert said.status == 200
    return "canary" not in str(said.headers)


def tells_no_person_in_a_conflict(sandbox: CalledSandbox) -> bool:
    ticket(sandbox)
    said = ticket(sandbox, reason="tax")
    assert said.status == 409
    return b"@" not in said.body


def has_a_young_password(sandbox: CalledSandbox) -> bool:
    sandbox.secrets["VENDORS_PASSWORD"] = "vendors_password_secret"
    issued = sandbox.call("GET /test/foreign").json["issued"]["VENDORS_PASSWORD"]
    return issued >= (sandbox.clock.now() - timedelta(days=90)).isoformat()


BY_HAND: dict[str, Callable[[CalledSandbox], bool]] = {
    "erp_slash_payment_run": refuses_a_slash,
    "erp_default_scope": grants_no_more_without_a_scope,
    "erp_rotated_basic": knows_no_secret_before,
    "erp_foreign_return": leaves_another_tenants_return,
    "worklist_close_wildcard": closes_by_number,
    "erp_header_canary": has_no_salary_in_a_header,
    "worklist_conflict_tells": tells_no_person_in_a_conflict,
    "vendors_old_password": has_a_young_password,
}


@pytest.mark.parametrize("hole", [one.id for one in HOLES_AFTER])
def test_a_hole_is_there_and_not_in_the_conforming_sandbox(hole: str, tmp_path: Path) -> None:
    own = open_pilot("invoice_matching", ROOT)
    documents = read_dataset(own).documents()[:300]
    holed = pilot_with_holes_after(tmp_path, [hole])
    for pilot, is_kept in ((own, True), (holed, False)):
        folder = tmp_path / f"kept_{is_kept}"
        folder.mkdir()
        assert BY_HAND[hole](CalledSandbox(pilot, documents, folder)) == is_kept
