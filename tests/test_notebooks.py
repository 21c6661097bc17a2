"""Tests of workbench.notebooks: every way a notebook can go wrong is provoked with a real one in a real kernel."""

from __future__ import annotations

import ast
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from executing import execute
from nbformat.v4 import new_output

from workbench.notebooks import (
    Limits,
    NotebookJob,
    NotebookResult,
    execute_many,
    find_notebook,
    finish,
    read_finish,
    read_source,
    working_copies,
)
from workbench.notebooks.catalogue import notebook_names
from workbench.notebooks.result import merge_streams
from workbench.notebooks.source import Parameter
from workbench.words import InputError, RunError

TINY = Path(__file__).parent / "notebooks"
SHIPPED = Path(__file__).parent.parent / "notebooks"


def content_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cell(source: str, *tags: str, **more: Any) -> dict[str, Any]:
    plain = {"cell_type": "code", "metadata": {"tags": list(tags)}, "outputs": [], "execution_count": None}
    return {**plain, "source": source, **more}


def notebook_at(path: Path, *cells: dict[str, Any], **more: Any) -> Path:
    content = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 4, **more}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def notebook_with_parameters(path: Path, parameters: str) -> Path:
    return notebook_at(path, code_cell(parameters, "parameters"), code_cell("finish('', {})"))


# Running


