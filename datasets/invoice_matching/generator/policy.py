"""The written policy, applied exactly to the undamaged facts of a case: this is where the labels come from.

The rules' words, order, limits, decisions and reasons are read from process.yaml; this module holds one predicate for
each rule id and refuses a policy that names others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from generator import measures
from generator.facts import Case, NoteFact
from generator.tax_ids import is_valid

PROCESS_FILE = Path(__file__).resolve().parents[3] / "eval_suites" / "invoice_matching" / "process.yaml"
ROUNDING = 1e-9  # a limit is exceeded only by more than floating-point error
Number = int | float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy decides.

    Parameters
    ----------
    rule : str, optional
        The deciding rule's id, None for an approval.
    exceptions : tuple of str
        Exceptions that let the document pass a rule, in the order they were used.
    margin : float, optional
        Smallest relative distance of a compared value to its limit, None when nothing was compared.
    """

    decision: str
    reason: str
    rule: str | None
    is_fault: bool
    exceptions: tuple[str, ...]
    margin: float | None


class Trial:
    """One case under the rules: compares values with limits and remembers how close they were."""

    def __init__(self, case: Case, process: Mapping[str, Any]) -> None:
        self.case = case
        self.process = process
        self.measured = measures.measure(case, process)
        self.rule: Mapping[str, Any] = {}
        self.exceptions: list[str] = []
        self.margins: list[float] = []

    def limit(self, name: str) -> float:
        """Return a parameter of the rule under trial."""
        return float(self.rule["parameters"][name])

    def exceeds(self, value: float, limit: str | Number) -> bool:
        """Return whether a value is above a limit, given as a number or as the name of the rule's parameter."""
        bound = self.limit(limit) if isinstance(limit, str) else float(limit)
        if value > 0 and bound > 0:
            self.margins.append(abs(value - bound) / bound)
        return value > bound + ROUNDING

    def is_excepted(self, fact: NoteFact, value: float = 0.0) -> bool:
        """Return whether the note states the exception and the value is within what the exception covers."""
        declared = next(entry for entry in self.rule["exceptions"] if entry["id"] == fact.value)
        up_to = declared.get("parameters", {}).get("up_to_pct")
        if fact not in self.case.note.facts or (up_to is not None and self.exceeds(value, up_to)):
            return False
        self.exceptions.append(fact.value)
        return True

    @property
    def is_invoice(self) -> bool:
        """Whether the document is an invoice, not a credit note."""
        return self.case.document.kind == "invoice"

    def states(self, fact: NoteFact) -> bool:
        """Return whether the note states a fact."""
        return fact in self.case.note.facts


class Policy:
    """The policy of process.yaml, ready to decide cases."""

    def __init__(self, process: Mapping[str, Any]) -> None:
        listed = [rule["id"] for rule in process["rules"]]
        unknown = sorted(set(listed) ^ set(PREDICATES))
        if unknown or len(set(listed)) != len(listed):
            raise ValueError(
                f"process.yaml and policy.py do not have the same rules: {unknown or 'a rule is repeated'}"
            )
        self.process = process

    def decide(self, case: Case) -> Verdict:
        """Return the decision of the first rule that holds, or the approval."""
        trial = Trial(case, self.process)
        for rule in self.process["rules"]:
            trial.rule = rule
            if PREDICATES[rule["id"]](trial):
                fault = bool(rule.get("fault", False))
                return self._verdict(trial, rule["decision"], rule["reason"], rule["id"], fault)
        return self._verdict(trial, "approve", self._approval(trial), None, False)

    def _verdict(self, trial: Trial, decision: str, reason: str, rule: str | None, is_fault: bool) -> Verdict:
        margin = min(trial.margins, default=None)
        return Verdict(decision, reason, rule, is_fault, tuple(trial.exceptions), margin)

    def _approval(self, trial: Trial) -> str:
        """Return the first fitting reason of an approval."""
        measured, equality = trial.measured, float(self.process["equality_pct"])
        deviates = (
            measured.price_pct > equality
            or measured.over_pct > equality
            or trial.case.document.freight > trial.case.order.freight + ROUNDING
        )
        fits = {
            "credit_note_match": not trial.is_invoice,
            "replacement_invoice": "replaces_cancelled" in trial.exceptions,
            "tax_id_confirmed": "tax_id_confirmed" in trial.exceptions,
            "price_agreed": "price_agreed" in trial.exceptions,
            "over_delivery_agreed": "over_delivery_agreed" in trial.exceptions,
            "freight_agreed": "freight_agreed" in trial.exceptions,
            "within_tolerance": deviates,
            "partial_delivery": trial.case.order.deliveries > 1,
            "three_way_match": True,
        }
        return next(entry["reason"] for entry in self.process["approvals"] if fits[entry["reason"]])


