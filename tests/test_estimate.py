from __future__ import annotations

import json

import numpy as np
import pytest

from workbench.metrics import Estimate
from workbench.stats import IntervalMethod
from workbench.words import InputError


def test_a_proportion_carries_its_denominator_and_what_was_left_out():
    estimate = Estimate.proportion(
        13, 16, excluded={"skipped": 2, "invalid": 0}, method=IntervalMethod.CLOPPER_PEARSON, confidence_level=0.95
    )
    assert (estimate.value, estimate.n, estimate.excluded) == (13 / 16, 16, {"skipped": 2})
    assert (estimate.lower, estimate.upper) == pytest.approx((0.5435, 0.9595), abs=5e-5)  # FINDINGS, section 2
    assert estimate.method == "Clopper-Pearson 95%"


def test_a_proportion_of_nothing_is_undefined():
    estimate = Estimate.proportion(0, 0, excluded={"skipped": 4})
    assert (estimate.value, estimate.lower, estimate.upper, estimate.n) == (None, None, None, 0)
    assert estimate.excluded == {"skipped": 4}


def test_successes_without_trials_are_refused():
    with pytest.raises(InputError, match="nothing can be counted among no decisions"):
        Estimate.proportion(1, 0)


def test_an_estimate_survives_json_with_undefined_as_null():
    estimate = Estimate.proportion(int(np.int64(3)), 4, excluded={"failed": np.int64(2)}, confidence_level=0.975)
    assert json.loads(json.dumps(estimate.as_json())) == {
        "value": 0.75,
        "lower": pytest.approx(estimate.lower),
        "upper": pytest.approx(estimate.upper),
        "n": 4,
        "excluded": {"failed": 2},
        "method": "Wilson 97.5%",
    }
    undefined = Estimate.undefined("no price", {"skipped": 0})
    assert json.loads(json.dumps(undefined.as_json())) == {
        "value": None,
        "lower": None,
        "upper": None,
        "n": 0,
        "excluded": {},
        "method": "none: no price",
    }
