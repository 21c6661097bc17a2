"""Verifying a bundle: offline, against a public key that the caller pinned, down to the decisions behind a number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.charter import CHARTER_FILE, Charter
from workbench.charter.signatures import charter_signatures
from workbench.configuration import read_settings
from workbench.errors import InputError, RunError, SignatureError
from workbench.evidence.agreed import check_gate, check_waivers
from workbench.evidence.bundle import EVIDENCE_TYPE, LEDGER_FILE, VERDICT_FILE
from workbench.evidence.certification import check_certification, check_charges
from workbench.evidence.manifest import ENVELOPE_FILE, MANIFEST_FILE, read_listed, read_plain
from workbench.evidence.recompute import (
    HOLDOUT,
    Recorded,
    check_copies,
    check_criteria,
    check_evaluation,
    check_verdict,
    parsed,
    recorded_evaluations,
)
from workbench.ledger import GENESIS, Opening, read_ledger
from workbench.signing.envelope import opened, sha256, subject_digest
from workbench.signing.keys import PublicKey, load_public_key

FRESHNESS = "freshness"
COMMIT = re.compile(r"[0-9a-f]{7,64}")
# What a check may meet in a file that says something else than it should: then it fails, and says why.
_FAULTS = (SignatureError, InputError, RunError, LookupError, TypeError, ValueError, AttributeError, StopIteration)


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `passed` is None when it was not asked for."""

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a bundle came to.

    Parameters
    ----------
    signed : mapping
        What the signed statement says: pilot, gate, verdict, commit, ...; empty when no signature holds.
    """

    bundle: Path
    key_id: str
    checks: tuple[Check, ...]
    signed: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether every check that was asked for passed."""
        return all(check.passed is not False for check in self.checks)

    @property
    def holds(self) -> bool:
        """Whether nothing was tampered with: what the evidence was made from, which `freshness` asks, is left aside."""
        return all(check.passed is not False for check in self.checks if check.name != FRESHNESS)

    def as_json(self) -> dict[str, Any]:
        """Return the verification as JSON values."""
        named = ("pilot", "gate", "verdict", "created", "commit")
        return {
            "bundle": str(self.bundle),
            "ok": self.ok,
            "holds": self.holds,
            "key_id": self.key_id,
            **{name: self.signed.get(name) for name in named},
            "checks": [{"name": one.name, "passed": one.passed, "detail": one.detail} for one in self.checks],
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Bundle:
    """A bundle whose signature and files hold."""

    folder: Path
    signed: Mapping[str, Any]
    files: Mapping[str, bytes]
    verdict: Mapping[str, Any]
    evaluations: tuple[Recorded, ...]
    openings: tuple[Opening, ...]


def verify_bundle(folder: Path, key: Path, *, commit: str | None = None) -> Verification:
    """Return what every check says of a bundle; the first ones must pass before the others can say anything.

    Parameters
    ----------
    folder : Path
    key : Path
        Public key that the bundle must be signed with; the caller knows it from elsewhere, never from the bundle.
    commit : str, optional
        The commit that the evidence must have been made from, at least seven hex digits.

    Raises
    ------
    InputError
        There is no such folder or key, or the commit is none.
    """
    public = load_public_key(key)
    if not folder.is_dir():
        raise InputError("there is no bundle", where=str(folder), expected="the folder of a gate's evidence")
    if key.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            "the key lies in the bundle that it is to verify", where=str(key), remedy="take it from whoever signed"
        )
    if commit is not None and not COMMIT.fullmatch(commit):
        raise InputError("this is no commit", got=repr(commit), expected="at least seven hex digits of its id")
    try:
        signed, manifest = _signed(folder, public)
    except _FAULTS as error:
        return _ended(folder, public, [Check("signature", False, _why(error))])
    checks = [Check("signature", True, f"key {public.key_id[:16]}, signed {signed['created']}")]
    try:
        bundle = _read(folder, signed, manifest)
    except _FAULTS as error:
        return _ended(folder, public, [*checks, Check("files", False, _why(error))], signed)
    checks.append(Check("files", True, f"{len(bundle.files):,} files, none missing, altered or unlisted"))
    checks += [_checked(name, check, bundle) for name, check in _CHECKS.items()]
    return Verification(folder, public.key_id, (*checks, _freshness(signed, commit)), signed)


