"""Randomly drawn matching policies, and what they decide: the world in which the pocket model learns to read.

A policy is a list of rules in the order in which they are tried. Which rules it has, their order, their actions and
their limits are drawn, so that the only way to decide right is to read the policy. Rules and their reasons are those of
`eval_suites/invoice_matching/process.yaml`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from eval_suites.invoice_matching.facts import Findings, Share

REJECT, ESCALATE, APPROVE = "reject", "escalate", "approve"
GROUPS = (
    "fasteners", "sheet_steel", "castings", "bearings", "electronics", "cables", "plastics", "seals", "packaging",
    "lubricants",
)  # fmt: skip
PLANTS = ("1010", "1020", "1030", "2010", "3010")
# The usual action of each rule, in the usual order.
USUAL: Mapping[str, str] = {
    "vendor_blocked": ESCALATE,
    "bank_details_change": ESCALATE,
    "tax_id_invalid": REJECT,
    "currency_mismatch": REJECT,
    "tax_rate_wrong": REJECT,
    "arithmetic_error": REJECT,
    "duplicate_invoice": REJECT,
    "possible_duplicate": ESCALATE,
    "unit_mismatch": ESCALATE,
    "credit_note_unreferenced": ESCALATE,
    "credit_note_exceeds_invoice": REJECT,
    "no_delivery": REJECT,
    "missing_receipt": ESCALATE,
    "quality_block": ESCALATE,
    "dispute": ESCALATE,
    "quantity_over_receipt": REJECT,
    "quantity_variance": ESCALATE,
    "over_delivery": ESCALATE,
    "price_over_limit": REJECT,
    "price_variance": ESCALATE,
    "price_unusually_low": ESCALATE,
    "freight_not_agreed": REJECT,
    "freight_variance": ESCALATE,
    "discount_line_wrong": REJECT,
    "payment_terms": ESCALATE,
    "new_vendor": ESCALATE,
    "over_authority": ESCALATE,
}
# Reasons of an approval, the first that fits; the middle ones name the exception that was used.
APPROVALS = (
    "credit_note_match", "replacement_invoice", "tax_id_confirmed", "price_agreed", "over_delivery_agreed",
    "freight_agreed", "within_tolerance", "partial_delivery", "three_way_match",
)  # fmt: skip
REASONS = (*USUAL, *APPROVALS)
# The fact of a note that lets a document pass a rule, and the reason of the approval that follows.
EXCEPTIONS: Mapping[str, tuple[str, str | None]] = {
    "tax_id_invalid": ("tax_id_confirmed", "tax_id_confirmed"),
    "duplicate_invoice": ("replaces_cancelled", "replacement_invoice"),
    "possible_duplicate": ("replaces_cancelled", "replacement_invoice"),
    "no_delivery": ("delivery_signed", None),
    "over_delivery": ("over_delivery_agreed", "over_delivery_agreed"),
    "price_over_limit": ("price_agreed", "price_agreed"),
    "price_variance": ("price_agreed", "price_agreed"),
    "freight_not_agreed": ("freight_agreed", "freight_agreed"),
    "freight_variance": ("freight_agreed", "freight_agreed"),
}
# The line of the facts that each rule looks at.
LINE_OF: Mapping[str, str] = {
    "vendor_blocked": "vendor_status",
    "bank_details_change": "note",
    "tax_id_invalid": "tax_id",
    "currency_mismatch": "currency_differs",
    "tax_rate_wrong": "tax_rate",
    "arithmetic_error": "sums_differ",
    "duplicate_invoice": "earlier",
    "possible_duplicate": "earlier",
    "unit_mismatch": "units_differ",
    "credit_note_unreferenced": "credited",
    "credit_note_exceeds_invoice": "credited",
    "no_delivery": "nothing_billable",
    "missing_receipt": "nothing_billable",
    "quality_block": "note",
    "dispute": "note",
    "quantity_over_receipt": "over_quantity",
    "quantity_variance": "over_quantity",
    "over_delivery": "over_delivery",
    "price_over_limit": "price_above",
    "price_variance": "price_above",
    "price_unusually_low": "price_below",
    "freight_not_agreed": "freight_not_agreed",
    "freight_variance": "freight_above",
    "discount_line_wrong": "discount_line",
    "payment_terms": "days_shorter",
    "new_vendor": "vendor_status",
    "over_authority": "payable",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `limits` by name (a limit that is not there is not part of the rule)."""

    id: str
    action: str
    limits: Mapping[str, float] = field(default_factory=dict)
    has_exception: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in the order in which they are tried, and the two tables some of them look things up in.

    `tolerances` is percent by group, `authority` thousand euro by plant and group; "" stands for all others.
    """

    rules: tuple[Rule, ...]
    tolerances: Mapping[str, float]
    authority: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Case:
    """Findings, and the fact that their note states in the policy's sense (None for nothing that counts)."""

    found: Findings
    fact: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy decides; `line_actions` says per line of the facts what that line alone calls for.

    "ok" when the rules on the line are kept, "unstated" when the policy has none, else an action.
    """

    action: str
    reason: str
    line_actions: Mapping[str, str]


def decide(policy: Policy, case: Case) -> Verdict:
    """Return the decision of the first rule that holds, or the approval."""
    used: list[str] = []
    lines: dict[str, str] = {}
    first: Rule | None = None
    for rule in policy.rules:
        for line in _lines_of(rule):
            lines.setdefault(line, "ok")
        line = _holding_line(rule, policy, case, used)
        if line is None:
            continue
        if lines[line] == "ok":
            lines[line] = rule.action
        first = first or rule
    if first is not None:
        return Verdict(first.action, first.id, lines)
    return Verdict(APPROVE, _approval(case.found, used), lines)


def _lines_of(rule: Rule) -> tuple[str, ...]:
    return ("days_shorter", "discount_lost") if rule.id == "payment_terms" else (LINE_OF[rule.id],)


def _holding_line(rule: Rule, policy: Policy, case: Case, used: list[str]) -> str | None:
    """Return the line on which a rule holds, None when it does not."""
    line = next((name for name in _lines_of(rule) if HOLDS[rule.id](rule.limits, policy, case, name)), None)
    if line is None or not _is_excepted(rule, case):
        return line
    reason = EXCEPTIONS[rule.id][1]
    if reason is not None:
        used.append(reason)
    return None


def _is_excepted(rule: Rule, case: Case) -> bool:
    if not rule.has_exception or case.fact != EXCEPTIONS[rule.id][0]:
        return False
    if rule.id == "tax_id_invalid" and case.found.tax_id == "digits":
        return False
    share = case.found.over_delivery if rule.id == "over_delivery" else case.found.price_above
    return "up_to" not in rule.limits or share is None or share[0] <= rule.limits["up_to"]


def _approval(found: Findings, used: list[str]) -> str:
    may_deviate = (found.price_above, found.over_quantity, found.freight_above, found.freight_not_agreed)
    fits = {
        "credit_note_match": not found.is_invoice,
        "within_tolerance": any(value is not None for value in may_deviate),
        "partial_delivery": found.deliveries > 1,
        "three_way_match": True,
    }
    return next(reason for reason in APPROVALS if reason in used or fits.get(reason, False))


Limits = Mapping[str, float]
Holds = Callable[[Limits, Policy, Case, str], bool]


def _both(share: Share | None, limits: Limits) -> bool:
    """Above the percentage and, where the rule has one, above the amount."""
    return share is not None and share[0] > limits["pct"] and share[1] > limits.get("eur", -1.0)


def _beyond(share: Share | None, tolerance: float, limits: Limits) -> bool:
    """Worth more than the small amount, and above the tolerance or the cap."""
    if share is None or share[1] <= limits.get("small", -1.0):
        return False
    return share[0] > tolerance or share[1] > limits.get("cap", math.inf)


def _price(limits: Limits, policy: Policy, case: Case, line: str) -> bool:
    others = policy.tolerances.get("", math.inf)
    tolerance = limits.get("pct", policy.tolerances.get(case.found.group or "", others))
    return _beyond(case.found.price_above, tolerance, limits)


def _authority(limits: Limits, policy: Policy, case: Case, line: str) -> bool:
    found = case.found
    table = policy.authority.get(found.plant or "", policy.authority.get("", {}))
    limit = limits.get("keur", table.get(found.group or "", table.get("", math.inf)))
    return found.payable is not None and found.payable > limit


def _terms(limits: Limits, policy: Policy, case: Case, line: str) -> bool:
    if line == "days_shorter":
        return (case.found.days_shorter or 0) > limits["days"]
    return "eur" in limits and (case.found.discount_lost or 0) > limits["eur"]


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


HOLDS: Mapping[str, Holds] = {
    "vendor_blocked": lambda limits, policy, case, line: case.found.vendor_status == "blocked",
    "bank_details_change": lambda limits, policy, case, line: case.fact == "bank_details_change",
    "tax_id_invalid": lambda limits, policy, case, line: case.found.tax_id is not None,
    "currency_mismatch": lambda limits, policy, case, line: case.found.currency_differs,
    "tax_rate_wrong": lambda limits, policy, case, line: case.found.tax_rate is not None,
    "arithmetic_error": lambda limits, policy, case, line: case.found.sums_differ,
    "duplicate_invoice": lambda limits, policy, case, line: case.found.earlier == "same",
    "possible_duplicate": lambda limits, policy, case, line: case.found.earlier == "other",
    "unit_mismatch": lambda limits, policy, case, line: case.found.units_differ,
    "credit_note_unreferenced": lambda limits, policy, case, line: case.found.credited == "none",
    "credit_note_exceeds_invoice": lambda limits, policy, case, line: case.found.credited == "exceeded",
    "no_delivery": lambda limits, policy, case, line: _above(case.found.nothing_billable, limits["days"]),
    "missing_receipt": lambda limits, policy, case, line: case.found.nothing_billable is not None,
    "quality_block": lambda limits, policy, case, line: case.found.is_invoice and case.fact == "quality_block",
    "dispute": lambda limits, policy, case, line: case.fact == "dispute",
    "quantity_over_receipt": lambda limits, policy, case, line: _both(case.found.over_quantity, limits),
    "quantity_variance": lambda limits, policy, case, line: _beyond(case.found.over_quantity, limits["pct"], limits),
    "over_delivery": lambda limits, policy, case, line: _beyond(case.found.over_delivery, -1.0, limits),
    "price_over_limit": lambda limits, policy, case, line: _both(case.found.price_above, limits),
    "price_variance": _price,
    "price_unusually_low": lambda limits, policy, case, line: _both(case.found.price_below, limits),
    "freight_not_agreed": lambda limits, policy, case, line: _above(case.found.freight_not_agreed, limits["eur"]),
    "freight_variance": lambda limits, policy, case, line: _both(case.found.freight_above, limits),
    "discount_line_wrong": lambda limits, policy, case, line: _above(case.found.discount_line, limits["eur"]),
    "payment_terms": _terms,
    "new_vendor": lambda limits, policy, case, line: (
        case.found.vendor_status == "new" and _above(case.found.payable, limits.get("keur", -1.0))
    ),
    "over_authority": _authority,
}

# Per line of the facts and per number on it, the limits it is held against: of the rule with the higher limits, of the
# other rule, and the amount that rule needs at least or the percentage up to which its exception goes; each as
# (rule, limit).
Slot = tuple[str, str] | None
SLOTS: Mapping[str, tuple[tuple[Slot, Slot, Slot], ...]] = {
    "payable": ((None, ("over_authority", "keur"), None),),
    "vendor_status": ((None, ("new_vendor", "keur"), None),),
    "nothing_billable": ((None, ("no_delivery", "days"), None),),
    "over_quantity": (
        (("quantity_over_receipt", "pct"), ("quantity_variance", "pct"), None),
        (("quantity_over_receipt", "eur"), ("quantity_variance", "cap"), ("quantity_variance", "small")),
    ),
    "over_delivery": ((None, ("over_delivery", "small"), None), (None, None, ("over_delivery", "up_to"))),
    "price_above": (
        (("price_over_limit", "pct"), ("price_variance", "pct"), ("price_variance", "up_to")),
        (("price_over_limit", "eur"), ("price_variance", "cap"), ("price_variance", "small")),
    ),
    "price_below": ((None, ("price_unusually_low", "pct"), None), (None, ("price_unusually_low", "eur"), None)),
    "freight_not_agreed": ((None, ("freight_not_agreed", "eur"), None),),
    "freight_above": ((None, ("freight_variance", "pct"), None), (None, ("freight_variance", "eur"), None)),
    "discount_line": ((None, ("discount_line_wrong", "eur"), None),),
    "days_shorter": ((None, ("payment_terms", "days"), None),),
    "discount_lost": ((None, ("payment_terms", "eur"), None),),
}


def limited_numbers(policy: Policy, found: Findings, line: str) -> tuple[tuple[float, tuple[float | None, ...]], ...]:
    """Return the numbers of a line, each with the limits it is held against; None for one the policy does not have."""
    rules = {rule.id: rule for rule in policy.rules}

    def limit(slot: Slot) -> float | None:
        return None if slot is None or slot[0] not in rules else _stated_limit(rules[slot[0]], slot[1], policy, found)

    return tuple(
        (value, tuple(limit(slot) for slot in slots))
        for value, slots in zip(_numbers(found, line), SLOTS.get(line, ()), strict=False)
    )


def _stated_limit(rule: Rule, name: str, policy: Policy, found: Findings) -> float | None:
    """Return a limit of a rule, looked up in the policy's tables where the rule refers to them."""
    if name in rule.limits:
        return rule.limits[name]
    if (rule.id, name) == ("price_variance", "pct"):
        return policy.tolerances.get(found.group or "", policy.tolerances.get(""))
    if (rule.id, name) == ("over_authority", "keur"):
        table = policy.authority.get(found.plant or "", {})
        return table.get(found.group or "", table.get(""))
    return None


