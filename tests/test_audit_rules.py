"""Rules hold over every row by one scan, and agree with what pandas counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audit_tables import detected, shops, with_cells

import workbench.audit.table.encoded as encoded_module
from workbench.audit.detectors.contradictions import DEPENDENCY
from workbench.audit.detectors.detection import detect
from workbench.audit.detectors.formats import FORMAT
from workbench.audit.table.rules import Rule, RuleKind, cells_of, hold
from workbench.records.tables.database import open_table, table_from

TABLE = pd.DataFrame(
    {
        "k": ["a", "b", "b", "c", None, "d"],
        "n": ["1", "2", "30", "x", None, "-5"],
        "m": ["2", "2", "2", "2", "2", None],
        "p": ["2", "4", "60", "9", None, "7"],
        "from": ["2024-01-02"] * 6,
        "to": ["2024-01-03", "2024-01-01", None, "soon", "2024-02-01", "2024-01-02"],
    }
)


def rule(kind: RuleKind, *names: str, **more: object) -> Rule:
    places = tuple(TABLE.columns.get_loc(name) for name in names)
    return Rule(kind, places, names, FORMAT, "because", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        (rule(RuleKind.NOT_NULL, "k"), [4]),
        (rule(RuleKind.IN_SET, "k", values=("a", "b")), [3, 5]),
        (rule(RuleKind.NOT_IN_SET, "k", values=("a", "it's")), [0]),
        (rule(RuleKind.MATCHES, "n", pattern="[0-9]+"), [3, 5]),
        (rule(RuleKind.BETWEEN, "n", low=0.0, high=10.0), [2, 5]),
        (rule(RuleKind.UNIQUE, "k"), [2]),
        (rule(RuleKind.PRODUCT, "n", "m", "p"), []),
        (rule(RuleKind.SUM, "n", "m", "p"), [0, 2]),
        (rule(RuleKind.ORDER, "from", "to", layout="%Y-%m-%d"), [1]),
        (rule(RuleKind.ORDER, "n", "m"), [2]),
    ],
)
def test_a_rule_is_broken_by_the_rows_that_break_it(given: Rule, rows: list[int]) -> None:
    with table_from(TABLE) as table:
        result = hold(table, [given])[0]
    assert (result.n_rows, result.n_broken, result.rows.tolist()) == (6, len(rows), rows)


def test_rules_are_held_together_as_alone_and_the_first_names_the_cell() -> None:
    rules = [rule(RuleKind.MATCHES, "n", pattern="[0-9]+"), rule(RuleKind.BETWEEN, "n", low=0.0, high=10.0)]
    with table_from(TABLE) as table:
        together = hold(table, rules)
        alone = [hold(table, [one])[0] for one in rules]
    assert [one.rows.tolist() for one in together] == [one.rows.tolist() for one in alone]
    assert cells_of(together)["row"].tolist() == [2, 3, 5]


def test_a_dependency_is_broken_by_the_few_in_a_clear_group() -> None:
    frame = pd.DataFrame({"zip": ["1"] * 9 + ["2"] * 4, "city": ["A"] * 8 + ["B"] + ["C", "C", "D", "D"]})
    given = Rule(RuleKind.DEPENDENCY, (0, 1), ("zip", "city"), DEPENDENCY, "because")
    with table_from(frame) as table:
        assert hold(table, [given])[0].rows.tolist() == [8]


def test_the_rules_of_a_table_count_what_pandas_counts() -> None:
    frame = with_cells(shops(), town=(3, None), price=(5, "abc"), amount=(9, "0.01"), sale=(11, "S-1000"))
    broken = {(one.rule.kind, one.rule.names): one.n_broken for one in detected(frame).rules}
    numbers = frame[["quantity", "price", "amount"]].apply(pd.to_numeric, errors="coerce")
    off = (numbers["quantity"] * numbers["price"] - numbers["amount"]).abs() > 0.011
    assert broken[RuleKind.NOT_NULL, ("town",)] == frame["town"].isna().sum() == 1
    assert broken[RuleKind.MATCHES, ("price",)] == numbers["price"].isna().sum() == 1
    assert broken[RuleKind.PRODUCT, ("quantity", "price", "amount")] == off.sum() == 1
    assert broken[RuleKind.UNIQUE, ("sale",)] == frame["sale"].duplicated().sum() == 1


def test_a_large_table_is_held_against_rules_inferred_from_a_sample(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(encoded_module, "EXACT_ROWS", 5_000)
    monkeypatch.setattr(encoded_module, "SAMPLE_ROWS", 2_000)
    frame = pd.concat([shops(1_000)] * 12, ignore_index=True).assign(sale=[f"S-{10_000 + i}" for i in range(12_000)])
    rng = np.random.default_rng(1)
    wrong = {column: rng.choice(12_000, 40, replace=False) for column in ("town", "price", "sold", "shop")}
    frame.loc[wrong["town"], "town"] = "Bremrn"
    frame.loc[wrong["price"], "price"] = "n.a."
    frame.loc[wrong["sold"], "sold"] = "14.3.2024"
    frame.loc[wrong["shop"], "shop"] = None
    frame.to_parquet(tmp_path / "large.parquet")
    with open_table(tmp_path / "large.parquet") as table:
        found = detect(table)
    cells = found.cells
    for column, rows in wrong.items():
        assert sorted(cells.loc[cells["column"] == column, "row"]) == sorted(rows), column
    assert [(one.name.partition(",")[0], one.is_exact) for one in found.checks] == [
        ("missing", True),
        ("text damage", True),
        ("near duplicates", False),
        ("orphans", True),
        ("which rules there are: types", False),
    ]
    assert found.checks[-1].n_rows < 12_000
