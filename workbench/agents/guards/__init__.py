"""Guards: checks of ours around any agent, before it is asked and when it has decided.

A guard is a file with one class: what it goes by, its identity, and `look`. Its name stands in `workbench.pilot.guards`
and its making in `building`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.agents.guards.building import guard_files, guards_of, with_guards
    from workbench.agents.guards.guard import Asks, Guard, StepIn
    from workbench.agents.guards.guarded import DENIED, GuardedAgent
    from workbench.agents.guards.sensitive_data import personal_data_said, personal_data_shown
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
