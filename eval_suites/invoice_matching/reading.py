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

import yaml

PROCESS = yaml.safe_load(Path(__file__).with_name("process.yaml").read_text(encoding="utf-8"))
NAN = math.nan
Record = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a record says; quantities and prices in base units and the document's currency, `_eur` in euro."""

    is_invoice: bool
    source: str
    month: int
    vendor_status: str
    vendor_country: str
    invoice_tax_id: str
    master_tax_id: str
    plant: str
    group: str
    order_base: str | None
    invoice_base: str | None
    po_currency: str | None
    currency: str | None
    fx_rate: float
    age_days: float
    over_delivery_pct: float
    po_quantity: float
    po_price: float
    po_freight: float
    received: float
    invoiced_before: float
    quantity: float
    price: float
    net: float
    net_of_lines: float
    freight: float
    discount: float
    tax_rate: float
    gross: float
    related_gross: float
    has_related: bool
    po_terms: tuple[float, float]
    terms: tuple[float, float]
    deliveries: float
    note: str
    unread: tuple[str, ...]


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
NUMBERS = (
    "po_quantity", "po_price", "po_freight", "received_quantity", "invoiced_before", "invoice_quantity",
    "invoice_price", "net_amount", "freight_amount", "discount_amount", "gross_amount",
)  # fmt: skip


def read_facts(record: Record) -> Facts:
    """Return what a record says, and which columns could not be read."""
    source = SOURCES[str(record["source_system"])]
    text = {name: _tidied(value) for name, value in record.items()}
    number = {name: source.number(text[name]) for name in NUMBERS}
    typed = {name: _typed(record[name]) for name in ("fx_rate", "tax_rate", "over_delivery_pct", "deliveries_planned")}
    typed |= {name: _typed(record[name]) for name in ("po_price_unit", "invoice_price_unit")}
    dated = source.day(text["invoice_date"])
    kind = source.documents.get(text["document_type"])
    order_unit, order_factor = _unit(source, text["order_unit"])
    invoice_unit, invoice_factor = _unit(source, text["invoice_unit"])
    currencies = {name: source.currencies.get(text[name]) for name in ("po_currency", "currency")}
    group = text["material_group"] if text["material_group"] in PROCESS["price_tolerance_pct"] else ""
    plant = text["plant"] if text["plant"] in PROCESS["plants"] else ""
    terms = {name: source.terms(text[name]) for name in ("po_terms", "invoice_terms")}
    codes = {"order_unit": order_unit, "invoice_unit": invoice_unit, "material_group": group, "plant": plant}
    codes |= {"invoice_date": dated, "document_type": kind, **currencies}
    values = {**number, **typed, **{name: pair[1] for name, pair in terms.items()}}
    unread = [name for name, value in values.items() if math.isnan(value)]
    unread += [name for name, value in codes.items() if not value]
    unread += [name for name in ("invoice_tax_id", "master_tax_id") if not text[name]]
    received_on = date.fromisoformat(text["received_at"][:10])
    return Facts(
        is_invoice=kind != "credit_note",
        source=str(record["source_system"]),
        month=received_on.month,
        vendor_status=text["vendor_status"],
        vendor_country=text["vendor_country"],
        invoice_tax_id=text["invoice_tax_id"].replace(" ", ""),
        master_tax_id=text["master_tax_id"].replace(" ", ""),
        plant=plant,
        group=group,
        order_base=order_unit,
        invoice_base=invoice_unit,
        po_currency=currencies["po_currency"],
        currency=currencies["currency"],
        fx_rate=typed["fx_rate"],
        age_days=float((received_on - dated).days) if dated is not None else NAN,
        over_delivery_pct=typed["over_delivery_pct"],
        po_quantity=number["po_quantity"] * order_factor,
        po_price=number["po_price"] / typed["po_price_unit"] / order_factor,
        po_freight=number["po_freight"],
        received=number["received_quantity"] * order_factor,
        invoiced_before=number["invoiced_before"] * order_factor,
        quantity=number["invoice_quantity"] * invoice_factor,
        price=number["invoice_price"] / typed["invoice_price_unit"] / invoice_factor,
        net=number["net_amount"],
        net_of_lines=number["invoice_quantity"] * number["invoice_price"] / typed["invoice_price_unit"],
        freight=number["freight_amount"],
        discount=number["discount_amount"],
        tax_rate=typed["tax_rate"],
        gross=number["gross_amount"],
        related_gross=source.number(text["related_gross"]),
        has_related=bool(text["related_document"]),
        po_terms=terms["po_terms"],
        terms=terms["invoice_terms"],
        deliveries=typed["deliveries_planned"],
        note=text["note"],
        unread=tuple(unread),
    )


