"""The life of an order line: deliveries, receipts and the vendor's documents, one case after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count

from numpy.random import Generator

from generator.billing import Slip, make_credit_note, make_invoice
from generator.deviations import Deviations, draw_deviations, draw_note_kind
from generator.draws import happens, pick_weighted
from generator.facts import Case, Document, Note, Order
from generator.notes import NO_NOTE, NoteBook
from generator.orders import draw_order, later_day, received_at, source_of
from generator.policy import Policy, Verdict
from generator.units import FACTORS, rounded_quantity
from generator.world import NEW_FOR_DAYS, World

FOLLOW_UPS = {"duplicate": 0.029, "same_reference": 0.006, "replacement": 0.006, "credit_note": 0.036}
CREDIT_FAULTS = {"": 0.84, "unreferenced": 0.09, "too_much": 0.07}
CREDIT_NOTES = {"": 0.5, "irrelevant": 0.3, "quality_settled": 0.12, "quality_block": 0.08}
ESCALATED_THEN_POSTED = 0.7
EXPLAINED = 0.8  # of replaced invoices have a note that says so
Decided = tuple[Case, Verdict]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything shared that a history draws from."""

    world: World
    policy: Policy
    notes: NoteBook
    keys: Iterator[int]
    rng: Generator


def make_cases(world: World, policy: Policy, n_cases: int, rng: Generator) -> list[Decided]:
    """Return that many decided cases in the order in which their documents were received."""
    stage = Stage(world, policy, NoteBook(), count(), rng)
    cases: list[Decided] = []
    for key in count():
        order, first_day = draw_order(key, world, rng)
        cases.extend(History(order, stage).run(first_day))
        if len(cases) >= n_cases:
            return sorted(cases[:n_cases], key=lambda decided: (decided[0].document.received_at, decided[0].key))
    raise AssertionError("count() does not end")


