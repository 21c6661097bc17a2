"""Cells that are wrong by themselves: empty, a placeholder, damaged in encoding, with stray white space."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import numpy.typing as npt

from workbench.audit.cells import CellKind
from workbench.audit.detectors.votes import Votes
from workbench.records.tables import (
    MISSING,
    SENTINEL_DATES,
    SENTINELS,
    CodedColumn,
    ColumnProfile,
    Semantic,
    is_placeholder,
    is_weak_placeholder,
    number_in,
)

FEW_MISSING = 0.10
MOJIBAKE = re.compile(
    "Ã[\u0080-\u00bf\u0152-\u2122]|â[\u0080\u20ac][\u0080-\u2122]|Â[\u00a0-\u00bf]|ï¿½|\ufffd|√[©¶º®±§]|Ð[\u0080-\u00bf]"
    "|&(?:amp|lt|gt|quot|nbsp|#\\d+);|\\\\u00[0-9a-f]{2}"
)
# Marks below and through a letter, and marks of other scripts, where no composed letter has them.
FOREIGN_MARK = re.compile(
    "[A-Za-z\u00c0-\u024f\ufffd]"
    "[\u0321-\u0338\u0339-\u0362\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u06d6-\u06ed\u0900-\u0903\u093a-\u094f]"
)
ESCAPED = re.compile(r"(?<=[^\W\d_])''(?=[^\W\d_])")
SENTENCE_END = re.compile(r"(?<=[.!?:;]) {2}(?! )")
WRITTEN_SO, USUAL_SHARE = 5, 0.1
LOST_LETTER = re.compile(r"[A-Za-zÀ-ÿ]\?[a-zà-ÿ]")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060\ufeff\u00ad]")


def vote_on_missing(column: CodedColumn, profile: ColumnProfile, votes: Votes, is_required: bool | None) -> None:
    """Vote on empty cells: sure where the contract requires the field, likely where few are empty in a full column."""
    share = profile.n_missing / profile.n
    blank = [code for code, value in enumerate(column.values) if not value.strip()]
    rows = np.flatnonzero((column.codes == MISSING) | np.isin(column.codes, blank))
    if is_required or (is_required is None and share <= FEW_MISSING and not column.n_marked):
        why = "the field is required" if is_required else f"{1 - share:.1%} of the column is filled"
        votes.cells(column.position, rows, 0.95 if is_required else 0.6, CellKind.MISSING, f"empty, but {why}")


def vote_on_placeholders(column: CodedColumn, profile: ColumnProfile, votes: Votes) -> None:
    """Vote on texts and numbers that stand for a missing value."""
    n_filled = max(1, column.n_filled)
    numbers = [number for value in column.values if (number := number_in(value)) is not None]
    for code, value in enumerate(column.values):
        if not value.strip():
            continue
        share = int(column.counts[code]) / n_filled
        if share > 0.95:
            continue
        if is_placeholder(value) and value.strip() in profile.missing:
            strength = 0.4 if _may_be_code(value, profile) else 0.9
        elif is_weak_placeholder(value, share, profile.semantic):
            strength = 0.85
        elif _is_sentinel(value, int(column.counts[code]), profile, numbers):
            strength = 0.8
        else:
            continue
        votes.value(column, code, strength, CellKind.PLACEHOLDER, f"{value.strip()!r} stands for a missing value")


def _may_be_code(value: str, profile: ColumnProfile) -> bool:
    """Whether a two-letter text is as likely a code (NA: Namibia) as a placeholder."""
    return value in {"NA", "na"} and profile.semantic is Semantic.CATEGORY and profile.n_distinct > 20


def _is_sentinel(value: str, count: int, profile: ColumnProfile, numbers: list[float]) -> bool:
    """Whether a number or date stands for a missing value: repeated, and far from all others."""
    if profile.semantic is Semantic.DATE or profile.semantic is Semantic.DATETIME:
        return value.startswith(SENTINEL_DATES)
    if value.strip().removesuffix(".0") not in SENTINELS or not profile.is_numeric:
        return False
    number = number_in(value)
    if number is None or len(numbers) < 5:
        return False
    others = np.array([one for one in numbers if one != number])
    if number < 0:
        return bool((others >= 0).mean() > 0.99) and count >= 2
    return count >= 2 and number > 2 * float(np.quantile(others, 0.99)) and number > 1.5 * float(others.max())


def vote_on_text_damage(column: CodedColumn, votes: Votes) -> None:
    """Vote on mojibake, lost letters, control characters and stray white space."""
    n_filled = max(1, column.n_filled)
    spaced = _spaced(column)
    marked = _marked(column)
    is_usual = bool(column.counts[spaced].sum() > 0.3 * n_filled) if len(spaced) else False
    for code, value in enumerate(column.values):
        is_plain = value.isascii() and value.isprintable() and not spaced[code]
        if is_plain and not any(sign in value for sign in ("&", "?", "''")):
            continue
        if MOJIBAKE.search(value) or code in marked:
            votes.value(column, code, 0.9, CellKind.ENCODING, "the text was decoded with the wrong encoding")
        elif CONTROL.search(value):
            votes.value(column, code, 0.8, CellKind.ENCODING, "the text holds control or invisible characters")
        elif ESCAPED.search(value):
            votes.value(column, code, 0.8, CellKind.ENCODING, "an apostrophe is doubled, as SQL escapes it")
        elif LOST_LETTER.search(value) and "://" not in value and value.count("?") == 1:
            votes.value(column, code, 0.6, CellKind.ENCODING, "a question mark stands inside a word")
        if spaced[code] and not is_usual and value.strip():
            votes.value(column, code, 0.7, CellKind.WHITESPACE, "white space at an end, or more than one space inside")


def _marked(column: CodedColumn) -> set[int]:
    """Return the values with a mark of another script on a Latin letter; none where a tenth of the column has one."""
    found = [
        code
        for code, value in enumerate(column.values)
        if not value.isascii() and FOREIGN_MARK.search(unicodedata.normalize("NFC", value))
    ]
    return set(found) if column.counts[found].sum() < USUAL_SHARE * column.n_filled else set()


def _spaced(column: CodedColumn) -> npt.NDArray[np.bool_]:
    """Return which values have stray white space; one that many rows write so, and none without, is written so."""
    spaced = np.array([_is_spaced(value) for value in column.values], dtype=bool)
    plain = {value for value, is_one in zip(column.values, spaced, strict=True) if not is_one}
    for code in np.flatnonzero(spaced):
        value = column.values[code]
        is_own = column.counts[code] >= WRITTEN_SO and value == value.strip() and " ".join(value.split()) not in plain
        spaced[code] = not is_own
    return spaced


def _is_spaced(value: str) -> bool:
    """Whether white space stands at an end, or twice in a row other than after the end of a sentence."""
    return value != value.strip() or "  " in SENTENCE_END.sub(" ", value) or "\t" in value or "\u00a0" in value
