"""The documentation: its links, what is generated in it, its commands; and every example, run in order."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer.main

from workbench.commands.cli import app

ROOT = Path(__file__).parent.parent
README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = (README, *sorted(DOCS.rglob("*.md")))
# In this order, in one folder: how-to pages go on where the tutorial ends.
EXECUTED = (
    "README.md",
    "docs/tutorial.md",
    *(
        f"docs/how_to/{name}.md"
        for name in ("records", "agents", "act", "retrieval", "guards", "load", "attack", "engines")
    ),
    *(f"docs/how_to/{name}.md" for name in ("compare_versions", "look", "hold_a_gate", "servers", "vllm")),
    *(f"docs/how_to/{name}.md" for name in ("ray", "spark", "integrations", "comply", "review", "acceptance")),
    *(f"docs/how_to/{name}.md" for name in ("labels", "process")),
)
NOT_RUN = [
    ("README.md", "builds an environment, and runs the shipped pilot or the tests for minutes"),
    ("README.md", "needs a network"),
    ("docs/how_to/attack.md", "needs a list of yours"),
    ("docs/how_to/engines.md", "needs a server with a language model"),
    ("docs/how_to/compare_versions.md", "needs a server with a language model"),
    ("docs/how_to/compare_versions.md", "needs the id of a run of yours"),
    *[("docs/how_to/vllm.md", "needs vLLM, and a GPU or minutes")] * 4,
    ("docs/how_to/ray.md", "needs a Ray cluster"),
    *[("docs/how_to/spark.md", "needs Spark")] * 3,
    ("docs/how_to/review.md", "people decide before, and a tool must carry it out"),
    ("docs/how_to/review.md", "needs a host name with a certificate"),
    ("docs/how_to/review.md", "needs a webhook"),
    ("docs/how_to/review.md", "it is looked at in JupyterLab"),
    ("docs/how_to/acceptance.md", "people decide in between"),
    ("docs/how_to/acceptance.md", "needs an issue that people raised"),
    ("docs/how_to/labels.md", "its holdout was opened in the tutorial"),
]
FENCE = re.compile(
    r"(?:<!-- (?P<mark>[^>]+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
FREE, NUMBER = {".": ".*", " ": r"\s+"}, r"[\d,.]+"  # what may differ from what a page shows
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")
MENTION = re.compile(r"(?<![\w/])docs/[\w/.-]+\.(?:md|json|png)")
# Which records a new pilot seals is drawn by chance: here the draw is always the same one.
SAME_SPLIT = "import secrets\nsecrets.token_hex = lambda n=32: ('0123456789abcdef' * 8)[: 2 * n]\n"
ASKED_AGAIN = 1000
SERVED = re.compile(r"server: (\d+)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and what the comment before it says."""

    page: str
    language: str
    text: str
    mark: str

    @property
    def code(self) -> int:
        """The exit code that the page says."""
        return int(self.mark.split()[1].strip(":")) if self.mark.startswith("exit ") else 0


def blocks_of(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(page, one["language"], one["text"], one["mark"] or "") for one in FENCE.finditer(text)]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def targets(page: Path) -> Iterator[tuple[Path, str]]:
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    for path, anchor in LINK.findall(text):
        yield (page.parent / path).resolve() if path else page, anchor.removeprefix("#")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    for target, anchor in targets(page):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), f"{target}#{anchor}"


def test_every_page_is_found_from_the_index_or_the_readme() -> None:
    found = {target for page in (README, DOCS / "index.md") for target, _ in targets(page)}
    assert sorted(set(DOCS.rglob("*.md")) - found) == []


def test_every_page_that_code_and_other_files_name_is_there() -> None:
    kinds = {".py", ".md", ".j2", ".template", ".yaml", ".ipynb"}
    rooms = ("workbench", "docs", "notebooks", "benchmarks", "eval_suites", "datasets")
    below = [path for name in rooms for path in (ROOT / name).rglob("*") if path.suffix in kinds and path.is_file()]
    named = {
        name for path in [*ROOT.glob("*.md"), *below] for name in MENTION.findall(path.read_text(encoding="utf-8"))
    }
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(("page", "written"), [("commands.md", "commands_page"), ("files.md", "files_page")])
def test_generated_pages_say_what_the_code_says(page: str, written: str) -> None:
    made = runpy.run_path(str(DOCS / "reference" / "write.py"))[written]()
    assert (DOCS / "reference" / page).read_text(encoding="utf-8") == made


def command_lines(page: Path) -> list[str]:
    """Return every command line of `workbench` in the code blocks of a page, fenced or indented, as one line each."""
    text = page.read_text(encoding="utf-8")
    indented = re.findall(r"^    (workbench .*)$", FENCE.sub("", text), re.MULTILINE)
    fenced = "\n".join(one["text"] for one in FENCE.finditer(text) if one["language"] == "sh").replace("\\\n", " ")
    return [*indented, *re.findall(r"^ *(workbench .*)$", fenced, re.MULTILINE)]


def by_default(named: list[str], words: list[str]) -> list[str]:
    """Return words with the command in front that `workbench attack` and `workbench review` run without one."""
    if named == ["review"] and words[0] not in typer.main.get_command(app).commands["review"].commands:  # type: ignore[attr-defined]
        return ["serve", *words]
    return ["run", *words] if named == ["attack"] and words[0] != "import" else words


