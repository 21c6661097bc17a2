"""An agent to be certified: rules decide on the figures of the systems, a learnt reader says what the note states.

It decides alone only what it is sure of. A note whose meaning would change the decision and is not known well enough, a
cell that cannot be read and a figure that is off by a lost decimal mark go to a person: handed over, never posted.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import pandas as pd

from . import acting, agents, reading
from .note_reader import NOTHING, Lesson, Meanings, NoteReader

SURE = 0.995  # chance that the note leaves the decision as it is, from which on no person needs to look
AGREED = 0.9  # the same where the words of process.yaml and the records in which they stand both say what is stated
BY_RULES = 0.999  # confidence where no note can change the decision
LOST_MARK = 7.0  # a figure so many times one that should be near has lost its decimal mark, which makes ten at least
OLDEST_DAYS = 400
AS_WRITTEN = 2  # records that an example of process.yaml counts as
FACTS = tuple(agents.PROCESS["facts"])
EXCEPTIONS = dict.fromkeys(one["id"] for rule in agents.RULES.values() for one in rule.get("exceptions", ()))
APPROVED = {agents.APPROVED_BY.get(one, one): one for one in EXCEPTIONS}  # exceptions by the reason that they give
APPROVALS = {one["reason"] for one in agents.PROCESS["approvals"]}
APPROVE, ESCALATE, REJECT = "approve", "escalate", "reject"
TAX_ID = "tax_id_invalid"
WITHOUT_FIGURES = ("currency_mismatch", "tax_rate_wrong")  # rules that decide before any figure does
BEFORE_FIGURES = {"invoice_tax_id", "master_tax_id", "currency", "po_currency", "tax_rate", "plant"}  # what they need
OF_INVOICES = {  # cells that no rule needs of a credit note
    "invoice_date", "received_quantity", "invoiced_before", "over_delivery_pct", "invoice_terms",
    "po_quantity", "po_price", "po_price_unit", "po_freight", "po_terms",
}  # fmt: skip
# Cells of the document that an answer rests on, by the rule that decides.
FIGURES = ("invoice_quantity", "invoice_price", "net_amount", "gross_amount")
RESTS_ON = {
    "tax_rate_wrong": ("tax_rate",),
    "currency_mismatch": ("currency",),
    "unit_mismatch": ("invoice_unit",),
    "payment_terms": ("invoice_terms",),
    "freight_not_agreed": ("freight_amount",),
    "freight_variance": ("freight_amount",),
    "discount_line_wrong": ("discount_amount", "net_amount"),
}


class Reread(agents.Trial):
    """A record under the written policy again, with another meaning of its note."""

    def __init__(self, facts: reading.Facts, measures: reading.Measures, stated: Set[str]) -> None:
        self.facts, self.measures, self.stated = facts, measures, stated
        self.nearest = math.inf
        self.excepted_by = set()
        self.rule = next((rule for rule in agents.RULES if agents.POLICY[rule](self)), None)

    @property
    def action(self) -> str:
        """What the written policy does."""
        return APPROVE if self.rule is None else str(agents.RULES[self.rule]["decision"])

    @property
    def outcome(self) -> str:
        """The reason of the rule that decides, or of the exception by which the record passes, or approve."""
        if self.rule is not None:
            return str(agents.RULES[self.rule]["reason"])
        return next((reason for reason, one in APPROVED.items() if one in self.excepted_by), APPROVE)


@dataclass(frozen=True, slots=True)
class Usual:
    """What figures are held against: the middle exchange rate of each currency, and how tax ids are written."""

    rates: Mapping[str, float]
    forms: Set[tuple[str, int]]

    def rate(self, facts: reading.Facts) -> float:
        """Return the usual exchange rate of a document, its own where its currency is new."""
        return self.rates.get(facts.document.currency or "", facts.fx_rate)


def certified(training: pd.DataFrame) -> Callable[[agents.Record, Any], agents.Answer]:
    """Learn from development records what notes state and what exchange rates are usual; return the agent."""
    records = training.drop(columns=["decision", "reason_code"]).to_dict("records")
    facts = [reading.read_facts(with_plain_terms(record)) for record in records]
    usual = Usual(_usual_rates(facts), frozenset(_form(one.vendor.master_tax_id) for one in facts))
    lessons = _lessons(facts, usual, list(zip(training["decision"], training["reason_code"], strict=True)))
    return Clerk(NoteReader([*_written(), *lessons], FACTS, _said), usual).decide


def _usual_rates(facts: Sequence[reading.Facts]) -> dict[str, float]:
    """Return the middle of the exchange rates of each currency."""
    met = defaultdict[str, list[float]](list)
    for one in facts:
        if one.document.currency is not None and one.fx_rate > 0:
            met[one.document.currency].append(one.fx_rate)
    return {currency: median(rates) for currency, rates in met.items()}


def _written() -> Iterator[Lesson]:
    """Yield the examples of process.yaml, of which it is known what they state, and their translations."""
    others = {said: list(one.values()) for one in agents.PROCESS["translations"] for said in one.values()}
    for name, fact in agents.PROCESS["facts"].items():
        translated = (one for said, each in others.items() if said in fact["example"] for one in each)
        for example in dict.fromkeys([fact["example"], *translated]):
            yield from [Lesson(example, frozenset({name}), 0.0)] * AS_WRITTEN
        yield from [Lesson(fact["counterexample"], frozenset({NOTHING}), 0.0)] * AS_WRITTEN


def _lessons(records: Sequence[reading.Facts], usual: Usual, labels: Sequence[tuple[str, str]]) -> Iterator[Lesson]:
    """Yield the notes of records whose figures are in order, with the meanings that their decisions bear out."""
    given = [(action, APPROVE if why in APPROVALS and why not in APPROVED else why) for action, why in labels]
    n_given, n_action = Counter(given), Counter(action for action, _ in given)
    for facts, (action, outcome) in zip(records, given, strict=True):
        measures = reading.measure(facts)
        if not facts.note or _unsure(facts, measures, usual, None):
            continue
        borne_out = {one for one in (NOTHING, *FACTS) if Reread(facts, measures, _stating(one)).outcome == outcome}
        if borne_out:
            yield Lesson(facts.note, frozenset(borne_out), n_given[action, outcome] / n_action[action] / 2)


def _said(sentence: str) -> Meanings:
    """Return what the patterns of process.yaml find in a sentence."""
    found = (one for one in FACTS if acting.SAYS[one].search(sentence) and not acting.UNLESS[one].search(sentence))
    return frozenset(found)


def _stating(meaning: str) -> Meanings:
    return frozenset() if meaning == NOTHING else frozenset({meaning})


@dataclass(frozen=True, slots=True)
class Clerk:
    """The agent: what it has learnt of notes, and what is usual."""

    reader: NoteReader
    usual: Usual

    def decide(self, record: agents.Record, tools: Any) -> agents.Answer:
        """Decide on a document by what the systems say of it, and post it, send it back or hand it over."""
        seen = acting.looked_up(record, tools)
        if seen is None:
            answer: agents.Answer = {"action": ESCALATE, "confidence": 0.5, "reason": "not_available"}
            return acting.carried_out(record, answer, math.nan, tools)
        facts = reading.read_facts(with_plain_terms(seen))
        measures = reading.measure(facts)
        answer = self.decided(seen, facts, measures)
        return acting.carried_out(record, answer, round(measures.payable_eur, 2), tools)

    def decided(self, seen: agents.Record, facts: reading.Facts, measures: reading.Measures) -> agents.Answer:
        """Return the decision of the written policy, or a person's where that rests on something unsure."""
        read = self.reader.read(facts.note) if facts.note else {frozenset[str](): 1.0}
        trials = {stated: Reread(facts, measures, stated) for stated in read}
        likeliest = max(read, key=lambda stated: read[stated], default=frozenset[str]())
        answer = agents.by_policy(with_plain_terms(seen), likeliest)
        chance = sum(read[stated] for stated, trial in trials.items() if trial.action == answer["action"])
        if likeliest and chance >= AGREED and self.reader.by_words(facts.note) == likeliest:
            chance = max(chance, SURE)
        rule = trials[likeliest].rule if likeliest in trials else None
        if rule == TAX_ID and all(Reread(_identified(facts), measures, one).action == REJECT for one in read):
            facts = _identified(facts)  # it is sent back whatever its tax id is
        unsure = _unsure(facts, measures, self.usual, rule)
        is_open = answer["action"] != ESCALATE or rule is None
        if is_open and (unsure or chance < SURE):
            answer = {"action": ESCALATE, "reason": unsure or "note_unclear"}
            chance = 0.5
        return answer | {
            "confidence": round(chance * BY_RULES, 4),
            "evidence": _evidence(seen, rule),
            "trace": [{"kind": "reasoning", "text": _told(rule, likeliest, read)}],
        }


