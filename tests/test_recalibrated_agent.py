"""An agent whose confidence is recalibrated: the same answers, other confidences, judged and verified like any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from answering_pilots import KPIS, judged_pilot, key_of, run, sign, with_store, write

from workbench.agents.decisions import ConfidenceSource
from workbench.evaluation import Evaluation, evaluate
from workbench.evaluation.confidences import confidences_of
from workbench.evaluation.recomputed import RecordedEvaluation, check_confidence
from workbench.evaluation.shown.confidence import sentence
from workbench.evidence import table_csv, table_of
from workbench.evidence.tabular import kinds_of
from workbench.gates.held.hold import GateRequest, hold_gate
from workbench.gates.verified import verify_bundle
from workbench.metrics import Recalibration, calibration, compare_sources
from workbench.pilot.pilot import Pilot
from workbench.records.ledger import read_ledger
from workbench.records.splits import Split, ledger_path, read_dataset
from workbench.runs import RunRequest
from workbench.words import InputError, SignatureError

# Says .97 where it is always right and .9 where it is right on every other record of that kind.
AGENTS = """
def boasting(record):
    number = int(record["id"].lstrip("=R"))
    if number % 10 == 0:
        return {"action": "escalate", "confidence": 0.97}
    if number % 3 == 0:
        return {"action": "approve" if number % 2 else "escalate", "confidence": 0.9}
    return {"action": "approve", "confidence": 0.97}

def exact(record):
    disputed = int(record["id"].lstrip("=R")) % 10 == 0
    return {"action": "escalate" if disputed else "approve", "confidence": 0.9}
"""
DEV = RunRequest(Split.DEV, show_progress=False)


@pytest.fixture(scope="module")
def boasting(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    """A signed pilot with an agent as it is and recalibrated both ways, and one that is always right."""
    pilot = judged_pilot(tmp_path_factory.mktemp("boasting") / "root", KPIS, agents=AGENTS, notebooks=[])
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    agents = {"raw": {"python": "eval_suites/small/agents.py:boasting"}}
    agents |= {way.value: {**agents["raw"], "recalibrate": way.value} for way in Recalibration}
    agents["exact"] = {"python": "eval_suites/small/agents.py:exact", "recalibrate": "platt"}
    write(pilot, "pilot.yaml", {**settings, "agents": agents, "compare": ["raw", "isotonic"]})
    return sign(pilot)


@pytest.fixture(scope="module")
def raw(boasting: Pilot) -> Evaluation:
    return evaluate(boasting, "raw", DEV)


@pytest.fixture(scope="module")
def isotonic(boasting: Pilot, raw: Evaluation) -> Evaluation:
    assert raw.session.n_asked == len(raw.outcomes)
    return evaluate(boasting, "isotonic", DEV)


@pytest.fixture(scope="module")
def judged(boasting: Pilot, isotonic: Evaluation) -> Evaluation:
    assert isotonic.session.n_asked == 0
    return run(boasting, "isotonic", development=False)


def shares(outcomes: pd.DataFrame) -> dict[float, float]:
    """Return the share right of each confidence that was given, held off 0 and 1 by Laplace's rule, counted by hand."""
    right = (outcomes["action"] == outcomes["label"]).groupby(outcomes["stated"])
    return {float(said): (of.sum() + 1) / (len(of) + 2) for said, of in right}


def test_development_decisions_have_the_share_right_of_the_other_folds(
    boasting: Pilot, raw: Evaluation, isotonic: Evaluation
) -> None:
    folds = read_dataset(boasting).folds()
    assert raw.outcomes["confidence"].isin([0.9, 0.97]).all()
    for fold in range(5):
        others = shares(raw.outcomes[folds[raw.outcomes.index] != fold])
        assert 0.3 < others[0.9] < 0.7 < others[0.97]
        own = isotonic.outcomes[folds[isotonic.outcomes.index] == fold]
        assert own["confidence"].tolist() == pytest.approx([others[said] for said in own["stated"]])


def test_holdout_decisions_have_the_share_right_of_all_development_decisions(
    raw: Evaluation, judged: Evaluation
) -> None:
    of = shares(raw.outcomes)
    assert judged.outcomes["confidence"].tolist() == pytest.approx([of[said] for said in judged.outcomes["stated"]])
    assert "fold" not in judged.outcomes
    assert judged.remarks == (
        "Its confidence is recalibrated (Isotonic): a chance of being right, from development decisions",
    )


def test_it_is_a_version_of_its_own_with_the_same_answers(raw: Evaluation, isotonic: Evaluation) -> None:
    assert isotonic.session.n_asked == 0  # not a call
    assert isotonic.info.agent_digest != raw.info.agent_digest
    same = ["status", "action", "stated", "label"]
    pd.testing.assert_frame_equal(isotonic.outcomes[same], raw.outcomes[same])


