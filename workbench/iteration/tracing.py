"""From a number back to the records it was counted from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from workbench.errors import InputError, shown
from workbench.evaluation import Evaluation
from workbench.iteration.tried import rightness_of
from workbench.metrics import is_asked, is_automated, is_needless_escalation, is_right, is_wrong


@dataclass(frozen=True, slots=True)
class Behind:
    """The records behind a share: those that count, of those it is a share of."""

    number: str
    counted: pd.Index[str]
    of: pd.Index[str]

    @property
    def share(self) -> float | None:
        """The share itself; None of nothing."""
        return len(self.counted) / len(self.of) if len(self.of) else None


@dataclass(frozen=True, slots=True)
class _Count:
    """What a share counts and what it is a share of, at a threshold."""

    counted: Callable[[pd.DataFrame, float, str | None], pd.Series[bool]]
    of: Callable[[pd.DataFrame, float, str | None], pd.Series[bool]]
    needs_threshold: bool = True


def _asked(outcomes: pd.DataFrame, _threshold: float, _escalate: str | None) -> pd.Series[bool]:
    return is_asked(outcomes)


def _right(outcomes: pd.DataFrame, _threshold: float, _escalate: str | None) -> pd.Series[bool]:
    return is_right(outcomes)


def _wrong(outcomes: pd.DataFrame, _threshold: float, _escalate: str | None) -> pd.Series[bool]:
    return is_wrong(outcomes)


def _escalated(outcomes: pd.DataFrame, threshold: float, escalate: str | None) -> pd.Series[bool]:
    return is_asked(outcomes) & ~is_automated(outcomes, threshold, escalate)


SHARES: Mapping[str, _Count] = {
    "accuracy": _Count(_right, _asked, needs_threshold=False),
    "automation_rate": _Count(is_automated, _asked),
    "selective_accuracy": _Count(_right, is_automated),
    "missed_escalation": _Count(is_automated, _wrong),
    "missed_escalation_of_all": _Count(lambda o, t, e: is_wrong(o) & is_automated(o, t, e), _asked),
    "over_escalation": _Count(is_needless_escalation, _escalated),
}
PAIRED = ("both_right", "only_first", "only_second", "neither")


def records_behind(
    evaluation: Evaluation,
    number: str,
    *,
    where: Mapping[str, object] | None = None,
    against: Evaluation | None = None,
) -> Behind:
    """Return the ids of the records behind a number of a page: those that count, and those it is a share of.

    Parameters
    ----------
    evaluation : Evaluation
    number : str
        `accuracy`, `automation_rate`, `selective_accuracy`, `missed_escalation`, `missed_escalation_of_all` or
        `over_escalation`; with `against` also `both_right`, `only_first`, `only_second` or `neither`, where this
        evaluation is the first.
    where : mapping, optional
        Column of the outcomes to value: only these records, such as `{"label": "refund"}`, `{"class": "edge"}` or
        `{"label": "refund", "action": "charge"}`.
    against : Evaluation, optional
        The second version of a pair.

    Raises
    ------
    InputError
        There is no such number or column, or it needs a threshold or a second version.
    """
    if number in PAIRED:
        return _of_pair(evaluation, number, where, against)
    if number not in SHARES:
        raise InputError(f"there is no number {number!r} to trace", expected=", ".join([*SHARES, *PAIRED]))
    count = SHARES[number]
    threshold = None if evaluation.threshold is None else evaluation.threshold.threshold
    if count.needs_threshold and threshold is None:
        raise InputError(f"{number} is undefined without a threshold", got=evaluation.threshold_note)
    outcomes = _narrowed(evaluation.outcomes, where)
    at = (outcomes, threshold or 0.0, evaluation.escalate_label)
    of = count.of(*at)
    return Behind(number, outcomes.index[count.counted(*at) & of], outcomes.index[of])


def _of_pair(
    evaluation: Evaluation, number: str, where: Mapping[str, object] | None, against: Evaluation | None
) -> Behind:
    if against is None:
        raise InputError(f"{number} is about two versions", expected="against=, the second one")
    first = rightness_of(_narrowed(evaluation.outcomes, where))
    second = rightness_of(against.outcomes)
    ids = first.index.intersection(second.index)
    one, two = first.loc[ids], second.loc[ids]
    flags = {"both_right": one & two, "only_first": one & ~two, "only_second": ~one & two, "neither": ~one & ~two}
    return Behind(number, ids[flags[number].to_numpy()], ids)


def _narrowed(outcomes: pd.DataFrame, where: Mapping[str, object] | None) -> pd.DataFrame:
    unknown = [name for name in where or {} if name not in outcomes]
    if unknown:
        raise InputError(f"outcomes have no column {unknown[0]!r}", expected=shown(map(str, outcomes.columns)))
    for name, value in (where or {}).items():
        outcomes = outcomes[outcomes[name].isna() if value is None else outcomes[name] == value]
    return outcomes
