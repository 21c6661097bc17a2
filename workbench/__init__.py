"""Workbench: takes an AI agent pilot to a go/no-go decision with evidence.

What is here is documented in docs/exploring.md; it is loaded when first used, so that the import costs
next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.evaluation.exploring import (
        ExploredRecord,
        LoadedPilot,
        RecordsByVersion,
        Trial,
        VersionComparison,
        load,
    )
    from workbench.notebooks import finish
    from workbench.pages.figures import Picture
    from workbench.words import InputError, RunError, WorkbenchError
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
