"""Numbers and note words of a record as one row of features, and gradient-boosted trees over them.

The model knows what any clerk would compute (variances, gaps, sums in euro); it is not told the policy's limits.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import ThreadpoolController

N_WORDS = 150
MIN_NOTES_WITH_WORD = 5
STEM_LETTERS = 8
WORD = re.compile(r"[a-zäöüß]{3,}")
ORDINALS = ("active", "new", "blocked")
SETTINGS = {
    "learning_rate": 0.07,
    "max_iter": 160,
    "max_leaf_nodes": 12,
    "min_samples_leaf": 12,
    "l2_regularization": 1.0,
    "max_bins": 128,
    "random_state": 0,
}


def numbers(facts: Any, measures: Any, digits_are_right: bool, codes: Sequence[Sequence[str]]) -> list[float]:
    """Return the numeric features of a record; NaN where something could not be read."""
    sources, plants, groups = codes
    related = measures.related_gap
    return [
        float(facts.is_invoice),
        float(sources.index(facts.source)),
        float(plants.index(facts.plant)) if facts.plant else math.nan,
        float(groups.index(facts.group)) if facts.group else math.nan,
        float(ORDINALS.index(facts.vendor_status)) if facts.vendor_status in ORDINALS else math.nan,
        _same(facts.invoice_tax_id, facts.master_tax_id),
        float(digits_are_right),
        _same(facts.currency, facts.po_currency),
        _same(facts.order_base, facts.invoice_base),
        facts.tax_rate,
        _same(facts.vendor_country, "DE"),
        float(facts.has_related),
        related,
        facts.gross - facts.related_gross,
        measures.arithmetic_gap,
        facts.age_days,
        facts.over_delivery_pct,
        measures.billable,
        measures.over_pct,
        measures.over_eur,
        measures.surplus_pct,
        measures.surplus_eur,
        measures.price_pct,
        measures.price_eur,
        facts.po_freight,
        measures.freight_over_eur,
        measures.freight_over_pct,
        measures.discount_gap_eur,
        measures.days_shorter,
        measures.lost_discount_eur,
        measures.payable_eur,
        facts.deliveries,
        float(len(facts.unread)),
        float(len(facts.note)),
    ]


def _same(one: str | None, other: str | None) -> float:
    """Return 1 for the same code, 0 for another, NaN when one is missing."""
    return math.nan if not one or not other else float(one == other)


def stems(note: str) -> set[str]:
    """Return the beginnings of a note's words, and of its neighbouring words together."""
    words = [word[:STEM_LETTERS] for word in WORD.findall(note.lower())]
    return {*words, *(f"{one} {two}" for one, two in zip(words, words[1:], strict=False))}


def telling_stems(notes: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the stems whose labels differ most from those of all notes, by a chi-squared statistic."""
    noted = [(stems(note), label) for note, label in zip(notes, labels, strict=True) if note]
    shares = {label: n / len(noted) for label, n in Counter(label for _, label in noted).items()}
    counts: dict[str, Counter[str]] = {}
    for found, label in noted:
        for stem in found:
            counts.setdefault(stem, Counter())[label] += 1
    scores = {
        stem: sum((by[label] - by.total() * share) ** 2 / (by.total() * share) for label, share in shares.items())
        for stem, by in counts.items()
        if by.total() >= MIN_NOTES_WITH_WORD
    }
    return tuple(sorted(scores, key=lambda stem: (-scores[stem], stem))[:N_WORDS])


def word_row(note: str, vocabulary: Iterable[str]) -> list[float]:
    """Return 1 for each stem of the vocabulary that the note has."""
    found = stems(note) if note else set()
    return [float(stem in found) for stem in vocabulary]


def fitted(rows: np.ndarray, labels: Sequence[str]) -> Callable[[list[float]], tuple[str, float]]:
    """Return a function that gives the likeliest label of a row and its probability.

    Trees are read in one thread: starting more takes longer than one row does.
    """
    threads = ThreadpoolController()
    with threads.limit(limits=1):
        model = HistGradientBoostingClassifier(**SETTINGS).fit(rows, labels)

    def predict(row: list[float]) -> tuple[str, float]:
        with threads.limit(limits=1, user_api="openmp"):
            probabilities = model.predict_proba(np.array([row]))[0]
        best = int(np.argmax(probabilities))
        return str(model.classes_[best]), float(probabilities[best])

    return predict
