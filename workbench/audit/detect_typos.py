"""Rare values, and rare words in longer texts, that are a slip away from a frequent one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from workbench.audit.cells import CellKind
from workbench.audit.neighbours import edited_signs, nearest
from workbench.audit.votes import Votes
from workbench.tables.columns import Column
from workbench.tables.formats import Semantic
from workbench.tables.placeholders import is_placeholder
from workbench.tables.profiles import ColumnProfile

FREQUENT = 4
MAX_VALUES = 60_000
WORD = re.compile(r"[^\W\d_]{4,}")
ENDINGS = ("s", "es", "d", "ed", "n", "en", "e", "er", "r", "ly", "y", "al", "ing", "a", "i")
UNSUITED = frozenset(
    {
        Semantic.INTEGER, Semantic.NUMBER, Semantic.AMOUNT, Semantic.DATE, Semantic.TIME, Semantic.DATETIME,
        Semantic.URL,
        Semantic.IBAN, Semantic.ISSN, Semantic.ZIP, Semantic.BOOLEAN,
    }
)  # fmt: skip


def vote_on_typos(column: Column, profile: ColumnProfile, votes: Votes) -> None:
    """Vote on rare values near a frequent one, on other spellings of frequent values, and on slips within texts."""
    if profile.semantic in UNSUITED or profile.n_distinct < 2:
        return
    codes = [code for code, value in enumerate(column.values) if not is_placeholder(value)]
    if len(codes) > MAX_VALUES:
        return
    if profile.semantic is not Semantic.TEXT:
        _vote_on_spellings(column, codes, votes)
    _vote_on_values(column, codes, votes)
    if profile.semantic in {Semantic.TEXT, Semantic.NAME, Semantic.CATEGORY}:
        _vote_on_words(column, codes, votes)


def _vote_on_spellings(column: Column, codes: Sequence[int], votes: Votes) -> None:
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
            if code != usual and column.counts[usual] >= max(FREQUENT, 5 * column.counts[code]):
                strengths[code] = (0.7, f"another spelling of {_short(column.values[usual])}")
    votes.values(column, strengths, CellKind.FORMAT)


def _vote_on_values(column: Column, codes: Sequence[int], votes: Votes) -> None:
    frequent = [code for code in codes if column.counts[code] >= FREQUENT]
    frequent.sort(key=lambda code: -int(column.counts[code]))
    most = int(column.counts[frequent[0]]) if frequent else 0
    rare = [code for code in codes if column.counts[code] <= max(3, most // 50)]
    near = nearest([column.values[code] for code in rare], [column.values[code] for code in frequent])
    pairs = {rare[i]: (frequent[j], distance) for i, (j, distance) in near.items()}
    pairs = {code: found for code, found in pairs.items() if _is_slip(column, code, *found)}
    chance = _by_chance(column, frequent, len(pairs), len(rare))
    strengths = {}
    for code, (target, distance) in pairs.items():
        length = len(column.values[code])
        strength = (0.85 if length >= 5 else 0.65 if length >= 4 else 0.45) * (1.0 if distance == 1 else 0.85)
        strengths[code] = (
            strength * chance,
            f"rare ({column.counts[code]}x), {distance} slip away from {_short(column.values[target])} "
            f"({column.counts[target]:,}x)",
        )
    votes.values(column, strengths, CellKind.TYPO)


def _is_slip(column: Column, code: int, target: int, distance: int) -> bool:
    """Whether a rare value may be a mistyped frequent one: frequent enough, no other number, not just other spaces."""
    n, n_target = int(column.counts[code]), int(column.counts[target])
    ratio = (5 if n <= 3 else 50) * distance
    if n_target < ratio * n:
        return False
    if "".join(column.values[code].split()) == "".join(column.values[target].split()):
        return False
    ours, theirs = edited_signs(column.values[code], column.values[target])
    return any(not sign.isdigit() for sign in ours + theirs) and not (
        all(sign.isdigit() for sign in theirs) and not ours
    )


def _by_chance(column: Column, frequent: Sequence[int], n_near: int, n_rare: int) -> float:
    """Return how much nearness says: little where frequent values are near to each other as well."""
    texts = [column.values[code] for code in frequent[:400]]
    if n_near == 0 or len(texts) < 5:
        return 1.0
    natural = sum(
        1
        for index, (target, _) in nearest(texts, texts, two_from=1_000).items()
        if not all(sign.isdigit() for sign in "".join(edited_signs(texts[index], texts[target])))
    ) / len(texts)
    found = n_near / max(1, n_rare)
    return float(np.clip(1 - natural / max(found, 1e-9), 0.3, 1.0))


def _vote_on_words(column: Column, codes: Sequence[int], votes: Votes) -> None:
    """Vote on values that hold a word which is nowhere else and one slip from a frequent word."""
    n_rows: Counter[str] = Counter()
    holders: dict[str, list[int]] = defaultdict(list)
    for code in codes:
        for word in dict.fromkeys(WORD.findall(column.values[code].casefold())):
            n_rows[word] += int(column.counts[code])
            if len(holders[word]) < 3:
                holders[word].append(code)
    rare = [word for word, n in n_rows.items() if n <= 2 and len(word) >= 5]
    frequent = [word for word, n in n_rows.most_common() if n >= 8]
    if len(rare) > MAX_VALUES or not frequent:
        return
    strengths = {}
    for index, (target, distance) in nearest(rare, frequent, two_from=1_000).items():
        word, usual = rare[index], frequent[target]
        if word[0] == usual[0] and not _is_inflection(word, usual):  # words apart in their first letter are often two
            for code in holders[word]:
                strengths[code] = (
                    0.6 if len(word) >= 6 else 0.5,
                    f"{word!r} is {distance} slip away from {usual!r} ({n_rows[usual]:,}x)",
                )
    votes.values(column, strengths, CellKind.TYPO)


def _is_inflection(word: str, usual: str) -> bool:
    """Whether two words differ at their ends as forms of one word do."""
    common = 0
    for ours, theirs in zip(word, usual, strict=False):
        if ours != theirs:
            break
        common += 1
    ours, theirs = word[common:], usual[common:]
    return common >= 3 and (not ours or ours in ENDINGS) and (not theirs or theirs in ENDINGS)


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")