def _numbers(found: Findings, line: str) -> tuple[float, ...]:
    """Return the numbers of a line that may have limits, in the order in which they are written."""
    if line == "vendor_status":
        return () if found.payable is None or found.vendor_status != "new" else (found.payable,)
    value = getattr(found, line, None)
    if value is None or isinstance(value, bool | str):
        return ()
    if not isinstance(value, tuple):
        return (value,)
    return (value[1], value[0]) if line == "over_delivery" else value


# Typical limits of each rule: name -> (median, must the rule have it). Drawn around the median, see `_limit`.
LIMITS: Mapping[str, Mapping[str, tuple[float, bool]]] = {
    "no_delivery": {"days": (30, True)},
    "quantity_over_receipt": {"pct": (9, True), "eur": (200, False)},
    "quantity_variance": {"pct": (2.5, True), "small": (25, False), "cap": (400, False)},
    "over_delivery": {"small": (30, False), "up_to": (20, False)},
    "price_over_limit": {"pct": (9, True), "eur": (200, False), "up_to": (15, False)},
    "price_variance": {"pct": (2.5, False), "small": (25, False), "cap": (350, False), "up_to": (15, False)},
    "price_unusually_low": {"pct": (14, True), "eur": (100, False)},
    "freight_not_agreed": {"eur": (18, True)},
    "freight_variance": {"pct": (10, True), "eur": (20, False)},
    "discount_line_wrong": {"eur": (6, True)},
    "payment_terms": {"days": (5, True), "eur": (25, False)},
    "new_vendor": {"keur": (2.5, False)},
    "over_authority": {"keur": (20, False)},
}
PERCENTS = (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25)
EUROS = (5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 750)
KEUROS = (1, 1.5, 2, 2.5, 3, 5, 8, 10, 12, 15, 20, 25, 30, 35, 40, 50, 60, 80)


