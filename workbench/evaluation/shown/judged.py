"""One version on the sealed holdout, with everything that is concluded of it: what 03_evaluation shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.audit import critical_note
from workbench.evaluation import Evaluation, evaluate, kpi_results
from workbench.evaluation.shown.ceiling import Ceiling, audited_ceiling
from workbench.evaluation.shown.concluded import conclusions
from workbench.evaluation.shown.conclusion import threshold_in_use
from workbench.evaluation.shown.escalation import escalation_lines
from workbench.evaluation.shown.judgement import judged_brief
from workbench.evaluation.versions import agent_to_judge, as_shown
from workbench.metrics import risk_coverage, risk_coverage_band, undeclared_warning
from workbench.pages import Conclusion
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, read_dataset
from workbench.runs import RunRequest
from workbench.words import Brief


@dataclass(frozen=True, eq=False)
class VersionJudged:
    """A version whose holdout was opened.

    Parameters
    ----------
    dataset : Dataset
        The records as they are.
    ceiling : Ceiling
        The highest accuracy that the labels allow.
    brief : Brief
        How often it is right, what it may decide alone, its KPIs, and what to mind.
    """

    pilot: Pilot
    dataset: Dataset
    evaluation: Evaluation
    ceiling: Ceiling
    brief: Brief
    show_personal: bool

    @property
    def readable(self) -> Dataset:
        """The records as people see them: personal data masked."""
        return self._shown[0]

    @property
    def seen(self) -> Evaluation:
        """The evaluation as people see it."""
        return self._shown[1][0]

    @cached_property
    def concluded(self) -> dict[str, Conclusion]:
        """What follows besides the estimates; see `conclusions`."""
        return conclusions(self.pilot, self.dataset, self.evaluation, self.ceiling)

    @cached_property
    def _shown(self) -> tuple[Dataset, list[Evaluation]]:
        return as_shown(self.pilot, self.dataset, [self.evaluation], self.show_personal)

    @property
    def threshold(self) -> float | None:
        """The threshold that its decisions are routed by, None where it has none."""
        return threshold_in_use(self.evaluation)

    @property
    def curve(self) -> dict[str, pd.DataFrame]:
        """How often it is right against how much it decides alone, by the version's name, for a figure."""
        evaluation = self.evaluation
        return {evaluation.agent: risk_coverage(evaluation.outcomes, evaluation.escalate_label)}

    @property
    def band(self) -> pd.DataFrame:
        """The band around the curve that holds at all of its points at once."""
        return risk_coverage_band(self.evaluation.outcomes, self.evaluation.escalate_label)

    @property
    def marks(self) -> dict[str, float]:
        """The threshold by the version's name, for a figure."""
        return {} if self.threshold is None else {self.evaluation.agent: self.threshold}


def judge_version(pilot: Pilot, agent: str, request: RunRequest, *, show_personal: bool = False) -> VersionJudged:
    """Let a version answer the holdout, open it, and conclude.

    Parameters
    ----------
    agent : str
        An agent of pilot.yaml; empty for the one that stored runs over all development records speak for.

    Raises
    ------
    InputError
        The agent is unknown, or no run speaks for one.
    RunError
        The run was interrupted.
    """
    dataset = read_dataset(pilot)
    evaluation = evaluate(pilot, agent or agent_to_judge(pilot, dataset, request.engine), request, dataset)
    ceiling = audited_ceiling(pilot, dataset.digest, evaluation.estimates["accuracy"])
    clustered = evaluation.errors_cluster_on
    minded = (
        critical_note(pilot, dataset.digest),
        pilot.charter.placeholder_note,
        undeclared_warning(clustered) if clustered else "",
        *escalation_lines(pilot, evaluation, dataset.labels),
        f"highest accuracy that these labels allow: {ceiling.beside}",
    )
    brief = judged_brief(evaluation, kpi_results(pilot.charter, evaluation), minded)
    return VersionJudged(pilot, dataset, evaluation, ceiling, brief, show_personal)
