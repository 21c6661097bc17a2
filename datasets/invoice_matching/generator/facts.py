"""The undamaged facts of one matching case: vendor, order, document, and what the ERP knows beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class NoteFact(StrEnum):
    """What a note states as fact, where the policy gives it weight."""

    BANK_CHANGE = "bank_details_change"
    TAX_ID_CONFIRMED = "tax_id_confirmed"
    REPLACES_CANCELLED = "replaces_cancelled"
    DELIVERY_SIGNED = "delivery_signed"
    QUALITY_OPEN = "quality_block"
    DISPUTE = "dispute"
    OVER_DELIVERY_AGREED = "over_delivery_agreed"
    PRICE_AGREED = "price_agreed"
    FREIGHT_AGREED = "freight_agreed"


@dataclass(frozen=True, slots=True)
class Terms:
    """Payment terms: discount_pct (0 for none) within discount_days, else net_days."""

    discount_pct: float
    discount_days: int
    net_days: int


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor; `carelessness` scales how often its documents deviate, 1 being the average vendor."""

    number: str
    name: str
    country: str
    tax_id: str
    currency: str
    terms: Terms
    groups: tuple[str, ...]
    plants: tuple[str, ...]
    sends_edi: bool
    writes_german: bool
    carelessness: float
    reference_style: str
    new_from: date | None = None
    blocked_from: date | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """A material with its usual price in euro for `price_unit` base units."""

    name: str
    group: str
    unit: str
    price_unit: int
    price_eur: float


@dataclass(frozen=True, slots=True)
class Order:
    """One purchase order line; `freight` is the agreed freight of one delivery, 0 for carriage paid."""

    key: int
    vendor: Vendor
    plant: str
    material: Material
    currency: str
    unit: str
    price_unit: int
    price: float
    quantity: float
    over_delivery_pct: int
    freight: float
    terms: Terms
    deliveries: int


@dataclass(frozen=True, slots=True)
class Document:
    """What the vendor sent; amounts in `currency`, `kind` is invoice or credit_note, `reference` the vendor's number.

    A document that repeats another's reference holds the same `reference` key; numbers are given out at the end.
    """

    kind: str
    reference: int
    dated: date
    received_at: datetime
    tax_id: str
    currency: str
    unit: str
    price_unit: int
    quantity: float
    price: float
    net: float
    freight: float
    discount: float
    tax_rate: int
    gross: float
    terms: Terms


@dataclass(frozen=True, slots=True)
class Note:
    """A free-text note with its kind and the facts it states."""

    text: str
    kind: str
    facts: frozenset[NoteFact] = frozenset()


@dataclass(frozen=True, slots=True)
class Case:
    """One record before it is written down in its source's format.

    `received_quantity` is cumulative over the order line, in the order unit; `invoiced_before` too. `related` is the
    key of an earlier posted document that the ERP links to this one, `related_gross` that document's gross amount.
    """

    key: int
    order: Order
    document: Document
    source: str
    vendor_status: str
    fx_rate: float
    delivery: int
    receipt_date: date | None
    received_quantity: float
    invoiced_before: float
    note: Note
    related: int | None = None
    related_gross: float | None = None
