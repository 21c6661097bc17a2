"""Slices: where an agent is worse than elsewhere, in declared strata and by search, many looks paid for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from workbench.metrics.outcomes import is_asked, is_wrong
from workbench.metrics.settings import DEFAULT_CONFIDENCE_LEVEL
from workbench.stats import Flags, IntervalMethod, checked_count, holm, more_hits, proportion_bounds
from workbench.words import InputError

SLICE_COLUMNS = ("slice", "n", "wrong", "error_rate", "lower", "upper", "elsewhere", "p", "p_adjusted", "record_ids")
N_QUANTILES = 4
MAX_VALUES = 20
FEWEST = 30


def declared_slices(outcomes: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the error rate of every value of declared strata against all other records, the worst first.

    Denominator: decisions that were asked for; an invalid or failed one is wrong.

    Parameters
    ----------
    outcomes : DataFrame
        With the strata as columns.
    columns : sequence of str
        Strata; a value that is missing is a slice of its own.

    Returns
    -------
    DataFrame
        `slice`, such as "class = edge"; `n`; `wrong`; `error_rate` with its Clopper-Pearson bounds `lower` and `upper`,
        all of which hold together at the confidence level (Bonferroni); `elsewhere`, the error rate of all other
        records, None where there are none; `p`, Fisher's one-sided p-value of "no worse than elsewhere", and
        `p_adjusted`, Holm's over all slices looked at; `record_ids`, a tuple.

    Raises
    ------
    InputError
        The outcomes have no such column.
    """
    asked = outcomes[is_asked(outcomes)]
    _require(asked, columns)
    return _table(asked, list(_values(asked[list(columns)], fewest=1)))


def worst_slices(outcomes: pd.DataFrame, fields: pd.DataFrame, fewest: int = FEWEST) -> pd.DataFrame:
    """Search all fields, and all pairs of them, for slices with more errors than elsewhere; the worst first.

    Which slices are looked at depends on the fields alone, never on errors, and all of them count in the correction.
    Numbers are cut into quarters, text keeps its 20 most frequent values. Two slices of the same records are one.

    Parameters
    ----------
    outcomes : DataFrame
    fields : DataFrame
        Columns an agent may see or strata, on the index of the outcomes.
    fewest : int
        Smallest slice that is looked at, at least 1.

    Returns
    -------
    DataFrame
        As `declared_slices`.

    Raises
    ------
    InputError
        The fields lack records of the outcomes.
    """
    checked_count("fewest", fewest, least=1)
    missing = outcomes.index.difference(fields.index)
    if len(missing):
        raise InputError("the fields lack records of the outcomes", got=f"{len(missing):,} are missing")
    asked = outcomes[is_asked(outcomes)]
    found = list(_values(fields.loc[asked.index], fewest))
    for (one, first), (two, second) in combinations(found[:], 2):
        both = first & second
        if one.split(" = ")[0] != two.split(" = ")[0] and both.sum() >= fewest:
            found.append((f"{one} and {two}", both))
    return _table(asked, _distinct(found))


def _values(fields: pd.DataFrame, fewest: int) -> Iterator[tuple[str, Flags]]:
    """Yield every value of every field that is large enough and not everything, with its records."""
    for name in fields.columns:
        values = _coarse(fields[name])
        codes, kept = pd.factorize(values, use_na_sentinel=False)
        counts = np.bincount(codes, minlength=len(kept))
        for code in np.argsort(-counts, kind="stable")[:MAX_VALUES]:
            if fewest <= counts[code] < len(values) or (fewest == 1 and len(kept) == 1):
                value = kept[code]
                yield f"{name} = {'(empty)' if pd.isna(value) else value}", codes == code


def _coarse(values: pd.Series) -> pd.Series:
    """Return numbers as quarters and everything else as it is."""
    if (
        not pd.api.types.is_numeric_dtype(values)
        or pd.api.types.is_bool_dtype(values)
        or values.nunique() <= MAX_VALUES
    ):
        return values.astype(object)
    return pd.qcut(values, N_QUANTILES, duplicates="drop").astype(object)


def _distinct(found: list[tuple[str, Flags]]) -> list[tuple[str, Flags]]:
    """Return slices without those that hold the same records as an earlier one."""
    by_content: dict[bytes, tuple[str, Flags]] = {}
    for name, flags in found:
        by_content.setdefault(np.packbits(flags).tobytes(), (name, flags))
    return list(by_content.values())


def _table(asked: pd.DataFrame, found: list[tuple[str, Flags]]) -> pd.DataFrame:
    if not found:
        return pd.DataFrame(columns=list(SLICE_COLUMNS))
    wrong = is_wrong(asked).to_numpy()
    members = np.array([flags for _, flags in found])
    n, bad = members.sum(axis=1), (members & wrong).sum(axis=1)
    total, all_bad = len(wrong), int(wrong.sum())
    p = np.array([more_hits((int(b), int(i)), (int(all_bad - b), int(total - i))) for b, i in zip(bad, n, strict=True)])
    level = 1.0 - (1.0 - DEFAULT_CONFIDENCE_LEVEL) / len(found)
    lower, upper = proportion_bounds(bad, n, level, IntervalMethod.CLOPPER_PEARSON)
    rest = total - n
    elsewhere = [int(all_bad - b) / int(r) if r else None for b, r in zip(bad, rest, strict=True)]
    ids = asked["record_id"].to_numpy(dtype=object)
    table = pd.DataFrame(
        {
            "slice": [name for name, _ in found],
            "n": n,
            "wrong": bad,
            "error_rate": bad / n,
            "lower": lower,
            "upper": upper,
            "elsewhere": pd.Series(elsewhere, dtype=object),
            "p": p,
            "p_adjusted": holm(p),
            "record_ids": [tuple(ids[flags]) for flags in members],
        }
    )
    return table.sort_values(["p", "error_rate"], ascending=[True, False], kind="stable", ignore_index=True)


def _require(outcomes: pd.DataFrame, columns: Sequence[str]) -> None:
    unknown = [name for name in columns if name not in outcomes.columns]
    if unknown:
        raise InputError("the outcomes have no such column", got=", ".join(map(repr, unknown)))
