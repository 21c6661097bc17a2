"""Test cases designed from the process specification, and what they would notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.cases.mutants import Mutant, MutantKind, mutants_of
    from workbench.cases.policy import Decider, FunctionDecider, PolicyProcess, Ruling
    from workbench.cases.scoring import MutationScore, records_of_cases, score
    from workbench.cases.suite import Case, CaseClass, Expected, ExpectedTools, Relation, Suite, read_suite
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
