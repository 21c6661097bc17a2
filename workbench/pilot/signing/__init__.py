"""Keys, signed statements and signed documents: Ed25519 signatures in DSSE envelopes."""
