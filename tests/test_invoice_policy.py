"""The shipped pilot's policy as a function: a derivation of its own from process.yaml, held to cases made by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from invoice_cases import HAND_MADE, case

from workbench.agents.callables import PilotFunction
from workbench.cases.mutants import GONE, edited
from workbench.pilot import Process, content_of, open_pilot, read_process
from workbench.records.splits import Split, read_dataset

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "datasets" / "invoice_matching"))

from generator.facts import NoteFact  # noqa: E402
from generator.formats import Numbers, read_formats  # noqa: E402

PLANTED = Path(__file__).parent / "data" / "invoice_matching_planted.csv"
SOURCES = ("SAP_DE", "ERP_US", "EDI_HUB")
WHOLE = ("po_price_unit", "over_delivery_pct", "delivery_number", "deliveries_planned", "invoice_price_unit")
FACT_OF = {NoteFact.BANK_CHANGE: "bank_details_change", NoteFact.QUALITY_OPEN: "quality_block"}
Decide = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def process() -> dict[str, Any]:
    found = read_process(open_pilot("invoice_matching", ROOT))
    assert isinstance(found, Process)
    return content_of(found)


@pytest.fixture(scope="module")
def decide() -> Decide:
    loaded: Decide = PilotFunction(ROOT, "eval_suites/invoice_matching/policy.py:decide").load()
    return loaded


def written(changes: Mapping[str, Any], source: str, process: Mapping[str, Any]) -> dict[str, Any]:
    """A hand-made case as a record of a source; its note states its facts in the words of process.yaml."""
    one = replace(case(**changes), source=source)
    row = read_formats(process)[source].row(one, Numbers("4500000001", "1", "2" if one.related is not None else ""))
    types = dict.fromkeys(WHOLE, int) | {"fx_rate": float, "tax_rate": float}
    record = {name: None if value == "" else types.get(name, str)(value) for name, value in row.items()}
    facts = [FACT_OF.get(fact, fact.value) for fact in changes.get("note", ())]
    return {**record, "note": "; ".join(process["facts"][fact]["example"] for fact in facts) or None}


@pytest.mark.parametrize("source", SOURCES)
def test_the_policy_decides_hand_made_cases_as_written_in_every_format(
    source: str, decide: Decide, process: dict[str, Any]
) -> None:
    for changes, reason in HAND_MADE:
        assert (decide(written(changes, source, process), process)["reason"], changes) == (reason, changes)


def test_it_agrees_with_the_label_of_every_development_record_that_is_neither_damaged_nor_mislabelled(
    decide: Decide, process: dict[str, Any]
) -> None:
    dataset = read_dataset(open_pilot("invoice_matching", ROOT))
    disturbed = set(pd.read_csv(PLANTED, dtype=str)["record_id"])
    ids = dataset.ids(Split.DEV)
    clean = ids[~ids.isin(list(disturbed))]
    labels = dataset.dev_labels().loc[clean]
    rulings = [decide(record.fields, process) for record in dataset.records(clean)]
    assert len(clean) > 4_000
    assert [one["action"] for one in rulings] == labels["label"].tolist()
    assert [one["reason"] for one in rulings] == labels["label_reason"].tolist()


@pytest.mark.parametrize(
    ("column", "cell"),
    [("net_amount", "100.00.0"), ("tax_rate", None), ("invoice_unit", "Stk"), ("gross_amount", None),
     ("currency", "€"), ("invoice_terms", "N/A"), ("fx_rate", 0.0), ("po_price", "0,00"), ("plant", "Kassel")],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_is_escalated_by_no_rule(
    column: str, cell: Any, decide: Decide, process: dict[str, Any]
) -> None:
    record = written({}, "SAP_DE", process)
    assert decide(record, process)["reason"] == "three_way_match"
    damaged = decide({**record, column: cell}, process)
    assert damaged == UNREADABLE


UNREADABLE = {"action": "escalate", "reason": "unreadable", "to": None, "rule": None}


@pytest.mark.parametrize(
    ("column", "cell", "changes", "without", "reason"),
    [
        ("invoice_date", "2025-06-12", {"received_quantity": 0.0}, {}, "three_way_match"),
        ("related_gross", "N/A", {"related": 7, "related_gross": 11_900.00}, {}, "three_way_match"),
        ("invoice_terms", "N/A", {}, {"document": {"tax_rate": 7.0}}, "tax_rate_wrong"),
    ],
)
def test_a_cell_that_cannot_be_read_matters_only_where_a_rule_that_is_tried_needs_it(
    column: str,
    cell: str,
    changes: Mapping[str, Any],
    without: Mapping[str, Any],
    reason: str,
    decide: Decide,
    process: dict[str, Any],
) -> None:
    needless = written(without, "SAP_DE", process) | {column: cell}
    assert decide(needless, process)["reason"] == reason
    assert decide(written(changes, "SAP_DE", process) | {column: cell}, process) == UNREADABLE


def test_each_fact_is_stated_by_its_example_and_not_by_its_counterexample_or_when_nobody_listens(
    decide: Decide, process: dict[str, Any]
) -> None:
    changes = {
        "bank_details_change": {}, "quality_block": {}, "dispute": {},
        "delivery_signed": {"received_quantity": 0.0, "days": 31},
        "tax_id_confirmed": {"document": {"tax_id": "DE123456788"}},
        "replaces_cancelled": {"related": 7, "related_gross": 11_900.00},
        "over_delivery_agreed": {"document": {"quantity": 125_000}, "received_quantity": 2e5},
        "price_agreed": {"document": {"price": 10.60}}, "freight_agreed": {"document": {"freight": 90.0}},
    }  # fmt: skip
    assert set(changes) == set(process["facts"])
    for name, fact in process["facts"].items():
        record = written(changes[name], "EDI_HUB", process)
        silent, stated, denied = (
            decide({**record, "note": note}, process) for note in (None, fact["example"], fact["counterexample"])
        )
        deaf = edited(process, ("facts", name), GONE)
        assert stated["reason"] != silent["reason"], name
        assert denied == silent, name
        assert decide({**record, "note": fact["example"]}, deaf) == silent, name


def test_limits_order_and_decisions_come_from_the_process_that_is_handed_in(
    decide: Decide, process: dict[str, Any]
) -> None:
    dear = written({"document": {"price": 10.21}}, "ERP_US", process)
    assert decide(dear, process)["rule"] == "price_variance"
    assert decide(dear, edited(process, ("price_tolerance_pct", "fasteners"), 2.2))["action"] == "approve"
    places = {rule["id"]: place for place, rule in enumerate(process["rules"])}
    rejected = edited(process, ("rules", places["price_variance"], "decision"), "reject")
    assert decide(dear, rejected)["action"] == "reject"
    both = {**written({"document": {"currency": "USD"}}, "ERP_US", process), "vendor_status": "blocked"}
    turned = {**process, "rules": process["rules"][::-1]}
    assert [decide(both, one)["rule"] for one in (process, turned)] == ["vendor_blocked", "currency_mismatch"]


def test_a_lever_keeps_a_document_in_itself(decide: Decide, process: dict[str, Any]) -> None:
    levers = sys.modules[decide.__module__].LEVERS
    for source in SOURCES:
        record = written({"order": {"freight": 40.0}}, source, process)
        for name, (move, low, high, _) in levers.items():
            for share in (0.0, 0.3, 0.7, 1.0):
                moved = move(record, low + share * (high - low), process)
                assert decide(moved, process)["rule"] not in {"arithmetic_error", "unreadable"}, (source, name, share)
