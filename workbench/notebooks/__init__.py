"""Notebooks: found, checked, run in a kernel of their own, and believed only when they reached their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.notebooks.catalogue import find_notebook, packaged_notebook
    from workbench.notebooks.execution import execute_many
    from workbench.notebooks.job import Limits, NotebookJob, NotebookResult
    from workbench.notebooks.result import finish, read_finish
    from workbench.notebooks.session import OnCell
    from workbench.notebooks.source import ParameterValue, read_source
    from workbench.notebooks.working import working_copies
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