def _tidied(value: object) -> str:
    """Return a value as text without white space around it, empty for an empty cell."""
    return "" if value is None else str(value).replace("\u00a0", " ").strip()


def _typed(value: str | int | float | bool | None) -> float:
    """Return a column that the contract types as a number; NaN for an empty cell."""
    return NAN if value is None else float(value)


def _unit(source: Source, code: str) -> tuple[str | None, float]:
    """Return a unit's base and how many base units it is."""
    meaning = source.units.get(code)
    if meaning is None:
        return None, NAN
    return PROCESS["units"][meaning]["base"], float(PROCESS["units"][meaning]["factor"])


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
    billable = facts.received - facts.invoiced_before
    is_comparable = facts.order_base is not None and facts.order_base == facts.invoice_base
    over = facts.quantity - billable if is_comparable else NAN
    entitled = facts.po_quantity * (1 + facts.over_delivery_pct / 100)
    surplus = facts.invoiced_before + facts.quantity - entitled if is_comparable else NAN
    price_gap = facts.price - facts.po_price if is_comparable else NAN
    taxable = facts.net + facts.freight - facts.discount
    expected_discount = facts.po_terms[0] / 100 * facts.net
    rate_lost = max(0.0, facts.po_terms[0] - facts.terms[0])
    return Measures(
        arithmetic_gap=max(abs(facts.net - facts.net_of_lines), abs(facts.gross - taxable * (1 + facts.tax_rate / 100))),
        billable=billable,
        over_pct=over / billable * 100 if billable > 0 else NAN,
        over_eur=over * facts.po_price / facts.fx_rate,
        surplus_pct=surplus / facts.po_quantity * 100,
        surplus_eur=surplus * facts.po_price / facts.fx_rate,
        price_pct=price_gap / facts.po_price * 100,
        price_eur=price_gap * facts.quantity / facts.fx_rate,
        freight_over_eur=(facts.freight - facts.po_freight) / facts.fx_rate,
        freight_over_pct=(facts.freight / facts.po_freight - 1) * 100 if facts.po_freight > 0 else NAN,
        discount_gap_eur=abs(facts.discount - expected_discount) / facts.fx_rate if facts.discount > 0 else 0.0,
        days_shorter=facts.po_terms[1] - facts.terms[1],
        lost_discount_eur=rate_lost / 100 * facts.net / facts.fx_rate,
        payable_eur=taxable / facts.fx_rate,
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
    if not facts.plant or not facts.vendor_country:
        return NAN
    country = PROCESS["plants"][facts.plant]["country"]
    return float(PROCESS["domestic_tax_rate_pct"][country]) if facts.vendor_country == country else 0.0


def vat_digits_are_right(tax_id: str) -> bool:
    """Return whether a VAT id's check digits are right; true for countries that process.yaml does not list."""
    country, number = tax_id[:2], tax_id[2:]
    if country not in PROCESS["tax_id_countries"]:
        return True
    check = _CHECK_DIGITS.get(country)
    return check is not None and check(number)


def _digit_sum(value: int) -> int:
    return value // 10 + value % 10


def _luhn(number: str) -> int:
    """Return the Luhn remainder, 0 when the last digit is right."""
    return sum(_digit_sum(int(d) * (1 + i % 2)) for i, d in enumerate(reversed(number))) % 10


def _german(number: str) -> bool:
    if not re.fullmatch(r"\d{9}", number):
        return False
    rest = 10
    for digit in number[:-1]:
        total = (int(digit) + rest) % 10
        rest = (total if total != 0 else 10) * 2 % 11
    return (11 - rest) % 10 == int(number[-1])


def _austrian(number: str) -> bool:
    if not re.fullmatch(r"U\d{8}", number):
        return False
    total = sum(_digit_sum(int(d) * (1 + i % 2)) for i, d in enumerate(number[1:8]))
    return (10 - (total + 4) % 10) % 10 == int(number[-1])


def _polish(number: str) -> bool:
    if not re.fullmatch(r"\d{10}", number):
        return False
    return sum(w * int(d) for w, d in zip((6, 5, 7, 2, 3, 4, 5, 6, 7), number[:9], strict=True)) % 11 == int(number[9])


_CHECK_DIGITS = {
    "DE": _german,
    "AT": _austrian,
    "PL": _polish,
    "IT": lambda number: bool(re.fullmatch(r"\d{11}", number)) and _luhn(number) == 0,
    "FR": lambda number: (
        bool(re.fullmatch(r"\d{11}", number))
        and _luhn(number[2:]) == 0
        and (12 + 3 * (int(number[2:]) % 97)) % 97 == int(number[:2])
    ),
}
