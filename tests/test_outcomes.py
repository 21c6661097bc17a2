from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hand_outcomes import hand_outcomes, nothing
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.metrics import is_asked, is_automated, is_needless_escalation, is_right, is_wrong, routes
from workbench.metrics.statuses import Route
from workbench.words import InputError

LABELS = ("approve", "reject", "escalate")


def ids(outcomes: pd.DataFrame, flags: pd.Series[bool]) -> list[str]:
    return outcomes.loc[flags, "record_id"].tolist()


def test_every_record_behind_a_number_can_be_listed():
    outcomes = hand_outcomes()
    assert ids(outcomes, ~is_asked(outcomes)) == ["r10"]
    assert ids(outcomes, is_right(outcomes)) == ["r1", "r3", "r4", "r5", "r7"]
    assert ids(outcomes, is_wrong(outcomes)) == ["r2", "r6", "r8", "r9"]
    assert ids(outcomes, is_automated(outcomes, 0.9, "escalate")) == ["r1", "r2", "r3"]
    assert ids(outcomes, is_needless_escalation(outcomes, 0.9, "escalate")) == ["r4", "r6", "r7"]


def test_every_record_takes_exactly_one_route():
    assert routes(hand_outcomes(), 0.9, "escalate").tolist() == [
        "automated",
        "automated",
        "automated",
        "below_threshold",
        "escalated_by_agent",
        "escalated_by_agent",
        "no_confidence",
        "invalid",
        "failed",
        "skipped",
    ]


def test_without_an_escalation_label_every_action_can_be_automated():
    outcomes = hand_outcomes()
    assert ids(outcomes, is_automated(outcomes, 0.9)) == ["r1", "r2", "r3", "r5"]
    assert ids(outcomes, is_needless_escalation(outcomes, 0.9)) == ["r4", "r7"]


def test_a_decision_without_confidence_is_not_automated_at_any_threshold():
    outcomes = hand_outcomes()
    assert "r7" not in ids(outcomes, is_automated(outcomes, 0.0, "escalate"))


def test_flags_keep_the_index_of_the_outcomes():
    outcomes = hand_outcomes().set_index("record_id", drop=False)
    assert outcomes[is_wrong(outcomes)].index.tolist() == ["r2", "r6", "r8", "r9"]
    assert routes(outcomes, 0.9).index.tolist() == outcomes.index.tolist()


def test_an_empty_table_has_no_flags():
    assert len(is_right(nothing())) == 0
    assert len(routes(nothing(), 0.5, "escalate")) == 0


def test_a_status_column_read_as_a_categorical_counts_the_same():
    outcomes = hand_outcomes().astype({"status": "category", "action": "category", "label": "category"})
    assert is_wrong(outcomes).tolist() == is_wrong(hand_outcomes()).tolist()
    assert routes(outcomes, 0.9, "escalate").tolist() == routes(hand_outcomes(), 0.9, "escalate").tolist()


def test_an_unknown_status_is_refused():
    outcomes = hand_outcomes().replace({"status": {"failed": "lost"}})
    with pytest.raises(InputError, match=r"(?s)unknown status.*'lost'"):
        is_asked(outcomes)


def test_a_missing_label_is_refused():
    outcomes = hand_outcomes()
    outcomes.loc[3, "label"] = None
    with pytest.raises(InputError, match="without a label cannot be judged"):
        is_right(outcomes)


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="no column 'confidence'"):
        routes(hand_outcomes().drop(columns="confidence"), 0.5)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_outside_its_range_is_refused(threshold: float):
    with pytest.raises(InputError, match="threshold must lie between 0 and 1"):
        routes(hand_outcomes(), threshold)


@st.composite
def any_outcomes(draw: st.DrawFn) -> pd.DataFrame:
    """Outcomes of any mix; only an ok decision has an action, and it may have a confidence, often a tied one."""
    status = draw(st.lists(st.sampled_from(["ok", "invalid", "failed", "skipped"]), max_size=40))
    confidence = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 0.9, 1.0]), st.floats(0, 1))
    rows = [
        (
            f"r{i}",
            kind,
            draw(st.sampled_from(LABELS)) if kind == "ok" else None,
            draw(confidence) if kind == "ok" else None,
            draw(st.sampled_from(LABELS)),
        )
        for i, kind in enumerate(status)
    ]
    table = pd.DataFrame(rows, columns=["record_id", "status", "action", "confidence", "label"])
    return table.astype({"confidence": "float64"})


@given(outcomes=any_outcomes(), threshold=st.sampled_from([0.0, 0.5, 0.9, 1.0]), label=st.sampled_from([None, *LABELS]))
@settings(max_examples=150, deadline=None)
def test_automated_and_escalated_make_up_what_was_asked(outcomes: pd.DataFrame, threshold: float, label: str | None):
    route, asked = routes(outcomes, threshold, label), is_asked(outcomes)
    automated = is_automated(outcomes, threshold, label)
    escalated = asked & ~automated
    needless = is_needless_escalation(outcomes, threshold, label)
    assert int(automated.sum()) + int(escalated.sum()) == int(asked.sum())
    assert not (automated & ~asked).any()
    assert int(is_right(outcomes).sum()) + int(is_wrong(outcomes).sum()) == int(asked.sum())
    assert not (needless & ~escalated).any()
    assert set(route) <= {value.value for value in Route}
    # the definition of the brief, row by row: needless is escalated, the label is not the escalation label, and the
    # action is the label or the escalation label
    action = outcomes["action"].to_numpy(dtype=object)
    said = (action == outcomes["label"].to_numpy(dtype=object)) | ((action == label) & (label is not None))
    defined = escalated & (outcomes["label"] != label) & np.asarray(said, dtype=bool) & (outcomes["status"] == "ok")
    assert needless.tolist() == defined.tolist()
