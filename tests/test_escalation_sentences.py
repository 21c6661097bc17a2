"""Over- and missed escalation in words: what a label gives to a person, and what only looks like it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hand_evaluations import Row, hand_evaluation
from judged_pilots import judged_pilot, judged_version

from workbench.evaluation.shown.escalation import escalation_conclusion, escalation_lines, escalation_sentence

# Ten questions at a threshold of .5. Of four labelled "other" one is decided alone (r1), one is answered "other",
# one is unsure and one failed; of six others one is wrong and alone (r5), one needlessly "other" (r6), one right but
# unsure (r7).
ROWS: list[Row] = [
    ("r0", "ok", "other", 0.9, "other"),
    ("r1", "ok", "login", 0.9, "other"),
    ("r2", "ok", "login", 0.3, "other"),
    ("r3", "failed", None, None, "other"),
    ("r4", "ok", "login", 0.9, "login"),
    ("r5", "ok", "refund", 0.9, "login"),
    ("r6", "ok", "other", 0.9, "login"),
    ("r7", "ok", "login", 0.3, "login"),
    ("r8", "ok", "refund", 0.9, "refund"),
    ("r9", "ok", "refund", 0.9, "refund"),
]
LABELS = ("login", "other", "refund")
OUTCOMES = hand_evaluation("A", ROWS).outcomes


def test_records_labelled_for_a_person_are_counted_by_who_decided_them() -> None:
    assert escalation_sentence(OUTCOMES, 0.5, "other", LABELS) == (
        "1 of 4 (25.0%) records labelled 'other' would be decided alone; 2 of 5 (40.0%) wrong decisions would be "
        "carried out alone; 2 of 5 (40.0%) escalations are needless."
    )


def test_a_label_that_only_looks_like_a_person_is_said_to_count_as_automation() -> None:
    said = escalation_sentence(OUTCOMES, 0.5, None, LABELS)
    # r0 and r6 are answered "other" and carried out
    assert "no label is declared to mean that a person decides; 'other' looks like it" in said
    assert "answering it counts as automation, here 2 times" in said


def test_ordinary_labels_and_no_threshold_are_said_plainly() -> None:
    ordinary = OUTCOMES[~OUTCOMES["label"].eq("other") & ~OUTCOMES["action"].eq("other")]
    assert escalation_sentence(ordinary, 0.5, None, ("login", "refund")) == (
        "1 of 1 (100%) wrong decisions would be carried out alone; 1 of 1 (100%) escalations are needless."
    )
    assert escalation_sentence(ordinary, None, None, ("login", "refund")) == (
        "Without a threshold nothing is decided without a person."
    )


def test_the_records_behind_a_missed_escalation_can_be_listed(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    settings = pilot.settings.model_copy(update={"escalate_label": "escalate"})
    pilot = replace(pilot, settings=settings)
    found = escalation_conclusion(pilot, judged_version(), ("escalate", "pay"))
    # 20 documents must be escalated, the version pays all, 11 of them with a confidence of at least .5
    assert found.sentence.startswith("11 of 20 (55.0%) records labelled 'escalate' would be decided alone; ")
    [behind] = found.behind.values()
    assert list(behind.counted) == [f"d{i:03}" for i in range(0, 201, 20)]
    assert found.table["measure"].tolist() == ["missed_escalation", "over_escalation"]
    assert "; ".join(escalation_lines(pilot, judged_version(), ("escalate", "pay"))) == found.sentence.rstrip(".")
    without = replace(pilot, settings=settings.model_copy(update={"escalate_label": None}))
    assert escalation_lines(without, judged_version(), ("pay", "hold")) == ()