def _ended(folder: Path, key: PublicKey, checks: Iterable[Check], signed: Mapping[str, Any] = {}) -> Verification:
    return Verification(folder, key.key_id, tuple(checks), signed)


def _signed(folder: Path, key: PublicKey) -> tuple[Mapping[str, Any], bytes]:
    """Return what was signed, and the manifest it was signed for."""
    said = opened(read_plain(folder / ENVELOPE_FILE), key, EVIDENCE_TYPE)
    manifest = read_plain(folder / MANIFEST_FILE)
    if sha256(manifest) != subject_digest(said, MANIFEST_FILE):
        raise SignatureError("the envelope was signed for another manifest")
    return dict(said["predicate"]), manifest


def _read(folder: Path, signed: Mapping[str, Any], manifest: bytes) -> _Bundle:
    files = read_listed(folder, manifest)
    verdict = parsed(files, VERDICT_FILE)
    return _Bundle(folder, signed, files, verdict, recorded_evaluations(files), read_ledger(folder / LEDGER_FILE))


def _checked(name: str, check: Callable[[_Bundle], str], bundle: _Bundle) -> Check:
    try:
        return Check(name, True, check(bundle))
    except _FAULTS as error:
        return Check(name, False, _why(error))


def _identity(bundle: _Bundle) -> str:
    """Check that the statement, verdict.json and the folder's own path name one pilot, gate and verdict."""
    for name in ("pilot", "gate", "verdict"):
        if bundle.signed[name] != bundle.verdict[name]:
            raise SignatureError(f"{name} of the statement and of {VERDICT_FILE} differ")
    *_, pilot, gate = ("", "", *bundle.folder.resolve().parent.parts)
    if gate.startswith("gate-") and (pilot, gate) != (bundle.signed["pilot"], f"gate-{bundle.signed['gate']}"):
        raise SignatureError("the bundle lies under another pilot or gate", got=f"{pilot}/{gate}")
    for recorded in _holdout(bundle):
        for name, digest in (("data", "dataset_digest"), ("agent", "agent_digest")):
            if bundle.signed["digests"].get(name) != recorded.content[digest]:
                raise SignatureError(f"the digest of {name} is not that of the holdout results inside")
    return f"{bundle.signed['pilot']}, gate {bundle.signed['gate']}: {bundle.signed['verdict']}"


def _ledger(bundle: _Bundle) -> str:
    """Check that the ledger is whole, ends where it did when signed, and knows of every holdout result inside."""
    signed, openings = bundle.signed["ledger"], bundle.openings
    head = openings[-1].hash if openings else GENESIS
    if (len(openings), head) != (signed["entries"], signed["head"]):
        raise SignatureError("the ledger does not end where it was signed", got=f"{len(openings):,} entries")
    for recorded in _holdout(bundle):
        if not any(one.purpose.n_records == len(recorded.outcomes) for one in _openings_of(bundle, recorded)):
            raise SignatureError("holdout results without an opening on the ledger", got=recorded.content["agent"])
    return f"openings of the holdout: {len(openings):,}, unbroken up to {head[:16]}"


def _thresholds(bundle: _Bundle) -> str:
    """Check that every role that must has signed the charter, before any holdout result was seen."""
    charter = read_settings(bundle.folder / CHARTER_FILE, Charter)
    status = charter_signatures(bundle.folder, charter, bundle.signed["pilot"])
    signed_at = status.last_signed_at
    if signed_at is None:
        lacking = [*status.missing, *status.invalid]
        raise SignatureError("the charter is not signed", got=", ".join(lacking) or "nobody must sign")
    if bundle.signed["thresholds_signed_at"] != signed_at.isoformat():
        raise SignatureError("the charter was signed at another time than the statement says")
    seen = [datetime.fromisoformat(one.time) for each in _holdout(bundle) for one in _openings_of(bundle, each)]
    first = min([*seen, datetime.fromisoformat(bundle.signed["created"])])
    if signed_at > first:
        raise SignatureError(
            "the targets were signed after results were seen", got=signed_at.isoformat(), expected=f"before {first}"
        )
    return f"signatures: {len(status.valid)}, up to {signed_at.isoformat()}, before {first.isoformat()}"


