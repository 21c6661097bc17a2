"""Gates: criteria held against evidence, waivers, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.gates.ci import CiSystem, ci_text, write_ci
    from workbench.gates.criteria import Criterion, CriterionResult, Kind
    from workbench.gates.facts import GateFacts
    from workbench.gates.freshness import NotebookInputs
    from workbench.gates.judging import asked_criteria
    from workbench.gates.junit import junit_xml
    from workbench.gates.reading import read_facts
    from workbench.gates.schema import GATE_NUMBERS, Gates, default_gates, read_gates
    from workbench.gates.summary import markdown_summary
    from workbench.gates.verdict import GateDecision, Verdict, decide
    from workbench.gates.waivers import WaiverSettings, waive
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
