"""Digests of a table's rows: a Merkle root that any one row can be proved against, and what was decided.

Source of the tree: RFC 6962, section 2.1 (leaves and nodes are told apart by a first byte).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

ID = "record_id"
DECIDED = (ID, "status", "action", "confidence")
DIGITS = 6


def rows_root(table: pd.DataFrame) -> str:
    """Return the Merkle root of a table's rows, whatever their order and that of the columns.

    Parameters
    ----------
    table : DataFrame
        Columns of text, numbers and nothing else, `record_id` among them. An empty cell is no value, and a number is
        the same as integer and as float, so that a table reads back with the same root.
    """
    names = sorted(table.columns)
    ordered = table.reset_index(drop=True).sort_values(ID, kind="stable")
    rows = zip(*(_plain(ordered[name]) for name in names), strict=True)
    leaves = [json.dumps(names), *(json.dumps(row, ensure_ascii=False) for row in rows)]
    return _root([hashlib.sha256(b"\x00" + leaf.encode()).digest() for leaf in leaves]).hex()


def decided_digest(decisions: pd.DataFrame) -> str:
    """Return the digest of what was decided: status, action and confidence (six digits) of each record.

    Times and texts that differ from run to run are left out: the same decisions made again are no new look.
    """
    rounded = decisions["confidence"].map(lambda value: None if pd.isna(value) else float(f"{value:.{DIGITS}g}"))
    return rows_root(decisions.loc[:, list(DECIDED)].assign(confidence=rounded))


def _plain(values: pd.Series[Any]) -> list[str | int | float | None]:
    missing = values.isna().to_numpy()
    return [None if gone else _cell(value) for value, gone in zip(values.tolist(), missing, strict=True)]


def _cell(value: object) -> str | int | float:
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        number = float(value)
        return int(number) if number.is_integer() else number
    return str(value)


def _root(hashes: Sequence[bytes]) -> bytes:
    level = list(hashes)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        rest = level[len(level) // 2 * 2 :]
        level = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs] + rest
    return level[0]
