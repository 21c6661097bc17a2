"""Tests of certification for categories of records and by amount, from outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from judged_pilots import N, judged_version

from workbench.errors import InputError
from workbench.metrics import CertificationSettings
from workbench.metrics.certified import certify_members, certify_money
from workbench.stats import certify_threshold

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
