"""From a number back to the records it was counted from."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.evaluation import Evaluation
from workbench.evaluation.versions.tried import rightness_of
from workbench.metrics import CATALOGUE, Behind, behind_metric, narrowed
from workbench.words import InputError

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
        A metric of the catalogue; with `against` also `both_right`, `only_first`, `only_second` or `neither`, where
        this evaluation is the first.
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
    if number not in CATALOGUE:
        raise InputError(f"there is no number {number!r} to trace", expected=", ".join([*CATALOGUE, *PAIRED]))
    return behind_metric(number, evaluation.outcomes, evaluation.settings, where)


def _of_pair(
    evaluation: Evaluation, number: str, where: Mapping[str, object] | None, against: Evaluation | None
) -> Behind:
    if against is None:
        raise InputError(f"{number} is about two versions", expected="against=, the second one")
    first = rightness_of(narrowed(evaluation.outcomes, where))
    second = rightness_of(against.outcomes)
    ids = first.index.intersection(second.index)
    one, two = first.loc[ids], second.loc[ids]
    flags = {"both_right": one & two, "only_first": one & ~two, "only_second": ~one & two, "neither": ~one & ~two}
    return Behind(number, ids[flags[number].to_numpy()], ids)
