"""Tests of the prompt registry and of promotions: an alias moves only on the evidence of a finished run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hand_versions import version

from workbench.agents.decisions import Decision
from workbench.agents.prompts import read_prompts
from workbench.metrics import Status
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal, RunPlan
from workbench.tracking import (
    Promotion,
    current_promotions,
    log_versions,
    promote,
    read_promotions,
    register_prompts,
    store_uri,
)
from workbench.words import InputError, RunError

pytestmark = pytest.mark.usefixtures("with_store")


def prompt_hash(pilot: Pilot, name: str = "v1") -> str:
    return read_prompts(pilot.suite / "prompts", pilot.prompt_fields)[name].hash


def finished_run(pilot: Pilot, split: Split = Split.DEV, *, decided: float = 1.0, **identity: object) -> str:
    """Plan a run of the pilot's prompt on every record of a split and decide a share of it; return its name."""
    dataset = read_dataset(pilot)
    ids = dataset.ids(split)
    whole = {"prompt": prompt_hash(pilot), "engine": {"kind": "scripted", "model": "m"}, **identity}
    plan = RunPlan("prompted", split.value, {k: v for k, v in whole.items() if v is not None}, dataset.digest)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        run = journal.plan(plan, zip(ids, dataset.digests(ids), strict=True))
        keys = journal._connection.execute("SELECT key, record_id FROM planned WHERE run = ?", (run,)).fetchall()
        chosen = keys[: round(decided * len(keys))]
        journal.append([(key, Decision(name, Status.OK, action="billing", attempts=1)) for key, name in chosen])
    return run


@contextmanager
def client(pilot: Pilot) -> Iterator[Any]:
    from mlflow.tracking import MlflowClient

    yield MlflowClient(store_uri(pilot.root), store_uri(pilot.root))


def changed_prompt(pilot: Pilot) -> None:
    path = pilot.suite / "prompts" / "v1.md"
    path.write_text(path.read_text(encoding="utf-8").replace("You decide", "You carefully decide"), encoding="utf-8")


def promoted(pilot: Pilot, *asked: str) -> Promotion:
    """Promote on the records as they are."""
    name, alias, evidence = asked
    return promote(pilot, name, alias, evidence, read_dataset(pilot).digest)


def another_prompt(pilot: Pilot, name: str) -> None:
    text = (pilot.suite / "prompts" / "v1.md").read_text(encoding="utf-8").replace("name: v1", f"name: {name}")
    (pilot.suite / "prompts" / f"{name}.md").write_text(text.replace("You decide", f"{name} decides"), encoding="utf-8")


