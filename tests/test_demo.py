"""The player of stories, on a small one: what it writes, signs and runs, and where it stops."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from acting_pilots import acting_pilot
from people_pilots import CHARTER, REVIEW
from review_pilots import AGENT, ENVIRONMENT, PROCESS
from typer.testing import CliRunner

from workbench.commands.cli import app
from workbench.commands.story import StoryPlayer, read_story
from workbench.commands.story.schema import STORY_FILE
from workbench.pilot import Pilot, open_pilot
from workbench.pilot.charter import charter_signatures
from workbench.pilot.signing import document_signatures
from workbench.words import InputError, RunError

PLAYED = "Scripts decide"
PEOPLE = """
def people(folder):
    def decides(person, queue, card):
        return "reject" if float(card.evidence["received"]) < float(card.evidence["ordered"]) else "approve"
    return decides
"""
STORY: dict[str, Any] = {
    "title": "Small, played",
    "played": PLAYED,
    "signers": [
        {"name": "Ann", "role": "sponsor", "signs": ["charter.yaml"]},
        {"name": "Bo", "role": "IT owner", "signs": ["charter.yaml", "process.yaml"]},
    ],
    "chapters": [
        {
            "title": "Only one",
            "steps": [
                {
                    "says": "Something is written, changed and signed.",
                    "files": {"note.md": "eval_suites/small/note.md"},
                    "edits": [{"file": "eval_suites/small/note.md", "old": "two", "new": "three"}],
                    "sign": ["charter.yaml", "process.yaml"],
                },
                {
                    "says": "Something is run.",
                    "run": ["workbench pilots", "python -c 'print(1 + 1)'"],
                    "shows": ["eval_suites/*/note.md"],
                },
                {"says": "It ends as it must.", "run": ["workbench status nobody"], "exits": 2},
            ],
        }
    ],
}


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    """Return a pilot that has a story to tell."""
    made = acting_pilot(tmp_path / "source", {"clerk": AGENT}, 40, ENVIRONMENT, 0.5)
    for name, content in (("process", PROCESS), ("charter", CHARTER), ("review", REVIEW)):
        (made.suite / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (made.suite / "demo").mkdir()
    (made.suite / "demo" / "note.md").write_text("one, two, one, two\n", encoding="utf-8")
    (made.suite / "demo" / "people.py").write_text(PEOPLE, encoding="utf-8")
    return told(made, STORY)


def told(pilot: Pilot, story: Mapping[str, Any]) -> Pilot:
    """Return a pilot with another story."""
    (pilot.suite / "demo" / STORY_FILE).write_text(json.dumps(story), encoding="utf-8")
    return open_pilot(pilot.name, pilot.root)


def with_steps(*steps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the story with other steps."""
    return {**STORY, "chapters": [{"title": "Only one", "steps": list(steps)}]}


def played(pilot: Pilot, folder: Path) -> list[Any]:
    """Play every step of the pilot's story."""
    story = read_story(pilot.suite)
    with StoryPlayer(story, pilot, folder) as player:
        return [player.play(chapter.title, step) for chapter in story.chapters for step in chapter.steps]


