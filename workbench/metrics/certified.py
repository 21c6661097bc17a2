"""A certified threshold from outcomes: what may be automated, proved on holdout records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.metrics.escalation import ThresholdChoice
from workbench.metrics.outcomes import is_asked, is_automated, is_right, numbers
from workbench.stats import Certification, certify_threshold

CLUSTER_COLUMN = "entity"


@dataclass(frozen=True, slots=True)
class CertificationSettings:
    """What is to be certified.

    Parameters
    ----------
    target : float
        Accuracy on automated decisions, in (0, 1).
    confidence_level : float
        In (0, 1), one-sided; already raised for what the opening of the holdout is charged.
    automation_target : float, optional
        Share of records that should be automated.
    escalate_label : str, optional
        The action by which an agent escalates.
    """

    target: float
    confidence_level: float
    automation_target: float | None = None
    escalate_label: str | None = None


def certify_outcomes(
    outcomes: pd.DataFrame, settings: CertificationSettings, development: pd.DataFrame | None = None
) -> Certification:
    """Return the certification of a threshold on holdout outcomes.

    Every decision that was asked for is in the denominator; one that the agent escalated, that has no confidence, or
    that is invalid or failed is never automated. Records of one entity are taken as a cluster where there is such a
    column; a record without an entity is a cluster of its own.

    Parameters
    ----------
    outcomes : DataFrame
        Of the holdout.
    development : DataFrame, optional
        Outcomes of the same version on development records, to choose the order of the tests by.

    Raises
    ------
    InputError
        No decision was asked for, or a setting does not fit.
    """
    confidence, right = ranked_decisions(outcomes, settings.escalate_label)
    earlier = None if development is None else ranked_decisions(development, settings.escalate_label)
    return certify_threshold(
        confidence,
        right,
        target=settings.target,
        confidence_level=settings.confidence_level,
        automation_target=settings.automation_target,
        clusters=_clusters(outcomes[is_asked(outcomes)]),
        development=None if earlier is None or not len(earlier[0]) else earlier,
    )


def choice_of(certification: Certification) -> ThresholdChoice | None:
    """Return a certified threshold as the threshold of an evaluation, None when nothing is certified."""
    if certification.threshold is None:
        return None
    return ThresholdChoice(
        threshold=certification.threshold,
        target=certification.target,
        automated=certification.n_automated,
        right=certification.n_automated - certification.n_wrong,
        asked=certification.n,
        is_certified=True,
    )


def ranked_decisions(
    outcomes: pd.DataFrame, escalate_label: str | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return confidence and correctness of every decision asked for; minus infinity for one never automated."""
    asked = is_asked(outcomes).to_numpy()
    automatable = is_automated(outcomes, 0.0, escalate_label).to_numpy()
    confidence = np.where(automatable, numbers(outcomes, "confidence"), -np.inf)
    return confidence[asked], is_right(outcomes).to_numpy()[asked]


def _clusters(asked: pd.DataFrame) -> NDArray[np.int64] | None:
    """Return the entity of each record, or None where no entity has two records."""
    if CLUSTER_COLUMN not in asked.columns:
        return None
    entity = asked[CLUSTER_COLUMN].astype(object)
    alone = entity.isna().to_numpy()
    if not entity[~alone].duplicated().any():
        return None
    codes, _ = pd.factorize(entity)
    return np.where(alone, -1 - np.arange(len(codes)), codes)
