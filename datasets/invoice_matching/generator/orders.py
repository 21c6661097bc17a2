"""Purchase order lines and the days their documents come in."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np
from numpy.random import Generator

from generator.catalogue import GROUPS
from generator.draws import happens, lognormal, pick, pick_weighted
from generator.facts import Order, Vendor
from generator.units import FACTORS, order_unit, rounded_quantity, usual_price_unit
from generator.world import World

N_DELIVERIES = {1: 0.8, 2: 0.11, 3: 0.05, 4: 0.03, 5: 0.01}
OVER_DELIVERY_PCT = {0: 0.5, 5: 0.3, 10: 0.2}
HAS_FREIGHT = 0.27
BLOCKED_ORDERS_RUN_OUT = timedelta(days=120)
SPREAD_OF_QUANTITY = 0.95


def draw_order(key: int, world: World, rng: Generator) -> tuple[Order, date]:
    """Return an order line and the day its first document is received."""
    vendor, first_day = _vendor_and_day(world, rng)
    plant = vendor.plants[0] if len(vendor.plants) == 1 or happens(rng, 0.75) else vendor.plants[1]
    group = vendor.groups[0] if len(vendor.groups) == 1 or happens(rng, 0.8) else vendor.groups[1]
    material = pick(rng, world.materials[group])
    unit = order_unit(material, plant == "3010", rng)
    price_unit = usual_price_unit(unit, material.price_unit)
    rate = world.rate(vendor.currency, first_day)
    euro_price = material.price_eur / material.price_unit * FACTORS[unit] * price_unit * lognormal(rng, 1.0, 0.06)
    trade = GROUPS[group]
    packs = max(1, round(lognormal(rng, trade.quantity, SPREAD_OF_QUANTITY) / trade.pack))
    order = Order(
        key=key,
        vendor=vendor,
        plant=plant,
        material=material,
        currency=vendor.currency,
        unit=unit,
        price_unit=price_unit,
        price=max(0.05, round(euro_price * rate, 2)),
        quantity=rounded_quantity(packs * trade.pack / FACTORS[unit], unit),
        over_delivery_pct=pick_weighted(rng, OVER_DELIVERY_PCT),
        freight=float(round(lognormal(rng, 95.0, 0.5) * rate / 5) * 5) if happens(rng, HAS_FREIGHT) else 0.0,
        terms=vendor.terms,
        deliveries=pick_weighted(rng, N_DELIVERIES),
    )
    return order, first_day


def _vendor_and_day(world: World, rng: Generator) -> tuple[Vendor, date]:
    """Return a vendor and a day on which we do business with it."""
    while True:
        vendor = world.vendors[int(rng.choice(len(world.vendors), p=world.vendor_weights))]
        day = world.days[int(rng.choice(len(world.days), p=world.day_weights))]
        is_too_early = vendor.new_from is not None and day < vendor.new_from
        is_too_late = vendor.blocked_from is not None and day > vendor.blocked_from + BLOCKED_ORDERS_RUN_OUT
        if not is_too_early and not is_too_late:
            return vendor, day


def later_day(world: World, day: date, low: int, high: int, rng: Generator) -> date | None:
    """Return a working day about low to high days later, busy days first; None when the year is over."""
    target = day + timedelta(days=int(rng.integers(low, high + 1)))
    near = [index for index, other in enumerate(world.days) if abs((other - target).days) <= 4 and other > day]
    if target > world.days[-1] or not near:
        return None
    weights = world.day_weights[near]
    return world.days[near[int(rng.choice(len(near), p=weights / np.sum(weights)))]]


def source_of(order: Order) -> str:
    """Return the system a vendor's document for an order comes from."""
    if order.plant == "3010":
        return "ERP_US"
    return "EDI_HUB" if order.vendor.sends_edi else "SAP_DE"


def time_of_day(source: str, rng: Generator) -> time:
    """Return when in the day a source hands a document over; the hub works at night too."""
    if source == "EDI_HUB":
        hour = int(rng.integers(0, 24))
    else:
        hour = int(np.clip(round(rng.normal(11 if source == "SAP_DE" else 17, 2.3)), 6, 22))
    return time(hour, int(rng.integers(60)))


def received_at(day: date, source: str, rng: Generator) -> datetime:
    """Return the moment a document is received on a day."""
    return datetime.combine(day, time_of_day(source, rng))
