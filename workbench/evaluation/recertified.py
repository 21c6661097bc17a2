"""A certified threshold computed again from holdout decisions, at the level that the ledger leaves for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.evaluation.recomputed import HOLDOUT, RecordedEvaluation, development_of
from workbench.evaluation.threshold import stated_bound
from workbench.evidence import require_same
from workbench.metrics import (
    SELECTIVE_ACCURACY,
    CertificationSettings,
    certify_outcomes,
    outlook_json,
    ranked_decisions,
)
from workbench.pilot.charter import Charter
from workbench.records.ledger import SPENT_AT_ONCE, Opening
from workbench.stats import BOUND_SHARE, BoundSource, Certification, CorrelationBound
from workbench.words import SignatureError

FIXED = "fixed beforehand"
LEVEL_TOLERANCE = 1e-9


def check_certification(
    recorded: RecordedEvaluation, charter: Charter, openings: Sequence[Opening], others: Sequence[RecordedEvaluation]
) -> bool:
    """Compute the certification of a holdout evaluation again; return whether it has one.

    Parameters
    ----------
    openings : sequence
        Those of the holdout for this version; each says which share of the significance level it may use.
    others : sequence
        All evaluations of the bundle. With this version's development decisions among them, or where nothing rests on
        such, the whole certification is computed again; else the test at its threshold.

    Raises
    ------
    SignatureError
        What is certified does not follow from the decisions, or not at the level and target agreed.
    """
    block = recorded.content.get("certification")
    if recorded.content["split"] != HOLDOUT or block is None:
        return False
    kpi = next((kpi for kpi in charter.kpis if kpi.metric == SELECTIVE_ACCURACY), None)
    if kpi is None or kpi.target != block["target"]:
        raise SignatureError("what is certified is not the charter's selective accuracy", got=str(block["target"]))
    _check_level(block["confidence_level"], kpi.confidence_level, openings)
    escalate_label = recorded.content["inputs"]["escalate_label"]
    settings = CertificationSettings(
        block["target"],
        block["confidence_level"],
        block["automation_target"],
        escalate_label,
        "entity" if block["clustering"] is None else block["clustering"]["entity"],
        stated_bound(charter),
    )
    development = development_of(recorded, others)
    if development is not None or not _rests_on_development(block):
        again = certify_outcomes(recorded.outcomes, settings, development)
        require_same(again.as_json(), block, "certification")
        _check_words(again, recorded.content.get("outlook"))
    else:
        at_threshold = _at_threshold(recorded, settings, block)
        require_same(at_threshold, {name: block[name] for name in at_threshold}, "certification")
    if block["threshold"] is not None:
        require_same(block["threshold"], recorded.content["threshold"]["threshold"], "certified threshold")
    return True


def _check_level(level: float | None, agreed: float, openings: Sequence[Opening]) -> None:
    """Refuse a level other than what the ledger leaves of the one agreed for this opening."""
    shares = {SPENT_AT_ONCE if one.share is None else one.share for one in openings}
    allowed = [1.0 - share * (1.0 - agreed) for share in shares]
    if level is None or not any(abs(level - one) < LEVEL_TOLERANCE for one in allowed):
        raise SignatureError("a level that the ledger does not leave", got=str(level))


def _at_threshold(
    recorded: RecordedEvaluation, settings: CertificationSettings, block: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the decisions say at a certified threshold; a bound from development records is taken as it is.

    Raises
    ------
    SignatureError
        The exact test at the threshold does not reject, or the bound is not the one stated.
    """
    threshold, clustering = block["threshold"], block["clustering"]
    if clustering is not None:
        settings = replace(settings, bound=_recorded_bound(clustering, settings.bound))
    plain = certify_outcomes(recorded.outcomes, settings)
    confidence, right = ranked_decisions(recorded.outcomes, settings.escalate_label)
    automated = confidence >= (np.inf if threshold is None else threshold)
    n_automated, n_wrong = int(automated.sum()), int((automated & ~right).sum())
    if threshold is not None:
        p_value = float(plain.claim.p_values(np.array([n_wrong]), np.array([n_automated]))[0])
        if p_value > plain.claim.alpha:
            raise SignatureError("the certified threshold does not pass its test", got=f"p = {p_value:.4g}")
        if plain.clustering is not None and plain.clustering.contradicted is not None:
            raise SignatureError("a bound is certified with that the decisions contradict")
    return {
        "threshold": threshold,
        "automation_rate": n_automated / len(confidence),
        "n": len(confidence),
        "n_automated": n_automated,
        "n_wrong": n_wrong,
    }


def _check_words(again: Certification, said: Mapping[str, Any] | None) -> None:
    """Refuse words of what more records would prove that the certification does not give; none are none.

    What warns of columns that are not declared rests on records that are not in a bundle.
    """
    if said is None:
        return
    words = {name: text for name, text in outlook_json(again, ()).items() if name != "warns"}
    require_same(words, {name: said.get(name) for name in words}, "what more records would prove")


def _rests_on_development(block: Mapping[str, Any]) -> bool:
    """Return whether development records fixed the order of the tests, or bound the correlation of errors."""
    clustering = block["clustering"]
    is_bound: bool = clustering is not None and clustering["bound_from"] == BoundSource.DEVELOPMENT.value
    return is_bound or block["order"]["source"] != FIXED


def _recorded_bound(clustering: Mapping[str, Any], stated: CorrelationBound | None) -> CorrelationBound:
    """Return the bound that an evaluation names; one that the charter does not state raises SignatureError."""
    source = BoundSource(clustering["bound_from"])
    named = CorrelationBound(clustering["correlation_at_most"], source, clustering["bound_level_share"])
    if (stated is not None or source is BoundSource.STATED) and named != stated:
        raise SignatureError("the bound of the correlation is not what the charter states", got=str(named.at_most))
    if source is BoundSource.DEVELOPMENT and named.level_share != BOUND_SHARE:
        raise SignatureError("a bound from development records must use its share of the level")
    return named
