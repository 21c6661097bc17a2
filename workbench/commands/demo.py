"""The command `workbench demo FOLDER`: a pilot from its first NO-GO to GO at every gate, played."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from workbench.commands.options import HERE, Root, pilot_named
from workbench.commands.screen import heading, say

SHIPPED = "invoice_matching"


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder, outside of every repository.")],
    pilot: Annotated[str, typer.Option(help="A pilot with a story in demo/story.yaml.")] = SHIPPED,
    root: Root = HERE,
) -> None:
    """Play a pilot's whole story in a folder of its own: every command, document and signature, with scripted people.

    Each step is said before it is done, and can be done again by hand in the folder. Scripts decide in place of people;
    every page and bundle says so.
    """
    from workbench.commands.story import StoryPlayer, gate_answers, read_story, write_story_page

    opened, place = pilot_named(pilot, root), folder.resolve()
    story = read_story(opened.suite)
    steps = []
    say(f"{story.title}: played in {place}. {story.played}.")
    try:
        with StoryPlayer(story, opened, place) as player:
            for chapter in story.chapters:
                print()
                heading(chapter.title)
                for step in chapter.steps:
                    say(f"- {step.says}", "  ")
                    sys.stdout.flush()
                    steps.append(player.play(chapter.title, step))
                    _tell(steps[-1].said)
    finally:
        page = write_story_page(story, steps, place) if steps else None
    print()
    for said, _ in gate_answers(steps):
        say(said)
    print(f"The story, with every command and page: {page}")


def _tell(said: tuple[tuple[str, str], ...]) -> None:
    """Print each command with the first line of what it says."""
    for what, came in said:
        say(f"    {what}", "      ")
        if what.startswith("workbench") and came:
            say(f"      {came.partition(chr(10))[0]}", "      ")
