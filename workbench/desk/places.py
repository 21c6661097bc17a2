"""Where the desk is served: which names its address may have, and what a browser must say before anything changes."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from workbench.words import InputError

LOOPBACK_NAMES = ("127.0.0.1", "localhost")
OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class DeskPlace:
    """Where the desk listens, and the address that people have for it.

    Parameters
    ----------
    host : str
        What it listens on.
    public_url : str, optional
        The address in people's links, where a TLS proxy stands before the desk: `https://name`, without a path.

    Raises
    ------
    InputError
        It would listen beyond this machine without TLS, or the public address is no `https://name`.
    """

    host: str = LOOPBACK_NAMES[0]
    public_url: str | None = None

    def __post_init__(self) -> None:
        if self.public_url is not None and not _is_origin(self.public_url):
            raise InputError(
                "the public address cannot be used",
                got=f"--public-url {self.public_url}",
                expected="https://desk.example.com, without a path",
                remedy="let a TLS proxy serve that name and pass everything on to the desk",
            )
        if not _is_loopback(self.host) and self.public_url is None:
            raise InputError(
                "beyond this machine the desk is served over TLS only",
                got=f"--host {self.host}",
                remedy="put a TLS proxy before it and give its address: --public-url https://desk.example.com",
            )

    @property
    def is_secure(self) -> bool:
        """Whether people reach it over TLS."""
        return self.public_url is not None

    @property
    def names(self) -> frozenset[str]:
        """Host names that a request may be for; another one is some other site's name turned to this address."""
        public = urlsplit(self.public_url or "").hostname
        return frozenset({*LOOPBACK_NAMES, self.host.lower(), *([public] if public else [])})

    def address(self, port: int) -> str:
        """Return what people's links begin with."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}"

    def knows(self, host: str) -> bool:
        """Return whether a Host header names this desk."""
        return _hostname(host) in self.names

    def distrusts(self, headers: Mapping[str, str]) -> str | None:
        """Return why a request that would change something does not come from a page of the desk, None if it may.

        Browsers say where a request comes from. `Origin: null` is what they say of a form of a page that sends no
        referrer; then only `Sec-Fetch-Site` tells. What says neither is no browser, and the form's token decides.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site not in OWN_SITE:
            return f"Sec-Fetch-Site is {site}"
        if origin == "null":
            return None if site is not None else "the origin is hidden"
        if origin is not None and origin not in self._origins(headers.get("host", "")):
            return "the origin is another site"
        return None

    def _origins(self, host: str) -> tuple[str, ...]:
        own = () if self.public_url is None else (self.public_url.rstrip("/"),)
        return (f"http://{host}", *own)


def _is_loopback(host: str) -> bool:
    if host == LOOPBACK_NAMES[1]:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_origin(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port  # a number, or ValueError
    except ValueError:
        return False
    has_more = bool(parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password)
    return parts.scheme == "https" and bool(parts.hostname) and not has_more


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
