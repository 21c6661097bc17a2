from __future__ import annotations

import math

import pytest
from hand_outcomes import found, hand_outcomes, nothing

from workbench.metrics import EvaluationSettings, estimate_of
from workbench.pilot import Price
from workbench.words import InputError

PRICE = Price(input_per_million=2.0, output_per_million=10.0)


def test_latency_is_of_the_calls_that_were_made():
    # latencies 1 to 8 s; r9 failed before any call, r10 was never asked
    estimate = found("latency_p50_s", hand_outcomes())
    assert (estimate.value, estimate.n) == (4.0, 8)
    assert estimate.excluded == {"skipped": 1, "not_called": 1}
    assert estimate.method == "order statistics 95%"
    # by hand, binomial(8, 1/2): P(B = 0) = 1/256 = .0039 is within .025, P(B <= 1) = 9/256 = .0352 is not
    assert (estimate.lower, estimate.upper) == (1.0, 8.0)


def test_a_tail_latency_has_no_upper_bound_where_calls_are_few():
    # P(all 8 below the .95 quantile) = .95^8 = .66: no upper bound. P(B <= 5) = .0058 and P(B <= 6) = .0572 for
    # binomial(8, .95): the lower bound is the sixth
    estimate = found("latency_p95_s", hand_outcomes())
    assert (estimate.value, estimate.lower, estimate.upper) == (8.0, 6.0, None)


def test_an_invalid_reply_took_time_too():
    only_invalid = hand_outcomes().query("status == 'invalid'")
    assert found("latency_p50_s", only_invalid).value == 8.0


def test_latency_of_no_call_is_undefined():
    for outcomes in (nothing(), hand_outcomes().query("status == 'skipped'")):
        estimate = found("latency_p50_s", outcomes)
        assert (estimate.value, estimate.n, estimate.method) == (None, 0, "none: no call was made")


def test_throughput_is_decisions_per_hour_of_the_run():
    # 8 calls in 16 s are 1,800 an hour
    estimate = estimate_of("throughput_per_hour", hand_outcomes(), EvaluationSettings(wall_s=16.0))
    assert (estimate.value, estimate.n, estimate.method) == (1800.0, 8, "none")
    assert (estimate.lower, estimate.upper) == (None, None)


def test_throughput_without_a_duration_is_undefined():
    estimate = estimate_of("throughput_per_hour", hand_outcomes(), EvaluationSettings(wall_s=None))
    assert (estimate.value, estimate.method) == (None, "none: the run's duration is not known")
    assert estimate_of("throughput_per_hour", nothing(), EvaluationSettings(wall_s=3.0)).value is None


@pytest.mark.parametrize("wall_s", [0.0, -1.0, math.inf, math.nan])
def test_an_impossible_duration_is_refused(wall_s: float):
    with pytest.raises(InputError, match="positive number of seconds"):
        estimate_of("throughput_per_hour", hand_outcomes(), EvaluationSettings(wall_s=wall_s))


def test_tokens_are_averaged_where_they_are_known():
    # 100, 200, 300: mean 200, standard deviation 100, t(.975, 2) = 4.303 from a table
    estimate = found("prompt_tokens", hand_outcomes())
    half = 4.303 * 100 / math.sqrt(3)
    assert (estimate.value, estimate.n) == (200.0, 3)
    assert (estimate.lower, estimate.upper) == pytest.approx((200 - half, 200 + half), abs=0.05)
    assert estimate.excluded == {"skipped": 1, "no_token_count": 6}
    assert (found("completion_tokens", hand_outcomes()).value, found("completion_tokens", hand_outcomes()).n) == (
        15.0,
        2,
    )


def test_cost_is_tokens_at_their_price():
    # r1: 100 * 2 + 10 * 10 = 300, r2: 200 * 2 + 20 * 10 = 600, per million; r3 has no completion count
    estimate = estimate_of("cost_per_decision", hand_outcomes(), EvaluationSettings(price=PRICE))
    assert estimate.value == pytest.approx(450e-6)
    assert (estimate.n, estimate.excluded) == (2, {"skipped": 1, "no_token_count": 7})
    assert estimate.method == "Student t 95%"


def test_cost_without_a_price_is_undefined_and_not_free():
    estimate = estimate_of("cost_per_decision", hand_outcomes(), EvaluationSettings(price=None))
    assert (estimate.value, estimate.method) == (None, "none: no price")
    assert estimate.excluded == {"skipped": 1, "no_price": 9}


def test_cost_without_token_counts_is_undefined_and_not_free():
    outcomes = hand_outcomes().assign(prompt_tokens=None, completion_tokens=None)
    estimate = estimate_of("cost_per_decision", outcomes, EvaluationSettings(price=PRICE))
    assert (estimate.value, estimate.method) == (None, "none: no token counts")
    assert found("prompt_tokens", nothing()).value is None


def test_a_single_token_count_has_no_interval():
    estimate = found("prompt_tokens", hand_outcomes().iloc[:1])
    assert (estimate.value, estimate.lower, estimate.upper) == (100.0, None, None)
