"""The judged version as an opening of the holdout has it, with which of its records earlier openings saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.gates.facts import Judged
from workbench.records.ledger import Opening, id_digest, read_opened


def judged_at(
    opening: Opening,
    ledger: tuple[Path, Sequence[Opening]],
    evaluated: tuple[Mapping[str, Any], pd.DataFrame],
    development: tuple[Mapping[str, Any], pd.DataFrame] | None,
) -> Judged:
    """Return the judged version.

    Parameters
    ----------
    opening : Opening
    ledger : (Path, sequence of Opening)
        Where the ledger is, its lists of opened records beside it, and what it holds.
    evaluated : (mapping, DataFrame)
        The evaluation on the holdout as JSON values, and its outcomes, record ids as the index.
    development : (mapping, DataFrame), optional
        The same of the same version on all development records.
    """
    content, outcomes = evaluated
    seen = seen_before(opening, ledger, outcomes.index)
    return Judged(
        content, outcomes, opening.number, opening.charge, opening.rows or "", opening.changes, seen, development
    )


def seen_before(opening: Opening, ledger: tuple[Path, Sequence[Opening]], ids: pd.Index[str]) -> pd.Series[bool] | None:
    """Return which records were seen by openings before the first one of this look; None where no list says so.

    A record is known by its id, and by its content where no other record of today has the same.
    """
    path, openings = ledger
    first = opening.repeat_of or opening.number
    names = {one.records for one in openings if one.number < first}
    lists = [None if name is None else read_opened(path, name) for name in (*names, opening.records)]
    if any(one is None for one in lists):
        return None
    *earlier, own = [one for one in lists if one is not None]
    shared = {one for one, count in Counter(own.content).items() if count > 1}
    content = {one for known in earlier for one in known.content} - {""} - shared
    known_ids = {one for known in earlier for one in known.ids}
    content_of = dict(zip(own.ids, own.content, strict=True))
    digests = [id_digest(name) for name in ids]
    seen = [name in known_ids or content_of.get(name) in content for name in digests]
    return pd.Series(seen, index=ids, dtype=bool)
