"""The design of test cases: levers, boundaries, bases, combinations, and the few cases that notice most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.cases.design.agents import designed_for_agent
    from workbench.cases.design.designing import NO_DESIGN, Design, design_cases, design_from_decisions
    from workbench.cases.design.files import write_design
    from workbench.cases.design.related import related_cases
    from workbench.cases.design.stating import with_states
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
