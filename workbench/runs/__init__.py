"""Asked exactly once: journal, runner and the sealed holdout; traces of decisions for other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.runs.again import FEWEST_REPEATS, Again, ask_again
    from workbench.runs.request import RunRequest, check_answered, checked_limit
    from workbench.runs.spans import CONVENTIONS, TracedDecision, TraceSpan, otlp, spans_of
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
