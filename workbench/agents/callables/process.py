"""How a process of ours is started that runs a pilot's code: this package, no secret, nothing else of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

from workbench.files import without_secrets

PACKAGE = Path(__file__).resolve().parents[3]


def python_module(module: str) -> list[str]:
    """Return the command that runs a module of this package, with the folder it is started in not searched."""
    return [sys.executable, "-P", "-m", module]


def child_environment(keep: Collection[str] = ()) -> dict[str, str]:
    """Return the environment of such a process: it finds this package, and of the secrets only those to keep."""
    environment = without_secrets(os.environ, keep=keep)
    paths = [str(PACKAGE), *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}