def test_a_good_notebook_gives_its_answer_and_its_executed_copy(tmp_path, capfd):
    output, mark = tmp_path / "new" / "answers.ipynb", tmp_path / "mark"
    awkward = "\"'; import os\n\\n {x} {{ é\t'''"
    parameters = {"n": 3, "name": awkward, "rate": 0.1, "parts": [awkward, "<b>"], "is_on": True, "mark": str(mark)}
    reported = []
    result = execute(TINY / "answers.ipynb", output, parameters, on_cell=lambda *report: reported.append(report))

    assert result.answer == f"3 of {awkward}."
    assert {name: result.values[name] for name in parameters if name != "mark"} == {
        name: value for name, value in parameters.items() if name != "mark"
    }
    assert result.values["interpreter"] == sys.executable
    assert result.values["cwd"] == str(TINY)
    assert read_finish(content_of(output)["cells"]).values == result.values
    assert mark.exists(), "a kernel that did its work may run its atexit hooks"
    # five cells and the injected one; told before each and at the end
    assert [done for _, done, _ in reported] == [0, 1, 2, 3, 4, 5, 6]
    assert {(path, n_cells) for path, _, n_cells in reported} == {(TINY / "answers.ipynb", 6)}
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in output.parent.iterdir()] == ["answers.ipynb"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A good notebook run once, in folders with braces in their names, over the failed copy of an earlier run."""
    folder = tmp_path_factory.mktemp("{in} {0}")
    notebook = folder / "{n}.ipynb"
    notebook.write_bytes((TINY / "answers.ipynb").read_bytes())
    output = folder / "{out} {}" / "{n}.ipynb"
    output.parent.mkdir()
    output.with_name("{n}.failed.ipynb").write_text("{}")
    return execute(notebook, output, {"name": "<script>"})


def test_progress_bars_are_text_and_answers_are_escaped(executed):
    content = content_of(executed.output)
    outputs = [output for cell in content["cells"] for output in cell.get("outputs", [])]
    assert "2/2" in "".join(text for output in outputs for text in output.get("text", []))
    shown = "".join(text for output in outputs for text in output.get("data", {}).get("text/html", []))
    assert "2 of &lt;script&gt;." in shown
    assert "<script>" not in shown
    assert "widgets" not in content["metadata"]


def test_braces_in_paths_are_only_braces(executed):
    paths = content_of(executed.output)["metadata"]["papermill"]
    assert paths["input_path"] == str(executed.notebook)
    assert paths["output_path"] == str(executed.output)


def test_a_good_run_removes_the_failed_copy_of_an_earlier_one(executed):
    assert [path.name for path in executed.output.parent.iterdir()] == ["{n}.ipynb"]


def test_a_mark_left_by_an_earlier_run_does_not_count(executed, tmp_path):
    content = content_of(executed.output)
    content["cells"] = [cell for cell in content["cells"] if "injected-parameters" not in cell["metadata"]["tags"]]
    content["cells"][2]["source"] = "import sys\nsys.exit(0)"
    stale = tmp_path / "stale.ipynb"
    stale.write_text(json.dumps(content))
    assert read_finish(content["cells"]) is not None
    with pytest.raises(RunError, match=r"the notebook stopped before its end\n.*cell 3: import sys"):
        execute(stale, tmp_path / "out.ipynb", {})
    assert not (tmp_path / "out.ipynb").exists()


def test_text_printed_in_pieces_is_joined_and_a_progress_bar_keeps_its_last_state():
    def stream(name, text):
        return new_output("stream", name=name, text=text)

    figure = new_output("display_data", data={"text/plain": "figure"})
    printed = [stream("stderr", "\r 1/3"), stream("stderr", "\r 2/3"), stream("stderr", "\r 3/3\n"), figure]
    printed += [stream("stdout", "a\r\nb"), stream("stdout", "c\n"), stream("stderr", "x" * 5_000_000)]
    assert merge_streams(printed) == [
        stream("stderr", " 3/3\n"),
        figure,
        stream("stdout", "a\nbc\n"),
        stream("stderr", "x" * 5_000_000),
    ]


def test_a_users_kernel_and_ipython_settings_have_no_say(tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["false"], "display_name": "another", "language": "python"}))
    startup = tmp_path / "ipython" / "profile_default" / "startup" / "00.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("from_startup = True")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    result = execute(TINY / "answers.ipynb", tmp_path / "answers.ipynb", {})
    assert result.values["interpreter"] == sys.executable
    assert result.values["startup"] is None


FAILURES = {
    # what is provoked, what is said, in which cell of the source, what its first line is, what the fault was
    "fails": ("a cell of the notebook failed", "cell 4: total = n", "ZeroDivisionError: division by zero"),
    "tolerates_an_error": ("a cell of the notebook failed", "cell 3: 1 / 0", "ZeroDivisionError: division by zero"),
    "finishes_with_nan": ("a cell of the notebook failed", "cell 3: finish(", "the values of a notebook are not plain"),
    "kills_its_kernel": ("the notebook's kernel died", "cell 4: os.kill(", "killed by SIGKILL"),
    "kills_its_kernel_at_the_end": ("the notebook's kernel died", "cell 2: import os", "killed by SIGKILL"),
    "exits": ("the notebook stopped before its end", "cell 3: exit()", "exit() or quit()"),
    "exits_with_sys_exit": ("the notebook stopped before its end", "cell 3: sys.exit(0)", "without its finish"),
    "finishes_early": ("the notebook stopped before its end", "cell 3: exit()", "exit() or quit()"),
    "skips_its_end": ("the notebook stopped before its end", "cell 3: finish(", "without its finish"),
    "hangs": ("a cell of the notebook took too long", "cell 3: time.sleep(600)", "more than 5 s"),
}


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """What came of the notebooks that go wrong, each run over an older good output."""
    folder = tmp_path_factory.mktemp("failures")
    jobs = {name: NotebookJob(TINY / f"{name}.ipynb", folder / f"{name}.ipynb", {"n": 3}) for name in FAILURES}
    for job in jobs.values():
        job.output.write_text("an older good output")
    return jobs, dict(zip(jobs, execute_many(list(jobs.values()), limits=Limits(cell_s=5)), strict=True))


@pytest.mark.parametrize("name", FAILURES)
def test_what_goes_wrong_is_an_error_that_names_the_cell(failures, name):
    error = failures[1][name]
    problem, cell, got = FAILURES[name]
    assert isinstance(error, RunError)
    assert error.exit_code == 4
    assert error.problem == problem
    assert error.where.startswith(f"{TINY / name}.ipynb, {cell}")
    assert got in error.got
    assert "\n" not in error.got


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_notebook_is_kept_and_an_older_good_output_stays(failures, name):
    job = failures[0][name]
    assert job.output.read_text() == "an older good output"
    assert str(job.failed_output) in failures[1][name].remedy
    cells = content_of(job.failed_output)["cells"]
    assert read_finish(cells) is None or name == "finishes_early"
    statuses = [cell["metadata"]["papermill"]["status"] for cell in cells if "papermill" in cell["metadata"]]
    # papermill alone would call every cell completed after a kernel's death
    assert "failed" in statuses
    assert set(statuses[statuses.index("failed") + 1 :]) <= {"pending"}
    failed = next(cell for cell in cells if cell["metadata"].get("papermill", {}).get("status") == "failed")
    assert any(output["output_type"] == "error" for output in failed["outputs"])


def test_all_cells_together_have_a_limit(tmp_path):
    with pytest.raises(RunError, match=r"the notebook took too long\n.*sleep.*\n  got: more than 6 s in all"):
        execute(TINY / "is_slow_in_all.ipynb", tmp_path / "out.ipynb", {}, limits=Limits(cell_s=5, total_s=6))


def test_notebooks_run_side_by_side_and_one_failure_stops_no_other(tmp_path):
    jobs = [
        NotebookJob(TINY / "fails.ipynb", tmp_path / "fails.ipynb"),
        NotebookJob(TINY / "answers.ipynb", tmp_path / "one.ipynb", {"n": 1}),
        NotebookJob(TINY / "answers.ipynb", tmp_path / "five.ipynb", {"n": 5}),
    ]
    failed, one, five = execute_many(jobs)
    assert isinstance(failed, RunError)
    assert isinstance(one, NotebookResult)
    assert isinstance(five, NotebookResult)
    assert [one.answer, five.answer] == ["1 of a.", "5 of a."]


def test_an_interruption_kills_the_kernels(tmp_path):
    script = f"""
import signal
from pathlib import Path
from workbench.notebooks import Limits, NotebookJob, execute_many
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
def report(path, done, n_cells):
    if done == 2:
        print("asleep", flush=True)
notebook, output = Path({str(TINY / "hangs.ipynb")!r}), Path({str(tmp_path / "out.ipynb")!r})
execute_many([NotebookJob(notebook, output)], limits=Limits(cell_s=60), on_cell=report)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"asleep\n"
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, check=True)
        [kernel] = children.stdout.split()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        assert b"KeyboardInterrupt" in process.stderr.read()
    assert not Path("/proc", kernel.decode()).exists()
    assert not (tmp_path / "out.ipynb").exists()


