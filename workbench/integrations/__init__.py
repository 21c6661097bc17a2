"""Integrations measured: every declared line against the systems' sandbox, and an agent under their faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.integrations.access_tests import ACCESS, AccessRequest, matrix_of_trials, open_trials
    from workbench.integrations.faults import FAULTS, FaultsRequest, acting_agent, ended_otherwise, worst_first
    from workbench.integrations.lines import LineKind, LineVerdict, ProbeLine, kind_of, lines_table
    from workbench.integrations.maker import MAKER, ProbeRequest
    from workbench.integrations.numbers import estimates_of_lines, integration_findings, matrix_of_lines, open_lines
    from workbench.integrations.probe import ProbeBudget, probe_systems
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
