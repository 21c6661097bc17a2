"""The manufacturer's world: materials, vendors, exchange rates and the working days of the year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.random import Generator

from generator.catalogue import COUNTRIES, FIRST_RATES, GROUPS, MONTH_WEIGHTS
from generator.draws import happens, lognormal, pick, pick_weighted
from generator.facts import Material, Order, Terms, Vendor
from generator.tax_ids import CHECKS, draw_tax_id, spoil

YEAR = 2025
N_VENDORS = 150
ZIPF_SHIFT = 2.0
NEW_FOR_DAYS = 120
N_NEW, N_BLOCKED = 16, 5
HOLIDAYS = frozenset(
    date(YEAR, month, day)
    for month, day in (
        (1, 1),
        (4, 18),
        (4, 21),
        (5, 1),
        (5, 29),
        (6, 9),
        (10, 3),
        (12, 24),
        (12, 25),
        (12, 26),
        (12, 31),
    )
)
PLANT_WEIGHTS: Mapping[str, float] = {"1010": 38, "1020": 20, "1030": 22, "2010": 6, "3010": 14}
TERMS: Mapping[Terms, float] = {
    Terms(0, 0, 30): 34,
    Terms(2, 14, 30): 24,
    Terms(3, 14, 30): 14,
    Terms(0, 0, 60): 10,
    Terms(2, 10, 45): 7,
    Terms(0, 0, 14): 6,
    Terms(3, 10, 60): 5,
}


@dataclass(frozen=True, slots=True)
class World:
    """What every case draws from; `days` and `day_weights` are the working days and how busy each is.

    `process` is the content of process.yaml.
    """

    process: Mapping[str, Any]
    materials: Mapping[str, tuple[Material, ...]]
    vendors: tuple[Vendor, ...]
    vendor_weights: np.ndarray
    rates: Mapping[str, tuple[float, ...]]
    days: tuple[date, ...]
    day_weights: np.ndarray

    def rate(self, currency: str, day: date) -> float:
        """Return the month's rate, units of the currency for one euro."""
        return self.rates[currency][day.month - 1]

    def domestic_tax(self, order: Order) -> int:
        """Return the right tax rate in percent for the order's vendor and plant."""
        country = self.process["plants"][order.plant]["country"]
        return int(self.process["domestic_tax_rate_pct"][country]) if order.vendor.country == country else 0


def make_world(process: Mapping[str, Any], rng: Generator) -> World:
    """Return a world drawn from the generator, with the plants and tax rates of the policy."""
    days = tuple(day for day in (date(YEAR, 1, 1) + timedelta(days=n) for n in range(365)) if is_working_day(day))
    weights = np.array([_busyness(day) for day in days])
    ranks = 1 / (np.arange(1, N_VENDORS + 1) + ZIPF_SHIFT)  # Zipf-Mandelbrot: the busiest has about 8% of the orders
    return World(
        process,
        {group: _materials(group, rng) for group in GROUPS},
        _vendors(rng),
        ranks / ranks.sum(),
        _rates(rng),
        days,
        weights / weights.sum(),
    )


def is_working_day(day: date) -> bool:
    """Return whether the service centre works on a day."""
    return day.weekday() < 5 and day not in HOLIDAYS


def _busyness(day: date) -> float:
    """Return how many documents a day brings, relative to others: fourth quarter and month ends are busy."""
    month_end = (day + timedelta(days=4)).month != day.month
    monday = 1.15 if day.weekday() == 0 else 1.0
    return MONTH_WEIGHTS[day.month - 1] * (1.9 if month_end else 1.0) * monday


def _materials(group: str, rng: Generator) -> tuple[Material, ...]:
    trade = GROUPS[group]
    return tuple(
        Material(name, group, trade.unit, trade.price_unit, round(lognormal(rng, trade.price_eur, trade.spread), 2))
        for name in trade.materials
    )


def _rates(rng: Generator) -> dict[str, tuple[float, ...]]:
    """Return twelve monthly rates of each currency; a random walk, not the rates of any real year."""
    rates = {"EUR": (1.0,) * 12}
    for currency, first in FIRST_RATES.items():
        steps = np.cumsum(rng.normal(0.0, 0.011, 12))
        rates[currency] = tuple(round(float(first * np.exp(step)), 4) for step in steps)
    return rates


def _vendors(rng: Generator) -> tuple[Vendor, ...]:
    """Return the vendors, busiest first: some are taken on during the year, some are blocked from some day on.

    One vendor of a country with check digits has a wrong tax id in the master data as well.
    """
    order = rng.permutation(np.arange(6, N_VENDORS))
    new, blocked = {int(index) for index in order[:N_NEW]}, {int(index) for index in order[N_NEW : N_NEW + N_BLOCKED]}
    names: set[str] = set()
    vendors = []
    for index in range(N_VENDORS):
        new_from = date(YEAR, 1, 1) + timedelta(days=int(rng.integers(5, 270))) if index in new else None
        blocked_from = date(YEAR, 1, 1) + timedelta(days=int(rng.integers(60, 300))) if index in blocked else None
        vendors.append(_vendor(f"{100200 + 7 * index}", index, new_from, blocked_from, names, rng))
    wrong = next(index for index in range(110, N_VENDORS) if vendors[index].country in CHECKS)
    vendors[wrong] = replace(vendors[wrong], tax_id=spoil(vendors[wrong].tax_id, rng))
    return tuple(vendors)


def _vendor(
    number: str, rank: int, new_from: date | None, blocked_from: date | None, names: set[str], rng: Generator
) -> Vendor:
    country = pick_weighted(rng, {code: entry.weight for code, entry in COUNTRIES.items()})
    entry = COUNTRIES[country]
    group = pick_weighted(rng, {name: trade.weight for name, trade in GROUPS.items()})
    groups = (group, pick(rng, GROUPS[group].sold_with)) if happens(rng, 0.35) else (group,)
    home = "3010" if country == "US" else "2010" if country == "PL" else None
    drawn = {plant: weight for plant, weight in PLANT_WEIGHTS.items() if home is None or plant != home}
    first = home if home is not None and happens(rng, 0.75) else pick_weighted(rng, drawn)
    second = pick_weighted(rng, PLANT_WEIGHTS)
    return Vendor(
        number=number,
        name=_name(country, group, names, rng),
        country=country,
        tax_id=draw_tax_id(country, rng),
        currency=pick_weighted(rng, entry.currencies),
        terms=pick_weighted(rng, TERMS),
        groups=groups,
        plants=tuple(dict.fromkeys((first, second))),
        sends_edi=happens(rng, 0.55 if rank < 30 else 0.2),
        writes_german=happens(rng, entry.german),
        carelessness=min(4.0, lognormal(rng, 0.85, 0.55)),
        reference_style=pick(rng, entry.references),
        new_from=new_from,
        blocked_from=blocked_from,
    )


def _name(country: str, group: str, taken: set[str], rng: Generator) -> str:
    """Return an invented company name that no other vendor has."""
    entry = COUNTRIES[country]
    while True:
        trade = pick(rng, GROUPS[group].trade_words[entry.language])
        name = pick(rng, entry.patterns).format(name=pick(rng, entry.names), trade=trade, form=pick(rng, entry.forms))
        if name not in taken:
            taken.add(name)
            return name
