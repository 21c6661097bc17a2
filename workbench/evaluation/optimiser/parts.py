"""Which development records an optimiser learns from, chooses by, and never sees."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.records.splits import Dataset, Split
from workbench.words import InputError

FEWEST_RECORDS = 80
SHARE_OF_CALLS = 10
FEWEST_IN_PART = 20


@dataclass(frozen=True, slots=True)
class Parts:
    """Development records by what the optimiser may do with them.

    Parameters
    ----------
    train : pd.Index
        Mistakes on these are shown to the reflecting model.
    validation : pd.Index
        Candidates are chosen by these.
    judging : pd.Index
        No search ever sees these: they judge what a search found.
    """

    train: pd.Index[str]
    validation: pd.Index[str]
    judging: pd.Index[str]


def document_parts(dataset: Dataset, max_calls: int) -> Parts:
    """Return the parts of the development records for a search of at most so many decisions.

    The half that comes later in hash order judges, whatever the budget: a prompt that an earlier search made has not
    seen it either. Of the other half a tenth of the budget each goes to train and to validation, as far as it reaches.
    Records of the same content are on one side.

    Raises
    ------
    InputError
        There are too few development records, or the budget does not pay for one round.
    """
    ids = dataset.ids(Split.DEV)
    if len(ids) < FEWEST_RECORDS:
        raise InputError(
            "there are too few development records to search on some and judge on others",
            got=f"{len(ids):,}",
            expected=f"{FEWEST_RECORDS:,} or more",
        )
    positions = dataset.positions.loc[ids]
    seen = ids[positions <= positions.iloc[len(ids) // 2 - 1]]
    size = min(len(seen) // 2, max(max_calls // SHARE_OF_CALLS, FEWEST_IN_PART))
    if max_calls < 2 * size:
        raise InputError(
            "the budget does not pay for one round of the search",
            where="--max-calls",
            got=f"{max_calls:,}",
            expected=f"{2 * size:,} or more",
        )
    return Parts(seen[:size], seen[size : 2 * size], ids[len(seen) :])
