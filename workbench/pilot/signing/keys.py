"""Signing keys: where the private half is (a file, the environment or this user's own), and the public half to pin."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_config_path

from workbench.files import SIGNING_KEY, secret, write_atomically
from workbench.words import InputError, RunError, SignatureError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from securesystemslib.signer import SSlibKey

LOCAL_KEY = "key.pem"
PEM_START = "-----BEGIN"
HOW_TO_MAKE = "workbench keys new"


class PublicKey:
    """The public half of a key; its id is the SHA-256 of its DER form, as openssl and sha256sum compute it too."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @cached_property
    def key_id(self) -> str:
        """SHA-256 of the key's DER (SubjectPublicKeyInfo) as hex digits."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return hashlib.sha256(self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    @property
    def pem(self) -> bytes:
        """The key as PEM text."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def line(self) -> str:
        """The key as one line: what stands between the first and the last line of its PEM text."""
        return self.pem.decode().splitlines()[1]

    def holds(self, content: bytes, signature: bytes | None) -> bool:
        """Return whether a signature, as bytes, is of these bytes by this key."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature or b"", content)
        except InvalidSignature:
            return False
        return True

    @property
    def verifier(self) -> SSlibKey:
        """The key as securesystemslib verifies with it."""
        from securesystemslib.signer import SSlibKey

        return SSlibKey.from_crypto(self._key, self.key_id)


class SigningKey:
    """A private key; it is never printed, and leaves this object only into a file of mode 0600."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        from securesystemslib.signer import CryptoSigner

        self.public = PublicKey(key.public_key())
        self.signer = CryptoSigner(key, self.public.verifier)

    def sign(self, content: bytes) -> str:
        """Return the signature of bytes as hex digits."""
        return str(self.signer.sign(content).signature)

    @property
    def key_id(self) -> str:
        """The id of the public half."""
        return self.public.key_id


@dataclass(frozen=True, slots=True)
class ChosenKey:
    """A key to sign with, the file of its public half, and whether it was made just now."""

    key: SigningKey
    public_key: Path
    is_new: bool


def key_of_line(line: str) -> PublicKey:
    """Return the public key that `PublicKey.line` wrote. Raises InputError when it is none."""
    return public_key_from(f"{PEM_START} PUBLIC KEY-----\n{line}\n-----END PUBLIC KEY-----\n".encode(), "a key's line")


def check_signature(content: bytes, signature: str, line: str) -> None:
    """Hold the signature of bytes against a public key's line.

    Raises
    ------
    SignatureError
        The signature does not fit, or there is no such key.
    """
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature

    try:
        key = key_of_line(line)
        key.verifier.verify_signature(Signature(key.key_id, signature), content)
    except (InputError, UnverifiedSignatureError, ValueError):
        raise SignatureError("the signature does not fit the content") from None


