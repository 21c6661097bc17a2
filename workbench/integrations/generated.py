"""A REST system held against its own OpenAPI description: generated calls by Schemathesis, within the declared rate.

Source: Schemathesis 4 as a library. Its own runner stops an operation at its first failure, follows redirects and knows
no declared rate, so cases are drawn here, sent by the system's connection, and each answer is checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.environment.connections import (
    Account,
    CallError,
    Received,
    Sent,
    SystemHttp,
    allowed_address,
    credentials_of,
)
from workbench.integrations.asking import asked_about
from workbench.integrations.declared import AS_DESCRIBED
from workbench.integrations.drawing import drawing_settings
from workbench.integrations.lines import LineVerdict
from workbench.integrations.listing import Listing, same_call
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import Operation, OperationEffect, placed_address
from workbench.words import readable

DRAWN = 12  # cases of an operation
KNOWN = 4  # of them such as are known to fit, from records
FEWEST_GOOD = 0.5  # of those, or nothing is said of an operation
# Not held against a system: no right, no room, and what HTTP says of a request that is none.
ANYWHERE = (400, 401, 403, 405, 411, 413, 414, 415, 429, 431)
DEADLINE_S = 5.0


@dataclass(slots=True)
class DrawnCases:
    """What came of the cases of an operation."""

    n: int = 0
    n_known: int = 0
    n_good: int = 0
    faults: list[str] = field(default_factory=list)


async def measure_description(probed: Probed, listing: Listing | None, budget_s: float) -> None:
    """Draw cases of every granted operation and check each answer; writes only where all can be taken back."""
    if listing is None or listing.openapi is None:
        return
    names = {same_call(one.call): name for name, one in probed.system.operations.items()}
    loop, until = asyncio.get_running_loop(), time.monotonic() + budget_s
    system, reach = probed.system, probed.caller.reach
    address = allowed_address(placed_address(system.sandbox or "", reach.places), reach.hosts)
    http = SystemHttp(system, address, credentials_of(system.auth, reach.secrets, Account.OWN), renews=True)
    try:
        for name, operation in _operations(listing.openapi, names):
            if system.operations[name].effect is OperationEffect.WRITE and not probed.caller.clock.takes_back:
                probed.sheet.put(name, AS_DESCRIBED, LineVerdict.NOT_MEASURED, "", 0, "what it writes would stay")
                continue
            drawing = _Drawing(probed, http, loop, until)
            _judge(probed, name, await asyncio.to_thread(drawing.draw, name, operation))
    finally:
        await http.close()


def _operations(openapi: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield the granted operations of a description, as Schemathesis has them."""
    import schemathesis

    schema = schemathesis.openapi.from_dict(dict(openapi))
    for result in schema.get_all_operations():
        operation = result.ok()
        name = names.get(same_call(f"{operation.method.upper()} {operation.path}")) if operation is not None else None
        if name is not None:
            yield name, operation


def _judge(probed: Probed, name: str, drawn: DrawnCases) -> None:
    if drawn.faults:
        said = f"{len(drawn.faults)} of {drawn.n} answers otherwise"
        probed.sheet.put(name, AS_DESCRIBED, LineVerdict.DEVIATES, said, drawn.n, drawn.faults[0])
    elif not drawn.n:
        probed.sheet.put(name, AS_DESCRIBED, LineVerdict.NOT_MEASURED, "", 0, "the time of the probe was over")
    elif drawn.n_known and drawn.n_good < FEWEST_GOOD * drawn.n_known:
        said = f"{drawn.n_good} of {drawn.n_known} known calls answered well"
        probed.sheet.put(name, AS_DESCRIBED, LineVerdict.UNCLEAR, said, drawn.n, "most answers were no 2xx")
    else:
        probed.sheet.put(name, AS_DESCRIBED, LineVerdict.KEPT, f"{drawn.n} answers", drawn.n)


