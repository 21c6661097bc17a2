"""A certified threshold from outcomes: what may be automated, proved on holdout records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from workbench.metrics.catalogue import SELECTIVE_ACCURACY
from workbench.metrics.escalation import ThresholdChoice
from workbench.metrics.estimate import Estimate, method_text
from workbench.metrics.outcomes import is_asked, is_automated, is_right, number_column
from workbench.metrics.settings import EvaluationSettings
from workbench.stats import (
    AccuracyClaim,
    AmountCertification,
    CertificateOutlook,
    Certification,
    CorrelationBound,
    Decided,
    Nested,
    UnopenedRecords,
    certificate_outlook,
    certify_amounts,
    certify_categories,
    certify_threshold,
)
from workbench.words import InputError

CLUSTER_COLUMN = "entity"
LEVEL_TOLERANCE = 1e-9


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
    entity : str
        What records depend on together, in one word.
    bound : CorrelationBound, optional
        Stated bound of the correlation of errors within an entity.
    """

    target: float
    confidence_level: float
    automation_target: float | None = None
    escalate_label: str | None = None
    entity: str = CLUSTER_COLUMN
    bound: CorrelationBound | None = None

    def asked(self) -> dict[str, Any]:
        """Return what each kind of certification takes by name."""
        return {name: getattr(self, name) for name in ("target", "confidence_level", "automation_target")}


def certify_outcomes(
    outcomes: pd.DataFrame, settings: CertificationSettings, development: pd.DataFrame | None = None
) -> Certification:
    """Return the certification of a threshold on holdout outcomes.

    Every decision that was asked for is in the denominator; one that the agent escalated, that has no confidence, or
    that is invalid or failed is never automated. Records of one entity are taken as a cluster where there is such a
    column, in the worst case at the bound of their correlation; a record without an entity is a cluster of its own.

    Parameters
    ----------
    outcomes : DataFrame
        Of the holdout.
    development : DataFrame, optional
        Outcomes of the same version on development records, to choose the order of the tests by, and with entities to
        bound their correlation by where no bound is stated.

    Raises
    ------
    InputError
        No decision was asked for, or a setting does not fit.
    """
    confidence, right = ranked_decisions(outcomes, settings.escalate_label)
    entities = _clusters(outcomes[is_asked(outcomes)])
    earlier = None if development is None else _earlier(development, settings, entities is not None)
    found = certify_threshold(
        confidence,
        right,
        **settings.asked(),
        clusters=entities,
        correlation_at_most=None if entities is None else settings.bound,
        development=earlier,
    )
    if found.clustering is None:
        return found
    automatable = outcomes[is_asked(outcomes)][np.isfinite(np.asarray(confidence))]
    both = _n_on_both_sides(automatable, development)
    return replace(found, clustering=replace(found.clustering, entity=settings.entity, n_on_both_sides=both))


def outlook_before_opening(
    development: pd.DataFrame, settings: CertificationSettings, unopened: UnopenedRecords
) -> CertificateOutlook | None:
    """Return what a certificate on unopened records may come to, by outcomes on development records.

    None where development records have no decision that was asked for. Of the unopened records counts enter and no
    more.
    """
    confidence, right = ranked_decisions(development, settings.escalate_label)
    if not len(confidence):
        return None
    entities = _clusters(development[is_asked(development)])
    codes = None if entities is None else np.unique(entities, return_inverse=True)[1]
    claim = AccuracyClaim(settings.target, 1.0 - settings.confidence_level, settings.automation_target)
    return certificate_outlook(Decided(confidence, right, codes), unopened, claim, settings.bound)


def unopened_records(n: int, entities: pd.Series[Any] | None) -> UnopenedRecords:
    """Return the counts of records that a certificate depends on: how many there are, how many entities have how many.

    Parameters
    ----------
    entities : Series, optional
        Of each record; None where records have none. A record without an entity is one of its own.
    """
    if entities is None or not entities.dropna().duplicated().any():
        return UnopenedRecords(n)
    return UnopenedRecords(n, dict(sorted(Counter(Counter(entity_codes(entities).tolist()).values()).items())))


