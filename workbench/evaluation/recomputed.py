"""Every number of an evaluation computed again from the decisions and labels inside its exhibit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.agents import RECALIBRATED
from workbench.evaluation.judged import indexed
from workbench.evidence import TOLERANCE, require_same
from workbench.metrics import (
    SELECTIVE_ACCURACY,
    Estimate,
    EvaluationSettings,
    Recalibration,
    certified_accuracy,
    evaluate_outcomes,
    recalibrated,
    threshold_for,
)
from workbench.pilot import Price
from workbench.pilot.charter import Charter
from workbench.runs.journal import digest_of
from workbench.words import SignatureError

# One run's duration is not in its decisions.
NOT_IN_DECISIONS = frozenset({"throughput_per_hour"})
HOLDOUT = "holdout"


@dataclass(frozen=True, slots=True, eq=False)
class RecordedEvaluation:
    """One evaluation of a bundle: what it says, and its decisions."""

    content: Mapping[str, Any]
    outcomes: pd.DataFrame

    @property
    def indexed(self) -> pd.DataFrame:
        """The outcomes with record ids as the index."""
        return indexed(self.outcomes)


def estimated_again(recorded: RecordedEvaluation) -> dict[str, Estimate]:
    """Compute an evaluation's counts again, and return its estimates computed again.

    Those that its decisions do not determine are as stored.

    Raises
    ------
    SignatureError
        A number is not what the decisions give, or the version is not what its digest says.
    """
    content, outcomes = recorded.content, recorded.outcomes
    where = f"{content['agent']} on {content['split']}"
    if outcomes["record_id"].duplicated().any():
        raise SignatureError("a record is decided twice", where=where)
    if digest_of(content["identity"]) != content["agent_digest"]:
        raise SignatureError("the version is not the one that its digest names", where=where)
    counts = {"planned": len(outcomes), **dict.fromkeys(("ok", "invalid", "failed", "skipped"), 0)}
    counts |= {str(status): int(n) for status, n in outcomes["status"].value_counts().items()}
    require_same(counts, content["counts"], f"counts of {where}")
    inputs = content["inputs"]
    price = None if inputs["price"] is None else Price(**inputs["price"])
    settings = EvaluationSettings(inputs["threshold"], inputs["escalate_label"], price=price)
    chosen = content["threshold"]
    require_same(settings.threshold, None if chosen is None else chosen["threshold"], f"threshold of {where}")
    found, block = dict(evaluate_outcomes(outcomes, settings)), content.get("certification")
    if block is not None:
        found["selective_accuracy"] = certified_accuracy(outcomes, block, found["selective_accuracy"], settings)
    for name in NOT_IN_DECISIONS & content["estimates"].keys():
        found[name] = Estimate(**content["estimates"][name])
    return found


def check_threshold(recorded: RecordedEvaluation, charter: Charter, development: pd.DataFrame | None) -> None:
    """Hold the threshold of an evaluation against its certificate, else against development decisions.

    Parameters
    ----------
    development : DataFrame, optional
        Outcomes of the same version on all development records; without them only a certified threshold can be held
        against anything.

    Raises
    ------
    SignatureError
        The threshold is another one.
    """
    content = recorded.content
    block, chosen = content["certification"], content["threshold"]
    where = f"threshold of {content['agent']} on {content['split']}"
    if block is not None and block["threshold"] is not None:
        require_same(block["threshold"], None if chosen is None else chosen["threshold"], where)
        return
    target = charter.target(SELECTIVE_ACCURACY)
    if target is None:
        require_same(None, chosen, where)
    elif development is not None:
        choice = threshold_for(development, target, content["inputs"]["escalate_label"])
        require_same(None if choice is None else choice.as_json(), chosen, where)


def development_of(recorded: RecordedEvaluation, others: Sequence[RecordedEvaluation]) -> pd.DataFrame | None:
    """Return the outcomes of the same version on development records, None where they are not in the bundle."""
    digest = recorded.content["agent_digest"]
    same = [one for one in others if one.content["split"] != HOLDOUT and one.content["agent_digest"] == digest]
    return same[0].indexed if same else None


def check_confidence(recorded: RecordedEvaluation, others: Sequence[RecordedEvaluation]) -> None:
    """Recalibrate an evaluation's confidences again, where its version does.

    Parameters
    ----------
    others : sequence
        All evaluations of the bundle; holdout decisions are recalibrated by the development decisions among them.

    Raises
    ------
    SignatureError
        A confidence is another one, or what it was fitted on is not there.
    """
    content, outcomes = recorded.content, recorded.indexed
    way = content["identity"].get(RECALIBRATED)
    if way is None:
        return
    where = f"confidence of {content['agent']} on {content['split']}"
    is_holdout = content["split"] == HOLDOUT
    development = development_of(recorded, others) if is_holdout else None
    if development is None and (is_holdout or "fold" not in outcomes):
        raise SignatureError("what a recalibration was fitted on is not in the bundle", where=where)
    found = recalibrated(outcomes, Recalibration(way), development)
    off = ~np.isclose(found, outcomes["confidence"], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if off.any():
        at = int(off.argmax())
        require_same(float(found[at]), float(outcomes["confidence"].iloc[at]), f"{where}, {outcomes.index[at]}")
