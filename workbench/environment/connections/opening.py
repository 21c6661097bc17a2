"""The connection to a system of integrations.yaml, by its type."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from workbench.environment.connections.connection import Account, Connection
from workbench.environment.connections.credentials import credentials_of
from workbench.environment.connections.http import SystemHttp
from workbench.environment.connections.queue import QueueConnection
from workbench.environment.connections.rest import RestConnection
from workbench.files import allowed_address
from workbench.pilot.integrations import System, SystemType, placed_address
from workbench.words import InputError


def connected(
    system: System,
    places: Mapping[str, str],
    secrets: Mapping[str, str],
    account: Account = Account.OWN,
    *,
    hosts: Collection[str] = (),
    renews: bool = True,
) -> Connection:
    """Return a connection to a system's sandbox; nothing is sent before its first call.

    Parameters
    ----------
    system : System
    places : mapping of str to str
        What `{sandbox}`, `{folder}` and `{database}` stand for.
    secrets : mapping of str to str
        Values of the variables that integrations.yaml names.
    account : Account
        Whose credentials are used.
    hosts : collection of str
        Private hosts besides this machine that may be reached.
    renews : bool
        Whether a token that expires is renewed.

    Raises
    ------
    InputError
        The system has no type or sandbox, its address may not be reached, or a credential is not there.
    """
    if system.type is None or system.sandbox is None:
        missing = "type" if system.type is None else "sandbox"
        raise InputError(f"{system.id} cannot be reached: it has no {missing}", remedy=f"say its {missing}")
    address = placed_address(system.sandbox, places)
    credentials = credentials_of(system.auth, secrets, account)
    if system.type is SystemType.FILE:
        from workbench.environment.connections.files import FileConnection

        return FileConnection(system, Path(address))
    if system.type is SystemType.SQL:
        from workbench.environment.connections.sql import SqlConnection, database_url

        return SqlConnection(system, database_url(address, places.get("folder"), credentials, hosts))
    return _over_http(system, SystemHttp(system, allowed_address(address, hosts), credentials, renews=renews))


def _over_http(system: System, http: SystemHttp) -> Connection:
    """Return the connection to a system that is reached over HTTP."""
    if system.type is SystemType.SOAP:
        from workbench.environment.connections.soap import SoapConnection

        return SoapConnection(http)
    if system.type is SystemType.MCP:
        from workbench.environment.connections.mcp import McpConnection

        return McpConnection(http)
    return QueueConnection(http) if system.type is SystemType.QUEUE else RestConnection(http)
