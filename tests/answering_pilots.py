"""A pilot whose agents really answer: 600 records, about half of them sealed, a signed charter, real runs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from gate_pilots import CHARTER, COLUMNS, gate
from small_pilots import written_pilot

from workbench.evaluation import Evaluation, evaluate
from workbench.evaluation.holdout import answer_holdout
from workbench.pilot.charter.signatures import sign_charter
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.pilot.signing.documents import Signer
from workbench.pilot.signing.keys import SigningKey, chosen_key, new_key
from workbench.records.splits import Split, read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE

# Every tenth invoice is disputed; an agent can tell by its number. One in fifty is hard: `good` is wrong there.
AGENTS = """
def _answer(disputed):
    action = "escalate" if disputed else "approve"
    return {"action": action, "confidence": 0.9}

def exact(record):
    return _answer(int(record["id"].lstrip("=R")) % 10 == 0)

def good(record):
    number = int(record["id"].lstrip("=R"))
    return _answer(number % 10 == 0 or number % 50 == 7)
"""
KPIS = [{"id": "right", "kpi": "right"}, {"id": "sure", "kpi": "sure"}]


def records(n: int, prefix: str = "R") -> list[list[object]]:
    """Return n records: every tenth is disputed and must be escalated; class common, edge, error in turn."""
    return [
        [
            f"{prefix}{i:04d}",
            f"V{i % 5}",
            100 + i % 7,
            ("common", "edge", "error")[i % 3],
            *(("escalate", "dispute") if i % 10 == 0 else ("approve", "match")),
        ]
        for i in range(n)
    ]


def judged_pilot(
    root: Path,
    criteria: Sequence[Mapping[str, Any]] = KPIS,
    *,
    table: Sequence[Sequence[object]] | None = None,
    charter: Mapping[str, Any] = CHARTER,
    columns: Mapping[str, Mapping[str, Any]] = COLUMNS,
    agents: str = AGENTS,
    **further: Any,
) -> Pilot:
    """Write a pilot with the agents `good` and `exact`, signed, and its keys; nothing has run."""
    chosen = records(600) if table is None else table
    pilot = written_pilot(root, columns, chosen, {"approve": 0.5, "escalate": 0.5})
    (pilot.suite / "agents.py").write_text(agents, encoding="utf-8")
    write(pilot, "charter.yaml", charter)
    write(pilot, "gates.yaml", gate(criteria, **further))
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    named = {name: {"python": f"eval_suites/small/agents.py:{name}"} for name in ("good", "exact")}
    write(pilot, "pilot.yaml", {**settings, "agents": named, "compare": list(named), "escalate_label": "escalate"})
    pilot = open_pilot("small", root)
    new_key(root / "keys" / "key.pem")
    sign(pilot)
    return pilot


def write(pilot: Pilot, file: str, content: Mapping[str, Any]) -> None:
    """Write a YAML file of the pilot's folder."""
    (pilot.suite / file).write_text(yaml.safe_dump(dict(content)), encoding="utf-8")


def sign(pilot: Pilot) -> Pilot:
    """Let everybody who must sign what the charter says now, each with a key of their own; return the pilot."""
    pilot = open_pilot(pilot.name, pilot.root)
    for person in pilot.charter.stakeholders:
        if person.signs:
            key = key_of(pilot, person.role)
            sign_charter(pilot.suite, pilot.charter, Signer(person.name, person.role), key)
    return pilot


def key_of(pilot: Pilot, role: str = "key") -> SigningKey:
    """Return the key of a role, or the one that signs evidence and openings."""
    path = pilot.root / "keys" / f"{role.replace(' ', '-')}.pem"
    if not path.is_file():
        new_key(path)
    return chosen_key(path).key


def run(pilot: Pilot, agent: str = "good", *, limit: int | None = None, development: bool = True) -> Evaluation:
    """Let an agent answer development records, then the holdout, and return the evaluation there."""
    if development:
        evaluate(pilot, agent, RunRequest(Split.DEV, show_progress=False))
    return evaluate(pilot, agent, RunRequest(Split.HOLDOUT, limit, show_progress=False, key=key_of(pilot)))


def answered_holdout(root: Path) -> None:
    """Let both agents answer the holdout of the pilot as `judged_pilot` writes it; nothing is opened."""
    pilot = judged_pilot(root)
    for agent in ("good", "exact"):
        answer_holdout(pilot, agent, RunRequest(Split.HOLDOUT, show_progress=False), read_dataset(pilot))


def with_answers(pilot: Pilot, answered: Path) -> None:
    """Put the journal of `answered_holdout` into a pilot: what it asks alike is answered already."""
    pilot.runs.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(answered / pilot.runs.relative_to(pilot.root) / JOURNAL_FILE, pilot.runs / JOURNAL_FILE)


def with_store(pilot: Pilot, migrated_store: Path) -> None:
    """Put an empty MLflow store under the pilot's root."""
    (pilot.root / "mlruns").mkdir(exist_ok=True)
    shutil.copyfile(migrated_store, pilot.root / "mlruns" / "mlflow.db")
