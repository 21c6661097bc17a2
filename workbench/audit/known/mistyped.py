"""Which rare texts of a column are frequent ones mistyped, by how letters follow each other and how often one slips."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, gammaln

from workbench.audit.known.slips import FEW, MOST_NEAR, nearest

BEFORE = 3  # letters before a letter: fewer say little, and more are mostly new
END = "\n"
LEARNT, COMPARED = 5_000, 1_500  # texts that letters are learnt from, and that are compared: more change little
KINDS_OF_SLIP = 4  # left out, put in, replaced, swapped
LEVELS = (np.arange(8) + 0.5) / 8
ROUNDS = 50  # of expectation and maximisation: the rates stand still long before
KEPT_OFF = 0.5  # standard errors: see the notes of `mistyped`
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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


@dataclass(frozen=True, slots=True)
class Texts:
    """The distinct texts of a column that may be mistyped or be what was meant.

    Parameters
    ----------
    texts : sequence of str
        All distinct texts.
    counts : array of shape (n_texts,)
        Rows that hold each.
    own : sequence of int
        Indices of the rare ones that are near no frequent one.
    frequent : sequence of int
        Indices of the frequent ones, the most frequent first.
    may_be_slip : callable
        Whether one text may be another one mistyped.
    """

    texts: Sequence[str]
    counts: Ints
    own: Sequence[int]
    frequent: Sequence[int]
    may_be_slip: Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class _Near:
    """Texts one keystroke from another: the chance of that slip, rows with the other text, how letters judge them."""

    slip: Floats
    n_target: Floats
    letters: Floats


def mistyped(known: Texts, targets: Mapping[int, int]) -> dict[int, float]:
    """Return how likely each rare text one keystroke from a frequent one is that text mistyped.

    A text is mistyped the more often, the more rows hold it, and a slip puts letters where they do not belong. A text
    of its own is near a frequent one by chance, and its letters follow each other as they do in other texts. Both are
    numbers: how many rows a slip would make, and how many texts of their own would be just this one. What the column
    is like decides how far to trust them: frequent texts near each other, and rare ones near each other, are of their
    own, and what of these would have been called mistyped shows how many of those in question are called so wrongly.

    Parameters
    ----------
    known : Texts
    targets : mapping
        Index of a rare text -> index of the frequent one that is one keystroke away.

    Returns
    -------
    dict
        Index of a rare text -> chance that it is mistyped. Empty where fewer than five texts of their own are near each
        other: nothing is known then of how such texts look.

    Notes
    -----
    Sources: Kernighan, Church and Gale (1990), "A spelling correction program based on a noisy channel model"; the
    share of slips is estimated by expectation maximisation. Storey (2002), "A direct approach to false discovery
    rates", section 2. Half a standard error of what is called wrongly is kept off: chosen on tables of common names
    and places, where without it a few slips let true names be called mistyped.
    """
    if not targets:
        return {}
    own, frequent = _spread(known.own, LEARNT), known.frequent[:LEARNT]
    letters = Letters(known.texts[code] for code in (*own, *frequent))
    rare = np.array(list(targets))
    near = _Near(
        np.array([slip_chance(known.texts[code], known.texts[t], letters.n_signs) for code, t in targets.items()]),
        known.counts[list(targets.values())].astype(float),
        np.array([letters.log_chance(known.texts[code]) for code in rare]),
    )
    rates = _fitted(known, near, known.counts[rare])
    odds = rates.log_odds(near, known.counts[rare])
    natural = _natural(known, letters, rates)
    if len(natural.odds) < FEW:
        return {}
    chances = np.minimum(expit(odds), _chances_beside(odds, natural))
    return dict(zip(rare.tolist(), chances.tolist(), strict=True))


def slip_chance(text: str, target: str, n_signs: int) -> float:
    """Return the chance that a slip somewhere in a text, of any kind and with any letter, makes this other one.

    Examples
    --------
    >>> slip_chance("Mraia", "Maria", 26), slip_chance("Mxria", "Maria", 25)
    (0.0625, 0.002)
    """
    if len(text) < len(target):
        n_ways = sum(target[:place] + target[place + 1 :] == text for place in range(len(target)))
        return n_ways / len(target) / KINDS_OF_SLIP
    if len(text) > len(target):
        n_ways = sum(text[:place] + text[place + 1 :] == target for place in range(len(text)))
        return n_ways / len(text) / n_signs / KINDS_OF_SLIP
    if sum(ours != theirs for ours, theirs in zip(text, target, strict=True)) == 2:
        return 1 / max(1, len(target) - 1) / KINDS_OF_SLIP
    return 1 / len(target) / n_signs / KINDS_OF_SLIP


@dataclass(frozen=True, slots=True)
class _Rates:
    """How often one slips, how many rare texts are of their own, and in which share of them so many rows hold it."""

    per_row: float
    n_own: float
    shares: Mapping[int, float]

    def log_odds(self, near: _Near, counts: Ints) -> Floats:
        """Return the odds of the texts in question to be slips: rows that a slip makes are few and independent."""
        expected = self.per_row * near.n_target * near.slip
        slips = counts * np.log(expected) - expected - gammaln(counts + 1)
        shares = np.array([self.shares[int(n)] for n in counts])
        return np.asarray(slips - np.log(self.n_own * shares) - near.letters)


def _fitted(known: Texts, near: _Near, counts: Ints) -> _Rates:
    """Return the rates at which both kinds of texts explain best what is there."""
    own, n_rows = known.counts[list(known.own)], float(known.counts.sum())
    shares = {int(n): float(((own == n).sum() + 1) / (len(own) + 1)) for n in {1, *counts.tolist()}}
    rates = _Rates(0.5 * len(counts) / n_rows, len(own) + len(counts) / 2, shares)
    for _ in range(ROUNDS):
        chances = expit(rates.log_odds(near, counts))
        n_slips, n_own = max(0.5, float((chances * counts).sum())), len(own) + float((1 - chances).sum())
        rates = _Rates(n_slips / n_rows, max(0.5, n_own), shares)
    return rates


@dataclass(frozen=True, slots=True)
class _Natural:
    """Texts of their own that are near each other, and how many of such there may be among those in question.

    `odds` are those they would have as one of these, shape (n, n_levels). `most` follows from the rare texts that are
    near none, as many more are near one where texts are near each other anyway.
    """

    odds: Floats
    most: float

    def share_above(self, limit: float) -> float:
        """Return which share of them has such odds or higher."""
        return float(((self.odds >= limit).mean(axis=1).sum() + 1) / (len(self.odds) + 2))


def _natural(known: Texts, letters: Letters, rates: _Rates) -> _Natural:
    """Return texts of their own near each other as they would look among those in question.

    A frequent one is taken as if one row held it; of two rare ones, one is taken as if it were as frequent as others.
    """
    frequent, own = known.frequent[:COMPARED], _spread(_spread(known.own, LEARNT), COMPARED)
    counts = known.counts[list(known.frequent)]
    rows: list[Floats] = []
    share = 0.0
    for codes, is_frequent in ((frequent, True), (own, False)):
        texts = [known.texts[code] for code in codes]
        for i, (j, distance) in nearest(texts, texts).items():
            if distance == 1 and known.may_be_slip(texts[i], texts[j]):
                n_target = np.full(len(LEVELS), counts[j]) if is_frequent else np.quantile(counts, LEVELS)
                chance = np.full(len(LEVELS), slip_chance(texts[i], texts[j], letters.n_signs))
                near = _Near(chance, n_target, np.full(len(LEVELS), letters.log_chance_unseen(texts[i])))
                rows.append(rates.log_odds(near, np.ones(len(LEVELS), dtype=np.int64)))
        if is_frequent:
            share = (len(rows) + 1) / (len(frequent) + 2)
    n_far = len(known.own) + 1
    most = n_far * share / (1 - share) + np.sqrt(n_far * share) / (1 - share)  # negative binomial: mean, and one sd
    return _Natural(np.array(rows).reshape(-1, len(LEVELS)), float(most))


def _chances_beside(odds: Floats, natural: _Natural) -> Floats:
    """Return for each text which share of those with such odds or higher are slips, given the texts of their own."""
    middle = float(np.median(natural.odds))
    n_below = int((odds < middle).sum()) + 1
    n_natural = min(len(odds), natural.most, n_below / (1 - min(MOST_NEAR, natural.share_above(middle))))
    order = np.argsort(-odds, kind="stable")
    n_called_wrongly = n_natural * np.array([natural.share_above(odds[place]) for place in order])
    n_called_wrongly += KEPT_OFF * np.sqrt(n_called_wrongly)
    chances = np.clip(1 - n_called_wrongly / np.arange(1, len(odds) + 1), 0.0, 1.0)
    result = np.zeros(len(odds))
    result[order] = np.maximum.accumulate(chances[::-1])[::-1]
    return result


def _spread(codes: Sequence[int], n: int) -> Sequence[int]:
    """Return at most n of the codes, evenly spread."""
    return [codes[place] for place in np.unique(np.linspace(0, len(codes) - 1, n).astype(int))] if codes else codes
