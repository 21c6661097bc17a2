"""Test cases designed from the process specification, and what they would notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.cases.suite import Case, Expected, ExpectedTools, Relation, Suite, read_suite
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
