"""Evaluations: agent versions run over a split; the holdout only by way of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.evaluation.development import development_evaluation
    from workbench.evaluation.entities import candidate_entities
    from workbench.evaluation.evaluation import Evaluation, evaluation_of, rightness
    from workbench.evaluation.holdout import (
        answer_holdout,
        judged_evaluation,
        open_answers,
        open_run,
    )
    from workbench.evaluation.judged import Judged, judged_among, judged_ids, judged_of, not_judged, opening_of
    from workbench.evaluation.kpis import kpi_results
    from workbench.evaluation.label_sets import LabelsCompared, compared_labels, development_compared
    from workbench.evaluation.looked_at import decided_alone
    from workbench.evaluation.maker import MAKER
    from workbench.evaluation.rules import rule_results
    from workbench.evaluation.running import evaluate, evaluate_all
    from workbench.evaluation.unopened import (
        BeforeOpening,
        NotOpenedError,
        before_opening,
        certificate_before_opening,
        check_worth_opening,
    )
    from workbench.evaluation.withheld import BEFORE_OPENING
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
