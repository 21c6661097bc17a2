"""Rare texts a keystroke away from frequent ones, and how likely each is a slip rather than a text of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MAX_COMPARED = 6_000_000  # pairs of which all are compared; with more, only one keystroke is looked for
# Letters: leaving out each letter of longer texts fills the memory, and two such texts are hardly ever slips.
LONGEST = 80
LIKELY = 0.8  # chance: the bar of four right flags in five
COMPARED = 1_500  # texts among themselves: enough for a rate, and quick
LONG = 8  # letters: longer texts are hardly ever near each other by nature; counted apart
MOST_NEAR, NEARLY_ALL = 0.95, 0.99  # of texts near another: where all are, no number of slips follows
PIECE = 3  # letters: two are in any text, four in hardly any
WIDTH = 3  # sequences that one slip changes
FEW = 5  # texts: of fewer no rate is known


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


@dataclass(frozen=True, slots=True)
class Slip:
    """A rare text near a frequent one.

    Parameters
    ----------
    target : int
        Index of the frequent text.
    distance : int
        Keystrokes between the two.
    chance : float
        Share of such texts here that are slips, estimated from how often texts are near to each other by nature.
    is_new : bool
        Whether it holds three letters in a row that no other text here has.
    """

    target: int
    distance: int
    chance: float
    is_new: bool


def slips_among(
    texts: Sequence[str],
    rare: Sequence[int],
    frequent: Sequence[int],
    is_rarer: Callable[[int, int, int], bool],
    may_be_slip: Callable[[str, str], bool],
    two_from: int = 8,
) -> dict[int, Slip]:
    """Return the rare texts (indices into `texts`) that may be slips of frequent ones.

    Texts of one's own, such as names, are near to each other too. How many of the rare ones are near a frequent one
    for that reason follows from how often rare texts are near to other rare ones, and frequent ones to frequent ones;
    what is beyond that are slips. A text with letters in sequences that no other text has is a slip more often than one
    in which every sequence is usual, and a long one more often than a short one; they are counted apart.
    """
    near = nearest([texts[code] for code in rare], [texts[code] for code in frequent], two_from)
    pairs = {rare[i]: (frequent[j], distance) for i, (j, distance) in near.items()}
    pairs = {
        code: (target, n)
        for code, (target, n) in pairs.items()
        if is_rarer(code, target, n) and may_be_slip(texts[code], texts[target])
    }
    if not pairs:
        return {}
    own = [code for code in rare if code not in pairs]
    known = Counter(piece for code in (*own, *frequent) for piece in set(_pieces(texts[code])))
    n_new = {code: min(2, sum(known[piece] == 0 for piece in _pieces(texts[code]))) for code in pairs}
    shares = _new_shares(texts, own, known)
    alike = _Alike(texts, may_be_slip, two_from)
    kinds = {code: _kind(texts[code], n) for code, (_, n) in pairs.items()}
    chances = {}
    for kind in set(kinds.values()):
        share = max(alike.near_rare(rare, len(frequent), pairs, kind), alike.near_frequent(frequent, kind))
        n_natural = sum(_is_long(texts[code]) == kind.is_long for code in own) * share / (1 - min(share, MOST_NEAR))
        found = Counter(n_new[code] for code in pairs if kinds[code] == kind)
        for n in range(3):
            chances[kind, n] = _chance(found[n], n_natural * shares[n])
    return {
        code: Slip(target, n, chances[kinds[code], n_new[code]], n_new[code] > 0) for code, (target, n) in pairs.items()
    }


class _Kind(NamedTuple):
    """How long a text is and how many keystrokes away: texts of their own differ in how often they are so near."""

    is_long: bool
    distance: int


def _kind(text: str, distance: int) -> _Kind:
    return _Kind(_is_long(text), distance)


def _is_long(text: str) -> bool:
    return len(text) >= LONG


def _chance(n_found: int, n_natural: float) -> float:
    """Return the share of the found that nature does not explain; two standard errors above what it makes count."""
    return float(np.clip(1 - (n_natural + np.sqrt(n_natural)) / max(1, n_found), 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class _Alike:
    """How often texts are near to each other by nature."""

    texts: Sequence[str]
    may_be_slip: Callable[[str, str], bool]
    two_from: int

    def near_rare(self, rare: Sequence[int], n: int, pairs: Mapping[int, tuple[int, int]], kind: _Kind) -> float:
        """Return which share of texts would be near one of n others, judged by the rare ones among themselves."""
        chosen = [rare[place] for place in np.unique(np.linspace(0, len(rare) - 1, COMPARED).astype(int))]
        n_near = 0
        for one, other in self._near(chosen, kind):
            first, second = pairs.get(one), pairs.get(other)
            n_near += first is None or second is None or first[0] != second[0]
        return self._share(n_near, chosen, n, kind)

    def near_frequent(self, frequent: Sequence[int], kind: _Kind) -> float:
        """Return which share of the frequent texts is near another one."""
        chosen = frequent[:400]
        return self._share(len(self._near(chosen, kind)), chosen, len(frequent), kind)

    def _share(self, n_near: int, chosen: Sequence[int], n: int, kind: _Kind) -> float:
        """Return the share near one of n texts from how many are near one of those chosen; 0 where they are few."""
        n_meant = sum(_is_long(self.texts[code]) == kind.is_long for code in chosen)
        if n_meant < FEW:
            return 0.0
        return float(1 - (1 - min(n_near / n_meant, NEARLY_ALL)) ** (n / (len(chosen) - 1)))

    def _near(self, codes: Sequence[int], kind: _Kind) -> list[tuple[int, int]]:
        words = [self.texts[code] for code in codes]
        meant = [place for place, word in enumerate(words) if _is_long(word) == kind.is_long]
        found = nearest([words[place] for place in meant], words, self.two_from).items()
        pairs = [(meant[i], j) for i, (j, n) in found if n == kind.distance]
        return [(codes[i], codes[j]) for i, j in pairs if self.may_be_slip(words[i], words[j])]


def _new_shares(texts: Sequence[str], own: Sequence[int], known: Mapping[str, int]) -> list[float]:
    """Return how often none, one, and more of three sequences in a row, as a slip makes, are in no other text."""
    counts = np.zeros(3)
    for code in own[:COMPARED]:
        is_new = [known[piece] <= 1 for piece in _pieces(texts[code])]
        for place in range(max(1, len(is_new) - WIDTH + 1)):
            counts[min(2, sum(is_new[place : place + WIDTH]))] += 1
    return [float(share) for share in counts / max(1.0, counts.sum())]


def _pieces(text: str) -> list[str]:
    """Return the sequences of three letters in a text, its beginning and end being signs of their own."""
    whole = f" {text.casefold()} "
    return [whole[place : place + PIECE] for place in range(len(whole) - PIECE + 1)]
