"""Callables of a pilot: found and identified here, run in a process of their own.

What a callable does to its process - hang, exit, run out of memory - then ends one record and no run; what it reads of
the process are its own files and the records it is handed, and no key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.agents.callables.function import PilotFunction, place_of, told
    from workbench.agents.callables.permission import check_may_ask, is_only_answered, only_answered
    from workbench.agents.callables.policy import Ruling, WrittenPolicy, written_policy
    from workbench.agents.callables.preparation import Preparation, Prepare
    from workbench.agents.callables.prepared import UnpreparedError
    from workbench.agents.callables.process import child_environment, python_module
    from workbench.agents.callables.training import training_digest
    from workbench.agents.callables.worker import CallableWorker, Failed, Task, Training, check_loads
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
