"""Matching cases made and decided by hand from eval_suites/invoice_matching/process.yaml."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "datasets" / "invoice_matching"))

from generator.facts import Case, Document, Material, Note, NoteFact, Order, Terms, Vendor

VENDOR = Vendor(
    number="100999", name="Probe GmbH", country="DE", tax_id="DE136695976", currency="EUR", terms=Terms(2, 14, 30),
    groups=("fasteners",), plants=("1010",), sends_edi=False, writes_german=True, carelessness=1.0,
    reference_style="{n}",
)  # fmt: skip
ORDER = Order(
    key=1, vendor=VENDOR, plant="1010", material=Material("Schraube", "fasteners", "piece", 100, 10.0), currency="EUR",
    unit="piece", price_unit=100, price=10.0, quantity=100_000, over_delivery_pct=0, freight=0.0,
    terms=Terms(2, 14, 30), deliveries=1,
)  # fmt: skip
DAY = date(2025, 6, 12)
AMERICAN = replace(VENDOR, country="US", tax_id="12-3456789", currency="USD")
POLE = replace(VENDOR, country="PL", tax_id="PL8567346215")
WRONG_IN_MASTER = replace(VENDOR, tax_id="DE136695978")
SMALL, MEDIUM, LARGE = {"quantity": 5_000}, {"quantity": 20_000}, {"quantity": 400_000}  # 500, 2,000 and 40,000 euro
ROOM = {"over_delivery_pct": 5}
CREDIT = {"kind": "credit_note", "quantity": 10_000}


def case(
    order: dict[str, Any] | None = None,
    document: dict[str, Any] | None = None,
    group: str = "fasteners",
    days: int = 2,
    note: tuple[NoteFact, ...] = (),
    **facts: Any,
) -> Case:
    """Return an invoice of 10,000 euro that matches in everything, with changes; its sums follow unless given."""
    line = replace(ORDER, material=replace(ORDER.material, group=group), **(order or {}))
    said = {"quantity": line.quantity, "price": line.price, "price_unit": line.price_unit, "unit": line.unit}
    said |= {"freight": line.freight, "discount": 0.0, "tax_rate": 19, **(document or {})}
    said.setdefault("net", round(said["quantity"] * said["price"] / said["price_unit"], 2))
    taxable = said["net"] + said["freight"] - said["discount"]
    said.setdefault("gross", round(taxable * (1 + said["tax_rate"] / 100), 2))
    usual = {"kind": "invoice", "reference": 1, "dated": DAY - timedelta(days=days), "tax_id": line.vendor.tax_id}
    usual |= {"received_at": datetime(2025, 6, 12, 9), "currency": line.currency, "terms": line.terms}
    known = {"key": 1, "source": "SAP_DE", "vendor_status": "active", "fx_rate": 1.0, "delivery": 1}
    known |= {"receipt_date": DAY, "received_quantity": line.quantity, "invoiced_before": 0.0, **facts}
    return Case(order=line, document=Document(**{**usual, **said}), note=Note("", "", frozenset(note)), **known)


# Decided by hand from process.yaml; pairs stand on both sides of one limit.
F = NoteFact
HAND_MADE: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "three_way_match"),
    ({"order": {"deliveries": 2}}, "partial_delivery"),
    # hard stops
    ({"vendor_status": "blocked"}, "vendor_blocked"),
    ({"note": (F.BANK_CHANGE,)}, "bank_details_change"),
    ({"document": {"tax_id": "DE136695978"}}, "tax_id_invalid"),  # 6 is the right check digit
    ({"document": {"tax_id": "DE123456788"}}, "tax_id_invalid"),  # right digits, another company's
    ({"document": {"tax_id": "DE123456788"}, "note": (F.TAX_ID_CONFIRMED,)}, "tax_id_confirmed"),
    ({"document": {"tax_id": "DE136695978"}, "note": (F.TAX_ID_CONFIRMED,)}, "tax_id_invalid"),
    ({"order": {"vendor": WRONG_IN_MASTER}}, "tax_id_invalid"),
    ({"order": {"vendor": AMERICAN}, "document": {"tax_rate": 0}}, "three_way_match"),
    ({"document": {"currency": "USD"}}, "currency_mismatch"),
    ({"document": {"tax_rate": 7}}, "tax_rate_wrong"),
    ({"order": {"vendor": POLE}}, "tax_rate_wrong"),  # a Polish vendor invoices Kassel without tax
    ({"order": {"vendor": POLE, "plant": "2010"}, "document": {"tax_rate": 23}}, "three_way_match"),
    ({"document": {"gross": 11_900.05}}, "three_way_match"),
    ({"document": {"gross": 11_900.06}}, "arithmetic_error"),
    ({"document": {"net": 9_999.94}}, "arithmetic_error"),
    ({"related": 7, "related_gross": 11_900.01}, "duplicate_invoice"),
    ({"related": 7, "related_gross": 11_900.02}, "possible_duplicate"),
    ({"related": 7, "related_gross": 11_900.00, "note": (F.REPLACES_CANCELLED,)}, "replacement_invoice"),
    ({"related": 7, "related_gross": 8_000.00, "note": (F.REPLACES_CANCELLED,)}, "replacement_invoice"),
    ({"document": {"unit": "kilogram"}}, "unit_mismatch"),
    ({"document": {"unit": "thousand_pieces", "quantity": 100, "price": 100.0, "price_unit": 1}}, "three_way_match"),
    # credit notes
    ({"document": CREDIT, "related": 7, "related_gross": 11_900.0}, "credit_note_match"),
    ({"document": CREDIT, "related": 7, "related_gross": 1_190.0, "invoiced_before": 1e5}, "credit_note_match"),
    ({"document": CREDIT, "related": 7, "related_gross": 1_189.98}, "credit_note_exceeds_invoice"),
    ({"document": CREDIT}, "credit_note_unreferenced"),
    ({"document": CREDIT, "related": 7, "related_gross": 11_900.0, "note": (F.QUALITY_OPEN,)}, "credit_note_match"),
    # receipt and quality
    ({"received_quantity": 0.0}, "missing_receipt"),
    ({"received_quantity": 500.0, "invoiced_before": 500.0}, "missing_receipt"),
    ({"received_quantity": 0.0, "days": 30}, "missing_receipt"),
    ({"received_quantity": 0.0, "days": 31}, "no_delivery"),
    ({"received_quantity": 0.0, "days": 31, "note": (F.DELIVERY_SIGNED,)}, "missing_receipt"),
    ({"days": 31}, "three_way_match"),
    ({"note": (F.QUALITY_OPEN,)}, "quality_block"),
    ({"note": (F.DISPUTE,)}, "dispute"),
    # quantity: 2% of what was received, 25, 500 and 250 euro; 10%
    ({"received_quantity": 98_040}, "within_tolerance"),  # 1,960 over = 1.9992%
    ({"received_quantity": 98_039}, "quantity_variance"),  # 1,961 over = 2.0002%
    ({"order": SMALL, "received_quantity": 4_750}, "within_tolerance"),  # 250 over = 25.00 euro
    ({"order": SMALL, "received_quantity": 4_749}, "quantity_variance"),
    ({"order": LARGE, "group": "sheet_steel", "received_quantity": 395_000}, "within_tolerance"),  # 500.00 euro
    ({"order": LARGE, "group": "sheet_steel", "received_quantity": 394_999}, "quantity_variance"),
    ({"received_quantity": 90_910}, "quantity_variance"),  # 9,090 over = 9.9989%
    ({"received_quantity": 90_909}, "quantity_over_receipt"),  # 9,091 over = 10.0001%
    ({"order": MEDIUM, "received_quantity": 17_500}, "quantity_variance"),  # 250.00 euro
    ({"order": MEDIUM, "received_quantity": 17_499}, "quantity_over_receipt"),
    ({"received_quantity": 120_000}, "three_way_match"),  # less invoiced than received
    # over-delivery: 25 euro above the order line's own 5%; agreed up to 25% of the order
    ({"order": ROOM, "document": {"quantity": 105_250}, "received_quantity": 2e5}, "three_way_match"),
    ({"order": ROOM, "document": {"quantity": 105_251}, "received_quantity": 2e5}, "over_delivery"),
    ({"document": {"quantity": 125_000}, "received_quantity": 2e5, "note": (F.OVER_DELIVERY_AGREED,)},
     "over_delivery_agreed"),
    ({"document": {"quantity": 125_001}, "received_quantity": 2e5, "note": (F.OVER_DELIVERY_AGREED,)}, "over_delivery"),
    # price: 2% for fasteners, 4% for packaging, 25, 400 and 250 euro; 10%; agreed up to 15%; low 15% and 100 euro
    ({"document": {"price": 10.20}}, "within_tolerance"),
    ({"document": {"price": 10.21}}, "price_variance"),
    ({"document": {"price": 10.21}, "group": "packaging"}, "within_tolerance"),
    ({"order": MEDIUM | {"quantity": 200_000}, "document": {"price": 10.20}, "group": "packaging"}, "within_tolerance"),
    ({"order": MEDIUM | {"quantity": 200_000}, "document": {"price": 10.21}, "group": "packaging"}, "price_variance"),
    ({"order": SMALL, "document": {"price": 10.50}}, "within_tolerance"),  # 25.00 euro
    ({"order": SMALL, "document": {"price": 10.51}}, "price_variance"),
    ({"document": {"price": 11.00}}, "price_variance"),
    ({"document": {"price": 11.01}}, "price_over_limit"),
    ({"order": MEDIUM, "document": {"price": 11.25}}, "price_variance"),  # 250.00 euro
    ({"order": MEDIUM, "document": {"price": 11.26}}, "price_over_limit"),
    ({"document": {"price": 10.60}, "note": (F.PRICE_AGREED,)}, "price_agreed"),
    ({"document": {"price": 11.50}, "note": (F.PRICE_AGREED,)}, "price_agreed"),
    ({"document": {"price": 11.51}, "note": (F.PRICE_AGREED,)}, "price_over_limit"),
    ({"document": {"price": 8.50}}, "three_way_match"),
    ({"document": {"price": 8.49}}, "price_unusually_low"),
    ({"order": {"quantity": 6_000}, "document": {"price": 8.34}}, "three_way_match"),  # 99.60 euro
    ({"order": {"quantity": 6_000}, "document": {"price": 8.33}}, "price_unusually_low"),  # 100.20 euro
    # freight
    ({"document": {"freight": 15.0}}, "within_tolerance"),
    ({"document": {"freight": 15.01}}, "freight_not_agreed"),
    ({"document": {"freight": 90.0}, "note": (F.FREIGHT_AGREED,)}, "freight_agreed"),
    ({"order": {"freight": 200.0}, "document": {"freight": 220.0}}, "within_tolerance"),
    ({"order": {"freight": 200.0}, "document": {"freight": 220.01}}, "freight_variance"),
    ({"order": {"freight": 100.0}, "document": {"freight": 120.0}}, "within_tolerance"),
    ({"order": {"freight": 100.0}, "document": {"freight": 120.01}}, "freight_variance"),
    ({"order": {"freight": 100.0}, "document": {"freight": 180.0}, "note": (F.FREIGHT_AGREED,)}, "freight_agreed"),
    # dollars at 1.25 for one euro: 18.75 dollars are 15 euro
    ({"order": {"currency": "USD"}, "document": {"freight": 18.75}, "fx_rate": 1.25}, "within_tolerance"),
    ({"order": {"currency": "USD"}, "document": {"freight": 18.76}, "fx_rate": 1.25}, "freight_not_agreed"),
    # discount line: 2% of 10,000 euro is 200
    ({"document": {"discount": 205.0}}, "three_way_match"),
    ({"document": {"discount": 205.01}}, "discount_line_wrong"),
    ({"document": {"discount": 195.0}}, "three_way_match"),
    ({"document": {"discount": 194.99}}, "discount_line_wrong"),
    ({"order": {"terms": Terms(0, 0, 30)}, "document": {"discount": 5.01}}, "discount_line_wrong"),
    # terms: 5 days; one percent of 2,500 euro is 25
    ({"document": {"terms": Terms(2, 14, 25)}}, "three_way_match"),
    ({"document": {"terms": Terms(2, 14, 24)}}, "payment_terms"),
    ({"order": {"quantity": 25_000}, "document": {"terms": Terms(1, 14, 30)}}, "three_way_match"),
    ({"order": {"quantity": 25_001}, "document": {"terms": Terms(1, 14, 30)}}, "payment_terms"),
    # new vendor, authority (Kassel 30,000; electronics 20,000; Gliwice 15,000)
    ({"order": {"quantity": 25_000}, "vendor_status": "new"}, "three_way_match"),
    ({"order": {"quantity": 25_001}, "vendor_status": "new"}, "new_vendor"),
    ({"order": {"quantity": 300_000}}, "three_way_match"),
    ({"order": {"quantity": 300_001}}, "over_authority"),
    ({"order": {"quantity": 300_000, "freight": 0.1}}, "over_authority"),  # freight counts
    ({"order": {"quantity": 200_001}, "group": "electronics"}, "over_authority"),
    ({"order": {"quantity": 150_001, "plant": "2010"}, "document": {"tax_rate": 0}}, "over_authority"),
    # precedence: the earlier rule decides
    ({"vendor_status": "blocked", "document": {"tax_id": "DE136695978"}}, "vendor_blocked"),
    ({"note": (F.BANK_CHANGE, F.PRICE_AGREED), "document": {"currency": "USD"}}, "bank_details_change"),
    ({"document": {"tax_id": "DE123456788", "currency": "USD"}}, "tax_id_invalid"),
    ({"document": {"gross": 1.0}, "related": 7, "related_gross": 1.0}, "arithmetic_error"),
    ({"related": 7, "related_gross": 11_900.0, "received_quantity": 0.0}, "duplicate_invoice"),
    ({"received_quantity": 0.0, "note": (F.QUALITY_OPEN,)}, "missing_receipt"),
    ({"note": (F.QUALITY_OPEN, F.DISPUTE)}, "quality_block"),
    ({"received_quantity": 80_000, "document": {"price": 12.0}}, "quantity_over_receipt"),
    ({"document": {"price": 12.0, "freight": 50.0}}, "price_over_limit"),
    ({"document": {"price": 10.5, "freight": 50.0}}, "price_variance"),
    ({"document": {"price": 10.5, "freight": 50.0}, "note": (F.PRICE_AGREED,)}, "freight_not_agreed"),
    ({"order": {"quantity": 400_000}, "vendor_status": "new"}, "new_vendor"),
)  # fmt: skip
