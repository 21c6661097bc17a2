"""Personal data in a column, and how much of it is found: recall and precision on labelled texts."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.metrics import Estimate
from workbench.personal import Found, PersonalData, find_personal_data, may_hold

CASES_FILE = Path(__file__).with_name("labelled_texts.jsonl")


def scan(column: pd.Series[Any]) -> pd.DataFrame:
    """Return what a column holds: `row`, `kind` for each piece of personal data; equal cells are read once."""
    values = column.dropna().map(str)
    by_text = {text: find_personal_data(text) if may_hold(text) else () for text in values.unique()}
    rows = [(row, found.kind.value) for row, text in values.items() for found in by_text[text]]
    return pd.DataFrame(rows, columns=["row", "kind"])


@functools.cache
def measured() -> pd.DataFrame:
    """Return recall and precision by kind on the labelled texts that ship with the workbench.

    A piece is found when a finding of its kind covers at least half of its letters.

    Returns
    -------
    DataFrame
        `kind`, `texts_with_it`, `recall`, `precision`: the last two as estimates.
    """
    cases = [json.loads(line) for line in CASES_FILE.read_text(encoding="utf-8").splitlines() if line]
    hits, wanted, given, right = (dict.fromkeys(PersonalData, 0) for _ in range(4))
    for case in cases:
        found = find_personal_data(case["text"])
        pieces = [(PersonalData(kind), *_place(case["text"], piece)) for kind, piece in case["personal_data"]]
        for kind, start, end in pieces:
            wanted[kind] += 1
            hits[kind] += any(one.kind is kind and _covers(one, start, end) for one in found)
        for one in found:
            given[one.kind] += 1
            right[one.kind] += any(one.kind is kind and _covers(one, start, end) for kind, start, end in pieces)
    rows = []
    for kind in PersonalData:
        recall, precision = Estimate.proportion(hits[kind], wanted[kind]), Estimate.proportion(right[kind], given[kind])
        rows.append((kind.value, wanted[kind], recall, precision))
    return pd.DataFrame(rows, columns=["kind", "pieces", "recall", "precision"])


def _place(text: str, piece: str) -> tuple[int, int]:
    start = text.index(piece)
    return start, start + len(piece)


def _covers(one: Found, start: int, end: int) -> bool:
    return 2 * (min(one.end, end) - max(one.start, start)) >= end - start
