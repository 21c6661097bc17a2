"""Units of measure that a number may be given in, and how many of one make another."""

from __future__ import annotations

import re
from collections.abc import Mapping

NUMBER_AND_UNIT = re.compile(r"^\s*([+-]?\d[\d.,' ]*?)\s*([^\d\s.,'][^\d]*)$")
FAMILIES: tuple[Mapping[str, float], ...] = (
    {"mg": 1e-6, "g": 1e-3, "kg": 1.0, "t": 1e3, "lb": 0.45359237, "oz": 0.028349523125},
    {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3, "in": 0.0254, "ft": 0.3048, "mi": 1609.344},
    {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0},
    {"ml": 1e-3, "cl": 1e-2, "l": 1.0, "hl": 100.0, "m3": 1e3},
    {"w": 1.0, "kw": 1e3, "mw": 1e6},
    {"wh": 1.0, "kwh": 1e3, "mwh": 1e6},
    {"pcs": 1.0, "dozen": 12.0, "thousand": 1e3},
    {"%": 1e-2, "‰": 1e-3, "1": 1.0},
)
ALIASES = {
    "kgs": "kg", "kilo": "kg", "kilogram": "kg", "kilograms": "kg", "gram": "g", "grams": "g", "gr": "g", "to": "t",
    "tons": "t", "tonne": "t", "tonnes": "t", "lbs": "lb", "pound": "lb", "pounds": "lb", "ounce": "oz", "ounces": "oz",
    "meter": "m", "metre": "m", "meters": "m", "metres": "m", "inch": "in", "inches": "in", '"': "in", "feet": "ft",
    "miles": "mi", "sec": "s", "seconds": "s", "sek": "s", "minutes": "min", "mins": "min", "minuten": "min", "hr": "h",
    "hrs": "h", "hours": "h", "hour": "h", "std": "h", "stunden": "h", "day": "d", "days": "d", "tage": "d",
    "liter": "l", "litre": "l", "liters": "l", "litres": "l", "ltr": "l", "m³": "m3", "cbm": "m3", "pc": "pcs",
    "piece": "pcs", "pieces": "pcs", "stk": "pcs", "stück": "pcs", "st": "pcs", "ea": "pcs", "units": "pcs",
    "mil": "thousand", "tst": "thousand", "percent": "%", "prozent": "%", "pct": "%",
}  # fmt: skip


def named(unit: str) -> str:
    """Return a unit in its usual spelling.

    Examples
    --------
    >>> named(" Kgs. "), named("m³"), named("furlongs")
    ('kg', 'm3', 'furlongs')
    """
    plain = unit.strip().casefold().rstrip(".")
    return ALIASES.get(plain, plain)


def factor(unit: str, of: str) -> float | None:
    """Return how many of the second unit one of the first is, None where they do not measure the same.

    Examples
    --------
    >>> factor("g", "kg"), factor("h", "min"), factor("kg", "m")
    (0.001, 60.0, None)
    """
    one, other = named(unit), named(of)
    family = next((family for family in FAMILIES if one in family and other in family), None)
    return None if family is None else family[one] / family[other]


def relatives(unit: str) -> tuple[str, ...]:
    """Return the other units that measure the same as one.

    Examples
    --------
    >>> relatives("kWh"), relatives("furlongs")
    (('wh', 'mwh'), ())
    """
    name = named(unit)
    family = next((family for family in FAMILIES if name in family), {})
    return tuple(other for other in family if other != name)
