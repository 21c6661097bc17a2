"""demo/story.yaml of a pilot: what is done from the first NO-GO to the last GO, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from workbench.files import Settings, read_settings
from workbench.pilot import QueueName
from workbench.words import InputError

DEMO_FOLDER, STORY_FILE, PEOPLE_FILE = "demo", "story.yaml", "people.py"


class StorySigner(Settings):
    """Somebody who signs documents of the pilot in a role, with a key that the story makes."""

    name: str
    role: str
    signs: tuple[str, ...]


class StoryEdit(Settings):
    """A piece of a file that becomes another one, wherever it stands in it.

    Parameters
    ----------
    file : str
        Below the story's folder.
    """

    file: str
    old: str = Field(min_length=1)
    new: str


class StoryIssue(Settings):
    """What a person says in an acceptance session, and what its owner decides on it."""

    text: str
    severity: str
    owner: str
    decision: str
    reason: str


class StoryWords(Settings):
    """What a participant of an acceptance session says: answers to its questions, by their ids, and issues."""

    speaker: str
    answers: dict[str, str]
    issues: tuple[StoryIssue, ...] = ()


class StoryPeople(Settings):
    """People decide what waits for them in a queue, until nothing does; in acceptance sessions some say something."""

    queue: QueueName
    words: tuple[StoryWords, ...] = ()


class StoryStep(Settings):
    """One step; what it has is done in this order.

    Parameters
    ----------
    says : str
        What is done and why, in a sentence or two.
    files : mapping of str to str
        Files of the demo's folder that are laid into the story's folder, and where.
    edits : tuple of StoryEdit
    sign : tuple of str
        Documents of the pilot that are signed by everybody who signs them.
    serve : str, optional
        A command that runs until the story ends.
    run : tuple of str
        Commands, as somebody would type them in the story's folder: `workbench ...` or `python ...`.
    people : StoryPeople, optional
    exits : int
        The exit code of every command; 1 is a NO-GO.
    again_where : str, optional
        What a command says where it is to be run again, three times at most: `did not keep time` of a load test, which
        a busy machine makes invalid.
    shows : tuple of str
        Pages and pictures that the step leaves, as patterns below the story's folder; of each the newest is shown.
    """

    says: str
    files: dict[str, str] = Field(default_factory=dict)
    edits: tuple[StoryEdit, ...] = ()
    sign: tuple[str, ...] = ()
    serve: str | None = None
    run: tuple[str, ...] = ()
    people: StoryPeople | None = None
    exits: int = 0
    again_where: str | None = None
    shows: tuple[str, ...] = ()


class StoryChapter(Settings):
    """Steps that belong together, such as all of a gate."""

    title: str
    steps: tuple[StoryStep, ...] = Field(min_length=1)


class PilotStory(Settings):
    """What story.yaml says.

    Parameters
    ----------
    played : str
        What decides in place of people; review.yaml of the story's folder says it, and so every page and bundle.
    """

    title: str
    played: str
    signers: tuple[StorySigner, ...]
    chapters: tuple[StoryChapter, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _somebody_signs(self) -> Self:
        known = {name for one in self.signers for name in one.signs}
        asked = {name for chapter in self.chapters for step in chapter.steps for name in step.sign}
        if asked - known:
            raise ValueError(f"nobody signs {sorted(asked - known)[0]!r}")
        return self


def read_story(suite: Path) -> PilotStory:
    """Return the story of a pilot. Raises InputError where it has none, or it is wrong."""
    path = suite / DEMO_FOLDER / STORY_FILE
    if not path.is_file():
        raise InputError(
            f"the pilot {suite.name!r} has no story to play", where=str(path), expected="chapters of steps",
            remedy="workbench demo FOLDER plays that of invoice_matching",
        )  # fmt: skip
    return read_settings(path, PilotStory)