def draw_simple_policy(r: Random, n_rules: int) -> Policy:
    """Return a policy of rules with one limit each, most of them with one: practice in comparing two numbers."""
    by_line = {LINE_OF[rule]: rule for rule in r.sample(list(LIMITS), len(LIMITS))}  # one rule on each line
    limited = r.sample(
        list(by_line.values()), min(len(by_line), 1 + sum(r.random() < 0.75 for _ in range(n_rules - 1)))
    )
    others = r.sample([rule for rule in USUAL if rule not in LIMITS], n_rules - len(limited))
    rules = [_draw_rule(r, rule, is_simple=True) for rule in r.sample([*limited, *others], n_rules)]
    return Policy(tuple(rules), _draw_tolerances(r), _draw_authority(r))


def draw_policy(r: Random, share: float = 1.0, n_rules: int | None = None) -> Policy:
    """Return a policy that has about a share of all rules, or exactly `n_rules` of them."""
    if n_rules is None:
        kept = [rule for rule in USUAL if r.random() < share]
    else:
        chosen = _rules_by_line(r, n_rules)
        kept = [rule for rule in USUAL if rule in chosen]
    if r.random() < 0.15:
        r.shuffle(kept)
    return Policy(tuple(_draw_rule(r, rule) for rule in kept), _draw_tolerances(r), _draw_authority(r))


