"""Texts of the library in all that the product shows: no script runs, no request leaves, nothing steers a terminal."""

from __future__ import annotations

import http.server
import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby, product
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from browser import chromium, needs_chromium
from commands import Command, command_in
from executing import execute
from harmless_pages import active_parts, steering_signs
from small_pilots import ALL_DEV, written_pilot
from terminals import ESCAPE_CODES, on_terminal

from workbench.attacks import TRANSFORMS, AttackClass, filled, shipped_patterns, transformed
from workbench.commands.tables import TextTable, of_names, show_table
from workbench.evaluation import evaluate_all
from workbench.evaluation.shown import record_page
from workbench.evaluation.versions.history import record_histories
from workbench.gates.overview import write_index
from workbench.pages import framed, notebook_page, table_html
from workbench.pages.filters import FilterKind, RowGroups, frame_html, table_data
from workbench.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.records.tables import marked, unmarked
from workbench.runs import RunRequest

LONGEST = 2_500  # what is longer is the same text within filler
FRAMES = ("markup", "markdown", "terminal", "system_message", "tool_message", "data_end")
ADDRESS = "https://attacker.example/"
AGENTS = """
def echo(record):
    return {"action": "pay", "confidence": 0.5, "reason": record["said"]}

def repeats_as_action(record):
    return {"action": record["said"][:60] if len(record["said"]) % 2 else "pay", "confidence": 0.9}
"""
STARTS = ("=", "+", "-", "@", "\t", "\r")


def hostile_texts() -> dict[str, tuple[str, str]]:
    """Return texts with their family and transform: each family under each of its transforms, languages in turn."""
    found: dict[str, tuple[str, str]] = {}
    for place, (family, group) in enumerate(groupby(shipped_patterns(), key=lambda one: one.family)):
        patterns = list(group)
        is_markup = patterns[0].attack_class is AttackClass.MARKUP
        for one, name in product(patterns if is_markup else [patterns[place % 5]], patterns[0].transforms):
            text = filled(one.text, target="pay", canary="Qz7Kx2Lm9Pw4", tool="post")
            for seed in range(6 if name in FRAMES else 1):  # each frame that a transform knows, most likely
                dressed = transformed(text, name, random.Random(seed))
                for part in (dressed,) if isinstance(dressed, str) else dressed:
                    found.setdefault(part[:LONGEST], (family, name))
    return found


TEXTS = hostile_texts()


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    """A pilot whose records hold the texts, one its id too, and whose versions say them again."""
    columns = {
        "id": {"role": "id", "required": True},
        "said": {"role": "text", "required": True},
        "right": {"role": "label", "required": True},
    }
    rows = [(f"R{place:03}", text, ("pay", "ask")[place % 2]) for place, text in enumerate(TEXTS)]
    rows.append(("<img src=x onerror=alert(1)>\x1b[31m\u202e", "<script>alert(1)</script>", "pay"))
    root = tmp_path_factory.mktemp("hostile")
    made = written_pilot(root, columns, rows, {"pay": ALL_DEV, "ask": ALL_DEV})
    (made.suite / "agents.py").write_text(AGENTS, encoding="utf-8")
    settings = json.loads((made.suite / "pilot.yaml").read_text(encoding="utf-8"))
    names = ("echo", "repeats_as_action")
    settings |= {
        "agents": {name: {"python": f"eval_suites/small/agents.py:{name}", "note": "<b>said</b>"} for name in names}
    }
    settings |= {"compare": list(names), "title": ADDRESS + "<script>alert(1)</script>", "escalate_label": "ask"}
    (made.suite / "pilot.yaml").write_text(json.dumps(settings), encoding="utf-8")
    made = open_pilot("small", root)
    evaluate_all(made, names, RunRequest(show_progress=False))
    return made


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"said": list(TEXTS), "family": [family for family, _ in TEXTS.values()]})


