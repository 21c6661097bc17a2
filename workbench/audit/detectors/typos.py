"""Rare values, and rare words of longer texts, that are a slip away from a frequent one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.audit.cells import quoted
from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.detectors.formats import FORMAT
from workbench.audit.findings import CellKind, Effort, Severity, until_gone
from workbench.audit.known.mistyped import Texts, mistyped
from workbench.audit.known.slips import LIKELY, Slip, edited_signs, slips_among
from workbench.audit.table.inferred import Known
from workbench.records.tables import CodedColumn, Semantic, is_placeholder

FREQUENT = 4  # rows that hold a value which is surely meant: fewer, and values of one's own count as meant
TIMES = 5  # as many rows as a slip of it in one to three of them has
TIMES_REPEATED = 50  # and as one in more: a slip that is repeated is most often a value of its own
FEW_ROWS, FEW_OF = 3, 50  # rows that a slip may be in, or a fiftieth of those of the most frequent value
LONG_VALUE, SHORT_VALUE = 5, 4  # letters: of four every second word has a neighbour, of three nearly each
STRENGTHS = (0.85, 0.65, 0.45)  # of a long, a short and a shorter value; the last needs a second detector to be flagged
OTHER_SPELLING = 0.7  # it means the same, and may still be meant so
TWO_SLIPS, UNLIKELY = 0.85, 0.5  # times that, for a value two slips away, and for one that may well be its own
PART = re.compile(r"[^\W_]+")
MAX_VALUES = 60_000  # bounds the time of comparing
SPELT = frozenset({Semantic.NAME, Semantic.CATEGORY})
UNSUITED = frozenset(
    {
        Semantic.INTEGER, Semantic.NUMBER, Semantic.AMOUNT, Semantic.DATE, Semantic.TIME, Semantic.DATETIME,
        Semantic.URL,
        Semantic.IBAN, Semantic.ISSN, Semantic.ZIP, Semantic.BOOLEAN,
    }
)  # fmt: skip


WORD = re.compile(r"[^\W\d_]+")
WORD_STRENGTH = 0.6  # weaker than for a whole value: the rest of the text is right
SHORTEST, LONG, SURE_LENGTH = 4, 5, 6  # letters of a word: shorter ones have neighbours of their own
MAX_ROWS, KNOWN, USUAL = 2, 5, 8  # rows with a slip, with a word that may be meant, and with one that surely is
LARGE_VOCABULARY = 300  # words: in fewer, a sequence of letters is new without being odd
NEVER = 1_000  # letters from which two slips would count: no word is so long
STEM = 3  # letters that two forms of one word have in common
ENDINGS = ("s", "es", "d", "ed", "n", "en", "e", "er", "r", "ly", "y", "al", "ing", "a", "i")

TYPO = CellKind(
    "typo",
    "misspelt values",
    Severity.MEDIUM,
    "a record is taken for a category, vendor or place of its own",
    until_gone("map the spellings to the frequent one, with a check list at entry", Effort.HOURS, "misspelling"),
    of_value="a rare value, a slip away from a frequent one",
)


def vote_on_typos(known: Known, votes: Votes) -> None:
    """Vote on rare values near a frequent one, on other spellings of frequent values, and on slips within texts."""
    for column, profile in known.each():
        if known.is_prose(column.name) or profile.semantic in UNSUITED or profile.n_distinct < 2:
            continue
        codes = [code for code, value in enumerate(column.values) if not is_placeholder(value)]
        if len(codes) > MAX_VALUES:
            continue
        if profile.semantic is not Semantic.TEXT:
            _vote_on_spellings(column, codes, votes)
        _vote_on_values(column, codes, profile.semantic in SPELT, votes)
        if profile.semantic is Semantic.TEXT or profile.semantic in SPELT:
            _vote_on_words(column, codes, profile.semantic is Semantic.TEXT, votes)


def _vote_on_spellings(column: CodedColumn, codes: Sequence[int], votes: Votes) -> None:
    """Vote on values that equal a much more frequent one but for case, punctuation and spaces."""
    groups: dict[str, list[int]] = defaultdict(list)
    for code in codes:
        plain = "".join(sign for sign in column.values[code].casefold() if sign.isalnum())
        if len(plain) >= 2:
            groups[plain].append(code)
    strengths = {}
    for group in groups.values():
        if len(group) < 2:
            continue
        usual = max(group, key=lambda code: int(column.counts[code]))
        for code in group:
            if code != usual and column.counts[usual] >= max(FREQUENT, TIMES * column.counts[code]):
                strengths[code] = (OTHER_SPELLING, f"another spelling of {quoted(column.values[usual])}")
    votes.values(column, strengths, FORMAT)


def _vote_on_values(column: CodedColumn, codes: Sequence[int], is_spelt: bool, votes: Votes) -> None:
    frequent = [code for code in codes if column.counts[code] >= FREQUENT]
    frequent.sort(key=lambda code: -int(column.counts[code]))
    most = int(column.counts[frequent[0]]) if frequent else 0
    n_rows = rows_of_parts(column, codes)
    limit = max(FEW_ROWS, most // FEW_OF)
    rare = [code for code in codes if column.counts[code] <= limit and not is_made_up(column, code, n_rows)]
    found = slips_among(column.values, rare, frequent, lambda *pair: _is_rarer(column, *pair), may_be_slip)
    chances = {}
    if is_spelt:
        own = [code for code in rare if code not in found]
        known = Texts(column.values, column.counts, own, frequent, may_be_slip)
        chances = mistyped(known, {code: slip.target for code, slip in found.items() if slip.distance == 1})
    strengths = {}
    for code, slip in found.items():
        length, chance = len(column.values[code]), chances.get(code, slip.chance)
        strength = STRENGTHS[(length < LONG_VALUE) + (length < SHORT_VALUE)] * (
            1.0 if slip.distance == 1 else TWO_SLIPS
        )
        strengths[code] = (
            strength if chance >= LIKELY else strength * UNLIKELY,
            f"rare ({column.counts[code]}x), {slip.distance} slip away from {quoted(column.values[slip.target])} "
            f"({column.counts[slip.target]:,}x)",
        )
    votes.values(column, strengths, TYPO)


def rows_of_parts(column: CodedColumn, codes: Sequence[int]) -> Counter[str]:
    """Return how many rows hold each word or part of a code."""
    n_rows: Counter[str] = Counter()
    for code in codes:
        for part in set(PART.findall(column.values[code])):
            n_rows[part] += int(column.counts[code])
    return n_rows


def is_made_up(column: CodedColumn, code: int, n_rows: Counter[str]) -> bool:
    """Whether a value is put together of several parts that other values have, too, such as ak_scip-1 beside al."""
    parts = PART.findall(column.values[code])
    return len(parts) > 1 and all(n_rows[part] >= FREQUENT + int(column.counts[code]) for part in parts)


def _is_rarer(column: CodedColumn, code: int, target: int, distance: int) -> bool:
    """Whether a value is rare enough beside another to be a mistyped one."""
    n, n_target = int(column.counts[code]), int(column.counts[target])
    return n_target >= (TIMES if n <= FEW_ROWS else TIMES_REPEATED) * distance * n


def may_be_slip(value: str, usual: str) -> bool:
    """Whether a value may be a mistyped one: no other number, not just other spaces."""
    if "".join(value.split()) == "".join(usual.split()):
        return False
    ours, theirs = edited_signs(value, usual)
    return any(not sign.isdigit() for sign in ours + theirs) and not (
        all(sign.isdigit() for sign in theirs) and not ours
    )


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


def _vote_on_words(column: CodedColumn, codes: Sequence[int], is_prose: bool, votes: Votes) -> None:
    """Vote on values that hold a word which is nearly nowhere else and one slip from a frequent word.

    Prose has rare words of its own. In it, and wherever words are many, one slip is not enough: the word must hold a
    sequence of letters that no other word has, and be long or stand between the same words as the frequent one.
    """
    words = _Vocabulary()
    for code in codes:
        words.add(code, column.values[code], int(column.counts[code]))
    rare = [word for word, n in words.n_rows.items() if n <= MAX_ROWS and len(word) >= SHORTEST]
    frequent = [word for word, n in words.n_rows.most_common() if n >= KNOWN and len(word) >= SHORTEST]
    if len(rare) > MAX_VALUES or not frequent:
        return
    both = [*rare, *frequent]
    places = range(len(rare)), range(len(rare), len(both))
    strengths = {}
    for place, slip in slips_among(both, *places, lambda *_: True, may_be_mistyped, two_from=NEVER).items():
        word, usual = both[place], both[slip.target]
        if _is_misspelt(words, word, usual, slip, is_prose):
            for code in words.holders[word]:
                said = f"{word!r} is {slip.distance} slip away from {usual!r} ({words.n_rows[usual]:,}x)"
                strengths[code] = (WORD_STRENGTH, said)
    votes.values(column, strengths, TYPO)


def _is_misspelt(words: _Vocabulary, word: str, usual: str, slip: Slip, is_prose: bool) -> bool:
    is_odd = slip.is_new and len(words.n_rows) >= LARGE_VOCABULARY
    if is_prose:
        is_long = word[0] == usual[0] and len(word) >= SURE_LENGTH
        return is_odd and (is_long or words.stands_like(word, usual))
    is_like = word[0] == usual[0] and words.n_rows[usual] >= USUAL
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
    return not (common >= STEM and (not ours or ours in ENDINGS) and (not theirs or theirs in ENDINGS))


OF_TYPOS = Detector("typos", 70, vote_on_typos, (TYPO,), is_by_value=True)
