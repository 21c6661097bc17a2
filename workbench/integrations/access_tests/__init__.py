"""Access tried with the agent's own service account: what nobody granted, and whether it was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.integrations.access_tests.maker import ACCESS, AccessRequest
    from workbench.integrations.access_tests.running import AccessBudget, try_access
    from workbench.integrations.access_tests.trials import AccessVerdict, matrix_of_trials, open_trials, trials_table
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
