"""Invented tables of four kinds that public data sets have, seeded; a reader knows what is true of each."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

INTENTS = {
    "card_lost": ("my card is gone", "i lost my {} card", "somebody took my {} card"),
    "balance": ("what is my balance", "how much is on the {} account", "show me the {} balance"),
    "transfer": ("send money to {}", "i want to pay {}", "transfer the rent to {}"),
    "exchange": ("what is the rate for {}", "change money into {}", "how many {} do i get"),
    "limit": ("raise the limit of my {} card", "what is my {} limit", "lower my limit on {} payments"),
}
OUT_OF_SCOPE = ("how tall is {}", "play some {}", "tell me a joke about {}", "who won the {} match", "cook {} for me")
THINGS = ("blue", "old", "new", "home", "spanish", "travel", "green", "family", "work", "summer", "second", "paper")
OPENINGS = ("", "hi, ", "please ", "hello there, ", "quick question: ", "sorry, ", "good morning, ", "well, ")
ENDINGS = ("", " please", " thanks", " today", " right now", " if you can", " as soon as possible", " for me")


def intents(path: Path, n: int = 900, seed: int = 1) -> Path:
    """Write questions to a bank: five intents, and out_of_scope for a quarter; 3 of 100 labels are drawn anew."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([*INTENTS, "out_of_scope"], n, p=[0.15] * 5 + [0.25])
    rows, seen = [], set()
    while len(rows) < n:
        label = str(labels[len(rows)])
        frame = str(rng.choice(INTENTS.get(label, OUT_OF_SCOPE)))
        thing = f"{rng.choice(THINGS)} {rng.choice(THINGS)}"
        text = f"{rng.choice(OPENINGS)}{frame.format(thing)}{rng.choice(ENDINGS)}"
        if text not in seen:
            seen.add(text)
            rows.append((text, str(rng.choice([*INTENTS, "out_of_scope"])) if rng.random() < 0.03 else label))
    return _written(path, ("text", "intent"), rows)


def churn(path: Path, n: int = 1_200, seed: int = 2) -> Path:
    """Write customers of a telephone company who stay or leave by chance, new ones twice as often.

    Whether somebody leaves is an outcome: no label is wrong, and equal customers differ. The columns take few values,
    so many inputs are identical.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        months = int(rng.integers(1, 30))
        contract = str(rng.choice(["monthly", "one year", "two years"], p=[0.5, 0.3, 0.2]))
        charge = float(rng.choice([20.0, 25.0, 45.0, 70.0, 90.0]))
        chance = {"monthly": 0.12, "one year": 0.02, "two years": 0.01}[contract] * (2 if months < 6 else 1)
        rows.append((f"C{number:05}", months, contract, f"{charge:.2f}", "yes" if rng.random() < chance else "no"))
    return _written(path, ("customer", "months", "contract", "charge", "churned"), rows)


def loans(path: Path, n: int = 1_500, seed: int = 3) -> Path:
    """Write applications for loans: income, amount and credit history decide; a fifth of the histories is empty."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    for number in range(n):
        income, amount = round(float(rng.lognormal(8.3, 0.5)), 2), round(float(rng.lognormal(9.5, 0.6)), 2)
        history, term = int(rng.random() < 0.85), int(rng.choice([12, 24, 36, 60]))
        is_good = history and amount < 8 * income
        rows.append(
            (
                f"L{number:04}",
                f"{income:.2f}",
                f"{amount:,.2f}",
                "" if rng.random() < 0.2 else history,
                "" if rng.random() < 0.03 else term,
                "approve" if is_good != (rng.random() < 0.05) else "reject",
            )
        )
    return _written(path, ("loan", "income", "amount", "credit_history", "term", "decision"), rows)


def reviews(path: Path, n: int = 900, seed: int = 4) -> Path:
    """Write reviews whose rating decides whether they recommend: 1 and 2 do not, and those are 7 in 100."""
    rng = np.random.default_rng(seed)
    good = ("works well", "love the colour", "fits just right", "my sister wants one too", "worth the money")
    bad = ("broke at once", "far too small", "the colour faded", "never came", "not worth the money")
    rows = []
    for number in range(n):
        rating = int(rng.choice([1, 2, 3, 4, 5], p=[0.03, 0.04, 0.08, 0.25, 0.60]))
        kinds = (good, bad) if rating > 2 else (bad, good)
        said = [str(rng.choice(kinds[int(rng.random() < 0.35)])) for _ in range(3)]
        text = (
            f"{', '.join(said)}; bought on day {rng.integers(1, 700)} for my {rng.choice(THINGS)} {rng.choice(THINGS)}"
        )
        rows.append((f"R{number:04}", rating, text, "0" if rating <= 2 else "1"))
    return _written(path, ("review", "rating", "text", "recommends"), rows)


def _written(path: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return path
