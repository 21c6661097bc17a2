"""Rare texts a keystroke away from frequent ones, and how likely each is a slip rather than a text of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.audit.neighbours import nearest

LIKELY = 0.8
COMPARED = 1_500
LONG = 8
PIECE = 3
WIDTH = 3
FEW = 5


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
    what is beyond that are slips. A text with letters in a sequence that no other text has is a slip more often than
    one in which every sequence is usual, and a long one more often than a short one; they are counted apart.
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
    is_new = {code: any(known[piece] == 0 for piece in _pieces(texts[code])) for code in pairs}
    new_share = _new_share(texts, own, known)
    alike = _Alike(texts, may_be_slip, two_from)
    chances = {}
    for is_long in (False, True):
        share = max(alike.near_rare(rare, len(frequent), pairs, is_long), alike.near_frequent(frequent, is_long))
        n_natural = sum(_is_long(texts[code]) == is_long for code in own) * share / (1 - min(share, 0.95))
        found = [is_new[code] for code in pairs if _is_long(texts[code]) == is_long]
        chances[is_long, True] = _chance(sum(found), n_natural * new_share)
        chances[is_long, False] = _chance(len(found) - sum(found), n_natural * (1 - new_share))
    return {
        code: Slip(target, n, chances[_is_long(texts[code]), is_new[code]], is_new[code])
        for code, (target, n) in pairs.items()
    }


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

    def near_rare(self, rare: Sequence[int], n: int, pairs: Mapping[int, tuple[int, int]], is_long: bool) -> float:
        """Return which share of texts would be near one of n others, judged by the rare ones among themselves."""
        chosen = [rare[place] for place in np.unique(np.linspace(0, len(rare) - 1, COMPARED).astype(int))]
        n_near = 0
        for one, other in self._near(chosen, self.two_from, is_long):
            first, second = pairs.get(one), pairs.get(other)
            n_near += first is None or second is None or first[0] != second[0]
        return self._share(n_near, chosen, n, is_long)

    def near_frequent(self, frequent: Sequence[int], is_long: bool) -> float:
        """Return which share of the frequent texts is near another one."""
        chosen = frequent[:400]
        return self._share(len(self._near(chosen, 1_000, is_long)), chosen, len(frequent), is_long)

    def _share(self, n_near: int, chosen: Sequence[int], n: int, is_long: bool) -> float:
        """Return the share near one of n texts from how many are near one of those chosen; 0 where they are few."""
        n_meant = sum(_is_long(self.texts[code]) == is_long for code in chosen)
        if n_meant < FEW:
            return 0.0
        return float(1 - (1 - min(n_near / n_meant, 0.99)) ** (n / (len(chosen) - 1)))

    def _near(self, codes: Sequence[int], two_from: int, is_long: bool) -> list[tuple[int, int]]:
        words = [self.texts[code] for code in codes]
        meant = [place for place, word in enumerate(words) if _is_long(word) == is_long]
        found = nearest([words[place] for place in meant], words, two_from).items()
        pairs = [(meant[i], j) for i, (j, _) in found]
        return [(codes[i], codes[j]) for i, j in pairs if self.may_be_slip(words[i], words[j])]


def _new_share(texts: Sequence[str], own: Sequence[int], known: Mapping[str, int]) -> float:
    """Return how often three sequences in a row, as many as a slip touches, hold one that no other text has."""
    n_new = n = 0
    for code in own[:COMPARED]:
        counts = [known[piece] for piece in _pieces(texts[code])]
        for place in range(max(1, len(counts) - WIDTH + 1)):
            n_new += min(counts[place : place + WIDTH]) <= 1
            n += 1
    return n_new / n if n else 0.0


def _pieces(text: str) -> list[str]:
    """Return the sequences of three letters in a text, its beginning and end being signs of their own."""
    whole = f" {text.casefold()} "
    return [whole[place : place + PIECE] for place in range(len(whole) - PIECE + 1)]