@pytest.fixture
def command(pilot: Pilot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_in(pilot.root, monkeypatch, capsys)


def test_the_sample_has_every_family_and_every_transform() -> None:
    assert {family for family, _ in TEXTS.values()} == {one.family for one in shipped_patterns()}
    assert {name for _, name in TEXTS.values()} == set(TRANSFORMS)
    said = "\n".join(TEXTS)
    for part in ("<script>", "onerror=", "\x1b[8m", "\x9b", "\u202e", "\u200b", "=HYPERLINK", ADDRESS, "javascript:"):
        assert part in said, part


def test_the_search_for_active_parts_finds_what_the_texts_would_do_unescaped() -> None:
    assert len(active_parts("<br>".join(TEXTS))) > 20
    assert steering_signs("".join(TEXTS)) >= {"\x1b", "\x9b", "\x07", "\u202e"}


def test_on_a_page_every_text_is_a_text(frame: pd.DataFrame) -> None:
    page = framed("\n".join(TEXTS)[:4_000], table_html(frame, "".join(TEXTS)[:4_000], ""))
    assert active_parts(page) == []
    assert steering_signs(page) == set()
    columns = pd.DataFrame([list(range(len(TEXTS)))], columns=list(TEXTS))
    assert active_parts(table_html(columns, "", "")) == []
    assert "&lt;script&gt;alert(" in page.replace("<wbr>", "")


def test_pages_of_records_and_the_pilot_at_a_glance_hold_nothing_that_runs(pilot: Pilot) -> None:
    dataset = read_dataset(pilot)
    ids = list(dataset.ids(Split.DEV))
    assert len(ids) == len(TEXTS) + 1
    for history in record_histories(pilot, dataset, ids):
        page = record_page(history)
        assert active_parts(page) == [], history.record_id
        assert steering_signs(page) == set(), history.record_id
    index = write_index(pilot).read_text(encoding="utf-8")
    assert active_parts(index) == []
    assert steering_signs(index) == set()


def test_no_text_steers_a_terminal(pilot: Pilot, command: Command) -> None:
    dataset = read_dataset(pilot)
    ids = list(dataset.ids(Split.DEV))
    for record_id in (*ids[:3], ids[-1]):
        for further in ((), ("--json",)):
            code, out, err = command("record", "small", record_id, *further)
            assert (code, steering_signs(out + err)) == (0, set())
    for text in (text for text in TEXTS if steering_signs(text) and "\x00" not in text):
        code, out, err = command("record", "small", text)
        assert (code, steering_signs(out + err)) == (2, set()), text
    code, out, err = command("run", "small", "--agent", "".join(text[:40] for text in TEXTS if steering_signs(text)))
    assert (code, steering_signs(out + err)) == (2, set())


def test_on_a_real_terminal_only_our_own_colours_are_escape_codes(pilot: Pilot) -> None:
    dataset = read_dataset(pilot)
    ids = list(dataset.ids(Split.DEV))
    code, lines = on_terminal(("record", "small", ids[-1]), pilot.root)
    assert code == 0
    assert steering_signs(ESCAPE_CODES.sub("", "\n".join(lines)).replace("\r", "")) == set()


def test_tables_of_text_spell_out_what_would_steer(capsys: pytest.CaptureFixture[str]) -> None:
    table = TextTable((of_names("said"), of_names("again")), tuple((text, text) for text in TEXTS))
    show_table("".join(TEXTS)[:4_000], table, details=True)
    out = capsys.readouterr().out
    assert steering_signs(out) == set()
    assert "\\u001b[8m" in out


def test_a_table_that_a_spreadsheet_opens_has_no_formula_and_reads_back(pilot: Pilot) -> None:
    assert [text for text in TEXTS if text.startswith("=HYPERLINK")]
    assert not [text for text in TEXTS if marked(text).startswith(STARTS)]
    assert all(unmarked(marked(text)) == text for text in TEXTS)
    for path in pilot.runs.rglob("*.csv"):
        cells = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8", lineterminator="\n")
        assert not [cell for name in cells for cell in cells[name] if cell.startswith(STARTS) and len(cell) > 20], path


def test_texts_in_a_table_to_filter_are_data(frame: pd.DataFrame) -> None:
    kinds = {"said": FilterKind.NOTE, "family": FilterKind.CHOICE}
    markup = frame_html(table_data(frame, kinds, ADDRESS, RowGroups("family")))
    assert markup.count("<iframe") == 1
    assert [part for part in active_parts(markup) if part != "<iframe>"] == []
    assert "onerror=" not in markup.replace("&#34;", '"').split("srcdoc=")[0]


def notebook_of(folder: Path, texts: list[str]) -> Path:
    """Write a notebook that shows the texts as a table, prints them, and ends with one as its answer."""
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    cells = [
        "root: str = '.'  # folder with texts.json",
        "import json\nfrom pathlib import Path\nimport pandas as pd\n"
        "from IPython.display import HTML, Markdown, display\n"
        "from workbench.notebooks import finish\nfrom workbench.pages import Page\n"
        "texts = json.loads(Path(root, 'texts.json').read_text(encoding='utf-8'))",
        "Page(Path(root, 'kept')).table('said', pd.DataFrame({'said': texts}), ''.join(texts)[:900], len(texts))",
        "said = ''.join(texts)\ndisplay(pd.DataFrame({'said': texts}), HTML(said), Markdown(said))\nprint(said)",
        "finish(''.join(texts)[:900], {})",
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    made.cells[0].metadata["tags"] = ["parameters"]
    path = folder / "09_said.ipynb"
    nbformat.write(made, path)
    return path


def test_an_executed_notebook_and_its_page_hold_nothing_that_runs(tmp_path: Path) -> None:
    out = tmp_path / "out" / "09_said.ipynb"
    result = execute(notebook_of(tmp_path, list(TEXTS)), out, {"root": str(tmp_path)})
    page = notebook_page(out, result.answer)
    links = [part for part in active_parts(page) if part.startswith(f"<a href='{ADDRESS}")]  # a reader may follow them
    assert links == active_parts(page)
    assert steering_signs(page) == set()
    kept = pd.read_csv(tmp_path / "kept" / "said.csv", keep_default_na=False, lineterminator="\n")["said"]
    assert not [cell for cell in kept if cell.startswith(STARTS)]


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a server on this machine, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()


@needs_chromium
def test_in_a_real_browser_no_script_runs_and_no_request_leaves(tmp_path: Path) -> None:
    with listening() as (address, asked), chromium() as browser:
        texts = [text.replace(ADDRESS, address).replace("alert(", "document.title='run'+(") for text in TEXTS]
        texts += [f"<img src='{address}img' onerror=\"document.title='run'\"><script>document.title='run'</script>"]
        out = tmp_path / "out" / "09_said.ipynb"
        result = execute(notebook_of(tmp_path, texts), out, {"root": str(tmp_path)})
        opened: dict[str, Callable[[], str]] = {
            "table": lambda: framed("said", table_html(pd.DataFrame({"said": texts}), "", "")),
            "notebook": lambda: notebook_page(out, result.answer),
            "open": lambda: f"<title>x</title>{texts[-1]}",  # the twin: without escaping it runs and calls out
        }
        titles = {}
        for name, page_of in opened.items():
            path = tmp_path / f"{name}.html"
            path.write_text(page_of(), encoding="utf-8")
            page = browser.new_page()
            page.goto(path.as_uri())
            page.wait_for_timeout(300)
            titles[name] = page.title()
            assert (name, asked) == (name, ["/img"] if name == "open" else [])
        assert (titles["table"], titles["open"]) == ("said", "run")
        assert titles["notebook"] != "run"
