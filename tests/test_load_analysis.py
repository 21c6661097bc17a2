"""What follows from the rows of a load test: by hand on rows written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.load_testing.analysis import (
    busy_s,
    day_done_s,
    differing,
    in_system,
    kept_time,
    latencies,
    profiles_table,
    rates_per_h,
    recovery_of,
    slowing_of,
)
from workbench.load_testing.findings import load_findings
from workbench.load_testing.numbers import (
    CHANGED,
    DAY_S,
    ERRORS,
    INTEGRATIONS,
    LEAK_BYTES,
    P50,
    RECOVERY,
    THROUGHPUT,
    estimates_of_load,
)
from workbench.pilot import LoadSettings
from workbench.stats import Floats

NO_CALLS = pd.DataFrame({"profile": [], "tool": [], "outcome": [], "n": [], "system": []}, dtype=object)
NO_SAMPLES = pd.DataFrame({"profile": [], "part": [], "role": [], "decided": [], "rss_bytes": [], "descriptors": []})


WHOLE = {"window_s": 9.0, "real_window_s": 90.0, "wanted": 4, "shortened_to": None}


def rows(due: list[float], taken: list[float], done: list[float], **more: Any) -> pd.DataFrame:
    """Return arrivals of the day that were noticed when they were due, and decided alike with and without load."""
    table = pd.DataFrame({"due_s": due, "fired_s": due, "sent_s": taken, "done_s": done})
    said = {"status": "ok", "cause": None, "action": "approve", "alone": "approve", "phase": "", "profile": "day"}
    table = table.assign(number=range(len(due)), record="R", real_due_s=[10 * one for one in due], part=0, **said)
    return table.assign(**more)


def estimates(arrivals: pd.DataFrame, calls: pd.DataFrame = NO_CALLS, samples: pd.DataFrame = NO_SAMPLES) -> Any:
    tables = {"arrivals": arrivals, "calls": calls, "samples": samples}
    return estimates_of_load(tables, {"seed": 1, "windows": {"day": WHOLE}})


QUEUED = rows([0.0, 1.0, 2.0, 9.0], [0.0, 2.5, 5.0, 9.0], [2.5, 5.0, 7.5, 11.5])  # one at a time, 2.5 s each


def test_latency_counts_from_the_schedule_and_from_the_send() -> None:
    assert latencies(QUEUED).tolist() == [2.5, 4.0, 5.5, 2.5]
    assert latencies(QUEUED, "sent_s").tolist() == [2.5] * 4
    assert estimates(QUEUED)[P50].value == 2.5


def test_what_waits_is_counted_at_each_arrival_and_decision() -> None:
    found = in_system(QUEUED)
    assert found["t_s"].tolist() == [0.0, 1.0, 2.0, 2.5, 5.0, 7.5, 9.0, 11.5]
    assert found["n"].tolist() == [1, 2, 3, 2, 1, 0, 1, 0]


def test_busy_seconds_are_those_with_a_decision_under_way() -> None:
    assert busy_s(QUEUED) == 10.0
    assert busy_s(rows([0, 0], [0, 1], [3, 2])) == 3.0, "what lies within another one counts once"


def test_a_day_is_done_when_its_last_record_is_at_the_times_as_they_would_arrive() -> None:
    # real due times are ten times the compressed ones: the last comes at 90 and takes 2.5
    assert day_done_s(QUEUED) == 92.5
    assert day_done_s(QUEUED.assign(status=["ok", "ok", "failed", "ok"])) is None
    assert estimates(QUEUED)[DAY_S].lower == 92.5


def test_a_day_of_which_a_part_was_asked_has_no_end() -> None:
    windows = {"day": {**WHOLE, "wanted": 8, "shortened_to": 0.5}}
    found = estimates_of_load(
        {"arrivals": QUEUED, "calls": NO_CALLS, "samples": NO_SAMPLES}, {"seed": 1, "windows": windows}
    )
    assert found[DAY_S].method == "none: 4 of the day's 8 arrivals were asked"


def test_only_what_is_done_within_the_window_is_throughput() -> None:
    # 4 arrivals from 0 to 9 s, of which three are done by then: 3 in 9 s
    assert rates_per_h(QUEUED).mean() == pytest.approx(1_200.0)
    peak = estimates(QUEUED.assign(profile="peak", phase="peak"))[THROUGHPUT]
    assert (peak.value, peak.n) == (pytest.approx(1_200.0), 4)


def test_recovery_is_until_the_queue_is_as_short_as_before_the_peak() -> None:
    # before: one at a time; the peak's last arrival is due at 3.0, and the queue is back at one at 7.5
    table = rows([0, 2, 2, 3, 20], [0, 2, 4, 6, 20], [1, 4, 6, 7.5, 21], profile="peak")
    table["phase"] = ["before", "peak", "peak", "peak", "after"]
    found = recovery_of(table, seed=1)
    assert found is not None
    assert (found.before, found.most, found.recovery_s) == (1, 3, 3.0)
    assert estimates(table)[RECOVERY].value == 3.0


def test_decisions_are_held_against_those_without_load_where_there_are_both() -> None:
    table = QUEUED.assign(action=["approve", "reject", None, "approve"], alone=["approve", "approve", "approve", None])
    table["status"] = ["ok", "ok", "failed", "ok"]
    assert differing(table) == (1, 2)
    assert estimates(table)[CHANGED].value == 0.5


def test_errors_are_those_of_the_worst_profile() -> None:
    lost = QUEUED.assign(profile="peak", phase="peak", status=["ok", "failed", "invalid", "ok"])
    found = estimates(pd.concat([QUEUED, lost]))[ERRORS]
    assert (found.value, found.n, found.method) == (0.5, 4, "Clopper-Pearson (peak) 95%")


def test_errors_of_an_integration_are_those_of_the_worst_one() -> None:
    calls = pd.DataFrame(
        {
            "profile": "day", "tool": ["read", "post", "post", "ask"], "outcome": ["ok", "ok", "timeout", "denied"],
            "n": [90, 8, 2, 5], "system": ["VENDORS", "ERP", "ERP", None],
        }
    )  # fmt: skip
    found = estimates(QUEUED, calls)[INTEGRATIONS]
    assert (found.value, found.n, found.method) == (0.2, 10, "Clopper-Pearson (ERP) 95%")


@pytest.mark.parametrize(
    ("late_s", "is_valid"),
    [(0.001, True), (0.009, True), (0.2, True), (0.3, False)],
)
def test_a_generator_that_is_late_is_invalid(late_s: float, is_valid: bool) -> None:
    # the median latency is 2.5 s: late by a tenth of it, or by less than 10 ms whatever it is
    late = QUEUED.assign(fired_s=QUEUED["due_s"] + late_s)
    assert kept_time(late).is_valid is is_valid
    assert (estimates(late)[P50].value is not None) is is_valid


def test_less_than_ten_milliseconds_is_never_late() -> None:
    fast = rows([0.0, 1.0], [0.0, 1.0], [0.001, 1.001])
    assert kept_time(fast.assign(fired_s=fast["due_s"] + 0.009)).is_valid
    assert not kept_time(fast.assign(fired_s=fast["due_s"] + 0.011)).is_valid


def test_arrivals_that_were_never_handed_out_make_it_invalid() -> None:
    found = kept_time(QUEUED.assign(fired_s=[0.0, 1.0, 2.0, np.nan]))
    assert not found.is_valid
    assert found.said == "1 arrivals were never handed out"


def samples(bytes_each: float, role: str = "agent") -> pd.DataFrame:
    decided = np.arange(0, 6_000, 50)
    kept = np.floor(decided * bytes_each / 262_144) * 262_144
    return pd.DataFrame(
        {
            "profile": "soak", "part": 0, "role": role, "decided": decided, "rss_bytes": 5e7 + kept, "descriptors": 12,
            "threads": 3,
        }
    )  # fmt: skip


def findings(table: pd.DataFrame) -> list[str]:
    windows = {"day": WHOLE}
    facts = {"settings": LoadSettings().model_dump(mode="json"), "seed": 1, "unloaded": {"p95_s": 2.5}}
    causes = pd.DataFrame({"profile": [], "status": [], "cause": [], "n": []})
    tables = {"arrivals": QUEUED, "calls": NO_CALLS, "samples": table}
    return [one.id for one in load_findings(tables, profiles_table(QUEUED, windows), causes, facts)]


def test_a_leak_is_called_where_it_surely_is_one() -> None:
    assert findings(samples(289)) == ["leak-bytes-agent"]
    assert findings(samples(0)) == []
    assert findings(samples(40)) == [], "below what is tolerated"


def test_what_the_generator_keeps_is_no_leak_where_another_process_answers() -> None:
    both = pd.concat([samples(0), samples(600, "generator")])
    assert findings(both) == []
    assert findings(samples(600, "generator")) == ["leak-bytes-generator"], "the agent is in it, where none else is"
    assert estimates(QUEUED, samples=both)[LEAK_BYTES].value == 0.0


def test_threads_that_never_end_are_a_leak() -> None:
    table = samples(0)
    assert findings(table.assign(threads=table["decided"] // 20)) == ["leak-threads-agent"]


def soak_of(taken: Floats) -> pd.DataFrame:
    due = np.arange(len(taken)) / 100
    return rows(due.tolist(), due.tolist(), (due + taken).tolist(), profile="soak")


def test_decisions_that_take_ever_longer_are_found_and_those_of_a_noisy_machine_are_not() -> None:
    noise = np.random.default_rng(1).exponential(0.002, 3_000)
    number = np.arange(3_000)
    found = slowing_of(soak_of(0.002 + noise + 1e-5 * number), 1, 0.998)
    assert found is not None
    # 2,400 decisions after the warm-up, each 10 microseconds longer than the one before
    assert (found.is_sure, found.decided) == (True, 2_400)
    assert found.grown_s == pytest.approx(0.024, rel=0.1)
    busy_now_and_then = 0.002 + noise * (1 + 9 * (number % 700 < 150))
    still = slowing_of(soak_of(busy_now_and_then), 1, 0.998)
    assert still is not None
    assert not still.is_sure
    assert slowing_of(soak_of(noise[:300]), 1, 0.998) is None, "too few"


def test_an_agent_that_itself_takes_far_longer_under_load_is_found() -> None:
    taken = np.where(np.arange(500) % 5 == 0, 0.9, 0.01)
    assert slow(soak_of(taken), 0.01) == ["slower-soak"]
    assert slow(soak_of(taken), 0.5) == [], "nine tenths of a second are no ten times of what it takes alone"
    assert slow(soak_of(np.full(500, 0.09)), 0.001) == [], "less than a tenth of a second"


def slow(arrivals: pd.DataFrame, alone_s: float) -> list[str]:
    windows = {"soak": {**WHOLE, "wanted": 500}}
    facts = {"settings": LoadSettings().model_dump(mode="json"), "seed": 1, "unloaded": {"p95_s": alone_s}}
    causes = pd.DataFrame({"profile": [], "status": [], "cause": [], "n": []})
    tables = {"arrivals": arrivals, "calls": NO_CALLS, "samples": NO_SAMPLES}
    return [one.id for one in load_findings(tables, profiles_table(arrivals, windows), causes, facts)]


def test_a_profile_is_told_in_a_row_with_its_utilisation() -> None:
    windows = {"day": {**WHOLE, "real_window_s": 100.0}}
    row = profiles_table(QUEUED, windows).iloc[0]
    assert (row["busy_s"], row["real_utilisation"], row["most_waiting"]) == (10.0, 0.1, 3)
    assert row["utilisation"] == pytest.approx(10.0 / 11.5), "to the last decision, where that is later"
