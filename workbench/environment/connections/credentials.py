"""Whose credentials a connection uses, from variables that integrations.yaml names; tokens kept until they expire."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from workbench.environment.connections.connection import Account, CallError
from workbench.files import secret
from workbench.pilot.integrations import Authentication, AuthKind, IntegrationSettings
from workbench.words import InputError

MARGIN = 0.1  # of a token's time, before its end, in which it is renewed
LONGEST_MARGIN_S = 30.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

AskToken = Callable[[bytes, Mapping[str, str]], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Credentials:
    """User or client id, and the secret; None where the account has none."""

    account: Account
    user: str | None = None
    secret: str | None = None


def credentials_of(auth: Authentication | None, secrets: Mapping[str, str], account: Account) -> Credentials:
    """Return an account's credentials.

    Raises
    ------
    InputError
        integrations.yaml names no variable for this account, or the variable is not set.
    """
    if auth is None or account is Account.NOBODY or auth.kind in (AuthKind.NONE, AuthKind.FILE_RIGHTS):
        return Credentials(account)
    user, secret = {
        Account.OWN: (auth.user_env, auth.secret_env),
        Account.PREVIOUS: (auth.user_env, auth.previous_secret_env),
        Account.FOREIGN: (auth.foreign_user_env, auth.foreign_secret_env),
    }[account]
    if secret is None:
        raise InputError(
            f"integrations.yaml names no variable for the {account.value} account's secret",
            got=f"auth of the kind {auth.kind.value}",
        )
    missing = [name for name in (user, secret) if name is not None and name not in secrets]
    if missing:
        raise InputError("a variable with a credential is not set", got=missing[0], remedy="set it, and try again")
    return Credentials(account, None if user is None else secrets[user], secrets[secret])


def credentials_from_environment(settings: IntegrationSettings) -> dict[str, str]:
    """Return the value of every variable that integrations.yaml names for credentials and that is set."""
    named = {
        name
        for system in settings.systems
        if system.auth is not None
        for key, name in system.auth.model_dump().items()
        if key.endswith("_env") and name is not None
    }
    return {name: value for name in sorted(named) if (value := secret(name)) is not None}


class Signature:
    """The headers by which a system knows the caller; a token is asked for once, and again shortly before it expires.

    Parameters
    ----------
    auth : Authentication, optional
    credentials : Credentials
    renews : bool
        Whether a token is renewed; one that is not is used whatever the system says of it.
    """

    def __init__(self, auth: Authentication | None, credentials: Credentials, *, renews: bool) -> None:
        self._auth, self._credentials, self.renews = auth, credentials, renews
        self._token: str | None = None
        self._ends = 0.0
        self._asking = asyncio.Lock()

    @property
    def has_token(self) -> bool:
        """Whether the caller is known by a token."""
        is_token = self._auth is not None and self._auth.kind is AuthKind.CLIENT_CREDENTIALS
        return is_token and self._credentials.secret is not None

    @property
    def secret_values(self) -> tuple[str, ...]:
        """What must stand in no message."""
        return tuple(one for one in (self._credentials.secret, self._token) if one)

    async def headers(self, ask: AskToken) -> dict[str, str]:
        """Return the headers of a call; `ask` posts a body to where tokens are given."""
        auth, user, secret = self._auth, self._credentials.user, self._credentials.secret
        if auth is None or secret is None:
            return {}
        if auth.kind is AuthKind.API_KEY:
            return {auth.header: secret}
        if auth.kind is AuthKind.BASIC:
            known = b64encode(f"{user or ''}:{secret}".encode()).decode()
            return {"Authorization": f"Basic {known}"}
        if not self.has_token:
            return {}
        async with self._asking:
            if self._token is None or (self.renews and time.monotonic() >= self._ends):
                await self._renew(ask)
        return {"Authorization": f"Bearer {self._token}"}

    def forget(self, headers: Mapping[str, str]) -> None:
        """Forget the token that a system did not accept, where no other call has renewed it since."""
        if headers.get("Authorization") == f"Bearer {self._token}":
            self._token = None

    async def _renew(self, ask: AskToken) -> None:
        """Ask for a token with the account's id and secret; a foreign account asks for no scope."""
        credentials, scope = self._credentials, None if self._auth is None else self._auth.scope
        asked = {"grant_type": "client_credentials", "client_id": credentials.user, "client_secret": credentials.secret}
        if scope is not None and credentials.account is not Account.FOREIGN:
            asked["scope"] = scope
        start = time.monotonic()
        body = await ask(urlencode({name: value or "" for name, value in asked.items()}).encode(), FORM)
        try:
            given = json.loads(body)
            self._token, lasts_s = str(given["access_token"]), float(given.get("expires_in") or "inf")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CallError("answer", "no token in the answer", time.monotonic() - start) from None
        self._ends = start + lasts_s - min(LONGEST_MARGIN_S, MARGIN * lasts_s)
