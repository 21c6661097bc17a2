"""A proxy of ours between connections and a system: it forwards everything, and does one fault where it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.environment.proxy.kinds import HTTP_FAULTS, QUEUE_FAULTS, ArmedFault, FaultKind, FiredFault
    from workbench.environment.proxy.losing import LosingConnection
    from workbench.environment.proxy.proxy import FaultProxy
    from workbench.environment.proxy.routes import FaultRoute, acknowledging, route_of
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
