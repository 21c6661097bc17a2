"""Addresses that may be reached: this machine and private hosts that are named, each resolved once."""

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
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError("the host of a sandbox has no address", got=f"{host}: {error}") from None
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    wrong = [one for one in addresses if not (_is_loopback(one) or (named and _is_private(one)))]
    if wrong:
        got = f"{host} is at {shown(wrong)}"
        raise InputError("a sandbox is at an address that may not be reached", got=got, expected=ALLOWED)
    return addresses[0]


def _is_loopback(host: str) -> bool:
    ip = _ip(host)
    return ip is not None and ip.is_loopback


def _is_private(host: str) -> bool:
    ip = _ip(host)
    return ip is not None and any(ip in network for network in PRIVATE)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return a numeric address, of one that wraps an IPv4 address that; None for a name."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
