"""Faults that only load brings out, planted in real endpoints on this machine: each is found, a clean one has none."""

from __future__ import annotations

from pathlib import Path

import pytest
from load_servers import AGENT, load_server, loaded_pilot

from workbench.evidence import Exhibit
from workbench.load_testing import MAKER, LoadRequest
from workbench.records.splits import read_dataset
from workbench.runs import RunRequest

pytestmark = pytest.mark.slow
# Enough decisions to see a leak of 256 bytes: some megabytes.
BY_COUNT = {"unloaded": 40, "peak": {"minutes": 0.5, "calm_minutes": 0.5}, "soak": {"at_most_s": 25}}
# Three times 100 a second, each for a quarter of a second: 75 at once.
CROWDED = {"records": 20, "unloaded": 20, "peak": {"minutes": 0.03, "calm_minutes": 0.01}, "soak": {"at_most_s": 2}}
FEW, MANY = {"records_per_day": 300, "peak_per_hour": 600}, {"records_per_day": 30, "peak_per_hour": 360_000}


def tested(root: Path, fault: str) -> Exhibit:
    """Return the exhibit of a load test of a server with a fault."""
    crowded = fault in {"wrong", "lost"}
    with load_server(fault, 0.25 if crowded else 0.002) as url:
        pilot = loaded_pilot(root, url, CROWDED if crowded else BY_COUNT, MANY if crowded else FEW)
        request = LoadRequest(AGENT, RunRequest(show_progress=False))
        return MAKER.make(pilot, read_dataset(pilot), request)


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("leak", "leak-bytes-agent"),
        ("descriptors", "leak-descriptors-agent"),
        ("pool", "errors-soak"),
        ("wrong", "changed-peak"),
        ("lost", "errors-peak"),
    ],
)
def test_a_planted_fault_is_found(tmp_path: Path, fault: str, found: str) -> None:
    assert found in {one.id for one in tested(tmp_path, fault).findings if one.kind != "invalid"}


def test_a_clean_server_has_no_finding(tmp_path: Path) -> None:
    # A machine with other work may keep the generator from its time, which is said, and is no fault of the server.
    assert [one.title for one in tested(tmp_path, "clean").findings if one.kind not in {"invalid", "queue"}] == []
