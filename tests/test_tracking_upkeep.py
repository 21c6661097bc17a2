"""A store that was moved, where something was deleted in the UI, whose logger was killed, or that is of before."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hand_versions import version
from test_tracking import logged_runs, versions_of

from workbench.agents.prompts import read_prompts
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.tracking import log_versions, register_prompts
from workbench.tracking.prompt_rows import add_prompt
from workbench.tracking.rows import RunRows, add_experiment, end_run, start_run
from workbench.tracking.store import rows_of
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


def test_a_prompt_that_was_deleted_in_the_ui_is_registered_again_with_its_results(
    tickets: Callable[[int], Pilot],
) -> None:
    pilot = tickets(60)
    (registered,) = register_prompts(pilot)
    asked = version(pilot, "prompt_v1", prompt=registered.prompt.hash)
    (link,) = log_versions(pilot, [asked])
    client, _ = logged_runs(pilot)
    client.delete_prompt_version("tickets", "1")
    client.delete_prompt("tickets")
    assert log_versions(pilot, [asked]) == (link,)
    again = client.get_prompt_version("tickets", 1)
    assert (again.tags["accuracy"], again.tags["n"], again.tags["split"]) == ("90.00%", "1,200", "dev")


def test_what_an_earlier_workbench_logged_is_set_aside_and_logged_anew(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    with rows_of(pilot.root) as store:
        before = add_experiment(store, "tickets", (pilot.root / "mlruns" / "artifacts" / "tickets").as_uri(), {})
        run = start_run(store, before, RunRows("baseline on dev", {"accuracy": 0.5}, {"model": "none"}, {}), None)
        end_run(store, run, "FINISHED")
        (prompt,) = read_prompts(pilot.suite / "prompts", pilot.prompt_fields).values()
        add_prompt(store, ("tickets", 7), prompt, {"hash": prompt.hash}, before.number)
    (link,) = log_versions(pilot, [version(pilot, "baseline")])
    client, runs = logged_runs(pilot)
    assert [(one.info.run_id, one.info.run_name) for one in runs] == [(link.run_id, "baseline")]
    aside = client.get_experiment_by_name(f"tickets (logged before, {before.number})")
    assert [one.info.run_id for one in client.search_runs([aside.experiment_id])] == [run]
    assert client.get_prompt_version(f"tickets.before-{before.number}", 7).tags["hash"] == prompt.hash
    assert client.get_prompt_version("tickets", 1).tags["hash"] == prompt.hash


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
    _, runs = logged_runs(pilot)
    assert made["orphan"] not in {run.info.run_id for run in runs}, "it is logged again, and stands in no table twice"


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
    client, _ = logged_runs(moved)
    assert client.list_artifacts(link.run_id), "found where it is now, though nothing was logged"
    assert client.get_experiment("0").artifact_location == str(place / "mlruns" / "0")
    later = log_versions(moved, others)
    client, _ = logged_runs(moved)
    for one in (link, *later):
        assert client.list_artifacts(one.run_id), "what was logged before is found, and what is logged now is here"
    assert not (tmp_path / "mlruns").exists(), "the old place does not come back into being"
    below = {path.name for path in (place / "mlruns" / "artifacts" / "tickets").iterdir()}
    assert {one.run_id for one in (link, *later)} <= below
    assert (place / "mlruns" / "mlflow.db").is_file()
