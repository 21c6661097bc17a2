"""Verifying a bundle: offline, against a public key that the caller pinned, down to the decisions behind a number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.evidence import (
    ENVELOPE_FILE,
    EVIDENCE_TYPE,
    LEDGER_FILE,
    MANIFEST_FILE,
    VERDICT_FILE,
    Exhibit,
    code_digest,
    maker,
    parsed,
    read_listed,
    read_plain,
    require_same,
    without_texts,
)
from workbench.files import read_settings
from workbench.gates.facts import GateFacts
from workbench.gates.schema import Gates
from workbench.gates.verified.before import TYPE_BEFORE, exhibits_before, facts_before
from workbench.gates.verified.decided import believed, check_decision, check_pages
from workbench.gates.verified.facts import FACTS_FILE, bundled_exhibits, bundled_facts
from workbench.pilot.charter import CHARTER_FILE, GATES_FILE, Charter, charter_signatures, shared_keys_note
from workbench.pilot.signing import PublicKey, load_public_key, open_envelope, sha256, subject_digest
from workbench.records.ledger import GENESIS, Opening, read_ledger
from workbench.words import InputError, RunError, SignatureError, several

FRESHNESS = "freshness"
COMMIT = re.compile(r"[0-9a-f]{7,64}")
# What a check may meet in a file that says something else than it should: then it fails, and says why.
_FAULTS = (SignatureError, InputError, RunError, LookupError, TypeError, ValueError, AttributeError, StopIteration)


@dataclass(frozen=True, slots=True)
class Proof:
    """One check of a bundle; `passed` is None when it was not asked for."""

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
    not_recomputed : tuple of str
        What nothing in the bundle determines: it is believed as signed.
    """

    bundle: Path
    key_id: str
    checks: tuple[Proof, ...]
    signed: Mapping[str, Any]
    not_recomputed: tuple[str, ...] = ()

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
            "not_recomputed": list(self.not_recomputed),
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Bundle:
    """A bundle whose signature and files hold."""

    folder: Path
    signed: Mapping[str, Any]
    files: Mapping[str, bytes]
    verdict: Mapping[str, Any]
    exhibits: Mapping[str, Exhibit]
    openings: tuple[Opening, ...]
    is_before: bool

    @property
    def is_worded_now(self) -> bool:
        """Whether the very code that is here worded its texts, so that they can be written again, byte for byte."""
        return bool(self.signed.get("wording") == code_digest())

    @property
    def facts(self) -> GateFacts:
        """What the bundle's verdict rests on."""
        named = self.signed["pilot"], self.exhibits
        return (facts_before if self.is_before else bundled_facts)(self.folder, self.files, named, self.openings)


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
        return _ended(folder, public, [Proof("signature", False, _why(error))])
    checks = [Proof("signature", True, f"key {public.key_id[:16]}, signed {signed['created']}")]
    try:
        bundle = _read(folder, signed, manifest)
    except _FAULTS as error:
        return _ended(folder, public, [*checks, Proof("files", False, _why(error))], signed)
    checks.append(Proof("files", True, f"{len(bundle.files):,} files, none missing, altered or unlisted"))
    checks += [_checked(name, check, bundle) for name, check in _CHECKS.items()]
    checks.append(_freshness(signed, commit))
    return Verification(folder, public.key_id, tuple(checks), signed, _not_recomputed(bundle))


def _ended(folder: Path, key: PublicKey, checks: Iterable[Proof], signed: Mapping[str, Any] = {}) -> Verification:
    return Verification(folder, key.key_id, tuple(checks), signed)


def _signed(folder: Path, key: PublicKey) -> tuple[Mapping[str, Any], bytes]:
    """Return what was signed, and the manifest it was signed for."""
    said = open_envelope(read_plain(folder / ENVELOPE_FILE), key, EVIDENCE_TYPE, TYPE_BEFORE)
    manifest = read_plain(folder / MANIFEST_FILE)
    if sha256(manifest) != subject_digest(said, MANIFEST_FILE):
        raise SignatureError("the envelope was signed for another manifest")
    return {**said["predicate"], "type": said["predicateType"]}, manifest


def _read(folder: Path, signed: Mapping[str, Any], manifest: bytes) -> _Bundle:
    files = read_listed(folder, manifest)
    verdict = parsed(files, VERDICT_FILE)
    is_before = signed["type"] == TYPE_BEFORE
    exhibits = exhibits_before(files) if is_before else bundled_exhibits(files)
    return _Bundle(folder, signed, files, verdict, exhibits, read_ledger(folder / LEDGER_FILE), is_before)


def _checked(name: str, check: Callable[[_Bundle], str], bundle: _Bundle) -> Proof:
    try:
        return Proof(name, True, check(bundle))
    except _FAULTS as error:
        return Proof(name, False, _why(error))


def _identity(bundle: _Bundle) -> str:
    """Check that the statement, verdict.json and the folder's own path name one pilot, gate, verdict and subject."""
    for name in ("pilot", "gate", "verdict"):
        if bundle.signed[name] != bundle.verdict[name]:
            raise SignatureError(f"{name} of the statement and of {VERDICT_FILE} differ")
    *_, pilot, gate = ("", "", *bundle.folder.resolve().parent.parts)
    if gate.startswith("gate-") and (pilot, gate) != (bundle.signed["pilot"], f"gate-{bundle.signed['gate']}"):
        raise SignatureError("the bundle lies under another pilot or gate", got=f"{pilot}/{gate}")
    subject = bundle.verdict["subject"]
    for name, digest in bundle.signed["digests"].items():
        if subject.get(f"{name}_digest") != digest:
            raise SignatureError(f"the digest of {name} is not that of the verdict")
    for exhibit in bundle.exhibits.values():
        if exhibit.pilot != bundle.signed["pilot"]:
            raise SignatureError("an exhibit is of another pilot", got=exhibit.pilot)
        for name, about in (("data", "records"), ("agent", "agent")):
            if about in exhibit.about and bundle.signed["digests"].get(name) != exhibit.about[about]:
                raise SignatureError(f"the digest of {name} is not that of the results inside")
    return f"{bundle.signed['pilot']}, gate {bundle.signed['gate']}: {bundle.signed['verdict']}"


