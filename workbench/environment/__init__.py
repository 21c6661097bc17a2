"""What an agent acts on in a test: tables, tools over them, limits; and the trace of what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.environment.desk import CallsExhaustedError, DecisionAt, FunctionDone, Reach, ToolDesk
    from workbench.environment.environment import NEEDS_KEY, Environment, read_environment
    from workbench.environment.faults import ToolFault
    from workbench.environment.memory import MAX_REMEMBERED, called_as
    from workbench.environment.settings import ENVIRONMENT_FILE, IDEMPOTENCY_KEY
    from workbench.environment.telling import told_events
    from workbench.environment.tools import Tool, ToolError
    from workbench.environment.trace import (
        CallOutcome,
        Cited,
        Effect,
        Event,
        GuardEvent,
        GuardVerdict,
        LimitMet,
        MemoryUse,
        ModelCall,
        Reasoning,
        SaidBy,
        Stage,
        StateSeen,
        ToolCall,
        Trace,
        cut,
        redacted,
        reported_events,
        trace_from,
    )
    from workbench.environment.waiting import waited_for
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
