from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from loopback import kill_and_resume, make_pilot
from stub_server import logged_calls, stub_process

from workbench.compliance import read_trail

pytestmark = pytest.mark.slow

CONCURRENCY = 16
N_RECORDS = 300


def test_a_run_killed_three_times_has_one_row_for_each_record_and_repeats_no_more_than_was_in_flight(
    tmp_path: Path,
) -> None:
    pilot = make_pilot(tmp_path / "root", n_dev=N_RECORDS, prompt_tokens=200, concurrency=CONCURRENCY)
    log = tmp_path / "calls.jsonl"
    with stub_process("--latency-ms", "20", "--log", str(log)) as url:
        report = kill_and_resume(pilot, url, log, limit=N_RECORDS, kill_at=(1, 90, 220))
    calls = Counter(call["id"] for call in logged_calls(log))
    assert report.info.planned == report.info.ok == N_RECORDS
    assert report.info.finished
    assert set(report.rows.values()) == {1}
    assert set(report.rows) == set(calls)
    assert len(report.repeated) == 3
    assert max(report.repeated) <= CONCURRENCY
    assert report.n_calls == N_RECORDS + sum(report.repeated)
    # A kill is only one when calls were in flight: at least one of the three repeats some.
    assert max(report.repeated) > 0
    trail = read_trail(pilot)
    assert (trail[["seal", "order"]] == "").all(axis=None)
    assert set(trail["outcomes"]) == {1}


def test_the_default_faults_end_in_counted_rows_and_a_second_start_asks_only_for_the_failed_ones(
    tmp_path: Path,
) -> None:
    pilot = make_pilot(tmp_path / "root", n_dev=N_RECORDS, prompt_tokens=200, concurrency=64)
    log = tmp_path / "calls.jsonl"
    faults = "rate_limited=0.10,server_error=0.05,malformed=0.02,cut_content=0.02,bad_request=0.03"
    with stub_process("--latency-ms", "5", "--faults", faults, "--log", str(log)) as url:
        first = kill_and_resume(pilot, url, log, limit=N_RECORDS, kill_at=())
        n_first = first.n_calls
        second = kill_and_resume(pilot, url, log, limit=N_RECORDS, kill_at=())
    info = first.info
    assert info.planned == N_RECORDS == info.ok + info.invalid + info.failed + info.skipped
    assert info.failed > 0
    assert info.invalid > 0
    assert sum(info.causes.values()) == info.invalid + info.failed + info.skipped
    # The stub counts calls, not attempts of one run: a record that failed is asked again, one that is decided is not.
    again = {call["id"] for call in logged_calls(log)[n_first:]}
    assert len(again) == info.failed
    assert second.info.failed < info.failed
