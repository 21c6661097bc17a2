"""Sign-offs of a pilot's documents: who signed what in which role, and whether it still holds.

A sign-off is an envelope under signatures/DOCUMENT/ROLE.json. It names pilot, document, person, role and time, and
holds the digest of the document's content: for YAML and JSON what the file says (comments and layout may change), for
other text every character. It may cover further content by digest, which then must be unchanged too. The public key of
a role is registered under signatures/keys/ by its first signature; a signature made with another key does not count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from workbench.files import parse_yaml, read_text, write_atomically
from workbench.pilot.signing.envelope import canonical_json, open_envelope, sealed, sha256, statement, subject_digest
from workbench.pilot.signing.keys import SigningKey, load_public_key
from workbench.words import InputError, RunError, SignatureError, several

SIGN_OFF_TYPE = "urn:agent-workbench:sign-off:v1"
SIGNATURES = "signatures"
STRUCTURED = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, and in which role."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class SignOff:
    """One sign-off that holds: who, when (ISO 8601 with its offset), with which key."""

    role: str
    name: str
    signed_at: str
    key_id: str

    def as_json(self) -> dict[str, str]:
        """Return the sign-off as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SignatureStatus:
    """Whether a document is signed off by everyone who must.

    Parameters
    ----------
    digest : str
        SHA-256 of the document's content as it is now.
    missing : tuple of str
        Required roles without a signature.
    invalid : mapping of str to str
        Required roles whose signature does not hold, and why.
    covers : mapping of str to str
        SHA-256 of further content that the signatures cover, as it is now, by the name of its file.
    """

    document: str
    digest: str
    required: tuple[str, ...]
    valid: tuple[SignOff, ...]
    missing: tuple[str, ...]
    invalid: Mapping[str, str]
    covers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every required role has signed what the document says now; never true when nobody must sign."""
        return bool(self.required) and len(self.valid) == len(self.required)

    @property
    def sentence(self) -> str:
        """Who has signed and who must still, and why, in one sentence."""
        said = f"Signed by {len(self.valid)} of {several(len(self.required), 'role')}"
        open_ones = [
            *(f"{role}: no signature" for role in self.missing),
            *(f"{k}: {v}" for k, v in self.invalid.items()),
        ]
        return f"{said}; {'; '.join(open_ones)}." if open_ones else f"{said}."

    @property
    def last_signed_at(self) -> datetime | None:
        """When the last of the required signatures was given; None while one is missing or does not hold."""
        if not self.is_complete:
            return None
        return max(datetime.fromisoformat(sign_off.signed_at) for sign_off in self.valid)

    def as_json(self) -> dict[str, Any]:
        """Return the status as JSON values."""
        return {
            "document": self.document,
            "digest": self.digest,
            "required": list(self.required),
            "valid": [sign_off.as_json() for sign_off in self.valid],
            "missing": list(self.missing),
            "invalid": dict(self.invalid),
            "covers": dict(self.covers),
        }


def document_digest(path: Path) -> str:
    """Return the SHA-256 of what a document says.

    Raises
    ------
    InputError
        The document is missing or empty, is not UTF-8, or is no YAML mapping although its name says so.
    """
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InputError("an empty document cannot be signed", where=str(path))
    if path.suffix.lower() not in STRUCTURED:
        return sha256(text.encode())
    return content_digest(parse_yaml(text, str(path)), str(path))


def content_digest(content: Mapping[Any, Any], where: str) -> str:
    """Return the SHA-256 of what YAML or JSON says; `where` names its file in messages."""
    return sha256(canonical_json(_plain(content, where)))


def sign_document(
    suite: Path, document: str, signer: Signer, key: SigningKey, covers: Mapping[str, str] | None = None
) -> Path:
    """Add a sign-off to a document of a pilot's folder and return its file; an older one of the role is replaced.

    Parameters
    ----------
    suite : Path
        Folder with the document and signatures/.
    document : str
        Path inside the folder.
    signer : Signer
    key : SigningKey
    covers : mapping of str to str, optional
        Further content that is signed for, by digest.

    Raises
    ------
    InputError
        The document cannot be signed, or the role signed with another key before.
    RunError
        The sign-off cannot be written.
    """
    for what, text in (("name", signer.name), ("role", signer.role)):
        if not text.strip():
            raise InputError(f"a signature needs a {what}")
    digest = document_digest(_inside(suite, document))
    registered, place = _key_file(suite, signer.role), _place(suite, document, signer.role)
    if registered.is_file() and load_public_key(registered).key_id != key.key_id:
        raise InputError(
            f"the role {signer.role!r} signed with another key before",
            where=str(registered),
            got=f"key {key.key_id[:16]}",
            expected=f"key {load_public_key(registered).key_id[:16]}",
            remedy="sign with that key; if the role passed to somebody else, remove the registered key and sign again",
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    predicate: dict[str, Any] = {"pilot": suite.name, "name": signer.name, "role": signer.role, "signed_at": now}
    if covers is not None:
        predicate["covers"] = dict(covers)
    try:
        write_atomically(registered, key.public.pem)
        write_atomically(place, sealed(statement(document, digest, SIGN_OFF_TYPE, predicate), key))
    except OSError as error:
        raise RunError("the signature cannot be written", where=str(place), got=error.strerror or str(error)) from None
    return place


def document_signatures(
    suite: Path,
    document: str,
    roles: Sequence[str],
    pilot: str | None = None,
    covers: Mapping[str, str] | None = None,
) -> SignatureStatus:
    """Return who of the required roles has signed what a document says now.

    Parameters
    ----------
    suite : Path
        Folder with the document and signatures/.
    document : str
        Path inside the folder, such as charter.yaml.
    roles : sequence of str
        Whose signatures are needed.
    pilot : str, optional
        Name of the pilot where the folder is not named after it.
    covers : mapping of str to str, optional
        Digests of further content as it is now, by name: a signature must cover exactly these.
    """
    digest = document_digest(_inside(suite, document))
    required = tuple(dict.fromkeys(roles))
    valid, missing, invalid = [], [], {}
    for role in required:
        if not _place(suite, document, role).is_file():
            missing.append(role)
            continue
        try:
            valid.append(_sign_off(suite, document, role, (digest, pilot or suite.name, covers)))
        except (SignatureError, InputError) as error:
            invalid[role] = error.problem
        except (KeyError, TypeError, ValueError):
            invalid[role] = "the signed statement is malformed"
    return SignatureStatus(document, digest, required, tuple(valid), tuple(missing), invalid, dict(covers or {}))


def signature_files(suite: Path, documents: Sequence[str]) -> dict[str, Path]:
    """Return the signatures of documents and the registered keys, by their paths inside the pilot's folder."""
    folders = [suite / SIGNATURES / "keys", *(_place(suite, document, "any").parent for document in documents)]
    found = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()) if path.is_file()]
    return {path.relative_to(suite).as_posix(): path for path in found}


