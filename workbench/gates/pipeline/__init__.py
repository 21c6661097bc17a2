"""The run of a pilot: its notebooks in order, those kept that nothing has changed for, and versions in MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.gates.pipeline.names import AUDIT, EVALUATION, ITERATION, NOTEBOOKS
    from workbench.gates.pipeline.running import (
        PilotResult,
        PilotRun,
        execute_notebooks,
        kept_result,
        notebooks_of,
        run_audit,
        run_pilot,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
