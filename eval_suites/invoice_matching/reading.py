"""Reads one record of any of the three source systems into numbers in common units, for the agents beside this file.

Formats are those that process.yaml declares for the record's source, nothing else is guessed: what does not fit is
NaN (numbers) or None (everything else) and is listed under `unread`. White space around values is ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

PROCESS = yaml.safe_load(Path(__file__).with_name("process.yaml").read_text(encoding="utf-8"))
NAN = math.nan
Record = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Side:
    """What order and document both say: base unit, quantity and price in base units, freight, discount, net days."""

    base: str | None
    currency: str | None
    quantity: float
    price: float
    freight: float
    discount_pct: float
    net_days: float


@dataclass(frozen=True, slots=True)
class Vendor:
    """What a record says of the vendor."""

    status: str
    country: str
    invoice_tax_id: str
    master_tax_id: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a record says; quantities in base units, amounts in the document's currency."""

    is_invoice: bool
    vendor: Vendor
    plant: str | None
    group: str | None
    order: Side
    document: Side
    fx_rate: float
    age_days: float
    over_delivery_pct: float
    deliveries: float
    received: float
    invoiced_before: float
    net: float
    net_of_lines: float
    discount: float
    tax_rate: float
    gross: float
    related_gross: float
    has_related: bool
    note: str
    unread: frozenset[str]


class Source:
    """One source system's formats, ready to read with."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self.date_format: str = declared["date"]
        self.thousands, self.decimal = declared["thousands"], declared["decimal"]
        grouped = rf"\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+|" if self.thousands else ""
        self.number_form = re.compile(rf"-?(?:{grouped}\d+)(?:{re.escape(self.decimal)}\d+)?")
        self.documents, self.units, self.currencies = declared["documents"], declared["units"], declared["currencies"]
        self.terms_forms = tuple(_terms_form(declared["terms"][kind]) for kind in ("discount", "net"))

    def number(self, text: str) -> float:
        """Return the number in a text, NaN when it is not written as this source writes numbers."""
        if self.number_form.fullmatch(text) is None:
            return NAN
        return float(text.replace(self.thousands, "").replace(self.decimal, ".") if self.thousands else text)

    def day(self, text: str) -> date | None:
        """Return the date in a text, None when it is not written as this source writes dates."""
        try:
            return datetime.strptime(text, self.date_format).date()
        except ValueError:
            return None

    def terms(self, text: str) -> tuple[float, float]:
        """Return discount rate in percent and net days."""
        for form in self.terms_forms:
            match = form.fullmatch(text)
            if match is not None:
                found = match.groupdict()
                return float(found.get("pct") or 0), float(found["net"])
        return NAN, NAN


def _terms_form(template: str) -> re.Pattern[str]:
    """Return a pattern with groups pct, days and net for a template of process.yaml."""
    pattern = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(pattern.format(pct=r"(?P<pct>\d+(?:\.\d+)?)", days=r"(?P<days>\d+)", net=r"(?P<net>\d+)"))


SOURCES = {name: Source(declared) for name, declared in PROCESS["source_formats"].items()}
PLANTS = {plant: plant for plant in PROCESS["plants"]}
GROUPS = {group: group for group in PROCESS["price_tolerance_pct"]}
ORDER_COLUMNS = ("po_quantity", "order_unit", "po_price", "po_price_unit", "po_currency", "po_freight", "po_terms")
DOCUMENT_COLUMNS = (
    "invoice_quantity", "invoice_unit", "invoice_price", "invoice_price_unit", "currency", "freight_amount",
    "invoice_terms",
)  # fmt: skip


class Cells:
    """The cells of one record, read one by one; remembers which could not be read."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.source = SOURCES[str(record["source_system"])]
        self.unread: set[str] = set()

    def text(self, name: str) -> str:
        """Return a cell as text without white space around it, empty for an empty cell."""
        value = self.record[name]
        return "" if value is None else str(value).replace("\u00a0", " ").strip()

    def tax_id(self, name: str) -> str:
        """Return a tax id without the spaces people put into it."""
        return self._noted(name, self.text(name).replace(" ", "")) or ""

    def number(self, name: str) -> float:
        """Return a number in the source's format, NaN when it cannot be read."""
        return self._counted(name, self.source.number(self.text(name)))

    def typed(self, name: str) -> float:
        """Return a column that the contract types as a number, NaN for an empty cell."""
        value = self.record[name]
        return self._counted(name, NAN if value is None else float(value))

    def code(self, name: str, known: Mapping[str, str]) -> str | None:
        """Return what a code stands for, None when it is not known."""
        return self._noted(name, known.get(self.text(name)))

    def day(self, name: str) -> date | None:
        """Return a date in the source's format, None when it cannot be read."""
        found = self.source.day(self.text(name))
        self._noted(name, "read" if found else None)
        return found

    def terms(self, name: str) -> tuple[float, float]:
        """Return discount rate in percent and net days."""
        pct, days = self.source.terms(self.text(name))
        return self._counted(name, pct), days

    def _noted(self, name: str, value: str | None) -> str | None:
        if not value:
            self.unread.add(name)
        return value

    def _counted(self, name: str, value: float) -> float:
        if math.isnan(value):
            self.unread.add(name)
        return value