class _Drawing:
    """Draws and sends the cases of an operation; runs in a thread, and calls by the probe's own loop."""

    def __init__(self, probed: Probed, http: SystemHttp, loop: asyncio.AbstractEventLoop, until: float) -> None:
        self._probed, self._http, self._loop, self._until = probed, http, loop, until

    def draw(self, name: str, operation: Any) -> DrawnCases:
        """Return what came of an operation's cases: those of records first, then drawn ones, always the same."""
        import hypothesis

        drawn, declared = DrawnCases(), self._probed.system.operations[name]
        for record in self._probed.records.some(KNOWN):
            case = _case_of(operation, name, declared, record, self._probed.key(name, record, "drawn"))
            self._write_before(name, record)
            drawn.n_known += 1
            drawn.n_good += 200 <= self._check(case, drawn) < 300
            if declared.undo is not None:
                self._quietly(declared.undo, record)

        def one(case: Any) -> None:
            if time.monotonic() < self._until:
                self._check(case, drawn)

        chosen = drawing_settings(DRAWN - KNOWN)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what cannot be drawn
            logging.getLogger("hypothesis").setLevel(logging.ERROR)
            chosen(hypothesis.given(case=operation.as_strategy())(one))()
        return drawn

    def _check(self, case: Any, drawn: DrawnCases) -> int:
        """Send a case and note what its answer shows; return the status, 0 where none came."""
        import requests
        from schemathesis import checks
        from schemathesis.core.failures import Failure, FailureGroup
        from schemathesis.core.transport import Response

        prepared = requests.Request(**_plain(case.as_transport_kwargs(base_url=self._http.address.url))).prepare()
        received = self._sent(prepared)
        drawn.n += 1
        if received is None:
            drawn.faults.append(f"{case.method} {readable(case.formatted_path, 60)}: no whole answer")
            return 0
        headers = {name: [value] for name, value in received.headers.items()}
        response = Response(received.status, headers, received.body, prepared, received.latency_s, verify=False)
        if received.status in ANYWHERE:
            return received.status
        try:
            case.validate_response(response, checks=_checks(checks))
        except (Failure, FailureGroup) as error:
            faults = error.exceptions if isinstance(error, FailureGroup) else (error,)
            said = "; ".join(readable(getattr(one, "title", "") or str(one), 80) for one in faults)
            drawn.faults.append(f"{case.method} {readable(case.formatted_path, 60)} gives {received.status}: {said}")
        return received.status

    def _sent(self, prepared: Any) -> Received | None:
        path = prepared.url.removeprefix(self._http.address.url)
        headers = {name: value for name, value in prepared.headers.items() if name.lower() != "content-length"}
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body

        async def send() -> Received:
            await self._probed.caller.room()
            return await self._http.send(Sent(prepared.method, path, headers, body), DEADLINE_S)

        try:
            return asyncio.run_coroutine_threadsafe(send(), self._loop).result()
        except CallError:
            return None

    def _write_before(self, name: str, record: Mapping[str, str]) -> None:
        """Write what an operation takes back, so that there is something."""
        for writing, one in self._probed.system.operations.items():
            if one.undo == name:
                self._quietly(writing, record)

    def _quietly(self, name: str, record: Mapping[str, str]) -> None:
        """Call an operation for a record whatever comes of it: it prepares, or takes back."""
        asked = asked_about(name, self._probed.system.operations[name], record)

        async def call() -> None:
            with contextlib.suppress(CallError):
                await self._probed.caller.call(replace(asked, key=self._probed.key(name, record, "prepared")))

        asyncio.run_coroutine_threadsafe(call(), self._loop).result()


def _checks(checks: Any) -> list[Any]:
    """Return what an answer is checked for: no fault of the server, a documented status, type and form."""
    from schemathesis.specs.openapi import checks as of_openapi

    return [
        checks.not_a_server_error,
        of_openapi.status_code_conformance,
        of_openapi.content_type_conformance,
        of_openapi.response_schema_conformance,
    ]


def _case_of(operation: Any, name: str, declared: Operation, record: Mapping[str, str], key: str) -> Any:
    """Return a case that is known to fit: a call for a record."""
    asked = asked_about(name, declared, record)
    in_path = {one: str(value) for one, value in asked.arguments.items() if "{" + one + "}" in declared.call}
    others = {one: value for one, value in asked.arguments.items() if one not in in_path}
    headers = {} if declared.idempotency_key is None else {declared.idempotency_key: key}
    if operation.method.upper() in ("POST", "PUT", "PATCH"):
        body = {one: value if isinstance(value, str) else float(value) for one, value in others.items()}
        return operation.Case(path_parameters=in_path, headers=headers, body=body, media_type="application/json")
    return operation.Case(path_parameters=in_path, headers=headers, query={k: str(v) for k, v in others.items()})


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a case's transport a plain request takes."""
    taken = ("method", "url", "headers", "params", "data", "json", "cookies")
    return {name: value for name, value in given.items() if name in taken}
