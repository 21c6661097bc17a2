from __future__ import annotations

import hashlib
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.files.credentials import SIGNING_KEY
from workbench.pilot.signing import keys
from workbench.pilot.signing.keys import (
    chosen_key,
    generated_key,
    known_key,
    load_public_key,
    load_signing_key,
    local_key,
    new_key,
)
from workbench.words import InputError, RunError


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "workbench"


def test_a_new_key_is_for_its_user_alone_and_its_public_half_lies_beside_it(tmp_path: Path) -> None:
    made = new_key(tmp_path / "k" / "gate.pem")
    assert made.public_key == tmp_path / "k" / "gate.pub.pem"
    assert stat.S_IMODE((tmp_path / "k" / "gate.pem").stat().st_mode) == 0o600
    assert load_signing_key(tmp_path / "k" / "gate.pem").key_id == load_public_key(made.public_key).key_id
    assert sorted(path.name for path in (tmp_path / "k").iterdir()) == ["gate.pem", "gate.pub.pem"]


def test_the_id_of_a_key_is_what_openssl_and_sha256_say(tmp_path: Path) -> None:
    made = new_key(tmp_path / "gate.pem")
    command = ["openssl", "pkey", "-pubin", "-in", str(made.public_key), "-outform", "DER"]
    der = subprocess.run(command, capture_output=True, check=True).stdout
    assert made.key.key_id == hashlib.sha256(der).hexdigest()


def test_a_key_is_never_written_over_another(tmp_path: Path) -> None:
    before = new_key(tmp_path / "gate.pem").key.key_id
    with pytest.raises(InputError, match="there is a key already"):
        new_key(tmp_path / "gate.pem")
    assert load_signing_key(tmp_path / "gate.pem").key_id == before


def test_a_private_key_is_not_made_in_a_repository(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    with pytest.raises(InputError, match="must not lie in a repository"):
        new_key(tmp_path / "repo" / "below" / "gate.pem")
    assert not (tmp_path / "repo" / "below").exists()


def test_the_first_use_makes_this_users_own_key_and_the_next_takes_it(configuration: Path) -> None:
    first, second = chosen_key(), chosen_key()
    assert (first.is_new, second.is_new) == (True, False)
    assert first.key.key_id == second.key.key_id
    assert first.public_key == configuration / "key.pub.pem"
    assert stat.S_IMODE((configuration / "key.pem").stat().st_mode) == 0o600


def test_a_lost_public_half_is_written_again(configuration: Path) -> None:
    made = local_key()
    (configuration / "key.pub.pem").unlink()
    assert load_public_key(local_key().public_key).key_id == made.key.key_id
    (configuration / "key.pub.pem").write_bytes(generated_key().public.pem)
    assert load_public_key(local_key().public_key).key_id == made.key.key_id


def test_showing_a_key_makes_none(configuration: Path) -> None:
    with pytest.raises(InputError, match=r"no key on this machine yet(.|\n)*workbench keys new"):
        known_key()
    assert not configuration.exists()


@pytest.mark.parametrize("as_text", [True, False])
def test_the_environment_names_the_key_by_its_path_or_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_text: bool
) -> None:
    made = new_key(tmp_path / "ci.pem")
    value = (tmp_path / "ci.pem").read_text() if as_text else str(tmp_path / "ci.pem")
    monkeypatch.setenv(SIGNING_KEY, value)
    chosen = chosen_key()
    assert (chosen.key.key_id, chosen.is_new) == (made.key.key_id, False)
    assert load_public_key(chosen.public_key).key_id == made.key.key_id
    assert known_key().public_key == chosen.public_key
    private = [path for path in (tmp_path / "config").rglob("*") if path.is_file() and b"PRIVATE" in path.read_bytes()]
    assert private == []  # a key of the environment is kept nowhere


def test_a_file_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = new_key(tmp_path / "one.pem"), new_key(tmp_path / "other.pem")
    monkeypatch.setenv(SIGNING_KEY, str(tmp_path / "other.pem"))
    chosen = chosen_key(tmp_path / "one.pem")
    assert chosen.key.key_id == one.key.key_id != other.key.key_id


def _rsa(path: Path) -> None:
    command = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)


def _encrypted(path: Path) -> None:
    command = ["openssl", "genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:x", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, r"cannot be read(.|\n)*No such file"),
        (lambda path: path.mkdir(), r"cannot be read(.|\n)*Is a directory"),
        (lambda path: path.write_text("hello"), "this is no private key"),
        (lambda path: path.write_bytes(generated_key().public.pem), "this is no private key"),
        (_rsa, "of another kind"),
        (_encrypted, "this is no private key"),
    ],
)
def test_what_is_no_usable_private_key_is_refused(tmp_path: Path, write, message: str) -> None:
    write(tmp_path / "k.pem")
    with pytest.raises(InputError, match=message):
        load_signing_key(tmp_path / "k.pem")


def test_a_private_key_given_for_a_public_one_is_said_so(tmp_path: Path) -> None:
    new_key(tmp_path / "k.pem")
    with pytest.raises(InputError, match="this is a private key"):
        load_public_key(tmp_path / "k.pem")
    (tmp_path / "x").write_text("x")
    with pytest.raises(InputError, match="this is no public key"):
        load_public_key(tmp_path / "x")


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(RunError, match=rf"key cannot be written(.|\n)*{SIGNING_KEY}"):
        local_key()


def test_two_processes_that_make_the_first_key_agree_on_one(configuration: Path) -> None:
    code = "from workbench.pilot.signing.keys import local_key; print(local_key().key.key_id)"
    command = [sys.executable, "-c", code]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {process.communicate()[0].strip() for process in started}
    assert said == {local_key().key.key_id}
    assert sorted(path.name for path in configuration.iterdir()) == ["key.pem", "key.pub.pem"]


def test_the_commands_make_and_show_a_key(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.commands.cli import main

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["workbench", *arguments])
        monkeypatch.delenv(SIGNING_KEY, raising=False)
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(str(ended.code or 0))
        out = capsys.readouterr()
        return code, out.out, out.err

    assert run("keys", "show")[0] == 2
    code, out, _ = run("keys", "new", "--json")
    assert code == 0
    made = json.loads(out)
    code, out, _ = run("keys", "show", "--json")
    assert (code, json.loads(out)["public_key"]) == (0, made["public_key"])
    assert Path(made["public_key"]).is_file()
    code, _, err = run("keys", "new")
    assert code == 2
    assert "there is a key already" in err
    assert "PRIVATE" not in out + err


def test_a_private_key_is_not_shown_by_its_object() -> None:
    key = generated_key()
    assert "PRIVATE" not in repr(key) + str(key) + repr(vars(key))
    assert keys.SigningKey.__repr__ is object.__repr__
