"""Systems with a SOAP interface: messages made as the WSDL says, answers read as text, faults by their code."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import zeep
from lxml import etree
from zeep.exceptions import Fault
from zeep.transports import Transport

from workbench.environment.connections.connection import Answered, Asked, CallError
from workbench.environment.connections.http import ANSWER, MAX_DETAIL, TIMEOUT, Received, Sent, SystemHttp
from workbench.environment.connections.operations import operation_of, rows_in, with_key
from workbench.words import InputError

LOADING_S = 30.0  # for the WSDL and what it imports
WITH_FAULT = (200, 400, 500)  # statuses with which a fault comes; others say themselves what is wrong
XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class SoapConnection:
    """A SOAP interface under one account; what its WSDL describes is read at the first call."""

    def __init__(self, http: SystemHttp) -> None:
        self._http = http
        self._loading: asyncio.Task[_Service] | None = None

    async def call(self, asked: Asked) -> Answered:
        """Call an operation once. Raises CallError where it does not end well."""
        operation = operation_of(self._http.system, asked.operation)
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            async with asyncio.timeout(asked.deadline_s):
                service = await self._loaded()
                sent = await asyncio.to_thread(service.asked, operation.call, with_key(asked, operation))
        except TimeoutError:
            raise CallError(TIMEOUT, "its WSDL was not read in time", loop.time() - start) from None
        sent = Sent(sent.method, sent.path, {**sent.headers, **self._http.correlated(asked)}, sent.body, at_origin=True)
        received = await self._http.send(sent, asked.deadline_s - (loop.time() - start))
        said = await asyncio.to_thread(service.answered, operation.call, received)
        content = rows_in(said, operation.rows, received.latency_s)
        return Answered(content, str(received.status), received.latency_s, received.headers)

    async def close(self) -> None:
        """Leave the system."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        await self._http.close()

    async def _loaded(self) -> _Service:
        """Return the service; it is read once, and again only where that failed."""
        if self._loading is None or (self._loading.done() and self._loading.exception() is not None):
            self._loading = asyncio.create_task(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> _Service:
        loop, described_by = asyncio.get_running_loop(), self._http.system.described_by
        if described_by is None:
            raise InputError(f"{self._http.system.id} has no WSDL", remedy="say its path in `described_by:`")
        transport = _SameHost(self._http, loop)
        return await asyncio.to_thread(_Service, self._http, transport, f"{self._http.address.url}{described_by}")


class _SameHost(Transport):  # type: ignore[misc]
    """Loads WSDL and schemas from the system's own host, by its connection."""

    def __init__(self, http: SystemHttp, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._http, self._loop = http, loop

    def load(self, url: str) -> bytes:
        """Return what stands at an address of the system. Raises CallError for any other."""
        parts, origin = urlsplit(url), self._http.address.origin
        if f"{parts.scheme}://{parts.netloc}" != origin:
            raise CallError("address", f"its WSDL refers to {url[:MAX_DETAIL]}, which is not read", 0.0)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        asking = self._http.send(Sent("GET", path, at_origin=True), LOADING_S)
        received = asyncio.run_coroutine_threadsafe(asking, self._loop).result()
        if not 200 <= received.status < 300:
            raise self._http.refusal(received)
        return received.body


class _Service:
    """What a WSDL says of messages; the address in it counts by its path only, so that none leads elsewhere."""

    def __init__(self, http: SystemHttp, transport: Transport, wsdl: str) -> None:
        self._http = http
        try:
            self._client = zeep.Client(wsdl, transport=transport)
            self._service = self._client.service
        except (zeep.exceptions.Error, etree.LxmlError, ValueError, OSError) as error:
            raise CallError(ANSWER, f"its WSDL cannot be read: {error}"[:MAX_DETAIL], 0.0) from None
        self._path = urlsplit(str(self._service._binding_options["address"])).path

    def asked(self, name: str, arguments: dict[str, Any]) -> Sent:
        """Return the request of an operation. Raises CallError where an argument does not fit."""
        binding = self._service._binding
        try:
            envelope, headers = binding._create(name, (), arguments, client=self._client)
        except (zeep.exceptions.Error, ValueError, TypeError) as error:
            raise CallError("argument", str(error)[:MAX_DETAIL], 0.0) from None
        body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        return Sent("POST", self._path, {str(key): str(value) for key, value in headers.items()}, body)

    def answered(self, name: str, received: Received) -> Any:
        """Return the fields of an answer, as the system writes them. Raises CallError for a fault."""
        if received.status not in WITH_FAULT or not received.body:
            raise self._http.refusal(received)
        try:
            document = etree.fromstring(received.body, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as error:
            if received.status != 200:
                raise self._http.refusal(received) from None
            raise CallError(ANSWER, f"the answer is no XML: {error}"[:MAX_DETAIL], received.latency_s) from None
        binding = self._service._binding
        body = document.find("soap-env:Body", namespaces=binding.nsmap)
        if body is None or len(body) == 0:
            raise CallError(ANSWER, "the answer has no SOAP body", received.latency_s)
        try:
            if body.find("soap-env:Fault", namespaces=binding.nsmap) is not None:
                binding.process_error(document, binding.get(name))
            binding.get(name).process_reply(document)
        except Fault as fault:
            code = str(fault.code or "").rpartition(":")[2] or str(received.status)
            raise CallError(code, str(fault.message or "")[:MAX_DETAIL], received.latency_s) from None
        except (zeep.exceptions.Error, ValueError, TypeError, ArithmeticError) as error:
            detail = f"the answer does not fit the WSDL: {error}"
            raise CallError(ANSWER, detail[:MAX_DETAIL], received.latency_s) from None
        return _unwrapped(_fields(body[0]))


def _fields(element: Any) -> Any:
    """Return an element's children by name, those of one name as a list, or its text."""
    if element.get(XSI_NIL) in ("true", "1"):
        return None
    children = [one for one in element if isinstance(one.tag, str)]
    if not children:
        return element.text or ""
    found: dict[str, Any] = {}
    names = [etree.QName(one).localname for one in children]
    for name, child in zip(names, children, strict=True):
        if names.count(name) > 1:
            found.setdefault(name, []).append(_fields(child))
        else:
            found[name] = _fields(child)
    return found


def _unwrapped(fields: Any) -> Any:
    """Return what an answer holds that is only there to hold it."""
    while isinstance(fields, dict) and len(fields) == 1 and isinstance(inner := next(iter(fields.values())), dict):
        fields = inner
    return fields
