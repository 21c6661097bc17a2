"""The judged version as an opening of the holdout has it, with which of its records earlier openings saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.gates.facts import Judged
from workbench.ledger import SPENT_AT_ONCE, Opening


def judged_at(
    opening: Opening,
    ledger: tuple[Path, Sequence[Opening]],
    evaluated: tuple[Mapping[str, Any], pd.DataFrame],
    development: pd.DataFrame | None,
) -> Judged:
    """Return the judged version.

    Parameters
    ----------
    opening : Opening
    ledger : (Path, sequence of Opening)
        Where the ledger is, its lists of opened records beside it, and what it holds.
    evaluated : (mapping, DataFrame)
        The evaluation on the holdout as JSON values, and its outcomes, record ids as the index.
    development : DataFrame, optional
        Outcomes of the same version on all development records.
    """
    content, outcomes = evaluated
    share = SPENT_AT_ONCE if opening.share is None else opening.share
    seen = seen_before(opening, ledger, outcomes.index)
    return Judged(content, outcomes, opening.number, share, opening.rows, opening.changes, seen, development)


def seen_before(opening: Opening, ledger: tuple[Path, Sequence[Opening]], ids: pd.Index[str]) -> pd.Series[bool] | None:
    """Return which records an opening for another look saw before; None where no list of opened records says so."""
    return None
