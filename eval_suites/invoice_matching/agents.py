"""The three agents of this pilot that need no language model: an amount rule, the written policy, boosted trees."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Set
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from . import reading, tax_ids

PROCESS: Mapping[str, Any] = reading.PROCESS
RULES = {rule["id"]: rule for rule in PROCESS["rules"]}
Record = Mapping[str, str | int | float | bool | None]
Answer = dict[str, Any]
Decide = Callable[[Record], Answer]

# --- amount_only -----------------------------------------------------------------------------------------------------

AMOUNT_LIMIT = 15_000.0  # gross, in whatever currency the document has
SURE_WITHIN = 0.5  # share of the limit from which on the rule is as sure as it gets


def amount_only(record: Record) -> Answer:
    """Approve what is below one amount, escalate the rest; looks at the gross amount and nothing else."""
    gross = reading.SOURCES[str(record["source_system"])].number(str(record["gross_amount"] or "").strip())
    if math.isnan(gross):
        return {"action": "escalate", "confidence": 0.5, "reason": "unreadable"}
    distance = min(1.0, abs(gross / AMOUNT_LIMIT - 1) / SURE_WITHIN)
    action, reason = ("escalate", "over_authority") if gross > AMOUNT_LIMIT else ("approve", "three_way_match")
    return {"action": action, "confidence": round(0.5 + 0.25 * distance, 4), "reason": reason}


# --- policy_rules ----------------------------------------------------------------------------------------------------

# What a developer would look for in a note; paraphrases are missed, and some settled matters are taken for open ones.
KEYWORDS = {
    "bank_details_change": ("iban", "bankverbindung", "bank account", "neues konto"),
    "tax_id_confirmed": ("bzst", "bestätigung", "confirmation"),
    "replaces_cancelled": ("storn", "ersetzt", "replaces", "cancel"),
    "delivery_signed": ("lieferschein", "delivery note"),
    "quality_block": ("reklamation", "gesperrt", "sperrbestand", "complaint", "blocked stock", "quarant"),
    "dispute": ("strittig", "disput", "insolven", "anwalt", "lawyer", "legal"),
    "over_delivery_agreed": ("überlieferung", "ueberlieferung", "over-delivery", "mehrmenge"),
    "price_agreed": ("nachtrag", "addendum", "preisvereinbarung", "price agreement", "schriftlich", "in writing"),
    "freight_agreed": ("eilfracht", "express", "sonderfahrt"),
}
SETTLED = ("erledigt", "freigegeben", "aufgehoben", "zurückgezogen", "closed", "released", "cleared", "unverändert")
APPROVED_BY = {"replaces_cancelled": "replacement_invoice"}  # exceptions whose approval has another name
# Without these a document is not approved.
ESSENTIAL = frozenset(
    {"po_price", "invoice_price", "invoice_quantity", "received_quantity", "invoiced_before", "net_amount"}
    | {"gross_amount", "fx_rate", "order_unit", "invoice_unit", "currency", "po_currency", "document_type"}
)


class Trial:
    """One record under the written policy and what its note states, with the distance to the nearest limit compared."""

    def __init__(self, record: Record, stated: Set[str]) -> None:
        self.facts = reading.read_facts(record)
        self.measures = reading.measure(self.facts)
        self.stated = stated
        self.nearest = math.inf
        self.excepted_by: set[str] = set()

    def over(self, value: float, limit: float) -> bool:
        """Return whether a value is above a limit; an unread value never is."""
        if value > 0 and limit > 0:
            self.nearest = min(self.nearest, abs(value - limit) / limit)
        return value > limit + 1e-9

    def over_by(self, rule: str, value: float, parameter: str) -> bool:
        """Return whether a value is above a rule's own limit."""
        return self.over(value, RULES[rule]["parameters"][parameter])

    def excepted(self, rule: str, fact: str, pct: float = 0.0) -> bool:
        """Return whether a note names the exception and the percentage is within what it covers."""
        entry = next(e for e in RULES[rule]["exceptions"] if e["id"] == fact)
        up_to = entry.get("parameters", {}).get("up_to_pct", math.inf)
        if fact not in self.stated or self.over(pct, up_to):
            return False
        self.excepted_by.add(fact)
        return True


def policy_rules(record: Record) -> Answer:
    """Apply the written policy to the structured columns; of a note only a few obvious keywords count."""
    note = str(record["note"] or "").lower()
    is_settled = any(word in note for word in SETTLED)
    stated = {
        fact
        for fact, words in KEYWORDS.items()
        if not (is_settled and fact in ("quality_block", "bank_details_change")) and any(w in note for w in words)
    }
    return by_policy(record, stated)


