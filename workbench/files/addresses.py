"""Addresses that may be reached, each resolved once: of sandboxes, and of webhooks that messages are posted to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from workbench.words import InputError, shown

PORTS = {"http": 80, "https": 443}
PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
ALLOWED = "this machine, or a private host that `sandbox: hosts` names"
OUTSIDE = "a public address, or one of a private network"


@dataclass(frozen=True, slots=True)
class CheckedAddress:
    """An address that may be reached, and where its host was when it was checked.

    Parameters
    ----------
    url : str
        As it is written, without a slash at its end.
    host : str
    port : int
    ip : str
        What is connected to, whatever the host's name resolves to later.
    """

    url: str
    host: str
    port: int
    ip: str

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def allowed_address(address: str, hosts: Collection[str] = ()) -> CheckedAddress:
    """Return an HTTP address that may be reached.

    Raises
    ------
    InputError
        It is no HTTP address, has credentials in it, or its host is neither this machine nor a named private one.

    Examples
    --------
    >>> allowed_address("http://127.0.0.1:8931/erp/").ip
    '127.0.0.1'
    """
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        port = None
    if port is None or not parts.hostname or parts.scheme not in PORTS or parts.query or parts.fragment:
        raise InputError("this is no HTTP address", got=address, expected="such as http://127.0.0.1:8931/erp")
    if parts.username is not None or parts.password is not None:
        raise InputError("an address has credentials in it", got=parts.hostname, remedy="name a variable in `auth:`")
    return CheckedAddress(address.rstrip("/"), parts.hostname, port, allowed_host(parts.hostname, port, hosts))


def allowed_host(host: str, port: int, hosts: Collection[str]) -> str:
    """Return the numeric address of a host that may be reached; all that its name resolves to must be private.

    Raises
    ------
    InputError
        It is neither this machine nor a named host, its name cannot be resolved, or it resolves to a public or
        link-local address.
    """
    named = host.casefold() in {one.casefold() for one in hosts}
    if not named and host.casefold() != "localhost" and not _is_loopback(host):
        raise InputError("a sandbox is at an address that may not be reached", got=host, expected=ALLOWED)
    addresses = _resolved(host, port, "a sandbox")
    wrong = [one for one in addresses if not (_is_loopback(one) or (named and _is_private(one)))]
    if wrong:
        got = f"{host} is at {shown(wrong)}"
        raise InputError("a sandbox is at an address that may not be reached", got=got, expected=ALLOWED)
    return addresses[0]


def webhook_address(address: str) -> CheckedAddress:
    """Return the address of a webhook that may be posted to; all that its host resolves to must be outside or private.

    Raises
    ------
    InputError
        It is no https address, has credentials in it, its host has no address, or it resolves to this machine, a
        link-local address or another that nobody's chat is at.

    Examples
    --------
    >>> webhook_address("https://10.1.2.3/hooks/1").port
    443
    """
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        port = None
    if port is None or not parts.hostname or parts.scheme != "https" or parts.fragment or not address.isprintable():
        raise InputError(
            "a webhook is at no https address", got=address, expected="such as https://chat.example/hooks/1"
        )
    if parts.username is not None or parts.password is not None:
        raise InputError("the address of a webhook has credentials in it", got=parts.hostname)
    found = _resolved(parts.hostname, port, "a webhook")
    wrong = [one for one in found if not (_is_private(one) or _is_public(one))]
    if wrong:
        got = f"{parts.hostname} is at {shown(wrong)}"
        raise InputError("a webhook is at an address that may not be reached", got=got, expected=OUTSIDE)
    return CheckedAddress(address, parts.hostname, port, found[0])


def _resolved(host: str, port: int, whose: str) -> list[str]:
    """Return the numeric addresses of a host. Raises InputError if it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"the host of {whose} has no address", got=f"{host}: {error}") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _is_loopback(host: str) -> bool:
    ip = _ip(host)
    return ip is not None and ip.is_loopback


def _is_private(host: str) -> bool:
    ip = _ip(host)
    return ip is not None and any(ip in network for network in PRIVATE)


def _is_public(host: str) -> bool:
    ip = _ip(host)
    return ip is not None and ip.is_global and not ip.is_multicast


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return a numeric address, of one that wraps an IPv4 address that; None for a name."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
