"""A pilot's own stand-in for its systems, in a process of its own on this machine; and what such a stand-in needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.environment.sandbox.access import (
        AccountOf,
        IssuedTokens,
        account_by_key,
        account_by_password,
        user_and_password,
    )
    from workbench.environment.sandbox.clock import SandboxClock
    from workbench.environment.sandbox.database import SandboxTable, filled_database
    from workbench.environment.sandbox.gate import Gate, answer_json, headers_of, refuse_call, whole_body
    from workbench.environment.sandbox.limits import TokenBucket
    from workbench.environment.sandbox.postgresql import postgresql_programs, running_postgresql
    from workbench.environment.sandbox.running import (
        SANDBOX_FILE,
        SANDBOX_LOG,
        RunningSandbox,
        found_sandbox,
        kept_sandbox,
        running_sandbox,
        used_sandbox,
    )
    from workbench.environment.sandbox.standin import SandboxSystems, StandIn, TenantApart
    from workbench.environment.sandbox.writes import KeyUsedError, WrittenEffects, WrittenOnce
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
