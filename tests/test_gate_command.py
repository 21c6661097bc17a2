import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commands import command_in
from gate_pilots import facts_of, gate, gate_pilot, signed

from workbench.gates import decide
from workbench.pilot.signing.keys import new_key

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process under tmp_path/root; return exit code, standard output and standard error."""
    return command_in(tmp_path / "root", monkeypatch, capsys)


BY = ("--until", "2099-01-01", "--name", "A", "--role", "B")
BAD = [
    (("gate", "4", "small"), 2, "there is no such gate"),
    (("gate", "2", "none"), 2, "there is no pilot 'none'"),
    (("gate", "2", "small", "--engine", "gpu"), 2, "there is no engine 'gpu'"),
    (("gate", "2", "small", "--key", "nowhere.pem"), 2, "the key cannot be read"),
    (("waive", "2", "small", "nothing", "--why", "because it must", *BY), 2, "has no criterion 'nothing'"),
    (("waive", "7", "small", "load", "--why", "because it must", *BY), 2, "there is no such gate"),
    (("waive", "2", "small", "load", "--why", "no", *BY), 2, "the waiver's why does not fit"),
    (("ci", "travis", "--pilot", "small"), 2, r"no template for 'travis'(.|\n)*github, gitlab, jenkins"),
    (("gates-file", "small"), 2, "there is a gates.yaml already"),
    (("gate-summary", "pilot.json"), 2, "holds no decision of a gate"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), BAD)
def test_bad_input_is_one_message_and_exit_code_2(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    signed(gate_pilot(tmp_path / "root", gate([{"id": "load", "check": "load"}])))
    (tmp_path / "root" / "pilot.json").write_text("[1]", encoding="utf-8")
    found, _, said = command(*arguments)
    assert found == code
    assert re.search(message, said), said
    assert "Traceback" not in said


def test_an_unsigned_charter_is_exit_code_1(command: Command, tmp_path: Path) -> None:
    gate_pilot(tmp_path / "root", gate([{"id": "load", "check": "load"}]))
    code, out, said = command("gate", "2", "small", "--json")
    assert (code, out) == (1, "")
    assert "No signature, no start" in said


def test_a_waiver_is_made_by_who_signs_the_charter_and_by_nobody_else(command: Command, tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path / "root", gate([{"id": "load", "check": "load"}]))
    keys = signed(pilot)
    key = tmp_path / "ann.pem"
    key.write_bytes(keys["sponsor"].signer.private_bytes)
    asked = ["waive", "2", "small", "load", "--why", "the load test runs next week", "--until", "2099-01-01"]
    code, _, said = command(*asked, "--name", "Ann", "--role", "sponsor", "--key", str(key))
    assert (code, "a waiver lasts at most 365 days" in said) == (2, True)
    other = new_key(tmp_path / "keys" / "other.pem")
    assert other.is_new
    until = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    other_key = str(tmp_path / "keys" / "other.pem")
    code, _, said = command(*asked[:-1], until, "--name", "Ann", "--role", "sponsor", "--key", other_key)
    assert (code, "signed with another key before" in said) == (2, True), said
    assert not list(pilot.suite.glob("waivers/*.yaml"))


def test_a_ci_file_is_printed_or_written(command: Command, tmp_path: Path) -> None:
    gate_pilot(tmp_path / "root", gate([{"id": "load", "check": "load"}]))
    code, printed, _ = command("ci", "github", "--pilot", "small", "--gate", "1", "--print")
    assert code == 0
    code, out, _ = command("ci", "github", "--pilot", "small", "--gate", "1")
    assert code == 0
    path = tmp_path / "root" / ".github" / "workflows" / "gate-1-small.yml"
    assert path.read_text(encoding="utf-8") == printed
    assert str(path) in out


def test_a_summary_is_markdown(command: Command, tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path / "root", gate([{"id": "load", "check": "load"}]))
    decision = decide(facts_of(pilot), 2, {}).as_json()
    (tmp_path / "root" / "gate.json").write_text(json.dumps(decision), encoding="utf-8")
    code, out, _ = command("gate-summary", "gate.json")
    assert code == 0
    assert out.startswith("## NO-GO: gate 2 of small\n")
    assert "| Load | ? unproven |" in out
