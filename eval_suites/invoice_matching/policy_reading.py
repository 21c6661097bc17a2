"""What a record says, read as its source system writes: amounts, dates, terms, units, the sentences of its note."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

Content = Mapping[str, Any]
SENTENCE = re.compile(r"(?<=\w{5})[.]\s+|(?<=\))[.]\s+|[;!?]\s+")
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class Terms(NamedTuple):
    """Payment terms: cash discount in percent, and days until the net amount is due."""

    discount_pct: float
    net_days: int


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


class Document:
    """A document beside its order line and receipts, amounts in its own currency.

    A cell is read when something is asked that it is needed for, so one that cannot be read matters only where a rule
    that is tried needs it: each property may raise UnreadableError.
    """

    def __init__(self, fields: Content, written: Format) -> None:
        self.fields = fields
        self._written = written

    def _number(self, name: str) -> float:
        return self._written.number(self.fields[name])

    def _unit(self, name: str) -> Content:
        return one_of(self.fields[name], self._written.units)  # type: ignore[no-any-return]

    @cached_property
    def is_invoice(self) -> bool:
        """Whether it is no credit note."""
        return bool(one_of(self.fields["document_type"], self._written.documents) == "invoice")

    @cached_property
    def tax_id(self) -> str:
        """The vendor's, as the document has it."""
        return _without_blanks(self.fields["invoice_tax_id"])

    @cached_property
    def master_tax_id(self) -> str:
        """The vendor's in the master data."""
        return _without_blanks(self.fields["master_tax_id"])

    @cached_property
    def age_days(self) -> int:
        """Days from the document's date to its receipt."""
        try:
            received = datetime.fromisoformat(_text(self.fields["received_at"])).date()
        except ValueError:
            raise UnreadableError(self.fields["received_at"]) from None
        return (received - self._written.day(self.fields["invoice_date"])) // timedelta(days=1)

    @cached_property
    def same_currency(self) -> bool:
        """Whether document and order have one currency."""
        mine, ordered = (one_of(self.fields[name], self._written.currencies) for name in ("currency", "po_currency"))
        return bool(mine == ordered)

    @cached_property
    def converts(self) -> bool:
        """Whether the document's unit converts into the order's."""
        return bool(self._unit("invoice_unit")["base"] == self._unit("order_unit")["base"])

    @cached_property
    def _before(self) -> float:
        return self._number("invoiced_before")

    @cached_property
    def billable(self) -> float:
        """Received, not yet invoiced, in the order's unit."""
        return self._number("received_quantity") - self._before

    @cached_property
    def _order_base(self) -> float:
        return float(self._unit("order_unit")["factor"])

    @cached_property
    def _now(self) -> float:
        return self._number("invoice_quantity") * self._unit("invoice_unit")["factor"]

    @cached_property
    def over(self) -> float:
        """Invoiced above the billable quantity, in base units."""
        return self._now - self.billable * self._order_base

    @cached_property
    def over_pct(self) -> float:
        """The same in percent of the billable quantity."""
        return share(self.over, self.billable * self._order_base)

    @cached_property
    def _order_price(self) -> float:
        price = _positive(self._number("po_price"))
        return price / _positive(plain_number(self.fields["po_price_unit"])) / self._order_base

    def order_value(self, amount: float) -> float:
        """Return what base units are worth at the order's price, in euro."""
        return amount * self._order_price / self.fx

    @cached_property
    def _price_unit(self) -> float:
        return _positive(plain_number(self.fields["invoice_price_unit"]))

    @cached_property
    def _above_order(self) -> float:
        unit_price = self._number("invoice_price") / self._price_unit / self._unit("invoice_unit")["factor"]
        return unit_price - self._order_price  # type: ignore[no-any-return]

    @cached_property
    def price_pct(self) -> float:
        """How much dearer than the order a base unit is, in percent."""
        return share(self._above_order, self._order_price)

    @cached_property
    def price_eur(self) -> float:
        """The same for the invoiced quantity, in euro."""
        return self._above_order * self._now / self.fx

    @cached_property
    def _ordered(self) -> float:
        return _positive(self._number("po_quantity")) * self._order_base

    @cached_property
    def surplus(self) -> float:
        """Invoiced in all above what was ordered and may be delivered more, in base units."""
        entitled = self._ordered * (1 + plain_number(self.fields["over_delivery_pct"]) / 100)
        return self._before * self._order_base + self._now - entitled

    @cached_property
    def surplus_pct(self) -> float:
        """The same in percent of the ordered quantity."""
        return share(self.surplus, self._ordered)

    @cached_property
    def fx(self) -> float:
        """Units of the document's currency for one euro."""
        return _positive(plain_number(self.fields["fx_rate"]))

    @cached_property
    def quantity_price(self) -> float:
        """Quantity times price."""
        return self._number("invoice_quantity") * self._number("invoice_price") / self._price_unit

    @cached_property
    def net(self) -> float:
        """Net amount."""
        return self._number("net_amount")

    @cached_property
    def freight(self) -> float:
        """Freight on the document."""
        return self._number("freight_amount")

    @cached_property
    def discount(self) -> float:
        """Cash-discount line."""
        return self._number("discount_amount")

    @cached_property
    def tax_rate(self) -> float:
        """Tax rate in percent."""
        return plain_number(self.fields["tax_rate"])

    @cached_property
    def gross(self) -> float:
        """Gross amount."""
        return self._number("gross_amount")

    @cached_property
    def po_freight(self) -> float:
        """Freight of the order."""
        return self._number("po_freight")

    @cached_property
    def terms(self) -> Terms:
        """The document's."""
        return self._written.terms(self.fields["invoice_terms"])

    @cached_property
    def po_terms(self) -> Terms:
        """The order's."""
        return self._written.terms(self.fields["po_terms"])

    @cached_property
    def related(self) -> bool:
        """Whether an earlier document is linked."""
        return not _empty(self.fields.get("related_document"))

    @cached_property
    def related_gross(self) -> float | None:
        """Gross amount of the earlier document."""
        return self._number("related_gross") if self.related else None

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """The note's."""
        return _sentences(self.fields.get("note"))

    @property
    def payable_eur(self) -> float:
        """Net amount plus freight less cash-discount line, in euro, without tax."""
        return (self.net + self.freight - self.discount) / self.fx


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
