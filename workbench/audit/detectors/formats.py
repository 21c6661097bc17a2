"""Cells that are written in another way than their column, or than others of their source."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from workbench.audit.cells import quoted
from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.findings import CellKind, Effort, Severity, until_gone
from workbench.audit.table.inferred import Known
from workbench.audit.table.rules import Rule, RuleKind, regex_text
from workbench.audit.table.writing import LAYOUTS, Styles, is_agreed, styles_of, usual_number, weighed
from workbench.records.tables import (
    FORMAT_NAMED,
    CodedColumn,
    ColumnProfile,
    Semantic,
    is_placeholder,
    number_pattern,
    runs_of,
)

ODD = set('*#@$^~|<>\\{}[]=_"`¬¦§+%!;')
OF_SENTENCES = set('!;"%+=')
BRACKETED = re.compile(r"\[([^\[\]]*)\]|#(?=\d)")
SENTENCE_WORDS = 3  # from there on a cell is read as a title or a sentence, which may hold more signs
OWN_VALUE_ROWS = 5  # a shape that so many rows repeat is no slip of one of them
MIN_CELLS = 20  # of fewer the shares below are made of one cell
NEARLY_ALL = 0.9  # of a column: by trial; lower, and codes of two systems are held against each other
MOST_LAYOUTS = 0.6  # of dates, addresses and zip codes: the writing is then the column's, whatever else is in it
HARDLY_ANY = 0.02  # of a column: by trial; higher, and small groups with a writing of their own are flagged
RARE_SIGN = 0.1  # of a column, for signs that are odd anywhere; digits among words are not (HARDLY_ANY)
FEW_ROWS = 0.005  # of a column: a value that more rows hold has its signs on purpose
SECOND_STYLE = 0.4  # of a column: from there on two styles share it and neither is the wrong one
NO_NUMBER, OTHER_STYLE, OTHER_SHAPE, LIKELY = 0.8, 0.75, 0.7, 0.6  # the surer, the less a clean column has of it
PLAIN_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SIGNS = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}

FORMAT = CellKind(
    "format",
    "values in another format than the rest of their column",
    Severity.MEDIUM,
    "the agent may misread the value, such as a day for a month or a comma for a point",
    until_gone("convert on import to the format that the contract declares", Effort.HOURS, "value in a second format"),
    of_value="written unlike the rest of the column",
)
TYPE = CellKind(
    "type",
    "values of another type than their column",
    Severity.HIGH,
    "arithmetic and comparisons on the field fail or are wrong",
    until_gone("correct the cells at the source and refuse the type on import", Effort.HOURS, "value of another type"),
    of_value="not what the rest of the column is",
)


def vote_on_formats(known: Known, votes: Votes) -> None:
    """Vote on the cells whose style deviates from the column's.

    Not where the contract says how cells are written, or that they are prose, nor where that depends on another column.
    """
    for column, profile in known.each():
        is_said = known.is_prose(column.name) or known.pattern(column.name) is not None
        if is_said or column.position in known.by_source or profile.n_distinct < 2:
            continue
        styles = styles_of(column, profile)
        if profile.is_numeric:
            _vote_on_numbers(column, styles, votes)
        elif profile.is_moment or profile.semantic in LAYOUTS:
            _vote_on_layouts(column, styles, votes)
        else:
            _vote_on_shapes(column, profile, styles, votes)


def _vote_on_numbers(column: CodedColumn, styles: Styles, votes: Votes) -> None:
    """Plain numbers are the rule where there are some; otherwise the one style that nearly all cells have."""
    usual = usual_number(styles)
    if usual is None:
        return
    strengths: dict[str, dict[int, tuple[float, str]]] = {"type": {}, "format": {}}
    for code, name in enumerate(styles.names):
        if name in {usual, ""}:
            continue
        if name == "not a number":
            strengths["type"][code] = (NO_NUMBER, f"{quoted(column.values[code])} in a column of numbers")
        elif usual == "plain number" or styles.shares[name] < SECOND_STYLE:
            strengths["format"][code] = (OTHER_STYLE, f"written as {name}, the column as {usual}")
    votes.values(column, strengths["type"], TYPE)
    votes.values(column, strengths["format"], FORMAT)


def _vote_on_layouts(column: CodedColumn, styles: Styles, votes: Votes) -> None:
    top, share = next(iter(styles.shares.items()), ("", 0.0))
    if share < 0.5:
        return
    strengths = {
        code: (OTHER_STYLE, f"written as {name}, {share:.0%} of the column as {top}")
        for code, name in enumerate(styles.names)
        if name and name != top and styles.shares[name] < SECOND_STYLE
    }
    votes.values(column, strengths, FORMAT)


def _vote_on_shapes(column: CodedColumn, profile: ColumnProfile, styles: Styles, votes: Votes) -> None:
    """Codes follow few shapes; words follow none, but hold few odd signs, and one use of capitals.

    A code of another shape that is as frequent as the others is one of another system, not a slip.
    """
    runs = [runs_of(name) if name else "" for name in styles.names]
    weights = weighed(runs, column.counts)
    total = sum(weights.values())
    if total < MIN_CELLS:
        return
    exact, exact_share = next(iter(styles.shares.items()), ("", 0.0))
    run, n_run = weights.most_common(1)[0]
    strengths: dict[int, tuple[float, str]] = {}
    has_zeros = any(value[:1] == "0" for value in column.values)
    n_own = max(OWN_VALUE_ROWS, total // (3 * len(column.values)))
    for code, (name, shape) in enumerate(zip(styles.names, runs, strict=True)):
        if not name or (column.counts[code] >= n_own and profile.semantic is not Semantic.ZIP):
            continue
        if exact_share >= NEARLY_ALL and name != exact and styles.shares[name] < HARDLY_ANY and "9" in exact:
            strengths[code] = (OTHER_SHAPE, f"shaped {name[:40]}, {exact_share:.0%} of the column {exact[:40]}")
        elif profile.semantic is Semantic.ZIP and has_zeros and exact_share >= MOST_LAYOUTS and len(name) < len(exact):
            strengths[code] = (
                LIKELY,
                f"{len(name)} digits, {exact_share:.0%} of the column have {len(exact)}: a zero is lost",
            )
        elif n_run >= NEARLY_ALL * total and shape != run and weights[shape] < HARDLY_ANY * total and _is_code(run):
            strengths[code] = (LIKELY, f"shaped {shape[:40]}, {n_run / total:.0%} of the column {run[:40]}")
    votes.values(column, strengths, FORMAT)
    _vote_on_signs(column, total, votes)
    _vote_on_case(column, total, votes)


def _is_code(run: str) -> bool:
    return "9" in run or run in {"A+", "A", "a"}


def _vote_on_signs(column: CodedColumn, total: int, votes: Votes) -> None:
    """Vote on signs that hardly any cell holds: odd ones, and digits among words; sentences may hold more."""
    holding: Counter[str] = Counter()
    n_words = sum(len(value.split()) * int(count) for value, count in zip(column.values, column.counts, strict=True))
    is_text = n_words >= SENTENCE_WORDS * total
    signs = [
        {one for one in _without_marks(value, is_text) if one in ODD or (one.isdigit() and not is_text)}
        for value in column.values
    ]
    classes = [{"digit" if sign.isdigit() else sign for sign in found} for found in signs]
    for found, count in zip(classes, column.counts, strict=True):
        for sign in found:
            holding[sign] += int(count)
    strengths = {}
    for code, found in enumerate(classes):
        rare = [sign for sign in found if holding[sign] < (HARDLY_ANY if sign == "digit" else RARE_SIGN) * total]
        if (
            rare
            and column.counts[code] < max(OWN_VALUE_ROWS, FEW_ROWS * total)
            and not is_placeholder(column.values[code])
        ):
            strengths[code] = (LIKELY, f"{rare[0]!r} in {holding[rare[0]] / total:.1%} of the column only")
    votes.values(column, strengths, FORMAT)


def _without_marks(value: str, is_text: bool) -> str:
    """Return a value without the signs that sentences and titles may hold, and without brackets that are closed."""
    if is_text or len(value.split()) >= SENTENCE_WORDS:
        return BRACKETED.sub(r"\1", "".join(sign for sign in value if sign not in OF_SENTENCES))
    return value


def _vote_on_case(column: CodedColumn, total: int, votes: Votes) -> None:
    cases = [_case(value) for value in column.values]
    weights = weighed(cases, column.counts)
    lettered = total - weights["none"]
    for usual in ("lower", "upper"):
        if lettered and weights[usual] >= NEARLY_ALL * lettered:
            strengths = {
                code: (LIKELY, f"capitals unlike {weights[usual] / lettered:.0%} of the column")
                for code, name in enumerate(cases)
                if name not in {usual, "none"} and not is_placeholder(column.values[code])
            }
            votes.values(column, strengths, FORMAT)


def _case(value: str) -> str:
    if not any(sign.isalpha() for sign in value):
        return "none"
    return "lower" if value == value.lower() else "upper" if value == value.upper() else "mixed"


def vote_on_source_formats(known: Known, votes: Votes) -> None:
    """Vote on the cells that are not written as others of their source are, and on those that are no numbers."""
    for position, found in known.by_source.items():
        column = known.encoded.columns[position]
        source = known.encoded.columns[found.source].name
        deviating: npt.NDArray[np.bool_] = (found.of_row >= 0) & (found.usual >= 0) & (found.of_row != found.usual)
        for writing in np.unique(found.of_row[deviating]):
            rows = np.flatnonzero(deviating & (found.of_row == writing))
            reason = f"written {found.writings[writing]}, unlike the rest with the same {source}"
            votes.cells(position, rows, OTHER_STYLE, FORMAT, reason)
        styles = styles_of(column, known.profiles[position])
        strengths = {
            code: (NO_NUMBER, "no number in a column of numbers")
            for code, style in enumerate(styles.names)
            if style == "not a number"
        }
        votes.values(column, strengths, TYPE)


def format_rules(known: Known) -> Iterator[Rule]:
    """Yield what most cells of a column look like, where the contract does not say what all do."""
    for column, profile in known.each():
        is_said = known.pattern(column.name) is not None or column.position in known.by_source
        if not is_said and profile.storage == "VARCHAR":
            found = _pattern(profile, styles_of(column, profile, is_sketch=True))
            if found is not None:
                yield Rule.of(profile, RuleKind.MATCHES, found[2], found[1], pattern=found[0])


def _pattern(profile: ColumnProfile, styles: Styles) -> tuple[str, str, CellKind] | None:
    """Return the regular expression for a column's cells, and what is said of others; None when they follow none."""
    top, share = next(iter(styles.shares.items()), ("", 0.0))
    if is_agreed(profile):
        return regex_text(number_pattern(profile.written.decimal)), "no number", TYPE
    if profile.is_numeric:
        return (PLAIN_NUMBER, "no plain number", TYPE) if usual_number(styles) == "plain number" else None
    if (profile.is_moment or profile.semantic in LAYOUTS) and share >= MOST_LAYOUTS and top in FORMAT_NAMED:
        return regex_text(FORMAT_NAMED[top].pattern), f"not written as {top}", FORMAT
    if profile.semantic in {Semantic.ID, Semantic.CODE, Semantic.ZIP} and share >= NEARLY_ALL:
        pattern = "".join(_SIGNS.get(sign, re.escape(sign)) for sign in top)
        return pattern, f"not shaped {top[:40]}", FORMAT
    return None


OF_FORMATS = Detector("formats", 60, vote_on_formats, (FORMAT, TYPE), True, format_rules)
OF_SOURCES = Detector("formats", 100, vote_on_source_formats)
