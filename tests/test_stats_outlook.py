"""Tests of what records say about a proof that they do not give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from workbench.metrics.prospects import what_would_do
from workbench.stats import Certification, Outlook, Prospect, certify_threshold, records_for_power
from workbench.stats.sequence import Order


def seen(n: int, wrong: int, target: float = 0.992, aim: float | None = 0.8, automatable: int | None = None) -> Outlook:
    """Return the outlook on n records with so many errors among the 80% surest, none elsewhere."""
    confidence = np.linspace(1.0, 0.1, n)
    confidence[n if automatable is None else automatable :] = -np.inf
    correct = np.ones(n, dtype=bool)
    correct[np.linspace(0, round(0.8 * n) - 1, wrong).astype(int)] = False
    return certify_threshold(confidence, correct, target=target, automation_target=aim).outlook


def test_a_rate_clearly_above_the_limit_is_out_of_reach() -> None:
    found = seen(1_000, 24)
    assert found.prospect is Prospect.TOO_MANY_ERRORS
    assert (found.n_automated, found.n_wrong, found.records_needed) == (800, 24, None)
    # the exact interval of 24 in 800, from beta quantiles
    assert found.lower == pytest.approx(beta.ppf(0.025, 24, 777))
    assert found.upper == pytest.approx(beta.ppf(0.975, 25, 776))
    assert found.lower > 0.008


@pytest.mark.parametrize("wrong", [7, 8])  # .875% and 1% of 800, where .8% may be: luck or not, nobody can tell
def test_a_rate_a_hair_above_the_limit_is_open_and_not_out_of_reach(wrong: int) -> None:
    found = seen(1_000, wrong)
    assert found.prospect is Prospect.OPEN
    assert found.records_needed is None
    assert found.lower < 0.008 < found.upper


def test_at_a_rate_below_the_limit_a_number_of_records_would_do() -> None:
    found = seen(1_000, 3)
    automated = records_for_power(0.992, 3.5 / 801)
    assert found.prospect is Prospect.MORE_RECORDS
    assert found.records_needed == int(np.ceil(automated / 0.8)) - 1_000


def test_what_cannot_be_automated_cannot_be_proved() -> None:
    found = seen(1_000, 0, automatable=700)
    assert (found.prospect, found.n_automatable, found.n_automated) == (Prospect.TOO_FEW_AUTOMATABLE, 700, 0)
    assert (found.lower, found.upper, found.records_needed) == (None, None, None)
    # 592 of the 700 are certified; more of the 700 need no more records, and beyond them there is nothing to automate
    assert (found.within_reach, found.lost_at) == (None, None)
    assert seen(100, 0, aim=None, automatable=0).prospect is Prospect.TOO_FEW_AUTOMATABLE


def test_where_the_aim_is_out_of_reach_a_lesser_automation_may_be_within_it() -> None:
    confidence, correct = np.linspace(1, 0.1, 1_000), np.ones(1_000, dtype=bool)
    correct[600:800:8] = False
    found = certify_threshold(confidence, correct, target=0.992, automation_target=0.8, confidence_level=0.999).outlook
    assert found.prospect is Prospect.TOO_MANY_ERRORS
    # the first 60% are without an error: the fewest records are needed where most of those are used
    assert found.within_reach == pytest.approx(0.6)
    automated = records_for_power(0.992, 0.5 / 601, confidence=0.999)
    assert found.within_reach_needs == int(np.ceil(automated / 0.6)) - 1_000


def test_clusters_widen_the_interval() -> None:
    confidence, correct = np.linspace(1, 0.1, 1_000), np.ones(1_000, dtype=bool)
    correct[:800:100] = False
    alone = certify_threshold(confidence, correct, target=0.992, automation_target=0.8).outlook
    grouped = certify_threshold(
        confidence, correct, target=0.992, automation_target=0.8, clusters=np.arange(1_000) // 10
    ).outlook
    assert (grouped.lower < alone.lower, grouped.upper > alone.upper) == (True, True)


def test_enough_records_that_an_earlier_test_lost_are_no_matter_of_one_more() -> None:
    # 99% of 2,000: one error among the first 120 fails the first test, though the 1,600 surest have no other
    confidence, correct = np.linspace(1, 0.1, 2_000), np.ones(2_000, dtype=bool)
    correct[[3, 40]] = False
    found = certify_threshold(confidence, correct, target=0.992, development=Order(0.187, 0.2, "by hand"))
    assert found.threshold is None
    assert (found.outlook.prospect, found.outlook.records_needed) == (Prospect.LOST, None)
    assert found.outlook.lost_at == pytest.approx(0.95)
    said = what_would_do(found)
    assert said.endswith("as many new records as these would do, but the first test failed (2 of 400 were wrong)")
    assert "about 1 more" not in said


def test_what_is_certified_needs_nothing() -> None:
    found: Certification = certify_threshold(np.linspace(1, 0, 2_000), np.ones(2_000), target=0.99)
    assert (found.outlook.prospect, found.outlook.records_needed) == (Prospect.PROVED, 0)
    assert found.outlook.as_json()["prospect"] == "proved"
