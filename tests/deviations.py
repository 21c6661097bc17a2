"""What the planted deviations of a sandbox are, and copies of a pilot that have them. No maker knows of this list."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from workbench.pilot import Pilot, open_pilot

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Deviation:
    """One way in which a sandbox does not keep its word.

    `line` is what of the system's part of integrations.yaml it breaks; `copy` is the number of the copy that has it, as
    some exclude each other.
    """

    id: str
    system: str
    line: str
    what: str
    copy: int = 1


DEVIATIONS = (
    Deviation("erp_half_rate", "ERP", "rate.per_s", "50 calls a second instead of 100"),
    Deviation("erp_short_token", "ERP", "auth.expires_s", "a token lasts 300 s instead of 3,600"),
    Deviation("erp_foreign_allowed", "ERP", "auth.foreign_secret_env", "a foreign account's token is let through"),
    Deviation("erp_missing_page", "ERP", "list_orders.paging", "the third page is left out"),
    Deviation("erp_unknown_plant", "ERP", "read_order.answer.plant", "a plant that is none of the values"),
    Deviation("erp_slow_receipts", "ERP", "read_receipts.latency_p95_ms", "four times that"),
    Deviation("erp_decimal_comma", "ERP", "find_posting.answer.amount_eur", "a decimal comma"),
    Deviation("erp_no_offset", "ERP", "find_posting.answer.posted_at", "a moment without offset"),
    Deviation("erp_no_conflict", "ERP", "post.conflict", "200 where 409 is due"),
    Deviation("erp_number_as_text", "ERP", "post.answer.posting", "an integer as text"),
    Deviation("erp_return_lost", "ERP", "send_back.read_back", "what was written is not there"),
    Deviation("worklist_previous_key", "WORKLIST", "auth.previous_secret_env", "the key before is still accepted"),
    Deviation("worklist_short_wait", "WORKLIST", "rate.retry_after", "Retry-After is too short"),
    Deviation("worklist_local_as_utc", "WORKLIST", "find_tickets.answer.opened_at", "local time called UTC"),
    Deviation("worklist_posts_twice", "WORKLIST", "open_ticket.idempotency_key", "the same key writes twice"),
    Deviation("vendors_bank_account", "VENDORS", "rights.ChangeBankAccount", "allowed, though not granted"),
    Deviation("vendors_no_valid_from", "VENDORS", "read_vendor.answer.valid_from", "the field is missing"),
    Deviation("vendors_fault_code", "VENDORS", "read_vendor.errors", "another fault code than declared"),
    Deviation("archive_salaries", "ARCHIVE", "not_granted.read_salaries", "the table can be read"),
    Deviation("sap_iso_dates", "SAP_DE", "read_extract.answer.invoice_date", "ISO instead of German dates"),
    Deviation("sap_utf8", "SAP_DE", "encoding", "UTF-8 instead of ISO 8859-15"),
    Deviation("edi_no_retry_after", "EDI_HUB", "rate.retry_after", "429 without Retry-After"),
    Deviation("edi_acknowledged_again", "EDI_HUB", "next_message", "an acknowledged message is delivered again"),
    Deviation("tax_ids_register", "TAX_IDS", "rights.register_tax_id", "allowed, though not granted"),
    Deviation("erp_expired_accepted", "ERP", "auth.expires_s", "an expired token is still accepted", copy=2),
    Deviation("erp_slow_tail", "ERP", "read_order.latency_p95_ms", "four times that in one call of eight", copy=2),
    Deviation("erp_row_twice", "ERP", "list_orders.paging", "a row stands on two pages", copy=2),
    Deviation("worklist_close_nothing", "WORKLIST", "open_ticket.undo", "undoing undoes nothing", copy=2),
    Deviation("worklist_nobody_accepted", "WORKLIST", "auth.kind", "a call without a key is answered", copy=2),
    Deviation("archive_writable", "ARCHIVE", "not_granted.change_amount", "rows can be changed", copy=2),
    Deviation("sap_no_end", "SAP_DE", "read_extract.errors.no_end", "one file in five has no last line", copy=2),
    Deviation("erp_500_at_most", "ERP", "list_orders.paging.most", "500 at the largest page", copy=3),
)
COPIES = tuple(tuple(one for one in DEVIATIONS if one.copy == copy) for copy in (1, 2, 3))


def deviating_pilot(root: Path, deviations: Collection[str]) -> Pilot:
    """Return a copy of the pilot invoice_matching under a root whose sandbox has some deviations, by their ids."""
    unknown = set(deviations) - {one.id for one in DEVIATIONS}
    assert not unknown, unknown
    return pilot_with_sandbox(root, HERE / "deviating_sandbox.py", deviations)


def pilot_with_sandbox(root: Path, sandbox: Path, deviations: Collection[str]) -> Pilot:
    """Return a copy of the pilot under a root; its sandbox is a file that has those of its deviations."""
    name = "invoice_matching"
    for folder in ("datasets", "eval_suites"):
        shutil.copytree(HERE.parent / folder / name, root / folder / name)
    suite = root / "eval_suites" / name
    (suite / "sandbox.py").rename(suite / "sandbox_conforming.py")
    shutil.copy(sandbox, suite / "sandbox.py")
    (suite / "deviations.json").write_text(json.dumps(sorted(deviations)), encoding="utf-8")
    return open_pilot(name, root)
