"""Notebooks: found, checked, run in a kernel of their own, and believed only when they reached their end."""

from workbench.notebooks.catalogue import find_notebook, notebook_names
from workbench.notebooks.execution import execute, execute_many
from workbench.notebooks.job import Limits, NotebookJob, NotebookResult
from workbench.notebooks.result import Finish, finish, read_finish
from workbench.notebooks.session import OnCell
from workbench.notebooks.source import Parameter, read_source
from workbench.notebooks.working import WorkingCopies, working_copies

__all__ = [
    "Finish",
    "Limits",
    "NotebookJob",
    "NotebookResult",
    "OnCell",
    "Parameter",
    "WorkingCopies",
    "execute",
    "execute_many",
    "find_notebook",
    "finish",
    "notebook_names",
    "read_finish",
    "read_source",
    "working_copies",
]
