"""Writing a bundle: a folder that appears whole, with its envelope, or not at all."""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from workbench.evidence.digests import code_digest
from workbench.evidence.manifest import ENVELOPE_FILE, MANIFEST_FILE, check_paths, manifest_bytes
from workbench.files import Provenance, is_alive
from workbench.pilot.signing import SigningKey, open_envelope, sealed, sha256, statement
from workbench.records.ledger import GENESIS, Opening, read_ledger
from workbench.words import InputError, RunError, SignatureError, shown

DRAFT = "draft"
EVIDENCE_TYPE = "urn:agent-workbench:evidence:v3"
VERDICT_FILE, LEDGER_FILE, ENVIRONMENT_FILE = "verdict.json", "ledger.jsonl", "environment.json"


@dataclass(frozen=True, slots=True)
class BundleContent:
    """What goes into a bundle.

    Parameters
    ----------
    verdict : mapping
        The decision as JSON values: `verdict`, `criteria`, `waivers`, `subject` among them.
    files : mapping of str to Path or bytes
        Everything else by its path in the bundle.
    digests : mapping of str to str
        Of data, prompt, model, code and whatever else was judged.
    ledger : Path, optional
        The holdout ledger; it may not exist yet.
    thresholds_signed_at : str, optional
        When the last of the charter's signatures was given.
    """

    pilot: str
    gate: int
    verdict: Mapping[str, Any]
    files: Mapping[str, Path | bytes]
    digests: Mapping[str, str]
    provenance: Provenance
    ledger: Path | None = None
    thresholds_signed_at: str | None = None
    environment: Mapping[str, Any] = field(default_factory=lambda: environment())


def environment() -> dict[str, Any]:
    """Return what the workbench runs on: Python, machine, and every installed package with its version."""
    known = (one.metadata for one in distributions())  # each is parsed anew whenever it is asked for
    packages = sorted({(one["Name"] or "?", one["Version"]) for one in known}, key=lambda p: p[0].lower())
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "packages": dict(packages),
    }


def write_bundle(content: BundleContent, folder: Path, key: SigningKey) -> Path:
    """Write a signed bundle to FOLDER/PILOT/gate-N/ID and return it; on any fault nothing is there.

    Raises
    ------
    InputError
        A file has a path that does not belong into a bundle, or holds a private key.
    RunError
        A file cannot be read or the bundle not written, or the ledger is not the one that earlier bundles saw.
    """
    place = folder / content.pilot / f"gate-{content.gate}"
    try:
        files = _files(content)
        check_paths(list(files))
        _refuse_private_keys(files)
        created, manifest = datetime.now(UTC), manifest_bytes(files)
        digest = sha256(manifest)
        target = place / f"{created:%Y%m%dT%H%M%SZ}-{digest[:12]}"
        with _whole_or_nothing(target) as draft:
            for path, data in {**files, MANIFEST_FILE: manifest}.items():
                _write(draft / path, data)
            openings = read_ledger(draft / LEDGER_FILE)
            _check_continues(openings, place.parent, key)
            said = statement(MANIFEST_FILE, digest, EVIDENCE_TYPE, _predicate(content, openings, created))
            _write(draft / ENVELOPE_FILE, sealed(said, key))
    except OSError as error:
        raise RunError(
            "the evidence cannot be written, so there is none",
            where=str(error.filename or place),
            got=error.strerror or str(error),
            remedy="make room or allow writing there, and run the gate again",
        ) from None
    return target


def _files(content: BundleContent) -> dict[str, bytes]:
    ledger = content.ledger.read_bytes() if content.ledger is not None and content.ledger.is_file() else b""
    own = {
        VERDICT_FILE: _json(content.verdict),
        ENVIRONMENT_FILE: _json(content.environment),
        LEDGER_FILE: ledger,
    }
    taken = sorted(set(own) & set(content.files))
    if taken:
        raise InputError("a file has a name that the bundle itself uses", got=", ".join(taken))
    given = {path: data if isinstance(data, bytes) else data.read_bytes() for path, data in content.files.items()}
    return {**given, **own}


def _predicate(content: BundleContent, openings: tuple[Opening, ...], created: datetime) -> dict[str, Any]:
    provenance = content.provenance
    return {
        "pilot": content.pilot,
        "gate": content.gate,
        "verdict": content.verdict["verdict"],
        "wording": code_digest(),
        "created": created.isoformat(timespec="seconds"),
        "who": provenance.who,
        "commit": provenance.commit,
        "is_dirty": provenance.is_dirty,
        "changed": shown(provenance.changed),
        "digests": dict(content.digests),
        "ledger": {"entries": len(openings), "head": openings[-1].hash if openings else GENESIS},
        "thresholds_signed_at": content.thresholds_signed_at,
    }


def _check_continues(openings: tuple[Opening, ...], pilot: Path, key: SigningKey) -> None:
    """Refuse a ledger that lacks what an earlier bundle of the pilot, signed with the same key, has seen."""
    hashes = [GENESIS, *(opening.hash for opening in openings)]
    for envelope in sorted(pilot.glob(f"gate-*/*/{ENVELOPE_FILE}")):
        try:
            seen = open_envelope(envelope.read_bytes(), key.public, EVIDENCE_TYPE)["predicate"]["ledger"]
        except SignatureError:
            continue
        if seen["entries"] >= len(hashes) or hashes[seen["entries"]] != seen["head"]:
            raise RunError(
                "the holdout ledger is not the one that earlier evidence has seen",
                where=str(envelope.parent),
                got=f"{len(openings):,} entries",
                expected=f"at least {seen['entries']:,} entries, the last of them {seen['head'][:16]}",
                remedy="restore the ledger; without it nobody can know how often the holdout was opened",
            )


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _refuse_private_keys(files: Mapping[str, bytes]) -> None:
    holding = [path for path, data in files.items() if b"PRIVATE KEY-----" in data]
    if holding:
        raise InputError("a private key must not go into a bundle", where=", ".join(holding), remedy="remove it there")


@contextmanager
def _whole_or_nothing(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill, and put it in place when it is complete and on the disk."""
    for left in target.parent.glob(f".*.{DRAFT}-*"):
        if not _is_at_work(left):
            shutil.rmtree(left, ignore_errors=True)
    draft = target.with_name(f".{target.name}.{DRAFT}-{os.getpid()}-{secrets.token_hex(6)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        yield draft
        for folder in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
            folder.chmod(0o700)
            _sync(folder)
        draft.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _is_at_work(draft: Path) -> bool:
    """Return whether the process that writes a draft is still there; a gate that was killed leaves one."""
    return is_alive(draft.name.rpartition(f"{DRAFT}-")[2].partition("-")[0])


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
