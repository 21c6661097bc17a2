"""The review desk's store: items put at once, sixteen people at their pace and without a pause, the chain checked."""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from workbench.desk import AnswerKind, Card, Desk, GivenAnswer, ReviewItem, ShownField
from workbench.pilot import QueueName, ReviewSettings

N_PEOPLE, N_ITEMS, N_PUT, SEED = 16, 2_000, 10_000, 7
THINKING_S = 0.25
CARD = Card(
    title="Invoice R-104 of Stahlwerk Nord",
    assessment="The order says 100.00, the invoice 120.00.",
    actions=("pay", "hold", "ask"),
    recommended="hold",
    confidence=0.71,
    threshold=0.93,
    evidence=tuple(ShownField(f"field {n}", "x" * 30, "invoice") for n in range(12)),
    reasoning="The amounts differ by more than the tolerance.",
    rule="Differences above 5% are decided by a person.",
    trace=("read the invoice", "read the order", "compared both"),
)
APPROVE = GivenAnswer(AnswerKind.APPROVE)


def settings() -> ReviewSettings:
    """Return sixteen people of one group."""
    people = [{"id": f"p{n}", "name": f"Person {n}", "groups": ["clerks"]} for n in range(N_PEOPLE)]
    return ReviewSettings.model_validate({"people": people, "groups": [{"id": "clerks"}], "adjudicators": "clerks"})


def items(n: int) -> Iterator[ReviewItem]:
    """Yield so many items, every tenth for two people."""
    for number in range(n):
        needs = 1 + (number % 10 == 0)
        yield ReviewItem(f"i{number}", QueueName.ESCALATIONS, f"R-{number}", "clerks", CARD, needs=needs)


@contextmanager
def desk_of(n: int) -> Iterator[Desk]:
    """Give a desk with so many items; print how long they took."""
    with tempfile.TemporaryDirectory() as folder, Desk(Path(folder) / "desk.db", settings()) as desk:
        start, cpu = time.perf_counter(), time.process_time()
        desk.put(items(n))
        took, used = time.perf_counter() - start, time.process_time() - cpu
        print(f"put {n:,} items in one transaction: {took:.2f} s, {used:.2f} s of the processor")
        yield desk


def decide(desk: Desk, person: str, thinking_s: float, taken: list[tuple[float, float]]) -> None:
    """Decide until nothing waits; note the seconds of each claim and answer."""
    draw = random.Random(f"{SEED} {person}")
    while True:
        start = time.perf_counter()
        claim = desk.claim(person)
        claimed = time.perf_counter()
        if claim is None:
            return
        if thinking_s:
            time.sleep(draw.expovariate(1 / thinking_s))
        asked = time.perf_counter()
        desk.answer(person, claim.item, APPROVE, claim.shown_digest)
        taken.append((claimed - start, time.perf_counter() - asked))


def disk() -> None:
    """Print what the disk takes for one small write, the floor of every answer."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "probe").open("wb") as file:
        taken = []
        for _ in range(200):
            start = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            taken.append(1e3 * (time.perf_counter() - start))
    p50, p95 = np.percentile(taken, [50, 95])
    print(f"the disk alone: p50 {p50:.2f}   p95 {p95:.2f} ms a write; {os.getloadavg()[0]:.1f} programs at work")


def alone() -> None:
    """Let one person decide a tenth of the items; print what a tap takes where nobody else is."""
    with desk_of(N_ITEMS) as desk:
        taken, used = [], time.process_time()
        for _ in range(N_ITEMS // 10):
            start = time.perf_counter()
            claim = desk.claim("p0")
            assert claim is not None
            desk.answer("p0", claim.item, APPROVE, claim.shown_digest)
            taken.append(1e3 * (time.perf_counter() - start))
        each = 1e3 * (time.process_time() - used) / len(taken)
        p50, p95 = np.percentile(taken, [50, 95])
        print(f"one person: claim and answer p50 {p50:.2f}   p95 {p95:.2f} ms, {each:.2f} ms of the processor")


def sitting(thinking_s: float) -> None:
    """Let sixteen people decide 2,000 items; print what one tap takes: an answer, and the next item."""
    with desk_of(N_ITEMS) as desk:
        taken: list[tuple[float, float]] = []
        threads = [threading.Thread(target=decide, args=(desk, f"p{n}", thinking_s, taken)) for n in range(N_PEOPLE)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - start
        pace = f"thinking {1e3 * thinking_s:.0f} ms" if thinking_s else "without a pause"
        print(f"{N_PEOPLE} people {pace}: {len(taken):,} answers to {N_ITEMS:,} items in {took:.1f} s")
        both = np.asarray(taken) * 1e3
        for what, values in (("claim", both[:, 0]), ("answer", both[:, 1]), ("both", both.sum(axis=1))):
            p50, p95, p99 = np.percentile(values, [50, 95, 99])
            print(f"  {what:<7} p50 {p50:6.2f}   p95 {p95:6.2f}   p99 {p99:6.2f} ms")
        frame = desk.items()
        lost, double = (frame.n_answers < frame.needs).sum(), (frame.n_answers > frame.needs).sum()
        print(f"  {lost} lost, {double} double")
        start = time.perf_counter()
        desk.check()
        print(f"  chain of {desk.head()[1]:,} rows checked in {time.perf_counter() - start:.2f} s")


def main() -> None:
    """Print all of it."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    disk()
    with desk_of(N_PUT):
        pass
    alone()
    sitting(THINKING_S)
    sitting(0.0)


if __name__ == "__main__":
    main()