def _agreed(bundle: _Bundle) -> str:
    """Check that the criteria are those of gates.yaml, and that documents and waivers that count are signed."""
    charter = read_settings(bundle.folder / CHARTER_FILE, Charter)
    documents = check_gate(bundle.folder, bundle.verdict, charter)
    waivers = check_waivers(bundle.folder, bundle.verdict, charter, bundle.signed)
    n = len(bundle.verdict["criteria"])
    return f"{n:,} criteria as in gates.yaml; signed documents: {documents}, signed waivers: {waivers}"


def _recomputed(bundle: _Bundle) -> str:
    """Compute every estimate again, and the state of every criterion on one, from decisions and labels."""
    for recorded in bundle.evaluations:
        if recorded.content["pilot"] != bundle.signed["pilot"]:
            raise SignatureError("an evaluation is of another pilot", got=recorded.content["pilot"])
    numbers = sum(check_evaluation(recorded) for recorded in bundle.evaluations)
    charter = read_settings(bundle.folder / CHARTER_FILE, Charter)
    certified = sum(
        check_certification(one, charter, _openings_of(bundle, one), bundle.evaluations) for one in bundle.evaluations
    )
    criteria = check_criteria(bundle.files, bundle.verdict, bundle.evaluations)
    check_copies(bundle.files, bundle.verdict, _holdout(bundle))
    check_charges(bundle.verdict, [opening for one in _holdout(bundle) for opening in _openings_of(bundle, one)])
    decisions = sum(len(recorded.outcomes) for recorded in bundle.evaluations)
    counts = f"numbers: {numbers:,}, criteria: {criteria:,}, certifications: {certified:,}"
    return f"{counts}; computed again from {decisions:,} decisions"


def _verdict(bundle: _Bundle) -> str:
    """Check that the verdict follows from its criteria."""
    check_verdict(bundle.verdict)
    return f"{bundle.verdict['verdict']} follows from {len(bundle.verdict['criteria']):,} criteria"


def _freshness(signed: Mapping[str, Any], commit: str | None) -> Check:
    """Return whether the evidence was made from the commit that the caller names, without changes on top."""
    made = signed.get("commit")
    if commit is None:
        named = f"made from {made}{_changes(signed)}" if made else "made outside a repository"
        return Check(FRESHNESS, None, f"not asked (--commit); {named}")
    if not made:
        return Check(FRESHNESS, False, "it was made outside a repository")
    if not str(made).startswith(commit):
        return Check(FRESHNESS, False, f"it is of {made}, not of {commit}")
    if signed.get("is_dirty") is not False:
        return Check(FRESHNESS, False, f"it was made from {made}{_changes(signed)}")
    return Check(FRESHNESS, True, f"made from {made}")


def _changes(signed: Mapping[str, Any]) -> str:
    """Return which files of the tree were changed when the evidence was made; empty where none was."""
    if signed.get("is_dirty") is False:
        return ""
    return f", from a tree with changes in: {signed.get('changed') or 'files not named'}"


def _holdout(bundle: _Bundle) -> tuple[Recorded, ...]:
    return tuple(one for one in bundle.evaluations if one.content["split"] == HOLDOUT)


def _openings_of(bundle: _Bundle, recorded: Recorded) -> list[Opening]:
    """Return the openings of the holdout for an evaluation's version on its records."""
    version = (recorded.content["agent_digest"], recorded.content["dataset_digest"])
    return [one for one in bundle.openings if (one.purpose.agent_digest, one.purpose.dataset_digest) == version]


def _why(error: Exception) -> str:
    if isinstance(error, (SignatureError, InputError, RunError)):
        facts = "; ".join(f"{name}: {text}" for name, text in error.facts().items() if name != "do")
        return f"{error.problem} ({facts})" if facts else error.problem
    return f"malformed: {type(error).__name__} {error}"


_CHECKS: Mapping[str, Callable[[_Bundle], str]] = {
    "identity": _identity,
    "ledger": _ledger,
    "thresholds": _thresholds,
    "agreed": _agreed,
    "recomputed": _recomputed,
    "verdict": _verdict,
}
