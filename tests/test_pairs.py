"""Tests of pairs of versions: counts and corrections against second methods, and the price of versions not shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hand_evaluations import NO_OTHERS, hand_evaluation
from statsmodels.stats.multitest import multipletests

from workbench.agents.decisions import Decision
from workbench.evaluation import evaluate_all
from workbench.evaluation.versions.pairs import (
    detectable_differences,
    not_told_apart,
    paired_differences,
)
from workbench.evaluation.versions.tried import Tried, n_versions_tried, rightness_of, tried_versions
from workbench.metrics import Status
from workbench.pilot.pilot import Pilot
from workbench.records.splits import read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal, RunPlan
from workbench.stats import mcnemar_midp


def made(name: str, right: str):
    """Return an evaluation of records whose label is x, right where the text has a 1."""
    rows = [(f"r{i:03d}", "ok", "x" if sign == "1" else "y", 0.9, "x") for i, sign in enumerate(right)]
    return hand_evaluation(name, rows)


def drawn(names: str, n: int, seed: int):
    rng = np.random.default_rng(seed)
    return [
        made(name, "".join(map(str, (rng.random(n) < 0.5 + 0.08 * place).astype(int))))
        for place, name in enumerate(names)
    ]


def test_every_pair_has_the_counts_and_the_test_of_the_pair_alone() -> None:
    versions = drawn("abcd", 120, seed=1)
    table = paired_differences(versions, NO_OTHERS)
    assert len(table) == 6
    for row in table.to_dict("records"):
        one, two = (
            rightness_of(next(v for v in versions if v.agent == row[place]).outcomes) for place in ("first", "second")
        )
        counts = (int((one & two).sum()), int((one & ~two).sum()), int((~one & two).sum()), int((~one & ~two).sum()))
        assert (row["both_right"], row["only_first"], row["only_second"], row["neither"]) == counts
        assert row["p"] == mcnemar_midp(counts[1], counts[2])
        assert row["difference"] == pytest.approx(one.mean() - two.mean())
        assert row["lower"] < row["difference"] < row["upper"]


def test_the_correction_is_holms_over_all_pairs() -> None:
    table = paired_differences(drawn("abcd", 120, seed=2), NO_OTHERS)
    adjusted = multipletests(table["p"].astype(float), method="holm")[1]
    assert table["p_adjusted"].astype(float).tolist() == pytest.approx(adjusted.tolist())
    better = [row["first" if row["difference"] > 0 else "second"] if row["p_adjusted"] <= 0.05 else None
              for row in table.to_dict("records")]  # fmt: skip
    assert table["better"].tolist() == better


def test_versions_that_are_not_shown_are_paid_for() -> None:
    a, b, *hidden = drawn("abcdef", 150, seed=3)
    alone = paired_differences([a, b], NO_OTHERS).to_dict("records")[0]
    tried = Tried(
        {one.info.agent_digest: one.agent for one in (a, b, *hidden)},
        {one.info.agent_digest: rightness_of(one.outcomes) for one in hidden},
    )
    corrected = paired_differences([a, b], tried).to_dict("records")[0]
    whole = paired_differences([a, b, *hidden], NO_OTHERS).to_dict("records")[0]
    assert corrected == whole, "hidden or shown, the price is the same"
    assert corrected["p"] == alone["p"] == alone["p_adjusted"] <= corrected["p_adjusted"]


def test_a_version_that_cannot_be_compared_any_more_counts_as_a_test() -> None:
    a, b = made("a", "1" * 20), made("b", "1" * 12 + "0" * 8)
    gone = Tried({f"gone {i}": "gone" for i in range(8)}, {})
    (row,) = paired_differences([a, b], gone).to_dict("records")
    # 10 versions are 45 pairs; the only p-value that is not 1 is multiplied by all of them: 45 * 2 ** -8
    assert row["p_adjusted"] == pytest.approx(min(1.0, 45 * 2.0**-8))


def test_twenty_equal_versions_are_hardly_ever_told_apart() -> None:
    # the chance that any pair is told apart is at most 5%; 30 draws, so more than 5 would be a 1 in 100 accident
    versions = [made(f"v{i}", "1" * 200) for i in range(20)]
    false = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        actions = [np.where(rng.random(200) < 0.97, "x", "y") for _ in versions]
        played = [replace(v, outcomes=v.outcomes.assign(action=a)) for v, a in zip(versions, actions, strict=True)]
        false += bool(paired_differences(played, NO_OTHERS)["better"].notna().any())
    assert false <= 5


def test_agents_that_are_the_same_version_are_no_pair() -> None:
    a = made("a", "1010")
    assert paired_differences([a, a], NO_OTHERS).empty


def test_not_told_apart_names_the_others() -> None:
    a, b, c = made("a", "1" * 60), made("b", "1" * 58 + "0" * 2), made("c", "0" * 60)
    table = paired_differences([a, b, c], NO_OTHERS)
    assert not_told_apart("b", table) == ("a",)
    assert not_told_apart("c", table) == ()


def test_what_can_be_seen_shrinks_with_every_version_tried() -> None:
    table = detectable_differences(1568, 1, [0.02]).to_dict("records")[0]
    # Connor (1987): 1,568 records show 1 point at 2% discordance with a chance of 80%
    assert table["alone"] == pytest.approx(0.01, abs=1e-5)
    assert table["corrected"] == table["alone"]
    assert detectable_differences(1568, 36, [0.02])["corrected"][0] > table["alone"]
    assert detectable_differences(100, 1, [0.01])["alone"][0] is None, "one record in a hundred can never show it"


def test_the_journal_knows_versions_that_no_agent_names_any_more(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(80)
    evaluations = evaluate_all(pilot, ("majority", "baseline"), RunRequest(show_progress=False))
    dataset = read_dataset(pilot)
    plans = [
        RunPlan("old", "dev", {"python": "gone"}, dataset.digest),
        RunPlan("older", "dev", {"python": "on other records"}, "another digest"),
        RunPlan("old repeat 1", "dev", {"python": "gone", "repeat": {"number": 1, "temperature": 0.7}}, dataset.digest),
        RunPlan("on holdout", "holdout", {"python": "elsewhere"}, dataset.digest),
    ]
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        ids = list(dataset.ids(evaluations[0].split))
        for plan in plans:
            run = journal.plan(plan, zip(ids, dataset.digests(dataset.ids(evaluations[0].split)), strict=True))
            keys = journal._connection.execute("SELECT key, record_id FROM planned WHERE run = ?", (run,)).fetchall()
            journal.append([(key, Decision(name, Status.OK, action="refund", attempts=1)) for key, name in keys])
    tried = tried_versions(pilot, dataset)
    assert sorted(tried.names.values()) == ["baseline", "majority", "old", "older"]
    assert tried.n_versions == n_versions_tried(pilot) == 4
    assert sorted(tried.names[digest] for digest in tried.right) == ["baseline", "majority", "old"]
    skipped = tried_versions(pilot, dataset, {evaluation.info.agent_digest for evaluation in evaluations})
    assert [skipped.names[digest] for digest in skipped.right] == ["old"]
    assert paired_differences(evaluations, skipped).equals(paired_differences(evaluations, tried))


def test_a_pilot_that_was_never_run_has_tried_nothing(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    assert tried_versions(pilot, read_dataset(pilot)) == Tried({}, {})
    assert n_versions_tried(pilot) == 0