def _rules_by_line(r: Random, n_rules: int) -> set[str]:
    """Return rules drawn line by line, mostly those with limits and mostly all rules that look at the same line."""
    lines = sorted(set(LINE_OF.values()))
    limited = {LINE_OF[rule] for rule in LIMITS}
    order = sorted(lines, key=lambda line: r.random() ** (1.0 if line in limited else 3.0), reverse=True)
    chosen: list[str] = []
    for line in order:
        rules = [rule for rule in USUAL if LINE_OF[rule] == line]
        chosen += rules if r.random() < 0.7 else [r.choice(rules)]
    return set(chosen[:n_rules])


def _draw_rule(r: Random, rule: str, *, is_simple: bool = False) -> Rule:
    usual = USUAL[rule]
    action = usual if r.random() < 0.7 else (ESCALATE if usual == REJECT else REJECT)
    if is_simple:
        first = next(iter(LIMITS.get(rule, {}).items()), None)
        return Rule(rule, action, {} if first is None else {first[0]: _limit(r, first[0], first[1][0])})
    has_exception = rule in EXCEPTIONS and r.random() < 0.7
    limits = {
        name: _limit(r, name, median)
        for name, (median, is_needed) in LIMITS.get(rule, {}).items()
        if (is_needed or r.random() < 0.55) and (name != "up_to" or has_exception)
    }
    return Rule(rule, action, limits, has_exception)


