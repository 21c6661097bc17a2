"""Keys of the environment: gone from it, from /proc and from children once taken, and still there for who asks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.files.credentials import SIGNING_KEY, drop, secret, take, without_secrets
from workbench.words import RunError

PLANTED = "planted-secret-0123456789"
LOOK = """
import os, pathlib, subprocess, sys
from workbench.files.credentials import secret, take
take("SOME_API_KEY")
block = pathlib.Path("/proc/self/environ")
assert "SOME_API_KEY" not in os.environ
assert not block.exists() or b"planted-secret" not in block.read_bytes(), "the block still has it"
child = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"], capture_output=True, text=True)
assert "planted-secret" not in child.stdout
print(secret("SOME_API_KEY"))
"""


def test_a_key_that_was_taken_is_in_no_environment_block_and_no_child(tmp_path: Path) -> None:
    given = {**os.environ, "SOME_API_KEY": PLANTED}
    done = subprocess.run([sys.executable, "-c", LOOK], env=given, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == PLANTED  # who needs it still has it


def test_a_variable_that_is_not_set_is_none_and_can_be_set_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_API_KEY", raising=False)
    take("SOME_API_KEY")
    assert secret("SOME_API_KEY") is None
    monkeypatch.setenv("SOME_API_KEY", PLANTED)
    assert secret("SOME_API_KEY") == PLANTED
    assert "SOME_API_KEY" not in os.environ


def test_a_child_gets_only_the_secrets_that_it_is_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIGNING_KEY, "key")
    monkeypatch.setenv("SOME_API_KEY", PLANTED)
    monkeypatch.setenv("HARMLESS", "1")
    take(SIGNING_KEY, "SOME_API_KEY")
    bare, asking = without_secrets(os.environ), without_secrets(os.environ, keep=["SOME_API_KEY", "NOT_SET"])
    assert bare["HARMLESS"] == asking["HARMLESS"] == "1"
    assert not {SIGNING_KEY, "SOME_API_KEY"} & set(bare)
    assert asking["SOME_API_KEY"] == PLANTED
    assert not {SIGNING_KEY, "NOT_SET"} & set(asking)


def test_a_secret_named_in_a_given_environment_is_left_out_whether_it_was_taken_or_not() -> None:
    assert without_secrets({SIGNING_KEY: "key", "A": "b"}) == {"A": "b"}


def test_a_key_that_was_dropped_is_not_silently_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIGNING_KEY, "key")
    drop(SIGNING_KEY)
    assert SIGNING_KEY not in os.environ
    with pytest.raises(RunError, match="loaded a pilot's code"):
        secret(SIGNING_KEY)


def test_dropping_a_key_that_nobody_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SIGNING_KEY, raising=False)
    drop(SIGNING_KEY)
    assert secret(SIGNING_KEY) is None
