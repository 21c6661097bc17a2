"""What reaches a person: records whose label says so, needless escalations, and labels that only look like it."""

from __future__ import annotations

import pandas as pd

from workbench import metrics
from workbench.evaluation import Evaluation
from workbench.evaluation.shown.conclusion import NO_THRESHOLD, threshold_in_use, traced
from workbench.metrics import estimate_of, estimate_text
from workbench.pages import Conclusion
from workbench.pilot import Pilot, looking_like_escalation
from workbench.words import counted


def escalation_conclusion(pilot: Pilot, evaluation: Evaluation, labels: tuple[str, ...]) -> Conclusion:
    """Return over- and missed escalation of an evaluation, and of the label that gives a record to a person.

    Parameters
    ----------
    labels : tuple of str
        All labels that a record can have.
    """
    outcomes, escalate, threshold = evaluation.outcomes, pilot.settings.escalate_label, threshold_in_use(evaluation)
    sentence = escalation_sentence(outcomes, threshold, escalate, labels)
    if threshold is None:
        return Conclusion(sentence)
    at = (outcomes, threshold, escalate)
    named = ("missed_escalation", "over_escalation")
    rows = [(name, estimate_text(name, estimate_of(name, outcomes, evaluation.settings))) for name in named]
    behind = {}
    if escalate is not None:
        number, belongs = f"labelled {escalate}, decided alone", outcomes["label"] == escalate
        behind[number] = traced(outcomes, number, metrics.is_automated(*at), metrics.is_asked(outcomes) & belongs)
    return Conclusion(sentence, pd.DataFrame(rows, columns=["measure", "found"]), behind)


def escalation_lines(pilot: Pilot, evaluation: Evaluation, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a page's answer says of it: where a label means that a person decides, or looks like it."""
    escalate = pilot.settings.escalate_label
    if escalate is None and not looking_like_escalation(labels):
        return ()
    return _lines(evaluation.outcomes, threshold_in_use(evaluation), escalate, labels)


def escalation_sentence(
    outcomes: pd.DataFrame, threshold: float | None, escalate_label: str | None, labels: tuple[str, ...]
) -> str:
    """Return in words what must reach a person and does, what does so needlessly, and what is not declared."""
    return f"{'; '.join(_lines(outcomes, threshold, escalate_label, labels))}."


def _lines(
    outcomes: pd.DataFrame, threshold: float | None, escalate_label: str | None, labels: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what must reach a person and does not, what does so needlessly, and what is not declared, one by one."""
    undeclared = _undeclared(outcomes, threshold, escalate_label, labels)
    if threshold is None:
        return (NO_THRESHOLD, *undeclared)
    at = (outcomes, threshold, escalate_label)
    asked, alone = metrics.is_asked(outcomes), metrics.is_automated(*at)
    escalated, wrong = asked & ~alone, metrics.is_wrong(outcomes)
    lines = [
        f"{_of(wrong & alone, wrong)} wrong decisions would be carried out alone",
        f"{_of(metrics.is_needless_escalation(*at), escalated)} escalations are needless",
    ]
    if escalate_label is not None:
        belongs = asked & (outcomes["label"] == escalate_label)
        lines.insert(0, f"{_of(belongs & alone, belongs)} records labelled {escalate_label!r} would be decided alone")
    return (*lines, *undeclared)


def _of(flags: pd.Series[bool], of: pd.Series[bool]) -> str:
    return counted(int(flags.sum()), int(of.sum()))


def _undeclared(
    outcomes: pd.DataFrame, threshold: float | None, escalate_label: str | None, labels: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what a label that looks like "a person decides" counts as while nobody declared one."""
    looks = looking_like_escalation(labels) if escalate_label is None else ()
    if not looks:
        return ()
    named, n = " and ".join(map(repr, looks)), 0
    if threshold is not None:
        n = int((metrics.is_automated(outcomes, threshold) & outcomes["action"].isin(looks)).sum())
    counts = f", here {n:,} times" if threshold is not None else ""
    return (
        f"no label is declared to mean that a person decides; {named} looks like it, and answering it counts as "
        f"automation{counts}: if it does mean that, write escalate_label in pilot.yaml",
    )
