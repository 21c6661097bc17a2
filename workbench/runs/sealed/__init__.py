"""Holdout records answered in a process of their own, in a folder that holds no label of them.

The process gets the records as an agent sees them, the agent's own files and those that pilot.yaml says it reads, and
neither the signing key nor any other key but that of the server its engine asks. What a determined program can still
reach, as it runs as the same user, is said in docs/evidence.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.runs.sealed.asking import Question, Repeat, answer_sealed, asked_agent
    from workbench.runs.sealed.folder import NOT_THERE, UNDECLARED
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
