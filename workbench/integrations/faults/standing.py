"""What stands between an agent and a sandbox, and how calls of each operation are made to meet a fault there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlsplit

from workbench.environment.connections import Connection, ReachedSystems, allowed_address, connected
from workbench.environment.proxy import (
    HTTP_FAULTS,
    ArmedFault,
    FaultKind,
    FaultProxy,
    FiredFault,
    LosingConnection,
    route_of,
)
from workbench.environment.sandbox import RunningSandbox
from workbench.pilot.integrations import Inventory, Operation, System, SystemType, placed_address

DEADLINE_S = 0.5  # for which an answer is waited for under faults; a sandbox answers in some ms
KNOWN_AS = "sandbox behind fault proxies"
HOLDS = 3.0  # times as long a caller that waits is waited for
OVER_HTTP = (SystemType.REST, SystemType.SOAP, SystemType.QUEUE, SystemType.MCP)


@dataclass(frozen=True, slots=True)
class Breakable:
    """An operation whose calls can be made to meet a fault.

    Parameters
    ----------
    kinds : tuple of FaultKind
        Those that its calls can meet.
    arm, disarm : callable
    ledger : list of FiredFault
    """

    system: System
    name: str
    operation: Operation
    kinds: tuple[FaultKind, ...]
    arm: Callable[[ArmedFault], None]
    disarm: Callable[[], None]
    ledger: list[FiredFault]


@dataclass(frozen=True, slots=True)
class FaultedSystems(ReachedSystems):
    """Systems behind proxies; connections to databases can be lost.

    Parameters
    ----------
    losing : mapping of str to LosingConnection
        By system.
    """

    losing: Mapping[str, LosingConnection] = field(default_factory=dict)

    def connection(self, system: System) -> Connection:
        """Return the connection to a system."""
        return self.losing.get(system.id) or ReachedSystems.connection(self, system)


@dataclass(frozen=True, slots=True)
class Between:
    """What stands between an agent and its systems.

    Parameters
    ----------
    reached : FaultedSystems
        What an agent goes through; its inventory has the proxies' addresses in place of the systems' own.
    breakable : mapping of str to Breakable
        By tool of environment.yaml.
    proxies : mapping of str to FaultProxy
        By system, where it is reached over HTTP.
    """

    reached: FaultedSystems
    breakable: Mapping[str, Breakable]
    proxies: Mapping[str, FaultProxy]


@asynccontextmanager
async def standing_between(inventory: Inventory, sandbox: RunningSandbox) -> AsyncIterator[Between]:
    """Put a proxy before every server until the block ends.

    Raises
    ------
    InputError
        An address may not be reached, or a credential is not there.
    """
    hosts = inventory.settings.sandbox.hosts
    async with AsyncExitStack() as stack:
        at_origin: dict[str, FaultProxy] = {}
        systems, proxies = [], {}
        for system in inventory.settings.systems:
            if system.type not in OVER_HTTP or system.sandbox is None:
                systems.append(system)
                continue
            address = allowed_address(placed_address(system.sandbox, sandbox.places), hosts)
            if address.origin not in at_origin:
                proxy = FaultProxy(address.origin, hold_s=HOLDS * DEADLINE_S)
                at_origin[address.origin] = await stack.enter_async_context(proxy)
            proxies[system.id] = at_origin[address.origin]
            behind = proxies[system.id].address + urlsplit(address.url).path
            systems.append(system.model_copy(update={"sandbox": behind}))
        settings = inventory.settings.model_copy(update={"systems": tuple(systems)})
        placed = replace(inventory, settings=settings)
        losing = {
            system.id: LosingConnection(connected(system, sandbox.places, sandbox.secrets, hosts=hosts), system)
            for system in {system.id: system for system, _, _ in placed.behind_tools().values()}.values()
            if system.type is SystemType.SQL
        }
        # unpaced: the sandbox's clock goes forward between records, so that no rate is reached
        reached = FaultedSystems(
            placed, sandbox.places, sandbox.secrets, KNOWN_AS, is_paced=False, deadline_s=DEADLINE_S, losing=losing
        )
        yield Between(reached, _breakable(reached, proxies), proxies)


def _breakable(reached: FaultedSystems, proxies: Mapping[str, FaultProxy]) -> dict[str, Breakable]:
    """Return the operations behind tools whose calls can be made to meet a fault, by tool."""
    found = {}
    for tool, (system, name, operation) in reached.inventory.behind_tools().items():
        if system.id in proxies:
            proxy, route = proxies[system.id], route_of(system, name, operation, str(system.sandbox))
            arm = partial(proxy.arm, route=route)
            found[tool] = Breakable(system, name, operation, HTTP_FAULTS, arm, proxy.disarm, proxy.ledger)
        elif system.id in reached.losing:
            losing, lost = reached.losing[system.id], (FaultKind.CONNECTION_LOST,)
            found[tool] = Breakable(system, name, operation, lost, losing.arm, losing.disarm, losing.ledger)
    return found