class History:
    """One order line while its deliveries come in; quantities are in the order unit."""

    def __init__(self, order: Order, stage: Stage) -> None:
        self.order = order
        self.stage = stage
        self.source = source_of(order)
        self.received = 0.0
        self.unbooked = 0.0
        self.invoiced = 0.0
        self.cases: list[Decided] = []

    def run(self, first_day: date) -> list[Decided]:
        """Return the decided cases of the line, the last deliveries dropped when the year ends before them."""
        day: date | None = first_day
        for delivery, quantity in enumerate(self._parts(), start=1):
            if day is None:
                break
            self._deliver(delivery, quantity, day)
            day = later_day(self.stage.world, day, 9, 32, self.stage.rng)
        return self.cases

    def _parts(self) -> list[float]:
        """Return the quantities of the planned deliveries."""
        n, total, unit = self.order.deliveries, self.order.quantity, self.order.unit
        shares = self.stage.rng.uniform(0.75, 1.25, n)
        parts = [rounded_quantity(total * share, unit) for share in shares / shares.sum()]
        return [*parts[:-1], rounded_quantity(total - sum(parts[:-1]), unit)]

    def _deliver(self, delivery: int, quantity: float, day: date) -> None:
        """Book the receipt of one delivery, take in its invoice and what may follow it."""
        rng, unit = self.stage.rng, self.order.unit
        deviations = draw_deviations(self.order, delivery == self.order.deliveries, rng)
        delivered = rounded_quantity(quantity * (1 + deviations.surplus_pct / 100), unit)
        booked = rounded_quantity(delivered * (1 - deviations.short_pct / 100), unit)
        billed = max(rounded_quantity(delivered * (1 + deviations.over_pct / 100), unit), rounded_quantity(1.0, unit))
        self.received = round(self.received + self.unbooked, 4)
        self.unbooked = booked if deviations.is_missing else 0.0
        self.received = round(self.received + booked - self.unbooked, 4)
        slip = self._slip(day, deviations.is_old)
        document = make_invoice(self.order, billed, deviations, slip, self.stage.world, rng)
        note = self._note(draw_note_kind(deviations, rng), day)
        case = self._case(document, delivery, self._receipt_date(document, deviations), note)
        verdict = self._decide(case)
        if verdict.decision == "approve":
            self._follow_up(case)

    def _slip(self, day: date, is_old: bool) -> Slip:
        """Return dates and reference of a document received on a day."""
        rng = self.stage.rng
        moment = received_at(day, self.source, rng)
        lag = int(rng.integers(0, 2)) if self.source == "EDI_HUB" else 1 + int(rng.poisson(2.2))
        return Slip(day - timedelta(days=int(rng.integers(22, 75)) if is_old else lag), moment, next(self.stage.keys))

    def _receipt_date(self, document: Document, deviations: Deviations) -> date | None:
        """Return the day the delivery was booked, None when it was not."""
        if deviations.is_missing:
            return None
        booked = document.dated + timedelta(days=int(self.stage.rng.integers(-6, 3)))
        return min(booked, document.received_at.date())

    def _note(self, kind: str | None, day: date) -> Note:
        if kind is None:
            return NO_NOTE
        order, rng = self.order, self.stage.rng
        is_german = happens(rng, 0.85 if order.vendor.writes_german and order.plant != "3010" else 0.12)
        return self.stage.notes.write(kind, is_german, day, order.plant, rng)

    def _case(self, document: Document, delivery: int, receipt_date: date | None, note: Note) -> Case:
        """Return the case of a document as the ERP sees it now."""
        day = document.received_at.date()
        return Case(
            key=next(self.stage.keys),
            order=self.order,
            document=document,
            source=self.source,
            vendor_status=self._vendor_status(day),
            fx_rate=self.stage.world.rate(document.currency, day),
            delivery=delivery,
            receipt_date=receipt_date,
            received_quantity=rounded_quantity(self.received, self.order.unit),
            invoiced_before=rounded_quantity(self.invoiced, self.order.unit),
            note=note,
        )

    def _vendor_status(self, day: date) -> str:
        vendor = self.order.vendor
        if vendor.blocked_from is not None and day >= vendor.blocked_from:
            return "blocked"
        is_new = vendor.new_from is not None and (day - vendor.new_from).days <= NEW_FOR_DAYS
        return "new" if is_new else "active"

    def _decide(self, case: Case) -> Verdict:
        """Add the case with its verdict, and post the quantity as far as the decision lets it through."""
        verdict = self.stage.policy.decide(case)
        self.cases.append((case, verdict))
        is_posted = verdict.decision == "approve" or (
            verdict.decision == "escalate" and happens(self.stage.rng, ESCALATED_THEN_POSTED)
        )
        if is_posted and case.document.kind == "invoice":
            ratio = FACTORS[case.document.unit] / FACTORS[self.order.unit]
            self.invoiced = round(self.invoiced + case.document.quantity * ratio, 4)
        return verdict

    def _follow_up(self, case: Case) -> None:
        """Let the vendor send the invoice again, reuse its number, replace it or credit a part of it."""
        rng = self.stage.rng
        careless = {kind: rate * case.order.vendor.carelessness for kind, rate in FOLLOW_UPS.items()}
        kind = pick_weighted(rng, {"": max(0.1, 1 - sum(careless.values())), **careless})
        day = later_day(self.stage.world, case.document.received_at.date(), 3, 38, rng)
        if kind == "" or day is None:
            return
        if kind == "credit_note":
            self._credit(case, day)
        else:
            self._repeat(case, kind, day)

    def _repeat(self, case: Case, kind: str, day: date) -> None:
        """Add a second document with the reference of an earlier one; none of them is posted at first."""
        document = replace(case.document, received_at=received_at(day, self.source, self.stage.rng))
        invoiced_before = rounded_quantity(self.invoiced, self.order.unit)
        match kind:
            case "same_reference":
                document = self._other_invoice(document)
                note = self._reminder(day)
            case "replacement":
                document = replace(document, dated=day - timedelta(days=int(self.stage.rng.integers(1, 4))))
                invoiced_before = case.invoiced_before
                note = self._note("replaces_cancelled" if happens(self.stage.rng, EXPLAINED) else None, day)
            case "duplicate":
                note = self._reminder(day)
            case _:
                raise ValueError(f"unknown repeat {kind!r}")
        repeated = replace(
            self._case(document, case.delivery, case.receipt_date, note),
            related=case.key,
            related_gross=case.document.gross,
            invoiced_before=invoiced_before,
        )
        self.cases.append((repeated, self.stage.policy.decide(repeated)))

    def _other_invoice(self, sent: Document) -> Document:
        """Return an invoice for a part of the order under the reference of one that was sent before."""
        rng, unit = self.stage.rng, self.order.unit
        share = rounded_quantity(self.order.quantity * float(rng.uniform(0.1, 0.5)), unit)
        slip = Slip(sent.received_at.date() - timedelta(days=2), sent.received_at, sent.reference)
        quantity = share or rounded_quantity(1.0, unit)
        return make_invoice(self.order, quantity, Deviations(), slip, self.stage.world, rng)

    def _reminder(self, day: date) -> Note:
        """Return a note on a document that came twice: a hint at it, or anything."""
        rng = self.stage.rng
        return self._note("duplicate_hint" if happens(rng, 0.3) else draw_note_kind(Deviations(), rng), day)

    def _credit(self, case: Case, day: date) -> None:
        """Add a credit note for a part of an invoice."""
        rng = self.stage.rng
        fault = pick_weighted(rng, CREDIT_FAULTS)
        whole = happens(rng, 0.1)
        share = float(rng.uniform(1.05, 1.6) if fault == "too_much" else 1.0 if whole else rng.uniform(0.03, 0.7))
        document = make_credit_note(case.document, share, self._slip(day, False))
        note = self._note(pick_weighted(rng, CREDIT_NOTES) or None, day)
        credit = self._case(document, case.delivery, case.receipt_date, note)
        if fault != "unreferenced":
            credit = replace(credit, related=case.key, related_gross=case.document.gross)
        self._decide(credit)