def read_facts(record: Record) -> Facts:
    """Return what a record says, and which columns could not be read."""
    cells = Cells(record)
    dated, received_on = cells.day("invoice_date"), date.fromisoformat(cells.text("received_at")[:10])
    order_factor = _factor(cells, "order_unit")
    price_unit = cells.typed("invoice_price_unit")
    return Facts(
        is_invoice=cells.code("document_type", cells.source.documents) != "credit_note",
        vendor=Vendor(
            cells.text("vendor_status"),
            cells.text("vendor_country"),
            cells.tax_id("invoice_tax_id"),
            cells.tax_id("master_tax_id"),
        ),
        plant=cells.code("plant", PLANTS),
        group=cells.code("material_group", GROUPS),
        order=_side(cells, ORDER_COLUMNS),
        document=_side(cells, DOCUMENT_COLUMNS),
        fx_rate=cells.typed("fx_rate"),
        age_days=NAN if dated is None else float((received_on - dated).days),
        over_delivery_pct=cells.typed("over_delivery_pct"),
        deliveries=cells.typed("deliveries_planned"),
        received=cells.number("received_quantity") * order_factor,
        invoiced_before=cells.number("invoiced_before") * order_factor,
        net=cells.number("net_amount"),
        net_of_lines=cells.number("invoice_quantity") * cells.number("invoice_price") / price_unit,
        discount=cells.number("discount_amount"),
        tax_rate=cells.typed("tax_rate"),
        gross=cells.number("gross_amount"),
        related_gross=cells.source.number(cells.text("related_gross")),
        has_related=bool(cells.text("related_document")),
        note=cells.text("note"),
        unread=frozenset(cells.unread),
    )


def _side(cells: Cells, columns: tuple[str, ...]) -> Side:
    """Return the order's or the document's side from its columns."""
    quantity, unit, price, price_unit, currency, freight, terms = columns
    factor = _factor(cells, unit)
    discount_pct, net_days = cells.terms(terms)
    return Side(
        base=_meaning(cells, unit, "base"),
        currency=cells.code(currency, cells.source.currencies),
        quantity=cells.number(quantity) * factor,
        price=cells.number(price) / cells.typed(price_unit) / factor,
        freight=cells.number(freight),
        discount_pct=discount_pct,
        net_days=net_days,
    )


def _meaning(cells: Cells, column: str, key: str) -> Any:
    """Return what process.yaml says of the unit in a column, None when the unit is not known."""
    unit = cells.code(column, cells.source.units)
    return None if unit is None else PROCESS["units"][unit][key]


def _factor(cells: Cells, column: str) -> float:
    """Return how many base units one unit of a column is, NaN when the unit is not known."""
    factor = _meaning(cells, column, "factor")
    return NAN if factor is None else float(factor)


@dataclass(frozen=True, slots=True)
class Measures:
    """What process.yaml defines to be compared with limits; NaN where something needed was not read."""

    arithmetic_gap: float
    billable: float
    over_pct: float
    over_eur: float
    surplus_pct: float
    surplus_eur: float
    price_pct: float
    price_eur: float
    freight_over_eur: float
    freight_over_pct: float
    discount_gap_eur: float
    days_shorter: float
    lost_discount_eur: float
    payable_eur: float
    authority_eur: float
    price_tolerance_pct: float
    tax_gap: float
    related_gap: float


def measure(facts: Facts) -> Measures:
    """Return the measures of process.yaml for a record."""
    order, document, rate = facts.order, facts.document, facts.fx_rate
    billable = facts.received - facts.invoiced_before
    is_comparable = order.base is not None and order.base == document.base
    over = document.quantity - billable if is_comparable else NAN
    entitled = order.quantity * (1 + facts.over_delivery_pct / 100)
    surplus = facts.invoiced_before + document.quantity - entitled if is_comparable else NAN
    price_gap = document.price - order.price if is_comparable else NAN
    taxable = facts.net + document.freight - facts.discount
    gross_gap = abs(facts.gross - taxable * (1 + facts.tax_rate / 100))
    expected_discount = order.discount_pct / 100 * facts.net
    return Measures(
        arithmetic_gap=float(np.fmax(abs(facts.net - facts.net_of_lines), gross_gap)),
        billable=billable,
        over_pct=over / billable * 100 if billable > 0 else NAN,
        over_eur=over * order.price / rate,
        surplus_pct=surplus / order.quantity * 100,
        surplus_eur=surplus * order.price / rate,
        price_pct=price_gap / order.price * 100,
        price_eur=price_gap * document.quantity / rate,
        freight_over_eur=(document.freight - order.freight) / rate,
        freight_over_pct=(document.freight / order.freight - 1) * 100 if order.freight > 0 else NAN,
        discount_gap_eur=abs(facts.discount - expected_discount) / rate if facts.discount > 0 else 0.0,
        days_shorter=order.net_days - document.net_days,
        lost_discount_eur=max(0.0, order.discount_pct - document.discount_pct) / 100 * facts.net / rate,
        payable_eur=taxable / rate,
        authority_eur=_authority(facts),
        price_tolerance_pct=PROCESS["price_tolerance_pct"].get(facts.group, NAN),
        tax_gap=facts.tax_rate - _tax_rate(facts),
        related_gap=abs(facts.gross - facts.related_gross),
    )


def _authority(facts: Facts) -> float:
    """Return the plant's authority for the material group, NaN when the plant or the group could not be read."""
    if not facts.plant or not facts.group:
        return NAN
    limits = PROCESS["authority_eur"][facts.plant]
    return float(limits.get(facts.group, limits["default"]))


def _tax_rate(facts: Facts) -> float:
    """Return the tax rate in percent that vendor and plant call for."""
    if not facts.plant or not facts.vendor.country:
        return NAN
    country = PROCESS["plants"][facts.plant]["country"]
    return float(PROCESS["domestic_tax_rate_pct"][country]) if facts.vendor.country == country else 0.0
