"""Whose call it is: by a key in a header, by user and password, or by a token that ages."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping

from workbench.environment.sandbox.clock import SandboxClock

AccountOf = Callable[[Mapping[str, str]], str | None]  # from headers by lower-case name; None for nobody it knows


def account_by_key(header: str, accounts: Mapping[str, str]) -> AccountOf:
    """Return what tells accounts by a key in a header.

    Parameters
    ----------
    accounts : mapping of str to str
        Account by key.
    """
    name = header.lower()
    return lambda headers: accounts.get(headers.get(name, ""))


def account_by_password(accounts: Mapping[tuple[str, str], str]) -> AccountOf:
    """Return what tells accounts by user and password of basic authentication.

    Parameters
    ----------
    accounts : mapping of (str, str) to str
        Account by user and password.
    """

    def account(headers: Mapping[str, str]) -> str | None:
        given = user_and_password(headers)
        return None if given is None else accounts.get(given)

    return account


def user_and_password(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return user and password of basic authentication, None where headers carry none."""
    scheme, _, coded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


class IssuedTokens:
    """Tokens for client credentials; each is refused once it is older than `expires_s`.

    Parameters
    ----------
    accounts : mapping of (str, str) to str
        Account by client id and secret.
    """

    def __init__(self, accounts: Mapping[tuple[str, str], str], expires_s: float, clock: SandboxClock) -> None:
        self.expires_s = expires_s
        self._accounts, self._clock = accounts, clock
        self._issued: dict[str, tuple[str, float]] = {}

    def issue(self, client_id: str, secret: str) -> str | None:
        """Return a token for a client, None where id and secret are not those of one."""
        account = self._accounts.get((client_id, secret))
        if account is None:
            return None
        token = secrets.token_urlsafe(24)
        self._issued[token] = (account, self._clock.seconds())
        return token

    def account(self, headers: Mapping[str, str]) -> str | None:
        """Return the account of the token that headers carry, None where they carry none that still holds."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        account, issued = self._issued.get(token, (None, 0.0)) if scheme.lower() == "bearer" else (None, 0.0)
        return account if self._clock.seconds() < issued + self.expires_s else None
