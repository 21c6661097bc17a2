from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hand_outcomes import hand_outcomes
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportion_confint

from workbench.metrics import declared_slices, worst_slices
from workbench.words import InputError


def drawn(n: int, seed: int, worse: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return outcomes with 3% errors, `worse` more among credit notes of one source, and fields to search."""
    generator = np.random.default_rng(seed)
    fields = pd.DataFrame(
        {
            "source": generator.choice(["sap", "mail", "portal"], n),
            "kind": generator.choice(["invoice", "credit note"], n, p=[0.8, 0.2]),
            "amount": generator.lognormal(8, 1, n),
            "country": generator.choice(["DE", "AT", None], n),
        },
        index=[f"r{number}" for number in range(n)],
    )
    chance = 0.03 + worse * ((fields["source"] == "mail") & (fields["kind"] == "credit note"))
    right = generator.random(n) >= chance
    outcomes = pd.DataFrame(
        {
            "record_id": fields.index,
            "status": "ok",
            "action": np.where(right, "a", "b"),
            "confidence": 0.9,
            "label": "a",
            "source": fields["source"],
        },
        index=fields.index,
    )
    return outcomes, fields


def test_strata_by_hand_with_fishers_p_and_bounds_that_hold_together():
    # asked: r1 to r9, wrong r2 r6 r8 r9; edge has r6 to r9
    outcomes = hand_outcomes().assign(**{"class": ["common"] * 5 + ["edge"] * 5})
    table = declared_slices(outcomes, ["class"])
    assert table["slice"].tolist() == ["class = edge", "class = common"]
    assert (table["n"].tolist(), table["wrong"].tolist()) == ([4, 5], [3, 1])
    assert table["record_ids"][0] == ("r6", "r7", "r8", "r9")
    assert table["elsewhere"].tolist() == [1 / 5, 3 / 4]
    p = fisher_exact([[3, 1], [1, 4]], alternative="greater").pvalue
    assert table["p"][0] == pytest.approx(p)
    assert table["p_adjusted"][0] == pytest.approx(2 * p)
    assert (table["lower"][0], table["upper"][0]) == pytest.approx(proportion_confint(3, 4, 0.025, method="beta"))


def test_a_missing_value_is_a_slice_and_a_single_value_has_no_elsewhere():
    outcomes = hand_outcomes().assign(entity=None)
    table = declared_slices(outcomes, ["entity"])
    assert (table["slice"].tolist(), table["elsewhere"].tolist(), table["p"].tolist()) == (
        ["entity = (empty)"],
        [None],
        [1.0],
    )


def test_the_search_finds_a_bad_pair_of_values_and_lists_its_records():
    outcomes, fields = drawn(3_000, 1, worse=0.15)
    worst = worst_slices(outcomes, fields).iloc[0]
    assert {"source = mail", "kind = credit note"} == set(worst["slice"].split(" and "))
    assert worst["p_adjusted"] < 0.001
    inside = (fields["source"] == "mail") & (fields["kind"] == "credit note")
    assert worst["record_ids"] == tuple(fields.index[inside])
    assert worst["lower"] > worst["elsewhere"]


def test_the_search_rarely_finds_anything_where_nothing_is():
    # 60 simulations without a bad slice: at most 5% may find one; three standard errors of .05 at 60 are .085
    found = 0
    for seed in range(60):
        found += worst_slices(*drawn(800, seed))["p_adjusted"].iloc[0] <= 0.05
    assert found <= 0.135 * 60


def test_which_slices_are_looked_at_does_not_depend_on_errors():
    outcomes, fields = drawn(1_000, 2)
    other = outcomes.assign(action=np.roll(outcomes["action"], 7))
    assert set(worst_slices(outcomes, fields)["slice"]) == set(worst_slices(other, fields)["slice"])


def test_small_slices_and_whole_tables_are_not_looked_at():
    outcomes, fields = drawn(200, 3)
    table = worst_slices(outcomes, fields.assign(same="x"), fewest=30)
    assert (table["n"] >= 30).all()
    assert not table["slice"].str.contains("same").any()
    assert worst_slices(outcomes, fields, fewest=201).empty


def test_the_search_is_quick_on_many_records():
    outcomes, fields = drawn(50_000, 4)
    started = time.process_time()
    worst_slices(outcomes, fields)
    assert time.process_time() - started < 10


def test_unknown_columns_and_missing_records_are_refused():
    outcomes, fields = drawn(50, 5)
    with pytest.raises(InputError, match=r"no such column(.|\n)*'clas'"):
        declared_slices(outcomes, ["clas"])
    with pytest.raises(InputError, match=r"lack records(.|\n)*10 are missing"):
        worst_slices(outcomes, fields.iloc[10:])
    with pytest.raises(InputError, match="fewest must be at least 1"):
        worst_slices(outcomes, fields, fewest=0)
