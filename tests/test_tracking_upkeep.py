"""A store whose folder was moved, whose experiment or run was deleted in the UI, or whose logger was killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from test_tracking import logged_runs, versions_of

from workbench.pilot.pilot import Pilot, open_pilot
from workbench.tracking import log_versions
from workbench.tracking.upkeep import PROCESS_TAG, this_process


@pytest.mark.usefixtures("with_store")
def test_what_was_deleted_in_the_ui_is_restored_or_logged_again(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    versions = versions_of(pilot)
    links = log_versions(pilot, versions)
    client, runs = logged_runs(pilot)
    client.delete_run(links[0].run_id)
    again = log_versions(pilot, versions)
    assert again[0].run_id != links[0].run_id
    assert again[1:] == links[1:]
    client.delete_experiment(links[0].experiment_id)
    assert log_versions(pilot, versions) == again
    client, runs = logged_runs(pilot)
    assert {link.run_id for link in again} <= {run.info.run_id for run in runs}


@pytest.mark.usefixtures("with_store")
def test_runs_whose_logger_was_killed_are_ended_and_those_at_work_are_not(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    first, *others = versions_of(pilot)
    (link,) = log_versions(pilot, [first])
    client, _ = logged_runs(pilot)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = this_process().rpartition(" ")[0]
    names = {"orphan": f"{host} {ended.pid}", "ours": this_process(), "elsewhere": f"not-{host} {ended.pid}"}
    made = {
        name: client.create_run(link.experiment_id, run_name=name, tags={PROCESS_TAG: process}).info.run_id
        for name, process in names.items()
    }
    log_versions(pilot, others)
    status = {name: client.get_run(run_id).info.status for name, run_id in made.items()}
    assert status == {"orphan": "KILLED", "ours": "RUNNING", "elsewhere": "RUNNING"}


@pytest.mark.usefixtures("with_store")
def test_a_moved_root_has_its_files_where_it_is_now(tickets: Callable[[int], Pilot], tmp_path: Path) -> None:
    pilot = tickets(60)
    (link,) = log_versions(pilot, versions_of(pilot)[:1])
    place = tmp_path.parent / f"{tmp_path.name} moved? #1 %20"
    shutil.copytree(tmp_path, place)
    shutil.rmtree(tmp_path / "mlruns")
    moved = open_pilot("tickets", place)
    first, *others = versions_of(moved)
    assert log_versions(moved, [first]) == (link,), "it is there already"
    later = log_versions(moved, others)
    client, _ = logged_runs(moved)
    for one in (link, *later):
        assert client.list_artifacts(one.run_id), "what was logged before is found, and what is logged now is here"
    assert not (tmp_path / "mlruns").exists(), "the old place does not come back into being"
    below = {path.name for path in (place / "mlruns" / "artifacts" / "tickets").iterdir()}
    assert {one.run_id for one in (link, *later)} <= below
    assert (place / "mlruns" / "mlflow.db").is_file()