def test_a_step_writes_changes_and_signs(pilot: Pilot, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    first, *_ = played(pilot, folder)
    assert (folder / "eval_suites" / "small" / "note.md").read_text(encoding="utf-8") == "one, three, one, three\n"
    copy = open_pilot("small", folder)
    assert copy.charter is not None
    assert charter_signatures(copy.suite, copy.charter).is_complete
    status = document_signatures(copy.suite, "process.yaml", ("IT owner",))
    assert status.is_complete
    assert [what for what, _ in first.said] == [
        "write eval_suites/small/note.md", "edit eval_suites/small/note.md", "sign charter.yaml, process.yaml"
    ]  # fmt: skip
    assert first.said[-1][1].splitlines() == [
        "charter.yaml: signed by Ann, sponsor",
        "charter.yaml: signed by Bo, IT owner",
        "process.yaml: signed by Bo, IT owner",
    ]


def test_what_was_played_is_marked_and_nothing_of_the_source_changes(pilot: Pilot, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in pilot.root.rglob("*") if path.is_file()}
    folder = tmp_path / "folder"
    played(pilot, folder)
    review = open_pilot("small", folder).suite / "review.yaml"
    assert yaml.safe_load(review.read_text(encoding="utf-8"))["played"] == PLAYED
    assert {path: path.read_bytes() for path in pilot.root.rglob("*") if path.is_file()} == before
    assert not (folder / "eval_suites" / "small" / "demo").exists()
    assert not list((folder / "datasets").rglob("*.csv")), "records are made by the story"
    keys = sorted(path.name for path in (folder / "keys").glob("*.pem"))
    assert keys == ["ann.pem", "ann.pub.pem", "bo.pem", "bo.pub.pem"]


def test_commands_run_in_the_folder_and_end_as_the_story_says(pilot: Pilot, tmp_path: Path) -> None:
    _, ran, failed = played(pilot, tmp_path / "folder")
    (listed, pilots), (_, two) = ran.said
    assert (listed, two) == ("workbench pilots", "2")
    assert "small" in pilots
    assert ran.shown == (tmp_path / "folder" / "eval_suites" / "small" / "note.md",)
    assert failed.step.exits == 2


@pytest.mark.parametrize(
    ("step", "error", "says"),
    [
        ({"run": ["python -c 'print(5); raise SystemExit(3)'"]}, RunError, "exit code 3"),
        ({"shows": ["nothing/*.html"]}, RunError, "left no page"),
        ({"edits": [{"file": "eval_suites/small/pilot.yaml", "old": "not there", "new": ""}]}, InputError, "not there"),
        ({"serve": "python -c pass"}, RunError, "does not start"),
    ],
)
def test_a_step_that_ends_otherwise_ends_the_story_and_is_named(
    pilot: Pilot, tmp_path: Path, step: Mapping[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        played(told(pilot, with_steps({"says": "It goes wrong.", **step})), tmp_path / "folder")


def test_what_is_served_runs_until_the_story_ends(pilot: Pilot, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    look = "python -c 'import os; os.kill(int(open(\"pid\").read()), 0)'"
    serving = "python -c 'import os, time; open(\"pid\", \"w\").write(str(os.getpid())); " \
        "print(\"Ctrl-C ends\", flush=True); time.sleep(600)'"  # fmt: skip
    played(told(pilot, with_steps({"says": "It runs.", "serve": serving}, {"says": "Still.", "run": [look]})), folder)
    pid = int((folder / "pid").read_text(encoding="utf-8"))
    assert not Path(f"/proc/{pid}").exists()


def test_the_folder_is_new_and_in_no_repository(pilot: Pilot, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    with pytest.raises(InputError, match="not empty"):
        played(pilot, tmp_path / "full")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    with pytest.raises(InputError, match="must not lie in a repository"):
        played(pilot, tmp_path / "repository" / "folder")
    assert not (tmp_path / "repository" / "folder" / "eval_suites").exists()


def test_a_story_names_who_signs(pilot: Pilot) -> None:
    story = with_steps({"says": "Nobody signs it.", "sign": ["gates.yaml"]})
    with pytest.raises(InputError, match="nobody signs 'gates\\.yaml'"):
        read_story(told(pilot, story).suite)
    (pilot.suite / "demo" / STORY_FILE).unlink()
    with pytest.raises(InputError, match="has no story to play"):
        read_story(pilot.suite)


def test_the_command_tells_each_step_and_leaves_a_page(pilot: Pilot, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    ran = CliRunner().invoke(app, ["demo", str(folder), "--pilot", "small", "--root", str(pilot.root)])
    assert ran.exit_code == 0, ran.output
    for one in ("Only one", "- Something is run.", "    workbench pilots", PLAYED, str(folder / "story.html")):
        assert one in ran.output
    page = (folder / "story.html").read_text(encoding="utf-8")
    assert "Played, not decided by people" in page
    assert 'href="eval_suites/small/note.md"' in page


def test_a_story_that_stops_leaves_the_page_of_what_was_played(pilot: Pilot, tmp_path: Path) -> None:
    folder, steps = tmp_path / "folder", STORY["chapters"][0]["steps"]
    stops = told(pilot, with_steps(*steps[:2], {"says": "It goes wrong.", "run": ["workbench status nobody"]}))
    ran = CliRunner().invoke(app, ["demo", str(folder), "--pilot", "small", "--root", str(stops.root)])
    assert isinstance(ran.exception, RunError)
    page = (folder / "story.html").read_text(encoding="utf-8")
    assert "Something is run." in page
    assert "It goes wrong." not in page
