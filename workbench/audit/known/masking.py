"""Personal data as people may see it: one rule for every cell and every text that is shown.

A mask keeps the shape and the length of a value, so that a reader sees what is wrong with it, and five letters that are
the same wherever the value is. These come from a hash under a key that only the records give: without them nobody can
try names until one fits.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.personal import LONGEST, Found, PersonalData, find_personal_data, may_hold, replaced
from workbench.pilot import PiiClass, Role, TableContract
from workbench.records.tables import runs_of, shape_of

LOOKED_AT_FIRST = 300  # different cells: what half a column holds shows in them
MOSTLY = 0.5  # of them: below, the column is text that is searched piece by piece
LONGEST_SHAPE = 40  # signs: a longer shape would nearly be the text
SHORTEST_WORD = 3  # letters: shorter words are anyone's
# A number of a business is no personal data with certainty.
MASKED = frozenset(PersonalData) - {PersonalData.VAT}
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
# Numbers, but not shares and counts ("12%", "3x").
_NUMBER = re.compile(r"(?<![\w.,])-?\d[\d.,]*(?![\d.,]*[%x\d])")
_OF_NUMBERS = frozenset({"outlier", "out_of_range"})
_SAID_BY_ALL = frozenset({"action", "confidence", "reason"})


@dataclass(frozen=True, slots=True)
class Masking:
    """What of a table is masked, and how.

    Parameters
    ----------
    columns : frozenset of str
        Masked as a whole: declared as personal data, or mostly holding what is recognised as such.
    searched : frozenset of str
        Free text, and columns in which something was recognised: what is recognised in a cell is masked.
    public : frozenset of str
        Words that are no one's: labels and values that the contract lists, and names of columns; in lower case.
    held : frozenset of str
        Columns in whose first different cells something was recognised, a number of a business included.
    key : bytes
        Of the hash; nothing publishes it.
    """

    columns: frozenset[str]
    searched: frozenset[str] = frozenset()
    public: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    key: bytes = field(default=b"", repr=False)

    def value(self, value: object, kind: str = "") -> str:
        """Return the mask of a value.

        Examples
        --------
        >>> Masking(frozenset(), key=b"secret").value("Anna Berg")
        '[Aa+ Aa+, 9 signs, vx5nv]'
        """
        text = unicodedata.normalize("NFC", str(value))
        digest = hmac.digest(self.key, text.strip().encode("utf-8", "surrogatepass"), "sha256")
        name = base64.b32encode(digest)[:5].decode().lower()
        said = f"{kind} " if kind else ""
        return f"[{said}{_shape(text)}, {len(text):,} sign{'s' * (len(text) != 1)}, {name}]"

    def cell(self, name: str, value: Any) -> Any:
        """Return a cell of a column as it is shown; what is empty stays empty."""
        if name not in self.columns and name not in self.searched:
            return value
        if value is None or value is pd.NA or value != value or value == "":
            return value
        return self.value(value) if name in self.columns else self.pieces(value) if isinstance(value, str) else value

    def column(self, cells: pd.Series[Any]) -> pd.Series[Any]:
        """Return a column as it is shown; its name says which one it is."""
        name = str(cells.name)
        if name not in self.columns and name not in self.searched:
            return cells
        shown = {value: self.cell(name, value) for value in cells.dropna().unique()}
        values = [shown.get(value, value) for value in cells]
        return pd.Series(values, index=cells.index, name=cells.name, dtype=object)

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return records as they are shown."""
        parts = [self.column(frame.iloc[:, place]) for place in range(frame.shape[1])]
        return pd.concat(parts, axis="columns") if parts else frame

    def pieces(self, text: str) -> str:
        """Return a text in which what is recognised as personal data is masked; what is not searched is left out.

        Examples
        --------
        >>> Masking(frozenset(), key=b"secret").pieces("Mail an max@firma.de, danke")
        'Mail an [email a+@a+.a+, 12 signs, ur6d6], danke'
        """
        return replaced(text, self._pieces(text))

    def said(self, text: str, cells: Iterable[object] = ()) -> str:
        """Return a text that was made from a record (a prompt's field, a reply, a reason) as it is shown.

        Parameters
        ----------
        text : str
        cells : iterable
            The record's cells in masked columns: where the text repeats one of them, or a word of it, it is masked.
        """
        return replaced(text, self.spans(text, cells))

    def spans(self, text: str, cells: Iterable[object] = ()) -> list[tuple[int, int, str]]:
        """Return what is masked in such a text: where it begins and ends, and what stands for it."""
        found = self._pieces(text)
        values = [spelling for cell in cells for spelling in _spellings(cell)]
        words = {word for value in values for word in _words(value)} - self.public
        said = {value for value in values if value in text} - self.public
        for value in sorted(said, key=lambda one: (-len(one), one)):
            whole = rf"(?<!\w){re.escape(value)}(?!\w)" if len(value) <= SHORTEST_WORD else re.escape(value)
            for match in re.finditer(whole, text):
                _add(found, match.start(), match.end(), self.value(value))
        for match in _WORD.finditer(text):
            if match[0].casefold() in words:
                _add(found, match.start(), match.end(), f"[{_shape(match[0])}]")
        return sorted(found)

    def marked_in(self, cells: Mapping[str, Any]) -> list[object]:
        """Return the cells of a record that are masked."""
        return [value for name, value in cells.items() if name in self.columns]

    def reasons(self, cells: pd.DataFrame) -> pd.DataFrame:
        """Return flagged cells whose reasons quote nothing that is masked."""
        told = cells[["column", "kind", "reason"]].drop_duplicates().itertuples(index=False, name=None)
        shown = {one: self.reason(*map(str, one)) for one in told}
        keys = zip(cells["column"], cells["kind"], cells["reason"], strict=True)
        return cells.assign(reason=[shown[key] for key in keys])

    def reason(self, column: str, kind: str, reason: str) -> str:
        """Return why a cell is flagged: quoted values of masked columns masked, numbers where they are values."""
        is_masked, named = column in self.columns, tuple(f"{name} = " for name in self.columns)

        def quoted(match: re.Match[str]) -> str:
            before, value = reason[: match.start()], _unquoted(match[0])
            is_named = before.endswith(" = ")  # so it is the cell of a column that the reason names
            is_shown = not before.endswith(named) if is_named else not is_masked or value.casefold() in self.public
            return match[0] if is_shown else self.value(value)

        text = _QUOTED.sub(quoted, reason)
        if is_masked and kind in _OF_NUMBERS:
            text = _NUMBER.sub(lambda match: _shape(match[0]), text)
        return self.pieces(text)

    def message(self, text: str) -> str:
        """Return an error about the records as it is shown: what it quotes is masked where it names a masked column."""
        named = sorted(name for name in self.columns if name in text)
        return self.reason(named[0], "", text) if named else self.pieces(text)

    def _pieces(self, text: str) -> list[tuple[int, int, str]]:
        pieces = find_personal_data(text) if may_hold(text) else ()
        known = [one for one in pieces if one.kind in MASKED]
        found = [(one.start, one.end, self.value(text[one.start : one.end], one.kind.value)) for one in known]
        if len(text) > LONGEST:  # the rest was not searched
            _add(found, LONGEST, len(text), f"[{len(text) - LONGEST:,} signs more]")
        return found


