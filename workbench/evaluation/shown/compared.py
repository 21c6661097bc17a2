"""The versions of a pilot on development records, side by side: what 02_prompt_iteration shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.evaluation import Evaluation, evaluate_all
from workbench.evaluation.shown.comparisons import choice_brief
from workbench.evaluation.versions import Tried, as_shown, leading, not_told_apart, paired_differences, tried_versions
from workbench.metrics import Estimate
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, read_dataset
from workbench.runs import RunRequest
from workbench.words import Brief


@dataclass(frozen=True, slots=True, eq=False)
class VersionsCompared:
    """Versions that were asked about the same development records.

    Parameters
    ----------
    dataset, readable : Dataset
        The records, and as people see them: personal data masked.
    asked, evaluations : tuple of Evaluation
        One for each version, and as people see them.
    tried : Tried
        Every version that was ever asked about development records.
    pairs : DataFrame
        See `paired_differences`.
    best : Evaluation
        The one that goes on, or in a trial the one ahead, as people see it.
    brief : Brief
        Which one goes on, and by what.
    """

    dataset: Dataset
    readable: Dataset
    asked: tuple[Evaluation, ...]
    evaluations: tuple[Evaluation, ...]
    tried: Tried
    pairs: pd.DataFrame
    best: Evaluation
    brief: Brief

    @property
    def estimates(self) -> dict[str, Mapping[str, Estimate]]:
        """The estimates of each version."""
        return {evaluation.agent: evaluation.estimates for evaluation in self.evaluations}


def compare_versions(
    pilot: Pilot, agents: Sequence[str], request: RunRequest, *, show_personal: bool = False
) -> VersionsCompared:
    """Ask versions about development records, as far as the journal does not know, and hold them against each other.

    Parameters
    ----------
    agents : sequence of str
        Agents of pilot.yaml; empty for those that it compares.

    Raises
    ------
    InputError
        An agent is unknown, or nothing answers for it.
    RunError
        The run was interrupted, or no version gave any decision.
    """
    dataset = read_dataset(pilot)
    asked = evaluate_all(pilot, list(agents), request, dataset)
    readable, evaluations = as_shown(pilot, dataset, asked, show_personal)
    tried = tried_versions(pilot, dataset, {one.info.agent_digest for one in evaluations})
    best, pairs = leading(evaluations), paired_differences(evaluations, tried)
    unclear = not_told_apart(best.agent, pairs)
    brief = choice_brief(best, len(evaluations), unclear, pilot.charter.placeholder_note)
    return VersionsCompared(dataset, readable, tuple(asked), tuple(evaluations), tried, pairs, best, brief)
