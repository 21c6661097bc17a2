"""Everything that a page concludes of one evaluation besides its estimates, for the notebook and the command alike."""

from __future__ import annotations

from workbench.agents import GUARDS
from workbench.evaluation import Evaluation
from workbench.evaluation.label_sets import compared_labels
from workbench.evaluation.shown.ceiling import Ceiling, ceiling_conclusion
from workbench.evaluation.shown.escalation import escalation_conclusion
from workbench.evaluation.shown.guards import guards_conclusion
from workbench.evaluation.shown.high_risk import high_risk_measures, high_risk_members, high_risk_proofs
from workbench.evaluation.shown.labels import labels_conclusion
from workbench.evaluation.shown.retrieval import retrieval_conclusion
from workbench.evaluation.shown.worth import amounts_conclusion, costs_conclusion, minutes_conclusion
from workbench.metrics import NEEDS
from workbench.pages import Conclusion
from workbench.pilot import Pilot
from workbench.records.splits import Dataset


def conclusions(pilot: Pilot, dataset: Dataset, evaluation: Evaluation, ceiling: Ceiling) -> dict[str, Conclusion]:
    """Return the conclusions by name: escalation, noise_ceiling, high_risk, high_risk_proofs, costs, minutes, amounts.

    While the charter has placeholders, `targets` says so first; where guards stand around the agent, `guards` says what
    they did; where people corrected labels, `labels` compares both; where records name the documents that they need,
    `retrieval` says what was found of them. Nothing is asked, and no record is opened that the evaluation has not
    opened.

    Raises
    ------
    InputError
        A rule of the charter names an unknown column, or an amount is negative.
    """
    members = high_risk_members(pilot, dataset, evaluation.outcomes)
    compared = compared_labels(pilot, evaluation)
    placeholders = pilot.charter.placeholder_note
    return {
        **({"targets": Conclusion(placeholders)} if placeholders else {}),
        "escalation": escalation_conclusion(pilot, evaluation, dataset.labels),
        "noise_ceiling": ceiling_conclusion(pilot, ceiling),
        **({"labels": labels_conclusion(compared)} if compared is not None else {}),
        "high_risk": high_risk_measures(pilot, evaluation, members),
        "high_risk_proofs": high_risk_proofs(pilot, evaluation, members),
        "costs": costs_conclusion(pilot, evaluation),
        "minutes": minutes_conclusion(pilot, evaluation),
        "amounts": amounts_conclusion(pilot, dataset, evaluation),
        **({"guards": guards_conclusion(evaluation, members)} if GUARDS in evaluation.identity else {}),
        **({"retrieval": retrieval_conclusion(evaluation)} if NEEDS in evaluation.outcomes else {}),
    }
