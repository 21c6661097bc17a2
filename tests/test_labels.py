"""Labels as text: spellings of one label, and labels that mean that a person decides."""

from __future__ import annotations

import pytest

from workbench.pilot.labels import label_aliases, label_text, looking_like_escalation


@pytest.mark.parametrize("cell", ["é", "e\u0301", " é\n"])
def test_a_label_is_compared_in_one_form_and_without_white_space_around_it(cell: str) -> None:
    assert label_text(cell) == "é"


def test_spellings_mean_the_most_frequent_one() -> None:
    counts = {"yes": 43, "Yes": 13, "YES": 11, "no": 29, "NO": 14, "in  progress": 2, "In Progress": 5}
    assert label_aliases(counts) == {"Yes": "yes", "YES": "yes", "NO": "no", "in  progress": "In Progress"}


@pytest.mark.parametrize("labels", [("yes", "no"), ("card_lost", "card lost"), ("1", "1.0"), ("a", "á"), ("in", "inn")])
def test_labels_that_differ_by_more_than_case_and_spaces_are_two(labels: tuple[str, ...]) -> None:
    assert label_aliases(dict.fromkeys(labels, 5)) == {}


@pytest.mark.parametrize(
    "label",
    [
        "out_of_scope", "Out of scope", "OOS", "other", "Others", "unknown", "none", "None of the above", "reject",
        "escalate", "escalate_to_manager", "Human", "human review", "manual", "Manual check", "forward_to_a_person",
        "Sonstiges", "unbekannt", "eskalieren", "Autre", "inconnu", "otros", "escalar", "altro", "nessuno", "outros",
        "onbekend", "其他", "转人工", "その他", "不明",
    ],
)  # fmt: skip
def test_labels_that_mean_a_person_are_asked_for(label: str) -> None:
    assert looking_like_escalation(["refund", label, "card lost"]) == (label,)


@pytest.mark.parametrize(
    "labels",
    [
        ("approve", "reject"),
        ("reject", "pay", "request_credit"),
        ("manual", "automatic"),
        ("human", "machine"),
        ("yes", "no"),
        ("0", "1"),
        ("positive", "neutral", "negative"),
        ("other_card_issue", "card_lost", "unknown_charge_on_statement"),
        ("human_resources", "manual_transmission", "nonetheless", "de-escalation"),
        ("login", "refund", "shipping"),
        ("rejected_transfer", "mother", "brother"),
        ("approve_with_deduction", "hold", "stop"),
        ("spam", "ham"),
        ("low", "medium", "high"),
    ],
)
def test_ordinary_labels_are_not_asked_about(labels: tuple[str, ...]) -> None:
    assert looking_like_escalation(labels) == ()
