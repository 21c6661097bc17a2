"""Queues over HTTP: a message stays in the queue until its receipt is acknowledged."""

from __future__ import annotations

from workbench.environment.connections.connection import DEADLINE_S, Answered, Asked
from workbench.environment.connections.http import Sent, SystemHttp
from workbench.environment.connections.operations import json_body, operation_of, with_key
from workbench.environment.connections.rest import JSON_TYPE


class QueueConnection:
    """A queue under one account."""

    def __init__(self, http: SystemHttp) -> None:
        self._http = http

    async def call(self, asked: Asked) -> Answered:
        """Receive the next message, None where there is none, or send one. Raises CallError."""
        operation = operation_of(self._http.system, asked.operation)
        path, headers = f"/{operation.call}", {**self._http.correlated(asked), **JSON_TYPE}
        sent = Sent("POST", path, headers, json_body(with_key(asked, operation)))
        return await self._answered(sent, asked.deadline_s)

    async def acknowledge(self, message: int, deadline_s: float = DEADLINE_S) -> Answered:
        """Say that a message was received and is not to be delivered again. Raises CallError."""
        return await self._answered(Sent("POST", "/ack", JSON_TYPE, json_body({"message": message})), deadline_s)

    async def close(self) -> None:
        """Leave the queue."""
        await self._http.close()

    async def _answered(self, sent: Sent, deadline_s: float) -> Answered:
        received = await self._http.send(sent, deadline_s)
        content = self._http.json_of(received)
        return Answered(content, str(received.status), received.latency_s, received.headers)
