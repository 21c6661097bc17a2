"""Connections to the systems of integrations.yaml: one call of one operation at a time, never tried again here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.environment.connections.connection import Account, Answered, Asked, CallError, Connection
    from workbench.environment.connections.credentials import credentials_from_environment, credentials_of
    from workbench.environment.connections.http import Received, Sent, SystemHttp
    from workbench.environment.connections.mcp import McpConnection
    from workbench.environment.connections.opening import connected
    from workbench.environment.connections.queue import QueueConnection
    from workbench.environment.connections.reaching import ReachedSystems
    from workbench.environment.connections.rest import ListRead, RestConnection
    from workbench.environment.connections.soap import SoapConnection
    from workbench.files import CheckedAddress, allowed_address
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
