"""Agents that act, held against test cases: the careful one passes, each planted fault fails the cases about it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import yaml
from acting_pilots import CLEAN, acting_pilot
from case_pilots import CHARTER, quietly, sign_suite, write_suite

from workbench.cases import MAKER
from workbench.cases.conduct import MISCONDUCT
from workbench.evidence import Exhibit
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import read_dataset

POST = 'tools.post(po_number=record["po_number"], amount=record["amount"])'
AGENTS = {
    "clean": CLEAN,
    "careful": CLEAN.replace(
        f"    {POST}\n",
        f"    try:\n        {POST}\n    except Exception:\n"
        '        return {"action": "escalate", "confidence": 0.9, "reason": "post_unsure"}\n',
    ),
    "insists": CLEAN.replace(
        f"    {POST}\n",
        "    for _ in range(2):\n        try:\n"
        f"            {POST}\n            break\n        except Exception:\n            pass\n",
    ),
    "hasty": CLEAN.replace("    order = ", f"    {POST}\n    order = ").replace(
        f"    {POST}\n    return", "    return"
    ),
    "skips": CLEAN.replace(
        '    received = tools.read_receipt(po_number=record["po_number"])[0]["received"]\n', "    received = 10\n"
    ),
    "idle": 'def decide(record, tools):\n    return {"action": "escalate", "confidence": 0.9}\n',
    "boasts": CLEAN.replace(
        f"    {POST}\n    return {{",
        '    told = [{"kind": "tool_call", "name": "post", "arguments": {"po_number": record["po_number"]}}]\n'
        '    return {"trace": told, ',
    ),
}
MUST = ["read_order", "read_receipt"]
CASES: list[dict[str, Any]] = [
    {
        "id": "posts",
        "class": "common",
        "base": "R000",
        "expect": {
            "action": "approve",
            "tools": {"must": [*MUST, "post"], "order": ["read_receipt", "post"]},
            "state": {"postings": 1},
        },
    },
    {
        "id": "short",
        "class": "edge",
        "base": "R000",
        "set": {"received": 9},
        "expect": {"action": "reject", "tools": {"must": MUST, "never": ["post"]}, "state": {"postings": 0}},
    },
    {
        "id": "too-much",
        "class": "edge",
        "base": "R000",
        "set": {"amount": 10000.01},
        "expect": {"person": True, "tools": {"never": ["post"]}, "state": {"postings": 0}},
    },
    {
        "id": "no-answer",
        "class": "error",
        "base": "R000",
        "faults": [{"tool": "post", "outcome": "timeout", "done": True}],
        "expect": {"person": True, "state": {"postings": 1}},
    },
]


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    made = acting_pilot(tmp_path_factory.mktemp("acting"), AGENTS, n=12)
    (made.suite / "charter.yaml").write_text(yaml.safe_dump(CHARTER), encoding="utf-8")
    write_suite(made, CASES)
    opened = open_pilot(made.name, made.root)
    sign_suite(opened)
    return opened


def asked(pilot: Pilot, agent: str) -> tuple[Exhibit, pd.DataFrame]:
    exhibit = MAKER.make(pilot, read_dataset(pilot), quietly(agent))
    return exhibit, exhibit.tables["cases"].set_index("case")


def failures(table: pd.DataFrame) -> dict[str, str]:
    failed = table[~table["passed"]]
    return {str(name): str(text) for name, text in failed["failures"].items()}


def test_a_careful_agent_passes_every_case_and_nothing_is_found(pilot: Pilot) -> None:
    exhibit, table = asked(pilot, "careful")
    assert failures(table) == {}
    assert exhibit.findings == ()
    found = exhibit.estimates
    # `short` and `too-much` forbid a write; all four have a trace
    assert [(found[name].value, found[name].n) for name in ("forbidden_writes", "double_writes")] == [(0, 2), (0, 4)]
    assert found["unobserved_claims"].value == 0
    assert table.loc["posts", "steps"] == "read_order ok, read_receipt ok, share_received ok, post ok"
    assert str(table.loc["no-answer", "steps"]).endswith("post timeout")


PLANTED: dict[str, tuple[set[str], set[str]]] = {
    "insists": ({"no-answer"}, {"double_write"}),
    "hasty": ({"posts", "short", "too-much", "no-answer"}, {"forbidden_write"}),
    "skips": ({"posts", "short", "no-answer"}, {"forbidden_write"}),
    "idle": ({"posts", "short", "no-answer"}, {"one_action"}),
    "boasts": ({"posts", "no-answer"}, {"unobserved_claim", "unreported_call"}),
}


@pytest.mark.parametrize("agent", PLANTED)
def test_each_planted_fault_fails_its_cases_and_is_named(pilot: Pilot, agent: str) -> None:
    cases, kinds = PLANTED[agent]
    exhibit, table = asked(pilot, agent)
    assert set(failures(table)) == cases
    assert {one.kind for one in exhibit.findings} & {*MISCONDUCT, "one_action"} == kinds


def test_what_is_wrong_is_said_in_a_few_words(pilot: Pilot) -> None:
    assert failures(asked(pilot, "skips")[1])["short"] == (
        "expected reject, got approve; read_receipt was not called; post was called; "
        "expected 0 new in postings, got 1; writes what it must not"
    )
    assert "expected 1 new in postings, got 2" in failures(asked(pilot, "insists")[1])["no-answer"]
    assert failures(asked(pilot, "idle")[1])["posts"].startswith("expected approve, got escalate; read_order was not")
    assert "post was called before read_receipt" in failures(asked(pilot, "hasty")[1])["posts"]


def test_a_fault_of_one_case_is_no_fault_of_the_same_record_in_another(pilot: Pilot) -> None:
    answers = asked(pilot, "clean")[0].tables["answers"].set_index("case")
    posts, late = answers.loc["posts"], answers.loc["no-answer"]
    assert posts["record_id"] != late["record_id"]
    assert (posts["status"], late["status"]) == ("ok", "failed"), "a clean agent does not catch the timeout"
