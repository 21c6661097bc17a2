"""Iteration on versions: what a change did, what goes wrong and what to change next; development records only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.evaluation.versions.history import RecordHistory, record_history
    from workbench.evaluation.versions.masked import (
        as_shown,
        evaluation_as_shown,
        masking_of_pilot,
        stratum_as_shown,
    )
    from workbench.evaluation.versions.mistakes import flips
    from workbench.evaluation.versions.pairs import not_told_apart, paired_difference, paired_differences, seen_from
    from workbench.evaluation.versions.stored import (
        agent_to_judge,
        chosen,
        in_words,
        leading,
        stored_evaluations,
        stored_runs,
    )
    from workbench.evaluation.versions.tracing import records_behind
    from workbench.evaluation.versions.tried import Tried, tried_versions
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
