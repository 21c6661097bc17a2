"""A certified threshold is computed again from the decisions, at the level that the ledger leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hand_evaluations import hand_evaluation

from workbench.evaluation.recertified import check_certification
from workbench.evaluation.recomputed import RecordedEvaluation
from workbench.evaluation.threshold import stated_bound
from workbench.metrics.certified import CertificationSettings, certify_outcomes
from workbench.pilot.charter import Charter
from workbench.records.ledger import Opening, Purpose
from workbench.words import SignatureError

KPI = {"id": "right", "metric": "selective_accuracy", "operator": ">=", "target": 0.95, "confidence_level": 0.95}
CHARTER = Charter.model_validate({"process": "Tickets.", "kpis": [KPI]})
N = 600


def table(seed: int) -> pd.DataFrame:
    """Confident decisions are right, hesitant ones often wrong."""
    confidence = np.random.default_rng(seed).uniform(size=N)
    right = np.random.default_rng(seed + 1).uniform(size=N) < 0.6 + 0.5 * confidence
    rows = [(f"r{i}", "ok", "x" if right[i] else "y", float(confidence[i]), "x") for i in range(N)]
    return hand_evaluation("A", rows).outcomes.reset_index(drop=True)


@pytest.fixture
def opening() -> Opening:
    """Give the first opening of a ledger."""
    purpose = Purpose("evaluation", "A", "a", "d", N)
    return Opening(1, "2026-11-01T00:00:00+00:00", "somebody", None, None, purpose, None, "h", share=2 / 3)


def settings(opening: Opening) -> CertificationSettings:
    assert opening.share is not None
    return CertificationSettings(0.95, 1.0 - opening.share * 0.05, 0.3)


def recorded(outcomes: pd.DataFrame, block: dict[str, Any] | None, split: str = "holdout") -> RecordedEvaluation:
    threshold = None if block is None else block["threshold"]
    content = {
        "split": split, "agent_digest": "a", "certification": block, "inputs": {"escalate_label": None},
        "threshold": None if threshold is None else {"threshold": threshold},
    }  # fmt: skip
    return RecordedEvaluation(content, outcomes)


@pytest.fixture(params=["fixed beforehand", "chosen on development records"])
def case(request: pytest.FixtureRequest, opening: Opening) -> tuple[RecordedEvaluation, tuple[RecordedEvaluation, ...]]:
    """Give a certified evaluation, and the bundle's evaluations: itself, and its development decisions if used."""
    development = table(30) if request.param.startswith("chosen") else None
    found = certify_outcomes(table(10), settings(opening), development)
    assert found.threshold is not None
    judged = recorded(table(10), found.as_json())
    others = () if development is None else (recorded(development, None, "dev"),)
    return judged, (judged, *others)


def test_what_follows_from_the_decisions_is_believed(case: Any, opening: Opening) -> None:
    judged, evaluations = case
    assert check_certification(judged, CHARTER, [opening], evaluations)
    assert check_certification(judged, CHARTER, [opening], (judged,))  # without development decisions too


def test_an_evaluation_without_one_is_said_to_have_none(opening: Opening) -> None:
    judged = recorded(table(10), None)
    assert not check_certification(judged, CHARTER, [opening], (judged,))


@pytest.mark.parametrize("with_development", [True, False])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("threshold", lambda value: value - 0.1),
        ("threshold", lambda value: 0.0),
        ("n_wrong", lambda value: value - 1),
        ("n_automated", lambda value: value + 1),
        ("automation_rate", lambda value: value + 0.05),
        ("n", lambda value: value + 1),
        ("target", lambda value: 0.9),
        ("confidence_level", lambda value: 0.95),
    ],
)
def test_what_does_not_follow_is_found(
    case: Any, opening: Opening, name: str, change: Any, with_development: bool
) -> None:
    judged, evaluations = case
    block = judged.content["certification"]
    edited = recorded(judged.outcomes, {**block, name: change(block[name])})
    others = evaluations if with_development else (edited,)
    with pytest.raises(SignatureError, match=r"certif|a level that the ledger does not leave"):
        check_certification(edited, CHARTER, [opening], others)


def test_decisions_edited_below_a_certified_threshold_are_found(case: Any, opening: Opening) -> None:
    judged, evaluations = case
    outcomes = judged.outcomes.copy()
    certain = outcomes["confidence"] >= judged.content["certification"]["threshold"]
    outcomes.loc[outcomes.index[certain][:40], "action"] = "y"
    edited = RecordedEvaluation(judged.content, outcomes)
    with pytest.raises(SignatureError, match=r"certif|a level that the ledger does not leave"):
        check_certification(edited, CHARTER, [opening], (edited, *evaluations[1:]))


def test_a_threshold_other_than_the_certified_one_is_found(case: Any, opening: Opening) -> None:
    judged, evaluations = case
    edited = RecordedEvaluation({**judged.content, "threshold": {"threshold": 0.1}}, judged.outcomes)
    with pytest.raises(SignatureError, match="certified threshold"):
        check_certification(edited, CHARTER, [opening], evaluations)


def test_a_later_opening_has_less_of_the_level(case: Any, opening: Opening) -> None:
    judged, evaluations = case
    later = replace(opening, number=2, share=2 / 9)
    with pytest.raises(SignatureError, match="a level that the ledger does not leave"):
        check_certification(judged, CHARTER, [later], evaluations)


def vendors(seed: int) -> pd.DataFrame:
    return table(seed).assign(entity=[f"v{place // 3}" for place in range(N)])


def with_bound(at_most: float | None) -> Charter:
    stated = None if at_most is None else {"entity": "vendor", "correlation_at_most": at_most}
    return Charter.model_validate({**CHARTER.model_dump(), "dependence": stated})


@pytest.mark.parametrize("at_most", [None, 0.2])
def test_a_certificate_with_clusters_is_computed_again_from_the_entities(
    at_most: float | None, opening: Opening
) -> None:
    charter = with_bound(at_most)
    asked = replace(settings(opening), entity="vendor", bound=stated_bound(charter))
    found = certify_outcomes(vendors(10), asked, vendors(30))
    judged, development = recorded(vendors(10), found.as_json()), recorded(vendors(30), None, "dev")
    assert found.clustering.bound.source.value == ("development records" if at_most is None else "stated")
    for others in ((judged, development), (judged,)):
        assert check_certification(judged, charter, [opening], others)
    for other in (None, 0.1, 0.2):
        if other != at_most:
            with pytest.raises(SignatureError, match=r"not what the charter states|certification"):
                check_certification(judged, with_bound(other), [opening], (judged,))
    block = found.as_json()
    lower = {**block, "clustering": {**block["clustering"], "correlation_at_most": 0.0}}
    with pytest.raises(SignatureError, match=r"not what the charter states|certification"):
        check_certification(recorded(vendors(10), lower), charter, [opening], (development,))
    free = {
        **block,
        "clustering": {**block["clustering"], "bound_level_share": 0.0, "bound_from": "development records"},
    }
    with pytest.raises(SignatureError, match=r"charter states|its share of the level"):
        check_certification(recorded(vendors(10), free), charter, [opening], ())