def masking_of(frame: pd.DataFrame, contract: TableContract | None, texts: Collection[str], key: bytes) -> Masking:
    """Return how a table's records are shown.

    A column is masked as a whole that the contract marks (`pii`), or of whose first 300 different cells half hold
    something recognised. A record's id names it and is never masked.

    Parameters
    ----------
    frame : DataFrame
        The columns that may be shown.
    contract : TableContract, optional
    texts : collection of str
        Columns of free text.
    key : bytes
        What only those know who have the records: `key_of_files`, `key_of_cells`.
    """
    declared = {} if contract is None else contract.columns
    ids = {name for name, column in declared.items() if column.role is Role.ID}
    marked = {name for name, column in declared.items() if column.pii is not PiiClass.NONE}
    held = {str(name): found for name in frame.columns if any(found := _held(frame[name]))}
    shares = {
        name: sum(any(one.kind in MASKED for one in cell) for cell in found) / len(found)
        for name, found in held.items()
    }
    marked |= {name for name, share in shares.items() if share >= MOSTLY and name not in texts}
    searched = {name for name, share in shares.items() if share > 0} | set(texts)
    return Masking(
        frozenset(marked - ids),
        frozenset(searched - marked - ids),
        frozenset(_public(contract, frame)),
        frozenset(held),
        key,
    )


def _held(cells: pd.Series[Any]) -> list[tuple[Found, ...]]:
    """Return what is recognised in each of the first different cells."""
    first = list(dict.fromkeys(cells.dropna()))[:LOOKED_AT_FIRST]
    return [find_personal_data(text) if may_hold(text) else () for text in map(str, first)]


def _public(contract: TableContract | None, frame: pd.DataFrame) -> Iterable[str]:
    """Yield words that stand for no one."""
    yield from _SAID_BY_ALL
    for name in (*frame.columns, *(() if contract is None else contract.columns)):
        yield str(name).casefold()
    for column in () if contract is None else contract.columns.values():
        for value in column.allowed or () if column.pii is PiiClass.NONE else ():
            yield value.casefold()
            yield from _words(value)


def key_of_files(files: Sequence[Path]) -> bytes:
    """Return a key that the records' files give: a digest that is published nowhere."""
    whole = hashlib.blake2b(person=b"masks")
    for path in files:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, lambda: hashlib.blake2b(person=b"masks")).digest())
    return whole.digest()


def _unquoted(text: str) -> str:
    """Return what a text in quotes says."""
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text[1:-1]


def _spellings(cell: object) -> list[str]:
    """Return how a text may repeat a cell: as it is, and a whole number without its point; nothing of one sign."""
    if cell is None or cell is pd.NA or cell != cell:
        return []
    texts = [str(cell).strip(), *([f"{cell:.0f}"] if isinstance(cell, float) and cell.is_integer() else [])]
    return [text for text in texts if len(text) > 1]


def key_of_cells(cells: pd.Series[Any]) -> bytes:
    """Return a key that a column with its record ids gives, in whatever order."""
    lines = sorted(f"{record}\t{value}" for record, value in cells.astype(str).items())
    return hashlib.blake2b("\n".join(lines).encode("utf-8", "surrogatepass"), person=b"masks").digest()


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text) if len(word) >= SHORTEST_WORD}


def _shape(text: str) -> str:
    """Return classes of signs instead of signs, runs of them written once, cut to forty."""
    shape = shape_of(text[: 4 * LONGEST_SHAPE])
    runs = runs_of(shape if shape.isascii() else "".join(map(_class, shape)))
    return runs if len(runs) <= LONGEST_SHAPE and len(text) <= 4 * LONGEST_SHAPE else f"{runs[:LONGEST_SHAPE]}…"


def _class(sign: str) -> str:
    """Return a class for marks and numbers that are no digits, as other scripts have them; other signs as they are."""
    group = "" if sign.isascii() else unicodedata.category(sign)[0]
    return {"M": "a", "N": "9", "C": "?"}.get(group, sign)


def _add(found: list[tuple[int, int, str]], start: int, end: int, mask: str) -> None:
    """Add what is masked unless it overlaps what already is."""
    if all(end <= first or last <= start for first, last, _ in found):
        found.append((start, end, mask))
