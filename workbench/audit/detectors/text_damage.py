"""Texts that were damaged on their way: decoded wrongly, with letters lost or signs that nobody sees, stray spaces."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import numpy.typing as npt

from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.findings import CellKind, Effort, Severity, until_gone
from workbench.audit.table.inferred import Known
from workbench.records.tables import CodedColumn

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
LOST_LETTER = re.compile(r"[A-Za-zÀ-ÿ]\?[a-zà-ÿ]")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060\ufeff\u00ad]")
SURE, LIKELY, OF_SPACES, PERHAPS = 0.9, 0.8, 0.7, 0.6  # how seldom sound text of any column looks so
USUAL_MARKS = 0.1  # from there on the marks are the column's script, not damage
USUAL_SPACES = 0.3  # from there on spaces are how the column is written, as where a field has a fixed width
WRITTEN_SO = 5  # rows with the same spaces in the same place: typed once and copied, or the value's own

ENCODING = CellKind(
    "encoding",
    "damaged characters",
    Severity.MEDIUM,
    "names and texts are not recognised, and the model reads what nobody wrote",
    until_gone("read the source in its own encoding and load it again", Effort.HOURS, "damaged character"),
    of_value="damaged text: wrong encoding, or invisible characters",
)
WHITESPACE = CellKind(
    "whitespace",
    "stray spaces",
    Severity.LOW,
    "values that are the same do not compare as the same",
    until_gone("strip and collapse spaces on import", Effort.HOURS, "stray space"),
    of_value="white space at an end, or more than one space inside",
)


def vote_on_text_damage(known: Known, votes: Votes) -> None:
    """Vote on mojibake, lost letters, control characters and stray white space."""
    for column, _ in known.each():
        spaced, marked = _spaced(column), _marked(column)
        is_usual = bool(column.counts[spaced].sum() > USUAL_SPACES * max(1, column.n_filled)) if len(spaced) else False
        for code, value in enumerate(column.values):
            is_plain = value.isascii() and value.isprintable() and not spaced[code]
            if is_plain and not any(sign in value for sign in ("&", "?", "''")):
                continue
            damage = _damage(value, code in marked)
            if damage is not None:
                votes.value(column, code, damage[0], ENCODING, damage[1])
            if spaced[code] and not is_usual and value.strip():
                votes.value(column, code, OF_SPACES, WHITESPACE, WHITESPACE.of_value)


def _damage(value: str, is_marked: bool) -> tuple[float, str] | None:
    """Return how sure it is that a text is damaged and by what, None where it seems whole."""
    if is_marked or MOJIBAKE.search(value):
        return SURE, "the text was decoded with the wrong encoding"
    if CONTROL.search(value):
        return LIKELY, "the text holds control or invisible characters"
    if ESCAPED.search(value):
        return LIKELY, "an apostrophe is doubled, as SQL escapes it"
    if LOST_LETTER.search(value) and "://" not in value and value.count("?") == 1:
        return PERHAPS, "a question mark stands inside a word"
    return None


def _marked(column: CodedColumn) -> set[int]:
    """Return the values with a mark of another script on a Latin letter; none where a tenth of the column has one."""
    found = [
        code
        for code, value in enumerate(column.values)
        if not value.isascii() and FOREIGN_MARK.search(unicodedata.normalize("NFC", value))
    ]
    return set(found) if column.counts[found].sum() < USUAL_MARKS * column.n_filled else set()


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


OF_TEXT_DAMAGE = Detector("text damage", 30, vote_on_text_damage, (ENCODING, WHITESPACE), is_by_value=True)
