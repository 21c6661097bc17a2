"""MLflow: an experiment for each pilot, a run for each agent version, its prompts in the registry.

MLflow is an index for people who compare; nothing is read back from it. What was logged is remembered beside the
journal, so that logging the same again costs nothing, not even the import of MLflow.
"""

from __future__ import annotations

from workbench.tracking.promotion import (
    ALIASES,
    Promotion,
    current_promotions,
    promote,
    read_promotions,
    runs_by_prompt,
)
from workbench.tracking.registry import Registered, register_prompts
from workbench.tracking.runs import Link, Version, log_versions, version_from
from workbench.tracking.store import prepare, store_uri

__all__ = [
    "ALIASES",
    "Link",
    "Promotion",
    "Registered",
    "Version",
    "current_promotions",
    "log_versions",
    "prepare",
    "promote",
    "read_promotions",
    "register_prompts",
    "runs_by_prompt",
    "store_uri",
    "version_from",
]