def read_policy(path: Path = PROCESS_FILE) -> Policy:
    """Return the policy written in a process.yaml."""
    return Policy(yaml.safe_load(path.read_text(encoding="utf-8")))


def _tax_id_invalid(trial: Trial) -> bool:
    """Different from the master data, or wrong check digits."""
    country, given = trial.case.order.vendor.country, trial.case.document.tax_id
    wrong_digits = country in trial.process["tax_id_countries"] and not is_valid(given)
    if given == trial.case.order.vendor.tax_id and not wrong_digits:
        return False
    return wrong_digits or not trial.is_excepted(NoteFact.TAX_ID_CONFIRMED)


def _tax_rate_wrong(trial: Trial) -> bool:
    plant_country = trial.process["plants"][trial.case.order.plant]["country"]
    is_domestic = trial.case.order.vendor.country == plant_country
    expected = trial.process["domestic_tax_rate_pct"][plant_country] if is_domestic else 0
    return bool(trial.case.document.tax_rate != expected)


def _arithmetic_error(trial: Trial) -> bool:
    return trial.measured.arithmetic_gap > trial.limit("tolerance") + 1e-6


def _duplicate(trial: Trial) -> bool:
    gap = trial.measured.related_gap
    if not trial.is_invoice or gap is None or gap > trial.limit("tolerance") + 1e-6:
        return False
    return not trial.is_excepted(NoteFact.REPLACES_CANCELLED)


def _possible_duplicate(trial: Trial) -> bool:
    if not trial.is_invoice or trial.case.related is None or "replaces_cancelled" in trial.exceptions:
        return False
    return not trial.is_excepted(NoteFact.REPLACES_CANCELLED)


def _unit_mismatch(trial: Trial) -> bool:
    units = trial.process["units"]
    return bool(units[trial.case.document.unit]["base"] != units[trial.case.order.unit]["base"])


def _credit_note_exceeds(trial: Trial) -> bool:
    related = trial.case.related_gross
    if trial.is_invoice or related is None:
        return False
    return trial.case.document.gross - related > trial.limit("tolerance") + 1e-6


def _no_delivery(trial: Trial) -> bool:
    if not _nothing_billable(trial) or not trial.exceeds(trial.measured.age_days, "age_days"):
        return False
    return not trial.is_excepted(NoteFact.DELIVERY_SIGNED)


def _nothing_billable(trial: Trial) -> bool:
    return trial.is_invoice and trial.measured.billable <= ROUNDING


def _quantity_over_receipt(trial: Trial) -> bool:
    value, pct = trial.measured.over_value, trial.measured.over_pct
    return trial.is_invoice and trial.exceeds(value, "above_eur") and trial.exceeds(pct, "above_pct")


def _quantity_variance(trial: Trial) -> bool:
    value, pct = trial.measured.over_value, trial.measured.over_pct
    if not trial.is_invoice or not trial.exceeds(value, "small_eur"):
        return False
    return trial.exceeds(pct, "tolerance_pct") or trial.exceeds(value, "cap_eur")


def _over_delivery(trial: Trial) -> bool:
    if not trial.is_invoice or not trial.exceeds(trial.measured.surplus_value, "small_eur"):
        return False
    return not trial.is_excepted(NoteFact.OVER_DELIVERY_AGREED, trial.measured.surplus_pct)


