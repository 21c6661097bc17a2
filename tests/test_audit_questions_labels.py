"""Sample fitness, label quality and leakage, on records small enough to count by hand; holdout labels stay sealed."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audit_cases import labels_of, subject_of
from small_pilots import ALL_DEV, ALL_HOLDOUT, written_pilot

from workbench.audit.findings import Severity
from workbench.audit.questions.agreement import alpha_estimate, cohen_kappa, label_noise
from workbench.audit.questions.fitness import fitness, provable_kpis
from workbench.audit.questions.labels import label_quality
from workbench.audit.questions.leakage import label_words, leakage, order_tells
from workbench.audit.questions.suspicion import confident_errors, suspicion
from workbench.audit.questions.telling import columns_that_tell
from workbench.audit.table.alike import inputs_coincide, near_pairs, normalised, similar_texts
from workbench.audit.table.subject import Roles, pilot_subject
from workbench.pilot.charter import Charter
from workbench.records.ledger import read_ledger
from workbench.records.splits import ledger_path


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Has my top-up gone through?", "has my top up gone THROUGH"),
        ("Straße  9", "STRASSE 9"),  # case folding, as Unicode defines it
        ("\uff23ard", "card"),  # a full-width C is compatible with C
    ],
)
def test_texts_that_say_the_same_are_normalised_to_the_same(text, same):
    assert normalised(text) == normalised(same)


def test_similar_texts_are_those_that_brute_force_finds():
    rng = np.random.default_rng(5)
    words = ["card", "lost", "when", "will", "arrive", "my", "new", "top", "up", "money"]
    texts = sorted({" ".join(rng.choice(words, 5)) for _ in range(300)})

    def pieces(text: str) -> set[str]:
        return {f" {text} "[place : place + 3] for place in range(len(text))}

    expected = {
        (i, j)
        for i, j in itertools.combinations(range(len(texts)), 2)
        if len(pieces(texts[i]) & pieces(texts[j])) / len(pieces(texts[i]) | pieces(texts[j])) >= 0.7
    }
    assert {(i, j) for i, j, _ in similar_texts(texts, 0.7)} == expected
    assert len(expected) > 20


def test_near_pairs_need_the_other_columns_to_agree():
    columns = {
        "id": list("1234"),
        "kind": ["a", "a", "b", "a"],
        "text": ["where is my new card", "Where is my new card?", "where is my new card", "how do i pay"],
    }
    pairs = near_pairs(subject_of(columns, Roles(id="id", text=("text",))))
    assert pairs.to_numpy().tolist() == [[0, 1, 1.0]]


COLUMNS = {"text": {"role": "text"}, "y": {"role": "label"}}
SAME = [
    ("Has my top-up gone through?", "a"),
    ("has my top up gone through", "b"),
    ("Where is the card I ordered", "a"),
    ("How do I pay with it", "b"),
]


def test_contradictions_are_found_among_development_records(tmp_path: Path):
    subject = pilot_subject(written_pilot(tmp_path, COLUMNS, SAME, {"a": ALL_DEV, "b": ALL_DEV}))
    section = label_quality(subject, near_pairs(subject))
    [finding] = section.findings
    assert (finding.kind, finding.rows.tolist(), finding.n_records) == ("contradictory_label", [0, 1], 4)
    assert section.facts["n_lost_to_contradictions"] == 1
    assert section.estimates["label_noise"].method == "none: too few pairs to say, 1 where 30 are wanted"
    assert section.answer.endswith("the noise ceiling is not known: too few pairs to say, 1 where 30 are wanted.")


def test_holdout_labels_are_neither_shown_nor_opened(tmp_path: Path):
    pilot = written_pilot(tmp_path, COLUMNS, SAME, {"a": ALL_DEV, "b": ALL_HOLDOUT})
    subject = pilot_subject(pilot)
    assert subject.labels is not None
    assert set(subject.labels.dev) == {"a"}
    assert "y" not in subject.frame.columns
    pairs = near_pairs(subject)
    assert label_quality(subject, pairs).findings == ()
    [finding] = [one for one in leakage(subject, pairs).findings if one.kind == "leak_across_split"]
    assert (finding.rows.tolist(), finding.n_records) == ([1], 2), "the holdout record that repeats a development one"
    assert not ledger_path(pilot).is_file() or not read_ledger(ledger_path(pilot))


def test_label_noise_turns_disagreement_of_pairs_into_errors():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 4_000)
    first, second = (np.where(rng.random(4_000) < 0.05, (truth + rng.integers(1, 10, 4_000)) % 10, truth) for _ in "ab")
    noise = label_noise(int((first != second).sum()), len(truth))
    assert noise.value == pytest.approx(0.05, abs=0.01)
    assert noise.lower < 0.05 < noise.upper
    assert label_noise(0, 0).value is None


def test_the_noise_ceiling_comes_from_a_second_annotator_where_there_is_one():
    labels = labels_of(["a", "b"] * 50, {"second": ["a", "b"] * 41 + ["b", "a"] * 9})
    subject = subject_of({"x": [str(n) for n in range(100)]}, labels=labels)
    section = label_quality(subject, near_pairs(subject))
    expected = 1 - (1 - math.sqrt(1 - 2 * 0.18)) / 2
    assert section.estimates["noise_ceiling"].value == pytest.approx(expected)
    assert section.estimates["cohen_kappa: second"].value == pytest.approx(1 - 0.18 / 0.5)


def test_krippendorffs_alpha_is_that_of_his_example():
    # Krippendorff (2011), "Computing Krippendorff's alpha-reliability", section C: nominal data, any number of
    # observers, missing data: alpha = 0.743
    nan = None
    data = pd.DataFrame(
        {
            "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
            "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
            "C": [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
            "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
        },
        dtype=object,
    )
    estimate = alpha_estimate(data)
    assert estimate.value == pytest.approx(0.743, abs=5e-4)
    assert estimate.n == 11
    assert estimate.lower < 0.743 < estimate.upper


def test_agreement_without_variation_is_undefined():
    same = pd.Series(["a"] * 5)
    assert cohen_kappa(same, same) is None
    assert alpha_estimate(pd.DataFrame({"x": same, "y": same})).value is None
    assert alpha_estimate(pd.DataFrame({"x": same, "y": [None] * 5})).value is None


def test_confident_learning_follows_its_definition():
    # thresholds: mean confidence in a label over its records: a (0.9 + 0.9 + 0.2) / 3 = 0.667, b (0.8 + 0.6) / 2 = 0.7
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8], [0.4, 0.6]])
    assert confident_errors(p, np.array([0, 0, 0, 1, 1])).tolist() == [False, False, True, False, False]


def test_planted_label_errors_rank_first():
    rng = np.random.default_rng(2)
    topics = {"card": "my card is lost or stolen", "rate": "which exchange rate do you use", "pin": "i forgot the pin"}
    names = list(topics)
    truth = rng.choice(names, 300)
    texts = [f"{topics[name]} {rng.choice(['please', 'today', 'again', 'now'])} {rng.integers(1000)}" for name in truth]
    labels = pd.Series(truth, dtype=object)
    wrong = rng.choice(300, 12, replace=False)
    for row in wrong:
        labels[row] = names[(names.index(labels[row]) + 1) % 3]
    found = suspicion(pd.DataFrame({"text": texts}, dtype=object), ("text",), labels)
    assert found is not None
    assert set(found.table.index[:12]) == set(wrong)
    assert found.table["is_suspect"].sum() == 12
    assert suspicion(pd.DataFrame({"text": ["a"] * 9}), ("text",), pd.Series(["x"] * 9)) is None


def test_tables_without_text_are_read_too():
    rng = np.random.default_rng(4)
    amount = rng.normal(0, 1, 300)
    labels = pd.Series(np.where(amount > 0, "high", "low"), dtype=object)
    labels[int(np.argmax(amount))] = "low"
    frame = pd.DataFrame({"amount": amount.astype(str), "kind": rng.choice(["x", "y"], 300)}, dtype=object)
    found = suspicion(frame.assign(same="x", nothing=None), (), labels)
    assert found is not None
    assert found.table.index[0] == int(np.argmax(amount))


def test_columns_that_say_nothing_give_no_reason_for_doubt():
    found = suspicion(pd.DataFrame({"same": ["x"] * 60, "nothing": None}), (), pd.Series(["a", "b"] * 30, dtype=object))
    assert found is not None
    assert not found.table["is_suspect"].any()


def test_an_id_that_counts_up_by_label_tells_it():
    labels = labels_of(["a"] * 30 + ["b"] * 30)
    order = np.random.default_rng(1).permutation(60)
    shuffled = labels_of([labels.dev[place] for place in order])
    subject = subject_of({"id": [f"X{place}" for place in order]}, Roles(id="id"), labels=shuffled)
    table = order_tells(subject, shuffled).set_index("order")
    assert table["tells"].to_dict() == {"(order in the file)": False, "id": True}
    assert table.loc["id", "same label"] == pytest.approx(58 / 59)


def test_a_column_that_alone_tells_the_label_is_found():
    labels = labels_of(["a", "b", "c", "a"] * 20)
    columns = {"told": [f"code {label}" for label in labels.dev], "noise": ["x", "y", "z", "x", "y"] * 16}
    table = columns_that_tell(subject_of(columns).frame, Roles(), labels.dev).table.set_index("column")
    assert table["tells"].to_dict() == {"told": True, "noise": False}
    assert table.loc["told", "right by this column alone"] == 1.0


def test_a_column_that_decides_a_rare_label_is_found_among_those_that_do_not():
    rng = np.random.default_rng(7)
    rating = rng.choice([1, 2, 3, 4, 5], 500, p=[0.04, 0.04, 0.04, 0.22, 0.66])
    labels = labels_of(["0" if one <= 2 else "1" for one in rating])
    columns = {
        "rating": [str(one) for one in rating],
        "kind": list(rng.choice(list("abc"), 500)),
        # a tenth of the rare label is not told by it: it removes 90% of the errors, and decides nothing alone
        "near": ["low" if one <= 2 and place % 10 else "high" for place, one in enumerate(rating)],
    }
    table = columns_that_tell(subject_of(columns).frame, Roles(), labels.dev).table.set_index("column")
    assert table["tells"].to_dict() == {"rating": True, "near": False, "kind": False}
    assert table.loc["rating", "of its errors removed"] == 1.0
    assert table.loc["kind", "of its errors removed"] <= 0.0


def test_numbers_and_times_are_cut_and_what_is_not_looked_at_is_said():
    rng = np.random.default_rng(8)
    amount, other = rng.uniform(0, 1_000, 400), rng.uniform(0, 1_000, 400)
    labels = labels_of(["big" if one > 950 else "small" for one in amount])
    closed = np.datetime64("2025-01-01") + (amount * 24).astype("timedelta64[h]")
    columns = {
        "amount": [f"{one:.2f}" for one in amount],
        "closed": [str(one) for one in closed],
        "decided": ["by Ann 17" if one > 950 else None for one in amount],
        "other": [f"{one:.2f}" for one in other],
        "code": [f"x{place}" for place in range(400)],
        "note": ["some words"] * 400,
    }
    subject = subject_of(columns, Roles(text=("note",)), labels=labels)
    found = columns_that_tell(subject.frame, subject.roles, labels.dev)
    table = found.table.set_index("column")
    assert table["looked at by"].to_dict() == {
        "amount": "cuts", "closed": "cuts", "decided": "values", "other": "cuts",
    }  # fmt: skip
    assert table["tells"].to_dict() == {"amount": True, "closed": True, "decided": True, "other": False}
    assert found.unseen == ("'note' (free text)", "'code' (no value repeats)")
    section = leakage_of(subject)
    assert "3 of 5 columns and orders looked at tell the label alone" in section.answer
    assert (
        "Columns that were not held against the label: 'note' (free text), 'code' (no value repeats)." in section.notes
    )


def test_with_hardly_any_other_label_no_column_is_held_against_it():
    labels = labels_of(["a"] * 96 + ["b"] * 4)
    subject = subject_of({"told": [str(label) for label in labels.dev]}, labels=labels)
    found = columns_that_tell(subject.frame, subject.roles, labels.dev)
    assert found.table.empty
    assert found.unseen == ("all, as fewer than 5 development records have another label than the most frequent one",)


def leakage_of(subject):
    """Return the section on leakage with all records on the development side."""
    dev = pd.Series("dev", index=subject.frame.index)
    return leakage(replace(subject, splits=dev), near_pairs(subject))


def test_records_of_a_coarse_table_look_alike_by_chance_and_are_no_leak():
    rng = np.random.default_rng(2)
    labels = labels_of(list(rng.choice(["stays", "goes"], 300)))
    coarse = {"plan": list(rng.choice(list("ab"), 300)), "months": list(rng.choice(list("1234567"), 300))}
    subject = subject_of(coarse, labels=labels)
    assert inputs_coincide(subject, labels, near_pairs(subject))
    fine = {"amount": [f"{rng.uniform(0, 1_000):.2f}" for _ in range(150)] * 2, "plan": ["a", "b", "b"] * 100}
    twice = labels_of(["stays", "goes"] * 150)  # every case stands there twice, with the same label
    copied = subject_of(fine, labels=twice)
    assert not inputs_coincide(copied, twice, near_pairs(copied))
    chance = labels_of(["stays"] * 150 + ["goes"] * 75 + ["stays"] * 75)  # half of the twins have another label
    assert inputs_coincide(subject_of(fine, labels=chance), chance, near_pairs(copied))


def test_spellings_of_one_label_are_a_finding_and_others_are_none():
    labels = labels_of(["yes"] * 30 + ["Yes"] * 13 + ["YES"] * 4 + ["no"] * 40)
    subject = subject_of({"x": [str(n % 7) for n in range(87)]}, labels=labels)
    section = label_quality(subject, near_pairs(subject))
    [found] = [one for one in section.findings if one.kind == "label_variants"]
    assert (found.rows.tolist(), found.severity) == (list(range(30, 47)), Severity.HIGH)
    assert found.title == "2 labels are other spellings of a label: 'Yes' of 'yes', 'YES' of 'yes'"
    assert "2 labels are other spellings of one" in section.answer
    clean = labels_of(["yes"] * 40 + ["no"] * 40)
    section = label_quality(subject_of({"x": [str(n % 7) for n in range(80)]}, labels=clean), near_pairs(subject))
    assert "label_variants" not in {one.kind for one in section.findings}
    assert "spelling" not in section.answer


def test_a_ceiling_that_a_model_refutes_is_not_stated():
    # 40 pairs of identical inputs, half of which differ, among 2,000 records that one column decides
    rng = np.random.default_rng(4)
    sides = rng.integers(0, 2, 2_000)
    rows = [(f"{rng.uniform(0, 1) + side:.6f}", "goes" if side else "stays") for side in sides]
    twins = [(f"9.{n:02}", label) for n in range(40) for label in ("stays", "goes" if n % 2 else "stays")]
    labels = labels_of([label for _, label in rows + twins])
    subject = subject_of({"score": [cell for cell, _ in rows + twins]}, labels=labels)
    section = label_quality(subject, near_pairs(subject))
    assert section.estimates["noise_ceiling"].value is None
    assert "they are harder cases than the other records" in section.answer
    assert "label error" not in section.answer


def test_the_words_of_a_label_in_the_text_give_it_away():
    texts = ["please cancel transfer now"] * 12 + ["exchange rate is wrong", "no idea about the exchange rate"] * 6
    labels = labels_of(["cancel_transfer"] * 12 + ["exchange_rate", "other"] * 6)
    table = label_words(subject_of({"text": texts}, Roles(text=("text",)), labels=labels), labels).set_index("label")
    assert table.loc["cancel_transfer", ["records say it", "of them with the label", "tells"]].tolist() == [
        12,
        12,
        True,
    ]
    assert table.loc["exchange_rate", ["records say it", "of them with the label", "tells"]].tolist() == [12, 6, False]


@pytest.mark.parametrize(("n_silent", "severity"), [(2, Severity.MEDIUM), (30, Severity.LOW)])
def test_texts_about_their_label_are_no_leak_unless_nearly_all_of_them_name_it(n_silent, severity):
    texts = ["please cancel transfer now"] * 12 + [f"stop it {i} at once" for i in range(n_silent)] + ["hi there"] * 44
    labels = labels_of(["cancel_transfer"] * (12 + n_silent) + ["other"] * 44)
    subject = subject_of({"text": texts}, Roles(text=("text",)), labels=labels)
    subject = replace(subject, splits=pd.Series("dev", index=subject.frame.index))
    [found] = [one for one in leakage(subject, near_pairs(subject)).findings if one.kind == "label_in_text"]
    assert found.title == "The words of 1 label stand in the text and give it away"
    assert (found.severity, len(found.rows)) == (severity, 12 + n_silent)


def test_fitness_says_what_is_missing():
    subject = subject_of(
        {"x": ["1"] * 30}, labels=labels_of(["a"] * 25 + ["b"] * 5), classes=pd.Series(["common"] * 30)
    )
    kinds = {one.kind: one for one in fitness(subject).findings}
    assert set(kinds) == {"too_few_labelled", "thin_class", "rare_label"}
    assert kinds["rare_label"].rows.tolist() == [25, 26, 27, 28, 29]


def test_what_a_kpi_still_needs_comes_from_the_exact_test():
    charter = Charter.model_validate(
        {
            "process": "x",
            "kpis": [
                {"id": "auto", "metric": "automation_rate", "operator": ">=", "target": 0.8},
                {"id": "acc", "metric": "selective_accuracy", "operator": ">=", "target": 0.992},
            ],
        }
    )
    [row] = provable_kpis(charter, 1_000).to_dict("records")
    assert row["holdout records it counts"] == 800
    # The first opening may use two thirds of 5%, as in gate 1. By binomial sums: 424, 652, 854 and 1,042 records prove
    # it with none, one, two and three errors; at a true error of 0.4%, half of the allowed, 2,696 do in 80% of cases.
    assert row["errors that still prove it"] == "1"
    assert row["needed without an error"] == 424
    assert row["needed for 80% chance"] == 2_696
    assert row["still needed"] == math.ceil(2_696 / 0.8) - 1_000
    [row] = provable_kpis(charter, 400).to_dict("records")
    assert row["errors that still prove it"] == "not even without an error"
