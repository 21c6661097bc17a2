from __future__ import annotations

import hashlib
import json

import pandas as pd

from workbench.records.ledger import content_digests, decided_digest, opened_records, rows_root
from workbench.records.ledger.opened import label_digest


def table(**changes: object) -> pd.DataFrame:
    rows = {
        "record_id": ["a", "b", "c"], "status": "ok", "action": ["pay", "pay", None], "confidence": [0.5, 1.0, None],
        "latency_s": [0.1, 0.2, 0.3],
    }  # fmt: skip
    return pd.DataFrame({**rows, **changes})


def test_the_root_of_three_rows_is_the_tree_of_rfc_6962() -> None:
    # by hand: header and rows as leaves, the odd one of a level moves up
    leaves = ['["confidence", "record_id"]', '[0.5, "a"]', '[1, "b"]', '[null, "c"]']
    a, b, c, d = (hashlib.sha256(b"\x00" + leaf.encode()).digest() for leaf in leaves)
    left, right = (hashlib.sha256(b"\x01" + pair).digest() for pair in (a + b, c + d))
    assert rows_root(table()[["record_id", "confidence"]]) == hashlib.sha256(b"\x01" + left + right).hexdigest()


def test_the_order_of_rows_and_columns_does_not_matter_but_every_value_does() -> None:
    root = rows_root(table())
    assert rows_root(table().iloc[::-1, ::-1]) == root
    for name, value in (("action", "stop"), ("confidence", 0.7), ("record_id", "z"), ("latency_s", 9.0)):
        changed = table()
        changed[name] = [value, *changed[name].tolist()[1:]]
        assert rows_root(changed) != root
    assert rows_root(table().iloc[:2]) != root


def test_what_was_decided_leaves_times_out() -> None:
    same = decided_digest(table(latency_s=[5.0, 6.0, 7.0]))
    assert same == decided_digest(table())
    assert decided_digest(table(confidence=[0.5000001, 1.0, None])) == same
    assert decided_digest(table(confidence=[0.501, 1.0, None])) != same
    assert decided_digest(table(action=["pay", "stop", None])) != same


def test_content_is_the_values_whatever_columns_are_called_and_however_whole_numbers_are_typed() -> None:
    one = pd.DataFrame({"amount": [1000, 2.5], "text": ["x ", None]}, index=["r1", "r2"], dtype=object)
    other = pd.DataFrame({"words": ["x", None], "sum": [1000.0, 2.5], "empty": None}, index=["n1", "n2"], dtype=object)
    assert content_digests(one).tolist() == content_digests(other).tolist()
    assert content_digests(one)["r1"] != content_digests(one)["r2"]


def test_a_label_has_its_digest_beside_its_content() -> None:
    cells = pd.DataFrame({"text": ["x", "y"]}, index=["r1", "r2"], dtype=object)
    found = opened_records(content_digests(cells), pd.Series(["pay", "pay"], index=["r1", "r2"]))
    assert found.labels[0] != found.labels[1], "equal labels do not show"
    assert found.labels == tuple(label_digest(content, "pay") for content in found.content)
    assert json.dumps("r1") not in " ".join(found.ids)
