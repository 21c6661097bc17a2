"""Completeness, quality, variation and volume: expected numbers are counted by hand in the tables beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from audit_cases import cells_of, subject_of

from workbench.audit.findings import Severity, must_fix
from workbench.audit.questions.completeness import completeness, missing_cells
from workbench.audit.questions.quality import quality
from workbench.audit.questions.variation import Slice, drift, variation
from workbench.audit.questions.volume import LatencyClass, growth, implied_class, volume
from workbench.audit.table.subject import Roles


def test_placeholders_and_blanks_count_as_missing():
    subject = subject_of({"a": ["x", " ", None, "N/A"], "b": ["1", "2", "3", "4"]}, Roles(required=("a", "b")))
    cells = cells_of((3, "a", "placeholder"))
    missing = missing_cells(subject, cells)
    assert missing["a"].tolist() == [False, True, True, True]
    section = completeness(subject, cells, missing)
    assert section.estimates["complete_records"].value == 0.25
    assert section.estimates["complete_records"].n == 4
    [finding] = section.findings
    assert finding.rows.tolist() == [1, 2, 3]
    assert sorted(finding.cells["row"]) == [1, 2, 3]
    assert finding.evidence == "2 cells are empty and 1 holds a placeholder"


def test_completeness_is_told_by_source_and_month():
    columns = {
        "at": ["2025-01-01", "2025-01-02", "2025-02-01", "soon"],
        "from": list("aabb"),
        "x": ["1", None, "1", "1"],
    }
    subject = subject_of(columns, Roles(time="at", source="from", required=("x",)))
    tables = completeness(subject, cells_of(), missing_cells(subject, cells_of())).tables
    assert tables["Complete records by source"][["source", "records", "complete"]].to_numpy().tolist() == [
        ["a", 2, 1],
        ["b", 2, 2],
    ]
    assert tables["Complete records by month"]["month"].tolist() == ["(no readable time)", "2025-01", "2025-02"]


def test_a_column_without_any_value_is_a_finding():
    subject = subject_of({"a": ["1", "2"], "b": [None, ""]})
    section = completeness(subject, cells_of(), missing_cells(subject, cells_of()))
    assert [(one.kind, one.columns) for one in section.findings] == [("empty_column", ("b",))]
    assert section.estimates["complete_records"].value is None, "no field is required"


def test_fields_that_are_rarely_missing_share_one_finding():
    n = 200
    columns = {name: ["1"] * n for name in "abc"}
    columns["a"][0] = columns["b"][1] = None  # type: ignore[call-overload]
    columns["c"][:10] = [None] * 10  # type: ignore[list-item]
    subject = subject_of(columns, Roles(required=("a", "b", "c")))
    found = completeness(subject, cells_of(), missing_cells(subject, cells_of())).findings
    assert [(one.columns, len(one.rows)) for one in found] == [(("c",), 10), (("a", "b"), 2)]


def test_flagged_cells_become_one_finding_for_each_kind_and_column():
    subject = subject_of({"a": list("123"), "b": list("456")})
    section = quality(subject, cells_of((0, "a", "typo"), (1, "a", "typo"), (1, "b", "typo"), (2, "b", "duplicate")))
    assert sorted((one.kind, one.columns, one.rows.tolist()) for one in section.findings) == [
        ("duplicate", ("b",), [2]),
        ("typo", ("a",), [0, 1]),
        ("typo", ("b",), [1]),
    ]
    assert section.estimates["records_with_an_issue"].value == 1.0
    assert quality(subject, cells_of()).answer == "No cell of 3 records was flagged."


def test_many_columns_of_a_kind_share_the_last_finding():
    names = [f"c{n}" for n in range(40)]
    subject = subject_of({name: ["x"] for name in names})
    found = quality(subject, cells_of(*((0, name, "typo") for name in names))).findings
    assert len(found) == 12
    assert sum(len(one.columns) for one in found) == 40


def test_a_slice_that_is_worse_is_found_and_one_by_chance_is_not():
    rng = np.random.default_rng(3)
    source = np.repeat(["bad", "good", "fine"], 400)
    faults = pd.DataFrame({"have a flagged cell": rng.random(1200) < np.where(source == "bad", 0.3, 0.1)})
    section = variation(subject_of({"from": source.tolist()}, Roles(source="from")), faults)
    [finding] = section.findings
    assert finding.kind == "slice_source"
    assert set(source[finding.rows]) == {"bad"}
    assert section.facts["worse"] == ["source bad"]


def test_the_interval_of_a_difference_is_newcombes():
    # Newcombe (1998), Statistics in Medicine 17, 873-890, table II, 56/70 against 48/80, method 10
    low, high = Slice("source", "x", "f", 56, 70, 48, 80).interval
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_drift_is_seen_in_values_and_not_in_noise():
    rng = np.random.default_rng(1)
    n = 800
    days = pd.date_range("2025-01-01", periods=n, freq="h").strftime("%Y-%m-%dT%H:%M").tolist()
    old_or_new = np.where(np.arange(n) < n // 2, 0.2, 0.7)
    columns = {
        "at": days,
        "moves": np.where(rng.random(n) < old_or_new, "x", "y").tolist(),
        "stays": rng.choice(["x", "y"], n).tolist(),
        "grows": (rng.normal(0, 1, n) + np.arange(n) / 200).astype(str).tolist(),
    }
    table = drift(subject_of(columns, Roles(time="at")))
    assert table is not None
    assert dict(zip(table["field"], table["has drifted"], strict=True)) == {
        "moves": True,
        "stays": False,
        "grows": True,
    }
    assert drift(subject_of({"a": ["1"]})) is None


def test_volume_counts_hours_days_and_months():
    times = ["2025-01-01T08:00", "2025-01-01T08:30", "2025-01-01T09:00", "2025-01-03T10:00", "never"]
    section = volume(subject_of({"at": times}, Roles(time="at")))
    table = section.tables["Records per hour, day and month"].set_index("period")
    assert table["most"].to_dict() == {"hour": 2, "day": 3, "month": 4}
    assert table.loc["day", "average"] == pytest.approx(4 / 3)
    assert section.estimates["readable_time"].value == 0.8
    assert [one.kind for one in section.findings] == ["unreadable_time"]


def test_volume_without_a_time_is_a_finding_and_no_number():
    section = volume(subject_of({"a": ["1", "2"]}))
    assert section.answer == "Nothing can be said: no column holds the time of a record."
    assert [one.kind for one in section.findings] == ["no_time"]


def test_growth_is_the_slope_of_whole_months():
    counts = [5, 100, 110, 121, 133, 146, 7]  # 10% a month between two months that are cut off
    starts = pd.date_range("2025-01-01", periods=7, freq="MS")
    times = pd.Series(
        [start + pd.Timedelta(minutes=k) for start, n in zip(starts, counts, strict=True) for k in range(n)]
    )
    found = growth(times)
    assert found.value == pytest.approx(0.1, abs=0.002)
    assert found.n == 5
    assert growth(times.iloc[:200]).value is None


@pytest.mark.parametrize(("gap_s", "expected"), [(2, LatencyClass.REAL_TIME), (120, LatencyClass.NEAR_REAL_TIME)])
def test_the_latency_class_follows_the_gap_between_records(gap_s, expected):
    times = pd.Series(pd.date_range("2025-01-01 09:00", periods=25, freq=f"{gap_s}s"))
    every = pd.Series(pd.concat([times + pd.Timedelta(days=day) for day in range(3)]).to_numpy())
    spread = every if gap_s > 60 else every[~every.dt.floor("min").duplicated(keep=False) | (every.dt.second < 30)]
    found, _ = implied_class(spread.sort_values(), has_hours=True)
    assert found is expected


def test_records_that_arrive_together_are_a_batch():
    times = pd.Series(np.repeat(pd.date_range("2025-01-01 02:00", periods=5, freq="D"), 50))
    assert implied_class(times, has_hours=True)[0] is LatencyClass.BATCH
    assert implied_class(times.dt.normalize(), has_hours=False)[0] is LatencyClass.BATCH


def test_one_mark_for_nothing_in_many_columns_is_one_finding():
    columns = {name: ["NA" if i % 10 == 0 else "1" for i in range(100)] for name in "abcde"}
    columns["f"] = [None if i < 20 else "1" for i in range(100)]  # type: ignore[list-item]
    subject = subject_of(columns, Roles(required=tuple("abcdef")))
    cells = cells_of(*((row, name, "placeholder") for name in "abcde" for row in range(0, 100, 10)))
    found = completeness(subject, cells, missing_cells(subject, cells)).findings
    assert [(one.columns, len(one.rows)) for one in found] == [(tuple("abcde"), 10), (("f",), 20)]
    assert found[0].title.startswith(
        "Required and missing: 'NA' instead of a value in 'a', 'b', 'c', 'd', 'e', in 10 of"
    )
    assert found[0].evidence == "0 cells are empty and 50 hold a placeholder"
    assert quality(subject, cells).findings == (), "the same cells are no second finding"


def test_severity_follows_the_share_of_records():
    n = 1_000
    subject = subject_of({"a": ["1"] * n, "b": ["2"] * n})
    wrong = [(row, "a", "out_of_range") for row in range(10)]
    [many] = quality(subject, cells_of(*wrong)).findings
    [few] = quality(subject, cells_of(*wrong[:1])).findings
    assert (many.severity, few.severity) == (Severity.HIGH, Severity.MEDIUM)
    [repeats] = quality(subject, cells_of(*((row, "a", "duplicate") for row in range(230)))).findings
    assert repeats.severity is Severity.HIGH
    assert must_fix([few, repeats])[0] is repeats


def test_counted_words_agree_with_their_number():
    subject = subject_of({"a": ["1"] * 10})
    assert quality(subject, cells_of((0, "a", "typo"))).answer == (
        "1 of 10 (10.0%) records have 1 flagged cell of 1 kind."
    )
