"""MLflow: experiments for each pilot, a run for each agent version, its prompts in the registry.

MLflow is an index for people who compare; nothing is read back from it. What was logged is remembered beside the
journal, so that logging the same again costs nothing, not even the import of MLflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.tracking.experiments import experiment_of, opened, set_note
    from workbench.tracking.promotion import (
        ALIASES,
        Promotion,
        current_promotions,
        promote,
        read_promotions,
        runs_by_prompt,
    )
    from workbench.tracking.registry import Registered, register_prompts
    from workbench.tracking.rows import RunRows
    from workbench.tracking.runs import DIGITS, Link, LoggedVersion, log_run, log_versions, version_from
    from workbench.tracking.store import prepare, read_logged, store_uri, write_logged
    from workbench.tracking.traces import log_traces
    from workbench.tracking.ui import opening_page, serve_tracking
    from workbench.tracking.views import RunKind
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
