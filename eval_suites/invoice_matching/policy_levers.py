"""Levers of test design: each moves one thing in a record and lets what follows from it follow.

A lever is `(function, lowest, highest, step)`: the function takes a record, a number and the process, and returns the
record with that number in it, written as its source writes, or None where the record cannot be moved.
"""

from __future__ import annotations

from typing import Any

from .policy_reading import Content, Format, Terms, UnreadableError, plain_number

Moved = dict[str, Any] | None
AMOUNTS = ("po_quantity", "received_quantity", "invoiced_before", "invoice_quantity")


def _format(record: Content, process: Content) -> Format:
    source = str(record["source_system"])
    if source not in process["source_formats"]:
        raise UnreadableError(source)
    return Format(process["source_formats"][source], process["units"])


def _written(number: float, like: Any, format_: Format) -> str:
    """Return a number with as many decimals as a cell has."""
    decimals = len(str(like).strip().partition(format_.decimal)[2])
    text = f"{number:,.{decimals}f}"
    return text.replace(",", "\0").replace(".", format_.decimal).replace("\0", format_.thousands)


def _with(record: Content, process: Content, **numbers: float) -> dict[str, Any]:
    """Return a record with other numbers, its net and gross amount following from them."""
    format_ = _format(record, process)
    made = {**record, **{name: _written(number, record[name], format_) for name, number in numbers.items()}}
    per_unit = format_.number(made["invoice_price"]) / plain_number(made["invoice_price_unit"])
    net = round(format_.number(made["invoice_quantity"]) * per_unit, 2)
    made["net_amount"] = _written(net, "0" + format_.decimal + "00", format_)
    taxable = net + format_.number(made["freight_amount"]) - format_.number(made["discount_amount"])
    gross = round(taxable * (1 + plain_number(made["tax_rate"]) / 100), 2)
    return {**made, "gross_amount": _written(gross, "0" + format_.decimal + "00", format_)}


def _number(record: Content, name: str, process: Content) -> float:
    return _format(record, process).number(record[name])


def scaled(record: Content, factor: float, process: Content) -> dict[str, Any]:
    """Return the whole business of a record so many times as large; a document it refers to grows with it."""
    gross = _number(record, "gross_amount", process)
    more = {name: _number(record, name, process) * factor for name in AMOUNTS}
    made = _with(record, process, discount_amount=_number(record, "discount_amount", process) * factor, **more)
    if record.get("related_gross"):
        apart = _number(record, "related_gross", process) - gross
        related = _number(made, "gross_amount", process) + apart
        made["related_gross"] = _written(max(related, 0.0), record["related_gross"], _format(record, process))
    return made


def priced(record: Content, factor: float, process: Content) -> dict[str, Any]:
    """Return a record whose price is so many times the order's."""
    format_ = _format(record, process)
    units = [format_.units[record[name]]["factor"] for name in ("invoice_unit", "order_unit")]
    per_unit = _number(record, "po_price", process) / plain_number(record["po_price_unit"]) * units[0] / units[1]
    return _with(record, process, invoice_price=factor * per_unit * plain_number(record["invoice_price_unit"]))


def invoiced(record: Content, factor: float, process: Content) -> dict[str, Any]:
    """Return a record whose invoiced quantity is so many times what it was."""
    return _with(record, process, invoice_quantity=factor * _number(record, "invoice_quantity", process))


def with_freight(record: Content, amount: float, process: Content) -> dict[str, Any]:
    """Return a record with so much freight on the document."""
    return _with(record, process, freight_amount=amount)


def with_discount_line(record: Content, pct: float, process: Content) -> dict[str, Any]:
    """Return a record with a cash-discount line of so many percent of the net amount."""
    return _with(record, process, discount_amount=pct / 100 * _number(record, "net_amount", process))


def _with_terms(record: Content, terms: Terms, process: Content) -> dict[str, Any]:
    written = process["source_formats"][record["source_system"]]
    kind = "discount" if terms.discount_pct else "net"
    pct = f"{terms.discount_pct:g}".replace(".", written["decimal"])
    return {**record, "invoice_terms": written["terms"][kind].format(days=10, pct=pct, net=terms.net_days)}


def with_net_days(record: Content, days: float, process: Content) -> dict[str, Any]:
    """Return a record whose document is due so many days after its date."""
    terms = _format(record, process).terms(record["invoice_terms"])
    return _with_terms(record, terms._replace(net_days=round(days)), process)


def with_discount_rate(record: Content, pct: float, process: Content) -> dict[str, Any]:
    """Return a record whose document offers such a cash discount."""
    terms = _format(record, process).terms(record["invoice_terms"])
    return _with_terms(record, terms._replace(discount_pct=round(pct, 2)), process)


LEVERS = {
    "scale": (scaled, 0.01, 100.0, 1e-6),
    "price": (priced, 0.6, 1.4, 1e-6),
    "quantity": (invoiced, 0.5, 2.0, 1e-6),
    "freight": (with_freight, 0.0, 1_500.0, 0.01),
    "discount line": (with_discount_line, 0.0, 6.0, 1e-4),
    "net days": (with_net_days, 1.0, 90.0, 1.0),
    "discount rate": (with_discount_rate, 0.0, 4.0, 0.01),
}
