"""A decision as tables, for the notebooks that present it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.gates import decide, read_facts
from workbench.gates.held.contents import subject_of, told_of
from workbench.pilot import Pilot

DECISION_FILE = "decision.json"


def decision_in(pilot: Pilot, number: int, folder: Path) -> dict[str, Any]:
    """Return the decision that a folder of results holds; without one, what the evidence says by now."""
    path = folder / DECISION_FILE
    if path.is_file():
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if "answer" in content:  # one that an earlier version left has none, and is decided anew
            return content
    facts = read_facts(pilot, datetime.now(UTC).date(), told=told_of(pilot, number), number=number)
    return decide(facts, number, subject_of(pilot, facts, number)).as_json()


def criteria_table(decision: Mapping[str, Any]) -> pd.DataFrame:
    """Return `criterion`, `answer`, `why` and `what_would_change_it` of every criterion."""
    rows = [
        (one["title"], f"{one['state']}, waived" if one["waived"] else one["state"], one["reason"], one["would_change"])
        for one in decision["criteria"]
    ]
    return pd.DataFrame(rows, columns=["criterion", "answer", "why", "what_would_change_it"])


def details_table(decision: Mapping[str, Any]) -> pd.DataFrame:
    """Return `criterion` and `detail`, one row for each detail of a criterion."""
    rows = [(one["title"], detail) for one in decision["criteria"] for detail in one["details"]]
    return pd.DataFrame(rows, columns=["criterion", "detail"])


def waivers_table(decision: Mapping[str, Any]) -> pd.DataFrame:
    """Return the waivers of a gate, and what is wrong with those that do not count."""
    columns = ["criterion", "name", "role", "why", "until", "is_valid", "fault"]
    return pd.DataFrame([[one[name] for name in columns] for one in decision["waivers"]], columns=columns)


def missing_table(decision: Mapping[str, Any]) -> pd.DataFrame:
    """Return what each criterion lacks: records, days until they are there, signatures; what is not known is empty."""
    rows = [
        (one["title"], *(one["missing"][name] for name in ("records", "days", "signatures")))
        for one in decision["criteria"]
        if one["state"] != "pass" and not one["waived"]
    ]
    return pd.DataFrame(rows, columns=["criterion", "records", "days", "signatures"], dtype=object)
