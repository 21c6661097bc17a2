"""Rare texts and the frequent texts one or two keystrokes away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

MAX_COMPARED = 6_000_000
LONGEST = 80


def nearest(rare: Sequence[str], frequent: Sequence[str], two_from: int = 8) -> dict[int, tuple[int, int]]:
    """Return for each rare text the nearest frequent one within reach, earlier ones first among equals.

    Distance counts insertions, deletions, replacements and swaps of neighbours. One is always in reach, two where the
    rare text has at least `two_from` characters and the lists are short enough to compare all pairs.

    Returns
    -------
    dict
        Index into `rare` -> (index into `frequent`, distance).

    Examples
    --------
    >>> nearest(["bimringham", "mobile"], ["birmingham", "dothan"])
    {0: (0, 1)}
    """
    if len(rare) * len(frequent) > MAX_COMPARED:
        return _one_away(rare, frequent)
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    if not rare or not frequent:
        return {}
    found: dict[int, tuple[int, int]] = {}
    block = max(1, 2_000_000 // len(frequent))
    for start in range(0, len(rare), block):
        part = rare[start : start + block]
        distances = cdist(part, frequent, scorer=OSA.distance, score_cutoff=2, dtype=np.uint8, workers=1)
        distances[distances == 0] = 9
        best = distances.argmin(axis=1)
        for index, target in enumerate(best):
            distance = int(distances[index, target])
            if distance == 1 or (distance == 2 and len(part[index]) >= two_from):
                found[start + index] = (int(target), distance)
    return found


def _one_away(rare: Sequence[str], frequent: Sequence[str]) -> dict[int, tuple[int, int]]:
    """Return neighbours at distance one by comparing the texts that remain when one character is left out."""
    from rapidfuzz.distance import OSA

    remains: dict[str, list[int]] = defaultdict(list)
    for index, text in enumerate(frequent):
        if len(text) <= LONGEST:
            for left in _deletions(text):
                remains[left].append(index)
    found = {}
    for index, text in enumerate(rare):
        if len(text) > LONGEST:
            continue
        near = sorted({target for left in _deletions(text) for target in remains.get(left, ())})
        one = next((t for t in near if OSA.distance(text, frequent[t], score_cutoff=1) == 1), None)
        if one is not None:
            found[index] = (one, 1)
    return found


def _deletions(text: str) -> set[str]:
    return {text, *(text[:place] + text[place + 1 :] for place in range(len(text)))}


def edited_signs(text: str, target: str) -> tuple[str, str]:
    """Return the characters of a text that its neighbour does not have there, and those of the neighbour.

    Examples
    --------
    >>> edited_signs("hxart", "heart"), edited_signs("ab12", "ab13")
    (('x', 'e'), ('2', '3'))
    """
    from rapidfuzz.distance import Levenshtein

    ours, theirs = [], []
    for edit in Levenshtein.editops(text, target):
        if edit.tag != "insert":
            ours.append(text[edit.src_pos])
        if edit.tag != "delete":
            theirs.append(target[edit.dest_pos])
    return "".join(ours), "".join(theirs)
