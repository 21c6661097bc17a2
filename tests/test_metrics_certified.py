"""Tests of certification for categories of records and by amount, from outcomes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from judged_pilots import N, judged_version

from workbench.metrics import CertificationSettings, Estimate, EvaluationSettings, estimate_of
from workbench.metrics.certified import (
    certified_accuracy,
    certify_members,
    certify_money,
    certify_outcomes,
    takes_certificate,
)
from workbench.metrics.prospects import assumptions
from workbench.stats import BoundSource, Certification, CorrelationBound, certify_threshold
from workbench.stats.sequence import Order
from workbench.words import InputError

SETTINGS = CertificationSettings(0.9, 0.9)


def flags(places: np.ndarray) -> pd.Series:
    outcomes = judged_version().outcomes
    return pd.Series(places, index=outcomes.index)


def test_each_category_is_certified_on_its_own_records_at_its_part_of_the_level() -> None:
    outcomes = judged_version().outcomes
    blocked = flags(np.arange(N) % 20 == 0)
    found = certify_members(outcomes, SETTINGS, {"blocked": blocked, "others": ~blocked, "nothing": blocked & ~blocked})
    assert sorted(found) == ["blocked", "others"], "a category without a record is left out"
    assert [found[name].n for name in ("blocked", "others")] == [20, 380]
    assert found["others"].confidence_level == pytest.approx(0.95), "half of the 10% for each of two"
    assert found["blocked"].threshold is None
    alone = certify_threshold(outcomes["confidence"][~blocked], np.ones(380), target=0.9, confidence_level=1 - 0.1 / 2)
    assert found["others"].n_automated == alone.n_automated > 0


def test_a_record_may_belong_to_several_categories() -> None:
    outcomes = judged_version().outcomes
    every, half = flags(np.ones(N, dtype=bool)), flags(np.arange(N) < N // 2)
    found = certify_members(outcomes, SETTINGS, {"every": every, "half": half})
    assert {name: one.n for name, one in found.items()} == {"every": N, "half": N // 2}
    assert certify_members(outcomes, SETTINGS, {}) == {}


def test_records_of_one_entity_count_for_less_in_a_category_too() -> None:
    outcomes = judged_version().outcomes.assign(entity=[f"v{i // 40}" for i in range(N)])
    others = flags(np.arange(N) % 20 != 0)
    found = certify_members(outcomes, SETTINGS, {"others": others})["others"]
    assert found.clustering.n_clusters == 10
    assert found.threshold is None, "ten clusters without an error prove nothing to 90%"


def test_amounts_above_the_largest_and_missing_ones_are_never_automated() -> None:
    outcomes = judged_version().outcomes
    amounts = pd.Series(100.0, index=outcomes.index)
    amounts.iloc[:40], amounts.iloc[40:60] = 5_000.0, np.nan
    settings = CertificationSettings(0.5, 0.95)
    found = certify_money(outcomes, settings, amounts, 1_000.0)
    assert found.threshold is not None
    automated = (outcomes["confidence"] >= found.threshold).to_numpy() & (np.arange(N) >= 60)
    assert found.automation_rate == pytest.approx(automated.mean())
    assert found.automated_amount == pytest.approx(100.0 * automated.sum())
    with pytest.raises(InputError, match="an amount must not be negative"):
        certify_money(outcomes, settings, -amounts, 1_000.0)


def vendors_of(outcomes: pd.DataFrame, size: int) -> pd.DataFrame:
    return outcomes.assign(entity=[f"v{place // size}" for place in range(len(outcomes))])


def test_a_stated_bound_an_estimated_one_and_none_are_said_by_the_entitys_name() -> None:
    outcomes = vendors_of(judged_version().outcomes, 4)
    settings = replace(SETTINGS, entity="vendor_id")
    none = certify_outcomes(outcomes, settings)
    assert none.as_json()["clustering"]["bound_from"] == "none"
    assert assumptions(none.clustering).startswith("nothing bounds how errors of one vendor correlate, so one may be")
    stated = certify_outcomes(outcomes, replace(settings, bound=CorrelationBound(0.3)))
    assert "correlate by at most 0.3, as the charter states, and its error rate not" in assumptions(stated.clustering)
    wrong = outcomes.assign(label=np.where(np.arange(N) % 5 == 0, "other", outcomes["label"]))
    estimated = certify_outcomes(outcomes, settings, wrong)
    assert estimated.clustering.bound.source is BoundSource.DEVELOPMENT
    assert f"{N // 4} vendors of {N // 4} also have development records" in assumptions(estimated.clustering)
    assert stated.as_json()["clustering"] == {
        "entity": "vendor_id", "n_clusters": N // 4, "largest": 4, "mean_size": 4.0, "n_on_both_sides": None,
        "contradicted": None, "correlation_at_most": 0.3, "bound_from": "stated", "bound_level_share": 0.0,
    }  # fmt: skip


def certificates_estimate(outcomes: pd.DataFrame, found: Certification, threshold: float) -> Estimate:
    settings = EvaluationSettings(threshold)
    plain = estimate_of("selective_accuracy", outcomes, settings)
    return certified_accuracy(outcomes, found.as_json(), plain, settings)


def test_the_selective_accuracy_is_the_certificates_where_there_is_one() -> None:
    outcomes = judged_version().outcomes
    found = certify_outcomes(outcomes, SETTINGS)
    estimate = certificates_estimate(outcomes, found, found.threshold)
    assert (estimate.lower, estimate.n) == (found.accuracy_lower, found.n_automated)
    assert estimate.method == "certified, one-sided 90%"
    assert estimate.lower <= estimate.value <= estimate.upper


def test_where_nothing_is_certified_no_bound_reaches_the_target() -> None:
    # 100 decisions without an error prove 97.7% at 90% (10% = .977^100), yet ten vendors of ten prove nothing
    confidence = np.ones(100)
    outcomes = pd.DataFrame({"status": "ok", "action": "a", "label": "a", "confidence": confidence})
    alone = certify_outcomes(outcomes, replace(SETTINGS, target=0.97))
    assert alone.threshold == 1.0
    tens = vendors_of(outcomes, 10)
    nothing = certify_outcomes(tens, replace(SETTINGS, target=0.97))
    assert nothing.threshold is None
    estimate = certificates_estimate(tens, nothing, 1.0)
    # each vendor wholly right or wrong: 10% = .7943^10
    assert (estimate.value, estimate.lower, estimate.upper) == (1.0, pytest.approx(0.1 ** (1 / 10), abs=1e-3), 1.0)
    lost = certify_threshold(
        confidence, np.ones(100), target=0.97, confidence_level=0.9, development=Order(0.5, 0.5, "")
    )
    held = certificates_estimate(outcomes, replace(lost, threshold=None), 1.0)
    assert held.lower < 0.97 <= certificates_estimate(outcomes, alone, 1.0).lower


@pytest.mark.parametrize(
    ("metric", "level", "takes"),
    [("selective_accuracy", 0.9, True), ("selective_accuracy", 0.8, True), ("accuracy", 0.9, False),
     ("selective_accuracy", 0.95, False)],
)  # fmt: skip
def test_only_the_same_claim_takes_the_certificate(metric: str, level: float, takes: bool) -> None:
    assert takes_certificate(metric, {"confidence_level": 0.9}, level) is takes
