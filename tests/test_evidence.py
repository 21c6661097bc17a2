"""Writing a bundle whole or not at all, reading its decisions back exactly, and verifying it anywhere."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from commands import command_in
from evidence_cases import COMMIT, case, changed, outcomes

from workbench.evidence import ColumnKind, table_csv, table_of
from workbench.evidence.manifest import ENVELOPE_FILE
from workbench.evidence.tabular import kinds_of
from workbench.files.commits import Provenance
from workbench.gates.verified import verify_bundle
from workbench.metrics import EvaluationSettings, evaluate_outcomes
from workbench.pilot.signing.keys import generated_key
from workbench.words import InputError, RunError

ROOT = Path(__file__).parent.parent
TESTS = Path(__file__).parent


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_bundle_is_read_by_its_user_alone(tmp_path: Path) -> None:
    bundle = case(tmp_path / "root").written(tmp_path / "evidence")
    modes = {path.stat().st_mode & 0o777 for path in bundle.rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in (bundle, *bundle.rglob("*")) if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_what_a_killed_process_left_of_a_bundle_goes_and_what_another_one_writes_stays(tmp_path: Path) -> None:
    made = case(tmp_path / "root")
    place = made.written(tmp_path / "evidence").parent
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    left, at_work = (place / f".20261130T000000Z.draft-{pid}-ab12cd" for pid in (gone.pid, os.getpid()))
    for folder in (left, at_work):
        folder.mkdir()
        (folder / "report.html").write_text("half", encoding="utf-8")
    changed(made, environment={"python": "another"}).written(tmp_path / "evidence")
    assert not left.exists()
    assert at_work.is_dir()


def test_decisions_read_back_exactly_and_no_spreadsheet_runs_them() -> None:
    table = outcomes()
    table.loc[0, "confidence"] = float("nan")
    table.loc[1, "confidence"] = 0.1 + 0.2
    table["prompt_tokens"] = pd.array([None, 2**40, *range(10)], dtype="Int64")
    text = table_csv(table).decode()
    assert "0.30000000000000004" in text
    assert not re.search(r"(^|,)[=+@-]", text, re.MULTILINE)
    read = table_of(text.encode(), kinds_of(table))
    for name in table.columns:
        wanted, found = table[name].tolist(), read[name].tolist()
        assert [None if pd.isna(one) else one for one in wanted] == [None if pd.isna(one) else one for one in found], (
            name
        )
    settings = EvaluationSettings(threshold=0.5)
    assert evaluate_outcomes(read, settings) == evaluate_outcomes(table, settings)


@pytest.mark.parametrize(
    "cell", ["", "'", "''", "=1", "'=1", "-", "\t", "a,b", 'a"b', "a\nb", "a\r\nb", "NA", "null", "ü"]
)
def test_any_text_survives_in_a_cell(cell: str) -> None:
    table = outcomes().assign(reason=cell, label=cell or "x")
    read = table_of(table_csv(table), kinds_of(table))
    assert set(read["reason"]) == {cell}
    assert set(read["label"]) == {cell or "x"}


@pytest.mark.parametrize("content", [b"", b"a,a\n1,2\n", b"a,b\n1\n", b"\xff", b'a\n"x', b"confidence\nhigh\n"])
def test_what_is_no_such_table_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        table_of(content, {"confidence": ColumnKind.NUMBER})


def test_a_bundle_is_one_folder_by_pilot_gate_and_content(tmp_path: Path) -> None:
    bundle = case(tmp_path).written(tmp_path / "evidence")
    assert re.fullmatch(
        r"tickets/gate-2/\d{8}T\d{6}Z-[0-9a-f]{12}", bundle.relative_to(tmp_path / "evidence").as_posix()
    )
    assert {"manifest.json", ENVELOPE_FILE, "verdict.json", "environment.json", "ledger.jsonl"} <= set(
        files_below(bundle)
    )
    assert [path for path in files_below(tmp_path / "evidence") if "/." in path] == []


def test_a_private_key_does_not_get_into_a_bundle(tmp_path: Path) -> None:
    made = case(tmp_path)
    leaking = changed(made, files={**made.content.files, "notes.txt": b"x" + made.key.signer.private_bytes})
    with pytest.raises(InputError, match=r"private key must not go into a bundle(.|\n)*notes.txt"):
        leaking.written(tmp_path / "evidence")
    assert not (tmp_path / "evidence").exists()


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    made = case(tmp_path)
    (tmp_path / "evidence").write_text("a file where the folder should be")
    with pytest.raises(RunError, match="the evidence cannot be written, so there is none"):
        made.written(tmp_path / "evidence")
    missing = changed(made, files={**made.content.files, "gone.txt": tmp_path / "gone.txt"})
    with pytest.raises(RunError, match=r"cannot be written(.|\n)*gone.txt"):
        missing.written(tmp_path / "other")
    assert not (tmp_path / "other").exists()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from evidence_cases import case, changed
from workbench.words import RunError
made = case(Path(sys.argv[2]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
large = changed(made, files={**made.content.files, "large.bin": b"x" * 50_000})
try:
    large.written(Path(sys.argv[2]) / "evidence")
except RunError as error:
    print(error.problem, error.exit_code)
"""


