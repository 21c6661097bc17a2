"""in-toto statements in DSSE envelopes, signed with one Ed25519 key, in exactly one spelling.

An envelope's bytes are fixed by its content: any other spelling of the same content (blanks, order of keys, spare bits
of base64, further fields) is refused, so no byte of a signed file can change unnoticed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.words import InputError, SignatureError

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope

    from workbench.pilot.signing.keys import PublicKey, SigningKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
LARGEST_ENVELOPE = 16 << 20


def canonical_json(content: object) -> bytes:
    """Return the one spelling of a JSON value: keys sorted, no blanks, UTF-8.

    Raises
    ------
    InputError
        The value holds a number that JSON has no spelling for, or something that is no JSON.
    """
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (ValueError, TypeError) as error:
        raise InputError("the content has no canonical form", got=str(error)[:200]) from None


def statement(subject: str, digest: str, predicate_type: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    """Return an in-toto Statement v1 about one subject, by its SHA-256."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": subject, "digest": {"sha256": digest}}],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def sealed(content: Mapping[str, Any], key: SigningKey) -> bytes:
    """Return the bytes of the envelope that holds a signed statement."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(canonical_json(content), PAYLOAD_TYPE, {})
    envelope.sign(key.signer)
    return canonical_json(envelope.to_dict()) + b"\n"


def open_envelope(content: bytes, key: PublicKey, *predicate_types: str) -> dict[str, Any]:
    """Return the statement inside an envelope, after its signature was verified with a key that the caller pinned.

    Raises
    ------
    SignatureError
        The envelope is malformed, was signed by another key or altered, or says something else than expected.
    """
    from securesystemslib.exceptions import VerificationError

    envelope = _parsed(content)
    (key_id,) = envelope.signatures
    if key_id != key.key_id:
        raise SignatureError("signed with another key", got=f"key {key_id[:16]}", expected=f"key {key.key_id[:16]}")
    try:
        envelope.verify([key.verifier], 1)
    except VerificationError:
        raise SignatureError("the signature does not fit the content") from None
    said = json.loads(envelope.payload)
    if not isinstance(said, dict) or said.get("_type") != STATEMENT_TYPE:
        raise SignatureError("what was signed is no in-toto statement")
    if said.get("predicateType") not in predicate_types:
        found, wanted = str(said.get("predicateType")), " or ".join(predicate_types)
        raise SignatureError("the signed statement is of another kind or version", got=found, expected=wanted)
    return said


def subject_digest(said: Mapping[str, Any], name: str) -> str:
    """Return the SHA-256 that a statement gives for its one subject. Raises SignatureError for another subject."""
    subjects = said.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1 or subjects[0].get("name") != name:
        raise SignatureError("the statement is about something else", expected=name)
    return str(subjects[0]["digest"]["sha256"])


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes as hex digits."""
    return hashlib.sha256(content).hexdigest()


def _parsed(content: bytes) -> Envelope:
    """Return an envelope with exactly one signature whose bytes are the canonical ones."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Signature

    fault = SignatureError("this is no envelope in its one spelling")
    if len(content) > LARGEST_ENVELOPE:
        raise fault
    try:
        parts = json.loads(content)
        (signature,) = parts["signatures"]
        payload, raw = (base64.b64decode(text, validate=True) for text in (parts["payload"], signature["sig"]))
        kept = Signature(signature["keyid"], raw.hex())
        envelope = Envelope(payload, parts["payloadType"], {kept.keyid: kept})
        if parts["payloadType"] != PAYLOAD_TYPE or canonical_json(envelope.to_dict()) + b"\n" != content:
            raise fault
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error, InputError):
        raise fault from None
    return envelope
