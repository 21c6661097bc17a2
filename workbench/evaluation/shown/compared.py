"""The versions of a pilot on development records, side by side: what 02_prompt_iteration shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.evaluation import BeforeOpening, Evaluation, certificate_before_opening, evaluate_all
from workbench.evaluation.shown.comparisons import choice_brief
from workbench.evaluation.versions import Tried, as_shown, leading, not_told_apart, paired_differences, tried_versions
from workbench.metrics import Estimate, assumed_bound, chance_text, entities, likely_errors
from workbench.pages import Conclusion
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, read_dataset
from workbench.runs import RunRequest
from workbench.words import Brief, counted, percent

NOTHING_TO_CERTIFY = "The charter has no KPI on selective_accuracy, so there is nothing to certify on the holdout."


@dataclass(frozen=True, eq=False)
class VersionsCompared:
    """Versions that were asked about the same development records.

    Parameters
    ----------
    dataset : Dataset
        The records as they are.
    asked : tuple of Evaluation
        One for each version.
    tried : Tried
        Every version that was ever asked about development records.
    pairs : DataFrame
        See `paired_differences`.
    brief : Brief
        Which version goes on, and by what.
    """

    pilot: Pilot
    dataset: Dataset
    asked: tuple[Evaluation, ...]
    tried: Tried
    pairs: pd.DataFrame
    brief: Brief
    show_personal: bool

    @property
    def estimates(self) -> dict[str, Mapping[str, Estimate]]:
        """The estimates of each version."""
        return {evaluation.agent: evaluation.estimates for evaluation in self.asked}

    @property
    def readable(self) -> Dataset:
        """The records as people see them: personal data masked."""
        return self._shown[0]

    @property
    def evaluations(self) -> list[Evaluation]:
        """The versions as people see them."""
        return self._shown[1]

    @property
    def best(self) -> Evaluation:
        """The version that goes on, or in a trial the one ahead, as people see it."""
        return leading(self.evaluations)

    @property
    def certificate(self) -> Conclusion:
        """How many errors a certificate of the leading version on the holdout may have, and how likely it is."""
        found = certificate_before_opening(self.pilot, self.dataset, leading(self.asked).outcomes)
        return Conclusion(NOTHING_TO_CERTIFY) if found is None else certificate_conclusion(found)

    @cached_property
    def _shown(self) -> tuple[Dataset, list[Evaluation]]:
        return as_shown(self.pilot, self.dataset, self.asked, self.show_personal)


def certificate_conclusion(before: BeforeOpening) -> Conclusion:
    """Return what development records say of a certificate as a sentence and the numbers that it rests on."""
    ahead, bound = before.ahead, before.ahead.bound
    row = {
        "automated": f"about {counted(ahead.n_automated, ahead.n)}",
        "errors allowed": "not even none" if ahead.allowed is None else f"{ahead.allowed:,}",
        "errors likely": likely_errors(ahead),
        "chance": chance_text(ahead.chance),
        "wrong on development records": counted(ahead.n_wrong, ahead.n_development) if ahead.n_development else "none",
        "at confidence": percent(1.0 - ahead.level, 2),
        "assumed": "" if bound is None else assumed_bound(entities(before.entity, 1)[2:], bound),
    }
    return Conclusion(str(before), pd.DataFrame([row]))


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
    tried = tried_versions(pilot, dataset, {one.info.agent_digest for one in asked})
    best, pairs = leading(asked), paired_differences(asked, tried)
    unclear = not_told_apart(best.agent, pairs)
    brief = choice_brief(best, len(asked), unclear, pilot.charter.placeholder_note)
    return VersionsCompared(pilot, dataset, tuple(asked), tried, pairs, brief, show_personal)
