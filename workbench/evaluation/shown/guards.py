"""Agent and guards, judged together: what each guard did, and which high-risk records were decided alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workbench import metrics
from workbench.agents import GUARDS, RECALIBRATED
from workbench.evaluation import Evaluation
from workbench.evaluation.guarding import GuardResult, guard_results, unseen, without_guards
from workbench.evaluation.shown.conclusion import threshold_in_use
from workbench.metrics import Behind
from workbench.pages import Conclusion
from workbench.words import counted, several

COLUMNS = ("guard", "stepped in", "agent alone was wrong there", "was right there (needless)", "not shown to the agent")


def guards_conclusion(evaluation: Evaluation, members: Mapping[str, pd.Series[bool]]) -> Conclusion:
    """Return what the guards of a version did, and the high-risk records decided alone with them and without.

    Parameters
    ----------
    members : mapping
        Which outcomes belong to each high-risk category.
    """
    outcomes, traces = evaluation.outcomes, evaluation.traces
    names = [str(one["name"]) for one in evaluation.identity.get(GUARDS, ())]
    results = guard_results(outcomes, traces, names)
    rows = [
        (one.guard, counted(len(one.records), one.n), one.wrong, one.right, one.unseen, one.texts) for one in results
    ]
    asked = outcomes.index[metrics.is_asked(outcomes).to_numpy()]
    behind = {}
    for one in results:
        number = f"{one.guard}: stepped in"
        behind[number] = Behind(number, outcomes.index[outcomes.index.isin(one.records)], asked)
    sentence = f"{_stepped_in(results)}; {_high_risk(evaluation, members)}."
    return Conclusion(sentence, pd.DataFrame(rows, columns=[*COLUMNS, "only texts changed"]), behind)


def _stepped_in(results: tuple[GuardResult, ...]) -> str:
    records = {record for one in results for record in one.records}
    wrong, right = sum(one.wrong for one in results), sum(one.right for one in results)
    hidden = sum(one.unseen for one in results)
    said = f"Guards stepped in on {counted(len(records), max((one.n for one in results), default=0))} decisions"
    told = [f"the agent alone was wrong on {wrong:,}", f"right on {right:,} (needless)"] if wrong + right else []
    return ", ".join([said, *told, *([f"and was not shown {hidden:,}"] if hidden else [])])


def _high_risk(evaluation: Evaluation, members: Mapping[str, pd.Series[bool]]) -> str:
    """Return how many high-risk records are decided alone with the guards, and how many the agent decides without."""
    outcomes, threshold = evaluation.outcomes, threshold_in_use(evaluation)
    if not members:
        return "no high-risk category names records"
    if threshold is None:
        return "without a threshold no record is decided alone"
    inside = np.any([flags.to_numpy() for flags in members.values()], axis=0) & metrics.is_asked(outcomes).to_numpy()
    at = (threshold, evaluation.escalate_label)
    alone = metrics.is_automated(outcomes, *at).to_numpy() & inside
    said = f"{counted(int(alone.sum()), int(inside.sum()))} high-risk records are decided alone with them"
    if RECALIBRATED in evaluation.identity:
        return (
            f"{said}; without them is not known, as the agent's own confidence is not recalibrated where they step in"
        )
    bare = metrics.is_automated(without_guards(outcomes, evaluation.traces), *at).to_numpy() & inside
    hidden = int((unseen(outcomes, evaluation.traces).to_numpy() & inside).sum())
    more = f" and perhaps {several(hidden, 'record')} that it was not shown" if hidden else ""
    return f"{said}, {int(bare.sum()):,} without{more}"
