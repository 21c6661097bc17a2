"""What a sandbox holds, and its clock: the paths that are there for tests alone."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any

from workbench.environment.connections import CheckedAddress, allowed_address
from workbench.environment.sandbox import RunningSandbox
from workbench.integrations.faults.outcomes import HeldEffect, canonical
from workbench.pilot.integrations import Inventory, placed_address
from workbench.words import InputError, RunError

ANSWERING_S = 10.0
BETWEEN_S = 1.0  # by which the clock goes forward between records, so that no rate of a system is reached
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SandboxBooks:
    """What the systems of a sandbox hold of what an agent did there.

    Parameters
    ----------
    inventory : Inventory
    sandbox : RunningSandbox

    Raises
    ------
    InputError
        integrations.yaml does not say where it can be read, or that may not be reached.
    """

    def __init__(self, inventory: Inventory, sandbox: RunningSandbox) -> None:
        settings = inventory.settings.sandbox
        if settings.written is None:
            raise InputError(
                "nothing says what the sandbox holds after a fault",
                where=f"{inventory.path}, sandbox.written",
                remedy="name the address that lists what was written (docs/how_to/integrations.md)",
            )
        self._written = _reached(settings.written, inventory, sandbox)
        self._clock = None if settings.clock is None else _reached(settings.clock, inventory, sandbox)

    async def held(self) -> tuple[HeldEffect, ...]:
        """Return every effect since all was taken back, in order."""
        said = await _asked("GET", self._written)
        try:
            return tuple(
                HeldEffect(f"{one['system']}.{one['operation']}", canonical(one["content"])) for one in said["written"]
            )
        except (KeyError, TypeError) as error:
            raise _not_told(self._written, str(error)) from None

    async def take_back(self) -> None:
        """Take every effect back, and let the clock go a little forward."""
        await _asked("DELETE", self._written)
        await self.wait(BETWEEN_S)

    async def wait(self, seconds: float) -> bool:
        """Let the clock go forward; return whether there is one."""
        if self._clock is None:
            return False
        await _asked("POST", self._clock, {"advance_s": seconds})
        return True


def _reached(address: str, inventory: Inventory, sandbox: RunningSandbox) -> CheckedAddress:
    placed = placed_address(address, sandbox.places)
    return allowed_address(placed, inventory.settings.sandbox.hosts)


async def _asked(method: str, address: CheckedAddress, content: Any = None) -> Any:
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(
        address.url, data=body, method=method, headers={"Content-Type": "application/json"}
    )

    def answered() -> bytes:
        with _DIRECT.open(request, timeout=ANSWERING_S) as said:
            content: bytes = said.read()
            return content

    try:
        return json.loads(await asyncio.to_thread(answered) or b"null")
    except (OSError, ValueError) as error:
        raise _not_told(address, str(error)) from None


def _not_told(address: CheckedAddress, got: str) -> RunError:
    return RunError("the sandbox does not say what it holds", where=address.url, got=got[:200])
