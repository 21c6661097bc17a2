"""A certified threshold computed again from holdout decisions, at the level that the ledger leaves for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.charter import Charter, KpiMetric
from workbench.errors import SignatureError
from workbench.evidence.recompute import HOLDOUT, Recorded, require_same
from workbench.ledger import SPENT_AT_ONCE, Opening
from workbench.metrics.certified import CertificationSettings, certify_outcomes, ranked_decisions
from workbench.stats.power import binomial_p_values

FIXED = "fixed beforehand"
LEVEL_TOLERANCE = 1e-9


def check_certification(
    recorded: Recorded, charter: Charter, openings: Sequence[Opening], others: Sequence[Recorded]
) -> bool:
    """Compute the certification of a holdout evaluation again; return whether it has one.

    Parameters
    ----------
    openings : sequence
        Those of the holdout for this version; each says which share of the significance level it may use.
    others : sequence
        All evaluations of the bundle. With this version's development decisions among them, or an order of the tests
        that was fixed beforehand, the whole certification is computed again; else the test at its threshold.

    Raises
    ------
    SignatureError
        What is certified does not follow from the decisions, or not at the level and target agreed.
    """
    block = recorded.content.get("certification")
    if recorded.content["split"] != HOLDOUT or block is None:
        return False
    kpi = next((kpi for kpi in charter.kpis if kpi.metric is KpiMetric.SELECTIVE_ACCURACY), None)
    if kpi is None or kpi.target != block["target"]:
        raise SignatureError("what is certified is not the charter's selective accuracy", got=str(block["target"]))
    _check_level(block["confidence_level"], kpi.confidence_level, openings)
    escalate_label = recorded.content["inputs"]["escalate_label"]
    settings = CertificationSettings(
        block["target"], block["confidence_level"], block["automation_target"], escalate_label
    )
    development = _development(recorded, others)
    if development is not None or block["order"]["source"] == FIXED:
        again = certify_outcomes(recorded.outcomes, settings, development).as_json()
        require_same(again, block, "certification")
    else:
        again = _at_threshold(recorded, settings, block["threshold"])
        require_same(again, {name: block[name] for name in again}, "certification")
    if block["threshold"] is not None:
        require_same(block["threshold"], recorded.content["threshold"]["threshold"], "certified threshold")
    return True


def _check_level(level: float | None, agreed: float, openings: Sequence[Opening]) -> None:
    """Refuse a level other than what the ledger leaves of the one agreed for this opening."""
    shares = {SPENT_AT_ONCE if one.share is None else one.share for one in openings}
    allowed = [1.0 - share * (1.0 - agreed) for share in shares]
    if level is None or not any(abs(level - one) < LEVEL_TOLERANCE for one in allowed):
        raise SignatureError("a level that the ledger does not leave", got=str(level))


def _development(recorded: Recorded, others: Sequence[Recorded]) -> Any:
    """Return the outcomes of the same version on development records, None where they are not in the bundle."""
    digest = recorded.content["agent_digest"]
    same = [one for one in others if one.content["split"] != HOLDOUT and one.content["agent_digest"] == digest]
    return same[0].outcomes if same else None


def _at_threshold(recorded: Recorded, settings: CertificationSettings, threshold: float | None) -> dict[str, Any]:
    """Return what the decisions say at a certified threshold.

    Raises
    ------
    SignatureError
        The exact test at the threshold does not reject.
    """
    plain = certify_outcomes(recorded.outcomes, settings)
    confidence, right = ranked_decisions(recorded.outcomes, settings.escalate_label)
    automated = confidence >= (np.inf if threshold is None else threshold)
    n_automated, n_wrong = int(automated.sum()), int((automated & ~right).sum())
    if threshold is not None:
        deflation = 1.0 if plain.clustering is None else plain.clustering.design_effect
        p_value = binomial_p_values([n_wrong], [n_automated], 1.0 - settings.target, deflation)
        if p_value[0] > 1.0 - settings.confidence_level:
            raise SignatureError("the certified threshold does not pass its test", got=f"p = {p_value[0]:.4g}")
    return {
        "threshold": threshold,
        "automation_rate": n_automated / len(confidence),
        "n": len(confidence),
        "n_automated": n_automated,
        "n_wrong": n_wrong,
        "clustering": None if plain.clustering is None else plain.clustering.as_json(),
    }
