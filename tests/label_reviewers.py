"""Scripted people who look at labels again, and the shipped records of invoice matching with their truth."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from openings import KEY, ME

from workbench.desk import AnswerKind, Desk, GivenAnswer
from workbench.evaluation import decided_alone
from workbench.pilot import Pilot, QueueName, open_pilot
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.review.labels import Handed, draw_disputed, label_group, plan_of_split
from workbench.runs import RunRequest

ROOT = Path(__file__).parent.parent
PLANTED = ROOT / "tests" / "data" / "invoice_matching_planted.csv"
BY = ME, lambda: KEY


class Clock:
    """Seconds that go on only when a test says so."""

    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def __call__(self) -> float:
        return self.at


def invoice_copy(root: Path) -> Pilot:
    """Return a copy of invoice matching whose holdout nobody has opened."""
    shutil.copytree(ROOT / "eval_suites" / "invoice_matching", root / "eval_suites" / "invoice_matching")
    data = root / "datasets" / "invoice_matching"
    shutil.copytree(
        ROOT / "datasets" / "invoice_matching", data, ignore=shutil.ignore_patterns("ledger.jsonl", "opened")
    )
    return open_pilot("invoice_matching", root)


def invoice_truth(pilot: Pilot) -> dict[str, str]:
    """Return what the policy decides on the undamaged facts of every shipped record."""
    parts = [pd.read_csv(pilot.data / name, dtype=str) for name in pilot.contract.records]
    labels = pd.concat(parts).set_index("record_id")["decision"].to_dict()
    with PLANTED.open(encoding="utf-8", newline="") as file:
        wrong = {row["record_id"]: row["clean_value"] for row in csv.DictReader(file) if row["column"] == "decision"}
    return {**labels, **wrong}


def decide_labels(desk: Desk, clock: Clock, truth: Mapping[str, str], errs: float = 0.0, seed: int = 1) -> int:
    """Let everybody decide what waits for them in the queue of labels, each for himself; return how many answers.

    Parameters
    ----------
    errs : float
        Chance that an answer is another label than the true one, drawn anew for every answer.
    """
    rng, n = np.random.default_rng(seed), 0
    waits = True
    while waits:
        waits = False
        for person in desk.settings.people:
            while (claim := desk.claim(person.id, QueueName.LABELS)) is not None:
                right = truth[claim.card.title.removeprefix("Record ")]
                others = [one for one in claim.card.actions if one != right]
                said = str(rng.choice(others)) if rng.random() < errs else right
                given = GivenAnswer(AnswerKind.DECIDE, said, "", "as the policy says")
                desk.answer(person.id, claim.item, given, claim.shown_digest)
                waits, n = True, n + 1
                if n % 100 == 0:
                    clock.at += 1.0
    clock.at += desk.settings.lease_s + 1.0
    return n


def handed_out(
    pilot: Pilot,
    dataset: Dataset,
    desk: Desk,
    agent: str,
    split: Split,
    spied: Callable[[pd.Series], None] | None = None,
) -> Handed:
    """Hand out the disputed records of one split and a sample of agreements, as the command does."""
    quiet = RunRequest(show_progress=False)
    on_dev = decided_alone(pilot, dataset, agent, quiet)
    decided = on_dev
    if split is Split.HOLDOUT:
        decided = decided_alone(pilot, dataset, agent, RunRequest(split, show_progress=False))
    if spied is not None:
        spied(decided.actions)
    plan = plan_of_split(pilot, dataset, on_dev, split, len(decided.actions))
    return draw_disputed(pilot, dataset, decided, plan, (desk, label_group(desk.settings, None), BY))


def opened_again(pilot: Pilot) -> tuple[Pilot, Dataset]:
    """Return a pilot and its records as they are now."""
    again = open_pilot(pilot.name, pilot.root)
    return again, read_dataset(again)


AGENT = """
def payer(record):
    action = "pay" if record["amount"] < 100 or record["note"] == "odd" else "refuse"
    return {"action": action, "confidence": 0.9 if record["note"] == "odd" else 0.99}
"""
N_SMALL = 600
ODD, WRONG, SHARED = 50, 40, (4, 350)


def small_truth(i: int) -> str:
    """Return what is right for a small pilot's record: to pay below 100."""
    return "pay" if _amount(i) < 100 else "refuse"


def small_label(i: int) -> str:
    """Return a record's label: every 40th is wrong; on two more, odd ones, label and agent are wrong alike."""
    right = small_truth(i)
    other = "refuse" if right == "pay" else "pay"
    return other if i % WRONG == 7 or i in SHARED else right


def small_labelled(root: Path) -> Pilot:
    """Return a pilot of 600 bills, half of them holdout, with three people and an agent that pays what is odd."""
    data, suite = root / "datasets" / "bills", root / "eval_suites" / "bills"
    data.mkdir(parents=True)
    suite.mkdir(parents=True)
    rows = "".join(f"b{i:03},{_amount(i):.3f},{_note(i)},{small_label(i)}\n" for i in range(N_SMALL))
    (data / "records.csv").write_text("bill,amount,note,right\n" + rows, encoding="utf-8")
    (data / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    (data / "splits.yaml").write_text(f"key: '{'5' * 32}'\nholdout_share: 0.5\n", encoding="utf-8")
    for name, text in (("agents.py", AGENT), ("pilot.yaml", PILOT), ("charter.yaml", CHARTER), ("review.yaml", REVIEW)):
        (suite / name).write_text(text, encoding="utf-8")
    return open_pilot("bills", root)


def bills_truth() -> dict[str, str]:
    """Return what is right for every bill."""
    return {f"b{i:03}": small_truth(i) for i in range(N_SMALL)}


def _amount(i: int) -> float:
    """Return a record's amount; no two are the same."""
    return 20 + 37 * i % 180 + i / 1_000


def _note(i: int) -> str:
    return "odd" if (i % ODD == 3 or i in SHARED) and small_truth(i) == "refuse" else "plain"


CONTRACT = """\
# What every bill has.
records: [records.csv]
columns:
  bill: {role: id, required: true}
  amount: {type: number, required: true}
  note: {required: true}
  right: {role: label, required: true, allowed: [pay, refuse]}  # what is done
"""
PILOT = """\
title: Bills
question: Which bills are paid?
agents:
  payer: {python: "eval_suites/bills/agents.py:payer"}
compare: [payer]
"""
CHARTER = """\
process: Bills below 100 are paid, others are refused.
kpis:
  - {id: alone, metric: automation_rate, operator: ">=", target: 0.8}
  - {id: right, metric: selective_accuracy, operator: ">=", target: 0.95}
costs: {minutes_per_record: 3}
"""
REVIEW = """\
people:
  - {id: anna, name: Anna, groups: [clerks]}
  - {id: ben, name: Ben, groups: [clerks]}
  - {id: cleo, name: Cleo, groups: [adjudication]}
groups:
  - {id: clerks}
  - {id: adjudication}
adjudicators: adjudication
"""
