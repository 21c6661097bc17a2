"""What goes differently from the order on one delivery and its invoice, and what somebody noted about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.random import Generator

from generator.draws import happens, lognormal, pick_weighted
from generator.facts import Order

# Chance of each deviation on one invoice of a vendor of average carelessness.
RATES: Mapping[str, float] = {
    "price": 0.155,
    "price_wrong": 0.014,
    "quantity": 0.036,
    "short_receipt": 0.022,
    "surplus": 0.036,
    "missing": 0.023,
    "freight": 0.03,
    "unplanned_freight": 0.042,
    "currency": 0.008,
    "tax_id": 0.018,
    "tax_rate": 0.008,
    "arithmetic": 0.016,
    "rounding": 0.03,
    "unit_converted": 0.05,
    "unit_mismatch": 0.004,
    "terms": 0.027,
    "discount_line": 0.07,
    "discount_wrong": 0.013,
}
NOTES_ON_DEVIATION: Mapping[str, Mapping[str, float]] = {
    "price": {"price_agreed": 0.34, "price_oral": 0.09, "price_pending": 0.07},
    "surplus": {"over_delivery_agreed": 0.42, "surplus_unagreed": 0.12},
    "freight": {"freight_agreed": 0.36, "freight_vendor_caused": 0.14},
    "missing": {"delivery_signed": 0.14, "delivery_announced": 0.24},
    "tax_id": {"tax_id_confirmed": 0.24, "tax_id_pending": 0.14},
}
NOTES_ANYWAY: Mapping[str, float] = {
    "quality_block": 0.018,
    "quality_settled": 0.011,
    "dispute": 0.008,
    "bank_details_change": 0.006,
    "bank_unchanged": 0.004,
    "instruction": 0.008,
    "price_agreed": 0.009,
    "price_oral": 0.002,
    "price_pending": 0.003,
    "freight_agreed": 0.004,
    "over_delivery_agreed": 0.002,
    "duplicate_hint": 0.008,
    "delivery_announced": 0.003,
    "irrelevant": 0.3,
}


@dataclass(frozen=True, slots=True)
class Deviations:
    """Deviations of one delivery; zero, False or "" where there is none."""

    price_pct: float = 0.0
    over_pct: float = 0.0  # invoiced above delivered
    short_pct: float = 0.0  # received below delivered
    surplus_pct: float = 0.0  # delivered above ordered
    is_missing: bool = False
    is_old: bool = False
    freight_pct: float = 0.0  # above the agreed freight
    freight_eur: float = 0.0  # although none was agreed
    is_other_currency: bool = False
    tax_id: str = ""  # digits, other
    is_tax_rate_wrong: bool = False
    arithmetic: str = ""  # net, gross, rounding
    unit: str = ""  # converted, mismatch
    terms: str = ""  # shorter, slightly_shorter, less_discount, better
    discount_line: str = ""  # right, wrong

    def prompting(self) -> tuple[str, ...]:
        """Return the deviations somebody may write a note about."""
        prompts = {
            "missing": self.is_missing,
            "tax_id": self.tax_id != "",
            "surplus": self.surplus_pct > 0,
            "price": self.price_pct > 0.8,
            "freight": self.freight_pct > 0 or self.freight_eur > 0,
        }
        return tuple(name for name, is_there in prompts.items() if is_there)


def draw_deviations(order: Order, is_last: bool, rng: Generator) -> Deviations:
    """Return the deviations of one delivery; careless vendors have more."""
    chances = {name: min(0.6, rate * order.vendor.carelessness) for name, rate in RATES.items()}
    hits = {name: happens(rng, chance) for name, chance in chances.items()}
    is_missing = hits["missing"]
    return Deviations(
        price_pct=_price_pct(hits, rng),
        over_pct=lognormal(rng, 1.8, 1.1) if hits["quantity"] else 0.0,
        short_pct=float(rng.uniform(8, 40)) if hits["short_receipt"] else 0.0,
        surplus_pct=lognormal(rng, 7.0, 0.7) if hits["surplus"] and is_last else 0.0,
        is_missing=is_missing,
        is_old=happens(rng, 0.36 if is_missing else 0.012),
        freight_pct=lognormal(rng, 14.0, 0.8) if hits["freight"] and order.freight > 0 else 0.0,
        freight_eur=lognormal(rng, 48.0, 0.9) if hits["unplanned_freight"] and order.freight == 0 else 0.0,
        is_other_currency=hits["currency"],
        tax_id=pick_weighted(rng, {"digits": 0.62, "other": 0.38}) if hits["tax_id"] else "",
        is_tax_rate_wrong=hits["tax_rate"],
        arithmetic=_arithmetic(hits, rng),
        unit="mismatch" if hits["unit_mismatch"] else "converted" if hits["unit_converted"] else "",
        terms=_terms(hits, rng),
        discount_line="wrong" if hits["discount_wrong"] else "right" if hits["discount_line"] else "",
    )


def _price_pct(hits: Mapping[str, bool], rng: Generator) -> float:
    """Return the price's deviation in percent: mostly small, one in five in our favour, seldom a blunder."""
    if hits["price_wrong"]:
        return float(rng.uniform(12, 60)) if happens(rng, 0.7) else -float(rng.uniform(12, 45))
    if not hits["price"]:
        return 0.0
    size = lognormal(rng, 1.9, 0.95)
    return -size if happens(rng, 0.2) else size


def _arithmetic(hits: Mapping[str, bool], rng: Generator) -> str:
    if hits["arithmetic"]:
        return pick_weighted(rng, {"net": 0.5, "gross": 0.5})
    return "rounding" if hits["rounding"] else ""


def _terms(hits: Mapping[str, bool], rng: Generator) -> str:
    if not hits["terms"]:
        return ""
    return pick_weighted(rng, {"shorter": 0.3, "slightly_shorter": 0.15, "less_discount": 0.3, "better": 0.25})


def draw_note_kind(deviations: Deviations, rng: Generator) -> str | None:
    """Return the kind of note, None for no note; deviations draw notes about themselves first."""
    for name in deviations.prompting():
        kind = _drawn_kind(NOTES_ON_DEVIATION[name], rng)
        if kind is not None:
            return kind
    if deviations.prompting() and happens(rng, 0.04):
        return "instruction"
    return _drawn_kind(NOTES_ANYWAY, rng)


def _drawn_kind(chances: Mapping[str, float], rng: Generator) -> str | None:
    """Return one of the kinds with its chance, None with what is left."""
    point = rng.random()
    for kind, chance in chances.items():
        point -= chance
        if point < 0:
            return kind
    return None
