import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import command_in
from ticket_records import write_tickets
from tiny_model import Sizes, make_model

from workbench.pilot.pilot import Pilot


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process under tmp_path; return exit code, standard output and standard error."""
    return command_in(tmp_path, monkeypatch, capsys)


Command = Callable[..., tuple[int, str, str]]


@pytest.mark.usefixtures("with_store")
def test_a_new_pilot_is_evaluated_and_its_runs_are_shown(command: Command, tmp_path: Path) -> None:
    write_tickets(tmp_path / "t.csv", 120)
    code, out, _ = command("init", "tickets", "--records", "t.csv", "--label", "queue", "--id", "ticket", "--json")
    assert code == 0
    assert json.loads(out)["records"] == 120
    code, out, _ = command("evaluate", "tickets", "--agent", "majority", "--json", "--limit", "50")
    assert code == 0
    content = json.loads(out)
    accuracy = content["estimates"]["accuracy"]
    assert set(accuracy) == {"value", "lower", "upper", "n", "excluded", "method"}
    assert accuracy["n"] == 50
    assert 0 < accuracy["lower"] < accuracy["value"] < accuracy["upper"] < 1
    names = ["targets", "escalation", "noise_ceiling", "high_risk", "high_risk_proofs", "costs", "minutes", "amounts"]
    assert list(content["conclusions"]) == names
    assert content["conclusions"]["targets"] == (
        "3 of 3 targets are placeholders that nobody agreed on: automation, accuracy-on-automated, latency-p95."
    )
    assert "fill in costs.minutes_per_record" in content["conclusions"]["minutes"]
    code, out, _ = command("status", "tickets", "--json")
    assert json.loads(out) == {
        "pilot": "tickets",
        "records": 120,
        "runs": [
            {
                "agent": "majority", "split": "dev", "planned": 50, "ok": 50, "invalid": 0, "failed": 0, "skipped": 0,
                "finished": True,
            }
        ],
    }  # fmt: skip
    code, out, err = command("compare", "tickets")
    assert code == 2
    assert "left out: majority (50 of 84 records)" in err
    code, out, _ = command("evaluate", "tickets", "--agent", "majority", "--limit", "50")
    assert "A trial on 50 of 84 dev records: it chooses no version, and no gate passes on it" in out
    code, out, _ = command("evaluate", "tickets", "--agent", "majority")
    assert "A trial" not in out
    code, out, _ = command("compare", "tickets", "--json")
    assert [version["agent"] for version in json.loads(out)["versions"]] == ["majority"]
    code, out, _ = command("pilots", "--json")
    assert json.loads(out) == {"pilots": [{"pilot": "tickets", "title": "Tickets"}]}
    assert (tmp_path / "mlruns" / "mlflow.db").is_file()


BAD = [
    (("run", "none"), "there is no pilot 'none'"),
    (("status", "none", "--json"), "there is no pilot 'none'"),
    (
        ("evaluate", "tickets", "--agent", "nobody"),
        "has no agent 'nobody'(.|\n)*expected: baseline, boosted, majority, prompt_v1",
    ),
    (("evaluate", "tickets", "--agent", "majority", "--split", "test"), "this is no split(.|\n)*dev or holdout"),
    (("evaluate", "tickets", "--agent", "prompt_v1"), "no --base-url and no --model"),
    (("evaluate", "tickets", "--agent", "prompt_v1", "--engine", "gpu"), "there is no engine 'gpu'"),
    (("evaluate", "tickets", "--agent", "prompt_v1", "--engine", "vllm"), "the vLLM engine has no model"),
    (("evaluate", "tickets", "--agent", "prompt_v1", "--engine", "pocket", "--model", "gone"), "model is not there"),
    (("evaluate", "tickets", "--agent", "majority", "--ray-address", "auto"), "does not run on Ray"),
    (("run", "tickets", "--engine", "pocket", "--base-url", "http://127.0.0.1:9"), "asks no server"),
    (("serve", "none"), "there is no pilot 'none'"),
    (("run", "tickets", "--notebook", "99"), "no notebook '99'(.|\n)*01_data_audit"),
    (("run", "tickets", "--agent", "nobody"), "has no agent 'nobody'"),
    (("run", "tickets", "--notebook", "03_evaluation"), "has no finished run on dev(.|\n)*workbench run"),
    (("compare", "tickets"), "has no finished run on dev(.|\n)*workbench run tickets"),
    (("data", "tickets"), "sources.yaml"),
    (("init", "tickets", "--records", "in/tickets.csv", "--label", "queue"), "there is a pilot 'tickets' already"),
    (("init", "new", "--records", "none.csv", "--label", "queue"), "the file is not there"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_one_message_and_exit_code_2(
    command: Command, tickets: Callable[[int], Pilot], arguments: tuple[str, ...], message: str
) -> None:
    tickets(60)
    code, out, err = command(*arguments)
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    assert re.search(message, err), err


def edited(pilot: Pilot, file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda p: edited(p, p.data / "contract.yaml", "role: id", "rolle: id"), "unknown key 'columns.ticket.rolle'"),
        (lambda p: edited(p, p.suite / "prompts/v1.md", "record.body", "record.boddy"), "unknown placeholder.*boddy"),
        (lambda p: edited(p, p.suite / "agents.py", "import re", "import nothing_of_the_kind"), "cannot be imported"),
        (lambda p: edited(p, p.suite / "agents.py", "def majority", "def minority"), "there is no callable 'majority'"),
        (lambda p: edited(p, p.data / "tickets.csv", "T00001", "T00000"), "ids given twice"),
        (lambda p: (p.data / "tickets.csv").unlink(), "the file is not there"),
        (lambda p: (p.suite / "charter.yaml").unlink(), "a file is missing"),
    ],
    ids=["contract key", "placeholder", "agent import", "agent name", "duplicate id", "no records", "no charter"],
)
def test_a_broken_pilot_is_refused_before_anything_is_asked(
    command: Command, tickets: Callable[[int], Pilot], edit: Callable[[Pilot], Any], message: str
) -> None:
    pilot = tickets(60)
    edit(pilot)
    agent = "prompt_v1" if "placeholder" in message else "majority"
    server = ("--base-url", "http://127.0.0.1:9", "--model", "m")
    code, _, err = command("evaluate", "tickets", "--agent", agent, *server)
    assert code == 2
    assert re.search(message, err), err
    assert not pilot.runs.exists()


@pytest.mark.usefixtures("with_store")
def test_a_failing_callable_is_counted_not_hidden(command: Command, tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    edited(
        pilot,
        pilot.suite / "agents.py",
        "    return lambda record: answer",
        "    return lambda record: answer if float(record['amount']) < 50 else 1 / 0",
    )
    code, _, err = command("evaluate", "tickets", "--agent", "majority", "--json")
    assert code == 4
    assert "of the calls failed, so nothing goes on" in err
    path = pilot.suite / "pilot.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "max_failed_share: 0.9\n", encoding="utf-8")
    code, out, _ = command("evaluate", "tickets", "--agent", "majority", "--json")
    assert code == 0
    content = json.loads(out)
    failed = content["counts"]["failed"]
    assert 0 < failed == content["causes"]["failed: exception"] < 42
    assert content["estimates"]["accuracy"]["n"] == 42  # failed calls stay in the denominator


@pytest.mark.usefixtures("with_store")
def test_a_run_says_which_engine_and_model_answered(
    command: Command, tickets: Callable[[int], Pilot], tmp_path: Path
) -> None:
    pilot = tickets(60)
    make_model(tmp_path / "tiny", Sizes(context=2000))
    asked = ("--agent", "prompt_v1", "--engine", "pocket", "--model", "tiny", "--limit", "6")
    code, out, err = command("run", "tickets", "--notebook", "02_prompt_iteration", *asked)
    assert code == 0, err
    assert re.search(r"\nPrompts answered by: pocket \(tiny, digest [0-9a-f]{12}\)\.\n", out)
    executed = (pilot.runs / "notebooks" / "02_prompt_iteration.ipynb").read_text(encoding="utf-8")
    assert "Prompts answered by: pocket (tiny, digest " in executed
    given = json.loads(executed)["metadata"]["papermill"]["parameters"]
    assert (given["engine"], given["model"]) == ("pocket", str(tmp_path / "tiny")), "the folder, wherever it is run"
    code, out, _ = command("evaluate", "tickets", *asked)
    assert code == 0
    assert "\nPrompts answered by: pocket (tiny, digest " in out
    code, out, _ = command("evaluate", "tickets", "--agent", "majority")
    assert code == 0
    assert "answered by" not in out


def test_help_is_quick_to_print_and_names_the_exit_codes() -> None:
    done = subprocess.run([sys.executable, "-m", "workbench", "--help"], capture_output=True, text=True, check=True)
    assert "2 bad input" in done.stdout
