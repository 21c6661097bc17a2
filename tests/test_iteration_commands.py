"""Tests of `workbench prompts ...`, `repeat`, `record` and `compare`, in this process on a small real pilot."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from commands import command_in
from small_pilots import with_settings
from stub_server import stub_process

from workbench.pilot.pilot import Pilot

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pilot(tickets: Callable[[int], Pilot]) -> Pilot:
    """Make a pilot whose prompt is answered by the packaged model."""
    made = with_settings(tickets(60), "engine: pocket")
    path = made.suite / "prompts" / "v1.md"
    path.write_text(path.read_text(encoding="utf-8").replace("max_tokens: 200", "max_tokens: 12"), encoding="utf-8")
    return made


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pilot: Pilot) -> Command:
    """Run the command in this process under the pilot's root; return exit code, standard output and error."""
    return command_in(pilot.root, monkeypatch, capsys)


@pytest.mark.usefixtures("with_store")
def test_a_prompt_goes_from_lint_to_candidate_on_the_evidence_of_its_run(command: Command) -> None:
    code, out, _ = command("prompts", "lint", "tickets", "--json")
    assert (code, json.loads(out)["counts"]["error"]) == (0, 0)
    with stub_process() as url:
        server = ("--engine", "server", "--base-url", url, "--model", "stub")
        code, out, _ = command("evaluate", "tickets", "--agent", "prompt_v1", "--limit", "6", "--json", *server)
    run = json.loads(out)["run"]
    code, out, _ = command("prompts", "list", "tickets", "--json")
    assert [one["run"] for one in json.loads(out)["prompts"][0]["runs"]] == [run]
    code, out, err = command("prompts", "promote", "tickets", "v1", "--alias", "gate-2", "--evidence", run)
    assert code == 2
    assert "gate-2 needs a run on the holdout" in err
    code, out, _ = command("prompts", "promote", "tickets", "v1", "--alias", "candidate", "--evidence", run)
    assert code == 0
    assert out.startswith("candidate is v1 (")
    assert f"Evidence: run {run} on dev, server stub: 6 planned" in out
    code, out, _ = command("prompts", "list", "tickets")
    assert re.search(rf"\nv1 +candidate +{run} ", out)
    code, out, _ = command("prompts", "register", "tickets", "--json")
    assert [(one["version"], one["new"]) for one in json.loads(out)["prompts"]] == [(1, False)]


def test_lint_ends_with_2_where_there_is_an_error(command: Command, pilot: Pilot) -> None:
    path = pilot.suite / "prompts" / "v1.md"
    path.write_text(
        path.read_text(encoding="utf-8").replace("You decide", "As in T00001, you decide"), encoding="utf-8"
    )
    code, out, _ = command("prompts", "lint", "tickets")
    assert "T00001" in out
    assert code == (2 if "error (leak)" in out else 0)
    assert "leak" in out
    code, _, err = command("prompts", "lint", "tickets", "--prompt", "v9")
    assert (code, "there is no such prompt" in err) == (2, True)


def test_repeats_and_a_records_page(command: Command, pilot: Pilot) -> None:
    given = ("--times", "2", "--temperature", "1.0", "--limit", "4")
    code, out, _ = command("repeat", "tickets", "--agent", "prompt_v1", *given, "--json")
    content = json.loads(out)
    assert (code, content["estimates"]["pass^2"]["n"]) == (0, 4)
    code, out, _ = command("repeat", "tickets", "--agent", "prompt_v1", *given)
    assert "prompt_v1 is right all 2 times on 0% of 4 development records; asked once, on 0%." in out
    code, out, _ = command("record", "tickets", "T00007", "--json")
    content = json.loads(out)
    assert (code, content["record"]) == (0, "T00007")
    assert "<script" not in (pilot.runs / "results" / "records" / "T00007.html").read_text(encoding="utf-8")
    code, _, err = command("record", "tickets", "T99999")
    assert (code, "no record 'T99999'" in err) == (2, True)


@pytest.mark.usefixtures("with_store")
def test_compare_says_how_many_versions_were_tried(command: Command) -> None:
    for agent in ("majority", "baseline"):
        command("evaluate", "tickets", "--agent", agent, "--json")
    code, out, _ = command("compare", "tickets", "--json")
    content = json.loads(out)
    assert (code, content["versions_tried"]) == (0, 2)
    assert set(content["pairs"][0]) >= {"difference", "lower", "upper", "p", "p_adjusted", "better"}
    code, out, _ = command("compare", "tickets")
    assert "2 versions ever tried" in " ".join(out.split())
