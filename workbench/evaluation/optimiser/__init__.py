"""The optimiser: a language model reflects on mistakes and rewrites a prompt; unseen development records judge it.

The search is GEPA's. Candidates are asked through the pilot's own engine and journal, and each one counts as a version
that was tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.evaluation.optimiser.judgement import Judgement
    from workbench.evaluation.optimiser.optimising import Optimised, OptimiserRequest, optimise
    from workbench.evaluation.optimiser.parts import Parts, document_parts
    from workbench.evaluation.optimiser.reflection import ReflectionServer
    from workbench.evaluation.optimiser.search import Candidate
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
