"""Schedules: by chance, compressed by a rule that is fixed beforehand, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.load_testing.schedule import (
    Demand,
    compressed,
    day_schedule,
    demand_of,
    longest_gap_s,
    peak_schedule,
    soak_schedule,
)
from workbench.pilot import DaySettings, LoadSettings, PeakSettings, SoakSettings
from workbench.words import InputError

RECORDS = [f"R{i}" for i in range(30)]
DAY = DaySettings()
EVEN = Demand(6_000, 750.0, (1 / 8,) * 8, 8.0)
LONG = LoadSettings(day=DaySettings(at_most_s=1e9), peak=PeakSettings(at_most_s=1e9))


def variation(due: pd.Series[float]) -> float:
    gaps = np.diff(due)
    return float(gaps.std() / gaps.mean())


def test_arrivals_at_a_constant_rate_come_by_chance() -> None:
    # gaps of a Poisson process have a coefficient of variation of 1
    soak = soak_schedule(EVEN, RECORDS, 0.01, LoadSettings(soak=SoakSettings(at_most_s=200)))
    assert 0.95 <= variation(soak.table["due_s"]) <= 1.1
    assert 0.95 <= variation(day_schedule(EVEN, RECORDS, 1e9, LONG).table["real_due_s"]) <= 1.1


def test_gaps_longer_than_the_longest_are_cut_and_shorter_ones_stay() -> None:
    day = day_schedule(EVEN, RECORDS, 2.0, LONG)
    real, due = np.diff(day.table["real_due_s"], prepend=0), np.diff(day.table["due_s"], prepend=0)
    assert np.allclose(due[real <= 2.0], real[real <= 2.0])
    assert np.allclose(due[real > 2.0], 2.0)
    assert (np.diff(day.table["due_s"]) >= 0).all(), "nothing overtakes"
    assert day.window_s == day.table["due_s"].iloc[-1]
    assert day.real_window_s == 8 * 3_600


def test_the_longest_gap_is_five_times_what_a_decision_takes_at_least() -> None:
    assert longest_gap_s(0.02, 0.01) == 0.05
    assert longest_gap_s(1.0, 0.01) == 1.0


def test_the_same_seed_gives_the_same_arrivals_and_another_one_others() -> None:
    one, same, other = (
        day_schedule(EVEN, RECORDS, 2.0, LONG.model_copy(update={"seed": seed})).table for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, same)
    assert not one["real_due_s"].equals(other["real_due_s"])


def test_every_record_arrives_as_often_as_any_other() -> None:
    counts = day_schedule(EVEN, RECORDS, 2.0, LONG).table["record"].value_counts()
    assert counts.min() == counts.max() == 200


def test_a_day_has_the_charters_records_or_five_hundred_in_eight_hours() -> None:
    assert demand_of(1_800.0, 420.0, None, DAY) == Demand(1_800, 420.0, (1 / 8,) * 8, 8.0)
    usual = demand_of(None, None, None, DAY)
    assert (usual.per_day, usual.per_busy_hour, usual.hours) == (500, 62.5, 8.0)


def test_the_shape_is_that_of_the_busiest_hours_over_midnight_too() -> None:
    # by hand: 3 at 23, 1 at 0, 1 at noon; the two busiest hours together are 23 and 0
    times = pd.Series(["2025-03-01T23:10:00+01:00"] * 3 + ["2025-03-02T00:05:00", "2025-03-02T12:00:00", "soon", None])
    found = demand_of(8.0, None, times, DaySettings(hours=2))
    assert found.shape == (0.75, 0.25)
    assert found.per_busy_hour == 6.0


def test_dates_without_hours_have_no_shape() -> None:
    assert demand_of(8.0, None, pd.Series(["2025-03-01", "2025-03-02"]), DaySettings(hours=2)).shape == (0.5, 0.5)


def test_a_peak_is_three_times_the_busiest_hour_between_calm_ones() -> None:
    settings = LoadSettings(peak=PeakSettings(factor=3, minutes=20, calm_minutes=10, at_most_s=1e9))
    table = peak_schedule(Demand(1_800, 420.0, EVEN.shape, 8.0), RECORDS, 0.5, settings).table
    assert table["phase"].value_counts().to_dict() == {"peak": 420, "before": 70, "after": 70}
    assert table.loc[table["phase"] == "peak", "real_due_s"].between(600, 1_800).all()


def test_a_soak_is_48_hours_tenfold_by_count_or_as_much_as_there_is_time_for() -> None:
    settings = LoadSettings(soak=SoakSettings(at_most_s=100, utilisation=0.5))
    whole = soak_schedule(Demand(1_800, 420.0, EVEN.shape, 8.0), RECORDS, 0.001, settings)
    assert (len(whole.table), whole.shortened_to) == (36_000, None)
    short = soak_schedule(Demand(1_800, 420.0, EVEN.shape, 8.0), RECORDS, 0.018, settings)
    # half as busy as can be: .5 / .018 = 27.8 a second, for 100 seconds
    assert (len(short.table), short.window_s) == (2_777, pytest.approx(100, rel=0.001))
    assert short.shortened_to == pytest.approx(2_777 / 36_000)


def test_a_day_for_which_there_is_no_time_is_its_densest_stretch() -> None:
    # two hours, the second with nine tenths of the records, and gaps cut to 4 s: 100 s of the second hour
    settings = LoadSettings(day=DaySettings(hours=2, at_most_s=100))
    day = day_schedule(Demand(2_000, 1_800.0, (0.1, 0.9), 2.0), RECORDS, 4.0, settings)
    whole = day_schedule(Demand(2_000, 1_800.0, (0.1, 0.9), 2.0), RECORDS, 4.0, LONG)
    n = len(day.table)
    assert (day.wanted, day.shortened_to) == (2_000, n / 2_000)
    assert day.window_s <= 100
    gaps, of_whole = np.diff(day.table["real_due_s"]), np.diff(whole.table["real_due_s"])
    place = next(i for i in range(len(of_whole)) if np.allclose(of_whole[i : i + n - 1], gaps))
    assert whole.table["real_due_s"].iloc[place] > 3_600, "a stretch of the busy hour, as it is in the whole day"
    assert all(whole.table["due_s"].iloc[i + n] - whole.table["due_s"].iloc[i - 1] > 100 for i in range(1, 2_000 - n))


def test_a_peak_for_which_there_is_no_time_is_shorter_at_the_same_rates() -> None:
    settings = LoadSettings(peak=PeakSettings(factor=3, minutes=20, calm_minutes=10, at_most_s=28))
    peak = peak_schedule(Demand(1_800, 420.0, EVEN.shape, 8.0), RECORDS, 0.1, settings)
    counts = peak.table["phase"].value_counts()
    # 560 arrivals at a tenth of a second are 56 s: half of each phase, give or take one
    assert [abs(counts[phase] - n) <= 12 for phase, n in (("before", 35), ("peak", 210), ("after", 35))] == [True] * 3
    assert (peak.window_s <= 28, peak.wanted) == (True, 560)
    per_s = counts["peak"] / np.ptp(peak.table.loc[peak.table["phase"] == "peak", "real_due_s"])
    assert per_s * 3_600 == pytest.approx(3 * 420, rel=0.05)


def test_parts_share_a_schedule_and_miss_nothing() -> None:
    day = day_schedule(EVEN, RECORDS, 2.0, LONG)
    parts = [day.part(number, 3).table for number in range(3)]
    pd.testing.assert_frame_equal(pd.concat(parts).sort_values("number"), day.table)
    with pytest.raises(InputError, match="none of them"):
        day.part(3, 3)


def test_compression_keeps_the_first_gap_too() -> None:
    assert compressed(np.array([0.5, 9.0]), 1.0).tolist() == [0.5, 1.5]