def _ledger(bundle: _Bundle) -> str:
    """Check that the ledger is whole, ends where it did when signed, and opened the holdout for exactly these rows."""
    signed, openings = bundle.signed["ledger"], bundle.openings
    head = openings[-1].hash if openings else GENESIS
    if (len(openings), head) != (signed["entries"], signed["head"]):
        raise SignatureError("the ledger does not end where it was signed", got=f"{len(openings):,} entries")
    said = f"openings of the holdout: {len(openings):,}, unbroken up to {head[:16]}"
    facts = bundle.facts
    found = [maker(name).opening(exhibit, facts) for name, exhibit in bundle.exhibits.items()]
    return "; ".join([said, *filter(None, found)])


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
    seen = [datetime.fromisoformat(one.time) for one in _openings(bundle)]
    first = min([*seen, datetime.fromisoformat(bundle.signed["created"])])
    if signed_at > first:
        raise SignatureError(
            "the targets were signed after results were seen", got=signed_at.isoformat(), expected=f"before {first}"
        )
    note = shared_keys_note(charter, status)
    said = f"signatures: {len(status.valid)}, up to {signed_at.isoformat()}, before {first.isoformat()}"
    return said if note is None else f"{said}. {note}"


def _recomputed(bundle: _Bundle) -> str:
    """Compute every number of every exhibit again from its tables."""
    facts, numbers = bundle.facts, 0
    for name, exhibit in bundle.exhibits.items():
        again = maker(name).again(exhibit, facts)
        require_same(sorted(again.estimates), sorted(exhibit.estimates), f"metrics of {name}")
        for metric, estimate in again.estimates.items():
            require_same(estimate.as_json(), exhibit.estimates[metric].as_json(), f"{metric} of {name}")
        computed, stored = again.as_json(), exhibit.as_json()
        if not bundle.is_worded_now:
            computed, stored = without_texts(computed), without_texts(stored)
        require_same(computed, stored, name)
        numbers += len(again.estimates)
    rows = sum(len(table) for exhibit in bundle.exhibits.values() for table in exhibit.tables.values())
    return f"numbers: {numbers:,} in {several(len(bundle.exhibits), 'exhibit')}, computed again from {rows:,} rows"


def _verdict(bundle: _Bundle) -> str:
    """Decide the gate again, as it was decided, and write again what people read of it."""
    facts = bundle.facts
    created, is_worded_now = bundle.signed["created"], bundle.is_worded_now
    decision = check_decision(facts, bundle.verdict, created, is_worded_now=is_worded_now)
    said = f"{decision.verdict.value} follows from {len(decision.results):,} criteria, all judged again"
    return f"{said}; files that say so: {check_pages(facts, decision, bundle.files)}" if is_worded_now else said


def _not_recomputed(bundle: _Bundle) -> tuple[str, ...]:
    """Return what is believed as signed; nothing where the bundle cannot be read, as then nothing is believed."""
    try:
        gates = read_settings(bundle.folder / GATES_FILE, Gates)
        n_holdout = parsed(bundle.files, FACTS_FILE)["population"]["n_holdout"]
        worded = () if bundle.is_worded_now else ("texts and pages, which another version of the workbench worded",)
        return (*believed(gates.gates[bundle.signed["gate"]], n_holdout), *worded)
    except _FAULTS:
        return ()


def _freshness(signed: Mapping[str, Any], commit: str | None) -> Proof:
    """Return whether the evidence was made from the commit that the caller names, without changes on top."""
    made = signed.get("commit")
    if commit is None:
        named = f"made from {made}{_changes(signed)}" if made else "made outside a repository"
        return Proof(FRESHNESS, None, f"not asked (--commit); {named}")
    if not made:
        return Proof(FRESHNESS, False, "it was made outside a repository")
    if not str(made).startswith(commit):
        return Proof(FRESHNESS, False, f"it is of {made}, not of {commit}")
    if signed.get("is_dirty") is not False:
        return Proof(FRESHNESS, False, f"it was made from {made}{_changes(signed)}")
    return Proof(FRESHNESS, True, f"made from {made}")


def _changes(signed: Mapping[str, Any]) -> str:
    """Return which files of the tree were changed when the evidence was made; empty where none was."""
    if signed.get("is_dirty") is False:
        return ""
    return f", from a tree with changes in: {signed.get('changed') or 'files not named'}"


def _openings(bundle: _Bundle) -> list[Opening]:
    """Return the openings of the holdout for the versions that the exhibits are about."""
    versions = {(one.about.get("agent"), one.about["records"]) for one in bundle.exhibits.values()}
    return [one for one in bundle.openings if (one.purpose.agent_digest, one.purpose.dataset_digest) in versions]


def _why(error: Exception) -> str:
    if isinstance(error, (SignatureError, InputError, RunError)):
        facts = "; ".join(f"{name}: {text}" for name, text in error.facts().items() if name != "do")
        return f"{error.problem} ({facts})" if facts else error.problem
    return f"malformed: {type(error).__name__} {error}"


_CHECKS: Mapping[str, Callable[[_Bundle], str]] = {
    "identity": _identity,
    "ledger": _ledger,
    "thresholds": _thresholds,
    "recomputed": _recomputed,
    "verdict": _verdict,
}