def test_calibration_is_better_and_platt_keeps_the_order(boasting: Pilot, raw: Evaluation) -> None:
    platt = evaluate(boasting, "platt", DEV)
    calibrated, boasted = (calibration(one.outcomes)["ece"].value for one in (platt, raw))
    assert calibrated is not None
    assert boasted is not None
    assert calibrated < 0.05 < boasted
    for _, fold in platt.outcomes.groupby("fold"):
        assert fold.sort_values("stated")["confidence"].is_monotonic_increasing


def test_the_holdout_stays_sealed_without_development_decisions(boasting: Pilot, raw: Evaluation) -> None:
    before = read_ledger(ledger_path(boasting))
    holdout = RunRequest(Split.HOLDOUT, show_progress=False, key=key_of(boasting))
    part = evaluate(boasting, "exact", replace(DEV, limit=40))
    assert part.outcomes["confidence"].isna().all()  # all right: there is nothing to learn from
    assert "cannot be recalibrated" in part.remarks[0]
    with pytest.raises(InputError, match="needs a run over all development records first"):
        evaluate(boasting, "exact", holdout)
    evaluate(boasting, "exact", DEV)
    with pytest.raises(InputError, match="needs right and wrong decisions"):
        evaluate(boasting, "exact", holdout)
    assert read_ledger(ledger_path(boasting)) == before


def test_the_notebook_says_what_the_threshold_is_held_against(boasting: Pilot, judged: Evaluation) -> None:
    given = confidences_of(boasting, read_dataset(boasting), judged)
    assert given.used_way is Recalibration.ISOTONIC
    doubled = replace(given, outcomes=given.outcomes.assign(logprob=given.outcomes["stated"]))
    both = replace(doubled, sources=(ConfidenceSource.LOGPROB, ConfidenceSource.STATED), recalibrated={})
    said = sentence(both, compare_sources(both.outcomes, both.sources, ()), judged)
    assert said.endswith("The threshold is held against stated, recalibrated (Isotonic).")


def recorded(evaluation: Evaluation) -> RecordedEvaluation:
    """Return an evaluation as it is read from a bundle."""
    table = evaluation.outcomes.reset_index(drop=True)
    return RecordedEvaluation(evaluation.as_json(), table_of(table_csv(table), kinds_of(table)))


def test_confidences_of_a_bundle_are_recalibrated_again(isotonic: Evaluation, judged: Evaluation) -> None:
    both = [recorded(judged), recorded(isotonic)]
    for one in both:
        check_confidence(one, both)


def altered(one: RecordedEvaluation, **columns: Callable[[pd.DataFrame], Any]) -> RecordedEvaluation:
    return replace(one, outcomes=one.outcomes.assign(**columns))


def raised(outcomes: pd.DataFrame) -> np.ndarray:
    """Return the confidences with one of them a little higher."""
    confidence = outcomes["confidence"].to_numpy().copy()
    confidence[7] += 1e-6
    return confidence


def test_an_altered_confidence_is_found(isotonic: Evaluation, judged: Evaluation) -> None:
    holdout, development = recorded(judged), recorded(isotonic)
    for one in (holdout, development):
        with pytest.raises(SignatureError, match="does not say what its decisions give"):
            check_confidence(altered(one, confidence=raised), [holdout, development])


def test_altered_development_decisions_are_found(isotonic: Evaluation, judged: Evaluation) -> None:
    holdout, development = recorded(judged), recorded(isotonic)
    other = altered(development, label=lambda outcomes: outcomes["action"].where(outcomes.index % 7 > 0, "approve"))
    with pytest.raises(SignatureError, match="does not say what its decisions give"):
        check_confidence(holdout, [holdout, other])


def test_what_it_was_fitted_on_must_be_there(isotonic: Evaluation, judged: Evaluation) -> None:
    holdout, development = recorded(judged), recorded(isotonic)
    with pytest.raises(SignatureError, match="was fitted on is not in the bundle"):
        check_confidence(holdout, [holdout])
    without = replace(development, outcomes=development.outcomes.drop(columns="fold"))
    with pytest.raises(SignatureError, match="was fitted on is not in the bundle"):
        check_confidence(without, [without])


def test_a_gate_judges_it_and_its_evidence_verifies(
    boasting: Pilot, isotonic: Evaluation, judged: Evaluation, migrated_store: Path
) -> None:
    assert judged.certification is not None
    assert isotonic.threshold is not None
    assert judged.certification.threshold not in (None, isotonic.threshold.threshold)  # each has its own in the bundle
    with_store(boasting, migrated_store)
    held = hold_gate(boasting, 2, GateRequest(key=boasting.root / "keys" / "key.pem"))
    assert held.decision.subject["agent_digest"] == judged.info.agent_digest
    verification = verify_bundle(held.bundle, held.key.public_key)
    assert [check.detail for check in verification.checks if check.passed is False] == []
