"""Records and evaluations as people see them: personal data masked, and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from workbench.audit import Masking, key_of_cells, key_of_files, masking_of
from workbench.evaluation import Evaluation
from workbench.pilot import Contract, Pilot, Role
from workbench.records.splits import Dataset

_STRATA = (Role.CLASS, Role.SOURCE, Role.ENTITY, Role.TIMESTAMP)
_SAID = ("reason", "detail", "text")


def masking_of_pilot(pilot: Pilot, dataset: Dataset) -> Masking:
    """Return how a pilot's records are shown."""
    contract = pilot.contract
    key = key_of_files([pilot.data / name for name in contract.records])
    return masking_of(dataset.shown(), contract, contract.columns_with(Role.TEXT), key)


def stratum_as_shown(contract: Contract, role: Role, cells: pd.Series[Any]) -> Callable[[str], str]:
    """Return what masks the values of a stratum, by a key that the values with their record ids give."""
    name = contract.column_with(role) or role.value
    masking = masking_of(cells.to_frame(name), contract, (), key_of_cells(cells))
    return lambda value: str(masking.cell(name, value))


def as_shown(
    pilot: Pilot, dataset: Dataset, evaluations: Sequence[Evaluation], show_personal: bool = False
) -> tuple[Dataset, list[Evaluation]]:
    """Return records and evaluations for tables, pages and files that people read.

    Numbers are the same. Compute on the records as they are; give these to what shows them.

    Parameters
    ----------
    pilot : Pilot
    dataset : Dataset
    evaluations : sequence of Evaluation
    show_personal : bool
        Leave everything as it is: for the eyes of somebody who may read the records.

    Examples
    --------
    `shown, (evaluation,) = as_shown(pilot, dataset, [evaluation])` before `comparisons.examples`.
    """
    if show_personal:
        return dataset, list(evaluations)
    masking = masking_of_pilot(pilot, dataset)
    found = [_masked(one, pilot, dataset, masking) for one in evaluations]
    return dataset.with_shown(masking.frame(dataset.shown())), found


def evaluation_as_shown(
    pilot: Pilot, dataset: Dataset, evaluation: Evaluation, masking: Masking | None = None
) -> Evaluation:
    """Return an evaluation alone as `as_shown` gives it; `masking` where it is known."""
    return _masked(evaluation, pilot, dataset, masking or masking_of_pilot(pilot, dataset))


def _masked(evaluation: Evaluation, pilot: Pilot, dataset: Dataset, masking: Masking) -> Evaluation:
    marked = dataset.shown()[sorted(masking.columns & set(dataset.shown().columns))]
    named = {role.value: pilot.contract.column_with(role) for role in _STRATA}
    strata = {role: name for role, name in named.items() if name is not None}
    return replace(evaluation, outcomes=_outcomes(evaluation.outcomes, masking, (strata, marked)))


def _outcomes(
    outcomes: pd.DataFrame, masking: Masking, records: tuple[Mapping[str, str], pd.DataFrame]
) -> pd.DataFrame:
    """Return decisions whose strata and words are as they are shown; `records`: columns of strata, masked cells."""
    strata, marked = records
    columns = {}
    for role, name in strata.items():
        if role in outcomes.columns:
            columns[role] = masking.column(outcomes[role].rename(name)).rename(role)
    cells = list(map(tuple, marked.reindex(outcomes.index).to_numpy(dtype=object)))
    for name in [name for name in _SAID if name in outcomes.columns]:
        said = list(zip(outcomes[name], cells, strict=True))
        shown = {(text, record): masking.said(text, record) for text, record in set(said) if isinstance(text, str)}
        texts = [shown.get((text, record), text) for text, record in said]
        columns[name] = pd.Series(texts, index=outcomes.index, dtype=object)
    return outcomes.assign(**columns)
