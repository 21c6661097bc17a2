"""Workbench: takes an AI agent pilot to a go/no-go decision with evidence.

The names below are loaded when they are first used, so `import workbench` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "EngineChoice": "engines",
    "Evaluation": "evaluation",
    "InputError": "words",
    "RunError": "words",
    "RunRequest": "runs",
    "ScriptedEngine": "engines",
    "Split": "records.splits",
    "WorkbenchError": "words",
    "answered_by": "engines",
    "chosen": "evaluation.versions",
    "evaluate": "evaluation",
    "evaluate_all": "evaluation",
    "finish": "notebooks",
    "open_pilot": "pilot",
    "paired_differences": "evaluation.versions",
    "read_dataset": "records.splits",
    "records_behind": "evaluation.versions",
    "stored_evaluations": "evaluation.versions",
    "tried_versions": "evaluation.versions",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    return getattr(import_module(f"workbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
