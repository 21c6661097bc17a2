"""What a record says, read as its source system writes: amounts, dates, terms, units, the sentences of its note."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

Content = Mapping[str, Any]
SENTENCE = re.compile(r"(?<=\w{5})[.]\s+|(?<=\))[.]\s+|[;!?]\s+")
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class Terms(NamedTuple):
    """Payment terms: cash discount in percent, and days until the net amount is due."""

    discount_pct: float
    net_days: int


class Document(NamedTuple):
    """A document beside its order line and receipts, amounts in its own currency."""

    fields: Content
    is_invoice: bool
    tax_id: str
    master_tax_id: str
    age_days: int
    currency: str
    po_currency: str
    converts: bool
    billable: float
    over: float
    over_pct: float
    order_value: Callable[[float], float]
    price_pct: float
    price_eur: float
    surplus: float
    surplus_pct: float
    fx: float
    quantity_price: float
    net: float
    freight: float
    discount: float
    tax_rate: float
    gross: float
    po_freight: float
    terms: Terms
    po_terms: Terms
    related: bool
    related_gross: float | None
    sentences: tuple[str, ...]

    @property
    def payable_eur(self) -> float:
        """Net amount plus freight less cash-discount line, in euro, without tax."""
        return (self.net + self.freight - self.discount) / self.fx


class UnreadableError(ValueError):
    """A cell that is not written as its source writes such cells."""


class Format:
    """How one source system writes."""

    def __init__(self, written: Content, units: Content) -> None:
        self.date, self.documents, self.currencies = written["date"], written["documents"], written["currencies"]
        self.units = {code: units[name] for code, name in written["units"].items()}
        self.thousands, self.decimal = written["thousands"], written["decimal"]
        sep, mark = re.escape(self.thousands), re.escape(self.decimal)
        grouped = rf"\d{{1,3}}(?:{sep}\d{{3}})+|" if sep else ""
        self._number = re.compile(rf"-?(?:{grouped}\d+)(?:{mark}\d+)?\Z")
        self._terms = [_terms_pattern(written["terms"][kind], mark) for kind in ("net", "discount")]

    def number(self, text: Any) -> float:
        """Return a number as it is written, or say that it is none."""
        text = _text(text)
        if not self._number.match(text):
            raise UnreadableError(text)
        return float((text.replace(self.thousands, "") if self.thousands else text).replace(self.decimal, "."))

    def day(self, text: Any) -> date:
        """Return a date as it is written."""
        return _day(_text(text), self.date)

    def terms(self, text: Any) -> Terms:
        """Return payment terms as they are written."""
        for pattern in self._terms:
            if found := pattern.match(_text(text)):
                said = found.groupdict()
                return Terms(float(said.get("pct", "0").replace(self.decimal, ".")), int(said["net"]))
        raise UnreadableError(text)


def _terms_pattern(template: str, mark: str) -> re.Pattern[str]:
    kinds = {"pct": rf"(?P<pct>\d+(?:{mark}\d+)?)", "days": r"(?P<days>\d+)", "net": r"(?P<net>\d+)"}
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(kinds[one] if n % 2 else re.escape(one) for n, one in enumerate(parts)) + r"\Z")


@lru_cache(maxsize=4096)
def _day(text: str, written: str) -> date:
    try:
        return datetime.strptime(text, written).date()
    except ValueError:
        raise UnreadableError(text) from None


def _text(cell: Any) -> str:
    if cell is None or isinstance(cell, bool):
        raise UnreadableError(cell)
    return str(cell).strip()


def one_of(cell: Any, known: Content) -> Any:
    text = _text(cell)
    if text not in known:
        raise UnreadableError(text)
    return known[text]


def plain_number(cell: Any) -> float:
    """Return a number that every source writes alike."""
    try:
        return float(_text(cell))
    except ValueError:
        raise UnreadableError(cell) from None


def read(record: Content, written: Format) -> Document:
    """Return what a record says, or raise UnreadableError."""
    number, f = written.number, record
    unit, order_unit = one_of(f["invoice_unit"], written.units), one_of(f["order_unit"], written.units)
    fx, quantity = _positive(plain_number(f["fx_rate"])), number(f["invoice_quantity"])
    price, price_unit = number(f["invoice_price"]), _positive(plain_number(f["invoice_price_unit"]))
    before, ordered = number(f["invoiced_before"]), _positive(number(f["po_quantity"]))
    billable = number(f["received_quantity"]) - before
    to_base, order_base = unit["factor"], order_unit["factor"]
    unit_price = price / price_unit / to_base
    order_price = _positive(number(f["po_price"])) / _positive(plain_number(f["po_price_unit"])) / order_base
    now = quantity * to_base
    over = now - billable * order_base
    surplus = before * order_base + now - ordered * order_base * (1 + plain_number(f["over_delivery_pct"]) / 100)
    received = datetime.fromisoformat(_text(f["received_at"])).date()
    related = not _empty(f.get("related_document"))
    return Document(
        fields=f, is_invoice=one_of(f["document_type"], written.documents) == "invoice",
        tax_id=_without_blanks(f["invoice_tax_id"]), master_tax_id=_without_blanks(f["master_tax_id"]),
        age_days=(received - written.day(f["invoice_date"])) // timedelta(days=1),
        currency=one_of(f["currency"], written.currencies), po_currency=one_of(f["po_currency"], written.currencies),
        converts=unit["base"] == order_unit["base"], billable=billable, over=over,
        over_pct=share(over, billable * order_base), order_value=lambda amount: amount * order_price / fx,
        price_pct=share(unit_price - order_price, order_price), price_eur=(unit_price - order_price) * now / fx,
        surplus=surplus, surplus_pct=share(surplus, ordered * order_base), fx=fx,
        quantity_price=quantity * price / price_unit, net=number(f["net_amount"]), freight=number(f["freight_amount"]),
        discount=number(f["discount_amount"]), tax_rate=plain_number(f["tax_rate"]), gross=number(f["gross_amount"]),
        po_freight=number(f["po_freight"]), terms=written.terms(f["invoice_terms"]),
        po_terms=written.terms(f["po_terms"]), related=related,
        related_gross=number(f["related_gross"]) if related else None,
        sentences=_sentences(f.get("note")),
    )  # fmt: skip


def _without_blanks(cell: Any) -> str:
    if text := "".join(_text(cell).split()):
        return text
    raise UnreadableError(cell)


def _positive(number: float) -> float:
    if number <= 0:
        raise UnreadableError(number)
    return number


def share(part: float, whole: float) -> float:
    """Return a share in percent; of nothing it is without bounds."""
    if whole > 0:
        return part / whole * 100
    return float("inf") if part > 0 else 0.0


def _empty(cell: Any) -> bool:
    return cell is None or not str(cell).strip()


def _sentences(note: Any) -> tuple[str, ...]:
    return () if _empty(note) else tuple(SENTENCE.split(str(note).lower().translate(UMLAUTS)))
