"""Which columns an agent is shown, which of them are personal data, and what of the pilot names them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from workbench.files import read_text
from workbench.pilot import PROCESS_FILE, PiiClass, Pilot
from workbench.words import InputError

COLUMNS = ("column", "pii", "described", "shown", "named_by")
NAMING = (PROCESS_FILE, "environment.yaml", "prompts/*.md", "*.py")
_BARE_RECORD = re.compile(r"\{[{%][^}]*\brecord\b(?!\s*[.\[])")


def columns_shown(pilot: Pilot) -> pd.DataFrame:
    """Return every column of the contract: its class of personal data, whether an agent sees it, and what names it.

    Columns: column, pii, described (the contract says what it is), shown, named_by: the files of the pilot that name
    the column, with semicolons between; a prompt that takes the whole record names every one. Words in a comment count,
    so a column that nothing names is surely not used, and one that is named may yet be.
    """
    texts = dict(_texts(pilot))
    whole = [name for name, text in texts.items() if name.startswith("prompts/") and _BARE_RECORD.search(text)]
    rows = []
    for name, column in pilot.contract.columns.items():
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        named = [file for file, text in texts.items() if file in whole or word.search(text)]
        is_shown = name in pilot.contract.shown
        rows.append((name, column.pii.value, bool(column.description.strip()), is_shown, ";".join(named)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"described": bool, "shown": bool})


def is_personal(columns: pd.DataFrame) -> pd.Series[bool]:
    """Return which columns the contract declares as personal data."""
    return columns["pii"] != PiiClass.NONE.value


def _texts(pilot: Pilot) -> Iterator[tuple[str, str]]:
    for pattern in NAMING:
        for path in sorted(pilot.suite.glob(pattern)):
            try:
                yield path.relative_to(pilot.suite).as_posix(), read_text(path)
            except InputError:  # a file that cannot be read names nothing
                continue
