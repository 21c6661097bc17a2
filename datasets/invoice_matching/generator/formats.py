"""How the three source systems write dates, numbers, units, currencies and terms, as process.yaml declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from generator.facts import Case, Document, Order, Terms
from generator.units import QUANTITY_DECIMALS

# Quantities and amounts that a source writes its own way, and dates; every other column is the same in all sources.
QUANTITIES = ("po_quantity", "received_quantity", "invoiced_before", "invoice_quantity")
AMOUNTS = (
    "po_price", "po_freight", "invoice_price", "net_amount", "freight_amount", "discount_amount", "gross_amount",
)  # fmt: skip
DATES = ("invoice_date", "receipt_date")


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers given out when all cases are known: the purchase order's, the vendor's, a related document's."""

    order: str
    invoice: str
    related: str


class Format:
    """One source system's way of writing."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self.declared = declared
        self.units = {meaning: code for code, meaning in declared["units"].items()}
        self.currencies = {meaning: code for code, meaning in declared["currencies"].items()}
        self.documents = {meaning: code for code, meaning in declared["documents"].items()}

    def number(self, value: float, decimals: int) -> str:
        """Return a number with the source's marks."""
        text = f"{value:,.{decimals}f}"
        marks = str.maketrans({",": self.declared["thousands"], ".": self.declared["decimal"]})
        return text.translate(marks)

    def quantity(self, value: float, unit: str) -> str:
        """Return a quantity with the decimals of its unit."""
        return self.number(value, QUANTITY_DECIMALS[unit])

    def day(self, value: date | None) -> str:
        """Return a date, empty for none."""
        return "" if value is None else value.strftime(self.declared["date"])

    def terms(self, terms: Terms) -> str:
        """Return payment terms."""
        kind = "discount" if terms.discount_pct > 0 else "net"
        pct = f"{terms.discount_pct:g}"
        return str(self.declared["terms"][kind]).format(pct=pct, days=terms.discount_days, net=terms.net_days)

    def row(self, case: Case, numbers: Numbers) -> dict[str, str]:
        """Return the record's columns, without id, class and labels."""
        return {
            **self._head(case, numbers),
            **self._order(case.order, numbers),
            **self._receipts(case),
            **self._lines(case.document, case.fx_rate),
            "related_document": numbers.related,
            "related_gross": "" if case.related_gross is None else self.number(case.related_gross, 2),
            "note": case.note.text,
        }

    def _head(self, case: Case, numbers: Numbers) -> dict[str, str]:
        """Return what names the document and its vendor."""
        document, vendor = case.document, case.order.vendor
        return {
            "source_system": case.source,
            "received_at": document.received_at.isoformat(timespec="seconds"),
            "document_type": self.documents[document.kind],
            "invoice_number": numbers.invoice,
            "invoice_date": self.day(document.dated),
            "vendor_id": vendor.number,
            "vendor_name": vendor.name,
            "vendor_country": vendor.country,
            "vendor_status": case.vendor_status,
            "invoice_tax_id": document.tax_id,
            "master_tax_id": vendor.tax_id,
        }

    def _order(self, order: Order, numbers: Numbers) -> dict[str, str]:
        """Return the purchase order line."""
        return {
            "po_number": numbers.order,
            "plant": order.plant,
            "material_group": order.material.group,
            "material": order.material.name,
            "po_quantity": self.quantity(order.quantity, order.unit),
            "order_unit": self.units[order.unit],
            "po_price": self.number(order.price, 2),
            "po_price_unit": str(order.price_unit),
            "po_currency": self.currencies[order.currency],
            "over_delivery_pct": str(order.over_delivery_pct),
            "po_freight": self.number(order.freight, 2),
            "po_terms": self.terms(order.terms),
        }

    def _receipts(self, case: Case) -> dict[str, str]:
        """Return what was delivered and invoiced so far."""
        return {
            "delivery_number": str(case.delivery),
            "deliveries_planned": str(case.order.deliveries),
            "receipt_date": self.day(case.receipt_date),
            "received_quantity": self.quantity(case.received_quantity, case.order.unit),
            "invoiced_before": self.quantity(case.invoiced_before, case.order.unit),
        }

    def _lines(self, document: Document, fx_rate: float) -> dict[str, str]:
        """Return the document's line, its additions and sums."""
        return {
            "invoice_quantity": self.quantity(document.quantity, document.unit),
            "invoice_unit": self.units[document.unit],
            "invoice_price": self.number(document.price, 2),
            "invoice_price_unit": str(document.price_unit),
            "currency": self.currencies[document.currency],
            "fx_rate": f"{fx_rate:g}",
            "net_amount": self.number(document.net, 2),
            "freight_amount": self.number(document.freight, 2),
            "discount_amount": self.number(document.discount, 2),
            "tax_rate": str(document.tax_rate),
            "gross_amount": self.number(document.gross, 2),
            "invoice_terms": self.terms(document.terms),
        }


def read_formats(process: Mapping[str, Any]) -> dict[str, Format]:
    """Return the formats by source system."""
    return {source: Format(declared) for source, declared in process["source_formats"].items()}
