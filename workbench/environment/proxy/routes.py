"""Which requests are calls of an operation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from workbench.environment.proxy.messages import HttpMessage
from workbench.pilot.integrations import AuthKind, Operation, System, SystemType
from workbench.words import InputError

AUTHORIZATION = "Authorization"


@dataclass(frozen=True, slots=True)
class FaultRoute:
    """How requests of one operation look.

    Parameters
    ----------
    path : pattern
        Of the whole path.
    correlation : str, optional
        Header with the record that a call is for; without it any call counts.
    credentials : str
        Header with the caller's token, key or password.
    named : str
        What the body calls, where several operations share a path: an element (SOAP) or a tool (MCP).
    """

    type: SystemType
    method: str
    path: re.Pattern[str]
    correlation: str | None = None
    credentials: str = AUTHORIZATION
    named: str = ""

    def takes(self, request: HttpMessage, correlation: str) -> bool:
        """Return whether a request is a call of the operation for a record."""
        if request.method != self.method or not self.path.fullmatch(request.path):
            return False
        if self.correlation is not None and request.header(self.correlation) != correlation:
            return False
        if self.type is SystemType.SOAP:
            return re.search(rb"<(?:[\w.-]+:)?" + re.escape(self.named).encode() + rb"[\s/>]", request.body) is not None
        if self.type is SystemType.MCP:
            said = request.json()
            is_call = isinstance(said, dict) and said.get("method") == "tools/call"
            return is_call and said.get("params", {}).get("name") == self.named
        return True


def route_of(system: System, name: str, operation: Operation, address: str) -> FaultRoute:
    """Return how requests of an operation of a system at an address look.

    Raises
    ------
    InputError
        The system is not reached over HTTP.
    """
    path = urlsplit(address).path.rstrip("/")
    auth = system.auth
    has_key = auth is not None and auth.kind is AuthKind.API_KEY
    credentials = auth.header if auth is not None and has_key else AUTHORIZATION
    correlation = system.correlation
    match system.type:
        case SystemType.REST:
            method, _, template = operation.call.partition(" ")
            parts = re.split(r"\{\w+\}", template)
            pattern = re.compile(re.escape(path) + "[^/]+".join(map(re.escape, parts)))
            return FaultRoute(system.type, method, pattern, correlation, credentials)
        case SystemType.SOAP:
            pattern = re.compile(re.escape(path) + "(/.*)?")
            return FaultRoute(system.type, "POST", pattern, correlation, credentials, operation.call)
        case SystemType.MCP:
            pattern = re.compile(re.escape(path) + "/?")
            return FaultRoute(system.type, "POST", pattern, correlation, credentials, operation.call)
        case SystemType.QUEUE:
            pattern = re.compile(re.escape(f"{path}/{operation.call}"))
            return FaultRoute(system.type, "POST", pattern, None, credentials)
        case _:
            raise InputError("a proxy for HTTP cannot stand before this system", where=f"{system.id}.{name}")


def acknowledging(route: FaultRoute) -> FaultRoute:
    """Return how requests look by which a caller of a queue says what it has read."""
    folder = route.path.pattern.rpartition("/")[0]
    return FaultRoute(route.type, route.method, re.compile(f"{folder}/ack"), None, route.credentials)
