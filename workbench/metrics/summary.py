"""The estimates of one agent version on one set of outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.metrics.catalogue import CATALOGUE, Metric
from workbench.metrics.estimate import Estimate
from workbench.metrics.rows import Rows
from workbench.metrics.settings import EvaluationSettings
from workbench.words import InputError, shown

METRIC_NAMES = tuple(CATALOGUE)


@dataclass(frozen=True, slots=True)
class Behind:
    """The records behind a number: those that count, of those it is a share of."""

    number: str
    counted: pd.Index[str]
    of: pd.Index[str]

    @property
    def share(self) -> float | None:
        """The share itself; None of nothing."""
        return len(self.counted) / len(self.of) if len(self.of) else None


def estimate_of(metric: str, outcomes: pd.DataFrame, settings: EvaluationSettings) -> Estimate:
    """Return one estimate; undefined, with the reason as its method, where it cannot be computed.

    Raises
    ------
    InputError
        There is no such metric.
    """
    return _estimate(_entry(metric), Rows(outcomes, settings))


def evaluate_outcomes(
    outcomes: pd.DataFrame, settings: EvaluationSettings, known: Mapping[str, Estimate] | None = None
) -> Mapping[str, Estimate]:
    """Return every estimate by name; the names are those of `METRIC_NAMES`, in this order.

    Listed are those whose column the outcomes have, where they need one; any other is undefined. `known` are taken as
    they are.
    """
    return _Estimates(outcomes, settings, known or {})


class _Estimates(Mapping[str, Estimate]):
    """Every estimate of outcomes, each computed when it is first looked at: most readers want two of them."""

    def __init__(self, outcomes: pd.DataFrame, settings: EvaluationSettings, known: Mapping[str, Estimate]) -> None:
        self._outcomes, self._settings = outcomes, settings
        self._found = dict(known)
        self._names = [name for name, one in CATALOGUE.items() if one.column is None or one.column in outcomes]

    @cached_property
    def _rows(self) -> Rows:
        return Rows(self._outcomes, self._settings)

    def __getitem__(self, name: str) -> Estimate:
        if name not in self._found:
            self._found[name] = _estimate(CATALOGUE[name], self._rows)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def behind_metric(
    metric: str, outcomes: pd.DataFrame, settings: EvaluationSettings, where: Mapping[str, object] | None = None
) -> Behind:
    """Return the ids of the records behind a metric: those that count, and those it is a share of.

    Parameters
    ----------
    where : mapping, optional
        Column of the outcomes to value, None for an empty cell: only these records.

    Raises
    ------
    InputError
        There is no such metric or column, or it needs a threshold.
    """
    entry = _entry(metric)
    if entry.at_threshold and settings.threshold is None:
        raise InputError(f"{metric} is undefined without a threshold")
    rows = Rows(narrowed(outcomes, where), settings)
    if entry.column is not None and entry.column not in outcomes:
        raise InputError(f"{metric} is undefined: the outcomes have no column {entry.column!r}")
    counted, of = entry.behind(rows)
    return Behind(metric, rows.outcomes.index[counted & of], rows.outcomes.index[of])


def narrowed(outcomes: pd.DataFrame, where: Mapping[str, object] | None) -> pd.DataFrame:
    """Return the outcomes whose columns have the named values. Raises InputError where there is no such column."""
    unknown = [name for name in where or {} if name not in outcomes]
    if unknown:
        raise InputError(f"outcomes have no column {unknown[0]!r}", expected=shown(map(str, outcomes.columns)))
    for name, value in (where or {}).items():
        outcomes = outcomes[outcomes[name].isna() if value is None else outcomes[name] == value]
    return outcomes


def _entry(metric: str) -> Metric:
    if metric not in CATALOGUE:
        raise InputError(f"there is no metric {metric!r}", expected=", ".join(CATALOGUE))
    return CATALOGUE[metric]


def _estimate(metric: Metric, rows: Rows) -> Estimate:
    if metric.column is not None and metric.column not in rows.outcomes:
        return rows.undefined("no record says which documents it needs", rows.left_out({"not_said": rows.asked}))
    if metric.at_threshold and rows.settings.threshold is None:
        return rows.undefined("no threshold", rows.left_out({"no_threshold": rows.asked}))
    return metric.value(rows)
