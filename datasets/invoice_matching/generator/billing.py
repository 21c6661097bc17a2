"""The vendor's document for one delivery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from numpy.random import Generator

from generator.deviations import Deviations
from generator.draws import happens, pick
from generator.facts import Document, Order, Terms
from generator.tax_ids import draw_tax_id, is_valid, spoil
from generator.units import CONVERTIBLE, FACTORS, OF_OTHER_KIND, converted, rounded_quantity, usual_price_unit
from generator.world import World


@dataclass(frozen=True, slots=True)
class Slip:
    """When a document was dated and received, and the key of the vendor's reference on it."""

    dated: date
    received_at: datetime
    reference: int


def make_invoice(
    order: Order, quantity: float, deviations: Deviations, slip: Slip, world: World, rng: Generator
) -> Document:
    """Return the invoice for a quantity in the order unit."""
    day = slip.received_at.date()
    unit, price_unit, quantity, price = _lines(order, quantity, deviations, rng)
    currency, factor = _currency(order, deviations, day, world, rng)
    price = max(0.01, round(price * factor, 2))
    net = round(quantity * price / price_unit, 2)
    if deviations.arithmetic == "net":
        net = _miscalculated(net, rng)
    freight = _freight(order, deviations, world.rate(order.currency, day), rng)
    discount = _discount(order, net, deviations, rng)
    tax_rate = _tax_rate(world.domestic_tax(order), deviations, rng)
    return Document(
        kind="invoice",
        reference=slip.reference,
        dated=slip.dated,
        received_at=slip.received_at,
        tax_id=_tax_id(order, deviations, rng),
        currency=currency,
        unit=unit,
        price_unit=price_unit,
        quantity=quantity,
        price=price,
        net=net,
        freight=freight,
        discount=discount,
        tax_rate=tax_rate,
        gross=_gross(net + freight - discount, tax_rate, deviations, rng),
        terms=_terms(order.terms, deviations, rng),
    )


def make_credit_note(invoice: Document, share: float, slip: Slip) -> Document:
    """Return a credit note for a share of an invoice's quantity at its price; a share above 1 credits too much."""
    quantity = rounded_quantity(invoice.quantity * share, invoice.unit) or rounded_quantity(1.0, invoice.unit)
    net = round(quantity * invoice.price / invoice.price_unit, 2)
    return replace(
        invoice,
        kind="credit_note",
        reference=slip.reference,
        dated=slip.dated,
        received_at=slip.received_at,
        quantity=quantity,
        net=net,
        freight=0.0,
        discount=0.0,
        gross=round(net * (1 + invoice.tax_rate / 100), 2),
    )


def _lines(order: Order, quantity: float, deviations: Deviations, rng: Generator) -> tuple[str, int, float, float]:
    """Return unit, price unit, quantity and price as the vendor writes them."""
    price = order.price * (1 + deviations.price_pct / 100)
    if deviations.unit == "mismatch":
        unit, pieces = pick(rng, OF_OTHER_KIND[order.unit]), int(rng.integers(2, 50))
        other = max(1.0, rounded_quantity(quantity / pieces, unit))
        return unit, 1, other, price / order.price_unit * quantity / other
    if deviations.unit == "converted" and order.unit in CONVERTIBLE and order.price_unit * FACTORS[order.unit] >= 100:
        unit = pick(rng, CONVERTIBLE[order.unit])
        price_unit = usual_price_unit(unit, 100 if FACTORS[unit] == 1 else 1)
        unit_price = price / order.price_unit / FACTORS[order.unit] * FACTORS[unit]
        return unit, price_unit, converted(quantity, order.unit, unit), unit_price * price_unit
    return order.unit, order.price_unit, quantity, price


def _currency(order: Order, deviations: Deviations, day: date, world: World, rng: Generator) -> tuple[str, float]:
    """Return the document's currency and what prices are multiplied with; half of wrong currencies are mere labels."""
    if not deviations.is_other_currency:
        return order.currency, 1.0
    other = pick(rng, [currency for currency in ("EUR", "USD", "CHF") if currency != order.currency])
    rates = world.rate(other, day) / world.rate(order.currency, day)
    return other, rates if happens(rng, 0.5) else 1.0


def _miscalculated(amount: float, rng: Generator) -> float:
    """Return an amount that is wrong by a slip: digits swapped, a line left out, a few cents or euros."""
    slip = round(amount * pick(rng, (-0.1, -0.05, 0.05, 0.09, 0.1)), 2) if happens(rng, 0.6) else 0.0
    return round(amount + (slip or pick(rng, (-9.0, -0.9, -0.11, 0.08, 0.27, 1.0, 9.0, 90.0))), 2)


def _freight(order: Order, deviations: Deviations, rate: float, rng: Generator) -> float:
    """Return the freight line in the order's currency."""
    if deviations.freight_eur > 0:
        return round(deviations.freight_eur * rate, 2)
    if deviations.freight_pct > 0:
        return round(order.freight * (1 + deviations.freight_pct / 100), 2)
    return round(order.freight * 0.8, 2) if happens(rng, 0.04) else order.freight


def _discount(order: Order, net: float, deviations: Deviations, rng: Generator) -> float:
    """Return the cash-discount line, zero for none."""
    agreed = order.terms.discount_pct
    if deviations.discount_line == "wrong":
        return round(net * pick(rng, [pct for pct in (1.0, 2.0, 3.0, 4.0) if pct != agreed]) / 100, 2)
    return round(net * agreed / 100, 2) if deviations.discount_line == "right" else 0.0


def _terms(agreed: Terms, deviations: Deviations, rng: Generator) -> Terms:
    """Return the payment terms printed on the document."""
    match deviations.terms:
        case "shorter":
            return Terms(
                agreed.discount_pct,
                agreed.discount_days,
                pick(rng, [d for d in (7, 10, 14, 21) if d < agreed.net_days]),
            )
        case "slightly_shorter":
            return Terms(agreed.discount_pct, agreed.discount_days, agreed.net_days - pick(rng, (1, 2, 5)))
        case "less_discount" if agreed.discount_pct > 0:
            return (
                Terms(0, 0, agreed.net_days) if happens(rng, 0.6) else Terms(1, agreed.discount_days, agreed.net_days)
            )
        case "better":
            return Terms(agreed.discount_pct, agreed.discount_days, agreed.net_days + 15)
        case _:
            return agreed


def _tax_rate(expected: int, deviations: Deviations, rng: Generator) -> int:
    if not deviations.is_tax_rate_wrong:
        return expected
    return pick(rng, [rate for rate in (0, 7, 19, 20) if rate != expected])


def _gross(taxable: float, tax_rate: int, deviations: Deviations, rng: Generator) -> float:
    """Return the gross amount, with the slip or the rounding difference of a careless vendor."""
    gross = round(taxable * (1 + tax_rate / 100), 2)
    if deviations.arithmetic == "gross":
        return _miscalculated(gross, rng)
    if deviations.arithmetic == "rounding":
        return round(gross + pick(rng, (-0.03, -0.02, -0.01, 0.01, 0.02, 0.03, 0.04)), 2)
    return gross


def _tax_id(order: Order, deviations: Deviations, rng: Generator) -> str:
    """Return the tax id printed on the document."""
    own, country = order.vendor.tax_id, order.vendor.country
    if deviations.tax_id == "":
        return own
    can_be_spoilt = country in ("DE", "AT", "FR", "IT", "PL")
    if deviations.tax_id == "digits" and can_be_spoilt and is_valid(own):
        return spoil(own, rng)
    return draw_tax_id(country, rng)