# Refusing, before anything is started


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"naem": "b"}, "no parameter 'naem'\n.*\n  expected: n, name, rate, parts, is_on, mark\n.*mean 'name'"),
        ({"x = 1; import os": 1}, "no parameter 'x = 1; import os'"),
        ({"n": "3"}, r"'n' does not fit\n.*\n  got: '3' \(str\)\n  expected: int"),
        ({"n": True}, r"got: True \(bool\)\n  expected: int"),
        ({"n": None}, r"got: None \(NoneType\)\n  expected: int"),
        ({"n": 2.0}, r"got: 2.0 \(float\)\n  expected: int"),
        ({"is_on": 1}, r"got: 1 \(int\)\n  expected: bool"),
        ({"rate": float("nan")}, r"got: nan \(float\)\n  expected: float \| None"),
        ({"parts": ["a", 1]}, r"got: \['a', 1\] \(list\)\n  expected: list\[str\]"),
        ({"parts": "a"}, r"got: 'a' \(str\)\n  expected: list\[str\]"),
        ({"name": Path("a")}, r"got: PosixPath\('a'\) \(PosixPath\)\n  expected: str"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(tmp_path, parameters, message):
    with pytest.raises(InputError, match=message):
        execute(TINY / "answers.ipynb", tmp_path / "out" / "answers.ipynb", parameters)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("has_no_parameters_cell", "exactly one code cell tagged parameters\n.*\n  got: none"),
        ("has_two_parameters_cells", "exactly one code cell tagged parameters\n.*\n  got: cells 1, 2"),
        ("has_no_end", r"does not end with finish\(...\)\n  where: .*, cell 2"),
        ("ends_in_a_branch", r"does not end with finish\(...\)\n  where: .*, cell 3"),
        ("is_not_there", "a file is missing"),
    ],
)
def test_a_notebook_that_is_not_fit_to_be_run_is_refused(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        execute(TINY / f"{name}.ipynb", tmp_path / "out" / "answers.ipynb", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("n = 2", "no typed literal\n  where: .*, cell 1, line 1\n  got: n = 2\n  expected: NAME: TYPE = LITERAL"),
        ("n: int", "no typed literal"),
        ("import os", "no typed literal\n.*\n  got: import os"),
        ("n: int = 1 + 1 + len('a')", "no typed literal"),
        ("n: dict = {}", "no typed literal\n.*\n  got: dict"),
        ("n: list[list[int]] = []", "no typed literal"),
        ("n: int = 'a'", "the default of parameter 'n' does not fit\n.*\n  got: 'a'\n  expected: int"),
        ("n: int = 1\nn: int = 2", "the parameter 'n' is given twice"),
        ("n: int = ", "a cell is not plain Python\n  where: .*, cell 1, line 1"),
        ("%matplotlib inline", "a cell is not plain Python"),
    ],
)
def test_a_parameters_cell_holds_typed_literals_only(tmp_path, parameters, message):
    with pytest.raises(InputError, match=message):
        read_source(notebook_with_parameters(tmp_path / "a.ipynb", parameters))