def test_a_disk_that_is_full_half_way_leaves_no_bundle(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(TESTS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "the evidence cannot be written, so there is none 4\n"
    assert [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()] == []


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from evidence_cases import case
import workbench.evidence.bundle as bundle
made, written = case(Path(sys.argv[2])), []
def killed(path, content, write=bundle._write):
    write(path, content)
    written.append(path)
    if len(written) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
bundle._write = killed
made.written(Path(sys.argv[2]) / "evidence")
"""


@pytest.mark.parametrize("n_written", [1, 7, 13])
def test_a_kill_at_any_point_leaves_no_bundle_that_verifies(tmp_path: Path, n_written: int) -> None:
    command = [sys.executable, "-c", KILLED, str(TESTS), str(tmp_path), str(n_written)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "evidence").rglob("gate-2/[!.]*")] == []


def test_two_gates_at_once_write_two_bundles(tmp_path: Path) -> None:
    made = case(tmp_path)
    other = changed(made, files={**made.content.files, "notes.html": b"other"})
    bundles = {made.written(tmp_path / "evidence"), other.written(tmp_path / "evidence")}
    assert len(bundles) == 2
    assert all(verify_bundle(bundle, made.public_key(tmp_path)).ok for bundle in bundles)


def test_bad_input_to_verify_is_said_so(tmp_path: Path) -> None:
    made = case(tmp_path)
    bundle, key = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    with pytest.raises(InputError, match="there is no bundle"):
        verify_bundle(tmp_path / "none", key)
    with pytest.raises(InputError, match="the key cannot be read"):
        verify_bundle(bundle, tmp_path / "none.pem")
    with pytest.raises(InputError, match="this is no commit"):
        verify_bundle(bundle, key, commit="HEAD")
    (tmp_path / "empty").mkdir()
    assert [check.name for check in verify_bundle(tmp_path / "empty", key).checks] == ["signature"]


def _verify(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    run = "import sys\nfrom workbench.commands import main\nsys.argv = ['workbench', 'verify', *sys.argv[1:]]\nmain()"
    return subprocess.run(
        [sys.executable, "-c", f"{code}\n{run}", *arguments], capture_output=True, text=True, check=False
    )


def test_the_command_says_what_holds_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = command_in(tmp_path, monkeypatch, capsys)
    made = case(tmp_path)
    bundle, key = made.written(tmp_path / "evidence"), str(made.public_key(tmp_path))
    code, out, err = command("verify", str(bundle), "--key", key, "--commit", COMMIT, "--json")
    assert code == 0, err
    said = json.loads(out)
    assert (said["ok"], said["verdict"], said["pilot"], said["gate"]) == (True, "GO", "tickets", 2)
    changed_tree = changed(made, provenance=Provenance("x", COMMIT, True, ("agents.py", "notebooks/02.ipynb")))
    code, out, _ = command("verify", str(changed_tree.written(tmp_path / "changed")), "--key", key, "--commit", COMMIT)
    assert code == 1
    assert f"FAIL  freshness: it was made from {COMMIT}, from a tree with changes in: 'agents.py'" in out
    assert "The evidence holds (tickets, gate 2, GO), but it was made from" in out
    assert "'notebooks/02.ipynb'" in out
    assert "believe nothing" not in out
    (bundle / "notes.html").write_bytes(b"other")
    code, out, _ = command("verify", str(bundle), "--key", key)
    assert code == 1
    assert "FAIL  files: files were altered (got: 'notes.html')" in out
    assert "believe nothing" in out
    assert command("verify", str(tmp_path / "none"), "--key", key)[0] == 2


BLOCKED = """
import sys, socket
class Blocked:
    def find_spec(self, name, path=None, target=None):
        heavy = {"vllm", "mlflow", "jupyterlab", "jupyter_core", "IPython", "papermill", "nbclient", "nbformat", "ray",
                 "matplotlib", "sklearn", "aiohttp", "torch", "onnx", "onnxruntime", "great_expectations"}
        if name.split(".")[0] in heavy:
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Blocked())
def offline(*_):
    raise OSError("there is no network here")
socket.socket.connect = socket.getaddrinfo = offline
"""


def test_verifying_needs_no_network_and_nothing_heavy(tmp_path: Path) -> None:
    made = case(tmp_path)
    done = _verify(str(made.written(tmp_path / "e")), "--key", str(made.public_key(tmp_path)), code=BLOCKED)
    assert done.returncode == 0, done.stderr + done.stdout


def test_an_auditor_verifies_with_openssl_alone(tmp_path: Path) -> None:
    made = case(tmp_path)
    bundle, key = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8"), re.DOTALL)
    environment = {"PATH": os.environ["PATH"], "BUNDLE": str(bundle), "KEY": str(key)}

    def run(script: str, **more: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "audit").mkdir(exist_ok=True)
        command = ["sh", "-euc", script]
        return subprocess.run(
            command, cwd=tmp_path / "audit", env={**environment, **more}, capture_output=True, text=True, check=False
        )

    checked, named = run(blocks[0]), run(blocks[1])
    assert (checked.returncode, checked.stdout.strip()) == (0, "Signature Verified Successfully"), checked.stderr
    assert json.loads((tmp_path / "audit" / "payload.json").read_bytes())["predicate"]["verdict"] == "GO"
    assert named.stdout.strip() == made.key.key_id
    (tmp_path / "other.pem").write_bytes(generated_key().public.pem)
    assert run(blocks[0], KEY=str(tmp_path / "other.pem")).returncode != 0
    report = (bundle / "notes.html").read_bytes()
    (bundle / "notes.html").write_bytes(report + b" ")
    assert run(blocks[0]).returncode != 0
    (bundle / "notes.html").write_bytes(report)
    (bundle / "more").write_bytes(b"")
    assert run(blocks[0]).returncode != 0
    (bundle / "more").unlink()
    manifest = (bundle / "manifest.json").read_bytes()
    (bundle / "manifest.json").write_bytes(manifest.replace(b'"size": 12', b'"size": 13', 1))
    assert run(blocks[0]).returncode != 0
    (bundle / "manifest.json").write_bytes(manifest)
    assert run(blocks[0]).returncode == 0
