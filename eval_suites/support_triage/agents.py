"""Three agents that need no language model; each learns from development records only."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

TEXT, LABEL = "text", "category"
WORD = re.compile(r"\w+")
N_KEYWORDS = 12
SEED = 0

# Measured on the 9,158 development records, five folds, one core: CPU seconds for the five fits together, accuracy of
# the held-out folds, mean confidence, and the largest share of records, taken from the most confident down, of which
# 97% are right. The standard error of an accuracy is .003.
#
#   features (TF-IDF, sublinear)    solver, tolerance, C     CPU s   accuracy   confidence   automated
#   words                           saga 1e-2, 100 *           2.5       .884          .85         .76
#   words                           saga 1e-2, 30              2.1       .884          .82         .76
#   words                           saga 1e-2, 10              2.1       .886          .75         .75
#   words                           saga 3e-2, 30              1.5       .884          .82         .76
#   words                           saga 1e-3, 30              8.2       .887          .82         .76
#   words                           lbfgs 3e-4, 30             4.1       .887          .82         .75
#   words                           newton-cg 1e-3, 30         3.9       .882          .82         .73
#   words and pairs of words        saga 1e-2, 30              4.1       .882          .78         .72
#   runs of 3 characters            saga 1e-2, 100 *           6.7       .898          .86         .80
#   runs of 3 characters            saga 1e-2, 30              6.2       .898          .83         .79
#   runs of 3 characters            saga 1e-2, 10              5.4       .897          .76         .78
#   runs of 3 characters            saga 3e-2, 30              4.0       .897          .82         .79
#   runs of 3 characters            saga 1e-3, 30             23.5       .899          .82         .79
#   runs of 3 characters            lbfgs 3e-4, 30             7.1       .897          .83         .79
#   runs of 3 characters            newton-cg 1e-3, 30        11.5       .897          .82         .78
#   runs of 3, inside words only    saga 1e-2, 30              5.4       .893          .83         .79
#   runs of 3 and 4 characters      saga 1e-2, 30             12.7       .900          .82         .80
#   runs of 2 to 4 characters       saga 1e-2, 30             21.8       .900          .82         .81
#
# * is what the agents use. saga also needs no threads: lbfgs lets the linear algebra library start some, and took 13
# and 20 CPU seconds instead of 4 and 7 on two cores that had other work.

Decide = Callable[[Mapping[str, object]], dict[str, object]]


def keyword_baseline(training: pd.DataFrame) -> Decide:
    """Twelve keywords per intent; the intent whose keywords weigh most is chosen, their weights give the confidence.

    A word's weight for an intent is the logarithm of how much likelier a question of that intent is to hold it than any
    other question (half a question added on each side); the keywords are the words with the largest product of weight
    and share of the intent's questions. Confidence is the softmax of the summed weights over the intents.
    """
    keywords = _keywords(training)
    shares = training[LABEL].value_counts(normalize=True)
    most_frequent = {"action": str(shares.index[0]), "confidence": float(shares.iloc[0]), "reason": "no keyword"}

    def decide(record: Mapping[str, object]) -> dict[str, object]:
        found = sorted(_words(record[TEXT]) & keywords.keys())
        weights: Counter[str] = Counter()
        for word in found:
            weights.update(keywords[word])
        if not weights:
            return most_frequent
        action, heaviest = max(weights.items(), key=lambda item: (item[1], item[0]))
        confidence = 1 / sum(math.exp(weight - heaviest) for weight in weights.values())
        own = [word for word in found if action in keywords[word]]
        return {"action": action, "confidence": confidence, "reason": f"keywords: {', '.join(own)}"}

    return decide


def word_tfidf(training: pd.DataFrame) -> Decide:
    """Logistic regression on the TF-IDF of single words."""
    return _classifier(TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True), training)


def char_tfidf(training: pd.DataFrame) -> Decide:
    """Logistic regression on the TF-IDF of runs of three characters.

    They also tell misspelt and inflected words apart that single words do not know.
    """
    return _classifier(TfidfVectorizer(analyzer="char", ngram_range=(3, 3), min_df=2, sublinear_tf=True), training)


def _classifier(vectorizer: TfidfVectorizer, training: pd.DataFrame) -> Decide:
    """Return a trained classifier as an agent, the predicted probability as its confidence."""
    model = LogisticRegression(solver="saga", C=100, tol=1e-2, max_iter=500, random_state=SEED)
    model.fit(vectorizer.fit_transform(training[TEXT]).astype(np.float32), training[LABEL])
    weights = np.ascontiguousarray(model.coef_.T)

    def decide(record: Mapping[str, object]) -> dict[str, object]:
        # what model.predict_proba computes, without its checks and a copy of the weights for each record
        scores = (vectorizer.transform([record[TEXT]]) @ weights)[0] + model.intercept_
        best = int(np.argmax(scores))
        return {"action": str(model.classes_[best]), "confidence": float(1 / np.exp(scores - scores[best]).sum())}

    return decide


def _keywords(training: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return for each keyword its weight for each intent it stands for."""
    texts = [_words(text) for text in training[TEXT]]
    anywhere = Counter(word for words in texts for word in words)
    inside: dict[str, Counter[str]] = defaultdict(Counter)
    for words, label in zip(texts, training[LABEL], strict=True):
        inside[label].update(words)
    n_questions, keywords = Counter(training[LABEL]), defaultdict(dict)
    for label, counts in inside.items():
        n, n_others = n_questions[label], len(texts) - n_questions[label]
        weights = {
            word: math.log((count + 0.5) / (n + 1)) - math.log((anywhere[word] - count + 0.5) / (n_others + 1))
            for word, count in counts.items()
        }
        ranked = sorted(weights, key=lambda word: (-weights[word] * counts[word] / n, word))
        for word in ranked[:N_KEYWORDS]:
            if weights[word] > 0:
                keywords[word][label] = weights[word]
    return dict(keywords)


def _words(text: object) -> frozenset[str]:
    return frozenset(WORD.findall(str(text).lower()))
