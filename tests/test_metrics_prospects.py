"""Tests of the words for what is missing."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from workbench.metrics.prospects import undeclared_warning, what_would_do
from workbench.stats import ErrorCluster, certify_threshold


def said(n_wrong: int, automatable: int = 1_000, confidence_level: float = 0.95) -> str:
    confidence, correct = np.linspace(1, 0.1, 1_000), np.ones(1_000, dtype=bool)
    confidence[automatable:] = -np.inf
    correct[np.linspace(0, 799, n_wrong).astype(int)] = False
    found = certify_threshold(
        confidence, correct, target=0.992, automation_target=0.8, confidence_level=confidence_level
    )
    return what_would_do(found)


def test_more_records_are_only_ruled_out_where_the_whole_interval_is_above_the_limit() -> None:
    # Clopper-Pearson: 24 of 800 is 1.93% to 4.43%, 7 of 800 is .35% to 1.79%, by a table of beta quantiles
    assert said(24).startswith(
        "at the errors seen more records would not prove 80% automation: 24 of the 800 surest decisions are wrong "
        "(3.00%, 95% interval 1.93% to 4.43%), and 0.80% may be"
    )
    assert said(7).startswith(
        "how many more records would do cannot be told: 7 of the 800 surest decisions are wrong "
        "(0.88%, 95% interval 0.35% to 1.79%), and 0.80% may be, inside that interval"
    )
    assert "would not prove" not in said(7)


def test_a_number_of_records_is_named_where_one_would_do() -> None:
    assert said(3).endswith("more labelled records give an 80% chance")


@pytest.mark.parametrize(
    ("automatable", "words"),
    [
        (700, "only 700 of 1,000 decisions can be automated at all, so more records do not help; for"),
        (0, "none of 1,000 decisions can be automated at all"),
    ],
)
def test_decisions_that_cannot_be_automated_are_said_to_be_the_reason(automatable: int, words: str) -> None:
    assert said(0, automatable, 0.9999).startswith(words)


def test_nothing_is_missing_where_it_is_proved() -> None:
    assert said(0) == "nothing is missing"


def test_where_nothing_bounds_a_vendor_more_vendors_are_asked_for() -> None:
    right = np.ones(1_000)
    found = certify_threshold(right, right, target=0.992, clusters=np.repeat(np.arange(100), 10))
    found = replace(found, clustering=replace(found.clustering, entity="vendor_no"))
    # 373 vendors that may be wholly wrong are needed without any error, and 100 are there
    assert re.fullmatch(r"about 2[78]\d more vendors \(2,[78]\d\d records\) give an 80% chance", what_would_do(found))


def test_a_bound_that_does_not_hold_is_said_with_what_was_seen() -> None:
    vendors = np.repeat(np.arange(200), 10)
    found = certify_threshold(np.ones(2_000), vendors >= 10, target=0.9, clusters=vendors, correlation_at_most=0.1)
    assert re.fullmatch(
        r"the bound of 0\.1 does not hold: errors of one cluster correlate by 0\.\d+ or more \(99% confidence\), "
        r"so a higher one must be stated",
        what_would_do(found),
    )


def test_an_undeclared_column_is_warned_of_with_its_correlation() -> None:
    said = undeclared_warning([ErrorCluster("vendor", 0.2041, 0.001)])
    assert said.startswith("errors cluster on `vendor` (correlation about 0.2): declare it as entity")