def parsed(line: str) -> None:
    """Hold a command line against the app: a command and options that there are."""
    line = re.sub(r"\$\(date [^)]*\)", "2030-01-01", line)
    words = shlex.split(line.split(" > ")[0], comments=True)[1:]
    command = typer.main.get_command(app)
    named = []
    while words and getattr(command, "commands", None) and not words[0].startswith("-"):
        if words[0] not in command.commands:  # type: ignore[attr-defined]
            words = by_default(named, words)
        named.append(words.pop(0))
        command = command.commands[named[-1]]  # type: ignore[attr-defined]
    if named:
        command.make_context(" ".join(named), words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_of_a_page_is_one_that_the_app_takes(page: Path) -> None:
    for line in command_lines(page):
        parsed(line)
    for words in re.findall(r"`workbench ((?:[a-z][a-z-]* ?){1,2})", page.read_text(encoding="utf-8")):
        first, *rest = words.split()
        commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
        assert first in commands, words
        group = getattr(commands[first], "commands", {})
        assert not (group and rest) or by_default([first], rest)[0] in group, words


@pytest.mark.parametrize(
    "line", ["workbench charter claims check", "workbench run claims --note 02", "workbench rum x"]
)
def test_a_command_line_that_the_app_does_not_take_is_found(line: str) -> None:
    with pytest.raises(Exception, match=r"claims|--note|rum"):
        parsed(line)


def test_what_is_not_run_is_this_list_and_every_executed_page_has_fenced_examples() -> None:
    marked = [(block.page, block.mark) for page in EXECUTED for block in blocks_of(page)]
    assert [(page, mark.removeprefix("not run: ")) for page, mark in marked if mark.startswith("not run: ")] == NOT_RUN
    assert {"README.md", "docs/tutorial.md"} | {
        str(path.relative_to(ROOT)) for path in (DOCS / "how_to").glob("*.md")
    } == set(EXECUTED)
    for page in EXECUTED:
        loose = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
        assert not re.search(r"^    (workbench|make|pip|python) ", loose, re.MULTILINE), page


@dataclass
class Reader:
    """Somebody who follows the pages in one folder, block by block; servers run until the page ends."""

    folder: Path
    environment: dict[str, str]
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def follow(self, page: str) -> None:
        blocks, ports = blocks_of(page), {}
        for block in blocks:
            for port in SERVED.findall(block.mark):
                ports[port] = str(free_port())
        said = ""
        try:
            for block in blocks:
                text = re.sub("|".join(ports) or "$^", lambda found: ports[found.group()], block.text)
                if block.language == "text" and said:
                    assert_said(block.text, said, page)
                    continue
                said = ""
                if block.language not in ("sh", "python") or block.mark.startswith("not run: "):
                    continue
                served = SERVED.match(block.mark)
                if served:
                    self.serve(text, int(ports[served[1]]))
                else:
                    said = self.done(block, text)
        finally:
            self.stop()

    def done(self, block: Block, text: str) -> str:
        """Run a block, hold its exit code against the page's, and return what it printed."""
        command = ["bash", "-euc", text] if block.language == "sh" else [sys.executable, "-c", text]
        ended = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == block.code, f"{block.page}\n{text}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def serve(self, text: str, port: int) -> None:
        """Start a server and ask it once, as soon as it answers."""
        command = ["bash", "-euc", f"exec {text}"]
        log = self.folder / f"server-{port}.log"
        with log.open("wb") as said:
            started = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=said, stderr=said, start_new_session=True,
                preexec_fn=hears_ctrl_c,
            )  # fmt: skip
        self.servers.append(started)
        for _ in range(ASKED_AGAIN):
            if answers(port):
                return
            assert started.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.2)
        pytest.fail(f"{text} does not answer: {log.read_text(encoding='utf-8')}")

    def stop(self) -> None:
        """End every server as Ctrl-C does."""
        for server in self.servers:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(60)
        self.servers.clear()


def hears_ctrl_c() -> None:
    """Let Ctrl-C end a server also where the tests run in the background, which ignores it and hands that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def answers(port: int) -> bool:
    """Return whether anything speaks HTTP there, whatever it says of this question."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def assert_said(shown: str, said: str, page: str) -> None:
    """Hold what a page shows of an output against it: every line is there, figures aside; `...` is anything."""
    for line in shown.splitlines():
        parts = re.split(r"(\d[\d,.]*|\.\.\.| +)", line.strip())
        pattern = "".join(
            re.escape(part) if at % 2 == 0 else FREE.get(part[0], NUMBER) for at, part in enumerate(parts)
        )
        assert re.search(rf"^\s*{pattern}", said, re.MULTILINE), f"{page} shows {line!r}, the command said\n{said}"


@pytest.mark.parametrize("shown", ["GO at gate 2 for boosted...", "right on 9 of 12 (75%)", "Failed:"])
def test_an_output_that_a_page_shows_wrongly_is_found(shown: str) -> None:
    said = "NO-GO at gate 2 for boosted (no language model).\n  boosted: right on 7 of 12\n"
    assert_said("NO-GO at gate 1 for boosted...\n...\nboosted: right on 1,200 of 4", said, "page")
    with pytest.raises(AssertionError, match="page shows"):
        assert_said(shown, said, "page")


@pytest.mark.slow
def test_every_example_does_what_its_page_says(tmp_path: Path) -> None:
    for name in ("datasets", "eval_suites"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "sitecustomize.py").write_text(SAME_SPLIT, encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("WORKBENCH_", "COV"))},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path / "home")]),
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "home"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "home" / "jupyter"),
    }
    environment.pop("COLUMNS", None)
    reader = Reader(tmp_path, environment)
    for page in EXECUTED:
        reader.follow(page)