def test_parameters_are_read_with_their_types(tmp_path):
    text = "limit: int | None = None  # at most\nrates: list[float] | None = [0.5, 1]\nname: str | bool = 'a=b # c'"
    parameters = read_source(notebook_with_parameters(tmp_path / "a.ipynb", text)).parameters
    assert parameters == {
        "limit": Parameter("limit", "int | None", frozenset({int}), None, True),
        "rates": Parameter("rates", "list[float] | None", frozenset(), frozenset({float}), True),
        "name": Parameter("name", "str | bool", frozenset({str, bool}), None, False),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the notebook is not valid JSON"),
        ("[]", "the file is no notebook\n.*\n  got: list"),
        ("{}", "the key 'nbformat' is missing"),
        ('{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "cells": []}', "the value of 'nbformat' does not fit"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', "'cells.0.cell_type' is missing"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused(tmp_path, text, message):
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_source(path)


def test_a_notebook_that_breaks_the_format_further_in_is_an_error(tmp_path):
    cells = code_cell("n: int = 1", "parameters"), code_cell("finish('', {})", outputs="none")
    notebook = notebook_at(tmp_path / "a.ipynb", *cells)
    with pytest.raises(RunError, match="breaks the notebook format"):
        execute(notebook, tmp_path / "out.ipynb", {})


def test_an_executed_copy_is_not_run_again(tmp_path):
    copy = notebook_at(
        tmp_path / "a.ipynb",
        code_cell("n: int = 1", "parameters"),
        code_cell("n = 2", "injected-parameters"),
        code_cell("finish('', {})"),
    )
    with pytest.raises(InputError, match="executed before"):
        read_source(copy)


def test_an_output_that_cannot_be_is_refused(tmp_path):
    notebook = notebook_with_parameters(tmp_path / "a.ipynb", "n: int = 1")
    with pytest.raises(InputError, match="would overwrite the notebook"):
        execute(notebook, tmp_path / "." / "a.ipynb", {})
    with pytest.raises(InputError, match=r"no \.ipynb file"):
        execute(notebook, tmp_path / "a.html", {})
    with pytest.raises(InputError, match=r"cannot be written\n.*\n  got: (Not a directory|File exists)"):
        execute(notebook, notebook / "out.ipynb", {})
    with pytest.raises(InputError, match="two notebooks have the same output"):
        execute_many([NotebookJob(notebook, tmp_path / "out.ipynb"), NotebookJob(notebook, tmp_path / "out.ipynb")])


def test_values_that_are_not_plain_json_are_refused():
    with pytest.raises(RunError, match="not plain JSON"):
        finish("An answer.", {"a": {1, 2}})


# Finding


def test_a_roots_own_notebook_comes_before_the_packaged_one(tmp_path):
    name = "01_mine"
    own = notebook_with_parameters(tmp_path / "notebooks" / f"{name}.ipynb", "n: int = 1")
    assert find_notebook(name, tmp_path) == own
    assert set(notebook_names(tmp_path)) == {name, *(path.stem for path in SHIPPED.glob("*.ipynb"))}


def test_an_unknown_notebook_is_refused_with_the_nearest(tmp_path):
    notebook_with_parameters(tmp_path / "notebooks" / "09_our_own.ipynb", "n: int = 1")
    with pytest.raises(InputError, match=r"no notebook '9_our_own'\n.*\n  expected: .*09_our_own.*\n  .*'09_our_own'"):
        find_notebook("9_our_own", tmp_path)
    with pytest.raises(InputError, match=r"no notebook '\.\./x'"):
        find_notebook("../x", tmp_path)


def edit(path, text):
    content = json.loads(path.read_text(encoding="utf-8"))
    content["cells"][0]["source"] = text
    path.write_text(json.dumps(content), encoding="utf-8")


def run_in_lab(path):
    """Save a notebook as JupyterLab does after a run: other metadata, outputs, counts; the cells stay as they are."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content["metadata"]["language_info"] = {"name": "python"}
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"execution_count": 1, "outputs": [{"output_type": "stream", "name": "stdout", "text": "ran"}]}
    path.write_text(json.dumps(content), encoding="utf-8")


def test_each_user_works_on_copies_of_the_roots_own_and_the_packaged_notebooks(tmp_path):
    notebook_with_parameters(tmp_path / "notebooks" / "09_our_own.ipynb", "n: int = 1")
    copies = working_copies(tmp_path, "ada")
    assert copies.folder == tmp_path / "mlruns" / "notebooks_lab" / "ada"
    assert {path.stem for path in copies.folder.glob("*.ipynb")} == set(notebook_names(tmp_path))
    for name in notebook_names(tmp_path):
        assert (copies.folder / f"{name}.ipynb").read_bytes() == find_notebook(name, tmp_path).read_bytes()
    assert working_copies(tmp_path, "../b o").folder.parent == copies.folder.parent
    assert copies.kept == ()


def test_a_copy_that_was_run_but_not_edited_follows_its_notebook(tmp_path):
    own = tmp_path / "notebooks" / "09_our_own.ipynb"
    notebook_with_parameters(own, "n: int = 1")
    copy = working_copies(tmp_path, "ada").folder / own.name
    run_in_lab(copy)
    ran = copy.read_bytes()
    working_copies(tmp_path, "ada")
    assert copy.read_bytes() == ran, "nothing changed, so its outputs stay"
    edit(own, "n: int = 2")
    assert working_copies(tmp_path, "ada").kept == ()
    assert copy.read_bytes() == own.read_bytes()


def test_an_edited_copy_is_never_overwritten_and_named_once_its_notebook_changed(tmp_path):
    own = tmp_path / "notebooks" / "09_our_own.ipynb"
    notebook_with_parameters(own, "n: int = 1")
    copy = working_copies(tmp_path, "ada").folder / own.name
    edit(copy, "n: int = 5")
    mine = copy.read_bytes()
    assert working_copies(tmp_path, "ada").kept == (), "the notebook is as it was: nothing to say"
    edit(own, "n: int = 2")
    for _ in range(2):
        assert working_copies(tmp_path, "ada").kept == (copy,)
        assert copy.read_bytes() == mine
    copy.write_bytes(b"no notebook")
    assert working_copies(tmp_path, "ada").kept == (copy,)
    copy.unlink()
    assert working_copies(tmp_path, "ada").kept == ()
    assert copy.read_bytes() == own.read_bytes()


def test_a_copy_of_which_nothing_is_known_counts_as_edited(tmp_path):
    own = tmp_path / "notebooks" / "09_our_own.ipynb"
    notebook_with_parameters(own, "n: int = 1")
    folder = working_copies(tmp_path, "ada").folder
    edit(own, "n: int = 2")
    (folder / ".copied.json").write_text("[", encoding="utf-8")
    assert working_copies(tmp_path, "ada").kept == (folder / own.name,)


def test_copies_that_cannot_be_written_are_the_users_to_mend(tmp_path):
    (tmp_path / "mlruns").write_text("in the way", encoding="utf-8")
    with pytest.raises(InputError, match=r"the notebooks cannot be copied(.|\n)*--root"):
        working_copies(tmp_path, "ada")


# What is committed


def test_committed_notebooks_are_stripped():
    kept = []
    for path in [*TINY.glob("*.ipynb"), *SHIPPED.glob("*.ipynb")]:
        content = content_of(path)
        kept += [f"{path.name}: metadata.{key}" for key in ("papermill", "widgets") if key in content["metadata"]]
        for number, cell in enumerate(content["cells"], start=1):
            if cell.get("outputs") or cell.get("execution_count") is not None:
                kept.append(f"{path.name}, cell {number}: outputs")
            kept += [
                f"{path.name}, cell {number}: {key}" for key in ("papermill", "execution") if key in cell["metadata"]
            ]
    assert kept == []


def test_shipped_notebooks_follow_the_house_style():
    odd = []
    for path in SHIPPED.glob("*.ipynb"):
        cells = read_source(path).cells
        if cells[0].cell_type != "markdown" or not cells[1].has_tag("parameters"):
            odd.append(f"{path.name}: a text cell first, then the parameters")
        for number, cell in enumerate(cells, start=1):
            statements = ast.parse(cell.text).body if cell.cell_type == "code" else []
            work = [statement for statement in statements if not isinstance(statement, ast.Import | ast.ImportFrom)]
            if sum(statement.end_lineno - statement.lineno + 1 for statement in work) > 20:
                odd.append(f"{path.name}, cell {number}: more than 20 lines besides imports")
            if any(isinstance(statement, ast.ClassDef) for statement in statements):
                odd.append(f"{path.name}, cell {number}: a class")
    assert odd == []