def with_plain_terms(seen: agents.Record) -> agents.Record:
    """Return a record whose terms have a decimal point, the only mark that is read in them."""
    mark = reading.SOURCES[str(seen["source_system"])].decimal
    terms = {one: str(seen[one]).replace(mark, ".") for one in ("invoice_terms", "po_terms") if seen[one] is not None}
    return {**seen, **terms}


def _needed(facts: reading.Facts, measures: reading.Measures, rule: str | None) -> Set[str]:
    """Return the cells that could not be read although a rule that is tried needs them."""
    if rule in WITHOUT_FIGURES:
        return facts.unread & BEFORE_FIGURES
    if not facts.is_invoice:
        return facts.unread - OF_INVOICES
    return facts.unread - {"invoice_date"} if measures.billable > 0 else facts.unread


def _unsure(facts: reading.Facts, measures: reading.Measures, usual: Usual, rule: str | None) -> str | None:
    """Return why the figures are not to be decided by, None where they are in order."""
    forms = {_form(facts.vendor.master_tax_id), *usual.forms}  # a country may have one vendor only
    if _needed(facts, measures, rule) or _form(facts.vendor.invoice_tax_id) not in forms:
        return "unreadable"
    if rule in WITHOUT_FIGURES:
        return None
    pairs = [
        (facts.net, facts.net_of_lines),
        (facts.gross, (facts.net + facts.document.freight - facts.discount) * (1 + facts.tax_rate / 100)),
        (facts.fx_rate, usual.rate(facts)),
    ]
    if facts.order.base == facts.document.base:  # what is cheaper than ordered has a rule of its own
        pairs.append((max(facts.document.price, facts.order.price), facts.order.price))
    is_far = any(one > 0 and other > 0 and not 1 / LOST_MARK < one / other < LOST_MARK for one, other in pairs)
    is_much = max(facts.received, facts.invoiced_before) > LOST_MARK * facts.order.quantity
    is_undated = measures.billable <= 0 and not 0 <= facts.age_days <= OLDEST_DAYS
    return "implausible" if is_far or is_much or is_undated else None


def _identified(facts: reading.Facts) -> reading.Facts:
    """Return what a record says, had it the tax id of the master data."""
    return replace(facts, vendor=replace(facts.vendor, invoice_tax_id=facts.vendor.master_tax_id))


def _form(tax_id: str) -> tuple[str, int]:
    """Return how a tax id is written: the letters that it begins with, and how long it is."""
    return tax_id[:2] if tax_id[:2].isalpha() else "", len(tax_id)


def _evidence(seen: agents.Record, rule: str | None) -> list[dict[str, Any]]:
    """Return the cells that a decision rests on."""
    columns = RESTS_ON.get(rule or "", FIGURES)
    return [{"field": name, "value": seen[name]} for name in columns if seen[name] is not None]


def _told(rule: str | None, stated: Set[str], read: Mapping[Meanings, float]) -> str:
    """Return in words what a decision was made by."""
    note = f"the note states {', '.join(sorted(stated)) or NOTHING} (chance {read.get(frozenset(stated), 0.0):.0%})"
    return f"{'no rule holds' if rule is None else f'rule {rule}'}; {note}"
