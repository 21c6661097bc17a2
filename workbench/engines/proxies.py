"""The proxy that a company's environment names for an address."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for an address; None where it is this machine's or NO_PROXY's.

    aiohttp's own `trust_env` would also send this machine's traffic through it, and credentials of ~/.netrc with it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all, which the call itself says
        return None
    host = (parts.hostname or "").rstrip(".")
    if not host or _is_here(host):
        return None
    proxy = getproxies().get(parts.scheme)
    if proxy is None or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_here(host: str) -> bool:
    """Return whether a host is this machine by its name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host if ":" in host else socket.inet_aton(host))  # 127.1 and 2130706433 are 127.0.0.1 too
    except (OSError, ValueError, UnicodeError):
        return False
    inner = getattr(address, "ipv4_mapped", None) or address
    return bool(inner.is_loopback or inner.is_unspecified)
