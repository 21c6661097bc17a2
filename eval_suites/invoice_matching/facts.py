"""What holding document, order and receipts against each other finds, as short lines for a prompt.

A matching engine does this part in any accounts-payable system: it computes differences and lists those that are not
zero. Whether a difference matters is the policy's business, and the policy is in the prompt. Percentages have one
decimal, euro amounts none, `payable` is in thousand euro; what is above 999 is written `999+`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import reading, tax_ids

SAME_PCT = 0.05  # differences up to here come from rounding when units are converted
SAME_AMOUNT = 0.01
SUMS_AGREE = 0.05
CAP = 999
Record = Mapping[str, str | int | float | bool | None]
Share = tuple[float, float]  # percent, euro


@dataclass(frozen=True, slots=True)
class Findings:
    """What differs on one document; None or False where nothing does or nothing could be read.

    Pairs are (percent, euro); `price_above` is the price variance, `price_below` the price shortfall, `freight_above`
    the freight excess over the order's, `freight_not_agreed` freight although the order has none. `payable` is in
    thousand euro, `tax_rate` is (on the document, expected) in percent, `nothing_billable` is the invoice's age in days
    when nothing is left to bill, `earlier` says of a linked earlier document "same" or "other" amount, `credited` of a
    credit note "none" (no invoice linked) or "exceeded".
    """

    is_invoice: bool = True
    deliveries: int = 1
    plant: str | None = None
    group: str | None = None
    payable: float | None = None
    vendor_status: str = "active"
    tax_id: str | None = None
    currency_differs: bool = False
    tax_rate: tuple[float, float] | None = None
    sums_differ: bool = False
    earlier: str | None = None
    units_differ: bool = False
    credited: str | None = None
    nothing_billable: float | None = None
    over_quantity: Share | None = None
    over_delivery: Share | None = None
    price_above: Share | None = None
    price_below: Share | None = None
    freight_not_agreed: float | None = None
    freight_above: Share | None = None
    discount_line: float | None = None
    days_shorter: float | None = None
    discount_lost: float | None = None
    n_unread: int = 0
    note: str = ""


TAX_ID = {"differs": "differs from the master data", "digits": "check digits are wrong"}
EARLIER = {"same": "same amount", "other": "another amount"}
CREDITED = {"none": "none is linked", "exceeded": "exceeded by the credit note"}


def matching_facts(record: Record) -> dict[str, str]:
    """Return the field `facts`: the note and every difference of a record, one line each."""
    return {"facts": "\n".join(text for _, text in lines(findings(record)))}


def lines(found: Findings) -> Iterator[tuple[str, str]]:
    """Yield (what the line is about, its text) for each line of the facts."""
    if found.note:
        yield "note", f"note: {' '.join(found.note.split())}"
    kind = "invoice" if found.is_invoice else "credit note"
    yield "document", f"{kind}, deliveries planned {found.deliveries}"
    place = f"plant {found.plant or 'unknown'}, group {found.group or 'unknown'}"
    yield "payable", f"{place}, payable: {_number(found.payable, 1)} thousand euro"
    if found.vendor_status == "new":
        yield "vendor_status", f"vendor status: new, first amount: {_number(found.payable, 1)} thousand euro"
    elif found.vendor_status != "active":
        yield "vendor_status", f"vendor status: {found.vendor_status}"
    if found.tax_id is not None:
        yield "tax_id", f"tax id: {TAX_ID[found.tax_id]}"
    if found.currency_differs:
        yield "currency_differs", "currency: differs from the order"
    if found.tax_rate is not None:
        given, expected = found.tax_rate
        yield "tax_rate", f"tax rate: {_number(given, 0)} % instead of {_number(expected, 0)} %"
    if found.sums_differ:
        yield "sums_differ", "sums: do not add up"
    yield from _links(found)
    yield from _shares(found)
    if found.n_unread:
        yield "n_unread", f"unreadable fields: {found.n_unread}"


def _links(found: Findings) -> Iterator[tuple[str, str]]:
    """Yield the lines on other documents and on what can be billed at all."""
    if found.earlier is not None:
        yield "earlier", f"earlier document: {EARLIER[found.earlier]}"
    if found.units_differ:
        yield "units_differ", "units: cannot be converted"
    if found.credited is not None:
        yield "credited", f"credited invoice: {CREDITED[found.credited]}"
    if found.nothing_billable is not None:
        yield "nothing_billable", f"receipt: nothing billable, invoice age: {_number(found.nothing_billable, 0)} days"


def _shares(found: Findings) -> Iterator[tuple[str, str]]:
    """Yield the lines on quantities, prices, freight and terms."""
    if found.over_quantity is not None:
        yield "over_quantity", _share("over quantity", "quantity worth", found.over_quantity)
    if found.over_delivery is not None:
        percent, euro = found.over_delivery
        yield "over_delivery", f"over delivery: {_number(euro, 0)} euro, surplus: {_number(percent, 1)} %"
    if found.price_above is not None:
        group = f"{found.group} " if found.group else ""
        yield "price_above", _share(f"{group}price variance", "extra cost", found.price_above)
    if found.price_below is not None:
        yield "price_below", _share("price shortfall", "shortfall amount", found.price_below)
    if found.freight_not_agreed is not None:
        yield "freight_not_agreed", f"freight surcharge: {_number(found.freight_not_agreed, 0)} euro"
    if found.freight_above is not None:
        yield "freight_above", _share("freight excess", "extra freight", found.freight_above)
    if found.discount_line is not None:
        yield "discount_line", f"discount gap: {_number(found.discount_line, 0)} euro"
    if found.days_shorter is not None:
        yield "days_shorter", f"payment days shorter: {_number(found.days_shorter, 0)}"
    if found.discount_lost is not None:
        yield "discount_lost", f"discount loss: {_number(found.discount_lost, 0)} euro"


def _share(percent_name: str, euro_name: str, share: Share) -> str:
    percent, euro = share
    return f"{percent_name}: {_number(percent, 1)} %, {euro_name}: {_number(euro, 0)} euro"


def _number(value: float | None, decimals: int) -> str:
    """Return a number as it is written: up to 99.9 with its decimals, then whole, then capped."""
    if value is None:
        return "unknown"
    if round(value, decimals) > CAP:
        return f"{CAP}+"
    return f"{value:.{decimals if value < 99.95 else 0}f}"


def findings(record: Record) -> Findings:
    """Return what differs on a record."""
    facts = reading.read_facts(record)
    m = reading.measure(facts)
    invoice = facts.is_invoice
    return Findings(
        is_invoice=invoice,
        deliveries=1 if math.isnan(facts.deliveries) else int(facts.deliveries),
        plant=facts.plant,
        group=facts.group,
        payable=None if math.isnan(m.payable_eur) else m.payable_eur / 1000,
        vendor_status=facts.vendor.status if facts.vendor.status in ("new", "blocked") else "active",
        tax_id=_tax_id(facts.vendor),
        currency_differs=_differ(facts.document.currency, facts.order.currency),
        tax_rate=(facts.tax_rate, facts.tax_rate - m.tax_gap) if abs(m.tax_gap) > 0 else None,
        sums_differ=m.arithmetic_gap > SUMS_AGREE + 1e-6,
        earlier=_earlier(facts, m) if invoice else None,
        units_differ=_differ(facts.order.base, facts.document.base),
        credited=None if invoice else _credited(facts),
        nothing_billable=facts.age_days if invoice and m.billable <= 0 and not math.isnan(facts.age_days) else None,
        over_quantity=_above(m.over_pct, m.over_eur) if invoice else None,
        over_delivery=_above(m.surplus_pct, m.surplus_eur) if invoice else None,
        price_above=_above(m.price_pct, m.price_eur) if invoice else None,
        price_below=_above(-m.price_pct, -m.price_eur) if invoice else None,
        freight_not_agreed=_positive(m.freight_over_eur) if invoice and facts.order.freight == 0 else None,
        freight_above=_above(m.freight_over_pct, m.freight_over_eur) if invoice else None,
        discount_line=_positive(m.discount_gap_eur, 0.005) if invoice else None,
        days_shorter=_positive(m.days_shorter) if invoice else None,
        discount_lost=_positive(m.lost_discount_eur, 0.005) if invoice else None,
        n_unread=len(facts.unread),
        note=facts.note,
    )


def _above(percent: float, euro: float) -> Share | None:
    return (percent, euro) if percent > SAME_PCT and not math.isnan(euro) else None


def _positive(value: float, same: float = 0.0) -> float | None:
    return value if value > same else None


def _differ(one: str | None, other: str | None) -> bool:
    """Return whether two codes differ; a code that could not be read differs from none."""
    return one is not None and other is not None and one != other


def _tax_id(vendor: Any) -> str | None:
    if not vendor.invoice_tax_id or not vendor.master_tax_id:
        return None
    if not tax_ids.vat_digits_are_right(vendor.invoice_tax_id):
        return "digits"
    return "differs" if vendor.invoice_tax_id != vendor.master_tax_id else None


def _earlier(facts: Any, measures: Any) -> str | None:
    if not facts.has_related:
        return None
    return "same" if measures.related_gap <= SAME_AMOUNT + 1e-6 else "other"


def _credited(facts: Any) -> str | None:
    if not facts.has_related:
        return "none"
    return "exceeded" if facts.gross - facts.related_gross > SAME_AMOUNT + 1e-6 else None