def generated_key() -> SigningKey:
    """Return a new key that is nowhere but in memory."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SigningKey(Ed25519PrivateKey.generate())


def new_key(path: Path, *, in_repository: bool = False) -> ChosenKey:
    """Make a key pair: PATH with mode 0600, and the public half beside it as NAME.pub.pem.

    `in_repository` allows a path inside a git repository, as a user's own configuration folder may be in one.

    Raises
    ------
    InputError
        There is a file already, or the path lies in a git repository.
    RunError
        The key cannot be written.
    """
    repository = next((folder for folder in path.resolve().parents if (folder / ".git").exists()), None)
    if repository is not None and not in_repository:
        raise InputError(
            "a private key must not lie in a repository",
            where=str(path),
            got=f"inside {repository}",
            remedy="name a path outside it, or none for this user's own configuration folder",
        )
    return _made(path)


def load_signing_key(path: Path) -> SigningKey:
    """Return the private key in a PEM file.

    Raises
    ------
    InputError
        The file is missing, is no unencrypted PEM of an Ed25519 private key.
    """
    return _private(_read(path), str(path))


def load_public_key(path: Path) -> PublicKey:
    """Return the public key in a PEM file. Raises InputError when there is none, a private one among others."""
    return public_key_from(_read(path), str(path))


def public_key_from(pem: bytes, where: str) -> PublicKey:
    """Return the public key that a PEM text holds; `where` names it in messages."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in pem:
        raise InputError(
            "this is a private key",
            where=where,
            expected="the public half",
            remedy="workbench keys show prints its path",
        )
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise InputError("this is no public key", where=where, expected="PEM text of an Ed25519 public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("this key is of another kind", where=where, expected="an Ed25519 public key")
    return PublicKey(key)


def chosen_key(path: Path | None = None) -> ChosenKey:
    """Return the key to sign with: a file, else what WORKBENCH_SIGNING_KEY says, else this user's own, made if missing.

    The variable holds a path or the PEM text itself, and is taken out of the environment.

    Raises
    ------
    InputError
        What is named is no key.
    RunError
        The variable was dropped, as a pilot's code was loaded into this process; or the key cannot be written.
    """
    return _given(path) or local_key()


def known_key(path: Path | None = None) -> ChosenKey:
    """Return what `chosen_key` would, but make nothing. Raises InputError when there is no key."""
    given = _given(path)
    if given is not None:
        return given
    if not local_key_path().is_file():
        raise InputError("there is no key on this machine yet", where=str(local_key_path()), remedy=HOW_TO_MAKE)
    return local_key()


def local_key_path() -> Path:
    """Return where this user's own key is."""
    return user_config_path("workbench") / LOCAL_KEY


def local_key() -> ChosenKey:
    """Return this user's own key, made with mode 0600 when there is none."""
    path = local_key_path()
    if path.is_file():
        return ChosenKey(load_signing_key(path), _with_public(path), is_new=False)
    try:
        return _made(path)
    except InputError:  # another process made it meanwhile
        return ChosenKey(load_signing_key(path), _with_public(path), is_new=False)


def public_key_path(key: Path) -> Path:
    """Return where the public half of a key file is."""
    return key.with_name(f"{key.name.removesuffix('.pem')}.pub.pem")


def _given(path: Path | None) -> ChosenKey | None:
    value = (secret(SIGNING_KEY) or "").strip() if path is None else ""
    if path is None and not value:
        return None
    if path is None and value.startswith(PEM_START):
        key = _private(value.encode(), f"environment variable {SIGNING_KEY}")
    else:
        path = Path(value) if path is None else path
        key = load_signing_key(path)
        beside = public_key_path(path)
        if beside.is_file() and load_public_key(beside).key_id == key.key_id:
            return ChosenKey(key, beside.resolve(), is_new=False)
    public = local_key_path().with_name(f"{key.key_id[:16]}.pub.pem")
    _write_public(public, key)
    return ChosenKey(key, public, is_new=False)


def _with_public(path: Path) -> Path:
    """Return the public half's file, written again where it is not the private one's."""
    public, key = public_key_path(path), load_signing_key(path)
    if not public.is_file() or public.read_bytes() != key.public.pem:
        _write_public(public, key)
    return public


def _made(path: Path) -> ChosenKey:
    """Write a new key so that it is whole or not there, and never over another."""
    key, draft = generated_key(), path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(key.signer.private_bytes)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise InputError("there is a key already", where=str(path), remedy="name another path") from None
    except OSError as error:
        raise _unwritable(path, error) from None
    _write_public(public_key_path(path), key)
    return ChosenKey(key, public_key_path(path), is_new=True)


def _write_public(path: Path, key: SigningKey) -> None:
    try:
        write_atomically(path, key.public.pem)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(
        "the key cannot be written",
        where=str(path),
        got=error.strerror or str(error),
        remedy=f"make one elsewhere ({HOW_TO_MAKE} PATH) and name it in {SIGNING_KEY}",
    )


def _private(pem: bytes, where: str) -> SigningKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    expected = "PEM text of an Ed25519 private key without a passphrase"
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError("this is no private key", where=where, expected=expected, remedy=HOW_TO_MAKE) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError("this key is of another kind", where=where, expected=expected, remedy=HOW_TO_MAKE)
    return SigningKey(key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "the key cannot be read", where=str(path), got=error.strerror or str(error), remedy=HOW_TO_MAKE
        ) from None
