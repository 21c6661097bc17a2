"""Tests of what a page concludes: high-risk categories, costs, time, amounts, the noise ceiling."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from judged_pilots import N, certified_version, judged_pilot, judged_version

from workbench.evaluation import Evaluation
from workbench.evaluation.shown.ceiling import Ceiling, audited_ceiling, with_ceiling
from workbench.evaluation.shown.concluded import conclusions
from workbench.evaluation.shown.kpis import kpi_table
from workbench.metrics import Estimate, noise_ceiling
from workbench.pages.conclusion import Conclusion
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Dataset, Split, read_dataset

MEASURED = Estimate.proportion(380, 400)
UNKNOWN = Ceiling(Estimate.undefined("no audit"), "no audit of the records was run")


def concluded(pilot: Pilot, evaluation: Evaluation, ceiling: Ceiling = UNKNOWN) -> dict[str, Conclusion]:
    return conclusions(pilot, read_dataset(pilot), evaluation, ceiling)


def audited(
    pilot: Pilot, dataset: Dataset, noise: Estimate | None, digest: str | None = None, twice: bool = True
) -> Ceiling:
    """Write the newest audit of a pilot and return the ceiling from it, beside an accuracy of 95% (380 of 400)."""
    folder = pilot.runs / "audit"
    (folder / "run1").mkdir(parents=True, exist_ok=True)
    estimates = {} if noise is None else {"noise_ceiling": noise_ceiling(noise).as_json()}
    sections = {"labels": {"estimates": estimates, "facts": {"noise_basis": "pairs", "is_labelled_twice": twice}}}
    content = {"run": "run1", "dataset_digest": digest or dataset.digest, "findings": [], "sections": sections}
    (folder / "run1" / "findings.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "latest.json").write_text(json.dumps({"run": "run1", "path": "run1/findings.json"}), encoding="utf-8")
    return audited_ceiling(pilot, dataset.digest, MEASURED)


def test_the_noise_ceiling_comes_from_the_newest_audit_and_stands_beside_every_accuracy(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    dataset = read_dataset(pilot)
    noise = Estimate.proportion(4, 200)
    found = audited(pilot, dataset, noise)
    # 4 of 200 labels are wrong: 1 - .02, and the Wilson bounds of .02 turned round
    assert found.estimate.value == pytest.approx(0.98)
    assert found.estimate.lower == pytest.approx(1 - noise.upper)
    assert found.beside == "98.0% of 200 (95.0% to 99.2%)"
    table = kpi_table(pilot, judged_version())
    beside = with_ceiling(table, pd.Series(["selective_accuracy"]), found)["labels allow at most"].tolist()
    assert beside == [""], "records that are decided alone are chosen for being easy"
    assert with_ceiling(table, pd.Series(["accuracy"]), found)["labels allow at most"].tolist() == [found.beside]
    said = concluded(pilot, judged_version(), found)["noise_ceiling"]
    assert said.sentence.startswith("An agent without any error would be measured at 98.0%")
    assert said.sentence.endswith("(95.0% to 99.2%): so often are labels right.")
    twins = concluded(pilot, judged_version(), audited(pilot, dataset, noise, twice=False))["noise_ceiling"].sentence
    assert twins.startswith("On identical inputs no agent could be measured above 98.0% of 200 (95.0% to 99.2%)")
    assert twins.endswith("or by chance where the label is an outcome; other records may be easier.")


def test_a_ceiling_below_what_was_measured_is_not_stated(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    dataset = read_dataset(pilot)
    # 20 of 60 labels wrong: a ceiling of 66.7%; 380 of 400 decisions are right, at least 92.4% by Wilson
    found = audited(pilot, dataset, Estimate.proportion(20, 60), twice=False)
    assert found.estimate.value is None
    assert found.beside == "not known"
    said = concluded(pilot, judged_version(), found)["noise_ceiling"].sentence
    assert "60 pairs of labels give 66.7%, and an accuracy of at least 92.4% was measured" in said
    assert "cannot be proved" not in said


def test_too_few_pairs_are_said_to_be_too_few_everywhere(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    found = audited(pilot, read_dataset(pilot), Estimate.proportion(1, 16))
    assert found.beside == "too few pairs to say"
    assert (
        "too few pairs to say, 16 where 30 are wanted"
        in concluded(pilot, judged_version(), found)["noise_ceiling"].sentence
    )


@pytest.mark.parametrize(
    ("k", "n", "words"),
    [
        (12, 200, "So 98.0% on all records cannot be proved with these labels, whoever decides."),
        (2, 50, "Whether 98.0% can be proved with these labels cannot be told from so few of them."),
    ],
)
def test_the_ceiling_is_held_against_the_charters_accuracy(tmp_path: Path, k: int, n: int, words: str) -> None:
    pilot = judged_pilot(tmp_path, kpis=[{"id": "right", "metric": "accuracy", "operator": ">=", "target": 0.98}])
    found = audited(pilot, read_dataset(pilot), Estimate.proportion(k, n))
    assert concluded(pilot, judged_version(), found)["noise_ceiling"].sentence.endswith(words)


def test_an_unknown_ceiling_says_why_in_one_sentence(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    dataset = read_dataset(pilot)
    never = audited_ceiling(pilot, dataset.digest, MEASURED)
    assert never.why_not == "the records were not audited yet; run workbench audit small"
    assert "the newest audit was of other records" in audited(pilot, dataset, None, "other").why_not
    found = audited(pilot, dataset, Estimate.undefined("no case has two labels"))
    assert found.beside == "not known"
    said = concluded(pilot, judged_version(), found)["noise_ceiling"]
    assert said.table.empty
    assert said.sentence.count(".") == 1
    assert "labelled by a second person" in said.sentence


def test_each_high_risk_category_has_its_accuracy_missed_and_needless_escalations(tmp_path: Path) -> None:
    found = concluded(judged_pilot(tmp_path), judged_version(frozenset({0, 1})))["high_risk"]
    # 20 documents of blocked vendors, all wrong; those up to confidence .5, d000 to d200, are 11, and d000 failed
    assert found.sentence == (
        "Of the high-risk records 0 of 20 (0%) are decided right; 10 would be decided without a person, "
        "10 of them wrongly."
    )
    (row,) = found.table.to_dict("records")
    assert (row["category"], row["records"]) == ("blocked", 20)
    assert row["right"].startswith("0% of 20 (0% to ")
    assert row["wrong and decided alone, of the wrong"].startswith("50.0% of 20 (")
    missed = found.behind["blocked: wrong and decided alone"]
    assert list(missed.counted) == [f"d{i:03}" for i in range(20, 220, 20)]
    assert len(missed.of) == 20
    assert len(found.behind["blocked: escalated needlessly"].of) == 10
    without = concluded(judged_pilot(tmp_path / "b"), judged_version(threshold=None))["high_risk"]
    assert without.sentence.endswith("without a threshold a person sees all of them.")


def test_a_high_risk_category_that_is_always_wrong_is_not_certified(tmp_path: Path) -> None:
    found = concluded(judged_pilot(tmp_path), certified_version())["high_risk_proofs"]
    assert found.sentence.startswith(
        "In no high-risk category deciding alone is proved to be right to 90.0%, at 95.00%"
    )
    (row,) = found.table.to_dict("records")
    assert (row["decisions"], row["certified threshold"]) == (20, "none")
    assert "more records would not help" in row["what is missing"]


def test_a_category_that_is_right_is_certified_and_lists_its_records(tmp_path: Path) -> None:
    rule = {"id": "active", "description": "vendor is active", "when": {"column": "status", "values": ["active"]}}
    found = concluded(judged_pilot(tmp_path, high_risk=[rule]), certified_version())["high_risk_proofs"]
    assert found.sentence.startswith("Deciding alone in active is proved to be right to 90.0%")
    behind = found.behind["active: decided alone above its own threshold"]
    assert found.table["decided alone above it"].tolist() == [
        f"{len(behind.counted)} of 380 ({len(behind.counted) / 3.8:.1f}%)".replace("100.0%", "100%")
    ]
    assert len(behind.of) == 380


def test_time_saved_is_that_of_the_records_decided_alone(tmp_path: Path) -> None:
    found = concluded(judged_pilot(tmp_path), judged_version())["minutes"]
    # 201 of 400 have a confidence of .5 or more; 6 minutes each in 1,000 records are 50.25 h, in 12 * 365 / 12 18.3 h
    assert found.sentence == (
        "50.2 h of a person's time are saved in 1,000 records, 18.3 h a month at 12 records a day: 201 of 400 (50.2%) "
        "are decided alone, at a threshold that is not certified."
    )
    assert found.table["in"].tolist() == ["1,000 records", "365 records (a month)"]
    assert len(found.behind["time saved"].counted) == 201


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ({"costs": {"source": ""}}, "fill in costs.minutes_per_record in charter.yaml"),
        ({"costs": {}, "volume": {}}, "fill in costs.minutes_per_record and volume.records_per_day in charter.yaml"),
        ({"volume": {}}, "for a month fill in volume.records_per_day in charter.yaml"),
    ],
)
def test_what_the_charter_lacks_for_time_saved_is_named(tmp_path: Path, lacking: dict[str, Any], words: str) -> None:
    assert words in concluded(judged_pilot(tmp_path, **lacking), judged_version())["minutes"].sentence


def test_costs_name_the_cheapest_certified_choice_with_its_interval(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    found = concluded(pilot, certified_version())["costs"]
    table = found.table.set_index("choice")
    assert table.loc["everything to people", ["decided alone", "cost of a record"]].tolist() == [
        "0 of 400 (0%)",
        "5 EUR",
    ]
    best = table.loc["cheapest certified"]
    alone, wrong = int(best["decided alone"].split()[0]), best["wrong among them"]
    # every automated error costs 20, everything else 5
    assert float(best["cost of a record"].split()[0]) == pytest.approx((20 * wrong + 5 * (N - alone)) / N, rel=5e-3)
    assert wrong == len(found.behind["cheapest certified: wrong"].counted)
    assert alone == len(found.behind["cheapest certified: wrong"].of) > 0
    assert best["records"] == N
    lower, _, upper, unit = best["interval"].split()
    assert float(lower) < float(best["cost of a record"].split()[0]) < float(upper)
    assert unit == "EUR"
    assert found.sentence.startswith("The cheapest choice that is proved costs ")
    nothing = concluded(pilot, judged_version())["costs"]
    assert "with all handed to people, 4 EUR without any agent" in nothing.sentence


def test_costs_that_the_charter_lacks_are_named(tmp_path: Path) -> None:
    found = concluded(judged_pilot(tmp_path, costs={"error": 3}), judged_version())["costs"]
    assert (found.sentence, found.table.empty) == (
        "What a record costs cannot be said: fill in costs.escalation in charter.yaml.", True,
    )  # fmt: skip


def test_money_decided_alone_is_certified_up_to_the_limit_of_authority(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    found = concluded(pilot, certified_version(target=0.8))["amounts"]
    assert found.sentence.startswith(
        "It is proved that 80.0% of the money is decided right, at 95.00% confidence: above"
    )
    table = found.table.set_index("threshold")
    behind = found.behind["certified by amount: wrong"]
    # documents above 1,000 EUR are in no count, whatever their confidence
    assert not [one for one in behind.of if int(one[1:]) % 50 == 49]
    money = sum(10 * (int(one[1:]) % 10 + 1) for one in behind.of)
    wrong = sum(10 * (int(one[1:]) % 10 + 1) for one in behind.counted)
    assert table.loc["certified by amount", "money in them"].startswith(f"{money:,} EUR of ")
    assert table.loc["certified by amount", "of that decided wrongly"].startswith(f"{wrong:,} EUR, ")


def test_without_an_amount_column_one_sentence_says_what_to_name(tmp_path: Path) -> None:
    limit = {"id": "amount", "description": "amount", "at_most": 1_000, "unit": "EUR"}
    found = concluded(judged_pilot(tmp_path, authority=[limit]), certified_version())["amounts"]
    assert "names a numeric column of the contract that holds the amount" in found.sentence
    assert found.table.empty


def test_without_a_kpi_nothing_is_certified(tmp_path: Path) -> None:
    pilot = judged_pilot(tmp_path)
    evaluation = replace(judged_version(), certification=None)
    found = concluded(pilot, evaluation)
    assert found["high_risk_proofs"].sentence == "Nothing is certified without a KPI on selective_accuracy."
    assert found["amounts"].sentence == "Nothing is certified without a KPI on selective_accuracy."
    on_dev = concluded(pilot, replace(evaluation, split=Split.DEV))
    assert on_dev["amounts"].sentence == "Nothing is certified on development records; evaluate on the holdout."
    named = concluded(judged_pilot(tmp_path / "b", high_risk=[]), certified_version())
    assert named["high_risk"].sentence.startswith("The charter names no high-risk category")