def _price_over_limit(trial: Trial) -> bool:
    value, pct = trial.measured.price_value, trial.measured.price_pct
    if not trial.is_invoice or not (trial.exceeds(value, "above_eur") and trial.exceeds(pct, "above_pct")):
        return False
    return not trial.is_excepted(NoteFact.PRICE_AGREED, pct)


def _price_variance(trial: Trial) -> bool:
    value, pct = trial.measured.price_value, trial.measured.price_pct
    tolerance = trial.process["price_tolerance_pct"][trial.case.order.material.group]
    if not trial.is_invoice or not trial.exceeds(value, "small_eur"):
        return False
    if not (trial.exceeds(pct, tolerance) or trial.exceeds(value, "cap_eur")):
        return False
    return not trial.is_excepted(NoteFact.PRICE_AGREED, pct)


def _price_unusually_low(trial: Trial) -> bool:
    value, pct = -trial.measured.price_value, -trial.measured.price_pct
    return trial.is_invoice and trial.exceeds(value, "below_eur") and trial.exceeds(pct, "below_pct")


def _freight_not_agreed(trial: Trial) -> bool:
    agreed, freight_eur = trial.case.order.freight, trial.case.document.freight / trial.case.fx_rate
    if not trial.is_invoice or agreed > 0 or not trial.exceeds(freight_eur, "small_eur"):
        return False
    return not trial.is_excepted(NoteFact.FREIGHT_AGREED)


def _freight_variance(trial: Trial) -> bool:
    agreed, freight = trial.case.order.freight, trial.case.document.freight
    if not trial.is_invoice or agreed <= 0:
        return False
    over_eur, over_pct = (freight - agreed) / trial.case.fx_rate, (freight / agreed - 1) * 100
    if not (trial.exceeds(over_eur, "above_eur") and trial.exceeds(over_pct, "above_pct")):
        return False
    return not trial.is_excepted(NoteFact.FREIGHT_AGREED)


def _discount_line_wrong(trial: Trial) -> bool:
    document = trial.case.document
    if not trial.is_invoice or document.discount <= 0:
        return False
    expected = trial.case.order.terms.discount_pct / 100 * document.net
    return trial.exceeds(abs(document.discount - expected) / trial.case.fx_rate, "above_eur")


def _payment_terms(trial: Trial) -> bool:
    agreed, given = trial.case.order.terms, trial.case.document.terms
    if not trial.is_invoice:
        return False
    lost = max(0.0, agreed.discount_pct - given.discount_pct) / 100 * trial.case.document.net / trial.case.fx_rate
    return trial.exceeds(agreed.net_days - given.net_days, "days") or trial.exceeds(lost, "lost_eur")


def _new_vendor(trial: Trial) -> bool:
    is_new = trial.case.vendor_status == "new"
    return trial.is_invoice and is_new and trial.exceeds(trial.measured.payable_eur, "above_eur")


def _over_authority(trial: Trial) -> bool:
    limits = trial.process["authority_eur"][trial.case.order.plant]
    group = trial.case.order.material.group
    return trial.exceeds(trial.measured.payable_eur, limits.get(group, limits["default"]))


PREDICATES: dict[str, Callable[[Trial], bool]] = {
    "vendor_blocked": lambda trial: trial.case.vendor_status == "blocked",
    "bank_details_change": lambda trial: trial.states(NoteFact.BANK_CHANGE),
    "tax_id_invalid": _tax_id_invalid,
    "currency_mismatch": lambda trial: trial.case.document.currency != trial.case.order.currency,
    "tax_rate_wrong": _tax_rate_wrong,
    "arithmetic_error": _arithmetic_error,
    "duplicate_invoice": _duplicate,
    "possible_duplicate": _possible_duplicate,
    "unit_mismatch": _unit_mismatch,
    "credit_note_unreferenced": lambda trial: not trial.is_invoice and trial.case.related is None,
    "credit_note_exceeds_invoice": _credit_note_exceeds,
    "no_delivery": _no_delivery,
    "missing_receipt": _nothing_billable,
    "quality_block": lambda trial: trial.is_invoice and trial.states(NoteFact.QUALITY_OPEN),
    "dispute": lambda trial: trial.states(NoteFact.DISPUTE),
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
