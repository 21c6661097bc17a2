"""Links by which people come to the desk: signed, for one person of one pilot, valid for some hours."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer

from workbench.pilot.signing import local_key_path
from workbench.words import InputError, RunError

LINKS_KEY = "links.key"
SECRET_BYTES = 32
HOUR_S = 3600.0
MADE_FOR = b"workbench review link v1"
REMEDY = "ask whoever runs the desk for a new link"


class LinkTamperedError(InputError):
    """The link was not made here, or was changed."""


class LinkElsewhereError(InputError):
    """The link is to the desk of another pilot."""


class LinkExpiredError(InputError):
    """The link's time is over."""


class Links:
    """Makes and reads the links of one pilot's desk.

    Parameters
    ----------
    secret : bytes
        `links_secret` gives this user's own.
    pilot : str
        Its name.
    hours : float
        How long a link is valid.
    """

    def __init__(self, secret: bytes, pilot: str, hours: float = 72.0) -> None:
        signing = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        self._serializer = URLSafeSerializer(secret, salt=MADE_FOR, signer_kwargs=signing)
        self._pilot, self._hours = pilot, hours

    def link_for(self, person: str, base_url: str, now: float) -> str:
        """Return a person's link below an address, valid from now on (epoch seconds)."""
        token = self._serializer.dumps([self._pilot, person, now + HOUR_S * self._hours])
        return f"{base_url.rstrip('/')}/in/{token if isinstance(token, str) else token.decode()}"

    def person_of(self, token: str, now: float) -> str:
        """Return the id of the person that a link's last part is for.

        Raises
        ------
        LinkTamperedError
            It was not made with this secret, or was changed.
        LinkElsewhereError
            It is to another pilot's desk.
        LinkExpiredError
            Its time is over.
        """
        try:
            pilot, person, until = self._serializer.loads(token)
        except (BadData, ValueError, TypeError):
            raise LinkTamperedError("this link was not made here, or is not whole", remedy=REMEDY) from None
        if pilot != self._pilot:
            raise LinkElsewhereError("this link is to the desk of another pilot", remedy=REMEDY)
        if now >= until:
            raise LinkExpiredError("this link has run out", remedy=REMEDY)
        return str(person)


def links_secret() -> bytes:
    """Return what this user's links are signed with, made with mode 0600 beside this user's keys where there is none.

    Raises
    ------
    RunError
        It cannot be kept.
    InputError
        The file holds something else.
    """
    path = local_key_path().with_name(LINKS_KEY)
    try:
        if not path.is_file():
            _make(path)
        found = path.read_bytes()
    except OSError as error:
        raise RunError(
            "what links are signed with cannot be kept", where=str(path), got=error.strerror or str(error)
        ) from None
    if len(found) != SECRET_BYTES:
        raise InputError(
            "this is not what links are signed with",
            where=str(path),
            got=f"{len(found):,} bytes",
            expected=f"{SECRET_BYTES} bytes",
            remedy="delete it; links that were given out end with it",
        )
    return found


def _make(path: Path) -> None:
    """Write a new secret so that it is whole or not there, and never over another."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process made it meanwhile
    finally:
        draft.unlink(missing_ok=True)
