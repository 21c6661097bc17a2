"""What each column is, inferred from its cells or confirmed in the contract."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.records.tables.columns import CodedColumn, Counts, Mask
from workbench.records.tables.formats import BOOLEANS, FORMAT_NAMED, Semantic, format_of, shape_of
from workbench.records.tables.inference import Hints, Written, table_hints, written_as
from workbench.records.tables.placeholders import is_placeholder, may_be_placeholder
from workbench.records.tables.values import missing_texts

LOOKED_AT = 2_000
RARE, ALIKE, MOSTLY = 2, 0.9, 0.8
NAME = re.compile(r"[^\W\d_a-z][^\W\d_]*[a-z][^\W\d_]*")
FAMILY_SHARE = 0.6
NUMERIC = frozenset({Semantic.NUMBER, Semantic.INTEGER, Semantic.AMOUNT, Semantic.PERCENT, Semantic.MEASURE})
MOMENTS = frozenset({Semantic.DATE, Semantic.TIME, Semantic.DATETIME})
KEY_KINDS = frozenset({Semantic.ID, Semantic.CODE, Semantic.INTEGER, Semantic.ZIP, Semantic.NAME, Semantic.MEASURE})
KEY_NAME = re.compile(
    r"(?:^|[^a-z])(?:id|ids|index|key|uuid|guid|no|nr|num|number|code|nummer|schl(?:ü|ue)ssel)$|[a-z]Id$|^index",
    re.IGNORECASE,
)
CODE_NAME = re.compile(
    r"(?:^|[^a-z])(?:id|key|no|nr|num|number|code|nummer|phone|tel|fax|mobile|ssn|ean|gtin|account|kto|blz)(?:[^a-z]|$)",
    re.IGNORECASE,
)
ZIP_NAME = re.compile(r"zip|postal|postcode|plz|post_code", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What one column is.

    Parameters
    ----------
    position : int
    name : str
    storage : str
        DuckDB's type of the file's column.
    semantic : Semantic
    dominant_format : str or None
        Format or shape that most filled cells have; None where no way of writing prevails.
    is_key : bool
        Whether (nearly) every filled cell is different and hardly any is empty.
    n : int
        Rows looked at.
    n_missing : int
        Of them empty or a placeholder.
    n_distinct : int
    confidence : float or None
        Share of filled cells that are what `semantic` says; None when no cell is filled.
    is_declared : bool
        Whether the contract says what the column is.
    written : Written
        Type of the cells and how they are written.
    missing : tuple of str
        Texts that stand for nothing, blank ones left out.
    counts_rows : bool
        Whether the cells are 0, 1, 2, ... or 1, 2, 3, ... in their order.
    """

    position: int
    name: str
    storage: str
    semantic: Semantic
    dominant_format: str | None
    is_key: bool
    n: int
    n_missing: int
    n_distinct: int
    confidence: float | None
    is_declared: bool
    written: Written
    missing: tuple[str, ...] = ()
    counts_rows: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether the cells are quantities."""
        return self.semantic in NUMERIC

    @property
    def is_moment(self) -> bool:
        """Whether the cells are dates or times."""
        return self.semantic in MOMENTS


def profile(
    column: CodedColumn,
    n: int,
    declared: Semantic | None = None,
    is_text: bool = False,
    missing: Sequence[str] | None = None,
) -> ColumnProfile:
    """Return what a column is.

    Parameters
    ----------
    column : CodedColumn
    n : int
        Rows looked at.
    declared : Semantic, optional
        What the contract says its cells are.
    is_text : bool
        Whether the contract says that they are text, whatever they look like.
    missing : sequence of str, optional
        Texts that stand for nothing, where the contract says it; else they are found.
    """
    blank = np.array([is_placeholder(value) for value in column.values], dtype=bool)
    kinds = format_weights(column, ~blank)
    total = sum(kinds.values())
    families: Counter[Semantic] = Counter()
    for name, weight in kinds.items():
        families[FORMAT_NAMED[name].family if name else Semantic.TEXT] += weight
    semantic, confidence = _semantic(column, blank, families, total)
    if is_text and declared is None and semantic in NUMERIC:
        declared = _text_kind(column, blank)
    if missing is not None:
        blank = missing_texts(column.values, missing)
    elif semantic in NUMERIC | MOMENTS:
        blank |= np.array([may_be_placeholder(value) for value in column.values], dtype=bool)
    else:
        blank &= ~_names(column, blank, semantic)
    filled = int(column.counts[~blank].sum()) if len(blank) else 0
    n_distinct = int((~blank).sum())
    is_key = filled >= 0.99 * n and n > 1 and n_distinct >= 0.98 * filled
    is_named = column.position == 0 or KEY_NAME.search(column.name) is not None
    return ColumnProfile(
        position=column.position,
        name=column.name,
        storage=column.storage,
        semantic=declared or semantic,
        dominant_format=(kinds.most_common(1)[0][0] or None) if total else None,
        is_key=is_key and is_named and semantic in KEY_KINDS,
        n=n,
        n_missing=n - filled,
        n_distinct=n_distinct,
        confidence=confidence,
        is_declared=declared is not None,
        written=written_as(column, blank),
        missing=_named_missing(column, blank),
        counts_rows=_counts_rows(column, n),
    )


def _counts_rows(column: CodedColumn, n: int) -> bool:
    if len(column.values) != n or column.values[0] not in ("0", "1"):
        return False
    return column.values == [str(number) for number in range(int(column.values[0]), n + int(column.values[0]))]


def _names(column: CodedColumn, blank: Mask, semantic: Semantic) -> Mask:
    """Return which texts that look like a placeholder are values all the same.

    A capitalised one (Nan) among single capitalised words is a name: no program writes its mark for nothing like that.
    One that stands once or twice is a value where it is written as a name is, in mixed case (xXx), or in the shape of
    the other codes (NA among those of countries).
    """
    found = np.zeros(len(blank), dtype=bool)
    likely = [int(code) for code in np.flatnonzero(blank) if column.values[code].strip().isalpha()]
    if not likely:
        return found
    others = np.flatnonzero(~blank)
    are_names = sum(int(column.counts[code]) for code in others if NAME.fullmatch(column.values[code]))
    has_names = are_names >= MOSTLY * max(1, int(column.counts[others].sum()))
    shapes = Counter(shape_of(column.values[code].strip()) for code in looked_at(column.counts, ~blank))
    for code in likely:
        text, is_rare = column.values[code].strip(), column.counts[code] <= RARE
        is_mixed = text not in (text.lower(), text.upper())
        is_code = shapes[shape_of(text)] >= ALIKE * max(1, shapes.total())
        is_named = text.istitle() and has_names and semantic in (Semantic.NAME, Semantic.CATEGORY)
        is_worded = is_mixed and semantic in (Semantic.NAME, Semantic.TEXT)
        found[code] = is_named or (is_rare and (is_worded or is_code))
    return found


def _named_missing(column: CodedColumn, blank: Mask) -> tuple[str, ...]:
    texts = (column.values[code].strip() for code in np.flatnonzero(blank))
    return tuple(dict.fromkeys(text for text in texts if text))


def settled_profiles(
    columns: Sequence[CodedColumn], found: Sequence[ColumnProfile], given: Hints | None = None
) -> tuple[ColumnProfile, ...]:
    """Return a table's profiles, those of columns that do not tell how they are written read like the others.

    Parameters
    ----------
    columns : sequence of CodedColumn
    found : sequence of ColumnProfile
        Of these columns, in order.
    given : Hints, optional
        What the user says.
    """
    hints = table_hints([one.written for one in found], given or Hints())
    if hints == Hints():
        return tuple(found)
    return tuple(_again(column, one, hints) for column, one in zip(columns, found, strict=True))


def _again(column: CodedColumn, found: ColumnProfile, hints: Hints) -> ColumnProfile:
    if found.written.is_told and not found.written.question:
        return found
    blank = np.array([value.strip() in found.missing or not value.strip() for value in column.values], dtype=bool)
    return replace(found, written=written_as(column, blank, hints))


def format_weights(column: CodedColumn, is_meant: Mask) -> Counter[str]:
    """Return how many rows hold each usual format, "" for none; at most 2,000 distinct values are looked at."""
    weights: Counter[str] = Counter()
    for code in looked_at(column.counts, is_meant):
        found = format_of(column.values[code].strip())
        weights[found.name if found else ""] += int(column.counts[code])
    return weights


def looked_at(counts: Counts, is_meant: Mask) -> Sequence[int]:
    """Return the codes of at most 2,000 of the values meant: half the most frequent, half evenly from the rest."""
    codes = np.flatnonzero(is_meant)
    if len(codes) <= LOOKED_AT:
        return [int(code) for code in codes]
    order = codes[np.argsort(-counts[codes], kind="stable")]
    half = LOOKED_AT // 2
    rest = order[half:]
    spread = rest[np.linspace(0, len(rest) - 1, half).astype(int)]
    return [int(code) for code in np.concatenate([order[:half], np.unique(spread)])]


def _semantic(
    column: CodedColumn, blank: Mask, families: Counter[Semantic], total: int
) -> tuple[Semantic, float | None]:
    """Return the most likely meaning of a column and the share of its filled cells that fit."""
    if not total:
        return Semantic.EMPTY, None
    numeric = sum(weight for family, weight in families.items() if family in NUMERIC)
    values = [value for value, is_blank in zip(column.values, blank, strict=True) if not is_blank]
    folded = {value.strip().lower() for value in values[:50]}
    if len(folded) == 2 and folded in BOOLEANS:
        return Semantic.BOOLEAN, 1.0
    for family, weight in families.most_common():
        if family is not Semantic.TEXT and family not in NUMERIC and weight >= FAMILY_SHARE * total:
            return family, weight / total
    moments = sum(weight for family, weight in families.items() if family in MOMENTS)
    if moments >= FAMILY_SHARE * total:
        return max(MOMENTS, key=lambda family: families[family]), moments / total
    if numeric >= FAMILY_SHARE * total and _has_few_units(values, families):
        return _number_kind(column, blank, families), numeric / total
    return _text_kind(column, blank), 1.0


def _has_few_units(values: list[str], families: Counter[Semantic]) -> bool:
    """Whether what follows the numbers of a column may be units: few different ones, however often each."""
    if families[Semantic.MEASURE] < 0.1 * sum(families.values()):
        return True
    units = Counter(re.sub(r"^[+-]?[\d.,]+\s*", "", value.strip()) for value in values[:LOOKED_AT])
    return bool(sum(n for _, n in units.most_common(8)) >= 0.8 * units.total())


def _number_kind(column: CodedColumn, blank: Mask, families: Counter[Semantic]) -> Semantic:
    """Tell numbers from codes written in digits, and numbers with their unit in the cell."""
    top = max(NUMERIC, key=lambda family: families[family])
    if top is not Semantic.NUMBER:
        return top
    texts = [column.values[code] for code in looked_at(column.counts, ~blank)]
    digits = [text for text in texts if text.isdigit()]
    if len(digits) >= 0.6 * len(texts):
        length, n_long = Counter(map(len, digits)).most_common(1)[0]
        if ZIP_NAME.search(column.name) and length in {4, 5, 6}:
            return Semantic.ZIP
        if sum(text[0] == "0" and len(text) > 1 for text in digits) > max(1, 0.005 * len(digits)):
            return Semantic.CODE
        is_fixed = length >= 4 and n_long >= 0.9 * len(digits) and not _is_sequence(digits, length)
        if is_fixed and (length >= 7 or CODE_NAME.search(column.name)):
            return Semantic.CODE
        return Semantic.INTEGER
    return Semantic.NUMBER


def _is_sequence(digits: list[str], length: int) -> bool:
    """Whether numbers of one length may be those that happen to be large enough, as in a count that goes on."""
    return bool(min(int(text) for text in digits if len(text) == length) <= 10 ** (length - 1) * 1.02)


def _text_kind(column: CodedColumn, blank: Mask) -> Semantic:
    codes = looked_at(column.counts, ~blank)
    texts = [column.values[code] for code in codes]
    filled = int(column.counts[~blank].sum())
    words = float(np.mean([len(text.split()) for text in texts]))
    repeated = filled / max(1, int((~blank).sum()))
    with_digit = float(np.mean([any(sign.isdigit() for sign in text) for text in texts]))
    if words <= 1.3 and with_digit >= 0.5:
        return Semantic.ID if repeated < 1.2 else Semantic.CODE
    if repeated >= 3 and (len(texts) <= 1_000 or repeated >= 20):
        return Semantic.CATEGORY
    if words <= 6:
        return Semantic.NAME
    return Semantic.TEXT


def is_weak_placeholder(text: str, share: float, semantic: Semantic) -> bool:
    """Whether a text that may be a category of its own stands for a missing value in this column."""
    return may_be_placeholder(text) and (share < 0.1 or semantic in NUMERIC | MOMENTS)