def _earlier(
    development: pd.DataFrame, settings: CertificationSettings, has_entities: bool
) -> tuple[ArrayLike, ...] | None:
    """Return development decisions as arrays, with the entities where they matter; None where there are none."""
    confidence, right = ranked_decisions(development, settings.escalate_label)
    if not len(confidence):
        return None
    entities = _clusters(development[is_asked(development)]) if has_entities else None
    return (confidence, right) if entities is None else (confidence, right, entities)


def _n_on_both_sides(automatable: pd.DataFrame, development: pd.DataFrame | None) -> int | None:
    """Return how many entities of records that can be automated have development records too, None if not known."""
    if development is None or CLUSTER_COLUMN not in development.columns:
        return None
    return len(set(automatable[CLUSTER_COLUMN].dropna()) & set(development[CLUSTER_COLUMN].dropna()))


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
        **settings.asked(),
        clusters=None if clusters is None else clusters[order],
        correlation_at_most=None if clusters is None else settings.bound,
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
        largest=largest,
        **settings.asked(),
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


def takes_certificate(metric: str, block: Mapping[str, Any], level: float) -> bool:
    """Whether an estimate of all records is the certification's: selective accuracy, at its level or a lower one."""
    return metric == SELECTIVE_ACCURACY and level <= block["confidence_level"] + LEVEL_TOLERANCE


def certified_accuracy(
    outcomes: pd.DataFrame, block: Mapping[str, Any], plain: Estimate, settings: EvaluationSettings
) -> Estimate:
    """Return the selective accuracy with bounds that agree with the certification: a KPI has one answer.

    Where a threshold is certified the lower bound is what was proved. Where none is, no lower bound reaches the target:
    a threshold taken from development records is no second chance. Bounds are one-sided at the certification's level,
    with entities in their worst case.

    Parameters
    ----------
    outcomes : DataFrame
        Of the holdout.
    block : mapping
        `Certification.as_json()`.
    plain : Estimate
        The selective accuracy at the evaluation's threshold.
    settings : EvaluationSettings
        Its threshold and the action by which an agent escalates.
    """
    if plain.value is None or settings.threshold is None:
        return plain
    level, clustering = float(block["confidence_level"]), block["clustering"]
    confidence, right = ranked_decisions(outcomes, settings.escalate_label)
    inside, nested = confidence >= settings.threshold, None
    codes = _clusters(outcomes[is_asked(outcomes)])
    if clustering is not None and codes is not None:
        nested = Nested.of(np.unique(codes[inside], return_inverse=True)[1], clustering["correlation_at_most"])
    claim = AccuracyClaim(block["target"], 1.0 - level, clusters=nested)
    least, most = claim.interval(int((~right[inside]).sum()), int(inside.sum()), level)
    if block["threshold"] is not None:
        lower, title = block["accuracy_lower"], "certified, one-sided"
    else:
        lower, title = min(1.0 - most, float(np.nextafter(block["target"], 0.0))), "not certified, one-sided"
    return replace(plain, lower=lower, upper=1.0 - least, method=method_text(title, level))


def ranked_decisions(
    outcomes: pd.DataFrame, escalate_label: str | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return confidence and correctness of every decision asked for; minus infinity for one never automated."""
    asked = is_asked(outcomes).to_numpy()
    automatable = is_automated(outcomes, 0.0, escalate_label).to_numpy()
    confidence = np.where(automatable, number_column(outcomes, "confidence"), -np.inf)
    return confidence[asked], is_right(outcomes).to_numpy()[asked]


def _clusters(asked: pd.DataFrame) -> NDArray[np.int64] | None:
    """Return the entity of each record, or None where no entity has two records."""
    if CLUSTER_COLUMN not in asked.columns:
        return None
    entity = asked[CLUSTER_COLUMN]
    return entity_codes(entity) if entity.dropna().duplicated().any() else None


def entity_codes(cells: pd.Series[Any]) -> NDArray[np.int64]:
    """Return a number per record that is the same for one entity; a record without an entity has one of its own."""
    codes, _ = pd.factorize(cells.astype(object))
    return np.where(codes < 0, -1 - np.arange(len(codes)), codes)
