"""Rare words in longer texts that are a slip away from a frequent one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.audit.cells import CellKind
from workbench.audit.detectors.votes import Votes
from workbench.audit.known.slips import LIKELY, Slip, slips_among
from workbench.records.tables import CodedColumn

MAX_WORDS = 60_000
WORD = re.compile(r"[^\W\d_]+")
SHORTEST, LONG, SURE_LENGTH = 4, 5, 6
MAX_ROWS, KNOWN, FREQUENT = 2, 5, 8
LARGE_VOCABULARY = 300
ENDINGS = ("s", "es", "d", "ed", "n", "en", "e", "er", "r", "ly", "y", "al", "ing", "a", "i")


@dataclass(slots=True)
class _Vocabulary:
    """The words of a column: in how many rows each is, which values of several words hold it, and its neighbours."""

    n_rows: Counter[str] = field(default_factory=Counter)
    holders: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    before: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    after: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, code: int, text: str, count: int) -> None:
        """Add a value's words."""
        words = WORD.findall(text.casefold())
        for first, word, last in zip(["", *words], words, [*words[1:], ""], strict=False):
            if len(word) >= SHORTEST:
                self.before[word].add(first)
                self.after[word].add(last)
        for word in dict.fromkeys(words):
            self.n_rows[word] += count
            if len(words) > 1 and len(self.holders[word]) <= MAX_ROWS:
                self.holders[word].append(code)

    def stands_like(self, word: str, usual: str) -> bool:
        """Whether the words on both sides of a word also stand beside another; a word alone stands like none."""
        before, after = self.before[word] & self.before[usual], self.after[word] & self.after[usual]
        return bool(before and after and before | after != {""})


def vote_on_words(column: CodedColumn, codes: Sequence[int], is_prose: bool, votes: Votes) -> None:
    """Vote on values that hold a word which is nearly nowhere else and one slip from a frequent word.

    Prose has rare words of its own. In it, and wherever words are many, one slip is not enough: the word must hold a
    sequence of letters that no other word has, and be long or stand between the same words as the frequent one.
    """
    words = _Vocabulary()
    for code in codes:
        words.add(code, column.values[code], int(column.counts[code]))
    rare = [word for word, n in words.n_rows.items() if n <= MAX_ROWS and len(word) >= SHORTEST]
    frequent = [word for word, n in words.n_rows.most_common() if n >= KNOWN and len(word) >= SHORTEST]
    if len(rare) > MAX_WORDS or not frequent:
        return
    both = [*rare, *frequent]
    places = range(len(rare)), range(len(rare), len(both))
    strengths = {}
    for place, slip in slips_among(both, *places, lambda *_: True, may_be_mistyped, two_from=1_000).items():
        word, usual = both[place], both[slip.target]
        if _is_misspelt(words, word, usual, slip, is_prose):
            for code in words.holders[word]:
                said = f"{word!r} is {slip.distance} slip away from {usual!r} ({words.n_rows[usual]:,}x)"
                strengths[code] = (0.6, said)
    votes.values(column, strengths, CellKind.TYPO)


def _is_misspelt(words: _Vocabulary, word: str, usual: str, slip: Slip, is_prose: bool) -> bool:
    is_odd = slip.is_new and len(words.n_rows) >= LARGE_VOCABULARY
    if is_prose:
        is_long = word[0] == usual[0] and len(word) >= SURE_LENGTH
        return is_odd and (is_long or words.stands_like(word, usual))
    is_like = word[0] == usual[0] and words.n_rows[usual] >= FREQUENT
    return is_like and ((slip.chance >= LIKELY and len(word) >= LONG) or (is_odd and words.stands_like(word, usual)))


def may_be_mistyped(word: str, usual: str) -> bool:
    """Whether a word may be a mistyped one: not where two differ at their ends as forms of one word do.

    Examples
    --------
    >>> may_be_mistyped("acocunt", "account"), may_be_mistyped("cards", "card")
    (True, False)
    """
    common = 0
    for ours, theirs in zip(word, usual, strict=False):
        if ours != theirs:
            break
        common += 1
    ours, theirs = word[common:], usual[common:]
    return not (common >= 3 and (not ours or ours in ENDINGS) and (not theirs or theirs in ENDINGS))
