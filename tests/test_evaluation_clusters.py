"""Errors that come by vendor, from a table to the answers: warned of undeclared, bounded when declared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.commands.scaffold import Columns, init_pilot
from workbench.evaluation import Evaluation, evaluate
from workbench.evaluation.shown.kpis import kpi_table
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split
from workbench.runs import RunRequest


def vendor_table(path: Path, correlation: float) -> Path:
    """Write 1,500 records of vendors of ten; one in ten is a "yes", and those come by vendor."""
    generator = np.random.default_rng(5)
    chance = np.full(150, 0.1)
    if correlation:
        spread = 1 / correlation - 1
        chance = generator.beta(0.1 * spread, 0.9 * spread, 150)
    labels = np.where(generator.random(1_500) < np.repeat(chance, 10), "yes", "no")
    rows = [f"r{i},vendor {i // 10:03d},batch {generator.integers(40)},{labels[i]}" for i in range(1_500)]
    path.write_text("\n".join(["id,vendor,batch,y", *rows]) + "\n", encoding="utf-8")
    return path


def judged(root: Path, correlation: float, entity: str | None) -> tuple[Pilot, Evaluation]:
    """Return the majority agent, wrong on every "yes", on the holdout of a new pilot."""
    init_pilot("vendors", vendor_table(root / "r.csv", correlation), Columns("y", id="id", entity=entity), root)
    pilot = open_pilot("vendors", root)
    for split in (Split.DEV, Split.HOLDOUT):
        evaluation = evaluate(pilot, "majority", RunRequest(split, show_progress=False))
    return pilot, evaluation


def test_errors_that_cluster_on_an_undeclared_column_are_warned_of(tmp_path: Path) -> None:
    _, evaluation = judged(tmp_path, 0.3, None)
    assert [one.column for one in evaluation.errors_cluster_on] == ["vendor"]
    assert "errors cluster on `vendor` (correlation about 0." in evaluation.threshold_note
    said = evaluation.as_json()
    assert said["errors_cluster_on"][0]["column"] == "vendor"
    assert "declare it as entity" in said["outlook"]["warns"]


def test_errors_that_do_not_cluster_are_not_warned_of(tmp_path: Path) -> None:
    _, evaluation = judged(tmp_path, 0.0, None)
    assert evaluation.errors_cluster_on == ()
    assert "errors cluster" not in evaluation.threshold_note


def test_a_declared_entity_bounds_its_errors_and_the_kpi_has_the_certificates_answer(tmp_path: Path) -> None:
    pilot, evaluation = judged(tmp_path, 0.3, "vendor")
    assert evaluation.errors_cluster_on == ()
    found = evaluation.certification
    assert found is not None
    assert (found.clustering.entity, found.clustering.n_on_both_sides) == ("vendor", 0)
    assert 0.3 < found.clustering.bound.at_most < 0.9
    assert "errors of one vendor are assumed to correlate by at most 0." in evaluation.threshold_note
    assert found.threshold is None, "one in ten is wrong, and 5% may be"
    (row,) = kpi_table(pilot, evaluation).query("metric == 'selective_accuracy'").to_dict("records")
    assert row["answer"] != "met"
    assert evaluation.as_json()["estimates"]["selective_accuracy"]["lower"] is None or (
        evaluation.estimates["selective_accuracy"].lower < found.target
    )


@pytest.mark.parametrize("entity", [None, "vendor"])
def test_every_vendor_is_on_one_side_only_where_it_is_declared(tmp_path: Path, entity: str | None) -> None:
    from workbench.records.splits import read_dataset

    init_pilot("vendors", vendor_table(tmp_path / "r.csv", 0.3), Columns("y", id="id", entity=entity), tmp_path)
    dataset = read_dataset(open_pilot("vendors", tmp_path))
    vendor = dataset.shown()["vendor"]
    assert (dataset.splits.groupby(vendor).nunique() == 1).all() == (entity is not None)
