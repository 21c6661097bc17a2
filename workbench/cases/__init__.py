"""Test cases designed from the process specification, and what they would notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.cases.asking import CaseAnswer
    from workbench.cases.checking import check_cases
    from workbench.cases.coverage import coverage_table, matrix_of, missing_tokens, needed_tokens
    from workbench.cases.judging import Bench, failures_of
    from workbench.cases.junit import cases_junit
    from workbench.cases.maker import MAKER, CasesRequest
    from workbench.cases.mutants import Mutant, MutantKind, mutants_of
    from workbench.cases.paths import path_cases, path_gaps
    from workbench.cases.planted import proved_on_planted, said_of_planted
    from workbench.cases.policy import Decider, FunctionDecider, PolicyProcess, Ruling
    from workbench.cases.scoring import MutationScore, mutants_table, score
    from workbench.cases.suite import (
        Case,
        CaseClass,
        CaseRelation,
        CaseSuite,
        Expected,
        ExpectedTools,
        read_case_suite,
    )
    from workbench.cases.suites import Cases, SuiteFile, read_cases
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
