"""Rare values that are a slip away from a frequent one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from workbench.audit.cells import CellKind
from workbench.audit.detectors.detect_words import vote_on_words
from workbench.audit.detectors.votes import Votes
from workbench.audit.known.mistyped import Texts, mistyped
from workbench.audit.known.neighbours import edited_signs
from workbench.audit.known.slips import LIKELY, slips_among
from workbench.records.tables import CodedColumn, ColumnProfile, Semantic, is_placeholder

FREQUENT = 4
PART = re.compile(r"[^\W_]+")
MAX_VALUES = 60_000
SPELT = frozenset({Semantic.NAME, Semantic.CATEGORY})
UNSUITED = frozenset(
    {
        Semantic.INTEGER, Semantic.NUMBER, Semantic.AMOUNT, Semantic.DATE, Semantic.TIME, Semantic.DATETIME,
        Semantic.URL,
        Semantic.IBAN, Semantic.ISSN, Semantic.ZIP, Semantic.BOOLEAN,
    }
)  # fmt: skip


def vote_on_typos(column: CodedColumn, profile: ColumnProfile, votes: Votes) -> None:
    """Vote on rare values near a frequent one, on other spellings of frequent values, and on slips within texts."""
    if profile.semantic in UNSUITED or profile.n_distinct < 2:
        return
    codes = [code for code, value in enumerate(column.values) if not is_placeholder(value)]
    if len(codes) > MAX_VALUES:
        return
    if profile.semantic is not Semantic.TEXT:
        _vote_on_spellings(column, codes, votes)
    _vote_on_values(column, codes, profile.semantic in SPELT, votes)
    if profile.semantic in {Semantic.TEXT, Semantic.NAME, Semantic.CATEGORY}:
        vote_on_words(column, codes, profile.semantic is Semantic.TEXT, votes)


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
            if code != usual and column.counts[usual] >= max(FREQUENT, 5 * column.counts[code]):
                strengths[code] = (0.7, f"another spelling of {_short(column.values[usual])}")
    votes.values(column, strengths, CellKind.FORMAT)


def _vote_on_values(column: CodedColumn, codes: Sequence[int], is_spelt: bool, votes: Votes) -> None:
    frequent = [code for code in codes if column.counts[code] >= FREQUENT]
    frequent.sort(key=lambda code: -int(column.counts[code]))
    most = int(column.counts[frequent[0]]) if frequent else 0
    n_rows = rows_of_parts(column, codes)
    limit = max(3, most // 50)
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
        strength = (0.85 if length >= 5 else 0.65 if length >= 4 else 0.45) * (1.0 if slip.distance == 1 else 0.85)
        strengths[code] = (
            strength if chance >= LIKELY else strength * 0.5,
            f"rare ({column.counts[code]}x), {slip.distance} slip away from {_short(column.values[slip.target])} "
            f"({column.counts[slip.target]:,}x)",
        )
    votes.values(column, strengths, CellKind.TYPO)


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
    return n_target >= (5 if n <= 3 else 50) * distance * n


def may_be_slip(value: str, usual: str) -> bool:
    """Whether a value may be a mistyped one: no other number, not just other spaces."""
    if "".join(value.split()) == "".join(usual.split()):
        return False
    ours, theirs = edited_signs(value, usual)
    return any(not sign.isdigit() for sign in ours + theirs) and not (
        all(sign.isdigit() for sign in theirs) and not ours
    )


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")
