"""Keys, signed statements and signed documents: Ed25519 signatures in DSSE envelopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.pilot.signing.documents import (
        SignatureStatus,
        Signer,
        SignOff,
        document_digest,
        document_signatures,
        sign_document,
        signature_files,
    )
    from workbench.pilot.signing.envelope import open_envelope, sealed, sha256, statement, subject_digest
    from workbench.pilot.signing.keys import (
        ChosenKey,
        PublicKey,
        SigningKey,
        check_signature,
        chosen_key,
        key_of_line,
        known_key,
        load_public_key,
        local_key_path,
        new_key,
    )
    from workbench.pilot.signing.sealing import trail_key, trail_keys
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