def by_policy(record: Record, stated: Set[str]) -> Answer:
    """Apply the written policy to the structured columns and the facts that the note states."""
    trial = Trial(record, stated)
    rule = next((rule for rule in RULES if POLICY[rule](trial)), None)
    missing = ESSENTIAL.intersection(trial.facts.unread)
    if rule is None and missing:
        return {"action": "escalate", "confidence": 0.5, "reason": "unreadable"}
    action = "approve" if rule is None else RULES[rule]["decision"]
    reason = _approval(trial) if rule is None else RULES[rule]["reason"]
    return {"action": action, "confidence": _rule_confidence(trial, rule), "reason": reason}


def _approval(trial: Trial) -> str:
    """Return the first fitting reason of an approval."""
    facts, measures, equality = trial.facts, trial.measures, PROCESS["equality_pct"]
    used = {APPROVED_BY.get(fact, fact) for fact in trial.excepted_by}
    deviates = max(measures.price_pct, measures.over_pct) > equality or facts.document.freight > facts.order.freight
    fits = {
        "credit_note_match": not facts.is_invoice,
        "within_tolerance": deviates,
        "partial_delivery": facts.deliveries > 1,
        "three_way_match": True,
    }
    return next(e["reason"] for e in PROCESS["approvals"] if e["reason"] in used or fits.get(e["reason"], False))


def _rule_confidence(trial: Trial, rule: str | None) -> float:
    """Return a confidence that falls near a limit, with a note to be understood and with unread columns."""
    confidence = 0.99 * (1 - 0.4 * math.exp(-trial.nearest / 0.08))
    if trial.stated:
        confidence *= 0.85 if trial.excepted_by or rule in trial.stated else 0.9
    elif trial.facts.note:
        confidence *= 0.95
    return round(confidence * 0.8 ** min(2, len(trial.facts.unread)), 4)


def _tax_id_is_wrong(t: Trial) -> bool:
    given, own = t.facts.vendor.invoice_tax_id, t.facts.vendor.master_tax_id
    if not given or not own:
        return False
    if not tax_ids.vat_digits_are_right(given):
        return True
    return given != own and not t.excepted("tax_id_invalid", "tax_id_confirmed")


def _differ(one: str | None, other: str | None) -> bool:
    """Return whether two codes differ; a code that could not be read differs from none."""
    return one is not None and other is not None and one != other


def _sum_is_wrong(t: Trial) -> bool:
    return t.measures.arithmetic_gap > RULES["arithmetic_error"]["parameters"]["tolerance"] + 1e-6


def _credit_is_too_much(t: Trial) -> bool:
    excess = t.facts.gross - t.facts.related_gross
    tolerance = RULES["credit_note_exceeds_invoice"]["parameters"]["tolerance"]
    return not t.facts.is_invoice and excess > tolerance + 1e-6


def _discount_line_is_wrong(t: Trial) -> bool:
    return t.facts.is_invoice and t.over_by("discount_line_wrong", t.measures.discount_gap_eur, "above_eur")


def _is_repeat(t: Trial) -> bool:
    return t.facts.is_invoice and t.facts.has_related and not t.excepted("duplicate_invoice", "replaces_cancelled")


def _is_same_amount(t: Trial) -> bool:
    return t.measures.related_gap <= RULES["duplicate_invoice"]["parameters"]["tolerance"] + 1e-6


def _nothing_is_billable(t: Trial) -> bool:
    return t.facts.is_invoice and t.measures.billable <= 0


def _has_no_delivery(t: Trial) -> bool:
    is_late = _nothing_is_billable(t) and t.over_by("no_delivery", t.facts.age_days, "age_days")
    return is_late and not t.excepted("no_delivery", "delivery_signed")


def _quantity_is_far_over(t: Trial) -> bool:
    rule, m = "quantity_over_receipt", t.measures
    return t.facts.is_invoice and t.over_by(rule, m.over_eur, "above_eur") and t.over_by(rule, m.over_pct, "above_pct")


def _quantity_is_over(t: Trial) -> bool:
    rule, m = "quantity_variance", t.measures
    if not t.facts.is_invoice or not t.over_by(rule, m.over_eur, "small_eur"):
        return False
    return t.over_by(rule, m.over_pct, "tolerance_pct") or t.over_by(rule, m.over_eur, "cap_eur")


def _is_over_delivered(t: Trial) -> bool:
    rule, m = "over_delivery", t.measures
    is_over = t.facts.is_invoice and t.over_by(rule, m.surplus_eur, "small_eur")
    return is_over and not t.excepted(rule, "over_delivery_agreed", m.surplus_pct)


def _price_is_far_over(t: Trial) -> bool:
    rule, m = "price_over_limit", t.measures
    if not t.facts.is_invoice or not t.over_by(rule, m.price_eur, "above_eur"):
        return False
    return t.over_by(rule, m.price_pct, "above_pct") and not t.excepted(rule, "price_agreed", m.price_pct)


