"""Randomly drawn findings with notes, close to the limits of the policy they are to be decided by."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import yaml

from eval_suites.invoice_matching.facts import Findings, Share
from training.pocket.policy import APPROVE, EXCEPTIONS, GROUPS, LINE_OF, PLANTS, Case, Policy, decide

NOTES_FILE = Path(__file__).with_name("notes.yaml")
ALTERNATIVES = re.compile(r"\[([^\[\]]*)\]")
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
PEOPLE = ("Maier", "Schulz", "Novak", "Rossi", "Berger", "Lang", "Smith", "Dubois", "Arslan", "Hoffmann", "Carter")
# Kinds of note that go with a line of the facts, each kind of fact beside its near misses.
KINDS_FOR: Mapping[str, tuple[str, ...]] = {
    "tax_id": ("tax_id_confirmed", "tax_id_confirmed", "tax_id_pending"),
    "earlier": ("replaces_cancelled", "replaces_cancelled", "duplicate_hint"),
    "nothing_billable": ("delivery_signed", "delivery_announced"),
    "over_delivery": ("over_delivery_agreed", "over_delivery_agreed", "surplus_unagreed"),
    "price_above": ("price_agreed", "price_agreed", "price_oral", "price_pending"),
    "freight_not_agreed": ("freight_agreed", "freight_agreed", "freight_vendor_caused"),
    "freight_above": ("freight_agreed", "freight_vendor_caused"),
}
ANYTIME = ("bank_details_change", "bank_unchanged", "quality_block", "quality_block", "quality_settled", "dispute")
ANYTIME += ("dispute_settled", "instruction")
EXCEPTING = frozenset(fact for fact, _ in EXCEPTIONS.values())
UNKNOWN = 0.02  # share of documents without a plant, a group, an amount payable


class NoteBook:
    """The bank of phrases; writes notes of a kind."""

    def __init__(self, path: Path = NOTES_FILE) -> None:
        bank: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.phrases = {kind: (tuple(entry["de"]), tuple(entry["en"])) for kind, entry in bank.items()}
        self.facts = {kind: next(iter(entry["facts"]), None) for kind, entry in bank.items()}

    def write(self, r: Random, kind: str) -> str:
        """Return a note of a kind."""
        language = 0 if r.random() < 0.58 else 1
        text = self._sentence(r, kind, language)
        if kind != "irrelevant" and r.random() < 0.2:
            other = self._sentence(r, "irrelevant", language)
            text = r.choice((f"{text}. {other}", f"{other}; {text}", f"{other}. {text}"))
        return _untidied(r, " ".join(text.split()))

    def _sentence(self, r: Random, kind: str, language: int) -> str:
        text = ALTERNATIVES.sub(lambda match: r.choice(match[1].split("|")), r.choice(self.phrases[kind][language]))
        return re.sub(r"\{(\w+)\}", lambda match: _slot(r, match[1]), text)


def _slot(r: Random, name: str) -> str:
    number = r.randint(2, 400)
    values: Mapping[str, Callable[[], str]] = {
        "iban": lambda: f"DE{r.randint(10, 99)}9{r.randrange(10**16):017d}",
        "mail": lambda: f"{r.choice(('office', 'billing', 'rechnung', 'finance'))}@example.com",
        "person": lambda: f"{r.choice(('Hr. ', 'Fr. ', 'Mr. ', 'Ms. ', ''))}{r.choice(PEOPLE)}",
        "date": lambda: _date(r),
        "ref": lambda: f"{r.choice(('NT', 'V', 'A', 'R'))}-2025-{number:03d}",
        "slip": lambda: f"LS {r.randint(10_000, 99_999)}",
        "claim": lambda: f"Q{r.randint(1000, 9999)}",
        "lot": lambda: f"C{r.randint(1000, 99_999)}",
        "week": lambda: str(r.randint(1, 52)),
        "gate": lambda: str(r.randint(1, 12)),
        "plant": lambda: r.choice(PLANTS),
        "carrier": lambda: r.choice(("Nordlog", "Trans Süd", "Kuhn Cargo", "Blue Freight")),
    }
    return values[name]() if name in values else str(number)


def _date(r: Random) -> str:
    day, month = r.randint(1, 28), r.randint(1, 12)
    return r.choice((f"{day:02d}.{month:02d}.", f"{day:02d}.{month:02d}.25", f"{month}/{day}", f"{day}.{month}."))


def _untidied(r: Random, text: str) -> str:
    way = r.random()
    if way < 0.1:
        text = text.lower()
    elif way < 0.2:
        text = text.translate(UMLAUTS)
    elif way < 0.26:
        text = text.rstrip(".") + " !"
    return (
        f"{text} /{r.choice(PEOPLE)[:2].upper()} {r.randint(1, 28)}.{r.randint(1, 12)}." if r.random() < 0.1 else text
    )


class Drawer:
    """Draws cases for one policy: values lie near its limits as often as anywhere."""

    def __init__(self, r: Random, policy: Policy, notes: NoteBook) -> None:
        self._r, self._policy, self._notes = r, policy, notes
        self._limits = {rule.id: rule.limits for rule in policy.rules}
        self._stated = {LINE_OF[rule.id] for rule in policy.rules}

    def case(self, n_lines: int, note_share: float) -> Case:
        """Return a case with about `n_lines` lines that differ."""
        r = self._r
        found = Findings(
            is_invoice=n_lines > 4 or r.random() < 0.93,
            deliveries=r.choice((1, 1, 1, 2, 3, 4, 5)),
            plant=None if r.random() < UNKNOWN else r.choice(PLANTS),
            group=None if r.random() < UNKNOWN else r.choice(GROUPS),
        )
        if r.random() >= UNKNOWN:
            found = replace(found, payable=self._payable(found, n_lines > 2))
        names = list(INVOICE_LINES if found.is_invoice else CREDIT_LINES)
        names.sort(key=lambda name: r.random() ** RARITY.get(name, 1.0), reverse=True)
        names.sort(key=lambda name: name not in self._stated and r.random() < 0.8)
        chosen = names[:n_lines]
        found = self._with_lines(found, chosen)
        if r.random() < 0.04:
            found = replace(found, n_unread=r.choice((1, 1, 2, 3)))
        if r.random() >= (max(note_share, 0.7) if any(name in KINDS_FOR for name in chosen) else note_share):
            return Case(found)
        kind = self._kind(chosen)
        case = Case(replace(found, note=self._notes.write(r, kind)), self._notes.facts[kind])
        if case.fact in EXCEPTING and r.random() < 0.6:
            case = self._excepted(case, chosen)
        return case

    def _with_lines(self, found: Findings, chosen: Sequence[str]) -> Findings:
        """Return findings whose chosen lines differ, by values newly drawn."""
        for name in chosen:
            found = replace(found, **{name: DRAWN[name](self, found)})
        if found.price_above is not None and found.price_below is not None:
            found = replace(found, price_below=None)
        return found

    def _excepted(self, case: Case, chosen: Sequence[str]) -> Case:
        """Return the case with values drawn anew until a rule would hold but for the note, a few times at most."""
        for _ in range(6):
            actions = [decide(self._policy, one).action for one in (case, replace(case, fact=None))]
            if actions[0] == APPROVE != actions[1]:
                break
            case = replace(case, found=self._with_lines(case.found, chosen))
        return case

    def _kind(self, chosen: Sequence[str]) -> str:
        r = self._r
        fitting = [kind for name in chosen for kind in KINDS_FOR.get(name, ())]
        if fitting and r.random() < 0.7:
            return r.choice(fitting)
        return r.choice((*ANYTIME, *fitting)) if r.random() < 0.6 else "irrelevant"

    def near(self, names: Sequence[tuple[str, str]], median: float, decimals: int, extra: float | None = None) -> float:
        """Return a positive value: near a limit of the policy, or anywhere around the median."""
        r = self._r
        limits = [self._limits[rule][name] for rule, name in names if name in self._limits.get(rule, {})]
        limits += [] if extra is None else 3 * [extra]
        if limits and r.random() < 0.6:
            value = r.choice(limits) * math.exp(r.gauss(0, 0.4))
        else:
            value = median * math.exp(r.gauss(0, r.choice((1.0, 1.5))))
        return _written(value, decimals)

    def share(self, rules: Sequence[str], percent: float, euro: float, extra: float | None = None) -> Share:
        """Return a percentage and an amount near the limits of rules."""
        highest = self._limits.get(rules[0], {})
        if "eur" in highest and self._r.random() < 0.3:
            return self._around(highest["pct"], 1), self._around(highest["eur"], 0)
        percents = [(rule, name) for rule in rules for name in ("pct", "up_to")] + 2 * [(rules[-1], "pct")]
        first = self.near(percents, percent, 1, extra)
        amounts = [(rule, name) for rule in rules for name in ("eur", "small", "cap")]
        return first, self.near(amounts, euro, 0)

    def _around(self, limit: float, decimals: int) -> float:
        """Return a value above a limit more often than below, close to it more often than far."""
        sign = self._r.choice((1, 1, -1))
        return _written(limit * math.exp(sign * (abs(self._r.gauss(0, 0.8)) + 0.03)), decimals)

    def tolerance(self, found: Findings) -> float | None:
        """Return the policy's tolerance for a document's group, None where no rule looks it up."""
        if "pct" in self._limits.get("price_variance", {"pct": None}):
            return None
        return self._policy.tolerances.get(found.group or "", self._policy.tolerances.get(""))

    def choice(self, *values: Any) -> Any:
        """Return one of the values."""
        return self._r.choice(values)

    def _payable(self, found: Findings, is_practice: bool) -> float:
        table = self._policy.authority.get(found.plant or "", {})
        limit = table.get(found.group or "", table.get("")) if "over_authority" in self._limits else None
        if not is_practice and self._r.random() < 0.7:
            return round(2.0 * math.exp(self._r.gauss(0, 1.6)), 1)
        return self.near((("over_authority", "keur"), ("new_vendor", "keur")), 5.0, 1, limit)


def _written(value: float, decimals: int) -> float:
    """Return a value as the facts write it: percentages above 0, above 999 as 999+."""
    return min(2000.0, max(0.1 if decimals else 0.0, round(value, decimals if value < 99.95 else 0)))


_QUANTITY, _PRICE = ("quantity_over_receipt", "quantity_variance"), ("price_over_limit", "price_variance")
DRAWN: Mapping[str, Callable[[Drawer, Findings], Any]] = {
    "vendor_status": lambda d, found: d.choice("new", "new", "blocked"),
    "tax_id": lambda d, found: d.choice("differs", "differs", "digits"),
    "currency_differs": lambda d, found: True,
    "tax_rate": lambda d, found: d.choice((0, 19), (19, 0), (7, 19), (19, 23), (23, 0), (0, 23), (20, 19), (7, 0)),
    "sums_differ": lambda d, found: True,
    "earlier": lambda d, found: d.choice("same", "other"),
    "units_differ": lambda d, found: True,
    "credited": lambda d, found: d.choice("none", "exceeded"),
    "nothing_billable": lambda d, found: round(d.near((("no_delivery", "days"),), 12, 0)),
    "over_quantity": lambda d, found: d.share(_QUANTITY, 4, 150),
    "over_delivery": lambda d, found: d.share(("over_delivery",), 6, 60),
    "price_above": lambda d, found: d.share(_PRICE, 3, 100, d.tolerance(found)),
    "price_below": lambda d, found: d.share(("price_unusually_low",), 5, 80),
    "freight_not_agreed": lambda d, found: d.near((("freight_not_agreed", "eur"),), 30, 0),
    "freight_above": lambda d, found: d.share(("freight_variance",), 12, 30),
    "discount_line": lambda d, found: d.near((("discount_line_wrong", "eur"),), 10, 0),
    "days_shorter": lambda d, found: round(d.near((("payment_terms", "days"),), 8, 0)),
    "discount_lost": lambda d, found: d.near((("payment_terms", "eur"),), 25, 0),
}
# Lines that differ or do not are soon learnt and drawn less often; lines that two rules set limits for, more often.
RARITY: Mapping[str, float] = dict.fromkeys(
    ("tax_id", "currency_differs", "tax_rate", "sums_differ", "units_differ", "credited", "earlier"), 4.0
) | {"price_above": 0.5, "over_quantity": 0.5}
CREDIT_LINES = ("vendor_status", "tax_id", "currency_differs", "tax_rate", "sums_differ", "units_differ", "credited")
INVOICE_LINES = tuple(name for name in DRAWN if name != "credited")
