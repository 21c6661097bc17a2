"""Gradient-boosted trees over a record's numbers and what a linear model reads from its note.

The trees know what any clerk would compute (variances, gaps, sums in euro); they are not told the policy's limits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import ThreadpoolController

# One thread does everything here: for one row, or a few thousand, starting more takes longer than the work.
THREADS = ThreadpoolController()
WORD = re.compile(r"[a-zäöüß]{3,}")
STEM_LETTERS = 7
N_FOLDS = 5
STATUSES = ("active", "new", "blocked")
# What a note can say, by the reasons it leads to; notes of every other reason count as saying nothing.
SAYS = {
    "bank_details_change": "stop",
    "dispute": "stop",
    "quality_block": "stop",
    "freight_agreed": "freight",
    "over_delivery_agreed": "surplus",
    "price_agreed": "price",
    "replacement_invoice": "replacement",
    "tax_id_confirmed": "tax_id",
}
MEANINGS = tuple(dict.fromkeys(SAYS.values()))
NOTHING = "nothing"
SETTINGS = {
    "learning_rate": 0.1,
    "max_iter": 60,
    "max_leaf_nodes": 16,
    "min_samples_leaf": 4,
    "l2_regularization": 0.3,
    "max_bins": 255,
    "random_state": 0,
}


def numbers(facts: Any, measures: Any, digits_are_right: bool, process: Mapping[str, Any]) -> list[float]:
    """Return the numeric features of a record; NaN where something could not be read."""
    plants, groups = list(process["plants"]), list(process["price_tolerance_pct"])
    return [
        float(facts.is_invoice),
        float(plants.index(facts.plant)) if facts.plant else math.nan,
        float(groups.index(facts.group)) if facts.group else math.nan,
        float(STATUSES.index(facts.vendor.status)) if facts.vendor.status in STATUSES else math.nan,
        _same(facts.vendor.invoice_tax_id, facts.vendor.master_tax_id),
        float(digits_are_right),
        _same(facts.document.currency, facts.order.currency),
        _same(facts.order.base, facts.document.base),
        measures.tax_gap,
        float(facts.has_related),
        measures.related_gap,
        facts.gross - facts.related_gross,
        measures.arithmetic_gap,
        facts.age_days,
        measures.billable,
        measures.over_pct,
        measures.over_eur,
        measures.surplus_pct,
        measures.surplus_eur,
        measures.price_pct,
        measures.price_pct / measures.price_tolerance_pct,
        measures.price_eur,
        facts.order.freight,
        measures.freight_over_eur,
        measures.freight_over_pct,
        measures.discount_gap_eur,
        measures.days_shorter,
        measures.lost_discount_eur,
        measures.payable_eur,
        measures.payable_eur / measures.authority_eur,
        facts.deliveries,
        float(len(facts.unread)),
    ]


def _same(one: str | None, other: str | None) -> float:
    """Return 1 for the same code, 0 for another, NaN when one is missing."""
    return math.nan if not one or not other else float(one == other)


def stems(note: str) -> dict[str, float]:
    """Return the beginnings of a note's words, and of its neighbouring words together."""
    words = [word[:STEM_LETTERS] for word in WORD.findall(note.lower())]
    found = {*words, *(f"{one} {two}" for one, two in pairwise(words))}
    return dict.fromkeys(found, 1.0)


class NoteReader:
    """A linear model of what a note says, from the words it has."""

    def __init__(self, notes: Sequence[str], reasons: Sequence[str]) -> None:
        self._vectorizer = DictVectorizer()
        words = self._vectorizer.fit_transform([stems(note) for note in notes])
        targets = [SAYS.get(reason, NOTHING) for reason in reasons]
        self._model = LogisticRegression(C=10.0, max_iter=200).fit(words, targets)
        self._column = self._vectorizer.vocabulary_
        self._position = {str(name): index for index, name in enumerate(self._model.classes_)}

    def scores(self, note: str) -> list[float]:
        """Return the log odds of each meaning a note can have against nothing, zeros when there is no note."""
        if not note:
            return [0.0] * len(MEANINGS)
        columns = [self._column[stem] for stem in stems(note) if stem in self._column]
        logits = self._model.coef_[:, columns].sum(axis=1) + self._model.intercept_
        nothing = logits[self._position[NOTHING]]
        return [
            float(logits[self._position[meaning]] - nothing) if meaning in self._position else 0.0
            for meaning in MEANINGS
        ]


def cross_read(notes: Sequence[str], reasons: Sequence[str]) -> tuple[NoteReader, list[list[float]]]:
    """Return a reader of all notes, and for each note the scores of a reader that has not seen it.

    The trees must learn how far a score of an unseen note can be trusted.
    """
    scores = [[0.0] * len(MEANINGS) for _ in notes]
    written = [index for index, note in enumerate(notes) if note]
    for fold in range(N_FOLDS):
        held_out = written[fold::N_FOLDS]
        others = sorted(set(written).difference(held_out))
        reader = NoteReader([notes[index] for index in others], [reasons[index] for index in others])
        for index in held_out:
            scores[index] = reader.scores(notes[index])
    return NoteReader([notes[index] for index in written], [reasons[index] for index in written]), scores


def fitted(rows: np.ndarray, labels: Sequence[str]) -> Callable[[list[float]], tuple[str, float]]:
    """Return a function that gives the likeliest label of a row and its probability."""
    with THREADS.limit(limits=1, user_api="openmp"):
        model = HistGradientBoostingClassifier(**SETTINGS).fit(rows, labels)

    def predict(row: list[float]) -> tuple[str, float]:
        with THREADS.limit(limits=1, user_api="openmp"):
            probabilities = model.predict_proba(np.array([row]))[0]
        best = int(np.argmax(probabilities))
        return str(model.classes_[best]), float(probabilities[best])

    return predict
