"""Quantities and prices of the same goods in another unit."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.random import Generator

from generator.draws import pick
from generator.facts import Material

# Base units of one unit; process.yaml declares the same factors (a test compares them).
FACTORS: Mapping[str, float] = {
    "piece": 1,
    "thousand_pieces": 1000,
    "kilogram": 1,
    "tonne": 1000,
    "pound": 0.45359237,
    "metre": 1,
    "litre": 1,
    "set": 1,
}
QUANTITY_DECIMALS: Mapping[str, int] = {
    "piece": 0,
    "thousand_pieces": 3,
    "kilogram": 1,
    "tonne": 4,
    "pound": 1,
    "metre": 1,
    "litre": 1,
    "set": 0,
}
CONVERTIBLE: Mapping[str, tuple[str, ...]] = {
    "piece": ("thousand_pieces",),
    "thousand_pieces": ("piece",),
    "kilogram": ("tonne", "pound"),
    "tonne": ("kilogram",),
    "pound": ("kilogram",),
}
OF_OTHER_KIND: Mapping[str, tuple[str, ...]] = {
    "piece": ("set", "kilogram"),
    "thousand_pieces": ("kilogram", "set"),
    "kilogram": ("piece", "metre"),
    "tonne": ("piece", "metre"),
    "pound": ("piece", "metre"),
    "metre": ("kilogram", "piece"),
    "litre": ("kilogram", "piece"),
}


def rounded_quantity(quantity: float, unit: str) -> float:
    """Return a quantity with as many decimals as its unit is written with."""
    return round(quantity, QUANTITY_DECIMALS[unit])


def converted(quantity: float, unit: str, other: str) -> float:
    """Return the quantity of the same goods in another unit of the same base."""
    return rounded_quantity(quantity * FACTORS[unit] / FACTORS[other], other)


def usual_price_unit(unit: str, base_price_unit: int) -> int:
    """Return for how many units a price is quoted, given for how many base units the material is."""
    if unit in ("thousand_pieces", "tonne"):
        return 1
    if unit == "pound":
        return 100
    return base_price_unit


def order_unit(material: Material, is_american: bool, rng: Generator) -> str:
    """Return the unit a material is ordered in."""
    if material.unit == "kilogram" and is_american:
        return pick(rng, ("pound", "pound", "kilogram"))
    if material.group == "sheet_steel":
        return pick(rng, ("kilogram", "kilogram", "kilogram", "tonne"))
    if material.unit == "piece" and material.price_unit >= 100 and material.group in ("fasteners", "seals"):
        return pick(rng, ("piece", "piece", "piece", "piece", "thousand_pieces"))
    return material.unit
