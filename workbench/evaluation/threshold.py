"""The threshold of an evaluation: certified on the holdout, or chosen on development records."""

from __future__ import annotations

import pandas as pd

from workbench.evaluation.confidence import decisions_of
from workbench.evaluation.entities import errors_cluster_on
from workbench.metrics import (
    AUTOMATION_RATE,
    SELECTIVE_ACCURACY,
    CertificationSettings,
    ThresholdChoice,
    certify_outcomes,
    is_asked,
    threshold_for,
    threshold_text,
)
from workbench.pilot import Pilot, Role
from workbench.pilot.charter import Charter
from workbench.records.ledger import Opening
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import Journal, RunInfo
from workbench.stats import Certification, CorrelationBound, ErrorCluster


def threshold_of(
    pilot: Pilot, dataset: Dataset, journal: Journal, evaluated: tuple[RunInfo, pd.DataFrame]
) -> tuple[ThresholdChoice | None, str]:
    """Return the threshold chosen on this agent version's largest finished development run, and how it came about."""
    info, outcomes = evaluated
    target = pilot.charter.target(SELECTIVE_ACCURACY)
    if target is None:
        return None, "No threshold: the charter has no KPI on selective_accuracy"
    is_whole = info.split == Split.DEV.value and info.finished and info.planned == len(dataset.ids(Split.DEV))
    found = info.run if is_whole else None
    largest = found or journal.largest_finished(Split.DEV.value, info.agent_digest, info.dataset_digest)
    if largest is None:
        advice = f"workbench evaluate {pilot.name} --agent {info.agent}"
        return None, f"No threshold: this version has no finished development run; {advice}"
    if largest != info.run:
        outcomes = decisions_of(dataset, journal, largest).join(dataset.dev_labels())
    if outcomes["confidence"].isna().all():
        return None, "Takes no decision alone (gives no confidence)"
    choice = threshold_for(outcomes, target, pilot.settings.escalate_label)
    of = f"{len(outcomes):,} development records"
    wanted = f"a selective accuracy of {target:g}{pilot.charter.mark(SELECTIVE_ACCURACY)}"
    if choice is None:
        return None, f"No threshold reaches {wanted} on {of}"
    made = f"chosen on {of} for {wanted}; not certified"
    return choice, f"Threshold {threshold_text(choice.threshold)}, {made}"


def certification_of(
    pilot: Pilot, opening: Opening, outcomes: pd.DataFrame, development: pd.DataFrame | None
) -> Certification | None:
    """Return what the holdout proves at the level this opening is charged; None without a KPI to prove."""
    entity = pilot.contract.column_with(Role.ENTITY)
    settings = certification_settings(pilot.charter, pilot.settings.escalate_label, opening.charge, entity)
    if settings is None or not is_asked(outcomes).any():
        return None
    return certify_outcomes(outcomes, settings, development)


def certification_settings(
    charter: Charter, escalate_label: str | None, share: float, entity: str | None
) -> CertificationSettings | None:
    """Return what is to be certified at a share of the significance level; None without a KPI to prove."""
    kpi = next((kpi for kpi in charter.kpis if kpi.metric == SELECTIVE_ACCURACY), None)
    if kpi is None or not 0.0 < kpi.target < 1.0:
        return None
    automation = charter.target(AUTOMATION_RATE)
    return CertificationSettings(
        target=kpi.target,
        confidence_level=1.0 - share * (1.0 - kpi.confidence_level),
        automation_target=automation if automation is not None and 0.0 < automation < 1.0 else None,
        escalate_label=escalate_label,
        entity=entity or "entity",
        bound=stated_bound(charter),
    )


def stated_bound(charter: Charter) -> CorrelationBound | None:
    """Return the bound of the correlation of errors within an entity that the charter states, None where none is."""
    return None if charter.dependence is None else CorrelationBound(charter.dependence.correlation_at_most)


def development_outcomes(dataset: Dataset, journal: Journal, info: RunInfo) -> pd.DataFrame | None:
    """Return outcomes of this version's largest finished development run, None where there is none."""
    largest = journal.largest_finished(Split.DEV.value, info.agent_digest, info.dataset_digest)
    if largest is None:
        return None
    decisions = decisions_of(dataset, journal, largest)
    return decisions.join(dataset.dev_labels()).join(dataset.strata(decisions.index))


def undeclared_entities(pilot: Pilot, dataset: Dataset, development: pd.DataFrame | None) -> tuple[ErrorCluster, ...]:
    """Return the columns on which development errors cluster where no entity is declared."""
    contract = dataset.contract
    if contract.column_with(Role.ENTITY) is not None or development is None:
        return ()
    return errors_cluster_on(development, dataset.shown(), contract, pilot.settings.escalate_label)