def test_every_document_is_registered_once_with_what_it_came_from(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    (first,) = register_prompts(pilot)
    assert (first.version, first.is_new) == (1, True)
    assert [one.is_new for one in register_prompts(pilot)] == [False]
    old = pilot.suite / "prompts" / "v1.md"
    text = old.read_text(encoding="utf-8").replace("name: v1", "name: v2").replace("parent: null", "parent: v1")
    (pilot.suite / "prompts" / "v2.md").write_text(text.replace("You decide", "Decide"), encoding="utf-8")
    assert [(one.prompt.name, one.version) for one in register_prompts(pilot)] == [("v1", 1), ("v2", 2)]
    with client(pilot) as mlflow:
        version = mlflow.get_prompt_version(pilot.name, 2)
        assert {name: version.tags[name] for name in ("name", "hash", "parent")} == {
            "name": "v2", "hash": prompt_hash(pilot, "v2"), "parent": "v1",
        }  # fmt: skip
        assert version.commit_message.startswith("v2: ")


def test_an_alias_moves_on_the_evidence_of_a_finished_run(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    run = finished_run(pilot)
    moved = promoted(pilot, "v1", "candidate", run[:8])
    n_dev = len(read_dataset(pilot).ids(Split.DEV))
    assert (moved.run, moved.split, moved.engine, moved.counts["planned"]) == (run, "dev", "scripted m", n_dev)
    assert promoted(pilot, "v1", "candidate", run) == moved, "the same move again writes nothing"
    assert read_promotions(pilot) == (moved,)
    with client(pilot) as mlflow:
        assert mlflow.get_prompt_version_by_alias(pilot.name, "candidate").version == moved.version
        tag = mlflow.get_prompt_version(pilot.name, moved.version).tags["promoted.candidate"]
        assert json.loads(tag)["run"] == run


def test_an_alias_follows_the_prompt_it_is_moved_to_and_says_what_it_replaces(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    promoted(pilot, "v1", "candidate", finished_run(pilot))
    before = prompt_hash(pilot)
    changed_prompt(pilot)
    moved = promoted(pilot, "v1", "candidate", finished_run(pilot))
    assert moved.hash == prompt_hash(pilot) != before
    assert current_promotions(pilot)["candidate"] == moved
    assert [one.hash for one in read_promotions(pilot)] == [before, moved.hash]


def test_versions_are_numbered_as_their_documents_and_say_what_they_came_to(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    for name in ("v3", "v10", "strict_v2", "careful"):
        another_prompt(pilot, name)
    places = {one.prompt.name: (one.name, one.version) for one in register_prompts(pilot)}
    assert places == {
        "v1": ("tickets", 1), "v3": ("tickets", 3), "v10": ("tickets", 10), "strict_v2": ("tickets.strict", 2),
        "careful": ("tickets.careful", 1),
    }  # fmt: skip
    digest = prompt_hash(pilot, "v3")
    asked = [
        version(pilot, "third", prompt=digest),
        version(pilot, "third", prompt=digest, split="holdout", accuracy=0.875),
        version(pilot, "third", prompt=digest, n=10, accuracy=0.1),
    ]
    links = log_versions(pilot, asked)
    with client(pilot) as mlflow:
        tags = mlflow.get_prompt_version("tickets", 3).tags
        said = {name: tags[name] for name in ("accuracy", "n", "split", "holdout_accuracy", "holdout_n")}
        assert said == {
            "accuracy": "90.00%", "n": "1,200", "split": "dev", "holdout_accuracy": "87.50%", "holdout_n": "400",
        }  # fmt: skip
        assert tags["mlflow.prompt.run_ids"].split(",") == [link.run_id for link in links]
    changed_prompt(pilot)
    (edited,) = [one for one in register_prompts(pilot) if one.prompt.name == "v1"]
    assert (edited.version, edited.is_new) == (11, True), "the next that is free, and v1 stands in its message"


def test_an_alias_that_moves_to_another_family_of_prompts_leaves_the_first(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    promoted(pilot, "v1", "candidate", finished_run(pilot))
    another_prompt(pilot, "strict_v2")
    promoted(pilot, "strict_v2", "candidate", finished_run(pilot, prompt=prompt_hash(pilot, "strict_v2")))
    with client(pilot) as mlflow:
        assert mlflow.get_prompt_version_by_alias("tickets.strict", "candidate").version == 2
        assert mlflow.get_prompt_version("tickets", 1).aliases == []


@pytest.mark.parametrize(
    ("identity", "decided", "why"),
    [
        ({"prompt": "0" * 64}, 1.0, r"asked another prompt \(000000000000"),
        ({"prompt": None}, 1.0, "its agent is no prompt"),
        ({}, 0.5, "not finished: "),
        ({"repeat": {"number": 1, "temperature": 0.7}}, 1.0, "a repeat at another temperature"),
    ],
)
def test_a_run_that_does_not_speak_for_the_prompt_is_no_evidence(
    tickets: Callable[[int], Pilot], identity: dict[str, object], decided: float, why: str
) -> None:
    pilot = tickets(60)
    run = finished_run(pilot, decided=decided, **identity)
    with pytest.raises(InputError, match=why):
        promoted(pilot, "v1", "candidate", run)
    assert read_promotions(pilot) == ()


def test_a_prompt_that_changed_after_its_run_needs_another_run(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    run = finished_run(pilot)
    changed_prompt(pilot)
    with pytest.raises(InputError, match="asked another prompt"):
        promoted(pilot, "v1", "candidate", run)


@pytest.mark.parametrize("alias", ["gate-2", "production"])
def test_what_goes_towards_production_needs_the_holdout(tickets: Callable[[int], Pilot], alias: str) -> None:
    pilot = tickets(60)
    with pytest.raises(InputError, match=f"{alias} needs a run on the holdout"):
        promoted(pilot, "v1", alias, finished_run(pilot))
    assert promoted(pilot, "v1", alias, finished_run(pilot, Split.HOLDOUT)).split == "holdout"


def test_records_that_changed_make_a_run_no_evidence(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    run = finished_run(pilot)
    path = pilot.data / pilot.contract.records[0]
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="made on other records"):
        promoted(pilot, "v1", "candidate", run)


def test_unknown_names_are_told_with_what_there_is(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    with pytest.raises(InputError, match="no run is there yet"):
        promoted(pilot, "v1", "candidate", "0123456789")
    run = finished_run(pilot)
    with pytest.raises(InputError, match=rf"no such run[\s\S]*expected: one of the runs '{run}"):
        promoted(pilot, "v1", "candidate", "0123456789")
    with pytest.raises(InputError, match="no prompt 'v9'"):
        promoted(pilot, "v9", "candidate", run)
    with pytest.raises(InputError, match="no such alias"):
        promoted(pilot, "v1", "latest", run)


def test_a_damaged_record_of_promotions_is_said(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    promoted(pilot, "v1", "candidate", finished_run(pilot))
    path = pilot.runs / "promotions.jsonl"
    path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    with pytest.raises(RunError, match="record of promotions is damaged"):
        read_promotions(pilot)
