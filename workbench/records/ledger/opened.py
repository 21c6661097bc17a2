"""Which records an opening saw, as digests beside the ledger: enough to know them again, not to read them.

One line a record: its content, its id, its label. Content is every value but id, label and reason, whatever the columns
are called and in whatever order they stand, so that neither a new name for a pilot, a column or a record nor a new
split makes a record new. A list of before this holds ids only.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench.files import write_atomically

OPENED_FOLDER = "opened"
RULE = 2  # how records are known again, by their values as read; entries of the ledger name it
DIGITS = 16
NAME_DIGITS = 32


@dataclass(frozen=True, slots=True, eq=False)
class OpenedRecords:
    """Records as digests.

    Parameters
    ----------
    content, ids, labels : tuple of str
        Digests of each record, in one order; a record that a list of before knows by its id alone has "" for the rest.
    """

    content: tuple[str, ...]
    ids: tuple[str, ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def digest(self) -> str:
        """Digest of the list: its name beside the ledger."""
        return hashlib.sha256(self._text().encode()).hexdigest()[:NAME_DIGITS]

    def write(self, ledger: Path) -> str:
        """Write the list beside a ledger and return its name."""
        path = ledger.parent / OPENED_FOLDER / self.digest
        if not path.is_file():
            write_atomically(path, self._text())
        return path.name

    def seen_in(self, earlier: OpenedRecords, *, by_id: bool) -> int:
        """Return how many of these records an earlier opening saw: the same content, or the same id where ids count."""
        content = set(earlier.content) - {""}
        ids = set(earlier.ids) if by_id else set()
        return sum(one in content or name in ids for one, name in zip(self.content, self.ids, strict=True))

    def _text(self) -> str:
        return "\n".join(sorted(" ".join(row) for row in zip(self.content, self.ids, self.labels, strict=True)))


def read_opened(ledger: Path, name: str) -> OpenedRecords | None:
    """Return a list beside a ledger; None when it is not there or is not the one that its name says."""
    path = ledger.parent / OPENED_FOLDER / name
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    if hashlib.sha256(text.encode()).hexdigest()[:NAME_DIGITS] != name:
        return None
    rows = [("", row[0], "") if len(row) == 1 else (row[0], row[1], row[2]) for row in map(str.split, text.split("\n"))]
    content, ids, labels = zip(*rows, strict=True) if rows else ((), (), ())
    return OpenedRecords(content, ids, labels)


def opened_records(content: pd.Series[str], labels: pd.Series[str]) -> OpenedRecords:
    """Return records as digests; both are indexed by record id."""
    hashed = [digest[:DIGITS] for digest in content]
    ids = [id_digest(str(name)) for name in content.index]
    told = [label_digest(one, str(label)) for one, label in zip(hashed, labels.loc[content.index], strict=True)]
    return OpenedRecords(tuple(hashed), tuple(ids), tuple(told))


def content_digests(cells: pd.DataFrame) -> pd.Series[str]:
    """Return the digest of each row's values; `cells` is without id, label and reason."""
    rows = zip(*(cells[name].tolist() for name in cells.columns), strict=True)
    digests = [_short(sorted(_spelled(row))) for row in rows]
    return pd.Series(digests or [_short([])] * len(cells), index=cells.index, dtype=object)


def id_digest(record_id: str) -> str:
    """Return the digest that a record's id has in a list."""
    return _short(record_id)


def label_digest(content: str, label: str) -> str:
    """Return the digest that a record's label has in a list, beside the digest of its content."""
    return _short([content, label])


def _spelled(values: tuple[object, ...]) -> Iterator[str]:
    """Yield values as text in its composed form, a whole number the same as integer and as float; no value is none."""
    for value in values:
        if isinstance(value, float) and value.is_integer():
            yield str(int(value))
        elif value is not None and value == value:
            yield unicodedata.normalize("NFC", str(value)).strip()


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
