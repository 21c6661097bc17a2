"""The key that seals lines of audit trails: this user's own on this machine, apart from the one that signs verdicts.

A process that asks an agent may hold a pilot's code, so the key of verdicts must not be in it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from workbench.pilot.signing.keys import (
    PublicKey,
    SigningKey,
    load_public_key,
    load_signing_key,
    local_key_path,
    new_key,
)
from workbench.words import InputError, RunError

TRAIL_KEY = "trail.pem"


def trail_key() -> SigningKey | None:
    """Return the key that seals, made with mode 0600 where there is none; None where none can be kept."""
    return _trail_key(local_key_path().with_name(TRAIL_KEY))


def trail_keys(suite: Path) -> tuple[PublicKey, ...]:
    """Return the keys that are known to seal: this machine's, and those in signatures/keys of a pilot's folder.

    The public half of another machine's key is put there as trail-NAME.pem.
    """
    own = trail_key()
    others = [_public(path) for path in sorted((suite / "signatures" / "keys").glob("trail-*.pem"))]
    return (*(() if own is None else (own.public,)), *(key for key in others if key is not None))


@cache
def _trail_key(path: Path) -> SigningKey | None:
    for _ in range(2):  # another process may make it meanwhile
        try:
            return load_signing_key(path) if path.is_file() else new_key(path, in_repository=True).key
        except InputError:
            continue
        except (RunError, OSError):
            return None
    return None


def _public(path: Path) -> PublicKey | None:
    try:
        return load_public_key(path)
    except InputError:
        return None
