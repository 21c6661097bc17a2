"""Plays a pilot's story in a folder of its own, step by step, by the commands that anybody would type."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from workbench.commands.story.schema import (
    DEMO_FOLDER,
    PEOPLE_FILE,
    PilotStory,
    StoryEdit,
    StoryIssue,
    StoryPeople,
    StoryStep,
)
from workbench.commands.story.scripted import decide_all, people_of
from workbench.files import write_atomically
from workbench.pilot import Pilot, open_pilot
from workbench.pilot.charter import sign_charter
from workbench.pilot.signing import Signer, chosen_key, new_key, sign_document
from workbench.words import InputError, RunError, several

KEYS, CHARTER, REVIEW = "keys", "charter.yaml", "review.yaml"
LEASE_S = 3.0  # until when an answer can be taken back; nobody waits longer than this in a story
LINKS_END, STARTS_S, ENDS_S = "Ctrl-C ends", 120.0, 20.0
SHOWN_LINES, MOST_AGAIN = 40, 3
PROGRAMS = {"workbench": [sys.executable, "-m", "workbench"], "python": [sys.executable]}


@dataclass(frozen=True, slots=True)
class PlayedStep:
    """What a step did.

    Parameters
    ----------
    said : tuple of (str, str)
        Each command, or what was done instead, and what came of it.
    shown : tuple of Path
        Pages and pictures that it left.
    seconds : float
    """

    chapter: str
    step: StoryStep
    said: tuple[tuple[str, str], ...]
    shown: tuple[Path, ...]
    seconds: float


class StoryPlayer:
    """Plays a story: `with StoryPlayer(...) as player: player.play(chapter, step)`, each step once and in order.

    Parameters
    ----------
    story : PilotStory
    source : Pilot
        What is copied.
    folder : Path
        Absolute; empty, or not there; in no repository, as keys are made in it.

    Raises
    ------
    InputError
        On entering: the folder is not empty, or in a repository.
    """

    def __init__(self, story: PilotStory, source: Pilot, folder: Path) -> None:
        self.story, self.source, self.folder, self.name = story, source, folder, source.name
        self.suite, self.data = folder / "eval_suites" / self.name, folder / "datasets" / self.name
        self._until_the_end = ExitStack()

    def __enter__(self) -> Self:
        self._set_up()
        return self

    def __exit__(self, *raised: object) -> None:
        self._until_the_end.close()

    def play(self, chapter: str, step: StoryStep) -> PlayedStep:
        """Play a step.

        Raises
        ------
        RunError
            It ended otherwise than the story says.
        """
        start = time.monotonic()
        said = tuple(self._played(step))
        shown = tuple(_newest(self.folder, pattern) for pattern in step.shows)
        return PlayedStep(chapter, step, said, shown, time.monotonic() - start)

    def _set_up(self) -> None:
        if self.folder.exists() and any(self.folder.iterdir()):
            raise InputError("the folder of the story is not empty", where=str(self.folder), remedy="name a new one")
        made = self.folder / KEYS
        for signer in self.story.signers:
            new_key(made / f"{_key_name(signer.name)}.pem")
        left_out = shutil.ignore_patterns("signatures", DEMO_FOLDER, "findings.yaml", "__pycache__")
        shutil.copytree(self.source.suite, self.suite, ignore=left_out)
        left_out = shutil.ignore_patterns("*.csv", "ledger.jsonl", "opened", "splits.yaml", "labels", "__pycache__")
        shutil.copytree(self.source.data, self.data, ignore=left_out)
        review = self.suite / REVIEW
        content = {"played": self.story.played, "lease_s": LEASE_S}
        write_atomically(review, review.read_text(encoding="utf-8") + yaml.safe_dump(content, allow_unicode=True))

    def _played(self, step: StoryStep) -> Iterator[tuple[str, str]]:
        for source, target in step.files.items():
            place = self.folder / target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.source.suite / DEMO_FOLDER / source, place)
            yield f"write {target}", place.read_text(encoding="utf-8")
        for edit in step.edits:
            self._edit(edit)
            yield f"edit {edit.file}", f"{edit.old}\n->\n{edit.new}"
        if step.sign:
            yield "sign " + ", ".join(step.sign), "\n".join(self._sign(step.sign))
        if step.serve is not None:
            self._until_the_end.enter_context(self._serving(step.serve))
            yield step.serve, "runs until the story ends"
        for command in step.run:
            said = self._run(command, (step.exits,))
            for _ in range(MOST_AGAIN):
                if step.again_where is None or step.again_where not in said:
                    break
                yield command, said
                said = self._run(command, (step.exits,))
            yield command, said
        if step.people is not None:
            yield from self._people(step.people)

    def _edit(self, edit: StoryEdit) -> None:
        path = self.folder / edit.file
        text = path.read_text(encoding="utf-8")
        if edit.old not in text:
            raise InputError(
                "what the story edits does not stand in the file", where=str(path), expected=repr(edit.old)
            )
        write_atomically(path, text.replace(edit.old, edit.new))

    def _sign(self, documents: Sequence[str]) -> Iterator[str]:
        for document in documents:
            for one in self.story.signers:
                if document not in one.signs:
                    continue
                key, signer = (
                    chosen_key(self.folder / KEYS / f"{_key_name(one.name)}.pem").key,
                    Signer(one.name, one.role),
                )
                if document == CHARTER:
                    charter = open_pilot(self.name, self.folder).charter
                    assert charter is not None
                    sign_charter(self.suite, charter, signer, key)
                else:
                    sign_document(self.suite, document, signer, key)
                yield f"{document}: signed by {one.name}, {one.role}"

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "XDG_CONFIG_HOME": str(self.folder / KEYS), "COLUMNS": "100"}

    def _run(self, command: str, exits: Sequence[int] = (0,)) -> str:
        program, *rest = shlex.split(command)
        ran = subprocess.run(
            [*PROGRAMS[program], *rest], cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, encoding="utf-8",
        )  # fmt: skip
        if ran.returncode not in exits:
            ended = "\n".join([*ran.stdout.splitlines(), *ran.stderr.splitlines()][-SHOWN_LINES:])
            raise RunError(
                "a step of the story ended otherwise", where=f"{command} in {self.folder}",
                got=f"exit code {ran.returncode}\n{ended}", expected=f"exit code {' or '.join(map(str, exits))}",
            )  # fmt: skip
        return ran.stdout.rstrip()

    @contextmanager
    def _serving(self, command: str, until: str = "Ctrl-C") -> Iterator[tuple[str, ...]]:
        """Run a command that serves until the block ends, and give what it printed until it was ready."""
        program, *rest = shlex.split(command)
        process = subprocess.Popen(
            [*PROGRAMS[program], *rest], cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )  # fmt: skip
        with process:
            try:
                assert process.stdout is not None
                said = []
                for line in process.stdout:
                    said.append(line.rstrip())
                    if until in line:
                        break
                else:
                    raise RunError("what the story serves does not start", where=command, got="\n".join(said) or None)
                yield tuple(said)
            finally:
                process.terminate()
                try:
                    process.wait(ENDS_S)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _people(self, asked: StoryPeople) -> Iterator[tuple[str, str]]:
        decides = people_of(self.source.suite / DEMO_FOLDER / PEOPLE_FILE, self.folder)
        command = f"workbench review {self.name} --port 0"
        with self._serving(command) as said:
            links = dict(line.strip().rsplit(": ", 1) for line in said if "http" in line)
            n = asyncio.run(decide_all(links, asked, decides))
        time.sleep(LEASE_S)
        yield command, f"{several(n, 'answer')} through the page, by scripts of {several(len(links), 'person')}"
        issues = [issue for one in asked.words for issue in one.issues]
        if issues:
            yield from self._triaged(issues)

    def _triaged(self, issues: Sequence[StoryIssue]) -> Iterator[tuple[str, str]]:
        """Let the owner of each issue decide on it, by its id on the board."""
        board = json.loads(self._run(f"workbench acceptance board {self.name} --json", (0, 1)))
        ids = {one["text"]: one["feedback"] for one in board["issues"]}
        for one in issues:
            decided = ["--decision", one.decision, "--owner", one.owner, "--reason", one.reason]
            command = shlex.join(["workbench", "acceptance", "triage", self.name, ids[one.text], *decided])
            yield command, self._run(command)


def _key_name(name: str) -> str:
    return name.rpartition(" ")[2].casefold()


def _newest(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise RunError("a step of the story left no page", where=str(folder), expected=pattern)
    return found[-1]
