"""The written policy as a function: what process.yaml decides of a document, derived from process.yaml alone.

Every limit, the order of the rules, their exceptions and what a note may state come from the process that is handed in,
so a changed process is a changed policy. Python here says what a condition means, never a number of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from .policy_levers import LEVERS as LEVERS
from .policy_reading import Content, Document, Format, UnreadableError, one_of, plain_number, share
from .policy_tax_ids import is_right

DUST = 5e-9  # what floating point leaves behind: a value this near to its limit is at the limit, not above it
SEVERAL = 512  # processes whose tables are kept


def above(value: float, limit: float) -> bool:
    """Return whether a value is above a limit; one that is at it is not."""
    return value - limit > DUST


# What the rules mean.


Condition = Callable[[Document, "Tables", Content], bool]


def _tax_id_invalid(d: Document, tables: Tables, limits: Content) -> bool:
    return d.tax_id != d.master_tax_id or not _digits_right(d, tables, limits)


def _digits_right(d: Document, tables: Tables, limits: Content) -> bool:
    return is_right(d.tax_id, tables.process["tax_id_countries"])


def _tax_rate_wrong(d: Document, tables: Tables, limits: Content) -> bool:
    country = one_of(d.fields["plant"], tables.process["plants"])["country"]
    is_domestic = d.fields["vendor_country"] == country
    return d.tax_rate != (tables.process["domestic_tax_rate_pct"][country] if is_domestic else 0)


def _arithmetic_error(d: Document, tables: Tables, limits: Content) -> bool:
    tolerance = limits["tolerance"]
    gross = (d.net + d.freight - d.discount) * (1 + d.tax_rate / 100)
    return above(abs(d.net - d.quantity_price), tolerance) or above(abs(d.gross - gross), tolerance)


def _is_repeat(d: Document, tolerance: float) -> bool | None:
    """Return whether an invoice asks for what an earlier one with its reference did, None where there is none."""
    if not d.is_invoice or d.related_gross is None:
        return None
    return not above(abs(d.gross - d.related_gross), tolerance)


def _possible_duplicate(d: Document, tables: Tables, limits: Content) -> bool:
    return _is_repeat(d, tables.parameters.get("duplicate_invoice", {}).get("tolerance", 0.0)) is False


def _credit_note_exceeds(d: Document, tables: Tables, limits: Content) -> bool:
    return not d.is_invoice and d.related_gross is not None and above(d.gross - d.related_gross, limits["tolerance"])


def _undelivered(d: Document, tables: Tables, limits: Content) -> bool:
    return d.is_invoice and d.billable <= DUST


def _over_both(pct: float, eur: float, limits: Content) -> bool:
    return above(pct, limits["above_pct"]) and above(eur, limits["above_eur"])


def _quantity_over_receipt(d: Document, tables: Tables, limits: Content) -> bool:
    return d.is_invoice and _over_both(d.over_pct, d.order_value(d.over), limits)


def _varies(pct: float, eur: float, limits: Content, tolerance_pct: float) -> bool:
    return above(eur, limits["small_eur"]) and (above(pct, tolerance_pct) or above(eur, limits["cap_eur"]))


def _quantity_variance(d: Document, tables: Tables, limits: Content) -> bool:
    return d.is_invoice and _varies(d.over_pct, d.order_value(d.over), limits, limits["tolerance_pct"])


def _over_delivery(d: Document, tables: Tables, limits: Content) -> bool:
    return d.is_invoice and above(d.order_value(d.surplus), limits["small_eur"])


def _price_over_limit(d: Document, tables: Tables, limits: Content) -> bool:
    return d.is_invoice and _over_both(d.price_pct, d.price_eur, limits)


def _price_variance(d: Document, tables: Tables, limits: Content) -> bool:
    tolerance_pct = one_of(d.fields["material_group"], tables.process["price_tolerance_pct"])
    return d.is_invoice and _varies(d.price_pct, d.price_eur, limits, tolerance_pct)


def _price_unusually_low(d: Document, tables: Tables, limits: Content) -> bool:
    return d.is_invoice and above(-d.price_pct, limits["below_pct"]) and above(-d.price_eur, limits["below_eur"])


def _freight_not_agreed(d: Document, tables: Tables, limits: Content) -> bool:
    return d.is_invoice and d.po_freight == 0 and above(d.freight / d.fx, limits["small_eur"])


def _freight_variance(d: Document, tables: Tables, limits: Content) -> bool:
    more = d.freight - d.po_freight
    return d.is_invoice and _over_both(share(more, d.po_freight), more / d.fx, limits)


def _discount_line_wrong(d: Document, tables: Tables, limits: Content) -> bool:
    agreed = d.po_terms.discount_pct / 100 * d.net
    return d.is_invoice and d.discount != 0 and above(abs(d.discount - agreed) / d.fx, limits["above_eur"])


def _payment_terms(d: Document, tables: Tables, limits: Content) -> bool:
    lost = (d.po_terms.discount_pct - d.terms.discount_pct) / 100 * d.net / d.fx
    is_shorter = above(d.po_terms.net_days - d.terms.net_days, limits["days"])
    return d.is_invoice and (is_shorter or above(lost, limits["lost_eur"]))


def _new_vendor(d: Document, tables: Tables, limits: Content) -> bool:
    return d.is_invoice and d.fields["vendor_status"] == "new" and above(d.payable_eur, limits["above_eur"])


def _over_authority(d: Document, tables: Tables, limits: Content) -> bool:
    of_plant = one_of(d.fields["plant"], tables.process["authority_eur"])
    return above(d.payable_eur, of_plant.get(d.fields["material_group"], of_plant["default"]))


CONDITIONS: Mapping[str, Condition] = {
    "vendor_blocked": lambda d, tables, limits: d.fields["vendor_status"] == "blocked",
    "bank_details_change": lambda d, tables, limits: tables.states(d, "bank_details_change"),
    "tax_id_invalid": _tax_id_invalid,
    "currency_mismatch": lambda d, tables, limits: not d.same_currency,
    "tax_rate_wrong": _tax_rate_wrong,
    "arithmetic_error": _arithmetic_error,
    "duplicate_invoice": lambda d, tables, limits: _is_repeat(d, limits["tolerance"]) is True,
    "possible_duplicate": _possible_duplicate,
    "unit_mismatch": lambda d, tables, limits: not d.converts,
    "credit_note_unreferenced": lambda d, tables, limits: not d.is_invoice and not d.related,
    "credit_note_exceeds_invoice": _credit_note_exceeds,
    "no_delivery": lambda d, tables, limits: _undelivered(d, tables, limits) and above(d.age_days, limits["age_days"]),
    "missing_receipt": _undelivered,
    "quality_block": lambda d, tables, limits: d.is_invoice and tables.states(d, "quality_block"),
    "dispute": lambda d, tables, limits: tables.states(d, "dispute"),
    "quantity_over_receipt": _quantity_over_receipt,
    "quantity_variance": _quantity_variance,
    "over_delivery": _over_delivery,
    "price_over_limit": _price_over_limit,
    "price_variance": _price_variance,
    "price_unusually_low": _price_unusually_low,
    "freight_not_agreed": _freight_not_agreed,
    "freight_variance": _freight_variance,
    "discount_line_wrong": _discount_line_wrong,
    "payment_terms": _payment_terms,
    "new_vendor": _new_vendor,
    "over_authority": _over_authority,
}
# What an exception asks for besides the fact of its name.
FURTHER: Mapping[str, Condition] = {
    "tax_id_confirmed": _digits_right,
    "over_delivery_agreed": lambda d, tables, limits: not above(d.surplus_pct, limits["up_to_pct"]),
    "price_agreed": lambda d, tables, limits: not above(d.price_pct, limits["up_to_pct"]),
}


def _within_tolerance(d: Document, tables: Tables) -> bool:
    equal = tables.process["equality_pct"]
    return above(d.price_pct, equal) or above(d.over_pct, equal) or above(d.freight, d.po_freight)


APPROVALS: Mapping[str, Callable[[Document, Tables], bool]] = {
    "credit_note_match": lambda d, _: not d.is_invoice,
    "within_tolerance": _within_tolerance,
    "partial_delivery": lambda d, _: plain_number(d.fields["deliveries_planned"]) > 1,
    "three_way_match": lambda d, _: True,
}
REASON_OF = {"replaces_cancelled": "replacement_invoice"}


# The policy.


class Tables:
    """What is looked up of a process, made once for each."""

    def __init__(self, process: Content) -> None:
        self.process = process
        self.parameters = {rule["id"]: rule["parameters"] for rule in process["rules"]}
        self.rules = [(rule, CONDITIONS[rule["id"]]) for rule in process["rules"]]
        self._facts = {name: _patterns(fact) for name, fact in process["facts"].items()}

    def states(self, document: Document, name: str) -> bool:
        """Return whether a sentence of the note states a fact; one that the process does not know is never stated."""
        if name not in self._facts:
            return False
        return bool(document.sentences) and _is_stated(document.sentences, *self._facts[name])


def _patterns(fact: Content) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return _pattern(tuple(fact["says"])), _pattern(tuple(fact.get("unless", ())))


@lru_cache(maxsize=16_384)
def _is_stated(sentences: tuple[str, ...], says: re.Pattern[str], unless: re.Pattern[str]) -> bool:
    return any(says.search(one) is not None and not unless.search(one) for one in sentences)


@lru_cache(maxsize=256)
def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in words) if words else r"(?!)")


class Known:
    """The tables of several processes and what the last record says, each known by the object that was handed in."""

    def __init__(self) -> None:
        self._tables: dict[int, Tables] = {}
        self._formats: dict[tuple[int, str], tuple[object, Format]] = {}
        self._last: tuple[object, object, Document | None] = (None, None, None)

    def tables(self, process: Content) -> Tables:
        """Return the tables of a process."""
        found = self._tables.get(id(process))
        if found is None or found.process is not process:
            if len(self._tables) >= SEVERAL:
                self._tables.clear()
            found = self._tables[id(process)] = Tables(process)
        return found

    def document(self, record: Content, process: Content) -> Document | None:
        """Return what a record says, None where its source is not known."""
        written = process["source_formats"]
        last_record, last_written, document = self._last
        if last_record is not record or last_written is not written:
            document = self._document(record, process)
            self._last = (record, written, document)
        return document

    def _document(self, record: Content, process: Content) -> Document | None:
        formats = process["source_formats"]
        source = str(record["source_system"])
        if source not in formats:
            return None
        known = self._formats.get((id(formats), source))
        if known is None or known[0] is not formats:
            known = self._formats[id(formats), source] = (formats, Format(formats[source], process["units"]))
        return Document(record, known[1])


KNOWN = Known()
UNREADABLE = {"action": "escalate", "reason": "unreadable", "to": None, "rule": None}


def decide(record: Content, process: Content) -> dict[str, Any]:
    """Return what the process decides of a record: `action`, `reason`, `to` whom, and the `rule` that decided.

    A record is escalated, by no rule, where a rule that is tried needs a cell that cannot be read.
    """
    document = KNOWN.document(record, process)
    if document is None:
        return UNREADABLE
    try:
        return _decided(document, KNOWN.tables(process))
    except UnreadableError:
        return UNREADABLE


def _decided(document: Document, tables: Tables) -> dict[str, Any]:
    used = set()
    for rule, holds in tables.rules:
        if not holds(document, tables, rule["parameters"]):
            continue
        passed = [one["id"] for one in rule["exceptions"] if _is_exempt(document, tables, one)]
        if not passed:
            return {"action": rule["decision"], "reason": rule["reason"], "to": rule["to"], "rule": rule["id"]}
        used.update(REASON_OF.get(one, one) for one in passed)
    for approval in tables.process["approvals"]:
        reason = approval["reason"]
        if reason in used or (reason in APPROVALS and APPROVALS[reason](document, tables)):
            return {"action": "approve", "reason": reason, "to": None, "rule": None}
    raise ValueError("no reason of an approval fits")


def _is_exempt(document: Document, tables: Tables, exception: Content) -> bool:
    name = exception["id"]
    further = FURTHER.get(name)
    return tables.states(document, name) and (further is None or further(document, tables, exception["parameters"]))
