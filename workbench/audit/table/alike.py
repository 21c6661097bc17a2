"""Records that say the same, or nearly the same, as another."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.audit.table.subject import Labels, Subject

SIMILAR = 0.8  # of the pieces: below, different questions of one topic are pairs
MAX_TEXTS = 50_000  # bounds time and memory
MAX_PAIRS_OF_A_GROUP = 20  # all pairs of a large group say the same over and over
SHORTEST = 12  # letters: in shorter texts one word makes most of the pieces
CHUNK = 1_000
PAIRS_AT_ONCE = 200_000
COINCIDE, DIFFER_LIKE_ANY, FEWEST_DIFFERING = 0.1, 0.25, 3  # see `inputs_coincide`


def normalised(value: object) -> object:
    """Return text without regard to case, punctuation and spaces; other values as they are.

    Examples
    --------
    >>> normalised("  Where is my CARD?! "), normalised("ﬁne"), normalised(2.5), normalised("?!")
    ('where is my card', 'fine', 2.5, '?!')
    """
    if not isinstance(value, str):
        return value
    folded = unicodedata.normalize("NFKC", value).casefold()
    words = "".join(sign if sign.isalnum() else " " for sign in folded).split()
    return " ".join(words) if words else folded.strip()


def near_pairs(subject: Subject, similar: float = SIMILAR) -> pd.DataFrame:
    """Return pairs of records that say the same or nearly the same.

    All columns but ids, time and free text must agree after normalisation. The free text must share at least `similar`
    of its three-letter pieces (Jaccard, exact, found by prefix filtering); texts under 12 letters must be equal. Of
    more than 50,000 records the first 50,000 are compared.

    Returns
    -------
    DataFrame
        `first`, `second` (data rows, first < second), `similarity` in (0, 1]; the most similar first. Of more than 20
        pairs that say exactly the same only a chain through them is listed.

    Notes
    -----
    Source of prefix filtering: Xiao, Wang, Lin, Yu (2008), "Efficient similarity joins for near duplicate detection".
    """
    rows_of: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row, cells in _content(subject).iloc[:MAX_TEXTS].items():
        rows_of[cells].append(int(str(row)))
    found = [(*pair, 1.0) for rows in rows_of.values() for pair in _equal_pairs(rows)]
    buckets: dict[tuple[Any, ...], list[tuple[str, int]]] = defaultdict(list)
    for (others, text), rows in rows_of.items():
        if len(text) >= SHORTEST:
            buckets[others].append((text, rows[0]))
    for texts in buckets.values():
        if len(texts) > 1:
            for i, j, similarity in similar_texts([text for text, _ in texts], similar):
                first, second = sorted((texts[i][1], texts[j][1]))
                found.append((first, second, similarity))
    table = pd.DataFrame(found, columns=["first", "second", "similarity"])
    return table.sort_values(["similarity", "first", "second"], ascending=[False, True, True], ignore_index=True)


def inputs_coincide(subject: Subject, labels: Labels, pairs: pd.DataFrame) -> bool:
    """Return whether records that say the same are different cases that look alike, rather than copies of one.

    They are where there is no free text and either a tenth of the equal pairs would come about by drawing the columns
    of the different records independently, or the labels of equal development records differ at least a quarter as
    often as those of any two.
    """
    if subject.roles.text:
        return False
    same = pairs[pairs["similarity"] == 1.0]
    content = subject.frame.drop(columns=[n for n in (subject.roles.id, subject.roles.time) if n is not None])
    distinct = content.map(str).drop_duplicates()
    counts = [distinct[name].value_counts().to_numpy(dtype=float) for name in distinct.columns]
    shares = [(of * (of - 1)).sum() / max(1, len(distinct) * (len(distinct) - 1)) for of in counts]
    expected = len(content) * (len(content) - 1) / 2 * float(np.prod(shares))
    if expected >= COINCIDE * len(same):
        return True
    alike = same[same["first"].isin(labels.dev.index) & same["second"].isin(labels.dev.index)]
    differ = int((labels.dev.loc[alike["first"]].to_numpy() != labels.dev.loc[alike["second"]].to_numpy()).sum())
    by_chance = 1 - float((labels.dev.value_counts(normalize=True) ** 2).sum())
    return differ >= FEWEST_DIFFERING and differ >= DIFFER_LIKE_ANY * by_chance * len(alike)


def similar_texts(texts: Sequence[str], similar: float) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of places of texts that share at least so much of their three-letter pieces, every such pair once.

    Examples
    --------
    >>> [(i, j, round(s, 2)) for i, j, s in similar_texts(["my new card", "my card", "how do i pay"], 0.4)]
    [(0, 1, 0.5)]
    """
    from scipy import sparse

    pieces = [{f" {text} "[place : place + 3] for place in range(len(text))} for text in texts]
    frequency = Counter(piece for of_one in pieces for piece in of_one)
    rank = {piece: place for place, piece in enumerate(sorted(frequency, key=lambda piece: (frequency[piece], piece)))}
    ranked = [np.sort(np.fromiter((rank[piece] for piece in own), dtype=np.int64, count=len(own))) for own in pieces]
    sizes = np.array([len(own) for own in ranked])

    def matrix(rows: Sequence[NDArray[np.int64]]) -> Any:
        ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        places = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        return sparse.csr_matrix((np.ones(len(places), dtype=np.int32), places, ends), shape=(len(rows), len(rank)))

    whole = matrix(ranked)
    prefixes = matrix([own[: len(own) - int(np.ceil(similar * len(own))) + 1] for own in ranked])
    turned = prefixes.T.tocsc()
    for start in range(0, len(texts), CHUNK):
        candidates = sparse.triu(prefixes[start : start + CHUNK] @ turned, k=start + 1).tocoo()
        first, second = candidates.row + start, candidates.col
        fits = np.minimum(sizes[first], sizes[second]) >= similar * np.maximum(sizes[first], sizes[second])
        for part in np.array_split(np.flatnonzero(fits), int(fits.sum()) // PAIRS_AT_ONCE + 1):
            i, j = first[part], second[part]
            shared = np.asarray(whole[i].multiply(whole[j]).sum(axis=1)).ravel()
            similarity = shared / (sizes[i] + sizes[j] - shared)
            for place in np.flatnonzero(similarity >= similar):
                yield int(i[place]), int(j[place]), float(similarity[place])


def _equal_pairs(rows: list[int]) -> Iterator[tuple[int, int]]:
    if len(rows) * (len(rows) - 1) // 2 <= MAX_PAIRS_OF_A_GROUP:
        yield from ((rows[i], rows[j]) for i in range(len(rows)) for j in range(i + 1, len(rows)))
    else:
        yield from itertools.pairwise(rows)


def _content(subject: Subject) -> pd.Series[Any]:
    """Return for each record its other fields and its free text, normalised, ids and time left out."""
    roles, frame = subject.roles, subject.frame
    others = [name for name in frame.columns if name not in (roles.id, roles.time, *roles.text)]
    if not others and not subject.texts:
        return pd.Series(dtype=object)
    fields = list(zip(*(frame[name].map(_cell) for name in others), strict=True)) if others else [()] * len(frame)
    rows = frame[subject.texts].to_numpy()
    texts = [" ".join(str(normalised(cell)) for cell in row if isinstance(cell, str)) for row in rows]
    return pd.Series(list(zip(fields, texts, strict=True)), index=frame.index, dtype=object)


def _cell(value: object) -> object:
    return None if value is None or value != value else normalised(value)
