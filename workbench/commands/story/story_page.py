"""The page of a story that was played: what each gate said, every step with its commands and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from workbench.commands.story.playing import PlayedStep
from workbench.commands.story.schema import PilotStory
from workbench.files import write_atomically
from workbench.pages import framed
from workbench.pilot import NOT_PEOPLE
from workbench.words import templates_in

STORY_PAGE, GATE = "story.html", "workbench gate "
STYLE = ".played { border-left: .3rem solid; padding-left: .6rem } details pre { overflow-x: auto }"


def write_story_page(story: PilotStory, steps: Sequence[PlayedStep], folder: Path) -> Path:
    """Write the page into the story's folder, as far as it was played, and return where."""
    chapters = [
        {"title": title, "steps": [_shown(one, folder) for one in played]}
        for title, played in groupby(steps, key=lambda one: one.chapter)
    ]
    body = templates_in(Path(__file__).parent / "templates").get_template("story.html.j2").render(
        title=story.title, not_people=NOT_PEOPLE.capitalize(), played=story.played, chapters=chapters,
        gates=[{"said": said, "page": _from(page, folder)} for said, page in gate_answers(steps)],
    )  # fmt: skip
    minutes = sum(one.seconds for one in steps) / 60
    path = folder / STORY_PAGE
    write_atomically(path, framed(story.title, body, f"Played in {minutes:.0f} minutes.", style=STYLE))
    return path


def gate_answers(steps: Sequence[PlayedStep]) -> list[tuple[str, Path]]:
    """Return of each gate that was held its answer in one line, and its report."""
    return [
        (came.partition("\n")[0], one.shown[0])
        for one in steps
        for what, came in one.said
        if what.startswith(GATE) and one.shown
    ]


def _shown(one: PlayedStep, folder: Path) -> dict[str, object]:
    return {"step": one.step, "said": one.said, "links": [_from(path, folder) for path in one.shown]}


def _from(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