def _sign_off(suite: Path, document: str, role: str, expected: tuple[str, str, Mapping[str, str] | None]) -> SignOff:
    """Return a role's sign-off if it holds for the expected digest, pilot and further content."""
    digest, pilot, covers = expected
    key = load_public_key(_key_file(suite, role))
    said = open_envelope(_place(suite, document, role).read_bytes(), key, SIGN_OFF_TYPE)
    predicate = said["predicate"]
    if predicate["pilot"] != pilot or predicate["role"] != role:
        raise SignatureError(f"the signature was given for pilot {predicate['pilot']} as {predicate['role']}")
    if subject_digest(said, document) != digest:
        raise SignatureError(f"the document was edited after {predicate['name']} signed it on {predicate['signed_at']}")
    if covers is not None:
        _check_covered(predicate, covers)
    return SignOff(role, str(predicate["name"]), str(predicate["signed_at"]), key.key_id)


def _check_covered(predicate: Mapping[str, Any], covers: Mapping[str, str]) -> None:
    """Refuse a sign-off that was given for other further content than there is now."""
    signed = predicate.get("covers")
    if signed is None:
        raise SignatureError(f"signed before {next(iter(covers), 'anything else')} was covered: sign again")
    when = f"{predicate['name']} signed it on {predicate['signed_at']}"
    for name in sorted(covers.keys() | signed.keys()):
        if covers.get(name) != signed.get(name):
            what = "was added" if name not in signed else "was edited" if name in covers else "was removed"
            raise SignatureError(f"{name} {what} after {when}")


def _inside(suite: Path, document: str) -> Path:
    path = suite / document
    if not path.resolve().is_relative_to(suite.resolve()) or Path(document).is_absolute():
        raise InputError("a document's path must lie inside the pilot's folder", got=document, where=str(suite))
    return path


def _place(suite: Path, document: str, role: str) -> Path:
    return suite / SIGNATURES / document.replace("/", "__") / f"{_slug(role)}.json"


def _key_file(suite: Path, role: str) -> Path:
    return suite / SIGNATURES / "keys" / f"{_slug(role)}.pem"


def _slug(role: str) -> str:
    """Return a role as a file name; roles that differ only in case or punctuation are one role."""
    return re.sub(r"[^a-z0-9]+", "-", role.casefold()).strip("-") or "role"


def _plain(value: Any, where: str) -> Any:
    """Return YAML values as JSON values: dates as text, keys text only."""
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, where) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, where) for item in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def _key(key: object, where: str) -> str:
    """Return a key with its type where it is not text, so that 1 and "1" stay different."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool | int | float):
        return f"{type(key).__name__}:{key}"
    raise InputError("a key of the document is neither text nor number", where=where, got=repr(key))
