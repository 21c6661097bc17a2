"""How letters follow each other in a column's texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

BEFORE = 3
END = "\n"


class Letters:
    """How likely a text is, judged by which letters follow which three letters in known texts.

    Where three letters were not seen, the two last of them are looked at, then one; what was never seen has some
    chance, the more, the more different letters were seen in such a place.

    Parameters
    ----------
    texts : iterable of str
        The known texts; each counts once, however many rows hold it. Case does not matter.

    Notes
    -----
    Source of the weights: Witten and Bell (1991), "The zero-frequency problem", method C, interpolated.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._next: dict[str, Counter[str]] = defaultdict(Counter)
        self._n: Counter[str] = Counter()
        known = [text.casefold() for text in texts]
        for text in known:
            self._count(text, 1)
        self.n_signs = len(set().union(*known)) + 1

    def log_chance(self, text: str) -> float:
        """Return the logarithm of the chance that a text made of such letters is this one.

        Examples
        --------
        >>> letters = Letters(["Marta", "Maria", "Marie", "Anna"])
        >>> letters.log_chance("Mara") > letters.log_chance("Mxra")
        True
        """
        signs = " " * BEFORE + text.casefold() + END
        total = 0.0
        for place in range(BEFORE, len(signs)):
            chance = 1 / self.n_signs
            for start in range(place, place - BEFORE - 1, -1):
                context = signs[start:place]
                if not self._n[context]:
                    break
                seen = self._next[context]
                chance = (seen[signs[place]] + len(seen) * chance) / (self._n[context] + len(seen))
            total += float(np.log(chance))
        return total

    def log_chance_unseen(self, text: str) -> float:
        """Return the same for one of the known texts, as if it were not known."""
        self._count(text.casefold(), -1)
        try:
            return self.log_chance(text)
        finally:
            self._count(text.casefold(), 1)

    def _count(self, text: str, times: int) -> None:
        signs = " " * BEFORE + text + END
        for place in range(BEFORE, len(signs)):
            for start in range(place, place - BEFORE - 1, -1):
                context, sign = signs[start:place], signs[place]
                self._n[context] += times
                self._next[context][sign] += times
                if not self._next[context][sign]:
                    del self._next[context][sign]
