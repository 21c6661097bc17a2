"""Gates: criteria held against evidence, waivers, and the verdict."""

from __future__ import annotations

from workbench.gates.criteria import Criterion, CriterionResult, Kind, Missing
from workbench.gates.facts import Facts
from workbench.gates.reading import read_facts
from workbench.gates.schema import GATE_NUMBERS, Check, Gates, read_gates
from workbench.gates.verdict import Decision, Verdict, decide
from workbench.metrics import State
from workbench.pilot.charter.coverage import GATES_FILE

__all__ = [
    "GATES_FILE",
    "GATE_NUMBERS",
    "Check",
    "Criterion",
    "CriterionResult",
    "Decision",
    "Facts",
    "Gates",
    "Kind",
    "Missing",
    "State",
    "Verdict",
    "decide",
    "read_facts",
    "read_gates",
]