def _limit(r: Random, name: str, median: float) -> float:
    """Return a limit: half the time one that people like, else any."""
    liked = {"pct": PERCENTS, "up_to": PERCENTS, "keur": KEUROS, "days": (1, 2, 3, 5, 7, 10, 14, 20, 30, 45, 60)}
    if r.random() < 0.6:
        near = [value for value in liked.get(name, EUROS) if median / 5 <= value <= median * 5]
        return float(r.choice(near))
    value = median * math.exp(r.gauss(0, 0.8))
    if name in ("pct", "up_to"):
        return min(60.0, max(0.3, round(value, 1)))
    if name == "keur":
        return min(99.0, max(0.5, round(value, 1)))
    return float(min(950, max(1, round(value))))


def _draw_tolerances(r: Random) -> dict[str, float]:
    """Return a table of tolerances: some groups, often all, and the rest."""
    listed = r.sample(GROUPS, r.choice((2, 4, 6, 9, 10, 10, 10)))
    table = {group: _limit(r, "pct", 2.2) for group in listed}
    return table if len(listed) == len(GROUPS) else {**table, "": _limit(r, "pct", 2.5)}


def _draw_authority(r: Random) -> dict[str, dict[str, float]]:
    """Return a table of authority: every plant with its limit, and groups that differ."""
    table = {}
    for plant in PLANTS:
        groups = r.sample(GROUPS, r.choice((0, 1, 1, 2, 3)))
        table[plant] = {"": _limit(r, "keur", 20)} | {group: _limit(r, "keur", 20) for group in groups}
    return table
