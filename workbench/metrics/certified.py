"""A certified threshold from outcomes: what may be automated, proved on holdout records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.metrics.escalation import ThresholdChoice
from workbench.metrics.outcomes import is_asked, is_automated, is_right, numbers
from workbench.stats import (
    AmountCertification,
    Certification,
    certify_amounts,
    certify_categories,
    certify_threshold,
)

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


def certify_members(
    outcomes: pd.DataFrame, settings: CertificationSettings, members: Mapping[str, pd.Series[bool]]
) -> dict[str, Certification]:
    """Return a certification for each category of records, all of which hold together at the settings' level.

    Parameters
    ----------
    outcomes : DataFrame
        Of the holdout.
    members : mapping
        Category to whether each record of the outcomes belongs to it; a record may belong to several. One without any
        decision that was asked for is left out.

    Raises
    ------
    InputError
        A setting does not fit.
    """
    asked = is_asked(outcomes).to_numpy()
    decided = outcomes[asked]
    places = {name: np.flatnonzero(flags.to_numpy()[asked]) for name, flags in members.items()}
    places = {name: found for name, found in places.items() if len(found)}
    if not places:
        return {}
    order = np.concatenate(list(places.values()))
    confidence, right = ranked_decisions(decided, settings.escalate_label)
    clusters = _clusters(decided)
    return certify_categories(
        confidence[order],
        right[order],
        np.repeat(np.array(list(places), dtype=object), [len(found) for found in places.values()]),
        target=settings.target,
        confidence_level=settings.confidence_level,
        automation_target=settings.automation_target,
        clusters=None if clusters is None else clusters[order],
    )


def certify_money(
    outcomes: pd.DataFrame, settings: CertificationSettings, amounts: pd.Series[float], largest: float
) -> AmountCertification:
    """Return the certification by amount: the share of automated money that is decided right; entities are clusters.

    Parameters
    ----------
    outcomes : DataFrame
        Of the holdout.
    amounts : Series
        Amount of each record of the outcomes; what has none, or one above the largest, is taken as never automated.
    largest : float
        Largest amount that the agent may decide alone.

    Raises
    ------
    InputError
        A negative amount, or a setting does not fit.
    """
    asked = is_asked(outcomes).to_numpy()
    money = amounts.to_numpy(dtype=np.float64)[asked]
    if (money < 0).any():
        raise InputError("an amount must not be negative", got=f"{int((money < 0).sum()):,} are")
    confidence, right = ranked_decisions(outcomes, settings.escalate_label)
    return certify_amounts(
        np.where(money <= largest, confidence, -np.inf),
        right,
        np.nan_to_num(money),
        target=settings.target,
        largest=largest,
        confidence_level=settings.confidence_level,
        automation_target=settings.automation_target,
        clusters=_clusters(outcomes[asked]),
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
