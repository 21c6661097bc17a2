"""Neither the signing key nor an API key is anywhere that a pilot's code looks, and whoever needs them has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spied_pilots import API_KEY, spied, workbench
from stub_server import stub_process

from workbench.pilot.pilot import Pilot, PilotSettings
from workbench.pilot.signing.keys import SigningKey, generated_key


@pytest.fixture
def key() -> SigningKey:
    return generated_key()


def check_nothing_was_seen(seen: Path, key: SigningKey) -> None:
    text = seen.read_text(encoding="utf-8")
    assert "PATH" in text, "the planted code did look"
    assert API_KEY not in text
    secret = key.signer.private_bytes.decode().splitlines()[1]
    assert secret not in text


def test_an_agent_that_looks_for_keys_while_it_answers_the_holdout_sees_none(
    tickets: Callable[[int], Pilot], tmp_path: Path, with_store: None, key: SigningKey
) -> None:
    pilot = spied(tickets(40), ["spy"], tmp_path / "seen")
    done = workbench(pilot, "evaluate", pilot.name, "--agent", "spy", "--split", "holdout", key=key)
    assert done.returncode == 0, done.stderr
    check_nothing_was_seen(tmp_path / "seen", key)
    # The key of the environment signed the opening, in the process that ran no code of the pilot.
    assert key.public.line in (pilot.data / "ledger.jsonl").read_text(encoding="utf-8")


def test_a_preparation_in_the_process_that_asks_sees_no_key_and_the_server_gets_its_own(
    tickets: Callable[[int], Pilot], tmp_path: Path, with_store: None, key: SigningKey
) -> None:
    pilot = spied(tickets(40), ["asked"], tmp_path / "seen")
    with stub_process("--latency-ms", "0", "--api-key", API_KEY) as url:
        server = ("--base-url", url, "--model", "m")
        done = workbench(pilot, "evaluate", pilot.name, "--agent", "asked", *server, key=key)
        assert done.returncode == 0, done.stderr
    check_nothing_was_seen(tmp_path / "seen", key)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("run", "--notebook", "02_prompt_iteration"), id="run"),
        pytest.param(("gate", "2"), id="gate"),
    ],
)
def test_in_notebooks_and_at_a_gate_pilot_code_sees_no_key_and_server_and_signature_have_theirs(
    tickets: Callable[[int], Pilot], tmp_path: Path, with_store: None, key: SigningKey, command: tuple[str, ...]
) -> None:
    pilot = spied(tickets(40), ["spy", "asked"], tmp_path / "seen")
    with stub_process("--latency-ms", "0", "--api-key", API_KEY) as url:
        done = workbench(pilot, *command, pilot.name, "--base-url", url, "--model", "m", key=key)
    assert done.returncode in (0, 1), done.stderr  # a gate's NO-GO is 1
    check_nothing_was_seen(tmp_path / "seen", key)
    if command[0] == "gate":
        assert key.public.line in (pilot.data / "ledger.jsonl").read_text(encoding="utf-8")
        assert "Verify: workbench verify" in done.stdout


def test_the_signing_key_cannot_be_named_as_the_key_of_a_server() -> None:
    content = {
        "title": "T", "question": "Q", "agents": {"a": {"http": "http://127.0.0.1:9"}}, "compare": ["a"],
        "server": {"api_key_env": "WORKBENCH_SIGNING_KEY"},
    }  # fmt: skip
    with pytest.raises(ValueError, match="the key that signs evidence; name the server's own"):
        PilotSettings.model_validate(content)
