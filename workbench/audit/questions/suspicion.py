"""Likely label errors: how sure a model that has not seen a record is of the label it has."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.metrics import Estimate

N_FOLDS = 5
MAX_CATEGORIES = 60  # the rarer values say nothing to a tree
MAX_RECORDS = 20_000  # bounds the time of the five fits
MIN_OF_A_LABEL = 5  # one in each fold
NEARLY_ALL = 0.9  # of the cells are numbers: the others are placeholders
ROUNDS = 60  # of boosting: enough to rank labels by
WORD = re.compile(r"\w")
TEMPERATURES = np.geomspace(0.05, 20, 60)

Floats = NDArray[np.float64]
Fitted = Callable[[Any, NDArray[np.int64], Any], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Suspicion:
    """What out-of-fold predictions say of the labels.

    Parameters
    ----------
    table : DataFrame
        By data row, the most suspicious first: `label`, `likely` (the predicted one), `confidence` in the label,
        `confidence_in_likely`, and `is_suspect`: confident learning holds the label to be wrong.
    accuracy : float
        Share of predictions that are the label.
    model : str
        What was cross-validated.
    n_left_out : int
        Records of labels with fewer than five records, or beyond the first 20,000.
    """

    table: pd.DataFrame
    accuracy: float
    model: str
    n_left_out: int

    @property
    def measured(self) -> Estimate:
        """That accuracy with its interval."""
        return Estimate.proportion(round(self.accuracy * len(self.table)), len(self.table))


def suspicion(frame: pd.DataFrame, text: tuple[str, ...], labels: pd.Series[str], seed: int = 0) -> Suspicion | None:
    """Return how suspicious each label is, None where there is nothing to learn from.

    Free text is read by a linear classifier on words and pieces of words, all other columns by boosted trees; the one
    that predicts better is taken. Records that say the same must not be told apart by the folds, so they are drawn by
    content. A label is suspect when the model prefers another label at least as surely as it usually is of that one
    (confident learning).

    Parameters
    ----------
    frame : DataFrame
        What an agent may see, ids and time left out.
    text : tuple of str
        Which columns are free text.
    labels : Series
        By data row; only these rows are looked at.
    seed : int
        Of the folds.

    Notes
    -----
    Source: Northcutt, Jiang, Chuang (2021), "Confident learning", J. Artif. Intell. Res. 70; ranked by the confidence
    in the given label.
    """
    counts = labels.value_counts()
    kept = labels[labels.map(counts) >= MIN_OF_A_LABEL].iloc[:MAX_RECORDS]
    classes = np.array(sorted(kept.unique()), dtype=object)
    if len(classes) < 2:
        return None
    frame = frame.loc[kept.index]
    target = np.searchsorted(classes, kept.to_numpy(dtype=object)).astype(np.int64)
    folds = _folds(frame, seed)
    candidates = []
    for name, features, fitted in _models(frame, text):
        scores = _out_of_fold(features, target, folds, fitted, len(classes))
        candidates.append((float((scores.argmax(axis=1) == target).mean()), name, scores))
    if not candidates:
        return None
    accuracy, name, scores = max(candidates, key=lambda one: one[0])
    table = _ranked(kept, classes, target, calibrated(scores, target))
    return Suspicion(table, accuracy, name, len(labels) - len(kept))


def calibrated(scores: Floats, target: NDArray[np.int64]) -> Floats:
    """Return scores as probabilities: softmax at the temperature with the lowest log loss on these predictions."""

    def probabilities(temperature: float) -> Floats:
        scaled = scores / temperature
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    rows = np.arange(len(target))
    losses = [-np.log(np.maximum(probabilities(t)[rows, target], 1e-12)).mean() for t in TEMPERATURES]
    return probabilities(float(TEMPERATURES[int(np.argmin(losses))]))


def confident_errors(probabilities: Floats, target: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which labels confident learning holds to be wrong.

    A label's threshold is the mean confidence in it over the records that have it. A label is wrong where, among the
    labels whose confidence reaches their threshold, the most confident is another one, and more confident than it.
    """
    n_classes = probabilities.shape[1]
    own = probabilities[np.arange(len(target)), target]
    sums = np.bincount(target, weights=own, minlength=n_classes)
    counts = np.bincount(target, minlength=n_classes)
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    best = reached.argmax(axis=1)
    return np.asarray((reached.max(axis=1) > own) & (best != target))


