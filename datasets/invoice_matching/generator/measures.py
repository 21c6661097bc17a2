"""The measures the policy compares with its limits, as process.yaml defines them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generator.facts import Case, Document


@dataclass(frozen=True, slots=True)
class Measures:
    """Measures of one case; quantities in the order's base unit, values in euro, percentages as 2.5 for 2.5%.

    Measures that need a common base unit are 0 when the units cannot be converted (a rule of its own catches that).
    """

    age_days: int
    arithmetic_gap: float
    related_gap: float | None
    billable: float
    over_pct: float
    over_value: float
    surplus_pct: float
    surplus_value: float
    price_pct: float
    price_value: float
    payable_eur: float


def measure(case: Case, process: Mapping[str, Any]) -> Measures:
    """Return the measures of a case."""
    order, document = case.order, case.document
    ordered, invoiced = process["units"][order.unit], process["units"][document.unit]
    is_comparable = ordered["base"] == invoiced["base"]
    order_price = order.price / order.price_unit / ordered["factor"]
    price_gap = document.price / document.price_unit / invoiced["factor"] - order_price if is_comparable else 0.0
    quantity = document.quantity * invoiced["factor"]
    billable = (case.received_quantity - case.invoiced_before) * ordered["factor"]
    over = quantity - billable if is_comparable else 0.0
    entitled = order.quantity * (1 + order.over_delivery_pct / 100) * ordered["factor"]
    surplus = case.invoiced_before * ordered["factor"] + quantity - entitled if is_comparable else 0.0
    return Measures(
        age_days=(document.received_at.date() - document.dated).days,
        arithmetic_gap=_arithmetic_gap(document),
        related_gap=None if case.related_gross is None else abs(document.gross - case.related_gross),
        billable=billable,
        over_pct=over / billable * 100 if billable > 0 else 0.0,
        over_value=over * order_price / case.fx_rate,
        surplus_pct=surplus / (order.quantity * ordered["factor"]) * 100,
        surplus_value=surplus * order_price / case.fx_rate,
        price_pct=price_gap / order_price * 100,
        price_value=price_gap * quantity / case.fx_rate,
        payable_eur=(document.net + document.freight - document.discount) / case.fx_rate,
    )


def _arithmetic_gap(document: Document) -> float:
    """Return the larger gap of net and gross amount to what the document's own lines add up to."""
    net_gap = abs(document.net - document.quantity * document.price / document.price_unit)
    taxed = (document.net + document.freight - document.discount) * (1 + document.tax_rate / 100)
    return max(net_gap, abs(document.gross - taxed))
