"""A load test from its beginning to its end: what it leaves, what makes it stale, what a gate reads, parts merged."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pytest
from commands import command_in
from load_servers import AGENT, QUICK, coded_pilot

from workbench.evidence import Exhibit, Facts, Population, Terms, exhibit_folder, exhibit_of, require_same
from workbench.load_testing import MAKER, LoadRequest, profiles_named
from workbench.load_testing.checks import CHECKS
from workbench.metrics import State
from workbench.pilot import LoadProfile, Pilot
from workbench.pilot.integrations import INTEGRATIONS_FILE, agreed_files
from workbench.records import NamedCells
from workbench.records.splits import read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import Apart, Journal
from workbench.words import InputError


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    return coded_pilot(tmp_path_factory.mktemp("load"))


@pytest.fixture(scope="module")
def exhibit(pilot: Pilot) -> Exhibit:
    return MAKER.make(pilot, read_dataset(pilot), LoadRequest(AGENT, RunRequest(show_progress=False)))


def facts_of(pilot: Pilot, found: Exhibit | str) -> Facts:
    exhibits = {} if isinstance(found, str) else {"load": found}
    absent = {"load": found} if isinstance(found, str) else {}
    cells = NamedCells(pd.DataFrame(), pd.DataFrame())
    return Facts(pilot, Population("", 0, None), cells, exhibits, absent, (pilot.data, ()), date(2026, 12, 1))


def check(pilot: Pilot, found: Exhibit | str) -> Any:
    return CHECKS[0].answer(facts_of(pilot, found), Terms({}))


def test_every_arrival_is_decided_as_without_load(exhibit: Exhibit) -> None:
    arrivals, profiles = exhibit.tables["arrivals"], exhibit.tables["profiles"]
    # peak: 600 an hour for a minute, thrice that, and again
    assert arrivals.groupby("profile").size()[["day", "peak"]].tolist() == [40, 10 + 30 + 10]
    assert profiles[["errors", "changed"]].to_numpy().sum() == 0
    assert (arrivals["status"] == "ok").all()
    assert set(arrivals["record"]) == set(arrivals["record"].unique()[:12])
    assert {"agent", "generator"} == set(exhibit.tables["samples"]["role"])
    assert exhibit.tables["reviewers"][["at_once", "lost", "doubled", "peeks"]].to_numpy().tolist() == [[1, 0, 0, 0]]
    assert exhibit.answer.startswith((f"{AGENT} decides 95% within ", "Invalid: the generator did not keep time"))


def test_schedules_are_written_and_rows_are_in_a_journal_of_the_test(pilot: Pilot, exhibit: Exhibit) -> None:
    folder = pilot.runs / "load"
    with Journal(folder / "day-journal.sqlite") as journal:
        (entry,) = journal.entries(Apart.LOAD.value)
        decisions = journal.decisions(entry.run)
    assert (entry.planned, entry.decided) == (40, 40)
    day = exhibit.tables["arrivals"].query("profile == 'day'")
    assert decisions["action"].tolist() == day["action"].tolist()
    assert (folder / "schedule-soak.csv").is_file()
    with Journal(pilot.runs / "journal.sqlite") as journal:
        assert [one.split for one in journal.entries(Apart.LOAD.value)] == ["load"], "those without load"
        assert journal.entries() == (), "no run of development or holdout records"


def test_what_is_written_is_read_and_computed_again(pilot: Pilot, exhibit: Exhibit) -> None:
    read = exhibit_of(exhibit.files(), "here")
    again = MAKER.again(read, facts_of(pilot, read))
    require_same(again.as_json(), read.as_json(), "load")
    lost = read.tables["arrivals"].assign(status="failed")
    other = MAKER.again(replace(read, tables={**read.tables, "arrivals": lost}), facts_of(pilot, read))
    assert other.estimates["load_error_rate"].value == 1.0


def test_a_criterion_has_bounds_of_its_level(pilot: Pilot, exhibit: Exhibit) -> None:
    found = MAKER.estimate(facts_of(pilot, exhibit), "load_error_rate", {}, 0.95)
    # the worst profile has fewest arrivals: 0 of 40; one-sided 95%: 1 - .05 ** (1 / 40)
    assert found.upper == pytest.approx(1 - 0.05 ** (1 / 40))
    assert found.method.endswith("one-sided 95%")
    assert MAKER.judged(facts_of(pilot, exhibit)) == AGENT


def test_the_check_asks_for_every_profile_and_a_generator_that_kept_time(pilot: Pilot, exhibit: Exhibit) -> None:
    valid = replace(exhibit, tables={**exhibit.tables, "profiles": exhibit.tables["profiles"].assign(valid=True)})
    assert check(pilot, valid).state is State.PASS
    late = replace(valid, tables={"profiles": valid.tables["profiles"].assign(valid=[True, False, True])})
    assert check(pilot, late).reason == "the generator did not keep time: peak"
    less = replace(valid, tables={"profiles": valid.tables["profiles"].iloc[:1]})
    assert (check(pilot, less).state, check(pilot, less).reason) == (State.UNPROVEN, "not run: peak, soak")
    assert check(pilot, "no load test has been run").would_change == "workbench load small --agent NAME"


def test_a_test_that_counts_is_not_run_again(pilot: Pilot, exhibit: Exhibit, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, asked = read_dataset(pilot), LoadRequest(AGENT, RunRequest(show_progress=False))
    monkeypatch.setattr(type(MAKER), "make", lambda *_: "run again")
    profiles, reviewed = exhibit.tables["profiles"], {"reviewers": pd.DataFrame({"reviewers": [1]})}
    tables = {**exhibit.tables, **reviewed, "profiles": profiles.assign(valid=True)}
    left = {
        "counts": tables,
        "late": {**tables, "profiles": profiles.assign(valid=[True, False, True])},
        "not all profiles": {**tables, "profiles": tables["profiles"].iloc[:2]},
        "no reviewers": {name: one for name, one in tables.items() if name != "reviewers"},
    }
    try:
        found = {}
        for name, now in left.items():
            replace(exhibit, tables=now).write(exhibit_folder(pilot, "load"))
            found[name] = isinstance(MAKER.last_or_new(pilot, dataset, asked), Exhibit)
    finally:
        exhibit.write(exhibit_folder(pilot, "load"))
    assert found == {"counts": True, "late": False, "not all profiles": False, "no reviewers": False}


def test_another_load_yaml_makes_it_stale(pilot: Pilot, exhibit: Exhibit) -> None:
    dataset, path = read_dataset(pilot), pilot.suite / "load.yaml"
    assert isinstance(MAKER.present(pilot, dataset, None), Exhibit)
    before = path.read_text(encoding="utf-8")
    path.write_text(json.dumps({**QUICK, "seed": 2}), encoding="utf-8")
    try:
        assert str(MAKER.present(pilot, dataset, None)).startswith("load.yaml changed since the last load test; ")
    finally:
        path.write_text(before, encoding="utf-8")


def test_another_specification_of_the_systems_makes_a_test_through_the_sandbox_stale(
    pilot: Pilot, exhibit: Exhibit
) -> None:
    path, dataset = pilot.suite / INTEGRATIONS_FILE, read_dataset(pilot)
    path.write_text("title: Systems\n", encoding="utf-8")
    through = replace(exhibit, facts={**exhibit.facts, "sandbox": True})
    try:
        replace(through, about={**exhibit.about, **agreed_files(pilot.suite)}).write(exhibit_folder(pilot, "load"))
        assert isinstance(MAKER.present(pilot, dataset, None), Exhibit)
        path.write_text("title: Other systems\n", encoding="utf-8")
        said = str(MAKER.present(pilot, dataset, None))
        assert said.startswith("'integrations.yaml' changed since the last load test; ")
    finally:
        path.unlink()
        exhibit.write(exhibit_folder(pilot, "load"))
    assert isinstance(MAKER.present(pilot, dataset, None), Exhibit)


def test_profiles_are_named(pilot: Pilot) -> None:
    assert profiles_named(()) == (LoadProfile.DAY, LoadProfile.PEAK, LoadProfile.SOAK, LoadProfile.REVIEWERS)
    assert profiles_named(("reviewers", "day")) == (LoadProfile.DAY, LoadProfile.REVIEWERS)
    with pytest.raises(InputError, match=r"no such profile(.|\n)*reviewers"):
        profiles_named(("night",))


def test_the_command_prints_what_it_measured(
    pilot: Pilot, exhibit: Exhibit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = command_in(pilot.root, monkeypatch, capsys)
    code, out, _ = run("load", "small", "--agent", AGENT, "--profile", "day", "--json")
    said = json.loads(out)
    assert (code, said["estimates"]["load_error_rate"]["n"], list(said["windows"])) == (0, 40, ["day"])
    code, _, said_why = run("load", "small", "--agent", AGENT, "--profile", "night")
    assert code == 2
    assert "there is no such profile to run" in said_why


@pytest.mark.slow
def test_two_parts_of_one_schedule_are_asked_from_one_start_and_merged(pilot: Pilot) -> None:
    request = LoadRequest(AGENT, RunRequest(show_progress=False), (LoadProfile.DAY,), workers=2)
    found = MAKER.make(pilot, read_dataset(pilot), request)
    arrivals = found.tables["arrivals"]
    assert arrivals["number"].tolist() == list(range(40))
    assert arrivals.groupby("part")["number"].apply(list).tolist() == [list(range(0, 40, 2)), list(range(1, 40, 2))]
    assert (arrivals["status"] == "ok").all()
    assert set(found.tables["samples"]["part"]) == {0, 1}