def _ranked(kept: pd.Series[str], classes: NDArray[Any], target: NDArray[np.int64], p: Floats) -> pd.DataFrame:
    own = p[np.arange(len(target)), target]
    others = p.copy()
    others[np.arange(len(target)), target] = -1
    likely = others.argmax(axis=1)
    table = pd.DataFrame(
        {
            "label": kept.to_numpy(),
            "likely": classes[likely],
            "confidence": own,
            "confidence_in_likely": others.max(axis=1),
            "is_suspect": confident_errors(p, target),
        },
        index=kept.index,
    )
    return table.sort_values("confidence", kind="stable")


def _folds(frame: pd.DataFrame, seed: int) -> NDArray[np.int64]:
    """Return each record's fold; records with the same content share one."""
    groups = pd.util.hash_pandas_object(frame.astype(str), index=False).to_numpy()
    _, group = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(group.max() + 1)
    return np.asarray(order[group] % N_FOLDS, dtype=np.int64)


def _models(frame: pd.DataFrame, text: tuple[str, ...]) -> list[tuple[str, Any, Fitted]]:
    """Return the models that these columns allow: name, features of all records, and what fits and predicts."""
    texts = [name for name in text if frame[name].notna().mean() >= 0.5]
    others = [name for name in frame.columns if name not in text]
    found: list[tuple[str, Any, Fitted]] = []
    joined = [" ".join(str(cell) for cell in row if isinstance(cell, str)) for row in frame[texts].to_numpy()]
    if any(WORD.search(one) for one in joined):
        found.append(("a linear classifier on the text", _words(joined), _text_scores))
    if others:
        coded = np.column_stack([_coded(frame[name]) for name in others])
        found.append(("boosted trees on the other columns", coded, _table_scores))
    return found


def _out_of_fold(
    features: Any, target: NDArray[np.int64], folds: NDArray[np.int64], fitted: Fitted, n_classes: int
) -> Floats:
    scores = np.full((len(target), n_classes), -30.0)
    for fold in range(N_FOLDS):
        learn, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        present, codes = np.unique(target[learn], return_inverse=True)
        if len(held) and len(present) > 1:
            scores[np.ix_(held, present)] = fitted(features[learn], codes, features[held])
    return scores


def _words(texts: list[str]) -> Any:
    """Return texts as weights of their words, pairs of words and pieces of words; no label has a part in them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+"),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True, max_features=20_000),
    )
    return features.fit_transform(texts).tocsr()


def _text_scores(learn: Any, target: NDArray[np.int64], held: Any) -> Floats:
    """Return decision values of a linear support vector classifier."""
    from sklearn.svm import LinearSVC

    model = LinearSVC(C=0.5, dual=True, tol=1e-2, max_iter=300, random_state=0)
    values = model.fit(learn, target).decision_function(held)
    return np.column_stack([-values, values]) if values.ndim == 1 else np.asarray(values)


def _table_scores(learn: Any, target: NDArray[np.int64], held: Any) -> Floats:
    """Return log-probabilities of boosted trees; columns with one value say nothing and are left out."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    differs = [len(np.unique(column[~np.isnan(column)])) > 1 for column in learn.T]
    if not any(differs):
        return np.zeros((len(held), len(np.unique(target))))
    learn, held = learn[:, differs], held[:, differs]
    model = HistGradientBoostingClassifier(max_iter=ROUNDS, max_leaf_nodes=15, early_stopping=False, random_state=0)
    with threadpool_limits(1, user_api="openmp"):  # threads wait for each other where other work runs beside them
        return np.asarray(np.log(np.maximum(model.fit(learn, target).predict_proba(held), 1e-12)))


def _coded(values: pd.Series[Any]) -> Floats:
    """Return a column as numbers: numbers as they are, others by how frequent they are."""
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().sum() >= NEARLY_ALL * values.notna().sum():
        return numbers.to_numpy(dtype=np.float64)
    codes = {value: float(code) for code, value in enumerate(values.value_counts().index[:MAX_CATEGORIES])}
    return values.map(codes).to_numpy(dtype=np.float64)
