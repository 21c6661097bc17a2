"""Whether records are enough, and sound enough, to develop an agent on and to judge it by."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.audit.overview import ceiling
from workbench.splits import Dataset, Split

# What Gate 2 asks for: 1,000 labelled records to develop on, 200 test cases that nobody developed on.
ENOUGH_DEV = 1_000
ENOUGH_HOLDOUT = 200


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    check, found, wanted : str
        What was looked at, what was found and what would have been good.
    holds : bool
        Whether what was found is good.
    is_blocking : bool
        Whether nothing can be judged before it holds; the others are reservations.
    """

    check: str
    found: str
    wanted: str
    holds: bool
    is_blocking: bool = False


@dataclass(frozen=True, slots=True)
class Audited:
    """What the overview of a dataset gave: `columns_found`, `repeats` and `contradictions`."""

    columns: pd.DataFrame
    repeated: pd.DataFrame
    contradicting: pd.DataFrame


def readiness(dataset: Dataset, audited: Audited, target: float | None = None) -> tuple[Check, ...]:
    """Return the checks a dataset is held against.

    Parameters
    ----------
    dataset : Dataset
    audited : Audited
    target : float, optional
        The highest share of right decisions that the charter asks for.
    """
    columns = audited.columns
    required = columns[columns["required"]]
    n_empty = int((required["n"] - required["filled"]).sum())
    listed = columns[[dataset.contract.columns[name].allowed is not None for name in columns["column"]]]
    n_outside = int(listed["not_allowed"].sum())
    counts = dataset.label_counts().reindex(list(dataset.labels), fill_value=0).sum(axis="columns")
    unused = int((counts == 0).sum())
    return (
        _enough("development records", len(dataset.ids(Split.DEV)), ENOUGH_DEV),
        _enough("holdout records", len(dataset.ids(Split.HOLDOUT)), ENOUGH_HOLDOUT),
        _none("empty cells in required columns", n_empty, f"of {int(required['n'].sum()):,}"),
        _none("cells with a value the contract does not allow", n_outside, f"of {int(listed['filled'].sum()):,}"),
        _none("labels without a record", unused, f"of {len(counts):,}"),
        _none("records repeated across the split", _crossing(audited.repeated), f"of {len(dataset.splits):,}"),
        _reachable(dataset, audited, target),
    )


def _enough(what: str, n: int, wanted: int) -> Check:
    return Check(what, f"{n:,}", f"at least {wanted:,}", n >= wanted, is_blocking=True)


def _none(what: str, n: int, of: str) -> Check:
    return Check(what, f"{n:,} {of}", "none", n == 0)


def _crossing(repeated: pd.DataFrame) -> int:
    """Return how many records repeat one on the other side of the split."""
    if repeated.empty:
        return 0
    return int((repeated.groupby("group")["split"].transform("nunique") > 1).sum())


def _reachable(dataset: Dataset, audited: Audited, target: float | None) -> Check:
    """Return whether the labels agree well enough for the accuracy that is asked for."""
    top = ceiling(dataset, audited.contradicting)
    found = f"{top.contradicting:,} of {top.n:,}; no agent can be right on more than {top.n - top.lost:,}"
    wanted = "no target in the charter" if target is None else f"at least {target:.1%} can be right"
    return Check("development records with contradictory labels", found, wanted, target is None or top.share >= target)
