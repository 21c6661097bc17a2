"""Evaluations: agent versions run over a split; the holdout only by way of the ledger."""

from workbench.evaluation.evaluation import Evaluation, evaluation_of, rightness
from workbench.evaluation.holdout import (
    answer_holdout,
    development_evaluation,
    judged_evaluation,
    open_answers,
    open_run,
)
from workbench.evaluation.running import check, evaluate, evaluate_all
from workbench.runs.request import RunRequest

__all__ = [
    "Evaluation",
    "RunRequest",
    "answer_holdout",
    "check",
    "development_evaluation",
    "evaluate",
    "evaluate_all",
    "evaluation_of",
    "judged_evaluation",
    "open_answers",
    "open_run",
    "rightness",
]
