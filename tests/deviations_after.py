"""Deviations that were written down after the probe was finished, by somebody who had not read it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from deviations import HERE, Deviation, pilot_with_sandbox

from workbench.pilot import Pilot

DEVIATIONS_AFTER = (
    Deviation("erp_small_burst", "ERP", "rate.burst", "60 calls at once instead of 100, 100 a second all the same"),
    Deviation("erp_any_token", "ERP", "auth.kind", "a token that was never issued is accepted"),
    Deviation("erp_previous_secret", "ERP", "auth.previous_secret_env", "the secret before still gets a token"),
    Deviation("erp_any_scope", "ERP", "auth.scope", "a token is given for a scope that there is not"),
    Deviation("erp_expires_in", "ERP", "auth.expires_s", "expires_in says ten times how long a token lasts"),
    Deviation("erp_missing_is_empty", "ERP", "read_order.errors.404", "200 and {} for an order that is not there"),
    Deviation("erp_price_in_cents", "ERP", "read_order.answer.po_price", "in cents, in plant 3010 only"),
    Deviation("erp_total_disagrees", "ERP", "list_orders.paging.total", "seven more than there are"),
    Deviation("erp_page_cut", "ERP", "list_orders.paging.most", "a page of 200 has 100 rows"),
    Deviation("erp_502", "ERP", "read_receipts.errors", "502, which is not declared, in one call of 30"),
    Deviation("erp_400", "ERP", "find_posting.errors.422", "400 instead of 422"),
    Deviation("erp_key_forgotten", "ERP", "post.idempotency_key", "forgotten after ten minutes"),
    Deviation("erp_conflict_by_amount", "ERP", "post.conflict", "another document under a key counts as the same"),
    Deviation("erp_undo_of_others", "ERP", "post.undo", "takes back the vendor's other postings too"),
    Deviation("erp_payment_run", "ERP", "rights.POST /payment-runs", "allowed, though not granted"),
    Deviation("worklist_reason_cut", "WORKLIST", "find_tickets.answer.reason", "ten letters of what was written"),
    Deviation("worklist_foreign_reads", "WORKLIST", "auth.foreign_secret_env", "a foreign key may read"),
    Deviation("worklist_undescribed", "WORKLIST", "described_by", "the description has no DELETE /tickets"),
    Deviation("worklist_refused_and_done", "WORKLIST", "rights.DELETE /queues", "403, and the queue is emptied"),
    Deviation("worklist_closes_what_is_not", "WORKLIST", "close_ticket.errors.404", "200 instead of 404"),
    Deviation("vendors_block", "VENDORS", "rights.BlockVendor", "described and obeyed, though not granted"),
    Deviation("vendors_missing_is_empty", "VENDORS", "read_vendor.errors.Client.NotFound", "empty fields, no fault"),
    Deviation("vendors_blocked_active", "VENDORS", "read_vendor.answer.vendor_status", "blocked ones are active"),
    Deviation("vendors_slow_first", "VENDORS", "read_vendor.latency_p95_ms", "twice that when asked first for one"),
    Deviation("vendors_never_refused", "VENDORS", "rate.on_exceed", "calls beyond the rate are not refused"),
    Deviation("archive_rows_missing", "ARCHIVE", "find_earlier.answer.document", "one document in ten is not there"),
    Deviation("sap_end_count", "SAP_DE", "read_extract.errors.no_end", "END counts one more, one file in five"),
    Deviation("sap_winter_time", "SAP_DE", "read_extract.answer.received_at", "winter time in summer too"),
    Deviation("sap_document_twice", "SAP_DE", "read_extract", "one file in five has a row of the file before"),
    Deviation("edi_lost", "EDI_HUB", "next_message", "what is not acknowledged is not delivered again"),
    Deviation("edi_cents", "EDI_HUB", "next_message.answer.gross_amount", "cents instead of euros"),
    Deviation("edi_foreign_receives", "EDI_HUB", "auth.foreign_secret_env", "a foreign key may take messages"),
    Deviation("tax_ids_text", "TAX_IDS", "tax_id_is_valid.answer.result", "text instead of a boolean"),
    Deviation("tax_ids_any_key", "TAX_IDS", "auth.secret_env", "any key is accepted"),
    Deviation("erp_fewer_writes", "ERP", "rate.per_s", "20 writes a second", copy=2),
    Deviation("erp_seen_later", "ERP", "post.read_back", "a posting is seen only after five seconds", copy=2),
    Deviation("erp_refused_and_written", "ERP", "send_back.conflict", "409, and the other is written too", copy=2),
    Deviation("worklist_last_key", "WORKLIST", "open_ticket.idempotency_key", "only the last key is known", copy=2),
    Deviation("vendors_as_of_now", "VENDORS", "correlation", "the last state, whatever the record", copy=2),
    Deviation("edi_503", "EDI_HUB", "rate.on_exceed", "503 instead of 429", copy=2),
    Deviation("tax_ids_all_valid", "TAX_IDS", "tax_id_is_valid.answer.result", "true for every tax id", copy=2),
)  # fmt: skip
COPIES_AFTER = tuple(tuple(one for one in DEVIATIONS_AFTER if one.copy == copy) for copy in (1, 2))


def pilot_deviating_after(root: Path, deviations: Collection[str]) -> Pilot:
    """Return a copy of the pilot invoice_matching under a root whose sandbox has some of them, by their ids."""
    unknown = set(deviations) - {one.id for one in DEVIATIONS_AFTER}
    assert not unknown, unknown
    return pilot_with_sandbox(root, HERE / "deviating_sandbox_after.py", deviations)