def _price_is_over(t: Trial) -> bool:
    rule, m = "price_variance", t.measures
    if not t.facts.is_invoice or not t.over_by(rule, m.price_eur, "small_eur"):
        return False
    is_over = t.over(m.price_pct, m.price_tolerance_pct) or t.over_by(rule, m.price_eur, "cap_eur")
    return is_over and not t.excepted(rule, "price_agreed", m.price_pct)


def _price_is_low(t: Trial) -> bool:
    rule, m = "price_unusually_low", t.measures
    if not t.facts.is_invoice or not t.over_by(rule, -m.price_eur, "below_eur"):
        return False
    return t.over_by(rule, -m.price_pct, "below_pct")


def _freight_is_unplanned(t: Trial) -> bool:
    rule, m = "freight_not_agreed", t.measures
    is_over = t.facts.is_invoice and t.facts.order.freight == 0 and t.over_by(rule, m.freight_over_eur, "small_eur")
    return is_over and not t.excepted(rule, "freight_agreed")


def _freight_is_over(t: Trial) -> bool:
    rule, m = "freight_variance", t.measures
    if not t.facts.is_invoice or not t.over_by(rule, m.freight_over_eur, "above_eur"):
        return False
    return t.over_by(rule, m.freight_over_pct, "above_pct") and not t.excepted(rule, "freight_agreed")


def _terms_are_worse(t: Trial) -> bool:
    rule, m = "payment_terms", t.measures
    if not t.facts.is_invoice:
        return False
    return t.over_by(rule, m.days_shorter, "days") or t.over_by(rule, m.lost_discount_eur, "lost_eur")


def _is_over_authority(t: Trial) -> bool:
    return t.over(t.measures.payable_eur, t.measures.authority_eur)


def _is_large_for_new(t: Trial) -> bool:
    is_new = t.facts.is_invoice and t.facts.vendor.status == "new"
    return is_new and t.over_by("new_vendor", t.measures.payable_eur, "above_eur")


POLICY: dict[str, Callable[[Trial], bool]] = {
    "vendor_blocked": lambda t: t.facts.vendor.status == "blocked",
    "bank_details_change": lambda t: "bank_details_change" in t.stated,
    "tax_id_invalid": _tax_id_is_wrong,
    "currency_mismatch": lambda t: _differ(t.facts.document.currency, t.facts.order.currency),
    "tax_rate_wrong": lambda t: abs(t.measures.tax_gap) > 0,
    "arithmetic_error": _sum_is_wrong,
    "duplicate_invoice": lambda t: _is_same_amount(t) and _is_repeat(t),
    "possible_duplicate": lambda t: not _is_same_amount(t) and _is_repeat(t),
    "unit_mismatch": lambda t: _differ(t.facts.order.base, t.facts.document.base),
    "credit_note_unreferenced": lambda t: not t.facts.is_invoice and not t.facts.has_related,
    "credit_note_exceeds_invoice": _credit_is_too_much,
    "no_delivery": _has_no_delivery,
    "missing_receipt": _nothing_is_billable,
    "quality_block": lambda t: t.facts.is_invoice and "quality_block" in t.stated,
    "dispute": lambda t: "dispute" in t.stated,
    "quantity_over_receipt": _quantity_is_far_over,
    "quantity_variance": _quantity_is_over,
    "over_delivery": _is_over_delivered,
    "price_over_limit": _price_is_far_over,
    "price_variance": _price_is_over,
    "price_unusually_low": _price_is_low,
    "freight_not_agreed": _freight_is_unplanned,
    "freight_variance": _freight_is_over,
    "discount_line_wrong": _discount_line_is_wrong,
    "payment_terms": _terms_are_worse,
    "new_vendor": _is_large_for_new,
    "over_authority": _is_over_authority,
}

# --- boosted_trees ---------------------------------------------------------------------------------------------------


def boosted_trees(training: pd.DataFrame) -> Decide:
    """Train gradient-boosted trees on the decisions of development records; confidence is their probability."""
    from . import trees  # scikit-learn, which the other agents do not need

    records = training.drop(columns=["decision", "reason_code"]).to_dict("records")
    facts = [reading.read_facts(record) for record in records]
    with trees.THREADS.limit(limits=1):
        reader, scores = trees.cross_read([one.note for one in facts], training["reason_code"].tolist())
        rows = [_numbers(one, trees) + read for one, read in zip(facts, scores, strict=True)]
        predict = trees.fitted(np.array(rows), training["decision"].tolist())

    def decide(record: Record) -> Answer:
        one = reading.read_facts(record)
        action, probability = predict(_numbers(one, trees) + reader.scores(one.note))
        return {"action": action, "confidence": round(probability, 6)}

    return decide


def _numbers(facts: Any, trees: ModuleType) -> list[float]:
    """Return the numeric features of a record."""
    is_right = tax_ids.vat_digits_are_right(facts.vendor.invoice_tax_id)
    return trees.numbers(facts, reading.measure(facts), is_right, PROCESS)
