"""The vendor master data of the sandbox: a SOAP service with its WSDL."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from workbench.environment.sandbox import StandIn, headers_of, whole_body

NAMESPACE, ENVELOPE = "urn:vendors", "http://schemas.xmlsoap.org/soap/envelope/"
VENDOR = ("vendor_id", "vendor_name", "vendor_country", "vendor_status", "master_tax_id")
OPERATIONS = {  # what each takes and gives
    "GetVendor": (("vendor_id",), (*VENDOR, "valid_from")),
    "ChangeBankAccount": (("vendor_id", "iban"), ("done",)),
    "DeleteVendor": (("vendor_id",), ("done",)),
}


class SoapFaultError(Exception):
    """A fault with its code."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


def operation_in(body: bytes) -> str:
    """Return the operation that a message calls, "" where it calls none that there is."""
    try:
        return asked_in(body)[0]
    except SoapFaultError:
        return ""


def asked_in(body: bytes) -> tuple[str, dict[str, str]]:
    """Return the operation that a message calls, and its arguments. Raises SoapFaultError."""
    if b"<!DOCTYPE" in body:
        raise SoapFaultError("Client", "a message has no document type")
    try:
        asked = ElementTree.fromstring(body).find(f"{{{ENVELOPE}}}Body/*")
    except ElementTree.ParseError as error:
        raise SoapFaultError("Client", f"the message is no XML: {error}") from None
    name = "" if asked is None else asked.tag.removeprefix(f"{{{NAMESPACE}}}")
    if asked is None or name not in OPERATIONS:
        raise SoapFaultError("Client", "the message calls no operation of this service")
    given = {one.tag.removeprefix(f"{{{NAMESPACE}}}"): one.text or "" for one in asked}
    if set(given) != set(OPERATIONS[name][0]):
        raise SoapFaultError("Client", f"{name} takes {', '.join(OPERATIONS[name][0])}")
    return name, given


class VendorService:
    """The service, an ASGI application."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a call."""
        headers = headers_of(scope)
        where = f"{scope.get('scheme', 'http')}://{headers.get('host', '127.0.0.1')}{scope.get('root_path', '')}"
        path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
        if (scope["method"], path) == ("GET", "/service.wsdl"):
            await say(send, 200, description(f"{where}/service"))
            return
        if (scope["method"], path) != ("POST", "/service"):
            await say(send, 404, "")
            return
        try:
            name, given = asked_in(await whole_body(receive))
            done = await self.call(name, given, headers.get("x-correlation-id", ""))
        except SoapFaultError as fault:
            said = f"<faultcode>soapenv:{fault.code}</faultcode><faultstring>{escape(fault.why)}</faultstring>"
            await say(send, 500, envelope(f"<soapenv:Fault>{said}</soapenv:Fault>"))
        else:
            fields = "".join(f"<v:{field}>{escape(value)}</v:{field}>" for field, value in done.items())
            await say(send, 200, envelope(f'<v:{name}Response xmlns:v="{NAMESPACE}">{fields}</v:{name}Response>'))

    async def call(self, name: str, given: Mapping[str, str], correlation: str) -> dict[str, str]:
        """Do what an operation does. Raises SoapFaultError."""
        document = self.stand_in.as_of(correlation, vendor_id=given["vendor_id"])
        if document is None:
            raise SoapFaultError("Client.NotFound", "there is no such vendor")
        if name == "GetVendor":
            return self.vendor(document)
        self.stand_in.written.add("VENDORS", name, given, correlation)
        return {"done": "true"}

    def vendor(self, document: Mapping[str, Any]) -> dict[str, str]:
        """Return a vendor as a document found it."""
        cells = {name: "" if document[name] is None else str(document[name]) for name in VENDOR}
        return {**cells, "valid_from": document["received_at"][:10]}


def envelope(content: str) -> str:
    """Return a message around some content."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{ENVELOPE}"><soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>'
    )


async def say(send: Any, status: int, content: str) -> None:
    """Answer with XML."""
    body = content.encode()
    headers = [(b"content-type", b"text/xml; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def description(address: str) -> str:
    """Return the WSDL of the service at an address."""
    elements, messages, operations, bindings = [], [], [], []
    for name, (takes, gives) in OPERATIONS.items():
        for element, fields in ((name, takes), (f"{name}Response", gives)):
            listed = "".join(f'<x:element name="{field}" type="x:string"/>' for field in fields)
            kind = f"<x:complexType><x:sequence>{listed}</x:sequence></x:complexType>"
            elements.append(f'<x:element name="{element}">{kind}</x:element>')
            messages.append(f'<message name="{element}"><part name="body" element="v:{element}"/></message>')
        ways = f'<input message="v:{name}"/><output message="v:{name}Response"/>'
        operations.append(f'<operation name="{name}">{ways}</operation>')
        literal = '<input><s:body use="literal"/></input><output><s:body use="literal"/></output>'
        action = f'<s:operation soapAction="{NAMESPACE}/{name}" style="document"/>'
        bindings.append(f'<operation name="{name}">{action}{literal}</operation>')
    return (
        f'<?xml version="1.0" encoding="utf-8"?><definitions name="Vendors" targetNamespace="{NAMESPACE}"'
        ' xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"'
        f' xmlns:v="{NAMESPACE}" xmlns:x="http://www.w3.org/2001/XMLSchema">'
        f'<types><x:schema targetNamespace="{NAMESPACE}" elementFormDefault="qualified">{"".join(elements)}</x:schema>'
        f'</types>{"".join(messages)}<portType name="VendorPort">{"".join(operations)}</portType>'
        '<binding name="VendorBinding" type="v:VendorPort">'
        f'<s:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>{"".join(bindings)}</binding>'
        '<service name="VendorService"><port name="VendorPort" binding="v:VendorBinding">'
        f'<s:address location="{escape(address)}"/></port></service></definitions>'
    )
