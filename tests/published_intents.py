"""The intent data set that the support pilot obtains: as published where it lies, and an invented one of its shape."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import yaml

SEED = 77
VAGUE = 0.2  # share of invented questions without a word of their intent
N_REPEATED, N_CONTRADICTED = 60, 2
FEWEST, MOST = 20, 60


@dataclass(frozen=True, slots=True)
class PublishedIntents:
    """A folder with train.csv, test.csv and categories.json, and what is known of it.

    Parameters
    ----------
    sides : mapping
        Records in "dev" and in "holdout".
    repeated, contradicted : int
        Questions that repeat an earlier one but for capitals, punctuation and spaces; those with a second intent.
    least, most : (str, int)
        The rarest and the most frequent intent and their numbers of records.
    accuracy : mapping
        Agent to its accuracy on records that it was not trained on.
    in_readme : tuple of str
        Numbers that the pilot's README states.
    """

    folder: Path
    sides: Mapping[str, int]
    repeated: int
    contradicted: int
    least: tuple[str, int]
    most: tuple[str, int]
    accuracy: Mapping[str, float]
    in_readme: tuple[str, ...]


def banking77(folder: Path) -> PublishedIntents:
    """Return what is known of the published BANKING77; accuracies as measured over all five folds (agents.py)."""
    return PublishedIntents(
        folder=folder,
        sides={"dev": 9158, "holdout": 3925},
        repeated=60,
        contradicted=2,
        least=("contactless_not_working", 75),
        most=("card_payment_fee_charged", 227),
        accuracy={"keyword_baseline": 0.71, "word_tfidf": 0.884, "char_tfidf": 0.898},
        in_readme=("13,083", "3,925", "9,158", "10,003", "3,080"),
    )


def invented_intents(folder: Path, intents: Sequence[str]) -> PublishedIntents:
    """Write an invented data set of the same shape.

    Every intent has three words of its own. Four questions in five hold two of them; the others hold none, so that an
    agent can only guess their intent.
    """
    rng = random.Random(SEED)
    words = _words(rng, 300 + 3 * len(intents))
    common, own = words[:300], [words[300 + 3 * i : 303 + 3 * i] for i in range(len(intents))]
    sizes = [FEWEST, MOST, *(rng.randint(FEWEST + 1, MOST - 5) for _ in intents[2:])]
    questions = []
    for intent, told_by, size in zip(intents, own, sizes, strict=True):
        for _ in range(size):
            said = rng.sample(common, 6) + ([] if rng.random() < VAGUE else rng.sample(told_by, 2))
            questions.append((" ".join(rng.sample(said, len(said))), intent))
    firsts = {intent: text for text, intent in reversed(questions) if intent not in intents[:2]}
    for i, (intent, text) in enumerate(list(firsts.items())[:N_REPEATED]):
        questions.append((f"{text.capitalize()}!", intents[1] if i < N_CONTRADICTED else intent))
    rng.shuffle(questions)
    counts = Counter(intent for _, intent in questions)
    n_holdout = sum(round(0.3 * count) for count in counts.values())
    _write_table(folder / "train.csv", questions[: 3 * len(questions) // 4])
    _write_table(folder / "test.csv", questions[3 * len(questions) // 4 :])
    (folder / "categories.json").write_text(json.dumps(sorted(counts)), encoding="utf-8")
    return PublishedIntents(
        folder=folder,
        sides={"dev": len(questions) - n_holdout, "holdout": n_holdout},
        repeated=N_REPEATED,
        contradicted=N_CONTRADICTED,
        least=(intents[0], FEWEST),
        most=(intents[1], MOST + N_CONTRADICTED),
        accuracy=dict.fromkeys(("keyword_baseline", "word_tfidf", "char_tfidf"), 1 - VAGUE),
        in_readme=(),
    )


def sources_of(published: PublishedIntents) -> str:
    """Return a sources.yaml for the files of an invented data set."""
    files = [
        {
            "name": name,
            "url": f"https://example.org/{name}",
            "sha256": hashlib.sha256((published.folder / name).read_bytes()).hexdigest(),
            "bytes": (published.folder / name).stat().st_size,
        }
        for name in ("train.csv", "test.csv")
    ]
    licence = {"name": "none", "url": "https://example.org", "attribution": "Invented.", "citation": "None."}
    return yaml.safe_dump({"files": files, "licence": licence})


def _words(rng: random.Random, n: int) -> list[str]:
    """Return n different invented words of three syllables."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    return ["".join(one) for one in rng.sample(list(product(syllables, repeat=3)), n)]


def _write_table(path: Path, questions: Sequence[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "category"), *questions])
