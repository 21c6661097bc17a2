"""Calls of a sandbox in this process, under a clock that stands until a test moves it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from workbench.environment.sandbox import SandboxClock, StandIn
from workbench.environment.sandbox.serving import made_systems, sandbox_app
from workbench.pilot import Pilot

NOON = 1_750_000_000.0  # 15 June 2025, 15:06:40 UTC


@dataclass(frozen=True)
class Said:
    """An answer: status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class NamedSecrets(defaultdict[str, str]):
    """A secret for every name, by which it can be told."""

    def __missing__(self, name: str) -> str:
        return f"{name.lower()}_secret"


class CalledSandbox:
    """The sandbox of a pilot without a server: `call` hands a request to its application."""

    def __init__(self, pilot: Pilot, documents: list[Mapping[str, Any]], folder: Path) -> None:
        self.secrets = NamedSecrets()
        self.folder = folder
        self.clock = SandboxClock(lambda: NOON)
        self.stand_in = StandIn(documents, "record_id", self.secrets, folder, clock=self.clock)
        self.systems = made_systems(pilot.suite / "sandbox.py", "sandbox", self.stand_in)
        self.app = sandbox_app(self.systems, self.stand_in)

    def call(
        self,
        asked: str,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        is_running: bool = False,
    ) -> Said:
        """Call `METHOD /system/path`; a body that is no bytes is sent as JSON.

        A server of tools answers only while what is to run during calls does, which can be started once.
        """
        method, _, path = asked.partition(" ")
        given = {"host": "127.0.0.1:1", "content-type": "application/json", **(headers or {})}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method,
            "path": path, "raw_path": quote(path).encode(), "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 1), "query_string": urlencode(query or {}).encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        }  # fmt: skip
        return asyncio.run(self._answered(scope, content, is_running))

    async def _answered(self, scope: dict[str, Any], content: bytes, is_running: bool) -> Said:
        sent: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(message)

        async with AsyncExitStack() as during:
            for context in self.systems.during if is_running else ():
                await during.enter_async_context(context)
            await self.app(scope, receive, send)
        start = next(one for one in sent if one["type"] == "http.response.start")
        headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Said(start["status"], headers, b"".join(one.get("body", b"") for one in sent))

    def token(self, user: str = "ERP_CLIENT_ID", secret: str = "ERP_CLIENT_SECRET") -> Said:
        """Ask the ERP for a token, with user and secret of two variables."""
        form = {"grant_type": "client_credentials", "client_id": self.secrets[user], "scope": "matching"}
        sent = urlencode({**form, "client_secret": self.secrets[secret]}).encode()
        return self.call("POST /erp/token", {"content-type": "application/x-www-form-urlencoded"}, sent)

    def as_agent(self, system: str, variable: str = "") -> dict[str, str]:
        """Return the headers by which a system knows the agent, or who has the secret in another variable."""
        if system == "ERP":
            said = self.token("ERP_FOREIGN_ID", "ERP_FOREIGN_SECRET") if variable else self.token()
            return {"authorization": f"Bearer {said.json['access_token']}"}
        if system == "VENDORS":
            user = self.secrets["VENDORS_FOREIGN_USER" if "FOREIGN" in variable else "VENDORS_USER"]
            coded = f"{user}:{self.secrets[variable or 'VENDORS_PASSWORD']}".encode()
            return {"authorization": f"Basic {base64.b64encode(coded).decode()}"}
        return {"x-api-key": self.secrets[variable or f"{system}_KEY"]}

    def soap(self, operation: str, **given: str) -> Said:
        """Call the vendors' service as the agent."""
        fields = "".join(f"<v:{name}>{value}</v:{name}>" for name, value in given.items())
        body = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v="urn:vendors"><e:Body>'
            f"<v:{operation}>{fields}</v:{operation}></e:Body></e:Envelope>"
        )
        return self.call("POST /vendors/service", self.as_agent("VENDORS"), body.encode())
